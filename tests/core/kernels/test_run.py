"""A whole session on the kernels equals the plain one, whatever comes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import Prediction, Samples
from odl.core.image import Image
from odl.core.kernels.block import BULK
from odl.core.kernels.plain import SELDOM, seldom
from odl.core.session import Session
from tests.helpers.in_kernels import heads_of, log_of
from tests.helpers.reference_session import ReferenceSession
from tests.helpers.streams import ASKING, BUSY, IMAGE, VARIED, Script, config, configs, play, scripts

pytestmark = pytest.mark.filterwarnings("error")
SOME = settings(max_examples=max(1, settings.default.max_examples // 2))


# The busy image has little time for a refit between windows; its shorter log is full before long.
IMAGES = [VARIED, BUSY, replace(BUSY, max_log=13)]


@SOME
@given(configs(), scripts(), st.sampled_from(IMAGES))
def test_session_equals_the_plain_one(chosen: Config, script: Script, image: Image) -> None:
    plain = compare(chosen, script, image)
    assert all(count >= 0 for count in plain.counts.values())


def compare(chosen: Config, script: Script, image: Image) -> ReferenceSession:
    """Hold the two equal in all there is to see."""
    session, plain = Session(image, chosen), ReferenceSession(image, chosen)
    assert play(script, session) == play(script, plain)
    assert {name: n for name, n in session.counts.items() if n} == dict(+Counter(plain.counts))
    state, log = session._core.state, session._core.log
    s = state[0]
    assert log_of(state, log) == plain.entries()
    assert log["order"][: s["n_log"]].tolist() == [line.order for line in plain.log]
    assert heads_of(state, plain.entries()) == plain.learner
    learning = heads_of(state, (), "next", "next_active").rows if s["refitting"] else None
    assert learning == (plain.refit.rows if plain.refit else None)
    segment = plain.segment
    assert (s["position"], s["segment"], s["age"]) == (plain.position, segment.number, segment.age)
    assert (s["held"], s["held_said"], s["said"]) == (*(plain.held or (255, 255)), plain.said)
    return plain


def test_questions_that_move_up_keep_all_that_is_known_of_them() -> None:
    # Two batches of two, the second after a seam; half of the second is answered before the
    # first is learned from and makes way. Then the rest, or all is taken back.
    acts = [("samples", 48), ("gap", 0), ("samples", 48), ("label", 1, 2), ("label", 3, 0), ("label", 2, 1)]
    always = config("periodic", allowed=4, horizon=1, batch=2, patience=90, hold=True, change=32768)
    for rest in (
        [("undo",)] * 2,
        [("undo",)] * 4,
        [("label", 0, 3)],
        [("undo",), ("label", 1, 4), ("label", 0, 3)],
    ):
        plain = compare(always, Script(2, [*acts, *rest, ("samples", 90)]), IMAGE)
        assert plain.counts["answered"] >= 3
    assert plain.counts["refits"] == 3


def test_undo_comes_after_what_expired_before_it() -> None:
    # The other question of the batch expires in the gap: the answer is learned, then undone.
    acts = [("samples", 48), ("label", 1, 3), ("gap", 500), ("undo",), ("samples", 90)]
    plain = compare(config("periodic", allowed=2, horizon=1, batch=2), Script(2, acts), IMAGE)
    assert plain.log == [] and plain.counts["undone"] == 1 and plain.counts["refits"] == 2


def test_a_full_log_gives_way_to_answers_and_refuses_growth() -> None:
    acts = [("samples", 40)]
    acts += [("class", cls, 0) for cls in (5, 6, 7, 9)] + [("split", leaf, 2 + leaf) for leaf in (0, 2, 4)]
    acts += [("label", 0, 5), ("samples", 8)] * 6 + [("class", 9, 0), ("split", 4, 4), ("samples", 80)]
    always = config("periodic", allowed=99, horizon=1, batch=1)
    plain = compare(always, Script(1, acts), replace(IMAGE, max_log=8))
    assert len(plain.learner.rows) == IMAGE.max_rows and len(plain.log) == 8
    assert plain.counts["answered"] == 6 and plain.counts["gave_way"] == 2
    assert plain.counts["full"] == 5


@SOME
@given(st.randoms(use_true_random=False), st.sampled_from(ASKING), st.sampled_from([0, 30]))
def test_a_long_session_on_a_short_log(chance: random.Random, policy: str, every: int) -> None:
    # Nearly every question is answered, and much is taught: classes of the image, two new ones, a new task's.
    acts: list[tuple[Any, ...]] = [("class", 5, 0), ("split", 2, 2), ("class", 6, 2), ("class", 7, 2)]
    for _ in range(40):
        cls = chance.choice([0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7])
        answers = [("label", chance.choice([0, 0, 1]), cls)] * 6 + [("teach", cls)] * 4
        acts += [("samples", chance.choice([8, 16])), chance.choice([*answers, ("undo",)])]
    chosen = config(policy, allowed=40, horizon=100, batch=1, patience=100, every=every, change=800)
    plain = compare(chosen, Script(chance.randint(0, 99), acts), replace(BUSY, max_log=13))
    assert len(plain.log) <= 13


def test_a_task_from_nothing_is_learned_over_many_hops() -> None:
    # "sit" becomes two; at eight items a hop the image's epochs take seven hops, and the new task more.
    acts = [("samples", 48), ("split", 0, 2), ("class", 5, 2), ("class", 6, 2), ("teach", 5), ("samples", 40)]
    acts += [("teach", 6), ("samples", 200), ("class", 7, 2), ("samples", 400)]
    plain = compare(config("none", allowed=0), Script(4, acts), replace(IMAGE, rate_hz=1600.0))
    assert plain.refit is not None and plain.refit.late == {2} and plain.counts["refits"] == 3
    assert plain.refit.left < 4000
    plain = compare(config("none", allowed=0), Script(4, [*acts, ("samples", 90)]), IMAGE)
    assert plain.refit is None and plain.learner.learned


@pytest.mark.parametrize("policy", ["none", "periodic"])
def test_a_block_of_more_windows_than_there_are_records_for(policy: str) -> None:
    # Every window is asked about at first, so that records and questions fill up in one block.
    image = replace(IMAGE, hop=4)
    chosen = replace(config("periodic", allowed=400, horizon=1, batch=1, patience=9), policy=policy)
    raw = (
        np.random.default_rng(5).integers(-(2**15), 2**15, (IMAGE.window + 4 * 2 * BULK, 3)).astype(np.int16)
    )
    whole, cut = Session(image, chosen), Session(image, chosen)
    outputs = list(whole.step(Samples(0, raw)))
    apart = [output for at in range(0, len(raw), 7) for output in cut.step(Samples(at, raw[at : at + 7]))]
    assert outputs == apart and whole.snapshot() == cut.snapshot()
    assert sum(isinstance(output, Prediction) for output in outputs) == 2 * BULK + 1


def test_what_is_seldom_called_is_compiled_once_it_is_called_often() -> None:
    class Kernel:
        """Stands for a kernel: adds up in Python, and tells when it runs compiled."""

        compiled = 0

        @staticmethod
        def py_func(one: int) -> int:
            return one + 1

        def __call__(self, one: int) -> int:
            self.compiled += 1
            return one + 1

    kernel = Kernel()
    run = seldom(kernel)
    assert [run(n) for n in range(SELDOM + 3)] == list(range(1, SELDOM + 4))
    assert kernel.compiled == 3
