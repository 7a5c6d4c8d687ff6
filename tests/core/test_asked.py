"""A session that is told which windows to ask about: equal however it is run, in Python and C."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings

from odl.core.config import Config
from odl.core.events import Output, Prediction, Query
from odl.core.protocols import Decision, Scores, Window
from odl.core.session import Session
from odl.core.state import Asked
from odl.model.dendron import Dendron
from tests.helpers.streams import ASKING, BUSY, Script, config, configs, play, scripts


class AsAsked:
    """The same as a policy, for the composed session: the obvious reference."""

    def __init__(self, windows: Iterable[int]) -> None:
        self._windows = frozenset(windows)

    def decide(self, window: Window, scores: Scores) -> Decision:
        return Decision(window.start in self._windows, scores.uncertainty)

    def settle(self, window: int, outcome: Asked) -> None:
        pass


def queries(trace: list[Output]) -> list[int]:
    return [event.window for event in trace if isinstance(event, Query)]


def some_of(script: Script, chosen: Config) -> list[int]:
    """A part of the script's windows, often more than the budget is good for."""
    windows = [e.window for e in play(script, Session(BUSY, chosen)) if isinstance(e, Prediction)]
    chance = random.Random(script.seed)
    return chance.sample(windows, chance.randint(0, len(windows)))


@settings(max_examples=40, deadline=None)
@given(scripts(), configs())
def test_it_asks_as_the_composed_session_does(script: Script, chosen: Config) -> None:
    windows = some_of(script, chosen)
    told = play(script, Session(BUSY, chosen, asked=windows), cuts=5)
    assert told == play(script, Session(BUSY, chosen, policy=AsAsked(windows)))
    assert set(queries(told)) <= set(windows)


@settings(max_examples=40, deadline=None)
@given(scripts(), configs(ASKING))
def test_told_what_a_policy_asked_about_it_is_the_same_session(script: Script, chosen: Config) -> None:
    trace = play(script, Session(BUSY, chosen))
    assert play(script, Session(BUSY, chosen, asked=queries(trace))) == trace


@settings(max_examples=25, deadline=None)
@given(scripts(), configs())
def test_it_is_the_same_in_c(script: Script, chosen: Config) -> None:
    pytest.importorskip("ziglang", reason="the C core is built with ziglang")
    from odl.live.verify import make

    windows = some_of(script, chosen)
    one, other = (make(twin, BUSY, chosen, asked=windows) for twin in ("python", "host"))
    assert play(script, one) == play(script, other)  # type: ignore[arg-type]
    assert one.snapshot() == other.snapshot()


def test_a_policy_and_what_to_ask_about_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="without a learner or a policy"):
        Session(BUSY, config(), Dendron(BUSY), AsAsked([]), asked=[0])
