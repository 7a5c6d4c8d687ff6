"""The label of each moment of a recording: chosen by a person, or in takes of a fixed length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from odl.core.config import ConfigError
from odl.core.events import Truth, valid_name

PIECE: Final = 1.0  # seconds of a label that are written together: no more is lost if the process is killed
COUNTDOWN: Final = 3.0  # seconds before each take


class Takes:
    """Says which label each sample has, as truth that goes into the recording.

    Without ``seconds`` the label is the one that was chosen last. With ``seconds`` there are ``repeat`` takes
    of that length, each after a countdown without a label; they go through ``labels`` in turn. All times are
    of the stream. `choose` may be called in any thread, the rest in one.

    Parameters
    ----------
    labels : sequence of str
        The first one is the label at the start.
    rate_hz : float
        Samples per second.
    seconds : float, optional
        Length of a take.
    repeat : int
        Number of takes.
    countdown : float
        Seconds before each take.

    Attributes
    ----------
    labels : list of str
        Those at the start, and names that were chosen later.
    label : str or None
        The label now.
    seconds_of : dict of str to float
        Seconds with each label so far.

    Raises
    ------
    ConfigError
        If a label cannot be a class's name, or is there twice.

    Examples
    --------
    >>> takes = Takes(["walk"], 10.0)
    >>> takes.take(10), takes.choose("run"), takes.take(15), takes.end(18)
    ([Truth(start=0, end=10, name='walk')], '', [Truth(start=10, end=15, name='walk')], \
[Truth(start=15, end=18, name='run')])
    >>> takes = Takes(["walk", "run"], 10.0, seconds=1.0, repeat=2, countdown=1.0)
    >>> takes.take(35), takes.left(35), takes.words()
    ([Truth(start=10, end=20, name='walk')], 0.5, 'run, take 2 of 2')
    >>> takes.take(40), takes.done
    ([Truth(start=30, end=40, name='run')], True)
    """

    def __init__(
        self,
        labels: Sequence[str],
        rate_hz: float,
        seconds: float | None = None,
        repeat: int = 1,
        countdown: float = COUNTDOWN,
    ) -> None:
        self.labels = [" ".join(label.split()) for label in labels]
        for label in self.labels:
            if not valid_name(label):
                raise ConfigError("a `label` is a name of 1 to 32 bytes of printable text")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError("`label` has a name twice")
        self.rate_hz, self.repeat = rate_hz, repeat if seconds is not None else 0
        self._chosen: str | None = self.labels[0] if self.labels else None
        self.label = self._chosen if seconds is None else None
        self.seconds_of = dict.fromkeys(self.labels, 0.0)
        self._length = None if seconds is None else max(1, round(seconds * rate_hz))
        self._before = round(countdown * rate_hz)
        self._piece = max(1, round(PIECE * rate_hz))
        self._at = self._written = 0  # samples seen, and those whose label was returned
        self.done = False

    @property
    def fixed(self) -> bool:
        """True if there are takes of a fixed length, which no key changes."""
        return self._length is not None

    @property
    def number(self) -> int:
        """The number of the take that runs or comes next, from 1."""
        newest = max(0, self._at - 1)  # sample
        return min(self.repeat, newest // (self._before + self._length) + 1) if self._length else 0

    @property
    def next_label(self) -> str:
        """The label of the take that runs or comes next."""
        return self.labels[(self.number - 1) % len(self.labels)]

    def choose(self, label: str | None) -> str:
        """From now on ``label`` counts, a known or a new one; None: no label. Return why not, or nothing."""
        if self.fixed:
            return "takes of a fixed length have their labels already"
        if label is not None:
            label = " ".join(label.split())
            if not valid_name(label):
                return "a label is a name of 1 to 32 bytes of printable text"
            if label not in self.labels:
                self.labels.append(label)
                self.seconds_of[label] = 0.0
        self._chosen = label
        return ""

    def words(self) -> str:
        """What is labelled now, in a few words."""
        take = f", take {self.number} of {self.repeat}" if self.fixed else ""
        if self.label is not None:
            return f"{self.label}{take}"
        return f"next: {self.next_label}{take}" if self.fixed else "no label"

    def left(self, position: int) -> float:
        """Seconds until the running take or countdown ends."""
        if self._length is None:
            return 0.0
        cycle = self._before + self._length
        within = position % cycle
        return ((self._before if within < self._before else cycle) - within) / self.rate_hz

    def take(self, position: int) -> list[Truth]:
        """Return the truth of the samples up to ``position``, in pieces; some of it comes later."""
        found = []
        while self._at < position:
            end, label = self._next(position)
            if label != self.label:
                found += self._up_to(self._at)
                self.label = label
            self._at = end
            if self._at - self._written >= self._piece or label is None:
                found += self._up_to(self._at)
        if self._chosen != self.label and not self.fixed:
            found += self._up_to(self._at)
            self.label = self._chosen
        self.done = self._length is not None and position >= self.repeat * (self._before + self._length)
        if self.done:
            found += self._up_to(self._at)
        return found

    def end(self, position: int) -> list[Truth]:
        """Return the rest of the truth, at the end of the recording."""
        return [*self.take(position), *self._up_to(self._at)]

    def _next(self, position: int) -> tuple[int, str | None]:
        """The end of the samples from `_at` on that have one label, at most ``position``, and the label."""
        if self._length is None:
            return position, self.label
        cycle = self._before + self._length
        take, within = divmod(self._at, cycle)
        if take >= self.repeat:
            return position, None
        if within < self._before:
            return min(position, take * cycle + self._before), None
        return min(position, (take + 1) * cycle), self.labels[take % len(self.labels)]

    def _up_to(self, end: int) -> list[Truth]:
        """The truth of what was not returned yet."""
        start, self._written = self._written, end
        if self.label is None or start >= end:
            return []
        self.seconds_of[self.label] += (end - start) / self.rate_hz
        return [Truth(start, end, self.label)]
