"""Learned heads are a function of image and label log; classes and tasks that are added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import (
    AddClass,
    Dropped,
    Label,
    Learned,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.image import Image
from odl.core.kernels.command import command
from odl.core.kernels.net import Act
from odl.core.session import Session
from odl.core.state import Entry
from tests.helpers.sessions import (
    BOTH,
    answer,
    asked,
    asked_windows,
    at_rest,
    fused,
    heads,
    more,
    pending,
    still_open,
    weights,
)
from tests.helpers.streams import (
    ASKING,
    BUSY,
    IMAGE,
    VARIED,
    Script,
    config,
    configs,
    play,
    scripts,
)

FEWER = settings(max_examples=max(1, settings.default.max_examples // 2))

# --- learned state is a function of the log ---------------------------------------------


def paths(session: Session) -> set[int]:
    """Tasks on the path of a label in the log."""
    state, log = session._core.state[0], session._core.log
    row_of = {int(c): r for r, c in enumerate(state["row_class"][: state["n_rows"]])}
    found = set()
    for entry in log[: state["n_log"]]:
        cls = int(entry["cls"])
        while entry["kind"] == Entry.LABEL and cls != 255:
            head = int(state["row_head"][row_of[cls]])
            found.add(head)
            cls = int(state["head_parent"][head])
    return found


@given(configs(ASKING), scripts())
def test_heads_on_no_labels_path_keep_every_bit(chosen: Config, script: Script) -> None:
    session = fused(chosen)
    play(script, session)
    session = at_rest(session)
    state, rows = session._core.state[0], len(IMAGE.row_class)
    touched = paths(session)
    for row in range(state["n_rows"]):
        if int(state["row_head"][row]) not in touched:
            base = IMAGE.base[row] if row < rows else np.zeros(IMAGE.features + 1, np.int32)
            assert state["weights"][row].tobytes() == base.tobytes()
            assert bool(state["row_active"][row]) == (row < rows)


def test_a_label_trains_the_tasks_on_its_path_and_no_other() -> None:
    session = asked(batch=1)
    answer(session, 0)  # a class of the root task
    learned = weights(session)
    assert np.array_equal(learned[3:5], IMAGE.base[3:5]) and not np.array_equal(learned[:3], IMAGE.base[:3])
    answer(session, 3)  # a class of the task under "walk"
    assert not np.array_equal(weights(session)[3:5], IMAGE.base[3:5])


@given(st.permutations(range(4)), st.lists(st.sampled_from([0, 1, 2, 3, 4, None]), min_size=4, max_size=4))
def test_the_order_of_answers_in_a_batch_makes_no_difference(order: list[int], answers: list[Any]) -> None:
    states, traces = [], []
    for sequence in (range(4), order):
        session = asked(batch=4)
        windows = asked_windows(session)[:4]
        trace = [o for n in sequence for o in session.step(Label(session.position, windows[n], answers[n]))]
        states.append(heads(at_rest(session)))
        traces.append(sorted(map(repr, trace)))
        assert [o.window for o in trace if isinstance(o, Learned)] == [
            w for w, a in zip(windows, answers, strict=True) if a is not None
        ]
    assert states[0] == states[1] and traces[0] == traces[1]


def test_undoing_the_only_label_brings_back_the_base() -> None:
    session = asked(batch=1)
    before = heads(session)
    answer(session, 3)
    assert heads(session) == before  # until the next window
    more(session, 8)
    assert heads(session) != before
    assert session.step(Undo(session.position)) == []
    assert heads(session) == before
    assert np.array_equal(weights(session)[: len(IMAGE.base)], IMAGE.base)


@given(configs(ASKING), scripts(), scripts(most=12), st.sampled_from([0, 1, 2, 3, 4]), BOTH)
def test_a_label_taken_back_might_as_well_have_been_a_skip(
    chosen: Config, before: Script, after: Script, cls: int, image: Image
) -> None:
    chosen = replace(chosen, hold=False)
    one, other = fused(chosen, image), fused(chosen, image)
    play(before, one)
    play(before, other)
    window = next(iter(still_open(one)), None)
    assume(window is not None)
    at = one.position
    said = one.step(Label(at, window, cls))
    assume(not any(isinstance(o, Dropped) and o.why is Why.NO_SUCH_CLASS for o in said))  # removed before
    learned = window not in pending(one)
    one.step(Undo(at))
    # Any answer, of use or not, also settles what has expired by now.
    other.step(Label(at, window if learned else 1, None))
    assert heads(one) == heads(other) and heads(at_rest(one)) == heads(at_rest(other))
    assert still_open(one) == still_open(other)
    # What was learned and taken back may be asked about once more while the segment lasts; a skip ends that.
    assume(one._core.state["asked"][0] == other._core.state["asked"][0])
    # One's refit begins anew. Where the other's is at an end, it leads to what is in use already.
    assume(not other._core.state["refitting"][0])
    assert play(after, one) == play(after, other)
    assert heads(at_rest(one)) == heads(at_rest(other))


@given(configs(), scripts(), st.sampled_from([0, 1, 2, 3, 4]), BOTH)
def test_what_was_taught_and_taken_back_leaves_no_trace_in_the_heads(
    chosen: Config, script: Script, cls: int, image: Image
) -> None:
    session = fused(chosen, image)
    play(script, session)
    at = session.position
    session.step(Label(at, 1, None))  # settles what has expired by now
    before, log, taught = heads(at_rest(session)), session.log["window"].tolist(), session.counts["taught"]
    session.step(Teach(at, cls))
    assume(session.counts["taught"] > taught)
    assert heads(at_rest(session)) != before
    session.step(Undo(at))
    assert heads(at_rest(session)) == before and session.log["window"].tolist() == log


@FEWER
@given(configs(), scripts(), st.sampled_from([VARIED, BUSY, replace(BUSY, max_log=13)]))
def test_heads_at_rest_are_the_whole_refit_of_the_log(chosen: Config, script: Script, image: Image) -> None:
    session = fused(chosen, image)
    play(script, session)
    again = fused(chosen, image)
    again.restore(session.snapshot())
    command(again._core.block, Act.REFIT, 0, 0, 0)
    assert heads(at_rest(session)) == heads(again)
    # What was learned stays where a stream is left and gone on with; at first the heads are the image's.
    session.resume()
    assert in_use(session) == image.base.tobytes()
    assert heads(at_rest(session)) == heads(again)


def in_use(session: Session) -> bytes:
    return session._core.state["weights"][0, : len(IMAGE.base)].tobytes()


# --- classes and splits -------------------------------------------------------------------


def test_a_class_that_was_never_labelled_is_never_predicted() -> None:
    session = fused(config("none", allowed=0))
    assert session.step(AddClass(0, 9, "wave", 0)) == []
    assert session.names == IMAGE.names | {9: "wave"}
    predictions = more(session, 400)
    assert len(predictions) > 40
    assert all(9 not in p.path and p.scores[5] == 0 and len(p.scores) == 6 for p in predictions)


def test_a_class_takes_part_from_its_first_label_on() -> None:
    session = asked(batch=1)
    session.step(AddClass(session.position, 9, "wave", 0))
    answer(session, 9)
    predictions = more(session)
    assert any(p.scores[5] > 0 for p in predictions)
    session.step(Undo(session.position))
    assert all(p.scores[5] == 0 and 9 not in p.path for p in more(session))


def test_a_new_task_begins_with_its_first_class() -> None:
    session = asked(batch=1, allowed=6)
    at = session.position
    assert session.step(Split(at, 0, 2)) == []
    for cls, name in ((5, "sit up"), (6, "sit down")):
        assert session.step(AddClass(at, cls, name, 2)) == []
    assert answer(session, 5) == [Learned(at, 0, 5, 2)]
    alone = more(session)
    sitting = [p for p in alone if p.path[0] == 0]
    assert {p.path for p in sitting} <= {(0, 5), (0,)} and any(p.path == (0, 5) for p in sitting)
    assert all(p.scores[6] == 0 and p.scores[5] in (0, p.scores[0]) for p in alone)
    session = asked(batch=1, allowed=6)
    for event in (Split(at, 0, 2), AddClass(at, 5, "sit up", 2), AddClass(at, 6, "sit down", 2)):
        session.step(event)
    assert answer(session, 5) + answer(session, 6) == [Learned(at, 0, 5, 2), Learned(at, 8, 6, 2)]
    both = more(session)
    assert {p.path for p in both if p.path[0] == 0} <= {(0, 5), (0, 6), (0,)}
    # What is said of "sit" is shared out below it, unless the image's word counts.
    assert all(p.scores[5] + p.scores[6] in (0, p.scores[0]) for p in both)


def test_names_outlive_being_cut_by_a_label() -> None:
    session = fused(config("none", allowed=0))
    name = "ä" * 16  # 32 bytes
    session.step(AddClass(0, 200, name, 1))
    assert session.names[200] == name
