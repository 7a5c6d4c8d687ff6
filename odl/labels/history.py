"""The label log of a recording: its questions as cards, and every answer with what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
)
from odl.labels.answer_log import Ledger, Told
from odl.labels.question import Question, Recent, Tree

STANDING = ("waits", "learned")  # states of an answer that counts
_MISSED = "it was learned from while the line was lost"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One question of a recording: its card, and the answers to it in their order.

    ``missed`` tells that samples of its window are not in the recording, for the line was lost: a
    session run again cannot ask it.
    """

    question: Question
    answers: tuple[Told, ...]
    missed: bool = False

    @property
    def told(self) -> Told | None:
        """The answer that counts; without one the newest that came, or None."""
        standing = [one for one in self.answers if one.state in STANDING]
        return standing[-1] if standing else (self.answers[-1] if self.answers else None)

    @property
    def counts(self) -> str | None:
        """The name of the answer that counts, None if none does."""
        return self.told.name if self.told is not None and self.told.state in STANDING else None


class Found(NamedTuple):
    """What a board's own state says that its host had missed.

    ``asked`` are (window, expires) of the open questions, ``learned`` (window, class) of the labels
    that count, in their order; ``skip`` samples pass until the next window begins.
    """

    tree: Tree
    asked: tuple[tuple[int, int], ...]
    learned: tuple[tuple[int, int], ...]
    skip: int


@dataclass(frozen=True, slots=True)
class History:
    """A recording's questions in their order, and its answers in theirs.

    ``answers`` holds those to questions that were never asked too. ``tree`` is that of the end,
    ``end`` the number of samples that had passed, ``gaps`` (start, lost).
    ``homes`` tells under which class each class that was added hangs, None for the root task.
    """

    questions: tuple[Asked, ...]
    answers: tuple[Told, ...]
    tree: Tree
    homes: dict[str, str | None]
    gaps: tuple[tuple[int, int], ...]
    end: int


def read_history(
    events: Iterable[Event], tree: Tree, window: int, rate_hz: float,
    channels: Sequence[tuple[str, str, float]] = (), before: float = 4.0,
    found: Callable[[bytes], Found] | None = None,
) -> History:  # fmt: skip
    """Gather the questions and answers among ``events``, a recording's in file order.

    Parameters
    ----------
    events : iterable of Event
        Inputs and outputs.
    tree : Tree
        Classes and tasks of the image that the session started from.
    window : int
        Window length in samples.
    rate_hz : float
        Samples a second.
    channels, before
        As for `odl.labels.prompt.Prompt`.
    found : callable, optional
        Reads a state that the session went on from, such as `odl.evaluate.relabel.found_in`.

    Examples
    --------
    >>> from odl.core.events import Label
    >>> events = [Prediction(0, (1,), (9000, 23768)), Query(0, 1, 500), Label(60, 0, 0)]
    >>> history = read_history(events, Tree({0: "sit", 1: "walk"}, (None,), ((0, 0), (1, 0))), 40, 50.0)
    >>> [(asked.question.path, asked.told.name) for asked in history.questions]
    [(('walk',), 'sit')]
    """
    grown, ledger = Grown(tree), Ledger()
    recent = Recent(round(before * rate_hz) + 2 * window)
    scales = [scale for _, _, scale in channels]
    cards: dict[int, Question] = {}
    gaps: list[tuple[int, int]] = []
    holes: list[tuple[int, int]] = []  # that a session run again cannot look into
    said: Prediction | None = None
    end = 0

    def card(at: int, asked: int, expires: int, mine: Prediction | None) -> Question:
        path = () if mine is None else tuple(map(grown.tree.name, mine.path))
        first = max(0, at - round(before * rate_hz))
        signal = recent.excerpt(first, at + window, scales)
        return Question(at, asked, expires, grown.tree.likely(mine), path, first, signal)

    for event in events:
        grown.take(event)
        ledger.take(event, grown.tree.name)
        match event:
            case Samples(start, block):
                recent.add(start, block)
                end = max(end, start + len(block))
            case Gap(start, lost, _):
                gaps.append((start, lost))
                end = max(end, start + lost)
            case Adopt(start, lost, state):
                end = max(end, start + lost)
                gaps.append((start, lost))
                if found is not None:
                    there = found(state)
                    grown.adopt(there.tree)
                    holes.append((start, end + there.skip))
                    # Before the first sample there was no line to lose: those answers are older.
                    answered = _missed(ledger, there, grown.tree, start) if start else []
                    for at, expires in (*there.asked, *((w, end) for w in answered)):
                        if at not in cards:
                            cards[at] = card(at, end, expires, None)
            case Prediction():
                said = event
            case Query(at, _, expires):
                mine = said if said is not None and said.window == at else None
                cards[at] = card(at, at + window, expires, mine)
    ledger.settle()
    by_window: dict[int, list[Told]] = {}
    for told in ledger.entries:
        by_window.setdefault(told.window, []).append(told)
    questions = tuple(
        Asked(it, tuple(by_window.get(at, ())), any(at < e and s < at + window for s, e in holes))
        for at, it in sorted(cards.items())
    )
    return History(questions, tuple(ledger.entries), grown.tree, grown.homes, tuple(gaps), end)


def _missed(ledger: Ledger, found: Found, tree: Tree, at: int) -> list[int]:
    """List the answers that were learned from while the line was lost; their windows."""
    known = {told.window for told in ledger.entries if told.state in STANDING}
    answered = [(window, cls) for window, cls in found.learned if window not in known]
    ledger.entries += [Told(window, tree.name(cls), "learned", _MISSED, at) for window, cls in answered]
    return [window for window, _ in answered]


class Grown:
    """Classes and tasks as a session's events add to them; what was refused is left out."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.homes: dict[str, str | None] = {}
        self._before: Tree | None = None  # until the last command's outcome is known

    def adopt(self, tree: Tree) -> None:
        """Go on from the ``tree`` of a state that was taken over."""
        for cls, head in tree.rows:
            if cls not in self.tree.names:
                parent = tree.tasks[head]
                self.homes[tree.name(cls)] = None if parent is None else tree.name(parent)
        self.tree, self._before = tree, None

    def take(self, event: Event) -> None:
        """``event`` has passed.

        >>> grown = Grown(Tree({0: "sit"}, (None,), ((0, 0),)))
        >>> for event in (Split(0, 0, 1), AddClass(0, 1, "slouch", 1)):
        ...     grown.take(event)
        >>> grown.tree.path(1), grown.homes
        (('sit', 'slouch'), {'slouch': 'sit'})
        """
        tree = self.tree
        match event:
            case AddClass(_, cls, name, head):
                parent = tree.tasks[head] if head < len(tree.tasks) else None
                self.homes[name] = None if parent is None else tree.name(parent)
                self._before = tree
                self.tree = replace(tree, names={**tree.names, cls: name}, rows=(*tree.rows, (cls, head)))
            case Split(_, leaf, _):
                self._before = tree
                self.tree = replace(tree, tasks=(*tree.tasks, leaf))
            case Dropped(_, window, _) if window == NO_WINDOW and self._before is not None:
                self.tree, self._before = self._before, None
            case Dropped() | Learned():
                pass
            case _ if not isinstance(event, Output):
                self._before = None
