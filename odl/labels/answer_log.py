"""Who answered what, and what became of it: read from the events of a session as they pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from odl._text import clean
from odl.core.events import NO_WINDOW, Dropped, Event, Label, Learned, Origin, Undo, Why

SENTENCES = {
    Why.EXPIRED: "nobody answered in time",
    Why.LATE: "it came after the question had expired, so nothing was learned",
    Why.REPEATED: "the question had an answer already, so nothing was changed",
    Why.UNKNOWN: "the session knows no such question any more, so nothing was learned",
    Why.NO_SUCH_CLASS: "the session has no such class or task, so nothing was learned",
    Why.FULL: "the model has no room left for it, so nothing was learned",
    Why.NOTHING_TO_UNDO: "there was no answer to take back",
    Why.SKIPPED: "skipped",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, or a question that ended without one, and what became of it.

    ``name`` is None for a skip and where nobody answered. ``state`` is one of ``given`` (on its
    way), ``waits`` (for its batch), ``learned``, ``skipped``, ``expired``, ``undone`` and
    ``refused``. ``at`` is the sample at which the answer came, None where none came; ``by``,
    ``took`` and ``clock`` are those of `odl.core.events.Origin`.
    """

    window: int
    name: str | None
    state: str
    sentence: str
    at: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0


class Ledger:
    """The answers of a session, in the order in which they came.

    Parameters
    ----------
    keep : int, optional
        How many of the newest are kept; default: all.

    Attributes
    ----------
    entries : the answers, the oldest first.
    sentence : the newest thing to say.

    Examples
    --------
    >>> ledger = Ledger()
    >>> for event in (Origin(9, "button", 800, 0), Label(9, 0, 1), Learned(9, 0, 1, 0), Undo(9)):
    ...     ledger.take(event, lambda cls: "walk")
    >>> ledger.settle()
    >>> [(one.name, one.state, one.by, one.took) for one in ledger.entries]
    [('walk', 'undone', 'button', 800)]
    """

    def __init__(self, keep: int | None = None) -> None:
        self.entries: deque[Told] = deque(maxlen=keep)
        self.sentence = ""
        self._standing: deque[tuple[int, str]] = deque(maxlen=keep)  # what an undo can take back
        self._undo: int | None = None  # the sample of an undo whose step is not over
        self._origin = Origin(0, "", 0, 0)

    @property
    def names(self) -> list[str]:
        """The names given that still count, the newest last."""
        names = [name for _, name in self._standing]
        return names if self._undo is None else names[:-1]

    def adopt(self, answers: Iterable[tuple[int, str]]) -> None:
        """Of ``answers``, window and name, an undo takes the last: some came while the line was lost."""
        self._standing.clear()
        self._standing.extend(answers)

    def take(self, event: Event, name: Callable[[int], str]) -> None:
        """``event`` has passed; ``name`` tells a class's name."""
        # What an undo's step settles before it comes between the two.
        if self._undo is not None and not (isinstance(event, Dropped | Learned) and event.at == self._undo):
            self.settle()
        match event:
            case Origin():
                self._origin = event
            case Label(at, window, cls):
                origin, self._origin = self._origin, Origin(0, "", 0, 0)
                known = None if cls is None else name(cls)
                if known is not None:
                    self._standing.append((window, known))
                sentence = "skipped" if known is None else f"'{clean(known)}' waits for its batch"
                self._add(Told(window, known, "waits", sentence, at, origin.by, origin.took, origin.clock))
            case Undo(at):
                self._undo, self._origin = at, Origin(0, "", 0, 0)
            case Learned(_, window, cls, _):
                self._became(window, "learned", f"'{clean(name(cls))}' has been learned")
            case Dropped(_, window, why):
                self._dropped(window, why)

    def settle(self) -> None:
        """The step of the last input is over: what it took back is taken back."""
        if self._undo is None:
            return
        self._undo = None
        if self._standing:
            window, name = self._standing.pop()
            self._became(window, "undone", f"'{clean(name)}' was taken back", ("waits", "learned"))

    def _dropped(self, window: int, why: Why) -> None:
        self.sentence = SENTENCES[why]
        if why is Why.NOTHING_TO_UNDO:
            self._undo = None
        if window == NO_WINDOW:
            return
        if why is Why.EXPIRED:
            self._add(Told(window, None, "expired", SENTENCES[why]))
        elif why is Why.SKIPPED:
            self._became(window, "skipped", SENTENCES[why])
        elif self._became(window, "refused", SENTENCES[why]):
            for i in reversed(range(len(self._standing))):
                if self._standing[i][0] == window:
                    del self._standing[i]
                    break

    def _add(self, told: Told) -> None:
        self.entries.append(told)
        self.sentence = told.sentence

    def _became(self, window: int, state: str, sentence: str, among: tuple[str, ...] = ("waits",)) -> bool:
        """Put ``state`` to the newest entry about ``window``; whether it names a class."""
        self.sentence = sentence
        for i in reversed(range(len(self.entries))):
            one = self.entries[i]
            if one.window == window and one.state in among:
                self.entries[i] = replace(one, state=state, sentence=sentence)
                return one.name is not None
        return False
