"""Sketches that print CSV: what is understood, what is left out, gaps, positions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Gap, Samples
from odl.device.csv_columns import CsvColumns
from odl.device.csv_state import CsvStreamState
from odl.device.csv_stream import BAD_LINES, CsvStream, CsvStreamError
from odl.device.serial_line import SerialChunk, SerialState
from odl.device.serial_port import SerialPort
from tests.helpers.fake_board import Port
from tests.helpers.virtual_clock import VirtualClock

AXES = ("ax", "ay", "az")


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (["1,2,3", "4,5,6"], [[1, 2, 3], [4, 5, 6]]),  # the serial plotter, and Edge Impulse
        (["1, 2, 3", " 4 ,5 , 6 "], [[1, 2, 3], [4, 5, 6]]),
        (["1\t2\t3"], [[1, 2, 3]]),
        (["1 2 3"], [[1, 2, 3]]),
        (["1;2;3"], [[1, 2, 3]]),
        (["1,5;-2,0;,25", "1,5; 2,0; 3,0"], [[1.5, -2, 0.25], [1.5, 2, 3]]),  # decimal commas
        (["1,5\t2,0\t3,0", "1,5 2,0 3,0"], [[1.5, 2, 3], [1.5, 2, 3]]),
        (["ax:1,5 ay:2,0 az: 3,0"], [[1.5, 2, 3]]),
        (["1,2;3", "1;2,3"], [[1, 2, 3], [1, 2, 3]]),  # not each number has one
        (["-1.5,+.25,1e-3"], [[-1.5, 0.25, 0.001]]),
        (["1,2,3,"], [[1, 2, 3]]),
        (["ax:1,ay:2,az:3"], [[1, 2, 3]]),
        (["ax:1 ay:2 az:3"], [[1, 2, 3]]),
        (["ax: 1\tay: 2\taz: 3"], [[1, 2, 3]]),
        (["az:3,ay:2,ax:1,temp:20"], [[1, 2, 3]]),
        (["ax,ay,az", "1,2,3"], [[1, 2, 3]]),
        (["millis,AZ,AY,AX", "17,3,2,1"], [[1, 2, 3]]),
        (["MPU6050 ready", "ax,ay,az", "1,2,3"], [[1, 2, 3]]),
        (["", "1,2,3", "  "], [[1, 2, 3]]),
        (["az,ay,ax", "1,2,3"], [[3, 2, 1]]),  # as many as are wanted, in another order
        (["Sensor ready now", "1,2,3"], [[1, 2, 3]]),  # as many words, but no names
        (["Sensor ready now", "1 2 3"], [[1, 2, 3]]),
    ],
)
def test_what_common_sketches_print(lines: list[str], rows: list[list[float]]) -> None:
    columns = CsvColumns(AXES)
    assert [row for line in lines if (row := columns.take(line)) is not None] == rows
    assert columns.problem == ""


@pytest.mark.parametrize(
    "bad",
    ["1,2", "1,2,3,4", "1,2,x", "1,,3", "1,2,3.4.5", "nan,1,2", "inf,1,2", "1e999,1,2", "1_0,2,3", "0x1,2,3",
     "1,2,３", "ax:1,ay:2,3", "ax:1,ay:2,az:", "ax:1:2,ay:1,az:1", "," * 100, "1," * 100, "\x00\x7f\ufffd9"],
)  # fmt: skip
def test_a_bad_line_is_counted_and_costs_nothing_else(bad: str) -> None:
    columns = CsvColumns(AXES)
    assert columns.take("1,2,3") == [1, 2, 3]
    taken = columns.take(bad)
    assert columns.take("4,5,6") == [4, 5, 6]
    assert taken is None
    assert columns.bad == (1 if bad.strip(",") else 0)
    assert columns.last_bad.isprintable() and len(columns.last_bad) <= 60
    assert columns.problem == ""


@pytest.mark.parametrize(
    ("wanted", "strict", "line", "problem"),
    [
        (["x", "ay"], True, "ax:1,ay:2", "there is no column 'x'; the sketch prints ax, ay"),
        (
            ["2", "7"],
            True,
            "1,2,3",
            "the sketch prints 3 columns; column 7 is not among them (the first is 1)",
        ),
        (["x", "y"], True, "1,2", "the sketch prints no names"),
        (["x", "ay"], False, "ax:1,ay:2", "there is no column 'x'; the sketch prints ax, ay"),
        (["ax", "ay"], False, "ax:1,ay:2,AX:3", "the sketch prints more than one column 'ax'"),
        (AXES, False, "1,2,3,4", "the sketch prints 4 columns, but 3 are wanted"),
        (AXES, False, "@#%,!!,2", "what comes are no lines of numbers"),
    ],
)
def test_what_never_fits_becomes_a_sentence(wanted: list[str], strict: bool, line: str, problem: str) -> None:
    columns = CsvColumns(wanted, strict)
    for _ in range(4):
        assert columns.take(line) is None
        assert columns.problem == ""  # it may be a piece of a line
    columns.take(line)
    assert columns.problem.startswith(problem)
    assert columns.bad == 5


def test_columns_are_picked_by_number_from_one() -> None:
    assert CsvColumns(["3", "1"]).take("10,20,30") == [30, 10]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (["0", "1"], "the first column is number 1"),
        (["ax", "az", "AX"], "column 'ax' is wanted twice"),
        (["1", "1"], "column '1' is wanted twice"),
        (["1", "ax"], "by name and by number"),
        (["ax", ""], "none with an empty name"),
        ([], "at least one column"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(wanted: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CsvColumns(wanted)


def test_names_that_the_sketch_does_not_print_are_no_positions() -> None:
    columns = CsvColumns(AXES)
    columns.take("x,y,z")
    assert [columns.take("1,2,3") for _ in range(25)] == [None] * 25
    assert columns.problem == "there is no column 'ax'; the sketch prints x, y, z"
    assert columns.hopeless
    columns.take("az,ay,ax")
    assert columns.take("1,2,3") == [3, 2, 1] and not columns.hopeless and columns.problem == ""


def test_a_header_without_its_beginning_is_none() -> None:
    columns = CsvColumns(AXES)
    columns.take("x,ay,az", whole=False)
    assert columns.take("1,2,3") == [1, 2, 3] and columns.in_order and columns.names is None


def test_no_value_and_text_have_reasons_of_their_own() -> None:
    columns = CsvColumns(AXES)
    for line in ("nan,nan,nan", "ax:1 ay:-inf az:3", "nan nan nan"):
        assert not any(map(columns.take, [line] * 30))
        value = "inf" if "inf" in line else "nan"
        assert columns.problem == f"the sketch prints {value} for a number; look at the sensor and its wires"
        assert not columns.hopeless  # it may go away by itself
    assert not any(map(columns.take, ["sensor not found!", ""] * 6))
    assert columns.problem.startswith("what comes are lines of text") and columns.text == 5
    assert columns.take("1,2,3") == [1, 2, 3] and columns.problem == ""
    for k in range(30):
        assert columns.take(f"menu, entry, e{k}") is None
        assert (columns.problem == "") == (k < 25)  # the last of them may still be names


@pytest.mark.parametrize("line", ["\ufffd1\ufffd,\ufffdP", "gL\x00\ufffd@\ufffd Nl% odl", "\x01\x02ab\x7f"])
def test_bytes_that_are_no_text_are_not_shown(line: str) -> None:
    columns = CsvColumns(AXES)
    for _ in range(6):
        assert columns.take(line) is None
    assert columns.last_bad == "bytes that are no text" and columns.text == 0 and columns.bad >= 5


def test_what_has_fitted_once_is_not_hopeless() -> None:
    columns = CsvColumns(AXES)
    assert columns.take("1,2,3") == [1, 2, 3]
    assert not any(map(columns.take, ["1,2,3,4"] * 50))
    assert columns.problem and not columns.hopeless


@pytest.mark.parametrize("odd", ["1,2", "99999,1,1"])
@pytest.mark.parametrize(
    ("rest", "why"),
    [("keep it still", "what comes are lines of text"), ("nan,nan,nan", "the sketch prints nan")],
)
@pytest.mark.parametrize("first", [[], ["1,2,3"]], ids=["before", "within"])
def test_one_line_that_does_not_fit_is_not_the_reason(
    first: list[str], odd: str, rest: str, why: str
) -> None:
    columns = CsvColumns(AXES, most=(10, 10, 10))
    assert [columns.take(line) for line in [*first, odd, *[rest] * 40]].count(None) == 41
    assert not columns.hopeless and columns.problem.startswith(why)
    assert columns.take("1,2,3") == [1, 2, 3]


def test_text_between_lines_that_never_fit_changes_nothing() -> None:
    columns = CsvColumns(AXES)
    lines = ["1,2,3,4", "battery 87 %", "battery 88 %"] * 25
    assert not any(map(columns.take, lines))
    assert columns.hopeless and columns.problem.startswith("the sketch prints 4 columns, but 3 are wanted")


def test_numbers_that_cannot_be_meant_make_a_line_bad() -> None:
    columns = CsvColumns(AXES, most=(10, 20, 30))
    assert columns.take("10,-20,30") == [10, -20, 30]
    assert columns.take("10,-20.1,30") is columns.take("1e99,0,0") is None
    assert (columns.bad, columns.missed) == (2, 2)
    raw = CsvColumns(AXES, most=(10, 20, 30), units=("g", "g", "dps"))
    assert not any(map(raw.take, ["1,1,16384"] * 25))
    assert raw.hopeless and raw.problem == "16384 in column az cannot be meant; is it printed in dps?"
    assert [columns.take("1,2,3") for _ in range(2)] == [[1, 2, 3]] * 2


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        # what stands beside a stream
        ("temperature ok", False), ("# note", False), ("Initialising...", False), ("ok", False),
        ("battery 87 %", False), ("bpm 72", False), ("Temp: 23.4", False), ("loop: 500 us", False),
        ("t=23.4 C", False), ("12:30:05 heartbeat", False), ("temp:20,hum:40", False), ("temp,20", False),
        ("temp:20,hum:40,light:7", False), ("free heap: 23424 bytes, 4 tasks", False), ("温度 23", False),
        ("Gyro offsets: 0.12 -0.5 1.1", False), ("MPU6050 ready", False), ("@#%,!!", False),
        # what a sample has become
        ("1,2", True), ("1", True), ("1,2,3,4", True), ("1,2,31,2,3", True), ("1,2,x", True), ("#,1", True),
        ("nan,nan,nan", True), ("1,-inf,ovf", True), ("nan nan nan", True), ("1,2,oops", True),
        ("1,2,3.4.5", True), ("0x1,2,3", True), ("ax:1,ay:2", True), ("ax:1,ay:2,az", True),
        ("ax:1,ay:2,az:", True), ("x:1,ay:2,az:3", True), ("ax:nan ay:nan az:nan", True),
        ("ax: 1, ay: 2, az: 3, 4", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("good", ["1,2,3", "1 2 3", "ax:1,ay:2,az:3"])
def test_a_damaged_sample_is_told_from_text(line: str, sample: bool, good: str) -> None:
    columns = CsvColumns(AXES)
    for _ in range(6):  # many of them change nothing
        assert columns.take(good) == [1, 2, 3]
        assert columns.take(line) is None
        columns.take("")
        assert columns.missed == sample
    assert columns.take(good) == [1, 2, 3] and columns.problem == ""
    assert columns.bad == 6


def test_words_within_a_stream_are_no_names_unless_they_are_wanted() -> None:
    columns = CsvColumns(AXES)
    good = ["1,2,3"] * 3
    assert [columns.take(line) for line in [*good, "Still, calibrating, it", *good]].count(None) == 1
    assert columns.names is None
    columns.take("az,ay,ax")
    assert columns.take("1,2,3") == [3, 2, 1]


def test_lines_of_another_form_in_between_are_not_taken_for_the_stream() -> None:
    columns = CsvColumns(["1", "2", "3"])
    for _ in range(20):
        assert columns.take("1,2,3") == [1, 2, 3]
        assert columns.take("temp:20,hum:40,light:7") is None


def test_a_sketch_that_changes_what_it_prints_is_followed() -> None:
    columns = CsvColumns(["ax", "ay"])
    assert columns.take("1,2") == [1, 2]
    columns.take("ms,ay,ax")
    taken = [columns.take(f"7,{k},{-k}") for k in range(10)]
    assert taken[-1] == [-9, 9] and taken.count(None) <= 5
    assert columns.take("ay:5,ax:4") == [4, 5]


@pytest.mark.parametrize("part", ["1", " ", ":", " :", "1.", "a,", "-", "1e", "x"])
def test_no_line_takes_long_to_be_looked_at(part: str) -> None:
    for first in ("a", "1"):
        assert CsvColumns(AXES).take(first + 200_000 * part + "1x") is None  # minutes, were it done by trying


@given(st.lists(st.text(max_size=200), max_size=20))
def test_no_text_is_an_error(lines: list[str]) -> None:
    columns = CsvColumns(AXES)
    for line in lines:
        row = columns.take(line)
        assert row is None or (len(row) == 3 and all(map(np.isfinite, row)))


# --- as a source -----------------------------------------------------------------------------


class FilledLine:
    """A line that gives what it was filled with."""

    def __init__(self) -> None:
        self.pieces: list[SerialChunk] = []
        self.clock = VirtualClock()
        self.clock.sleep(1000.0)  # they came long ago

    def get(self, timeout: float) -> SerialChunk | None:
        if self.pieces:
            return self.pieces.pop(0)
        self.clock.sleep(timeout)
        return None


def sketch_of(line: object, **given_: object) -> CsvStream:
    options: dict[str, object] = {"scale": (0.01, 0.01, 0.01), "rate_hz": 50.0, "columns": AXES} | given_
    return CsvStream(line, **options)  # type: ignore[arg-type]


def passed(sketch: CsvStream, pieces: list[SerialChunk]) -> list[Samples | Gap]:
    """What the sketch makes of pieces, idle blocks left out."""
    line = FilledLine()
    sketch.line = line  # type: ignore[assignment]
    line.pieces = [*pieces, SerialChunk(0.0, state=SerialState.CLOSED)]
    return [e for e in sketch if isinstance(e, Gap) or len(e.block)]


def lines(first: int, last: int) -> bytes:
    return b"".join(b"%d,0,0\r\n" % k for k in range(first, last))


def stands(events: list[Samples | Gap], start: int = 0) -> int:
    for event in events:
        assert event.start == start
        start += event.lost if isinstance(event, Gap) else len(event.block)
    return start


def seen(events: list[Samples | Gap]) -> list[int]:
    return [int(v) // 100 for e in events if isinstance(e, Samples) for v in e.block[:, 0]]


def test_counts_are_scaled_rounded_and_saturated() -> None:
    sketch = sketch_of(None, scale=(0.5, 0.001, 1.0))
    [first, second] = passed(
        sketch, [SerialChunk(0.0, b"\n1.3,-0.0015,2.5\n1,2,3\n"), SerialChunk(0.02, b"100000,-40,-40000\n")]
    )
    assert first.block.tolist() == [[3, -2, 2], [2, 2000, 3]]
    assert second.block.tolist() == [[32767, -32768, -32768]]
    assert first.block.dtype == np.int16
    assert sketch.saturated == 3


def test_lines_that_cannot_be_used_are_lost_samples() -> None:
    sketch = sketch_of(None)
    bad = b"1,2\n1e99,0,0\n7,7,oops\nready\n"
    events = passed(
        sketch,
        [
            SerialChunk(0.0, b"1,2\n" + lines(0, 10)),
            SerialChunk(0.2, bad + lines(13, 20)),
            SerialChunk(0.4, lines(20, 30)),
        ],
    )
    assert [e for e in events if isinstance(e, Gap)] == [Gap(10, 3, BAD_LINES)]
    assert seen(events) == [*range(10), *range(13, 30)] and stands(events) == sketch.position == 30
    assert sketch.lost == 3 and sketch.columns.bad == 4 and sketch.saturated == 0
    assert list(sketch.news) == [
        "the sketch prints no names, so its columns are used in their order: ax, ay, az",
        "a line that cannot be used is a lost sample: a new window starts after it",
        "3 lines could not be used, the last was: 7,7,oops",
        "a line of text is left out: ready",
    ]


def test_text_beside_the_stream_is_no_gap() -> None:
    sketch = sketch_of(None, scale=(1, 1, 1))
    text = [b"temperature ok\n", b"battery 87 %\n", b"# note\n", b"Temp: 23.4\n", b"Initialising...\n"]
    pieces = [SerialChunk(k / 50, lines(k, k + 1) + text[k % 5] * (k % 3)) for k in range(300)]
    events = passed(sketch, pieces)
    assert not any(isinstance(e, Gap) for e in events)
    assert stands(events) == sketch.position == 299 and sketch.lost == 0
    assert sketch.columns.text == sketch.columns.bad == 299 and sketch.damaged == 0
    assert sketch.news[1] == "a line of text is left out: battery 87 %"
    assert sketch.note == ""  # the last line may still be names


def test_many_lines_that_cannot_be_used_keep_the_time() -> None:
    sketch = sketch_of(None, scale=(1, 1, 1))
    pieces = [SerialChunk(k / 50, lines(k, k + 1) if k % 4 else b"%d,0,x\n" % k) for k in range(1, 1000)]
    pieces[300:500] = [SerialChunk(k / 50, b"#,1\n") for k in range(301, 501)]
    events = passed(sketch, pieces)
    last = next(int(e.block[-1, 0]) for e in reversed(events) if isinstance(e, Samples))
    assert stands(events) == sketch.position == last - 1 == 998
    assert sketch.clock.rate_hz == pytest.approx(50, rel=0.01) and sketch.note == ""
    assert {e.why for e in events if isinstance(e, Gap)} == {BAD_LINES}
    assert len(sketch.news) == 5  # not one for each


def test_a_problem_stands_until_it_has_been_over_for_a_while() -> None:
    sketch = sketch_of(None, scale=(1e-6, 1, 1))
    many = [b"0,0,0\n" if k % 20 < 8 else b"%d,1,1\n" % (99 + k) for k in range(200)]
    said = set()
    for k, line in enumerate([*many, *[b"0,0,0\n"] * 300]):
        sketch._take(SerialChunk(k / 50, line))
        said.add(sketch.problem)
        if abs(k - 400) > 2:  # the very moment is one of rounding
            assert (sketch.problem != "") == (12 <= k < 400)
    assert said == {"", "111 in column ax cannot be meant; look at the unit and the scale"}


def test_a_board_of_our_own_is_recognised() -> None:
    from odl.wire import frame

    sent = b"\x00" + frame(b"\x01\x00\x00\x00\x00\x00any")
    with pytest.raises(CsvStreamError, match="leave out `format='csv'`"):
        passed(sketch_of(None), [SerialChunk(0.0, sent[:9]), SerialChunk(0.1, sent[9:])])
    assert seen(passed(sketch_of(None), [SerialChunk(0.0, lines(0, 3)), SerialChunk(0.1, sent + b"\n")])) == [
        1,
        2,
    ]


def test_another_unit_is_noticed() -> None:
    sketch = sketch_of(None, scale=(0.0001, 0.001, 0.001), units=("g", "g", "g"))
    passed(sketch, [SerialChunk(k / 50, b"%d,1,1\n" % (9 if k % 2 else 1)) for k in range(100)])
    assert sketch.note == "many samples are at the limit of column ax, 3.28 g: is it printed in g?"
    again = sketch_of(None, scale=(0.0001, 0.001, 0.001))
    passed(again, [SerialChunk(k / 50, b"%d,1,1\n" % (1 if k % 10 else 9)) for k in range(100)])
    assert again.note == "" and again.saturated == 9


def test_a_sketch_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(CsvStreamError, match="prints 4 columns, but 3 are wanted"):
        passed(sketch_of(None), [SerialChunk(0.0, b"1,2,3,4\n" * 26)])
    line = FilledLine()
    line.pieces = [SerialChunk(0.0, b"1,2,3,4\n" * 26)]
    with pytest.raises(CsvStreamError, match="prints 4 columns, but 3 are wanted"):
        sketch_of(line).wait_for_line(5)


def test_the_first_line_is_waited_for_and_kept() -> None:
    line = FilledLine()
    line.pieces = [
        SerialChunk(0.0, b"1,2,3,4\n" * 20 + lines(1, 4)),
        SerialChunk(0.1, state=SerialState.CLOSED),
    ]
    sketch = sketch_of(line)
    assert sketch.useless == "no line has come yet"
    sketch.wait_for_line(5)
    assert len(line.pieces) == 1 and sketch.useless == ""
    assert seen(list(sketch)) == [1, 2, 3]


def test_lines_may_come_in_pieces_of_any_size() -> None:
    text = b"x\n" + lines(0, 100)
    whole = passed(sketch_of(None), [SerialChunk(0.0, text)])
    single = passed(sketch_of(None), [SerialChunk(0.0, text[i : i + 1]) for i in range(len(text))])
    assert seen(whole) == seen(single) == list(range(100))


def test_the_first_line_may_lack_its_beginning() -> None:
    assert seen(passed(sketch_of(None), [SerialChunk(0.0, b"5,0,0\n" + lines(1, 4))])) == [1, 2, 3]


def test_a_silence_becomes_a_gap_of_about_its_length() -> None:
    sketch = sketch_of(None)
    pieces = [SerialChunk(k / 50, lines(k, k + 1)) for k in range(500)]
    pieces += [SerialChunk(k / 50 + 4, lines(k, k + 1)) for k in range(500, 600)]
    events = passed(sketch, pieces)
    [gap] = [e for e in events if isinstance(e, Gap)]
    assert gap.why == "the sketch was silent" and abs(gap.lost - 200) <= 1
    assert stands(events) == sketch.position == 599 + gap.lost
    assert sketch.lost == gap.lost


def test_lines_that_were_only_held_up_are_no_gap() -> None:
    sketch = sketch_of(None)
    pieces = [SerialChunk(k / 50, lines(k, k + 1)) for k in range(100)]
    events = passed(
        sketch, [*pieces, SerialChunk(2 + 3.0, lines(100, 250)), SerialChunk(5.02, lines(250, 251))]
    )
    assert not any(isinstance(e, Gap) for e in events)
    assert seen(events) == list(range(1, 251))


def test_bytes_that_nobody_fetched_leave_a_gap_and_no_patched_line() -> None:
    sketch = sketch_of(None)
    events = passed(
        sketch,
        [
            SerialChunk(0.0, lines(0, 50) + b"123,0"),
            SerialChunk(2.0, b"4,5,6\n" + lines(150, 160), lost=800),
            SerialChunk(2.2, lines(160, 170)),
        ],
    )
    [gap] = [e for e in events if isinstance(e, Gap)]
    assert gap.why == "nobody fetched the samples in time" and 85 <= gap.lost <= 100
    assert seen(events) == [*range(1, 50), *range(150, 170)]
    assert stands(events) == sketch.position


def test_unplugging_leaves_a_gap() -> None:
    sketch = sketch_of(None)
    events = passed(
        sketch,
        [
            SerialChunk(0.0, lines(0, 50)),
            SerialChunk(0.5, b"12"),
            SerialChunk(1.0, state=SerialState.LOST),
            SerialChunk(9.0, state=SerialState.OPEN),
            SerialChunk(10.0, b"3,4,5\n" + lines(50, 60)),
        ],
    )
    [gap] = [e for e in events if isinstance(e, Gap)]
    assert gap.why == "unplugged" and 480 <= gap.lost <= 500
    assert seen(events) == [*range(1, 50), *range(50, 60)]


def test_a_header_in_the_middle_is_a_new_start() -> None:
    sketch = sketch_of(None)
    text = b"ax,ay,az\n"
    events = passed(sketch, [SerialChunk(0.0, text + lines(0, 10)), SerialChunk(0.5, text + lines(0, 10))])
    assert [type(e).__name__ for e in events] == ["Samples", "Gap", "Samples"]
    assert events[1] == Gap(10, 15, "the sketch started anew")


@pytest.mark.parametrize(("rate", "said"), [(51.5, "3 % too fast"), (50.5, "")])
def test_a_rate_that_is_a_little_off_is_called_out_too(rate: float, said: str) -> None:
    sketch = sketch_of(None, scale=(1, 1, 1))
    passed(sketch, [SerialChunk(k / rate, lines(k, k + 1)) for k in range(1000)])
    assert said in sketch.note and (sketch.note == "") == (said == "")


def test_the_rate_is_measured_and_called_out() -> None:
    sketch = sketch_of(None, scale=(1, 1, 1))
    passed(sketch, [SerialChunk(k / 40, lines(k, k + 1)) for k in range(1000)])
    assert sketch.clock.rate_hz == pytest.approx(40, rel=0.01)
    assert sketch.note == "samples come at 40 Hz, but 50 Hz are wanted (20 % too slow)"


@pytest.mark.parametrize("size", [100_000, 1000])
def test_garbage_without_an_end_is_let_go(size: int) -> None:
    sketch = sketch_of(None)
    garbage = b"\n" + b"\xa5" * 99_996 + b"1,2,3"  # its end may look well
    pieces = [SerialChunk(0.0, garbage[i : i + size]) for i in range(0, len(garbage), size)]
    events = passed(sketch, [*pieces, SerialChunk(0.1, b"\n" + lines(0, 5))])
    assert len(sketch._text) == 0 and seen(events) == [0, 1, 2, 3, 4]
    assert sketch.columns.bad == 1


def test_a_bad_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="3 columns, but a scale for 2"):
        sketch_of(None, scale=(1.0, 1.0))


def until(sketch: CsvStream, wanted: Callable[[], bool], events: list[Samples | Gap]) -> None:
    clock = sketch.line.clock
    end = clock.monotonic() + 60
    while not wanted():
        assert clock.monotonic() < end, sketch.state
        event = next(iter(sketch))
        if isinstance(event, Gap) or len(event.block):
            events.append(event)


def test_on_a_real_port_with_unplugging(device: Port) -> None:
    events: list[Samples | Gap] = []
    with SerialPort(device.name, pause=0.01) as line:
        sketch = sketch_of(line)
        sketch.wait = 0.02
        device.read(0.5)
        assert next(iter(sketch)).block.shape == (0, 3)  # type: ignore[union-attr]
        device.write(b"ax,ay,az\r\n" + lines(0, 100))
        until(sketch, lambda: len(seen(events)) == 100, events)
        assert sketch.useless == ""
        device.unplug()
        until(sketch, lambda: sketch.state is CsvStreamState.UNPLUGGED, events)
        device.plug()
        until(sketch, lambda: sketch.state is CsvStreamState.WAITING, events)
        device.read(0.5)
        device.write(b"7,7\r\n" + lines(100, 150))
        until(sketch, lambda: len(seen(events)) == 150, events)
    assert seen(events) == list(range(150))
    assert [e.why for e in events if isinstance(e, Gap)] == ["unplugged"]
    assert stands(events) == sketch.position
    assert next(iter(sketch), None) is None or sketch.state is CsvStreamState.CLOSED
