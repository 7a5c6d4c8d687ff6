"""A state that a board sent is looked at before kernels use its numbers as places."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import Adopt, Gap, Label, Samples, Teach, Undo
from odl.core.image import Image
from odl.core.session import OrderError, Session
from odl.core.snapshot import StateError, labels_of, state_of, with_weights, without_learning, without_weights
from odl.core.state import log_dtype, state_dtype_of
from tests.helpers.streams import BUSY, IMAGE, Script, config, configs, inputs, samples, scripts

LAYOUT, ENTRY = state_dtype_of(IMAGE), log_dtype(IMAGE.features)
CONFIG = config("periodic", allowed=30, horizon=60, batch=2, patience=400)
ACTS = [("samples", 150), ("label", 1, 1), ("label", 0, 2), ("class", 7, 0), ("split", 2, 2),
        ("class", 9, 2), ("samples", 60), ("label", 0, 7), ("label", 1, 9), ("samples", 40)]  # fmt: skip


def lived(image: Image = IMAGE) -> Session:
    """A session with questions, labels, a new class and a task of its own."""
    session = Session(image, CONFIG)
    for _ in inputs(Script(2, ACTS), session):
        pass
    return session


SNAPSHOT = lived().snapshot()


def changed(field: str, value: Any, index: Any = ()) -> bytes:
    """The snapshot with one number of its state block changed."""
    state = np.frombuffer(SNAPSHOT, LAYOUT, 1).copy()
    state[field][(0, *index)] = value
    return state.tobytes() + SNAPSHOT[LAYOUT.itemsize :]


def logged(place: int, field: str, value: Any) -> bytes:
    """The snapshot with one number of its log changed."""
    log = np.frombuffer(SNAPSHOT, ENTRY, offset=LAYOUT.itemsize).copy()
    log[field][place] = value
    return SNAPSHOT[: LAYOUT.itemsize] + log.tobytes()


STATES = [
    ("position", -1, (), "position is -1"), ("position", 2**62 + 1, (), "position is 4611686018427387905"),
    ("phase", -1, (), "phase is -1"), ("phase", 10**9, (), "phase is 1000000000"),
    ("ring_at", 8, (), "ring_at is 8; it can be 0 to 7"), ("ring_at", -1, (), "ring_at is -1"),
    ("ring_n", 99, (), "ring_n is 99"), ("fill", 5, (0,), "fill of layer 0 is 5; it can be 0 to 4"),
    ("fill", -1, (1,), "fill of layer 1 is -1"), ("n_log", 41, (), "n_log is 41"),
    ("n_log", -1, (), "n_log is -1"), ("n_ask", 9, (), "n_ask is 9"), ("n_ask", -1, (), "n_ask is -1"),
    ("n_rows", 6, (), "row_class is not what image and label log give"),
    ("n_rows", 2**31 - 1, (), "row_class"),
    ("n_heads", 9, (), "head_parent"), ("n_heads", -5, (), "head_parent"),
    ("n_warm", 17, (), "n_warm is 17"), ("n_far", 2, (), "n_far is 2"),
    ("generator", 0, (), "generator is 0"),
    ("row_class", 0, (6,), "row_class"), ("row_head", 7, (6,), "row_head"),
    ("head_parent", 7, (2,), "head_parent"),
    ("head_format", 77, (1,), "head_format"), ("row_active", 2, (0,), "row_active is 2"),
    ("taps", 200, (0,), "an input of the first layer is 200"),
    ("taps", -1, (16,), "an input of a layer is -1"),
    ("weights", 2**30 + 1, (0, 0), "a weight is"), ("weights", -(2**31), (0, 0), "a weight is"),
    ("held", 200, (), "held is class 200"), ("said", 200, (), "said is class 200"),
    ("held_said", 201, (), "held_said is class 201"), ("counts", -1, (3,), "counts is -1"),
    ("ask_status", 0, (0,), "a question's status is 0"), ("ask_status", 9, (0,), "a question's status is 9"),
    ("ask_class", 200, (0,), "class 200"), ("ask_window", -3, (0,), "a question's window is -3"),
    ("ask_batch", 10**6, (0,), "a question's batch is"),
    ("ask_segment", -1, (0,), "a question's segment is -1"),
    ("ask_said", 200, (0,), "a question was about class 200"),
    ("since", 10**6, (), "since is 1000000"), ("last", -1, (), "last is -1"), ("age", -1, (), "age is -1"),
    ("age", 10**6, (), "n_sum is"), ("n_sum", 300, (), "n_sum is 300"),
    ("sums", 65535, (0,), "sums is 65535"), ("doubt", -1, (), "doubt is -1"),
    ("points", 2**40, (), "points is"), ("asked_at", -1, (), "asked_at is -1"),
    ("n_recent", 65, (), "n_recent is 65"), ("recent_at", 64, (), "recent_at is 64"),
    ("asked", 2, (), "asked is 2"), ("learned", 2, (), "learned is 2"),
    ("refitting", 3, (), "refitting is 3"), ("n_items", -1, (), "n_items is -1"),
    ("next", 2**30 + 1, (0, 0), "a weight is"), ("next_active", 2, (0,), "next_active is 2"),
    ("touched", 2, (0,), "touched is 2"),
    ("rv_u", -1, (), "rv_u is -1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "index", "sentence"), STATES, ids=[f"{s[0]} {s[1]}" for s in STATES]
)
def test_each_number_of_the_state_block_is_checked(
    field: str, value: int, index: tuple[int, ...], sentence: str
) -> None:
    session = lived()
    assert int(np.frombuffer(SNAPSHOT, LAYOUT, 1)["n_ask"][0]) > 0
    with pytest.raises(StateError, match=sentence):
        session.step(Adopt(session.position, 0, changed(field, value, index)))
    assert session.snapshot() == SNAPSHOT


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("place", 99, "place is 99; it can be 0 to"), ("place", -1, "place is -1"),
        ("epoch", -1, "epoch is -1"),
        ("n_items", 0, "n_items is 0"), ("refit_generator", 0, "refit_generator is 0"),
        ("items", 39, "a refit learns from item 39, which does not exist"),
        ("items", 40 + 15, "a refit learns from item 55"),
    ],
)  # fmt: skip
def test_each_number_of_a_refit_under_way_is_checked(field: str, value: int, sentence: str) -> None:
    session = lived(BUSY)
    session.step(Undo(session.position))
    snapshot = session.snapshot()
    state = np.frombuffer(snapshot, LAYOUT, 1).copy()
    assert state["refitting"][0] == 1 and BUSY.max_log == 40 and len(BUSY.owners) == 15
    state[field][(0, 0) if field == "items" else 0] = value
    with pytest.raises(StateError, match=sentence):
        session.restore(state.tobytes() + snapshot[LAYOUT.itemsize :])


LOGS = [
    (0, "base", 200, "base of log entry 0 is 200"), (0, "mixed", 200, "mixed of log entry 0 is 200"),
    (0, "kind", 9, "the kind of log entry 0 is 9"), (0, "cls", 200, "log entry 0 is of class 200"),
    (0, "head", 7, "log entry 0 is of another task"), (0, "window", -2, "the window of a log entry is -2"),
    (0, "order", 10**6, "the order of a log entry"), (2, "cls", 0, "log entry 2 cannot add class 0"),
    (2, "head", 9, "log entry 2 cannot add class 7"), (3, "cls", 200, "log entry 3 cannot split class 200"),
    (3, "head", 1, "log entry 3 cannot split class 2"),
    (2, "features", 0, "log entry 2 gives class 7 no name"),
    (2, "features", 0xFF, "log entry 2 gives class 7 no name"),
    (0, "kind", 2, "log entry 0 cannot add class 1"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "field", "value", "sentence"), LOGS, ids=[s[3] for s in LOGS])
def test_each_entry_of_the_log_is_checked(place: int, field: str, value: int, sentence: str) -> None:
    with pytest.raises(StateError, match=sentence):
        state_of(IMAGE, logged(place, field, value))


def test_another_length_is_refused() -> None:
    for data in (b"", SNAPSHOT[:-1], SNAPSHOT + b"\0"):
        with pytest.raises(StateError, match=f"a snapshot of {len(data)} bytes; this model's has"):
            lived().restore(data)


@given(scripts(40), configs(), st.integers(0, 2**32))
def test_whatever_passes_the_check_can_be_gone_on_from(script: Script, chosen: Config, seed: int) -> None:
    session = Session(BUSY, chosen)
    for _ in inputs(script, session):
        pass
    whole = session.snapshot()
    session.restore(whole)
    assert session.snapshot() == whole
    chance = random.Random(seed)
    hurt = bytearray(whole)
    for _ in range(chance.choice([1, 1, 2, 5])):
        hurt[chance.randrange(len(hurt))] ^= 1 << chance.randrange(8)
    other = Session(BUSY, chosen)
    try:
        other.restore(bytes(hurt))
    except StateError:
        return
    at = other.position
    for event in (Samples(at, samples(4, 90)), Label(at + 90, 1, 1), Teach(at + 90, 0), Undo(at + 90),
                  Gap(at + 90, 3, "a test"), Samples(at + 93, samples(5, 60))):  # fmt: skip
        other.step(event)


def test_a_state_has_to_stand_where_it_is_said_to() -> None:
    session = Session(IMAGE, CONFIG)
    position = lived().position
    with pytest.raises(OrderError, match=f"a state of sample {position} was to be of sample 7"):
        session.step(Adopt(0, 7, SNAPSHOT))
    with pytest.raises(OrderError, match="a state begins at sample 3, but the stream stands at 0"):
        session.step(Adopt(3, position - 3, SNAPSHOT))
    assert session.step(Adopt(0, position, SNAPSHOT)) == []
    assert session.snapshot() == SNAPSHOT


def test_a_state_without_weights_is_enough_where_nothing_else_was_learned() -> None:
    session = lived()
    brief = without_weights(IMAGE, SNAPSHOT)
    assert with_weights(IMAGE, SNAPSHOT, brief) == SNAPSHOT
    session.step(Samples(session.position, samples(8, 30)))
    assert with_weights(IMAGE, SNAPSHOT, without_weights(IMAGE, session.snapshot())) == session.snapshot()
    session.step(Undo(session.position))
    assert with_weights(IMAGE, SNAPSHOT, without_weights(IMAGE, session.snapshot())) is None
    assert with_weights(IMAGE, SNAPSHOT, brief[:-1]) is None


def test_without_learning_the_stream_goes_on_at_the_same_place() -> None:
    quiet = config("none", allowed=0)
    plain = without_learning(IMAGE, SNAPSHOT)
    twin, start = Session(IMAGE, quiet), lived()
    twin.restore(plain)
    assert labels_of(IMAGE, SNAPSHOT) and not labels_of(IMAGE, plain)
    assert twin.names == IMAGE.names
    following = Samples(start.position, samples(8, 100))
    with_, without = start.step(following), twin.step(following)
    windows = [e.window for e in with_ if type(e).__name__ == "Prediction"]
    assert [e.window for e in without] == windows and len(windows) > 5
