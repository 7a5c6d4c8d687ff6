"""A prompt's answers on their way to a board, one command at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from odl.core.events import ChangeClass, Command, Label, Origin, Teach, Undo
from odl.core.loop import commands
from odl.core.protocols import ClassEdit, TakeBack, Taught
from odl.core.retry import BOARD
from odl.core.session import Session
from odl.device.board import Board
from odl.labels.in_flight import AnswerInFlight, AnswerState
from odl.labels.prompt import BUTTON, Prompt
from odl.wire import Failure, Ready, Request

_LATE: Final = 8  # commands whose echo may still arrive after the host gave them up
_LATE_SECONDS: Final = BOARD.limit  # of the stream in which it may; a later command is the button's


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that was sent, its origin, and the answer that it belongs to."""

    command: Command
    origin: Origin | None
    answer: AnswerInFlight


class Delivery:
    """Sends the answers of ``prompt`` to ``board``, one command at a time.

    A class that an answer names is added before its label, and the label holds the id under which the
    board took the class. So each command waits until the board has done the one before.

    Parameters
    ----------
    session : Session
        The host's session, which follows the board's.
    notices : deque of str
        The delivery appends sentences for the person.
    """

    def __init__(self, board: Board, session: Session, prompt: Prompt, notices: deque[str]) -> None:
        self._board, self._session, self._prompt, self._notices = board, session, prompt, notices
        self._answer: AnswerInFlight | None = None  # whose commands are being sent
        self._commands: Iterator[Command | Origin] = iter(())
        self._request: Request | None = None
        self._unheard: SentCommand | None = None  # the last command, until its echo arrives
        self._late: deque[tuple[SentCommand, int]] = deque(maxlen=_LATE)  # with the last sample of its echo

    @property
    def busy(self) -> bool:
        """True until the board has answered the last command."""
        return self._request is not None

    @property
    def unfinished(self) -> int:
        """Number of answers and undos that the board has not confirmed."""
        return len(self._prompt.in_flight)

    def origin_of(self, command: Command) -> Origin | None:
        """Return who gave a ``command`` that the board carried out; the button, if the host did not."""
        while self._late and self._late[0][1] < self._session.position:
            self._late.popleft()
        for sent in filter(None, (self._unheard, *(sent for sent, _ in self._late))):
            if replace(sent.command, at=command.at) != command:
                continue
            if sent is self._unheard:
                self._unheard = None
            else:
                self._late = deque((pair for pair in self._late if pair[0] is not sent), _LATE)
            last = isinstance(command, Label | Teach | Undo | ChangeClass)  # of those of one answer
            if last and sent.answer.state is AnswerState.GIVEN_UP:
                self._prompt.taken(sent.answer)
            return None if sent.origin is None else replace(sent.origin, at=command.at)
        return Origin(command.at, BUTTON, 0, 0)

    def forget_late(self) -> None:
        """Forget late commands once the board's state is adopted; that state includes them."""
        self._late.clear()

    def advance(self, *, idle: bool, may_send: bool) -> None:
        """Handle the result of the last command; send the next one if the board can take it.

        Parameters
        ----------
        idle : bool
            Nothing has arrived from the board for a moment, so a missing echo was lost.
        may_send : bool
            Host and board are in step.
        """
        if self._request is not None and not self._is_done(self._request, idle):
            return
        self._request = None
        following = self._next() if may_send else None
        if following is not None:
            self._unheard = following
            self._request = self._board.send(following.command)

    def _next(self) -> SentCommand | None:
        """Return the next command of the answer under way, else of the oldest one that waits."""
        origin: Origin | None = None
        while True:
            for event in self._commands:
                if isinstance(event, Origin):
                    origin = event
                else:
                    assert self._answer is not None
                    return SentCommand(event, origin, self._answer)
            if self._answer is not None:  # all its commands are done
                self._prompt.taken(self._answer)
            self._answer = self._prompt.send_oldest()
            if self._answer is None:
                return None
            self._commands = commands(self._session, self._answer.answer)

    def _is_done(self, request: Request, idle: bool) -> bool:
        """True once the command is finished: its echo arrived or was lost, or the board refused it."""
        if isinstance(request.answer, Ready):
            # The echo arrives before the acknowledgement, unless it was lost: then the line is idle, or the
            # stream has passed it.
            heard = idle or self._unheard is None or self._session.position > request.answer.position
            if heard:
                self._unheard = None
            return heard
        if request.failure is None:
            return False
        unheard, self._unheard = self._unheard, None
        if unheard is not None and request.failure in (Failure.SILENT, Failure.DAMAGED):
            until = self._session.position + round(_LATE_SECONDS * self._session.image.rate_hz)
            self._late.append((unheard, until))  # the board may have carried it out all the same
        self._failed(request.problem)
        return True

    def _failed(self, problem: str) -> None:
        assert self._answer is not None
        answer, self._answer, self._commands = self._answer, None, iter(())
        if answer.state is AnswerState.TAKEN:
            return
        given_up = self._prompt.failed(answer)
        names = {TakeBack: "an undo", Taught: "a label", ClassEdit: "a change of the classes"}
        what = names.get(type(answer.answer), "an answer")
        became = "is given up" if given_up else "did not reach the board"
        self._notices.append(f"{what} {became}: {problem}")
