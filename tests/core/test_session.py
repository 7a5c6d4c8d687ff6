"""The state machine: what makes no difference, and inputs that cannot be taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import (
    AddClass,
    Gap,
    Input,
    Label,
    Prediction,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
)
from odl.core.image import Image
from odl.core.kernels.run import run
from odl.core.running_policy import RunningPolicy
from odl.core.session import OrderError, Session
from odl.model.dendron import Dendron
from tests.helpers.images import random_image
from tests.helpers.sessions import (
    BOTH,
    answer,
    asked,
    at_rest,
    composed,
    fused,
    heads,
)
from tests.helpers.streams import (
    ASKING,
    CHANNELS,
    IMAGE,
    SCALING,
    Script,
    config,
    configs,
    inputs,
    play,
    samples,
    scripts,
)

FEWER = settings(max_examples=max(1, settings.default.max_examples // 2))

# --- what makes no difference -------------------------------------------------------------


@given(configs(), scripts(), st.integers(0, 2**32), BOTH)
def test_any_way_of_cutting_gives_the_same_trace(
    chosen: Config, script: Script, cuts: int, image: Image
) -> None:
    whole, cut = fused(chosen, image), fused(chosen, image)
    assert play(script, whole) == play(script, cut, cuts)
    assert whole.snapshot() == cut.snapshot()


@given(configs(), scripts(), BOTH)
def test_fused_equals_composed(chosen: Config, script: Script, image: Image) -> None:
    one, other = fused(chosen, image), composed(chosen, image)
    assert play(script, one) == play(script, other)
    assert heads(one) == heads(other)
    assert one.names == other.names
    assert one.counts == other.counts


# Dendron outside the core learns at once. What it says meanwhile differs, so the policy must not listen. A
# learner of one's own takes no part in merging and removing classes.
@FEWER
@given(configs(("none", "random", "periodic")), scripts())
def test_dendron_comes_to_the_same_heads(chosen: Config, script: Script) -> None:
    script = Script(script.seed, [act for act in script.acts if act[0] != "change"])
    learner = Dendron(IMAGE)
    one, other = fused(chosen), Session(IMAGE, chosen, learner, RunningPolicy(IMAGE, chosen))
    said = [[o for o in play(script, s) if not isinstance(o, Prediction | Query)] for s in (one, other)]
    assert said[0] == said[1]
    assert heads(at_rest(one)) == learner.to_bytes()
    apart = {name for name in one.counts if one.counts[name] != other.counts[name]}
    assert apart <= {"refits"}  # Dendron has none that a new class could interrupt


@FEWER
@given(configs(), scripts(), st.integers(0, 2**32))
def test_composed_is_cut_as_freely(chosen: Config, script: Script, cuts: int) -> None:
    assert play(script, composed(chosen)) == play(script, composed(chosen), cuts)


@given(configs(), scripts(), BOTH, st.data())
def test_a_snapshot_has_the_same_future(
    chosen: Config, script: Script, image: Image, data: st.DataObject
) -> None:
    session = fused(chosen, image)
    played = list(inputs(script, session, cuts=1))
    at = data.draw(st.integers(0, len(played)), "inputs before the snapshot")
    first, second = fused(chosen, image), fused(chosen, image)
    for event, outputs in played[:at]:
        assert first.step(event) == outputs
    snapshot = first.snapshot()
    second.restore(snapshot)
    assert second.snapshot() == snapshot
    assert (second.position, second.names) == (first.position, first.names)
    for event, outputs in played[at:]:
        assert second.step(event) == outputs
    assert second.snapshot() == session.snapshot()


@FEWER
@given(configs(), scripts())
def test_a_truth_is_ignored(chosen: Config, script: Script) -> None:
    session, other = fused(chosen), fused(chosen)
    for event, outputs in inputs(script, session):
        assert other.step(Truth(0, 9, "walk")) == []
        assert other.step(event) == outputs
    assert other.snapshot() == session.snapshot()


@given(configs(), scripts())
def test_no_window_spans_a_gap(chosen: Config, script: Script) -> None:
    session, starts, ends, windows = fused(chosen), [0], [], []
    for event, outputs in inputs(script, session):
        if isinstance(event, Gap):
            ends.append(event.start)
            starts.append(event.start + event.lost)
        windows += [output.window for output in outputs if isinstance(output, Prediction)]
    ends.append(session.position)
    expected = [
        window
        for start, end in zip(starts, ends, strict=True)
        for window in range(start, end - IMAGE.window + 1, IMAGE.hop)
    ]
    assert windows == expected


@given(configs(), scripts())
def test_samples_until_the_next_window_are_known(chosen: Config, script: Script) -> None:
    session = fused(chosen)
    raw = samples(script.seed, 500)
    at = 0
    for event, _ in inputs(script, session):
        if isinstance(event, Samples):
            continue
        n = session.samples_to_window()
        twin = fused(chosen)
        twin.restore(session.snapshot())
        before = twin.step(Samples(twin.position, raw[at : at + n - 1])) if n > 1 else []
        assert not any(isinstance(output, Prediction) for output in before)
        outputs = twin.step(Samples(twin.position, raw[at : at + 1]))
        assert any(isinstance(output, Prediction) for output in outputs)


# --- inputs that cannot be taken ----------------------------------------------------------

GOOD = samples(1, 10)


@pytest.mark.parametrize(
    ("event", "error", "what"),
    [
        (Samples(1, GOOD), OrderError, "samples begin at sample 1, but the stream stands at 0"),
        (Gap(1, 3, "?"), OrderError, "a gap begins at sample 1"),
        (Gap(0, -1, "?"), OrderError, "a gap of -1 samples"),
        (Gap(0, 2**62, "?"), OrderError, "leads out of the stream"),
        (Label(5, 0, 1), OrderError, "a label lies at sample 5"),
        (Undo(5), OrderError, "an undo lies at sample 5"),
        (AddClass(5, 9, "wave", 0), OrderError, "a new class lies at sample 5"),
        (Split(5, 0, 2), OrderError, "a split lies at sample 5"),
        (Samples(0, GOOD[:, :2]), ValueError, r"shape \(10, 2\); the model wants \(n, 3\)"),
        (Samples(0, GOOD[:, 0]), ValueError, r"shape \(10,\)"),
        (Samples(0, GOOD.astype(np.int32)), ValueError, "type int32; the model wants int16"),
        (Samples(0, GOOD.astype(">i2")), ValueError, "the model wants int16"),
        (AddClass(0, 9, "", 0), ValueError, "cannot be a class"),
        (AddClass(0, 9, "\x1b[2J", 0), ValueError, "cannot be a class"),
        (AddClass(0, 256, "wave", 0), ValueError, "a class is numbered 256; it can be 0 to 255"),
        (AddClass(0, 9, "wave", -1), ValueError, "a task is numbered -1"),
        (Split(0, -1, 2), ValueError, "a class is numbered -1"),
        (Split(0, 1, 300), ValueError, "a task is numbered 300"),
        (Label(0, 0, 256), ValueError, "a class is numbered 256"),
        (Label(0, -1, 1), ValueError, "a window's number is -1"),
        (Label(0, 2**64, 1), ValueError, "a window's number is 18446744073709551616"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_changes_nothing(
    event: Input, error: type[Exception], what: str
) -> None:
    session = fused(config())
    before = session.snapshot()
    with pytest.raises(error, match=what):
        session.step(event)
    assert session.snapshot() == before


def test_samples_need_not_be_contiguous_or_writable_and_are_left_alone() -> None:
    raw = samples(4, 100)
    whole = fused(config("periodic", batch=1))
    expected = whole.step(Samples(0, raw))
    fortran = np.asfortranarray(raw)
    strided = np.repeat(raw, 2, axis=0)[::2]
    fortran.flags.writeable = False
    for block in (fortran, strided):
        kept = block.copy()
        assert fused(config("periodic", batch=1)).step(Samples(0, block)) == expected
        assert np.array_equal(block, kept)


def test_no_samples_are_fine() -> None:
    session = fused(config())
    assert session.step(Samples(0, GOOD[:0])) == [] and session.position == 0


def test_a_session_that_cannot_be_is_refused() -> None:
    scaling = {"mult": (1,) * 2, "shift": (0,) * 2, "offset": (0,) * 2}
    with pytest.raises(ValueError, match="for 2 channels, but the model has 3"):
        Session(IMAGE, Config(**scaling))
    with pytest.raises(ValueError, match="image is the str 'shoulder'; it can be an odl.Image"):
        Session("shoulder", config())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="learner is the class Dendron, not an object of it"):
        Session(IMAGE, config(), learner=Dendron)
    with pytest.raises(ValueError, match="policy is a list; it can be a name"):
        Session(IMAGE, config(), policy=[])
    with pytest.raises(ValueError, match="batch of 7 questions, but the model has room for 6"):
        fused(config(batch=7))
    with pytest.raises(ValueError, match="batch of 7 questions, but the model has room for 6"):
        Session(IMAGE, Config(batch=7, **SCALING), policy=lambda window, scores: True)
    fused(Config(batch=7, **SCALING))  # who asks nothing needs no room


def test_snapshots_are_of_the_integer_core_and_of_one_size() -> None:
    session = fused(config())
    with pytest.raises(ValueError, match="a snapshot of 3 bytes; this model's has"):
        session.restore(b"abc")
    other = composed(config())
    for use in (other.snapshot, lambda: other.restore(session.snapshot())):
        with pytest.raises(ValueError, match="needs the integer core"):
            use()


def test_a_snapshot_is_a_copy() -> None:
    session = fused(config())
    before = session.snapshot()
    session.step(Samples(0, samples(1, 300)))
    after = session.snapshot()
    session.restore(before)
    assert session.snapshot() == before != after
    assert session.position == 0


def test_another_seed_draws_other_windows() -> None:
    raw = samples(6, 600)
    asked_about = set()
    for seed in range(1, 9):
        outputs = fused(config("random", seed=seed, allowed=4)).step(Samples(0, raw))
        asked_about.add(tuple(output.window for output in outputs if isinstance(output, Query)))
    assert len(asked_about) > 4


def test_predictions_do_not_depend_on_asking() -> None:
    raw = samples(6, 600)
    said = set()
    for policy in ("none", *ASKING):
        outputs = fused(config(policy)).step(Samples(0, raw))
        said.add(tuple(output for output in outputs if isinstance(output, Prediction)))
    assert len(said) == 1


def test_one_image_many_sessions() -> None:
    image = random_image(9, tree=True)
    before = image.to_bytes()
    session = asked(image, batch=1)
    answer(session, 3)
    assert image.to_bytes() == before


def test_an_array_of_another_type_is_refused_before_compiled_code_sees_it() -> None:
    session = Session(IMAGE, config("none", allowed=0))
    session.step(Samples(0, np.zeros((1, CHANNELS), np.int16)))
    wrong: Any = np.zeros(CHANNELS, np.int32)
    with pytest.raises(TypeError, match="argument 1 is of int32, not of int16"):
        run(session._core.block, wrong, 0, False, False)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_policy_of_ones_own_takes_samples_however_they_lie_in_memory(order: Any) -> None:
    """A single row of a table that is stored by columns has strides."""
    samples = np.random.default_rng(0).integers(-100, 100, (300, CHANNELS)).astype(np.int16)
    base = Config(policy="random", allowed=50, horizon=50, **SCALING)
    whole = Session(IMAGE, base, policy=lambda window, scores: True)
    rows = Session(IMAGE, base, policy=lambda window, scores: True)
    stored = np.asarray(samples, order=order)
    found = [event for i in range(len(stored)) for event in rows.step(Samples(i, stored[i : i + 1]))]
    assert found == list(whole.step(Samples(0, samples)))
    assert any(isinstance(event, Query) for event in found)
