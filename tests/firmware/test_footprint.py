"""What the firmware costs. Only counts are compared, and counts are the same in every run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from firmware_sim import BOARDS, build
from firmware_sim.bench import PARTS, Bench, by_part, file_of_functions, macs_of, part_of
from firmware_sim.board_spec import FIRMWARE, LOGS, MARKS, SLOTS, spec_of
from firmware_sim.energy import energy
from firmware_sim.footprint import LIMITS, as_text, footprint
from odl.cli.firmware import played_session
from odl.core.config import Config
from odl.core.events import Gap, Input, Samples
from odl.core.image import ROOT, Image
from odl.core.state import Entry, log_dtype
from tests.helpers.firmware import need
from tests.helpers.images import random_image

SPEC = spec_of("nucleo_f401re")
FOLDERS = (build.SHARED, *BOARDS.values(), build.CORE, build.BARE)
TREE = random_image(3, tree=True)
COUNTS = (
    "ram_bytes", "flash_bytes", "code_bytes", "image_bytes", "stack_bytes", "macs", "instructions_per_mac",
    "instructions_per_sample", "instructions_per_window", "instructions_per_window_without_learning",
    "instructions_per_window_by_part", "instructions_per_learning_step", "instructions_per_refit",
    "worst_refit", "longest_hop", "full_log", "full_log_at_most", "streaming_saves", "ram_map", "sector_map",
    "compiler", "flags",
)  # fmt: skip
ESTIMATES = (
    "ms_per_sample", "ms_per_window", "ms_per_refit", "ms_per_refit_worst", "uj_per_window", "uj_per_refit",
    "uj_per_refit_worst", "longest_hop_pessimistic", "estimate", "times_real_time",
)  # fmt: skip


@pytest.fixture(scope="module")
def shipped(image: Image) -> dict[str, Any]:
    """The shipped model's figures, by the usual compiler."""
    need("unicorn")
    return footprint(image, played_session(image))


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """Those of a small random tree, on noise."""
    return footprint(TREE)


def test_the_shipped_model_keeps_its_limits(shipped: dict[str, Any]) -> None:
    assert shipped["missed"] == []
    assert shipped["ram_bytes"] <= 40 * 1024
    assert shipped["code_bytes"] <= 32 * 1024
    assert shipped["instructions_per_mac"] <= 2.3
    assert shipped["longest_hop"] <= 0.9


def test_it_is_json_and_says_all_that_it_should(shipped: dict[str, Any]) -> None:
    assert set(COUNTS) | set(ESTIMATES) <= set(shipped)
    assert json.loads(json.dumps(shipped)) == shipped
    assert "-Os" in shipped["flags"] and "cortex" in shipped["flags"] and "/" not in shipped["flags"]
    assert "not measurements" in shipped["estimate"] and "146 uA/MHz" in shipped["estimate"]


def test_memory_adds_up(shipped: dict[str, Any], image: Image) -> None:
    assert sum(row["bytes"] for row in shipped["ram_map"]) == shipped["ram_bytes"]
    assert all(row["bytes"] > 0 for row in shipped["ram_map"])
    uses = {row["name"]: row["bytes"] for row in shipped["ram_map"]}
    (weights,) = (size for name, size in uses.items() if name.startswith("head weights"))
    assert weights == uses["the same of a refit that goes on"] == 4 * image.max_rows * (image.features + 1)
    assert uses["order of a refit's items"] == 2 * image.max_items
    assert 0 < shipped["stack_bytes"] < build.STACK


@pytest.mark.parametrize("board", BOARDS)
def test_places_in_flash_are_those_of_the_linker_script(board: str) -> None:
    spec = spec_of(board)
    assert sum(n for _, n in spec.uses) == len(spec.units)
    assert sum(spec.units) == spec.memory.flash_size
    script = (BOARDS[board] / "link.ld").read_text(encoding="ascii")
    ram = spec.memory.ram_base, spec.memory.ram_size
    for region, place in (
        ("FIRMWARE", spec.places[FIRMWARE]), ("IMAGE", spec.places[SLOTS[0]]), ("RAM", ram),
    ):  # fmt: skip
        found = re.search(rf"{region} \(\w+\) : ORIGIN = (\w+), LENGTH = (\d+)K", script)
        assert found and place == (int(found[1], 16), int(found[2]) * 1024)
    assert all(spec.places[use][1] >= spec.log_bank for use in LOGS)
    assert dict(spec.uses)[MARKS] == 1  # what is erased at once


def test_the_flash_map_adds_up(shipped: dict[str, Any]) -> None:
    used = {row["use"]: row["used"] for row in shipped["sector_map"]}
    assert used[FIRMWARE] == shipped["code_bytes"] and used[SLOTS[0]] == shipped["image_bytes"]
    assert shipped["flash_bytes"] == SPEC.memory.flash_size  # the Nucleo's has a use for each sector
    assert [row["units"] for row in shipped["sector_map"]] == [[0, 2], *([n, n] for n in range(3, 8))]


def test_parts_of_a_window_add_up(shipped: dict[str, Any]) -> None:
    parts = shipped["instructions_per_window_by_part"]
    assert set(parts) == {*PARTS, "learning"}
    assert sum(parts.values()) == pytest.approx(shipped["instructions_per_window"])
    without = shipped["instructions_per_window_without_learning"]
    assert without + parts["learning"] == pytest.approx(shipped["instructions_per_window"])
    per_window = shipped["macs"] / shipped["windows"]
    assert parts["convolution"] == pytest.approx(shipped["instructions_per_mac"] * per_window)
    assert parts["learning"] * shipped["windows"] == pytest.approx(
        shipped["instructions_per_refit"] * shipped["refits"]
    )
    assert max(parts, key=parts.__getitem__) == "learning"  # twenty answers in nine minutes
    # Nothing of a refit is counted elsewhere: what is left of the rest is the board's main loop.
    assert parts["board"] < 0.02 * parts["convolution"]


def test_the_energy_is_of_the_parts_that_were_counted(shipped: dict[str, Any], image: Image) -> None:
    found, parts = shipped["energy"], shipped["instructions_per_window_by_part"]
    assert found == energy(parts, image.hop / image.rate_hz, SPEC.power)
    assert max(found["uj_by_share"], key=found["uj_by_share"].__getitem__) == "learner"
    assert "energy, estimated" in as_text(shipped) and "DS10086" in as_text(shipped)


def test_streaming_saves_what_the_multiplications_say(shipped: dict[str, Any], image: Image) -> None:
    saves = shipped["streaming_saves"]
    for hop, found in saves.items():
        streamed = macs_of(image, 9 * image.window + 64 * int(hop)) - macs_of(image, 9 * image.window)
        wanted = 1 - streamed / 64 / image.macs
        assert found["saved_convolution"] == pytest.approx(wanted, abs=0.005)
        assert found["saved"] == pytest.approx(wanted, abs=0.02)
    assert saves["16"]["saved"] > 0.8 and saves["64"]["saved"] > 0.4
    assert shipped["instructions_per_sample"] * 64 == pytest.approx(saves["64"]["streamed"], rel=0.01)


def test_the_longest_refit_is_the_fullest(shipped: dict[str, Any], image: Image) -> None:
    worst = shipped["worst_refit"]
    assert worst["entries"] == image.max_log and worst["rows"] == image.max_rows
    labels = image.max_log - (image.max_rows - len(image.row_class))
    share = len(image.owners) // len(image.row_class)
    items = len(image.owners) + share * (image.max_rows - 1) + labels - (image.max_rows - 1)
    assert worst["gradient_steps"] == image.epochs * items
    # Nearly every row moves in nearly every step: forwards and back cost much the same.
    assert worst["most"]["odl_sgd_inside"] > worst["most"]["odl_dense"]
    assert worst["instructions"] > 4 * shipped["instructions_per_refit"]
    assert shipped["longest_hop"] == pytest.approx(worst["longest_hop"] / (64 / 50 * SPEC.power.clock_hz))
    assert worst["hops"] == -(-worst["gradient_steps"] // image.refit_items)  # one task: a step an item
    share = image.refit_items / worst["gradient_steps"]
    assert worst["longest_hop"] == pytest.approx(share * worst["instructions"], rel=0.02)


def test_a_full_log_waits_for_the_flash(shipped: dict[str, Any], image: Image) -> None:
    typical, most = shipped["full_log"], shipped["full_log_at_most"]
    words = (log_dtype(image.features).itemsize + 8) // 4 * (image.max_log + 1)
    assert typical["seconds"] == pytest.approx(1.0 + 16e-6 * words, rel=0.05)  # erases 128 KB
    assert most["seconds"] == pytest.approx(2.0 + 16e-6 * words, rel=0.05)
    places = (SPEC.log_bank - 32) // (log_dtype(image.features).itemsize + 8)
    assert typical["labels"] == most["labels"] == places - image.max_log + 1
    # What the sensor's own memory bridges: nothing is lost.
    assert most["seconds"] + shipped["longest_hop"] * image.hop / image.rate_hz < 256 / 52


def test_gcc_keeps_the_limits_too(image: Image) -> None:
    need("arm-none-eabi-gcc")
    firmware = build.build(image, compiler="gcc")
    assert firmware.ram_bytes <= LIMITS["ram_bytes"] and firmware.code_bytes <= LIMITS["code_bytes"]
    bench = Bench(image, firmware)
    n = len(image.channels)
    config = Config(policy="none", mult=(1 << 30,) * n, shift=(30,) * n, offset=(0,) * n)
    raw = np.random.default_rng(2).integers(-128, 128, (1000, n)).astype(np.int16)
    run = bench.run(config, [Samples(0, raw[:333]), Gap(333, 5, "a test"), Samples(338, raw[333:])])
    assert run["macs"] == macs_of(image, 333) + macs_of(image, 667)
    assert by_part(run["other"])["convolution"] / run["macs"] <= LIMITS["instructions_per_mac"]
    assert run["refits"] == 0 and not run["learning"]
    assert bench.worst_refit(config)["longest_hop"] / (64 / 50 * SPEC.power.clock_hz) <= LIMITS["longest_hop"]


def test_two_runs_give_the_same_counts(small: dict[str, Any]) -> None:
    again = footprint(TREE)
    for name in COUNTS:
        assert again[name] == small[name], name


def test_a_model_without_its_data_runs_on_noise(small: dict[str, Any]) -> None:
    assert small["source"].startswith("seeded noise") and small["refits"] == 20
    assert small["missed"] == ["instructions_per_mac"]  # six channels leave no room for speed
    assert "ABOVE odl's own bound of 2.3" in as_text(small)


def test_the_boards_room_stands_beside_odls_own_bounds(small: dict[str, Any]) -> None:
    text = as_text(small)
    assert f"{small['code_bytes']:,} bytes of  49,152 of the board   within odl's own bound of 32,768" in text
    assert f"{small['ram_bytes']:,} bytes of  98,304 of the board   within odl's own bound of 40,960" in text
    assert "The board's room decides whether a model fits." in text


def test_gradient_steps_are_those_of_the_items() -> None:
    """One for each item of a phase, epoch, and learning task on the way from its class to the root."""
    bench = Bench(TREE, build.build(TREE))
    bench.client.configure(_learning_config())
    worst = bench.worst_refit(_learning_config(), splits=True)
    state = bench.state()
    assert int(state["n_heads"]) == worst["heads"] == 3  # one more, with two of the three rows that were left
    labels = Counter(bench.entries()["cls"][bench.entries()["kind"] == Entry.LABEL].tolist())
    labels[int(state["row_class"][state["n_rows"] - 1])] += 1  # the one that was undone at the end
    assert sum(labels.values()) + 4 == worst["entries"] == TREE.max_log  # with a split and three classes
    rows = range(int(state["n_rows"]))
    head_of = {int(state["row_class"][row]): int(state["row_head"][row]) for row in rows}

    def tasks(cls: int) -> int:
        above = int(state["head_parent"][head_of[cls]])
        return 1 if above == ROOT else 1 + tasks(above)

    share = len(TREE.owners) // len(TREE.row_class)
    items = {cls: n * max(1, share // n) for cls, n in labels.items()}
    first = sum(n * tasks(cls) for cls, n in items.items()) + sum(tasks(int(cls)) for cls in TREE.owners)
    new = sum(n for cls, n in items.items() if head_of[cls] == 2)
    late = -(-4000 // new) - TREE.epochs
    assert worst["gradient_steps"] == TREE.epochs * first + late * new


def _learning_config() -> Config:
    return Config(policy="periodic", allowed=9, horizon=100, batch=1, patience=10**6,
                  mult=(1 << 30,) * 3, shift=(30,) * 3, offset=(0,) * 3)  # fmt: skip


def test_the_text_is_for_people(shipped: dict[str, Any]) -> None:
    text = as_text(shipped)
    for what in (
        "RAM, stack included",
        "within odl's own bound of 40,960",
        "hop  16",
        "Estimates",
        "label log",
    ):
        assert what in text
    assert "MISSES" not in text and max(map(len, text.splitlines())) <= 110


def executed(bench: Bench, events: list[Input]) -> Iterator[str]:
    bench.run(_learning_config(), events)
    yield from (name for name, count in bench.profile().items() if count)


def test_every_function_that_runs_is_known() -> None:
    """What is counted as the board's is the board's, a compiler's own, or the start of a session."""
    raw = np.random.default_rng(2).integers(-128, 128, (600, 3)).astype(np.int16)
    bench = Bench(TREE, build.build(TREE))
    core = {path.stem for path in build.CORE.glob("*.c")}
    rest = {name for name in executed(bench, [Samples(0, raw)]) if part_of(name) == "board"}
    files = {file_of_functions().get(name.split(".")[0], "compiler") for name in rest}
    assert core & files <= {"image", "imprint", "refit", "sgd", "sgd_dsp"}
    assert {"main", "board_reset", "board_idle"} <= rest
    for part, stems in PARTS.items():
        for stem in stems:
            assert any(path.stem == stem for folder in FOLDERS for path in folder.glob("*.c")), part
