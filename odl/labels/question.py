"""A question for views: class choices, the signal, places for a new class."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.core.class_tree import ClassTree
from odl.core.events import ChangeClass, Prediction, valid_name

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
    sample indices. ``truth`` is the true class where a recorded person is played, else empty. ``unknown`` is
    True where the prediction is (`odl.core.unknown`).
    """

    window: int
    asked: int
    expires: int
    since: int
    likely: tuple[ClassChoice, ...]
    path: tuple[str, ...]
    start: int
    signal: NDArray[np.float32]
    truth: str = ""
    unknown: bool = False

    @property
    def end(self) -> int:
        """One behind the last sample of the window."""
        return self.start + len(self.signal)

    @property
    def offer(self) -> str:
        """What a view says besides where the prediction is unknown: how a new class is named; else empty.

        >>> Question(64, 200, 900, 64, (), (), 0, np.zeros((9, 3), np.float32), unknown=True).offer
        'perhaps something new: n and its name adds it as a class'
        """
        return "perhaps something new: n and its name adds it as a class" if self.unknown else ""

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
    @property
    def names(self) -> Mapping[int, str]: ...
    @property
    def row_class(self) -> NDArray[np.uint8]: ...
    @property
    def card(self) -> Mapping[str, Any]: ...


class AskingSession(Protocol):
    """The properties of a session that a prompt reads; `odl.core.session.Session` has them."""

    @property
    def tree(self) -> ClassTree: ...
    @property
    def position(self) -> int: ...
    @property
    def open_questions(self) -> Sequence[OpenQuestion]: ...
    @property
    def undoable(self) -> Sequence[tuple[int, int] | ChangeClass]: ...
    @property
    def entries(self) -> Sequence[tuple[int, int] | None]: ...


@dataclass(frozen=True, slots=True)
class ChoiceTree(ClassTree):
    """Classes and tasks as choices for an answer."""

    def likely(self, prediction: Prediction | None) -> tuple[ClassChoice, ...]:
        """The classes that can be an answer: first the leaves, by score; then the others.

        >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [one.name for one in tree.likely(Prediction(0, (0, 1), (20000, 15000, 12768)))]
        ['up', 'sit', 'walk']
        """
        scores = () if prediction is None else prediction.scores
        found = []
        shown = set(self.shown)
        for i, (cls, _) in enumerate(self.rows):
            if cls not in shown:
                continue
            score = scores[i] / ONE if i < len(scores) else None
            found.append(ClassChoice(self.name(cls), score, self.path(cls), cls in self.tasks))
        return tuple(sorted(found, key=lambda one: (one.whole, -(one.score or 0.0))))

    @property
    def hidden(self) -> tuple[ClassChoice, ...]:
        """The classes that were removed or merged and can be classes again, in the order of the rows.

        >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> [one.name for one in tree.with_change(ChangeClass(0, 0, None, "walk")).hidden]
        ['walk']
        """
        there = {self.name(cls) for cls in self.shown}
        gone = [cls for cls, _ in self.rows if self.counts_as(cls) != cls and self.name(cls) not in there]
        above = [cls for cls in gone if all(self.counts_as(a) == a for a in self._above(cls))]
        return tuple(ClassChoice(self.name(cls), None, self.path(cls), cls in self.tasks) for cls in above)

    def wrong(self, name: str, head: int, leaf: int | None, max_rows: int, max_heads: int) -> str:
        """Why ``name`` cannot be an answer, new under task ``head`` or class ``leaf``; empty if it can.

        >>> ChoiceTree({0: "walk"}, (None,), ((0, 0),)).wrong("hop", 3, None, 20, 8)
        'there is no task 3 to hang it under'
        >>> tree = ChoiceTree({0: "walk", 1: "up"}, (None, 0), ((0, 0), (1, 1)))
        >>> tree.with_change(ChangeClass(0, 0, None, "walk")).wrong("up", 0, None, 20, 8)
        "'up' lies under 'walk', which is no class any more; add 'walk' first"
        """
        if (cls := self.id_of(name)) is not None:
            above = next((a for a in self._above(cls) if self.counts_as(a) != a), None)
            word = "" if above is None else clean(self.name(above))
            lies = f"'{clean(name)}' lies under '{word}', which is no class any more; add '{word}' first"
            return lies if word else ""
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

    def _above(self, cls: int) -> list[int]:
        """The classes that ``cls`` lies under, the root task's first."""
        found: list[int] = []
        task_of = dict(self.rows)
        above = self.tasks[task_of.get(cls, 0)]
        while above is not None and len(found) < len(self.tasks):
            found.insert(0, above)
            above = self.tasks[task_of.get(above, 0)]
        return found

    def place_of(
        self, name: str, under: str | None, homes: Mapping[str, int], places: Sequence[Placement]
    ) -> Placement | str:
        """Where the new class ``name`` goes, or a sentence that asks where.

        That is the class called ``under`` (empty: the root task). Without it, ``homes`` knows (what the
        training had the class under), or there is only one task.

        >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
        >>> places = tree.places(20, 8)
        >>> tree.place_of("hop", "sit", {}, places).leaf
        2
        >>> tree.place_of("down", None, {"down": 0}, places).head
        1
        >>> tree.place_of("hop", None, {}, places)
        "'hop' is new: say under which class it goes (walk, up, sit), or that it is beside them"
        """
        if under is None and len(self.tasks) > 1 and name not in homes:
            classes = ", ".join(clean(self.name(cls)) for cls in self.shown)
            which = f"say under which class it goes ({classes}), or that it is beside them"
            return f"'{clean(name)}' is new: {which}"
        home = homes.get(name)
        wanted = under or None
        if under is None and home is not None and self.counts_as(home) == home:
            wanted = self.name(home)
        for place in places:
            if place.under == wanted:
                return place
        if wanted is None:
            return Placement(None, 0, None, 0)  # there is no room, as whoever adds it will say
        return f"nothing can go under '{clean(wanted)}': there is no such class, or no room for another task"

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
            if head != task or self.counts_as(cls) != cls:
                continue
            if cls in self.tasks:
                below = self.tasks.index(cls)
                places.append(Placement(self.name(cls), below, None, depth))
                self._under(below, depth + 1, split, places)
            elif split:
                places.append(Placement(self.name(cls), 0, cls, depth))


def tree_of(session: AskingSession) -> ChoiceTree:
    """The current classes and tasks of ``session``."""
    tree = session.tree
    return ChoiceTree(tree.first_names, tree.tasks, tree.rows, tree.changes)


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
