"""Plain uncertainty sampling on a stream, host-only: by informativeness, hybrid, variable uncertainty."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import ClassVar

from odl.core.config import Config
from odl.core.image import ROOT, Image
from odl.core.protocols import Decision, Scores, Window
from odl.core.state import Asked
from odl.policies.informativeness import MEASURES, OpenBatch, hybrid, measure_of

ONE = 32768  # 1.0 in Q15
WARM_UP = 16  # windows that only fill the history


class BudgetPace:
    """Questions and windows left in the current period of the budget.

    Examples
    --------
    >>> pace = BudgetPace(Config(policy="random", allowed=2, horizon=10), hop=64)
    >>> pace.next_window(128), pace.rate
    (10, 0.2)
    """

    def __init__(self, config: Config, hop: int) -> None:
        self._config, self._hop = config, hop
        self.seen = self.asked = self.period = 0
        self.left = 1

    def next_window(self, end: int) -> int:
        """Take in a window that ended at sample ``end``; the windows left, this one included."""
        config = self._config
        if config.period == 0:
            self.left, period = max(1, config.horizon - self.seen), 0
        elif config.in_samples:
            period = (end - 1) // config.period
            self.left = ((period + 1) * config.period - end) // self._hop + 1
        else:
            period = self.seen // config.period
            self.left = (period + 1) * config.period - self.seen
        if period != self.period:
            self.period, self.asked = period, 0
        self.seen += 1
        return self.left

    @property
    def rate(self) -> float:
        """Share of the windows left that may be asked about."""
        return max(0, self._config.allowed - self.asked) / self.left


def share_of(config: Config, hop: int) -> float:
    """The budget as a share of the windows, above 0 and at most 1.

    >>> share_of(Config(policy="random", allowed=2, horizon=10), hop=64)
    0.2
    """
    length = config.period or config.horizon
    windows = length / hop if config.period and config.in_samples else length
    return min(1.0, max(1e-9, config.allowed / max(1.0, windows)))


def inner_rows(image: Image) -> frozenset[int]:
    """The rows of classes that have classes below them."""
    groups = {int(cls) for cls in image.parents if cls != ROOT}
    return frozenset(row for row, cls in enumerate(image.row_class) if int(cls) in groups)


def leaf_shares(scores: Scores, inner: frozenset[int]) -> list[float]:
    """Probabilities of the leaves, with the sum 1; a task that was split off later counts as a leaf.

    >>> leaf_shares(Scores((0, 1), (32768, 24576, 8192), 16384), frozenset({0}))
    [0.75, 0.25]
    """
    found = [max(0, p) for row, p in enumerate(scores.scores) if row not in inner]
    whole = sum(found)
    return [p / whole for p in found] if whole else [1.0]


class _Uncertain:
    """Base of the policies here: counts the budget, and finds the probabilities of the leaves."""

    def __init__(self) -> None:
        self._inner: frozenset[int] = frozenset()
        self._pace = BudgetPace(Config(), 1)

    def start(self, image: Image, config: Config) -> _Uncertain:
        """Begin a session with the budget of ``config``."""
        self._inner = inner_rows(image)
        self._pace = BudgetPace(config, image.hop)
        return self

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing: how a question ended does not matter here."""

    def _leaves(self, scores: Scores) -> list[float]:
        return leaf_shares(scores, self._inner)


class _Quantile(_Uncertain):
    """Asks where the utility is among the highest so far, as many as the budget's rate allows."""

    informativeness: str

    def __init__(self) -> None:
        super().__init__()
        self._history: list[float] = []

    def start(self, image: Image, config: Config) -> _Quantile:
        """Begin a session with the budget of ``config`` and an empty history."""
        super().start(image, config)
        self._history = []
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Compare this window's utility with the ``1 - rate`` quantile of all before it."""
        self._pace.next_window(window.end)
        utility = self._utility(window, scores)
        rank, n = bisect_left(self._history, utility), len(self._history)
        insort(self._history, utility)
        rate = self._pace.rate
        ask = rate >= 1 or (n >= WARM_UP and rate > 0 and rank >= (1 - rate) * n and utility > 0)
        self._pace.asked += ask
        return Decision(ask, round(ONE * utility))

    def _utility(self, window: Window, scores: Scores) -> float:
        """How useful an answer would be, 0 to 1."""
        return MEASURES[self.informativeness](self._leaves(scores))


class Margin(_Quantile):
    """Asks where the two likeliest classes are close: `odl.policies.informativeness.margin`.

    The utility has to reach the ``1 - rate`` quantile of all utilities of the session so far, where
    ``rate`` is the number of questions left over the number of windows left. `odl.policies.InfoRV` has the
    same utility with a reference value that needs no history.

    Examples
    --------
    >>> Margin().name
    'margin'
    """

    name: ClassVar[str] = "margin"
    informativeness = "margin"


class Entropy(_Quantile):
    """Asks where the entropy of the class probabilities is high: `odl.policies.informativeness.entropy`.

    The rule is that of `Margin`.

    Examples
    --------
    >>> Entropy().name
    'entropy'
    """

    name: ClassVar[str] = "entropy"
    informativeness = "entropy"


class LeastConfidence(_Quantile):
    """Asks where the likeliest class is unlikely: `odl.policies.informativeness.least_confidence`.

    The rule is that of `Margin`.

    Examples
    --------
    >>> LeastConfidence().name
    'least-confidence'
    """

    name: ClassVar[str] = "least-confidence"
    informativeness = "least-confidence"


class Hybrid(_Quantile):
    """Asks where the classes are uncertain and the open batch holds nothing like it.

    The utility is ``(1 - weight) * u + weight * d``: the informativeness ``u``, and the diversity ``d``, the
    distance to the nearest member of the open batch as a share of the largest such distance so far. The
    rule is that of `Margin`.

    Parameters
    ----------
    informativeness : str
        ``least-confidence``, ``margin`` or ``entropy``.
    weight : float
        Of the diversity, 0 to 1.

    Raises
    ------
    ValueError
        If a setting lies outside its range.

    References
    ----------
    The query strategy "hybrid" of M. Pavan, C. Galimberti, M. Roveri, "TActiLE: Tiny Active LEarning for
    wearable devices", IJCNN 2025, is uncertainty with diversity; how the two are put together is ours.

    Examples
    --------
    >>> Hybrid(informativeness="entropy").weight
    0.5
    """

    name: ClassVar[str] = "hybrid"

    def __init__(self, informativeness: str = "margin", weight: float = 0.5) -> None:
        measure_of(informativeness)
        if not 0 <= weight <= 1:
            raise ValueError(f"weight is {weight}; it can be 0 to 1")
        super().__init__()
        self.informativeness, self.weight = informativeness, weight
        self._batch = OpenBatch(1)

    def start(self, image: Image, config: Config) -> Hybrid:
        """Begin a session with the budget and the batch of ``config``."""
        super().start(image, config)
        self._batch = OpenBatch(config.batch)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Decide as `Margin` does; a window that is asked about joins the batch."""
        decision = super().decide(window, scores)
        if decision.ask:
            self._batch.add(window.features, last=not self._pace.rate)
        return decision

    def _utility(self, window: Window, scores: Scores) -> float:
        return hybrid(super()._utility(window, scores), self._batch.diversity(window.features), self.weight)


class VariableUncertainty(_Uncertain):
    """Asks where the likeliest class is below a threshold that moves with each decision.

    The threshold falls by the share ``step`` with each question and rises by it with each window that is not
    asked about. Nothing is asked while more of the budget is spent than of the period has passed.

    Parameters
    ----------
    step : float
        The threshold's relative step, above 0 and below 1.

    References
    ----------
    I. Žliobaitė, A. Bifet, B. Pfahringer, G. Holmes, "Active Learning With Drifting Streaming Data",
    IEEE Transactions on Neural Networks and Learning Systems 25 (2014), algorithm VarUncertainty.

    Examples
    --------
    >>> VariableUncertainty(step=0.05).name
    'variable-uncertainty'
    """

    name: ClassVar[str] = "variable-uncertainty"

    def __init__(self, step: float = 0.01) -> None:
        if not 0 < step < 1:
            raise ValueError(f"step is {step}; it can be above 0 and below 1")
        super().__init__()
        self.step = step
        self._threshold, self._first = 1.0, 0

    def start(self, image: Image, config: Config) -> VariableUncertainty:
        """Begin a session with the budget of ``config`` and the threshold 1."""
        super().start(image, config)
        self._threshold, self._first = 1.0, 0
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Compare the likeliest class with the threshold, if the budget allows a question."""
        pace, period = self._pace, self._pace.period
        left = pace.next_window(window.end)
        if pace.period != period or pace.seen == 1:
            self._first = pace.seen - 1
        total = pace.seen - self._first - 1 + left
        best = max(self._leaves(scores))
        allowed = pace.asked + pace.rate * left
        affordable = pace.asked < allowed * (pace.seen - self._first) / total
        ask = affordable and best < self._threshold
        if affordable:
            self._threshold = min(1.0, self._threshold * (1 - self.step if ask else 1 + self.step))
        pace.asked += ask
        return Decision(ask, round(ONE * (1 - best)))
