"""A checkpoint says what the heads that a log leads to say by themselves, and can be gone on from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from firmware_sim.headers import sizes_of
from odl import data
from odl.core.config import Config
from odl.core.events import AddClass, ChangeClass, Gap, Input, Label, Output, Prediction, Samples, Split
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.session import Session
from odl.core.state import Entry, log_dtype
from odl.data.streams import dataset_streams
from odl.labels.oracle import Oracle
from odl.model.checkpoint import CheckpointError, checkpoint, log_of
from tests.helpers.sessions import at_rest
from tests.helpers.streams import IMAGE, Script, inputs, scripts
from tests.helpers.streams import config as script_config

SHOULDER = Image.from_bytes(data.model_bytes("shoulder"))


def config(image: Image, **settings: Any) -> Config:
    (stream,) = dataset_streams("shoulder", [7], 0)
    scaling = stream.scaling(image)
    return Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset, **settings)


def asking(image: Image) -> Config:
    return config(image, policy="tactile-inforv", allowed=25, horizon=400, batch=2, patience=5000, seed=3)


def learned(subject: int, image: Image = SHOULDER) -> Session:
    """A session of a whole person, who answers from what happened; two exercises are new."""
    (stream,) = dataset_streams("shoulder", [subject], 0)
    session = Session(image, asking(image))
    labels = Oracle(TruthTrack(stream.truths), image.window, stream.classes, delay=100)
    for _ in drive(session, stream.inputs(), labels):
        pass
    return session


def by_themselves(image: Image, chosen: Config, state: bytes) -> Session:
    """A session with the heads that a snapshot's log leads to, without the image's beside them."""
    session = Session(image, chosen)
    session.restore(state)
    session.resume()
    session = at_rest(session)
    session._core.state["learned"] = 0
    return session


def said(image: Image, events: Iterator[Input], after: bytes | None = None) -> list[Output]:
    """What a session that does not learn says; ``after``: with the heads of that snapshot's log alone."""
    chosen = config(image, hold=False)
    session = Session(image, chosen) if after is None else by_themselves(image, chosen, after)
    start = session.position
    out: list[Output] = []
    for event in events:
        if isinstance(event, Samples | Gap):
            moved = replace(event, start=event.start + start)
            out += [replace(e, window=e.window - start) for e in session.step(moved)]  # type: ignore[type-var]
    return out


@pytest.fixture(scope="module", params=[7, 8])
def worn(request: pytest.FixtureRequest) -> Session:
    return learned(request.param)


@pytest.mark.parametrize("vectors", [True, False])
def test_it_says_what_the_learned_heads_say_by_themselves(worn: Session, vectors: bool) -> None:
    state = worn.snapshot()
    made = checkpoint(SHOULDER, log_of(SHOULDER, state), vectors=vectors)
    assert set(made.names.values()) - set(SHOULDER.names.values())  # something was added
    (other,) = dataset_streams("shoulder", [9], 0)
    before = said(SHOULDER, iter(other.inputs()), after=state)
    assert len(before) > 300
    assert said(made, iter(other.inputs())) == before
    assert before != said(SHOULDER, iter(other.inputs()))


def test_it_survives_its_byte_form_and_says_where_it_is_from(worn: Session) -> None:
    log = log_of(SHOULDER, worn.snapshot())
    made = checkpoint(SHOULDER, log)
    again = Image.from_bytes(made.to_bytes())
    assert again.to_bytes() == made.to_bytes()
    labels = log[log["kind"] == Entry.LABEL]
    note = again.card["learned"]
    assert note["from"] == f"{SHOULDER.checksum:08x}"
    assert note["labels"] == len(labels) > 10
    assert set(note["classes"]) == set(made.names.values()) - set(SHOULDER.names.values())
    assert again.card["licence"] == SHOULDER.card["licence"]
    assert "7" not in str(note["classes"]) and "subject" not in str(note)


def test_the_firmware_of_the_first_image_has_room_for_it(worn: Session) -> None:
    log = log_of(SHOULDER, worn.snapshot())
    for vectors in (True, False):
        first, second = sizes_of(SHOULDER), sizes_of(checkpoint(SHOULDER, log, vectors=vectors))
        assert second.pop("max_items") <= first.pop("max_items")
        assert first == second


def test_vectors_of_the_wearer_come_first_and_are_the_last_stored(worn: Session) -> None:
    log = log_of(SHOULDER, worn.snapshot())
    labels = log[log["kind"] == Entry.LABEL]
    made = checkpoint(SHOULDER, log)
    own = made.card["learned"]["vectors"]
    mine = {(int(e["cls"]), e["features"][: SHOULDER.features].tobytes()) for e in labels}
    stored = [(int(c), v.tobytes()) for c, v in zip(made.owners, made.stored, strict=True)]
    assert own == len(mine & set(stored)) and set(stored[-own:]) <= mine
    trained = {(int(c), v.tobytes()) for c, v in zip(SHOULDER.owners, SHOULDER.stored, strict=True)}
    assert set(stored[:-own]) <= trained
    assert len(made.owners) >= len(SHOULDER.owners)


def test_without_vectors_nothing_stored_is_of_the_wearer(worn: Session) -> None:
    log = log_of(SHOULDER, worn.snapshot())
    kept = checkpoint(SHOULDER, log)
    nothing = log[:0]
    for made in (
        checkpoint(SHOULDER, log, vectors=False),
        checkpoint(kept, nothing, vectors=False),
        checkpoint(checkpoint(kept, worn_again(kept)), nothing, vectors=False),
    ):
        assert made.card["learned"]["vectors"] == 0
        trained = {v.tobytes() for v in SHOULDER.stored}
        assert len(made.stored) and all(v.tobytes() in trained for v in made.stored)


def worn_again(image: Image) -> np.ndarray:  # type: ignore[type-arg]
    return log_of(image, learned(8, image).snapshot())


def test_a_checkpoint_of_a_checkpoint(worn: Session) -> None:
    first = checkpoint(SHOULDER, log_of(SHOULDER, worn.snapshot()))
    session = learned(8, first)
    log = log_of(first, session.snapshot())
    second = checkpoint(first, log)
    (other,) = dataset_streams("shoulder", [9], 0)
    assert said(second, iter(other.inputs())) == said(first, iter(other.inputs()), after=session.snapshot())
    fresh = int((log["kind"] == Entry.LABEL).sum())
    assert second.card["learned"]["labels"] == first.card["learned"]["labels"] + fresh
    assert second.card["learned"]["from"] == f"{first.checksum:08x}"
    assert sizes_of(second)["max_items"] <= sizes_of(SHOULDER)["max_items"]


def test_nothing_learned_is_the_image_itself() -> None:
    nothing = np.zeros(0, log_dtype(SHOULDER.features))
    assert checkpoint(SHOULDER, nothing) is SHOULDER
    assert checkpoint(SHOULDER, nothing, vectors=False) is SHOULDER


def test_classes_without_a_label_are_left_out_with_their_tasks() -> None:
    session = Session(IMAGE, script_config("random", allowed=4, horizon=4, patience=500, batch=1))
    window = session.step(Samples(0, samples_of(IMAGE, IMAGE.window)))
    assert any(isinstance(e, Prediction) for e in window)
    at, heads = session.position, len(IMAGE.parents)
    session.step(AddClass(at, 100, "taught", 0))
    session.step(AddClass(at, 101, "untaught", 0))
    session.step(Split(at, 101, heads))
    session.step(Split(at, 100, heads + 1))
    session.step(AddClass(at, 103, "below the taught", heads + 1))
    session.step(Label(at, 0, 103))
    made = checkpoint(IMAGE, log_of(IMAGE, session.snapshot()))
    assert {100, 103} <= set(made.names) and 101 not in made.names
    assert made.parents.tolist() == [*IMAGE.parents.tolist(), 100]
    assert int(made.row_head[made.row_class.tolist().index(103)]) == heads


def test_changed_classes_in_a_checkpoint() -> None:
    """Removed ones are left out, vectors and all, merged ones are the other, all have their present names."""
    session = Session(SHOULDER, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    for event in (
        ChangeClass(0, 0, None, "pendulum"), ChangeClass(0, 1, 2, "abduction"), ChangeClass(0, 2, 2, "up"),
        AddClass(0, 9, "row", 0), ChangeClass(0, 9, 9, "rowing"),
    ):  # fmt: skip
        assert session.step(event) == []
    made = checkpoint(SHOULDER, log_of(SHOULDER, session.snapshot()))
    assert list(made.names.values()) == ["up", "internal rotation", "external rotation"]
    assert Image.from_bytes(made.to_bytes()).checksum == made.checksum
    assert set(made.owners.tolist()) == {2, 3, 4}
    abduction = {vector.tobytes() for vector in SHOULDER.stored[SHOULDER.owners == 1]}
    assert abduction & {vector.tobytes() for vector in made.stored[made.owners == 2]}
    for trained, cls in ((1, 2), (2, 2), (3, 3), (4, 4)):
        vectors = SHOULDER.stored[SHOULDER.owners == trained].astype(np.int64)
        says = made.row_class[(vectors @ made.base[:, :-1].T + made.base[:, -1]).argmax(axis=1)]
        assert (says == cls).mean() > 0.9, trained


def test_renamed_and_removed_classes_leave_the_rows_of_the_others_in_a_checkpoint() -> None:
    session = Session(SHOULDER, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    for event in (ChangeClass(0, 0, None, "pendulum"), ChangeClass(0, 2, 2, "up")):
        assert session.step(event) == []
    made = checkpoint(SHOULDER, session.log)
    assert made.base.tobytes() == SHOULDER.base[1:].tobytes()
    assert checkpoint(made, session.log[:0]) is made


def samples_of(image: Image, n: int) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(5)
    return rng.integers(-9000, 9000, (n, len(image.channels))).astype(np.int16)


@given(scripts())
def test_whatever_happened_the_scores_of_what_was_taught_are_the_same(script: Script) -> None:
    chosen = script_config("random", allowed=10, horizon=40, patience=2000, batch=1)
    session = Session(IMAGE, chosen)
    # The image of a checkpoint has one row for each class, so that of merged ones something is lost.
    script = Script(
        script.seed, [act for act in script.acts if act[0] != "change" or act[2] in (None, act[1])]
    )
    for _ in inputs(script, session):
        pass
    state = session.snapshot()
    made = checkpoint(IMAGE, log_of(IMAGE, state))
    old, new = by_themselves(IMAGE, chosen, state), Session(made, chosen)
    taught = [i for i, (cls, _) in enumerate(old.rows) if cls in made.names]
    assert [old.rows[i][0] for i in taught] == [cls for cls, _ in new.rows]
    block = samples_of(IMAGE, 3 * IMAGE.window)
    before = [e for e in old.step(Samples(old.position, block)) if isinstance(e, Prediction)]
    after = [e for e in new.step(Samples(0, block)) if isinstance(e, Prediction)]
    assert [e.path for e in before] == [e.path for e in after]
    assert [tuple(e.scores[i] for i in taught) for e in before] == [e.scores for e in after]
    assert sum(sum(e.scores) for e in before) == sum(sum(e.scores) for e in after)


def entry(**fields: int) -> np.ndarray:  # type: ignore[type-arg]
    log = np.zeros(1, log_dtype(SHOULDER.features))
    for name, value in fields.items():
        log[name] = value
    return log


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Entry.LABEL, "cls": 77},
        {"kind": Entry.CLASS, "cls": 0},
        {"kind": Entry.CLASS, "cls": 255},
        {"kind": Entry.CLASS, "cls": 77, "head": 1},
        {"kind": Entry.SPLIT, "cls": 77, "head": 1},
        {"kind": Entry.SPLIT, "cls": 0, "head": 2},
        {"kind": Entry.CHANGE, "cls": 77, "head": 255},
        {"kind": Entry.CHANGE, "cls": 0, "head": 77},
        {"kind": 0},
        {"kind": 9},
    ],
)
def test_a_log_that_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(CheckpointError, match="entry 0"):
        checkpoint(SHOULDER, entry(**fields))


def test_another_models_log_is_refused() -> None:
    with pytest.raises(CheckpointError, match="another model"):
        checkpoint(SHOULDER, np.zeros(1, log_dtype(SHOULDER.features + 1)))
    with pytest.raises(CheckpointError, match="129 entries"):
        checkpoint(SHOULDER, np.zeros(129, log_dtype(SHOULDER.features)))
    with pytest.raises(ValueError, match="snapshot of 3 bytes"):
        log_of(SHOULDER, b"abc")


@pytest.mark.parametrize("name", [b"abduction", b"\xff\xfe", b"\x1b[2J", b"a" * 32])
def test_names_that_an_image_cannot_have_are_mended(name: bytes) -> None:
    log = np.concatenate([entry(kind=Entry.CLASS, cls=70 + i // 2) for i in range(0, 4, 2)])
    for one in log:
        one["features"][: len(name)] = list(name)
    labels = np.concatenate([entry(kind=Entry.LABEL, cls=70 + i, order=i + 1) for i in range(2)])
    made = checkpoint(SHOULDER, np.concatenate([log, labels]))
    assert len(set(made.names.values())) == len(SHOULDER.names) + 2
    assert Image.from_bytes(made.to_bytes()).names == made.names


@pytest.mark.parametrize("note", [{"vectors": 61}, {"vectors": -1}, {"labels": "many"}, {"vectors": True}])
def test_a_card_that_cannot_be_is_refused(note: dict[str, Any]) -> None:
    image = replace(SHOULDER, card=SHOULDER.card | {"learned": note})
    with pytest.raises(CheckpointError, match="card"):
        checkpoint(image, entry(kind=Entry.LABEL, cls=0))
