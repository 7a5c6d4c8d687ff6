"""A question for views: class choices, the signal, places for a new class."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.core.class_tree import ClassTree
from odl.core.events import Prediction, valid_name

ONE = 32768  # a score of 1.0


class ClassChoice(NamedTuple):
    """A class that could be the answer.

    ``score`` is 0 to 1, or None without a prediction. ``path`` names the classes from the root task
    down, this one last. ``whole`` is True if further classes hang under this one.
    """

    name: str
    score: float | None
    path: tuple[str, ...]
    whole: bool = False


class Placement(NamedTuple):
    """A place for a new class in the tree.

    It hangs under the class ``under`` (None: the root task); ``head`` and ``leaf`` are those of
    `odl.core.protocols.Answer`; ``depth`` 0 is the root task.
    """

    under: str | None
    head: int
    leaf: int | None
    depth: int


class Reply(NamedTuple):
    """The reply to a person's action: True if it took effect, and a sentence."""

    taken: bool
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """An open question.

    ``likely`` are the classes, those with the highest scores first; ``path`` names the predicted classes from
    the root task down. It is about the stretch from sample ``since`` to the window's ``end``. ``signal``
    (n, channels) is float32 in the units of the prompt's channels, from sample ``start`` on, NaN for lost
    samples; it covers some seconds before the stretch, and the stretch. ``asked`` and ``expires`` are
    sample indices.
    """

    window: int
    asked: int
    expires: int
    since: int
    likely: tuple[ClassChoice, ...]
    path: tuple[str, ...]
    start: int
    signal: NDArray[np.float32]

    @property
    def end(self) -> int:
        """One behind the last sample of the window."""
        return self.start + len(self.signal)

    @property
    def lacks(self) -> str:
        """Why the plot or the scores are missing; empty if neither is.

        >>> Question(64, 200, 900, 64, (), (), 0, np.full((128, 3), np.nan, np.float32)).lacks
        'no plot and no scores: this was asked while the line was lost, or long ago'
        """
        missing = ["no plot"] if not np.isfinite(self.signal).any() else []
        missing += ["no scores"] if not self.path else []
        why = "this was asked while the line was lost, or long ago"
        return f"{' and '.join(missing)}: {why}" if missing else ""


class OpenQuestion(Protocol):
    """An open question of a session."""

    @property
    def window(self) -> int: ...
    @property
    def expires(self) -> int: ...


class PromptImage(Protocol):
    """The properties of a model image that a prompt reads."""

    @property
    def window(self) -> int: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def max_rows(self) -> int: ...
    @property
    def max_heads(self) -> int: ...
    @property
    def max_log(self) -> int: ...


class AskingSession(Protocol):
    """The properties of a session that a prompt reads; `odl.core.session.Session` has them."""

    @property
    def names(self) -> Mapping[int, str]: ...
    @property
    def tasks(self) -> Sequence[int | None]: ...
    @property
    def rows(self) -> Sequence[tuple[int, int]]: ...
    @property
    def position(self) -> int: ...
    @property
    def open_questions(self) -> Sequence[OpenQuestion]: ...
    @property
    def answers(self) -> Sequence[tuple[int, int]]: ...


@dataclass(frozen=True, slots=True)
class ChoiceTree(ClassTree):
    """Classes and tasks as choices for an answer."""

    def likely(self, prediction: Prediction | None) -> tuple[ClassChoice, ...]:
        """All classes: first the leaves, by score; then the others.

        >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [one.name for one in tree.likely(Prediction(0, (0, 1), (20000, 15000, 12768)))]
        ['up', 'sit', 'walk']
        """
        scores = () if prediction is None else prediction.scores
        found = []
        for i, (cls, _) in enumerate(self.rows):
            score = scores[i] / ONE if i < len(scores) else None
            found.append(ClassChoice(self.name(cls), score, self.path(cls), cls in self.tasks))
        return tuple(sorted(found, key=lambda one: (one.whole, -(one.score or 0.0))))

    def wrong(self, name: str, head: int, leaf: int | None, max_rows: int, max_heads: int) -> str:
        """Why ``name`` cannot be an answer, new under task ``head`` or class ``leaf``; empty if it can.

        >>> ChoiceTree({0: "walk"}, (None,), ((0, 0),)).wrong("hop", 3, None, 20, 8)
        'there is no task 3 to hang it under'
        """
        if name in self.names.values():
            return ""
        if not valid_name(name):
            return "a class needs a name of 1 to 32 bytes of printable text"
        if len(self.rows) >= max_rows:
            return f"the model has no room for another class; it has {max_rows}"
        if leaf is None:
            return "" if 0 <= head < len(self.tasks) else f"there is no task {head} to hang it under"
        if leaf not in self.names:
            return f"there is no class {leaf} to hang it under"
        if leaf not in self.tasks and len(self.tasks) >= max_heads:
            return f"the model has no room for another task; it has {max_heads}"
        return ""

    def places(self, max_rows: int, max_heads: int) -> tuple[Placement, ...]:
        """The places for a new class, in the order of the tree; none if there is no room.

        >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [(place.under, place.head, place.leaf) for place in tree.places(20, 8)]
        [(None, 0, None), ('walk', 1, None), ('up', 0, 1), ('sit', 0, 2)]
        """
        if len(self.rows) >= max_rows:
            return ()
        places = [Placement(None, 0, None, 0)]
        self._under(0, 1, len(self.tasks) < max_heads, places)
        return tuple(places)

    def _under(self, task: int, depth: int, split: bool, places: list[Placement]) -> None:
        for cls, head in self.rows:
            if head != task:
                continue
            if cls in self.tasks:
                below = self.tasks.index(cls)
                places.append(Placement(self.name(cls), below, None, depth))
                self._under(below, depth + 1, split, places)
            elif split:
                places.append(Placement(self.name(cls), 0, cls, depth))


def tree_of(session: AskingSession) -> ChoiceTree:
    """The current classes and tasks of ``session``."""
    return ChoiceTree(dict(session.names), tuple(session.tasks), tuple(session.rows))


class Recent:
    """The last ``span`` samples of a stream, for plots.

    >>> recent = Recent(10)
    >>> recent.add(5, np.ones((3, 1), np.int16))
    >>> recent.excerpt(4, 7)[:, 0].tolist()
    [nan, 1.0, 1.0]
    """

    def __init__(self, span: int) -> None:
        self.end = 0
        self._span, self._channels = span, 0
        self._pieces: deque[tuple[int, NDArray[np.int16]]] = deque()

    def add(self, start: int, block: NDArray[np.int16]) -> None:
        """Append ``block`` (n, channels), which starts at sample ``start``."""
        if len(block) == 0:
            return
        self.end, self._channels = start + len(block), block.shape[1]
        # A copy: the block may be a view into much more, which it would keep alive.
        self._pieces.append((start, block[-self._span :].copy()))
        if len(block) > self._span:
            self._pieces[-1] = (self.end - self._span, self._pieces[-1][1])
        while self._pieces[0][0] + len(self._pieces[0][1]) <= self.end - self._span:
            self._pieces.popleft()

    def excerpt(self, start: int, end: int, scales: Sequence[float] = ()) -> NDArray[np.float32]:
        """Samples ``start`` to ``end`` (exclusive), times ``scales``; NaN where no sample is stored."""
        found: NDArray[Any] = np.full((max(0, end - start), self._channels), np.nan, np.float32)
        for at, block in self._pieces:
            low, high = max(at, start), min(at + len(block), end)
            if low < high:
                found[low - start : high - start] = block[low - at : high - at]
        if len(scales) == self._channels:
            found *= np.asarray(scales, np.float32)
        return found
