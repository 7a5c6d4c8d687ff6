"""``odl init`` on clocks as sensors write them: the sensor's own rate, gaps and recordings, or a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.own_files import (
    TIME,
    Made,
    N,
    clock,
    dates,
    every,
    found_in,
    in_two,
    motion,
    put,
    table,
    xyz,
)

CLOCKS: dict[str, tuple[Made, str, str]] = {  # the file, the word for its rate, a part of a warning
    "whole seconds": (
        clock("time", lambda c: [1700000000 + int(v) // 1000 for v in c["ms"]]),
        "likely",
        "share a time",
    ),
    "whole seconds that begin in one": (
        clock("time", lambda c: [1700000000 + (int(v) + 370) // 1000 for v in c["ms"]]),
        "likely",
        "share a time",
    ),
    "dates of whole seconds": (
        clock("time", lambda c: list(dates("2024-05-04T10:00:00", c).astype("M8[s]"))),
        "likely",
        "share a time",
    ),
    "packets of ten": (
        clock("time_ms", lambda c: [c["ms"][i // 10 * 10] for i in range(N)]),
        "likely",
        "10 rows share",
    ),
    "jitter": (
        clock("time_ms", lambda c: [int(v) + (i * 7) % 11 - 5 for i, v in enumerate(c["ms"])]),
        "sure",
        "",
    ),
    "late rows": (
        clock("time_ms", lambda c: [int(v) + 8 * (i % 2) for i, v in enumerate(c["ms"])]),
        "sure",
        "",
    ),
    "10:00:00:020": (
        clock(
            "Timestamp",
            lambda c: [str(d).replace("T", " ").replace(".", ":") for d in dates("2024-05-04T10:00:00", c)],
        ),
        "sure",
        "",
    ),
    "afternoon": (
        clock(
            "When",
            lambda c: [
                d.strftime("%m/%d/%Y %I:%M:%S.%f %p") for d in dates("2024-05-04T12:59:58", c).tolist()
            ],
        ),
        "sure",
        "",
    ),
    "a zone": (
        clock("timestamp", lambda c: [f"{d}+02:00" for d in dates("2024-05-04T10:00:00", c)]),
        "sure",
        "",
    ),
    "date and time in two columns": (
        clock("date,time", lambda c: [str(d).replace("T", ",") for d in dates("2024-05-04T10:00:00", c)]),
        "sure",
        "",
    ),
    "midnight": (
        clock("time", lambda c: [str(d)[11:] for d in dates("2024-05-04T23:59:58", c)]),
        "sure",
        "wraps around at row 102",
    ),
    "minutes and seconds": (
        clock(
            "time",
            lambda c: (
                [f"59:{58 + int(v) // 1000:02d}.{int(v) % 1000:03d}" for v in c["ms"][:100]]
                + [f"00:{int(v) // 1000 - 2:02d}.{int(v) % 1000:03d}" for v in c["ms"][100:]]
            ),
        ),
        "sure",
        "wraps around at row 102",
    ),
    "16 bits of ms": (
        clock("time_ms", lambda c: [(62000 + int(v)) % 65536 for v in c["ms"]]),
        "sure",
        "wraps around",
    ),
    "32 bits of us": (
        clock("time_us", lambda c: [(2**32 - 5_000_000 + 1000 * int(v)) % 2**32 for v in c["ms"]]),
        "sure",
        "wraps around",
    ),
    "ns since 1970": (
        clock("time", lambda c: [1_700_000_000_000 * 10**6 + int(v) * 10**6 for v in c["ms"]]),
        "sure",
        "",
    ),
    "two clocks": (
        clock(
            "time,seconds_elapsed",
            lambda c: [
                f"2024-05-04 10:00:0{int(v) // 1000},{t}" for v, t in zip(c["ms"], c["t"], strict=True)
            ],
        ),
        "sure",
        "",
    ),
}


@pytest.mark.parametrize("kind", CLOCKS)
def test_a_rate_is_the_sensors_own(tmp_path: Path, kind: str) -> None:
    make, word, warning = CLOCKS[kind]
    found = found_in(in_two(tmp_path, "{}.1.csv", make))
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (50, word)
    assert found["recordings"] == 2 and found["gaps"]["number"] == 0
    assert found["rows"] == {"read": 2 * N, "dropped": 0, "bridged": 0, "resampled": 0}
    assert any(warning in w for w in found["warnings"]) or not warning


@pytest.mark.parametrize("rate", [26, 104, 119, 238])
def test_stamps_of_whole_milliseconds_do_not_round_the_rate(tmp_path: Path, rate: int) -> None:
    for label in ("sit", "walk"):
        c = motion(label == "sit", rate)
        put(tmp_path / f"{label}.1.csv", table(TIME, [c["ms"], *xyz(c)]))
    assert found_in(tmp_path)["rate_hz"] == rate


@pytest.mark.parametrize(
    ("name", "first"),
    [("Timestamp", 0), ("t", 0), ("timestamp", 1000), ("index", 1), ("", 0)],
)
def test_a_counter_is_no_clock_and_its_rate_a_guess(tmp_path: Path, name: str, first: int) -> None:
    in_two(tmp_path, "{}.csv", clock(name, lambda c: list(range(first, first + N))))
    found = found_in(tmp_path)
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (50, "guess")
    assert any("--rate-hz" in w or "`rate_hz=50`" in w for w in found["warnings"])
    told = found_in(tmp_path, rate_hz=119.0)
    assert (told["rate_hz"], told["confidence"]["rate_hz"]) == (119, "sure")


def test_files_of_other_rates_are_resampled_to_one_that_there_is(tmp_path: Path) -> None:
    in_two(tmp_path, "{}_P1.csv", clock("time_ms", lambda c: c["ms"]))
    in_two(tmp_path, "{}_P2.csv", clock("time_ms", lambda c: [2 * int(v) for v in c["ms"]]))
    found = found_in(tmp_path)
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (25, "likely")
    assert any("files run at 25 to 50 Hz: all resampled to 25 Hz" in w for w in found["warnings"])


def test_a_rate_that_is_told_resamples_time_stamps(tmp_path: Path) -> None:
    found = found_in(in_two(tmp_path, "{}.csv", clock("time_ms", lambda c: c["ms"])), rate_hz=25.0)
    assert found["rate_hz"] == 25 and found["rows"]["resampled"] == N


@pytest.mark.parametrize(
    ("rows", "rate", "bridged", "gaps", "samples"),
    [
        (lambda i: i % 20 != 7, 50, 40, 0, 0),  # one lost in twenty
        (lambda i: i % 40 not in (7, 8), 50, 0, 20, 40),  # pairs
        (lambda i: i % 3 != 1, 50, 266, 0, 0),  # a third of all
        (lambda i: not 100 <= i < 150, 50, 0, 2, 100),  # a second
    ],
)
def test_lost_rows_are_gaps_at_the_sensors_rate(
    tmp_path: Path, rows: Callable[[int], bool], rate: float, bridged: int, gaps: int, samples: int
) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, every(rows, [c["ms"], *xyz(c)])))
    found = found_in(tmp_path)
    assert found["rate_hz"] == rate and found["rows"]["bridged"] == bridged
    assert found["gaps"] == {"number": gaps, "samples": samples}


def test_rows_without_values_are_bridged_and_counted(tmp_path: Path) -> None:
    in_two(
        tmp_path,
        "{}.csv",
        lambda c: table(
            TIME,
            [
                c["ms"],
                *([["NaN", "", "n/a"][i % 3] if i % 10 == 5 else v for i, v in enumerate(a)] for a in xyz(c)),
            ],
        ),
    )
    found = found_in(tmp_path)
    assert found["rate_hz"] == 50
    assert found["rows"] == {"read": 2 * N, "dropped": 80, "bridged": 80, "resampled": 0}


@pytest.mark.parametrize(
    ("change", "row", "why"),
    [
        (lambda i, ms: ms % 4000, 202, "starts again"),
        (lambda i, ms: ms + 7_200_000 * (i >= 200), 202, "7200.02 s pass"),
        (lambda i, ms: ms + 3_600_000 - 3_600_000 * (i >= 200), 202, "daylight saving"),
    ],
)
def test_a_clock_that_jumps_begins_another_recording(
    tmp_path: Path, change: Callable[[int, int], int], row: int, why: str
) -> None:
    in_two(tmp_path, "{}.csv", clock("time_ms", lambda c: [change(i, int(v)) for i, v in enumerate(c["ms"])]))
    found = found_in(tmp_path)
    assert (found["rate_hz"], found["recordings"]) == (50, 4)
    assert any(why in w and f"row {row}" in w for w in found["warnings"])


def test_names_that_come_again_and_empty_lines_begin_another_recording(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]) * 2)
    again = found_in(tmp_path)
    assert again["recordings"] == 4 and again["rows"]["read"] == 4 * N
    in_two(tmp_path, "{}.csv", lambda c: "aX,aY,aZ\n" + "\n".join([table("", xyz(c))] * 3))
    captures = found_in(tmp_path)
    assert captures["recordings"] == 6 and captures["rows"]["read"] == 6 * N


def test_a_cut_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    found = found_in(in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]) + "8000,0.1"))
    assert found["rows"] == {"read": 2 * N + 2, "dropped": 2, "bridged": 0, "resampled": 0}
    assert any(f"sit.csv: row {N + 2} is cut and was left out: '8000,0.1'" in w for w in found["warnings"])
