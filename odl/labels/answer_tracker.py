"""Track a person's answers, their outcomes, and which answer an undo takes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from odl._text import clean
from odl.core.answer_records import REFUSALS, ChangeRecord, Undoable
from odl.core.class_tree import ClassTree
from odl.core.events import AddClass, ChangeClass, Dropped, Event, Label, Origin, Split, Teach, Undo, Why
from odl.core.history import SessionHistory
from odl.core.protocols import Answer, ClassEdit, Reaction, TakeBack, Taught
from odl.labels.answer_log import AnswerEntry, AnswerLog
from odl.labels.class_edit import sentence_of
from odl.labels.in_flight import AnswerInFlight, AnswersInFlight, AnswerState
from odl.labels.question import Reply

UNDOS: Final = 8  # most undos that may wait to be sent
_NO_EFFECT: Final = "the last answer had no effect"


class AnswerTracker:
    """The answers in flight, and the log of those that reached the session.

    Not safe to use from two threads at once; `odl.labels.prompt.Prompt` holds a lock.

    Parameters
    ----------
    tree : ClassTree
        Classes and tasks of the session.
    keep : int
        How many of the newest answers the log holds.
    max_log : int, optional
        As for `odl.core.history.SessionHistory`.

    Attributes
    ----------
    in_flight : AnswersInFlight
    log : AnswerLog

    Examples
    --------
    >>> tracker = AnswerTracker(ClassTree({0: "walk"}), keep=50)
    >>> tracker.add(Answer(64, "walk", by="terminal"))
    "'walk' goes to the learner"
    >>> tracker.undo(TakeBack("terminal"))[0].sentence
    'taken back before it was sent'
    """

    def __init__(self, tree: ClassTree, keep: int, max_log: int | None = None) -> None:
        self.in_flight = AnswersInFlight()
        self.log = AnswerLog(SessionHistory(tree, keep=keep, max_log=max_log))
        self._no_undo = ""  # why an undo would take back another answer than the person expects

    @property
    def entries(self) -> tuple[AnswerEntry, ...]:
        """The last answers with their outcomes, the newest first."""
        return (*map(_on_its_way, self.in_flight.awaited()), *reversed(self.log.entries))

    @property
    def previous(self) -> str | None:
        """The name of the last answer that counts, assuming that those in flight succeed."""
        names = self.in_flight.names_after(self.log.names)
        return names[-1] if names else None

    def why_closed(self, window: int) -> str:
        """Why the question about ``window`` takes no answer."""
        state = next((one.state for one in self.entries if one.window == window), None)
        if state is None:
            return "there is no such question"
        ends = {"expired": "this question has expired", "skipped": "this question was skipped"}
        return ends.get(state, "this question is answered already")

    # --- a person ---------------------------------------------------------------------------

    def add(self, answer: Answer | Taught) -> str:
        """Queue ``answer``, or a label that nobody asked for, and return the sentence about it."""
        self.in_flight.add(answer)
        self._no_undo = "a skip cannot be taken back" if answer.name is None else ""
        return _sent(answer.name)

    def edit(self, edit: ClassEdit, back: bool = False) -> str:
        """Queue a change of the classes, and return the sentence about it.

        ``back``: what is added was a class before.
        """
        self.in_flight.add(edit)
        self._no_undo = ""
        if edit.what == "add" and not back:
            self._no_undo = f"undo takes back no class that was added: remove '{clean(edit.name)}' instead"
        return sentence_of(edit, back)

    def undo(self, undo: TakeBack) -> tuple[Reply, int | None]:
        """Undo the last answer; return the reply, and the window whose question is open again at once."""
        unsent = self.in_flight.take_back_unsent()
        if unsent is not None:
            self._no_undo = ""
            answer = unsent.answer
            window = answer.window if isinstance(answer, Answer) and not unsent.overtaken else None
            return Reply(True, "taken back before it was sent"), window
        name = self.previous
        if self._no_undo:
            why, self._no_undo = self._no_undo, ""
            return Reply(False, f"{why}; once more takes back '{clean(name)}'" if name else why), None
        if self.in_flight.unsent_undos >= UNDOS:
            return Reply(False, "wait until the answers taken back before are"), None
        what = f"'{clean(name)}'" if name else "the answer given last"
        newest, last = self.in_flight.newest, self.log.history.newest
        if newest is not None and isinstance(newest.answer, ClassEdit):
            what = f"the change of '{clean(newest.answer.name)}'"
        elif newest is None and isinstance(last, ChangeRecord):
            what = f"the change of '{clean(last.before)}'"
            if twice := self.log.history.classes.tree.without_change().named_twice:
                other = f"another class is called '{clean(twice[0])}' now; rename that one, and then this one"
                return Reply(False, f"{what} cannot be taken back: {other}"), None
        elif newest is not None and isinstance(newest.answer, TakeBack):
            tree = self.log.history.classes.tree.without_change()
            if tree.named_twice or tree.without_change().named_twice:
                return Reply(False, "wait until the answers taken back before are"), None
        self.in_flight.add(undo)
        return Reply(True, f"{what} is being taken back"), None

    # --- the session or the board -------------------------------------------------------------

    def taken(self, one: AnswerInFlight) -> None:
        """The board has received ``one``; remove the log's entry if it had been given up."""
        if one.state is AnswerState.GIVEN_UP and isinstance(one.answer, Answer):
            self.log.remove(_given_up(one.answer))
        self.in_flight.take(one)

    def failed(self, one: AnswerInFlight) -> tuple[list[Reaction], str]:
        """The board did not take ``one``; return those given up, newest first, and a sentence or ``""``."""
        newest = self.in_flight.newest
        lost = self.in_flight.fail(one)
        sentence = ""
        if one in lost and not one.overtaken:
            if isinstance(one.answer, TakeBack):
                sentence = "the undo did not reach the board, so nothing was taken back"
            elif isinstance(one.answer, ClassEdit):
                sentence = f"the change of '{clean(one.answer.name)}' did not reach the board"
            else:
                sentence = _lost(one.answer.name)
                if isinstance(one.answer, Answer):
                    self.log.add(_given_up(one.answer))
                self._no_undo = _NO_EFFECT if newest is lost[0] else self._no_undo
        return [each.answer for each in lost], sentence

    def take(self, event: Event) -> int | None:
        """Apply the next event; return the window whose question it ends, or None."""
        self.log.take(event)
        match event:
            case Label() | Teach() | Undo() | AddClass() | Split() | ChangeClass():
                origin = self.log.history.origin or Origin(event.at, "", 0, 0)
                ours = self.in_flight.take_command(event, origin)
                if isinstance(event, Label | Teach):
                    self._no_undo = self._no_undo if ours else ""
                if isinstance(event, Label):
                    self.in_flight.overtake(event.window)
                    return event.window
            case Dropped(_, window, why):
                self.in_flight.overtake(window)
                if why in REFUSALS:
                    self._no_undo = _NO_EFFECT
                return None if why is Why.REPEATED else window
        return None

    def adopt(
        self, tree: ClassTree, open_windows: Iterable[int], undoable: Iterable[Undoable],
        entries: Sequence[tuple[int, int] | None] | None = None,
    ) -> None:  # fmt: skip
        """Continue from a session's own state; an undo then takes back its newest answer."""
        self.in_flight.adopt(open_windows)
        self.log.adopt(tree, undoable, entries)


def _on_its_way(answer: Answer) -> AnswerEntry:
    window, name = answer.window, answer.name
    return AnswerEntry(window, name, "given", _sent(name), None, answer.by, answer.took, answer.clock)


def _given_up(answer: Answer) -> AnswerEntry:
    return replace(_on_its_way(answer), state="refused", sentence=_lost(answer.name))


def _sent(name: str | None) -> str:
    return "skipped" if name is None else f"'{clean(name)}' goes to the learner"


def _lost(name: str | None) -> str:
    what = "the skip" if name is None else f"'{clean(name)}'"
    return f"{what} did not reach the board, so nothing was learned"
