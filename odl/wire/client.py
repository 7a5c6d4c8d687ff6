"""The host's end of the line to a board, one question at a time (docs/protocol.md)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from odl.core.config import Config, rule_of
from odl.core.errors import OdlError
from odl.core.events import Input, Origin, Output, Samples
from odl.wire import (
    IMAGE,
    PROTOCOL,
    STATE,
    CodecError,
    Compact,
    Configure,
    Control,
    Data,
    Deframer,
    Description,
    Hello,
    Info,
    Install,
    Read,
    Ready,
    Refusal,
    Refused,
    Status,
    Upload,
    decode,
    encode,
    frame,
    is_output,
    open_envelope,
)

_MOST: Final = 65535  # bytes that one Read can ask for
_CHUNK: Final = 4096  # of what does not change meanwhile
_ENVELOPE: Final = 10  # sequence, time, checksum
_UNASKED: Final = 2048  # of what a board says by itself, which is no answer
_TRIES: Final = 5
_LONGEST: Final = 10  # times the limit, for an answer of which more keeps coming
Answer = TypeVar("Answer", Info, Ready, Data)
Progress = Callable[[int, int], None]


class BoardError(OdlError, RuntimeError):
    """A board that does not answer, or refuses, and why; ``why`` is its reason where it gave one."""

    def __init__(self, sentence: str, why: Refusal | None = None) -> None:
        super().__init__(sentence)
        self.why = why


class BoardClient:
    """A session on a board: the same steps as `odl.core.session.Session`, over a line.

    Each request is sent again under the same number until it is answered, and the board does it
    once. What a board says unasked is kept (``description``, ``status``) or passed over.

    Parameters
    ----------
    write : callable
        Takes bytes for the board.
    read : callable
        Gives what bytes there are, after a short wait at the most.
    limit : float
        Seconds to wait for an answer; learning from all labels may take a second.
    seq : int
        Number of the first frame, 0 to 65535. At random, it is no number that a board which missed
        the greeting remembers of somebody else; a fixed one makes every run the same run.

    Attributes
    ----------
    info : Info or None
        What the board said last that it is.
    description : Description or None
        What its numbers mean.
    status : Status or None
        How it did when it said so last.
    position : int
        Where its stream stands.

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
        self, write: Callable[[bytes], None], read: Callable[[], bytes], limit: float = 10.0, seq: int = 0
    ) -> None:
        self._write, self._read, self._limit = write, read, limit
        self._deframer = Deframer()
        self._seq = seq
        self._uploaded: tuple[int, int] | None = None
        self.info: Info | None = None
        self.description: Description | None = None
        self.status: Status | None = None
        self.position = 0

    def hello(self) -> Info:
        """What the board is; its description follows, where none is lost.

        Raises
        ------
        BoardError
            If nothing answers, or the board speaks another major version.
        """
        self.description = None
        _, info = self._ask(Hello(), Info)
        if info.major != PROTOCOL[0]:
            ours, theirs = "{}.{}".format(*PROTOCOL), f"{info.major}.{info.minor}"
            raise BoardError(f"the board speaks protocol {theirs} and this odl {ours}", Refusal.VERSION)
        self.info, self.position = info, info.position
        until = time.monotonic() + self._limit / _TRIES
        while self.description is None and time.monotonic() < until:
            self._answer(self._seq, Info, [])
        return self.info

    def configure(
        self, config: Config, *, keep: bool = False, session: int = 1, position: int = 0, issued: int = 0
    ) -> None:
        """Begin a session.

        Parameters
        ----------
        config : Config
            Its settings.
        keep : bool
            Go on from what the board's label log has taught; otherwise the log is emptied.
        session : int
            A number that names the session, 1 to 2**32 - 1.
        position, issued : int
            As for `odl.core.session.Session.resume`.
        """
        scaling = tuple(zip(config.mult, config.shift, config.offset, strict=True))
        self._do(
            Configure(
                rule=int(rule_of(config.policy)), in_samples=int(config.in_samples),
                hold=int(config.hold), keep=int(keep), batch=config.batch, step=config.step,
                change=config.change, allowed=config.allowed, period=config.period,
                horizon=config.horizon, session=session, issued=issued, patience=config.patience,
                seed=config.seed, position=position, scaling=scaling,
            )
        )  # fmt: skip

    def step(self, event: Input) -> list[Output]:
        """Send one input; the board's outputs, in order. Who answered is nothing to a board."""
        if isinstance(event, Origin):
            return []
        if not isinstance(event, Samples):
            return self._do(event)
        overhead = len(encode(Samples(0, event.block[:0]))) + _ENVELOPE
        rows = max(1, (self._greeted().frame - overhead) // (2 * event.block.shape[1]))
        outputs: list[Output] = []
        for at in range(0, len(event.block), rows):
            outputs += self._do(Samples(event.start + at, event.block[at : at + rows]))
        return outputs

    def snapshot(self) -> bytes:
        """The board's state block with its label log behind it; of one moment if it fits one answer."""
        info = self._greeted()
        if info.state + info.log <= _MOST:
            return self._area(STATE, info.state + info.log, _MOST)
        return self._area(STATE, info.state, _MOST) + self._area(STATE, info.log, _CHUNK, info.state)

    def read_image(self, progress: Progress | None = None) -> bytes:
        """The model image that the board runs; ``progress`` is told bytes read and bytes in all."""
        return self._area(IMAGE, self._greeted().image_size, _CHUNK, progress=progress)

    def upload(self, image: bytes, progress: Progress | None = None) -> None:
        """Put a model image beside the one in use; ``progress`` is told bytes sent and bytes in all.

        Raises
        ------
        BoardError
            If it is larger than what the board has room for, or the board refuses.
        """
        info = self._greeted()
        if len(image) > info.image_room:
            raise BoardError(
                f"the model image has {len(image)} bytes, but the board has room for {info.image_room}"
            )
        size = (info.frame - len(encode(Upload(0, b""))) - _ENVELOPE) // 4 * 4  # whole words of flash
        for at in range(0, len(image), size):
            self._do(Upload(at, image[at : at + size]))
            if progress:
                progress(min(at + size, len(image)), len(image))
        self._uploaded = len(image), int.from_bytes(image[4:8], "little")

    def install(self) -> Info:
        """Let the board start afresh with the image that was uploaded; what it is then.

        Raises
        ------
        BoardError
            If the board refuses the image, or does not come back with it.
        """
        if self._uploaded is None:
            raise BoardError("nothing was uploaded that could be installed: call upload() first")
        size, checksum = self._uploaded
        self._do(Install(size, checksum))
        until = time.monotonic() + self._limit
        while (info := self.hello()).image != checksum or info.session != 0:
            if time.monotonic() > until:
                raise BoardError("the board took the model image but did not start with it")
        return info

    def compact(self) -> None:
        """Let the board forget what was undone; its session ends."""
        self._do(Compact())

    def _greeted(self) -> Info:
        if self.info is None:
            raise BoardError("the board has not been greeted yet: call hello() first")
        return self.info

    def _area(
        self, area: int, size: int, most: int, offset: int = 0, progress: Progress | None = None
    ) -> bytes:
        data = b""
        while len(data) < size:
            _, part = self._ask(Read(area, offset + len(data), min(most, size - len(data))), Data)
            if (part.area, part.offset) != (area, offset + len(data)) or not part.data:
                continue  # the answer to an earlier try
            data += part.data
            if progress:
                progress(len(data), size)
        return data

    def _do(self, message: Input | Control) -> list[Output]:
        """Have something done; its outputs."""
        outputs, ready = self._ask(message, Ready)
        self.position = ready.position
        return outputs

    def _ask(self, message: Input | Control, expected: type[Answer]) -> tuple[list[Output], Answer]:
        """Send one message until it is answered; the outputs that came before the answer."""
        seq, data, outputs = self._seq, encode(message), list[Output]()
        self._seq = (self._seq + 1) & 0xFFFF
        last = time.monotonic() + _LONGEST * self._limit
        for _ in range(_TRIES):
            self._write(frame(data, seq))
            until = time.monotonic() + self._limit / _TRIES
            while True:  # on a slow machine, too, the line is looked at once before the next try
                before = self._deframer.pending
                answer = self._answer(seq, expected, outputs)
                if self._deframer.pending > max(before, _UNASKED):  # a long answer is still coming
                    until = max(until, min(last, time.monotonic() + self._limit / _TRIES))
                if isinstance(answer, expected):
                    return outputs, answer
                if isinstance(answer, Refused) and answer.why is Refusal.DAMAGED:
                    break  # it was not done: once more
                if isinstance(answer, Refused) and answer.why is Refusal.HELLO:
                    self.hello()  # what answered was not the Hello, or the board was restarted
                    break
                if isinstance(answer, Refused):
                    name, why = type(message).__name__, answer.why
                    raise BoardError(f"the board refuses {name}: {why.name.lower()}", why)
                if time.monotonic() >= until:
                    break
        raise BoardError(f"the board did not answer {type(message).__name__} within {self._limit:.0f} s")

    def _answer(self, seq: int, expected: type[Answer], outputs: list[Output]) -> Answer | Refused | None:
        """What has come: the answer if it was there, else None. Outputs before it go into ``outputs``."""
        found: Answer | Refused | None = None
        for payload in self._deframer.feed(self._read()):
            try:
                message = decode(open_envelope(payload)[2])
            except CodecError:
                continue
            if isinstance(message, Description):
                self.description = message
            elif isinstance(message, Status):
                self.status = message
            elif found is not None:
                continue  # said after the answer: nobody asked for it
            elif is_output(message):
                outputs.append(message)  # type: ignore[arg-type]
            elif isinstance(message, Refused):
                if message.reply == seq or message.why is Refusal.DAMAGED:
                    found = message
            elif isinstance(message, expected) and getattr(message, "reply", seq) == seq:
                found = message
        return found
