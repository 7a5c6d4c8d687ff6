"""Slow, obvious references of segments and policies: the stretch of stream, and which windows to ask about.

They keep what a person would keep on paper: every window of the segment, every score. Nothing is borrowed
from the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from tests.helpers.reference import below, clamp, distance, next_state, root, track_quantile, within

# --- the segment ------------------------------------------------------------------------


@dataclass
class Segment:
    """A stretch of unchanged stream: where its windows begin, their features, their uncertainties."""

    number: int = 0
    starts: list[int] = field(default_factory=list)
    features: list[Sequence[int]] = field(default_factory=list)
    doubts: list[int] = field(default_factory=list)
    asked: bool = False

    @property
    def age(self) -> int:
        """Its windows so far; 0: none since the stream last began."""
        return len(self.starts)

    def mean(self) -> list[int]:
        """The rounded mean of its first 256 windows."""
        first = self.features[:256]
        n = len(first)
        return [(within(sum(values), 0, 2**16 - 1) + n // 2) // n for values in zip(*first, strict=True)]

    def after(self, start: int, features: Sequence[int], change: int) -> Segment:
        """The segment of the next window, which may be a new one."""
        n = min(self.age, 256)
        new = n > 0 and distance(features, self.mean()) ** 2 > Fraction(change**2 * (n + 1), n)
        segment = Segment(self.number + 1) if new else self
        segment.starts.append(start)
        segment.features.append(features)
        return segment


# --- which windows to ask about ---------------------------------------------------------


class Moment(NamedTuple):
    """What a rule decides by.

    ``items`` are those of all that was answered or is open, ``rate`` and ``left`` the share of windows to
    ask about and the windows that are left in the period.
    """

    features: Sequence[int]
    uncertainty: int
    segment: Segment
    items: Sequence[Sequence[int]]
    rate: int
    left: int


class Asker:
    """Decides window by window, as docs/methods.md says, with an exact budget.

    ``room`` is how many questions the state block can keep.
    """

    def __init__(
        self, rule: str, *, allowed: int, period: int, in_samples: bool, horizon: int,
        batch: int, step: int, seed: int, hop: int, room: int, every: int = 0, floor: int = 0,
    ) -> None:  # fmt: skip
        self.rule, self.allowed, self.period, self.in_samples = rule, allowed, period, in_samples
        self.horizon, self.batch, self.step, self.hop = horizon, batch, step, hop
        self.every, self.floor = every, floor
        self.room = min(2 * batch, room) if rule.startswith("tactile") else room
        self.generator = seed
        self.windows = self.now = self.issued = self.blocked = 0
        self.asked_at: int | None = None
        self.number = 0  # of the open batch
        self.warm: list[int] = []
        self.rv_u = self.rv_d = 0
        self.open: list[Sequence[int]] = []  # items of the open batch
        self.distances = 0
        self.waiting = 0  # members of closed batches that are not settled yet
        self.points: list[int] = []  # the score of each segment that came to its point

    @property
    def purse(self) -> int:
        """Questions left in the period."""
        return self.allowed - self.issued

    def windows_left(self, end: int) -> int:
        """Windows of the period from this one on, which ended at ``end``."""
        if self.period == 0:
            return max(1, self.horizon - self.windows)
        if self.in_samples:
            number = (end - 1) // self.period
            left = ((number + 1) * self.period - end) // self.hop + 1
        else:
            number = self.windows // self.period
            left = (number + 1) * self.period - self.windows
        if number != self.now:
            self.now, self.issued = number, 0
        return left

    def decide(
        self, features: Sequence[int], uncertainty: int, end: int, segment: Segment,
        items: Sequence[Sequence[int]] = (),
    ) -> bool:  # fmt: skip
        """Whether the window is asked about; if so, the question is issued."""
        segment.doubts.append(uncertainty)
        left = self.windows_left(end)
        rate = min(2**31, within(max(0, self.purse), 0, 2**31 - 1) * 2**31 // left)
        wanted = False
        if self.purse > 0 or self.rule == "novel-segments":
            wanted = RULES[self.rule](self, Moment(features, uncertainty, segment, items, rate, left))
        self.windows += 1
        forced = self.purse >= left and self.rule not in ("none", "novel-segments")
        if self.purse <= 0 or not (wanted or forced) or self.too_soon(end):
            return False
        if self.waiting + len(self.open) >= self.room:
            self.blocked += 1
            return False
        self.issued += 1
        self.asked_at, segment.asked = end, True
        self.open.append(segment.mean())
        if len(self.open) == self.batch or self.issued == self.allowed:
            self.close()
        return True

    def too_soon(self, end: int) -> bool:
        """The last question is not yet ``every`` samples ago."""
        return self.asked_at is not None and end - self.asked_at < self.every

    def close(self) -> None:
        """The batch is full, or the budget spent."""
        self.waiting += len(self.open)
        self.open, self.distances, self.number = [], 0, self.number + 1

    def informative(self, uncertainty: int, rate: int) -> bool:
        """InfoRV: the first 16 scores set the reference."""
        if len(self.warm) < 16:
            self.warm.append(uncertainty)
            if len(self.warm) == 16:
                rank = min((2**31 - rate) * 16 // 2**31, 15)
                self.rv_u = max(sorted(self.warm)[rank] * 2**16, 2**16)
            return False
        wanted = uncertainty * 2**16 >= self.rv_u
        self.rv_u = track_quantile(self.rv_u, uncertainty, rate, self.step)
        return wanted

    def far_enough(self, features: Sequence[int], rate: int) -> bool:
        """DualRV's second half: the distance to the open batch."""
        if not self.open:
            return True
        gap = min(distance(features, member) for member in self.open)
        self.distances += 1
        if self.distances == 1:
            self.rv_d = max(gap * 2**16, 2**16)
            return False
        wanted = gap * 2**16 >= self.rv_d
        self.rv_d = track_quantile(self.rv_d, gap, rate, self.step)
        return wanted

    def due(self, left: int) -> bool:
        """Question k at the middle of the k-th equal part of the period."""
        total = self.period or self.horizon
        if self.period and self.in_samples:
            total = max(1, total // self.hop)
        passed = max(0, total - left)
        middle = Fraction(2 * passed + 1, 2) * self.allowed / total
        return self.issued < math.floor(middle + Fraction(1, 2))

    def novel(self, now: Moment) -> bool:
        """The segment's score is among the highest of those that the budget is good for."""
        segment = now.segment
        if segment.asked or segment.age not in range(6, segment.age + 1, 16):
            return False
        mean = segment.mean()
        novelty = min((distance(mean, item) for item in now.items), default=6554)
        doubt = 3277 + sum(segment.doubts) // segment.age
        score = within(novelty * doubt // 2**15, 0, 36_045)
        self.points.append(score)
        recent = sorted(self.points[-64:])
        n = len(recent)
        rest = max(1, (len(self.points) + 2) * now.left // (self.windows + 17))  # points still to come
        rank = clamp(n - 2 * max(0, self.purse) * n // rest, 0, n - 1)
        return score >= recent[rank] and score >= self.floor


def inforv(asker: Asker, now: Moment) -> bool:
    """Uncertain windows."""
    return asker.informative(now.uncertainty, now.rate)


def dualrv(asker: Asker, now: Moment) -> bool:
    """Uncertain windows unlike the open batch; each half for the rate's root."""
    each = root(now.rate * 2**31)
    far = asker.far_enough(now.features, each)
    return asker.informative(now.uncertainty, each) and far


def drawn(asker: Asker, now: Moment) -> bool:
    """Selection sampling."""
    asker.generator = next_state(asker.generator)
    return below(asker.generator, now.left) < asker.purse


def periodic(asker: Asker, now: Moment) -> bool:
    """Equal distances."""
    return asker.due(now.left)


def never(asker: Asker, now: Moment) -> bool:
    """No window."""
    return False


# A policy's own test adds its reference here.
RULES: dict[str, Callable[[Asker, Moment], bool]] = {
    "none": never, "tactile-inforv": inforv, "tactile-dualrv": dualrv, "random": drawn,
    "periodic": periodic, "novel-segments": Asker.novel,
}  # fmt: skip
