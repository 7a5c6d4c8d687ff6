"""The host's end of the line to a board, one question at a time (docs/protocol.md)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from odl.config import POLICIES, Config
from odl.events import Input, Output, Samples
from odl.wire import (
    CodecError,
    Configure,
    Deframer,
    Hello,
    Info,
    ReadState,
    Ready,
    Refusal,
    Refused,
    StateBytes,
    decode,
    encode,
    frame,
    is_output,
    open_envelope,
)
from odl.wire.schema import Control

_CHUNK: Final = 512  # bytes of state asked for at a time
_TRIES: Final = 3
Answer = TypeVar("Answer", Info, Ready, StateBytes)


class BoardError(RuntimeError):
    """A board that does not answer, or refuses, and why."""


class BoardClient:
    """A session on a board: the same steps as `odl.session.Session`, over a line.

    Parameters
    ----------
    write : callable
        Takes bytes for the board.
    read : callable
        Gives what bytes there are, after a short wait at the most.
    limit : float
        Seconds to wait for an answer; learning from all labels may take a second.

    Examples
    --------
    ::

        board = Emulator(firmware.elf)
        client = BoardClient(board.write, board.run)
        client.hello()
        client.configure(config)
        outputs = client.step(Samples(0, block))
    """

    def __init__(
        self, write: Callable[[bytes], None], read: Callable[[], bytes], limit: float = 10.0
    ) -> None:
        self._write, self._read, self._limit = write, read, limit
        self._deframer = Deframer()
        self._seq = 0
        self.info: Info | None = None
        self.position = 0

    def hello(self) -> Info:
        """What the board is.

        Raises
        ------
        BoardError
            If nothing answers, or the board speaks another major version.
        """
        for attempt in range(_TRIES):  # a line may begin with noise, or lose the first bytes
            try:
                _, self.info = self._ask(Hello(), Info, self._limit / _TRIES)
                self.position = self.info.position
                return self.info
            except TimeoutError as error:
                if attempt == _TRIES - 1:
                    raise BoardError(str(error)) from None
        raise AssertionError("unreachable")

    def configure(self, config: Config, *, keep: bool = False) -> None:
        """Begin a session; ``keep`` goes on from what the board's label log has taught."""
        scaling = tuple(zip(config.mult, config.shift, config.offset, strict=True))
        _, ready = self._ask(
            Configure(
                rule=POLICIES.index(config.policy), in_samples=int(config.in_samples),
                hold=int(config.hold), keep=int(keep), batch=config.batch, step=config.step,
                change=config.change, allowed=config.allowed, period=config.period,
                horizon=config.horizon, patience=config.patience, seed=config.seed,
                scaling=scaling,
            ),
            Ready,
        )  # fmt: skip
        self.position = ready.position

    def step(self, event: Input) -> list[Output]:
        """Send one input; the board's outputs, in order."""
        if not isinstance(event, Samples):
            outputs, ready = self._ask(event, Ready)
            self.position = ready.position
            return outputs
        outputs = []
        at, rows = 0, self._rows(event)
        while at < len(event.block):
            piece = Samples(event.start + at, event.block[at : at + rows])
            more, ready = self._ask(piece, Ready)
            outputs += more
            self.position = ready.position
            at += rows
        return outputs

    def _rows(self, event: Samples) -> int:
        """Samples that fit into one frame for the board."""
        if self.info is None:
            raise BoardError("the board has not been greeted yet: call hello() first")
        overhead = len(encode(Samples(0, event.block[:0]))) + 10  # sequence, time, checksum
        return max(1, (self.info.frame - overhead) // (2 * event.block.shape[1]))

    def snapshot(self) -> bytes:
        """The board's state block with its label log behind it."""
        if self.info is None:
            raise BoardError("the board has not been greeted yet: call hello() first")
        data = b""
        total = self.info.state + self.info.log
        while len(data) < total:
            _, part = self._ask(ReadState(len(data), min(_CHUNK, total - len(data))), StateBytes)
            if part.offset != len(data) or not part.data:
                raise BoardError(f"the board answered with state from {part.offset}, not {len(data)}")
            data += part.data
        return data

    def _ask(
        self, message: Input | Control, expected: type[Answer], limit: float | None = None
    ) -> tuple[list[Output], Answer]:
        """Send one message and wait for its answer; the outputs that came before it."""
        limit = self._limit if limit is None else limit
        for _ in range(_TRIES):
            self._write(frame(encode(message), self._seq))
            self._seq = (self._seq + 1) & 0xFFFF
            outputs, answer = self._answer(limit)
            if isinstance(answer, Refused) and answer.why is Refusal.DAMAGED:
                continue  # it was not done: once more
            if isinstance(answer, Refused):
                raise BoardError(f"the board refuses {type(message).__name__}: {answer.why.name.lower()}")
            if not isinstance(answer, expected):
                raise BoardError(f"the board answered {type(message).__name__} with {type(answer).__name__}")
            return outputs, answer
        raise BoardError(f"{type(message).__name__} reached the board damaged {_TRIES} times")

    def _answer(self, limit: float) -> tuple[list[Output], Control]:
        outputs: list[Output] = []
        until = time.monotonic() + limit
        while time.monotonic() < until:
            for payload in self._deframer.feed(self._read()):
                try:
                    message = decode(open_envelope(payload)[2])
                except CodecError:
                    continue
                if is_output(message):
                    outputs.append(message)  # type: ignore[arg-type]
                elif isinstance(message, Info | Ready | StateBytes | Refused):
                    return outputs, message
        raise TimeoutError(f"the board did not answer within {limit:.0f} s")
