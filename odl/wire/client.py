"""Step a session on a board, one request at a time, over two functions for bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import Input, Origin, Output, Samples
from odl.core.retry import RetryPolicy
from odl.wire import (
    IMAGE,
    PROTOCOL,
    STATE,
    CodecError,
    Compact,
    Control,
    Data,
    Deframer,
    Description,
    Failure,
    Hello,
    Info,
    Install,
    Read,
    Ready,
    Refusal,
    Refused,
    Remember,
    Request,
    Status,
    Upload,
    decode,
    encode,
    is_output,
    open_envelope,
)
from odl.wire.requests import Requests
from odl.wire.session_messages import ENVELOPE, LONGEST_READ, configure_message, split_samples

LONGEST_AREA: Final = 4 * 2**20  # bytes: a recording has no room for a larger model image
_CHUNK: Final = 4096  # bytes per Read of an area that does not change meanwhile
_UNASKED: Final = 2048  # most bytes that a board sends unasked
Progress = Callable[[int, int], None]


class BoardError(OdlError, RuntimeError):
    """A board does not answer, or refuses; ``why`` is the board's reason, if it gave one."""

    def __init__(self, sentence: str, why: Refusal | None = None) -> None:
        super().__init__(sentence)
        self.why = why


class BoardClient:
    """A session on a board: the same steps as `odl.core.session.Session`, over a line.

    A request is sent again under the same number until it is answered (`odl.wire.requests`), and
    the board executes it once. Messages that the board sends unasked are stored (``description``,
    ``status``) or ignored. For a board that streams by itself and may be unplugged, see
    `odl.device.board.Board`.

    Parameters
    ----------
    write : callable
        Takes bytes for the board.
    read : callable
        Returns the bytes that have arrived, after a short wait at most.
    limit : float
        Seconds to wait for an answer; learning from all labels may take a second.
    seq : int
        Number of the first frame, 0 to 65535. A random number avoids the number that the board may
        remember from an earlier host; a fixed one makes runs repeatable.
    clock : Clock
        Times the attempts.

    Attributes
    ----------
    info : Info or None
        The board's last answer to a greeting.
    description : Description or None
        Sensor, channels and model of the board.
    status : Status or None
        The board's last status.
    position : int
        The position of its stream, in samples.

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
        self,
        write: Callable[[bytes], None],
        read: Callable[[], bytes],
        limit: float = 10.0,
        seq: int = 0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._write, self._read, self._clock = write, read, clock
        self._retry = RetryPolicy.within(limit)
        self._requests = Requests(seq, self._retry)
        self._deframer = Deframer()
        self._uploaded: tuple[int, int] | None = None
        self.info: Info | None = None
        self.description: Description | None = None
        self.status: Status | None = None
        self.position = 0

    def hello(self) -> Info:
        """Greet the board and return its Info; wait for the description that follows.

        Raises
        ------
        BoardError
            If nothing answers, or the board speaks another major version.
        """
        self.description = None
        info = self._ask(Hello()).answer
        assert isinstance(info, Info)
        until = self._clock.monotonic() + self._retry.timeout
        while self.description is None and self._clock.monotonic() < until:
            self._take([])
        return info

    def configure(
        self, config: Config, *, keep: bool = False, session: int = 1, position: int = 0, issued: int = 0
    ) -> None:
        """Start a session; see `odl.wire.session_messages.configure_message`."""
        self._do(configure_message(config, session, keep=keep, position=position, issued=issued))

    def step(self, event: Input) -> list[Output]:
        """Send one input; return the board's outputs, in order. An Origin is not sent: no board takes it."""
        if isinstance(event, Origin):
            return []
        if not isinstance(event, Samples):
            return self._do(event)
        return [output for part in split_samples(event, self._greeted().frame) for output in self._do(part)]

    def snapshot(self) -> bytes:
        """Read the state block followed by the label log; consistent if both fit one answer.

        Raises
        ------
        BoardError
            If the board does not answer, or claims more than `LONGEST_AREA` bytes.
        """
        info = self._greeted()
        if info.state + info.log <= LONGEST_READ:
            return self._area(STATE, info.state + info.log, LONGEST_READ)
        return self._area(STATE, info.state, LONGEST_READ) + self._area(STATE, info.log, _CHUNK, info.state)

    def read_image(self, progress: Progress | None = None) -> bytes:
        """Read the model image that the board runs; ``progress`` gets bytes read and bytes in all.

        Raises
        ------
        BoardError
            If the board does not answer, or claims more than `LONGEST_AREA` bytes.
        """
        return self._area(IMAGE, self._greeted().image_size, _CHUNK, progress=progress)

    def upload(self, image: bytes, progress: Progress | None = None) -> None:
        """Put a model image beside the one in use; ``progress`` gets bytes sent and bytes in all.

        Raises
        ------
        BoardError
            If the image is too large, or the board refuses it.
        """
        info = self._greeted()
        if len(image) > info.image_room:
            raise BoardError(
                f"the model image has {len(image)} bytes, but the board has room for {info.image_room}"
            )
        size = (info.frame - len(encode(Upload(0, b""))) - ENVELOPE) // 4 * 4  # whole words of flash
        for at in range(0, len(image), size):
            self._do(Upload(at, image[at : at + size]))
            if progress:
                progress(min(at + size, len(image)), len(image))
        self._uploaded = len(image), int.from_bytes(image[4:8], "little")

    def install(self) -> Info:
        """Restart the board with the image that was uploaded, and return its Info.

        Raises
        ------
        BoardError
            If the board refuses the image, or does not come back with it.
        """
        if self._uploaded is None:
            raise BoardError("there is no uploaded image to install: call upload() first")
        size, checksum = self._uploaded
        self._do(Install(size, checksum))
        until = self._clock.monotonic() + self._retry.limit
        while (info := self.hello()).image != checksum or info.session != 0:
            if self._clock.monotonic() > until:
                raise BoardError("the board took the model image but did not start with it")
        return info

    def compact(self) -> None:
        """Remove undone entries from the board's log; its session ends."""
        self._do(Compact())

    def remember(self, entries: Iterable[bytes]) -> None:
        """Empty the board's label log and fill it with ``entries`` of an earlier session; its session ends.

        Raises
        ------
        BoardError
            If the board refuses an entry, or has no room for it.
        """
        channels = self._greeted().channels
        none = Config(mult=(1,) * channels, shift=(0,) * channels, offset=(0,) * channels)
        self.configure(none, keep=False)
        self.compact()
        for entry in entries:
            self._do(Remember(entry))

    def _area(
        self, area: int, size: int, most: int, offset: int = 0, progress: Progress | None = None
    ) -> bytes:
        if size > LONGEST_AREA:
            what = "model image" if area == IMAGE else "state"
            raise BoardError(
                f"the board claims a {what} of {size} bytes, but none has more than {LONGEST_AREA}"
            )
        data = bytearray()
        while len(data) < size:
            part = self._ask(Read(area, offset + len(data), min(most, size - len(data)))).answer
            assert isinstance(part, Data)
            data += part.data
            if progress:
                progress(len(data), size)
        return bytes(data)

    def _do(self, message: Input | Control) -> list[Output]:
        """Send ``message`` and return the board's outputs."""
        outputs = list[Output]()
        ready = self._ask(message, outputs).answer
        assert isinstance(ready, Ready)
        self.position = ready.position
        return outputs

    def _ask(self, message: Input | Control, outputs: list[Output] | None = None) -> Request:
        """Send ``message`` until it is answered; append outputs that arrive before to ``outputs``."""
        request, found = self._requests.add(message), [] if outputs is None else outputs
        last = self._clock.monotonic() + self._retry.limit
        while data := self._due(request):
            self._write(data)
            # Read at least once before the next attempt, however slow this machine is.
            while not request.done:
                before = self._deframer.pending
                self._take(found, request)
                now, due = self._clock.monotonic(), self._requests.next_due
                if self._deframer.pending > max(before, _UNASKED) and now < last:
                    self._requests.postpone(now)  # a long answer is still arriving
                elif due is not None and now >= due:
                    break
        if request.failure is not None:
            answer = request.answer
            why = answer.why if isinstance(answer, Refused) else None
            raise BoardError(request.problem, Refusal.VERSION if request.failure is Failure.VERSION else why)
        return request

    def _due(self, request: Request) -> bytes:
        """The bytes of the next attempt; empty once ``request`` is done."""
        return b"" if request.done else self._requests.due(self._clock.monotonic())

    def _take(self, outputs: list[Output], request: Request | None = None) -> None:
        """Read once and process the messages; outputs count until ``request`` is answered."""
        for payload in self._deframer.feed(self._read()):
            try:
                message = decode(open_envelope(payload)[2])
            except CodecError:
                continue
            if isinstance(message, Description):
                self.description = message
            elif isinstance(message, Status):
                self.status = message
            elif isinstance(message, Info | Ready | Data | Refused):
                answered = self._requests.answered(message)
                if isinstance(message, Info) and answered is not None and message.major == PROTOCOL[0]:
                    self.info, self.position = message, message.position
            elif is_output(message) and not (request is None or request.done):
                outputs.append(message)  # type: ignore[arg-type]

    def _greeted(self) -> Info:
        if self.info is None:
            raise BoardError("the board has not been greeted yet: call hello() first")
        return self.info
