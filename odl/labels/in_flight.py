"""Answers between a person's input and the session's reaction, with their states and transitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from odl.core.errors import OdlError
from odl.core.events import AddClass, ChangeClass, Command, Label, Origin, Teach, Undo
from odl.core.protocols import Answer, ClassEdit, Reaction, TakeBack, Taught
from odl.core.retry import LABEL_ATTEMPTS


class AnswerState(Enum):
    """State of an answer, a taught label, a change of classes or an undo."""

    WAITING = "waits to be sent"
    SENT = "is on its way to the session"
    TAKEN = "is in the session, which learns from it or refuses it"
    GIVEN_UP = "did not reach the board"
    TAKEN_BACK = "was taken back before it was sent"


class AnswerStep(Enum):
    """A transition of an answer, a taught label, a change of classes or an undo."""

    SEND = "it is sent to the session or a board"
    RETRY = "the board did not take it, so it is sent again"
    TAKE = "the session has it"
    GIVE_UP = "it is sent no more"
    TAKE_BACK = "the person undoes it"


TRANSITIONS: Final[Mapping[tuple[AnswerState, AnswerStep], AnswerState]] = {
    (AnswerState.WAITING, AnswerStep.SEND): AnswerState.SENT,
    (AnswerState.WAITING, AnswerStep.TAKE_BACK): AnswerState.TAKEN_BACK,
    (AnswerState.WAITING, AnswerStep.GIVE_UP): AnswerState.GIVEN_UP,  # an undo of an answer that was given up
    (AnswerState.SENT, AnswerStep.RETRY): AnswerState.SENT,
    (AnswerState.SENT, AnswerStep.TAKE): AnswerState.TAKEN,
    (AnswerState.SENT, AnswerStep.GIVE_UP): AnswerState.GIVEN_UP,
    (AnswerState.GIVEN_UP, AnswerStep.TAKE): AnswerState.TAKEN,  # the board's confirmation came late
}


class AnswerStateError(OdlError, RuntimeError):
    """An answer cannot take a step in its state: an error in this library."""


@dataclass(eq=False, slots=True)
class AnswerInFlight:
    """An answer, a taught label, a change of classes or an undo, and its state.

    Attributes
    ----------
    answer : Answer, Taught, ClassEdit or TakeBack
    state : AnswerState
    failures : int
        Number of failed attempts to send it to a board.
    overtaken : bool
        True once its question has ended without it, or once an adopted board's state may contain it.
        Views then ignore it.

    Examples
    --------
    >>> one = AnswerInFlight(Answer(0, "walk"))
    >>> one.move(AnswerStep.SEND)
    >>> one.state.name
    'SENT'
    >>> one.move(AnswerStep.TAKE_BACK)
    Traceback (most recent call last):
    ...
    odl.labels.in_flight.AnswerStateError: an answer that is SENT cannot take the step TAKE_BACK
    """

    answer: Reaction
    state: AnswerState = AnswerState.WAITING
    failures: int = 0
    overtaken: bool = False

    def move(self, step: AnswerStep) -> None:
        """Take ``step``.

        Raises
        ------
        AnswerStateError
            If `TRANSITIONS` has no such step from this state.
        """
        after = TRANSITIONS.get((self.state, step))
        if after is None:
            raise AnswerStateError(f"an answer that is {self.state.name} cannot take the step {step.name}")
        self.state = after

    def is_carried_out_by(self, command: Command, origin: Origin) -> bool:
        """True if ``command`` from ``origin`` carries this out."""
        if (origin.by, origin.took, origin.clock) != self.answer[-3:]:
            return False
        if isinstance(self.answer, TakeBack):
            return isinstance(command, Undo)
        if isinstance(self.answer, Taught):
            return isinstance(command, Teach)
        if isinstance(self.answer, ClassEdit):
            # A class that was one before is brought back by a change.
            return isinstance(command, AddClass | ChangeClass if self.answer.what == "add" else ChangeClass)
        return isinstance(command, Label) and command.window == self.answer.window


class AnswersInFlight:
    """What a person gave and the session has not, oldest first; each leaves with its last step.

    Examples
    --------
    >>> flight = AnswersInFlight()
    >>> flight.add(Answer(0, "walk"))
    >>> flight.add(Answer(64, "sit"))
    >>> flight.names_after(["run"])
    ['run', 'walk', 'sit']
    >>> flight.take_back_unsent().answer.name
    'sit'
    >>> [one.name for one in flight.send_all()], len(flight)
    (['walk'], 1)
    >>> flight.take_back_unsent() is None
    True
    """

    def __init__(self) -> None:
        self._answers: list[AnswerInFlight] = []

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def newest(self) -> AnswerInFlight | None:
        """What the person gave last, unless the session has it."""
        return self._answers[-1] if self._answers else None

    @property
    def unsent_undos(self) -> int:
        """Number of undos that wait to be sent."""
        return sum(
            isinstance(one.answer, TakeBack) and one.state is AnswerState.WAITING for one in self._answers
        )

    def about(self, window: int) -> Answer | None:
        """The answer in flight to the open question about ``window``, or None."""
        return next((answer for answer in self.awaited() if answer.window == window), None)

    def awaited(self) -> list[Answer]:
        """The answers in flight to open questions, newest first."""
        found = [one.answer for one in reversed(self._answers) if not one.overtaken]
        return [answer for answer in found if isinstance(answer, Answer)]

    def names_after(self, names: Iterable[str]) -> list[str]:
        """``names`` of the answers that count, newest last, after all of these are carried out."""
        names = list(names)
        for one in self._answers:
            if one.overtaken:
                continue
            if isinstance(one.answer, ClassEdit):
                continue
            if isinstance(one.answer, TakeBack):
                del names[-1:]
            elif one.answer.name is not None:
                names.append(one.answer.name)
        return names

    def may_name(self, name: str) -> bool:
        """Whether something in flight may call a class ``name``: an answer, a change, or an undo of one."""
        waiting = [one.answer for one in self._answers if not one.overtaken]
        return any(
            isinstance(answer, TakeBack)
            or name in (answer.name, answer.into if isinstance(answer, ClassEdit) else None)
            for answer in waiting
        )

    # --- a person ---------------------------------------------------------------------------

    def add(self, answer: Reaction) -> None:
        """Add what the person gives."""
        self._answers.append(AnswerInFlight(answer))

    def take_back_unsent(self) -> AnswerInFlight | None:
        """Remove the newest answer or label if it has not been sent; None if an undo has to be sent."""
        one = self.newest
        if one is None or one.state is not AnswerState.WAITING or isinstance(one.answer, TakeBack):
            return None
        return self._leave(one, AnswerStep.TAKE_BACK)

    # --- the session or the board ------------------------------------------------------------

    def send_all(self) -> list[Reaction]:
        """Mark all that wait as sent, and return them for the session."""
        waiting = [one for one in self._answers if one.state is AnswerState.WAITING]
        for one in waiting:
            one.move(AnswerStep.SEND)
        return [one.answer for one in waiting]

    def send_oldest(self) -> AnswerInFlight | None:
        """Mark the oldest as sent, and return it for a board, which takes one at a time."""
        oldest = self._answers[0] if self._answers else None
        if oldest is not None and oldest.state is AnswerState.WAITING:
            oldest.move(AnswerStep.SEND)
        return oldest

    def take(self, one: AnswerInFlight) -> None:
        """The session has received ``one``; it may have been given up before."""
        if one.state is not AnswerState.TAKEN:
            self._leave(one, AnswerStep.TAKE)

    def take_command(self, command: Command, origin: Origin) -> AnswerInFlight | None:
        """Remove and return what ``command`` from ``origin`` carries out, or None."""
        for one in self._answers:
            if one.state is AnswerState.SENT and one.is_carried_out_by(command, origin):
                return self._leave(one, AnswerStep.TAKE)
        return None

    def fail(self, one: AnswerInFlight) -> list[AnswerInFlight]:
        """Send ``one`` again after a failed attempt, or give it up; return those given up, newest first.

        An undo is sent only once, since a second one would take back another answer; so is a taught label,
        which would be learned twice, and a change of classes. If a named one is given up, so is an undo right
        behind it.
        """
        if one.state is AnswerState.TAKEN:  # its echo arrived, its acknowledgement did not
            return []
        one.failures += 1
        if isinstance(one.answer, Answer) and one.failures < LABEL_ATTEMPTS:
            one.move(AnswerStep.RETRY)
            return []
        at = self._answers.index(one)
        lost = [one]
        if not isinstance(one.answer, TakeBack) and one.answer.name is not None:
            behind = self._answers[at + 1 : at + 2]
            lost = [each for each in behind if isinstance(each.answer, TakeBack)] + lost
        return [self._leave(each, AnswerStep.GIVE_UP) for each in lost]

    def overtake(self, window: int) -> None:
        """The question about ``window`` has ended without its answers in flight."""
        for one in self._answers:
            if isinstance(one.answer, Answer) and one.answer.window == window:
                one.overtaken = True

    def adopt(self, open_windows: Iterable[int]) -> None:
        """Continue from a board's state: only ``open_windows`` are open; undos and labels may be in it."""
        still_open = set(open_windows)
        for one in self._answers:
            if isinstance(one.answer, Answer):
                one.overtaken |= one.answer.window not in still_open
            else:
                one.overtaken |= one.state is AnswerState.SENT

    def _leave(self, one: AnswerInFlight, step: AnswerStep) -> AnswerInFlight:
        one.move(step)
        if one in self._answers:
            self._answers.remove(one)
        return one
