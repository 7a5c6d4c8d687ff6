"""The inputs of a recording, damaged perhaps, fit to be stepped again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Event, Gap, Input, Prediction, Query, Samples, Truth, Undo
from odl.recording import DAMAGED, Recording, inputs
from tests.helpers.messages import commands, samples, truths
from tests.helpers.recordings import START


def of(*happened: Event, position: int | None = None) -> Recording:
    return Recording(START, list(happened), position is not None, position, 0, 0, [], 0, "")


def block(start: int, end: int) -> Samples:
    """Samples whose counts are their indices."""
    return Samples(start, np.arange(start, end, dtype=np.int16).reshape(-1, 1))


def gap(start: int, end: int) -> Gap:
    return Gap(start, end - start, DAMAGED)


REPAIRS: list[tuple[str, Recording, list[Input]]] = [
    ("nothing", of(), []),
    ("hole", of(block(0, 5), block(8, 9)), [block(0, 5), gap(5, 8), block(8, 9)]),
    ("hole at the start", of(block(3, 5)), [gap(0, 3), block(3, 5)]),
    ("hole at the end", of(block(0, 5), position=9), [block(0, 5), gap(5, 9)]),
    ("hole before a gap", of(block(0, 5), Gap(7, 2, "x")), [block(0, 5), gap(5, 7), Gap(7, 2, "x")]),
    ("seam", of(block(0, 5), Gap(5, 0, "seam"), block(5, 6)), [block(0, 5), Gap(5, 0, "seam"), block(5, 6)]),
    ("twice", of(block(0, 5), block(0, 5), block(5, 6)), [block(0, 5), block(5, 6)]),
    ("overlap", of(block(0, 5), block(3, 8)), [block(0, 5), block(5, 8)]),
    ("overlapping gap", of(block(0, 5), Gap(3, 4, "x")), [block(0, 5), Gap(5, 2, "x")]),
    ("gap twice", of(Gap(0, 4, "x"), Gap(0, 4, "x")), [Gap(0, 4, "x")]),
    (
        "commands about a hole",
        of(block(0, 5), Undo(5), Undo(6), Undo(8), Undo(11), block(8, 9), Undo(7), Undo(3)),
        [block(0, 5), Undo(5), gap(5, 8), Undo(8), Undo(8), Undo(11), block(8, 9), Undo(8), Undo(3)],
    ),
    ("command in a hole at the end", of(block(0, 5), Undo(7), position=9), [block(0, 5), gap(5, 9), Undo(9)]),
    ("command ahead of time", of(Undo(9), block(0, 5), block(5, 9)), [Undo(9), block(0, 5), block(5, 9)]),
    ("command after all", of(Undo(7), Truth(0, 5, "a")), [Undo(7), Truth(0, 5, "a")]),
    ("outputs are left out", of(Query(0, 1, 2), block(0, 2), Prediction(0, (), ())), [block(0, 2)]),
]


@pytest.mark.parametrize(
    ("recording", "expected"), [row[1:] for row in REPAIRS], ids=[row[0] for row in REPAIRS]
)
def test_inputs_of_a_damaged_recording(recording: Recording, expected: list[Input]) -> None:
    assert list(inputs(recording)) == expected


@given(st.data())
def test_inputs_cover_every_index_once_and_in_order(data: st.DataObject) -> None:
    end, happened = 0, list[Event]()
    for _ in range(data.draw(st.integers(0, 12))):
        kind = data.draw(st.sampled_from(["samples", "samples", "gap", "other"]))
        if kind == "samples":
            drawn = data.draw(samples(start=end))
            happened.append(drawn)
            end += len(drawn.block)
        elif kind == "gap":
            happened.append(Gap(end, data.draw(st.integers(0, 50)), "x"))
            end += happened[-1].lost  # type: ignore[union-attr]
        else:
            happened.append(data.draw(commands | truths))
    assert list(inputs(of(*happened, position=end))) == happened
    kept = [event for event in happened if data.draw(st.integers(0, 3))]
    now = 0
    repaired = list(inputs(of(*kept, position=end)))
    for event in repaired:
        if isinstance(event, Samples):
            assert event.start == now
            now += len(event.block)
        elif isinstance(event, Gap):
            assert event.start == now
            now += event.lost
    assert now == end
    rest = [event for event in repaired if not isinstance(event, Samples | Gap)]
    given_rest = [event for event in kept if not isinstance(event, Samples | Gap)]
    assert [type(event) for event in rest] == [type(event) for event in given_rest]
