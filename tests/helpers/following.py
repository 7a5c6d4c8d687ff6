"""A host that steps its own session with what a board sends, and compares as it goes."""

from __future__ import annotations

from typing import Any, get_args

from firmware_sim.emulator import Emulator
from odl.core.events import Input, Output, Prediction
from odl.core.session import Session
from odl.wire import STATE, Data, Deframer, Message, Read, decode, encode, frame, is_output, open_envelope


class Follower:
    """What ``board`` does by itself, in ``session`` as well; the board is configured already."""

    def __init__(self, board: Emulator, session: Session) -> None:
        self.board, self.session = board, session
        self.heard: list[Message] = []
        self.compared = 0
        self._deframer = Deframer()
        self._wanted: list[Output] = []
        self._seq = 1000

    def run(self, seconds: float) -> list[Message]:
        """Let the board work; what it said, every output of which was the session's."""
        return self._take(self.board.run(seconds))

    def _take(self, data: bytes) -> list[Message]:
        new: list[Message] = []
        for payload in self._deframer.feed(data):
            message = decode(open_envelope(payload)[2])
            new.append(message)
            if isinstance(message, get_args(Input)):
                assert self._wanted == []  # all that came of the inputs before was said
                self._wanted = list(self.session.step(message))
            elif is_output(message):
                assert message == self._wanted.pop(0)
                self.compared += 1
            elif isinstance(message, Data):
                assert self._wanted == []
                assert message.data == self.session.snapshot()
        self.heard += new
        return new

    def run_until(self, kind: type[Any], seconds: float = 60.0, step: float = 0.5) -> Any:
        """Let the board work until it says something of ``kind``."""
        until = self.board.seconds + seconds
        while self.board.seconds < until:
            for message in self.run(step):
                if isinstance(message, kind):
                    return message
        raise AssertionError(f"no {kind.__name__} within {seconds:g} s")

    def compare(self) -> None:
        """State and log, byte for byte."""
        self._seq += 1
        self.board.write(frame(encode(Read(STATE, 0, len(self.session.snapshot()))), self._seq))
        assert any(
            isinstance(message, Data) for message in self._take(self.board.run(1.0))
        )  # a refit may go on

    def messages_of(self, kind: type[Any]) -> list[Any]:
        """All of ``kind`` so far."""
        return [message for message in self.heard if isinstance(message, kind)]

    def path_of(self, window: int) -> tuple[int, ...]:
        """What was predicted for ``window``."""
        return next(p.path for p in self.messages_of(Prediction) if p.window == window)
