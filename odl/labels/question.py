"""What a view shows of a question: the classes likely, the signal, what became of answers."""

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


class Likely(NamedTuple):
    """A class that could be the answer; ``score`` 0 to 1, None where the model said nothing.

    ``path`` names the classes from the root task down, this one last. ``whole`` tells that
    further classes hang under this one.
    """

    name: str
    score: float | None
    path: tuple[str, ...]
    whole: bool = False


class Place(NamedTuple):
    """Where a new class can hang: under ``under`` (None: the root task), ``head`` and ``leaf``
    as in `odl.core.protocols.Answer`; ``depth`` 0 is the root task.
    """  # fmt: skip

    under: str | None
    head: int
    leaf: int | None
    depth: int


class Said(NamedTuple):
    """Whether something was taken in, and a sentence for the person."""

    taken: bool
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """An open question.

    ``likely`` are the classes as the model believes in them; ``path`` names what it said, from
    the root task down. ``signal`` (n, channels) is float32 in the units of the prompt's
    channels, from sample ``start`` on, NaN where samples were lost: the seconds before the
    window and the window. ``asked`` and ``expires`` are sample indices.
    """

    window: int
    asked: int
    expires: int
    likely: tuple[Likely, ...]
    path: tuple[str, ...]
    start: int
    signal: NDArray[np.float32]

    @property
    def lacks(self) -> str:
        """Why there is no plot or no belief of the model; empty where both are there.

        >>> Question(64, 200, 900, (), (), 0, np.full((128, 3), np.nan, np.float32)).lacks
        'no plot and no scores: this was asked while the line was lost, or long ago'
        """
        missing = ["no plot"] if not np.isfinite(self.signal).any() else []
        missing += ["no scores"] if not self.path else []
        why = "this was asked while the line was lost, or long ago"
        return f"{' and '.join(missing)}: {why}" if missing else ""


class Open(Protocol):
    """A question that the session has open."""

    @property
    def window(self) -> int: ...
    @property
    def expires(self) -> int: ...


class Model(Protocol):
    """What a prompt wants to know of a session's model image."""

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


class Asking(Protocol):
    """What a prompt wants to know of a session; `odl.core.session.Session` is one."""

    @property
    def names(self) -> Mapping[int, str]: ...
    @property
    def tasks(self) -> Sequence[int | None]: ...
    @property
    def rows(self) -> Sequence[tuple[int, int]]: ...
    @property
    def position(self) -> int: ...
    @property
    def open_questions(self) -> Sequence[Open]: ...
    @property
    def answers(self) -> Sequence[tuple[int, int]]: ...


@dataclass(frozen=True, slots=True)
class Tree(ClassTree):
    """Classes and tasks as the choices of somebody who answers."""

    def likely(self, prediction: Prediction | None) -> tuple[Likely, ...]:
        """All classes: those without further ones under them first, by score; then the others.

        >>> tree = Tree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [one.name for one in tree.likely(Prediction(0, (0, 1), (20000, 15000, 12768)))]
        ['up', 'sit', 'walk']
        """
        scores = () if prediction is None else prediction.scores
        found = []
        for i, (cls, _) in enumerate(self.rows):
            score = scores[i] / ONE if i < len(scores) else None
            found.append(Likely(self.name(cls), score, self.path(cls), cls in self.tasks))
        return tuple(sorted(found, key=lambda one: (one.whole, -(one.score or 0.0))))

    def wrong(self, name: str, head: int, leaf: int | None, max_rows: int, max_heads: int) -> str:
        """Why ``name`` cannot be an answer, new under task ``head`` or class ``leaf``; or nothing.

        >>> Tree({0: "walk"}, (None,), ((0, 0),)).wrong("hop", 3, None, 20, 8)
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

    def places(self, max_rows: int, max_heads: int) -> tuple[Place, ...]:
        """Where a new class can hang, in the order of the tree; nowhere if there is no room.

        >>> tree = Tree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [(place.under, place.head, place.leaf) for place in tree.places(20, 8)]
        [(None, 0, None), ('walk', 1, None), ('up', 0, 1), ('sit', 0, 2)]
        """
        if len(self.rows) >= max_rows:
            return ()
        places = [Place(None, 0, None, 0)]
        self._under(0, 1, len(self.tasks) < max_heads, places)
        return tuple(places)

    def _under(self, task: int, depth: int, split: bool, places: list[Place]) -> None:
        for cls, head in self.rows:
            if head != task:
                continue
            if cls in self.tasks:
                below = self.tasks.index(cls)
                places.append(Place(self.name(cls), below, None, depth))
                self._under(below, depth + 1, split, places)
            elif split:
                places.append(Place(self.name(cls), 0, cls, depth))


def tree_of(session: Asking) -> Tree:
    """The classes and tasks of ``session`` as they are now."""
    return Tree(dict(session.names), tuple(session.tasks), tuple(session.rows))


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
        """``block`` (n, channels) begins at sample ``start``."""
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
        """Samples ``start`` to ``end`` (exclusive), times ``scales``; NaN where there are none."""
        found: NDArray[Any] = np.full((max(0, end - start), self._channels), np.nan, np.float32)
        for at, block in self._pieces:
            low, high = max(at, start), min(at + len(block), end)
            if low < high:
                found[low - start : high - start] = block[low - at : high - at]
        if len(scales) == self._channels:
            found *= np.asarray(scales, np.float32)
        return found
