"""Answers on their way to a board: one command at a time, and the person is told what became of each."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from odl.core.events import AddClass, Command, Event, Label, Origin, Query, Samples, Teach, Undo
from odl.core.retry import BOARD
from odl.live.delivery import BUTTON, Delivery
from odl.wire import Failure, Ready, Request
from tests.helpers.prompts import NOTHING, PromptHarness


class Mailbox:
    """The sending half of a board: what it was sent, and what becomes of that."""

    def __init__(self) -> None:
        self.stage = PromptHarness(batch=1, patience=2**40)
        self.prompt, self.session = self.stage.prompt, self.stage.session
        self.sent: list[Request] = []
        self.notices: deque[str] = deque()
        board: Any = self
        self.delivery = Delivery(board, self.session, self.prompt, self.notices)

    def send(self, command: Command) -> Request:
        """As `odl.device.board.Board.send`."""
        self.sent.append(Request(command))
        return self.sent[-1]

    def advance(self, idle: bool = False) -> Command | None:
        """Deal with the last request; the command that is sent next."""
        before = len(self.sent)
        self.delivery.advance(idle=idle, may_send=True)
        return self.sent[-1].message if len(self.sent) > before else None  # type: ignore[return-value]

    def echo(self, command: Command) -> list[Event]:
        """The board did ``command`` and says so; the events that pass."""
        command = replace(command, at=self.session.position)
        origin = self.delivery.origin_of(command)
        passed: list[Event] = [*([origin] if origin else []), command]
        for event in passed:
            self.prompt.take(event)
        for output in self.session.step(command):
            self.prompt.take(output)
        self.prompt.take(Samples(self.session.position, NOTHING))
        return passed

    def acknowledge(self) -> None:
        """The board answers the request sent last."""
        self.sent[-1].answer = Ready(self.session.position, 768, 0)

    def refuse(self, failure: Failure = Failure.REFUSED) -> Command | None:
        """The request sent last comes to nothing; the command that is sent next."""
        self.sent[-1].failure, self.sent[-1].problem = failure, failure.value
        return self.advance()

    def do(self) -> Command | None:
        """The board does the command sent last; the command that is sent next."""
        self.echo(self.sent[-1].message)  # type: ignore[arg-type]
        self.acknowledge()
        return self.advance()

    def learn(self, name: str) -> int:
        """A question is asked, answered and learned from; its window."""
        window = self.stage.until_asked()
        self.prompt.answer(window, name)
        assert self.advance() is not None and self.do() is None
        return window


def windows(mailbox: Mailbox) -> list[int]:
    return [question.window for question in mailbox.prompt.questions]


def test_a_new_class_is_added_before_its_label() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    board.prompt.answer(window, "wave")
    added = board.advance()
    assert isinstance(added, AddClass) and board.advance() is None and board.delivery.busy
    label = board.do()
    assert isinstance(label, Label) and (label.window, label.cls) == (window, added.cls)
    assert board.do() is None and not board.delivery.busy and board.delivery.unfinished == 0
    assert board.prompt.answers[0].state == "learned"


def test_an_undo_of_an_answer_that_waits_behind_another_is_never_sent() -> None:
    board = Mailbox()
    first, second = board.stage.until_asked(), board.stage.until_asked()
    board.prompt.answer(first, "walk")
    label = board.advance()
    board.prompt.answer(second, "sit")
    assert board.prompt.undo().sentence == "taken back before it was sent"
    assert windows(board) == [second]
    assert isinstance(label, Label) and board.do() is None and len(board.sent) == 1


def test_an_undo_of_a_sent_answer_follows_it() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    board.prompt.answer(window, "walk")
    assert isinstance(board.advance(), Label)
    assert board.prompt.undo().sentence == "'walk' is being taken back"
    assert isinstance(board.do(), Undo) and board.do() is None
    assert board.prompt.sentence == "'walk' was taken back" and board.prompt.previous is None


def test_an_answer_that_is_given_up_goes_back() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    board.prompt.answer(window, "walk")
    assert isinstance(board.advance(), Label)
    assert isinstance(board.refuse(), Label) and isinstance(board.refuse(), Label) and windows(board) == []
    assert board.refuse() is None and windows(board) == [window]
    assert board.prompt.sentence == "'walk' did not reach the board, so nothing was learned"
    assert list(board.notices) == [
        *["an answer did not reach the board: the board refuses"] * 2,
        "an answer is given up: the board refuses",
    ]


def test_an_undo_that_is_given_up_took_nothing_back() -> None:
    board = Mailbox()
    board.learn("run")
    board.prompt.undo()
    assert isinstance(board.advance(), Undo) and board.prompt.previous is None
    assert board.refuse() is None and board.prompt.previous == "run"
    assert board.prompt.sentence == "the undo did not reach the board, so nothing was taken back"
    assert list(board.notices) == ["an undo is given up: the board refuses"]
    assert board.prompt.undo().sentence == "'run' is being taken back"


def test_a_taught_label_follows_its_new_class_and_is_sent_once() -> None:
    board = Mailbox()
    board.stage.run(100)
    board.prompt.teach("wave")
    added = board.advance()
    assert isinstance(added, AddClass)
    taught = board.do()
    assert taught == Teach(board.session.position, added.cls) and board.do() is None
    assert board.delivery.unfinished == 0 and board.prompt.answers[0].state == "learned"
    board.stage.run(100)
    board.prompt.teach("walk")
    assert (
        isinstance(board.advance(), Teach) and board.refuse() is None
    )  # a second one might be learned twice
    assert board.prompt.sentence == "'walk' did not reach the board, so nothing was learned"
    assert list(board.notices) == ["a label is given up: the board refuses"]
    assert len(board.prompt.answers) == 1 and board.delivery.unfinished == 0


def test_an_undo_goes_with_the_answer_that_it_was_to_take_back() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    board.prompt.answer(window, "walk")
    board.advance()
    board.prompt.undo()
    for _ in range(3):
        following = board.refuse()
    assert following is None and board.delivery.unfinished == 0 and windows(board) == [window]


def test_an_answer_whose_echo_was_lost_is_taken_once_the_board_acknowledges_it() -> None:
    board = Mailbox()
    board.prompt.answer(board.stage.until_asked(), "walk")
    board.advance()
    board.acknowledge()
    assert board.advance() is None and board.delivery.busy  # the echo may still come
    assert board.advance(idle=True) is None and not board.delivery.busy and board.delivery.unfinished == 0


def test_an_answer_whose_echo_comes_after_it_was_given_up_is_learned_as_the_persons() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    board.prompt.answer(window, "walk", by="terminal:P3")
    label = board.advance()
    for _ in range(3):
        board.refuse(Failure.SILENT)
    assert windows(board) == [window] and board.prompt.answers[0].state == "refused" and label is not None
    origin, _ = board.echo(label)
    assert isinstance(origin, Origin) and origin.by == "terminal:P3"
    assert windows(board) == []
    told = [(one.name, one.state, one.by) for one in board.prompt.answers]
    assert told == [("walk", "learned", "terminal:P3")]
    assert board.prompt.sentence == "'walk' has been learned"


def test_an_undo_whose_echo_comes_after_it_was_given_up_is_told() -> None:
    board = Mailbox()
    board.learn("run")
    board.prompt.undo(by="terminal:P3")
    undo = board.advance()
    board.refuse(Failure.SILENT)
    assert board.prompt.previous == "run" and undo is not None
    origin, _ = board.echo(undo)
    assert isinstance(origin, Origin) and origin.by == "terminal:P3"
    assert board.prompt.sentence == "'run' was taken back" and board.prompt.previous is None


def test_a_command_that_the_board_refused_or_whose_state_was_adopted_is_not_expected_late() -> None:
    for failure in (Failure.REFUSED, Failure.SILENT):
        board = Mailbox()
        board.learn("run")
        board.prompt.undo()
        undo = board.advance()
        board.refuse(failure)
        if failure is Failure.SILENT:
            board.delivery.forget_late()
        assert undo is not None and board.echo(undo)[0] == Origin(board.session.position, BUTTON, 0, 0)


def test_a_command_long_after_one_like_it_was_given_up_comes_from_the_button() -> None:
    board = Mailbox()
    board.learn("run")
    board.prompt.undo(by="terminal:P3")
    undo = board.advance()
    board.refuse(Failure.SILENT)
    board.stage.run(round((BOARD.limit + 1) * board.session.image.rate_hz))
    assert undo is not None and board.echo(undo)[0] == Origin(board.session.position, BUTTON, 0, 0)


def test_commands_that_nobody_here_gave_come_from_the_button() -> None:
    board = Mailbox()
    window = board.stage.until_asked()
    assert any(isinstance(event, Query) for event in board.stage.events)
    assert board.echo(Label(0, window, 1))[0] == Origin(board.session.position, BUTTON, 0, 0)
    assert board.prompt.answers[0].by == BUTTON and windows(board) == []
