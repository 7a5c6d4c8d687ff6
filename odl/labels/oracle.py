"""A labeller that answers from recorded truth, with delays, skips and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from odl.core.adapters import DelayedAnswers
from odl.core.config import ConfigError
from odl.core.events import Query
from odl.core.protocols import Answer
from odl.core.rng import Chance, seed_of


class Truths(Protocol):
    """Gives the true class of a window, such as `odl.core.ground_truth.TruthTrack`."""

    def of(self, window: int, length: int, /) -> str | None:
        """The class of the ``length`` samples from ``window`` on, or None."""
        ...


class Oracle(DelayedAnswers):
    """Answers each query from truth.

    Parameters
    ----------
    truth : Truths
        Gives the true class; a window without one gets a skip.
    window : int
        Window length in samples.
    names : sequence of str
        Class names that a wrong answer is drawn from.
    delay : int
        Samples from question to answer, at least 0.
    refuse, error : float
        Shares of questions answered with a skip, and of answers with a wrong class; 0 to 1.
    seed : int
        Seed of the draws.
    homes : mapping, optional
        The class, by its id, under which one that is new to the model belongs, and which gets a task of its
        own if it has none; default: the root task.

    Raises
    ------
    ConfigError
        If a parameter is outside its range.

    Examples
    --------
    >>> from odl.core.events import Truth
    >>> from odl.core.ground_truth import TruthTrack
    >>> labels = Oracle(TruthTrack([Truth(0, 500, "walk")]), 128, ["walk"], delay=50)
    >>> labels.ask(Query(64, 9000, 999), now=192)
    >>> list(labels.poll(241)), labels.next_due(), list(labels.poll(242))
    ([], 242, [Answer(window=64, name='walk', head=0, leaf=None, by='', took=0, clock=0)])
    """

    def __init__(
        self,
        truth: Truths,
        window: int,
        names: Sequence[str],
        *,
        delay: int = 0,
        refuse: float = 0.0,
        error: float = 0.0,
        seed: int = 0,
        homes: Mapping[str, int] | None = None,
    ) -> None:
        if delay < 0:
            raise ConfigError(f"the delay of answers is {delay} samples; it cannot be below 0")
        for what, share in (("refusal", refuse), ("error", error)):
            if not 0 <= share <= 1:
                raise ConfigError(f"the {what} rate is {share}; it can be 0 to 1")
        super().__init__(delay)
        self._truth, self._window, self._names = truth, window, list(names)
        self._refuse, self._error = round(refuse * 2**20), round(error * 2**20)
        self._chance = Chance(seed_of(seed, 3))
        self._homes = dict(homes or {})

    def ask(self, query: Query, now: int) -> None:
        """Draw the answer, due ``delay`` samples from ``now``."""
        name = self._truth.of(query.window, self._window)
        refused = self._chance.below(2**20) < self._refuse
        wrong = self._chance.below(2**20) < self._error
        others = [n for n in self._names if n != name]
        if refused:
            name = None
        elif wrong and name is not None and others:
            name = others[self._chance.below(len(others))]
        self._add(Answer(query.window, name, leaf=self._homes.get(name or "")), now)
