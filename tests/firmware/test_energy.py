"""The estimate of energy: arithmetic that can be done by hand, and what it refuses."""

from __future__ import annotations

import re

import pytest

from firmware_sim import BOARDS
from firmware_sim.bench import PARTS
from firmware_sim.board_spec import spec_of
from firmware_sim.energy import DAY, SHARES, energy, energy_text

SHEET = spec_of("nucleo_f401re").power
WINDOW = dict.fromkeys([*PARTS, "learning"], 1e5)


def test_every_part_of_the_firmware_has_one_share() -> None:
    shared = [part for parts in SHARES.values() for part in parts]
    assert sorted(shared) == sorted([*PARTS, "learning"])


def test_data_sheets_are_of_boards_and_named() -> None:
    for board in BOARDS:
        assert re.search(r"DS10086|Product Specification", spec_of(board).power.source)


def test_it_is_charge_times_voltage() -> None:
    found = energy(WINDOW, 1.28, SHEET)
    instructions = sum(WINDOW.values())
    running = instructions * 146e-12 * 3.3 * 1e6
    sleeping = (1.28 - instructions / 84e6) * 42e-6 * 3.3 * 1e6
    assert found["uj_per_window"] == pytest.approx(running + sleeping)
    assert sum(found["uj_by_share"].values()) == pytest.approx(found["uj_per_window"])
    assert found["mj_per_day"] == pytest.approx(found["uj_per_window"] * DAY / 1.28 / 1000)
    assert found["mah_per_day"] == pytest.approx(found["mj_per_day"] / 1000 / 3.3 / 3.6)
    assert found["uj_by_share"]["learner"] == pytest.approx(1e5 * 146e-12 * 3.3 * 1e6)
    assert "battery_days" not in found and "Stop mode" in found["assumes"]


def test_a_pessimist_runs_twice_as_long() -> None:
    one, two = (energy(WINDOW, 1.28, SHEET, cycles=cycles) for cycles in (1, 2))
    assert two["busy"] == pytest.approx(2 * one["busy"])
    assert two["uj_by_share"]["extractor"] == pytest.approx(2 * one["uj_by_share"]["extractor"])
    assert two["uj_by_share"]["sleep"] < one["uj_by_share"]["sleep"]


def test_a_battery_lasts_as_long_as_its_charge() -> None:
    found = energy({}, 1.0, SHEET, battery_mah=100, sleep_ua=1000)
    assert found["mah_per_day"] == pytest.approx(24) and found["battery_days"] == pytest.approx(100 / 24)
    assert "lasts 4 days" in energy_text(found)[-1] and "24.00% of it" in energy_text(found)[-1]
    assert energy({}, 1.0, SHEET, sleep_ua=0)["uj_per_window"] == 0


@pytest.mark.parametrize(
    ("by_part", "changes", "said"),
    [
        (WINDOW, {"battery_mah": 0.0}, "`battery_mah` is 0"),
        (WINDOW, {"sleep_ua": -1.0}, "`sleep_ua` is -1"),
        (WINDOW, {"cycles": float("nan")}, "`cycles` is nan"),
        ({"convolution": 2e8}, {}, "take 2.38 s, but the next window comes in 1 s"),
        ({"radio": 5.0}, {}, "no share has the parts radio"),
    ],
)
def test_what_cannot_be_is_refused(by_part: dict[str, float], changes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        energy(by_part, 1.0, SHEET, **changes)  # type: ignore[arg-type]
