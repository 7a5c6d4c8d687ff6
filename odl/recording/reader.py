"""Read a recording, also from a damaged file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from odl._files import open_regular
from odl._kinds import OPENING, RECORDING, folder_instead, instead
from odl.core.events import Adopt, Event, Gap, Output, Samples
from odl.core.loop import TOGETHER
from odl.recording.files import PathLike, RecordingError, check_format, open_locked
from odl.recording.format_1 import converted, message_of
from odl.wire.codec import CodecError, TraceHash, decode, is_output
from odl.wire.deframer import MAX_FRAME, Deframer
from odl.wire.framing import Fault, open_envelope
from odl.wire.messages import FORMAT, Control, End, Message, Start

_BLOCK: Final = 2**17  # bytes read at a time; a byte of damage takes up to 120 while it is looked at
_FIRST_BLOCK: Final = 2**12  # until the first whole frame
_MOST_PROBLEMS: Final = 50
_NO_TRACE: Final = TraceHash().hexdigest()


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in memory; one of format 1 is read as `odl.recording.format_1` says.

    Attributes
    ----------
    start : configuration and initial model image.
    events : inputs, truth and outputs in file order; blocks are read-only views.
    complete : True if it was closed properly.
    position : samples at the end, None unless it was closed properly.
    lost_bytes : bytes outside whole frames.
    lost_frames : frames missing by their sequence numbers, or whole but unknown.
    problems : a sentence for each problem, at most 50 and one that counts the rest.
    good_bytes : end of the last whole frame; the bytes behind it can be cut off.
    trace_sha256 : hash over the outputs, as they are written in the file.
    """

    start: Start
    events: list[Event]
    complete: bool
    position: int | None
    lost_bytes: int
    lost_frames: int
    problems: list[str]
    good_bytes: int
    trace_sha256: str

    @property
    def outputs(self) -> list[Output]:
        """The session's outputs, in order."""
        return [event for event in self.events if is_output(event)]  # type: ignore[misc]

    @property
    def has_outputs(self) -> bool:
        """Whether there are outputs in the file, read or not."""
        return self.trace_sha256 != _NO_TRACE


class Reader:
    """Reads a recording event by event, in little memory; iterate over it once.

    With ``locked`` the file is opened for appending: nobody else can write to it until the reader and
    the `Writer` created from it are closed.

    ``start`` and ``version``, the (major, minor) of the file's format, are set from the beginning; a
    recording of format 1 is read as `odl.recording.format_1` says. ``complete``, ``position``,
    ``lost_bytes``, ``lost_frames``, ``problems``, ``good_bytes`` and ``trace`` (see `Recording`) are final
    after the iteration. So are ``passed``, the number of samples of its inputs; ``damaged``, True if more
    than its end is missing; and the place of the next frame: behind byte ``events_end``, with number
    ``next_seq``.

    Raises
    ------
    RecordingError
        If the file is empty, not a recording, of an unknown major version, or without its Start; or,
        with ``locked``, if another writer has it open.
    OSError
        If the file cannot be read or, with ``locked``, written.

    >>> import tempfile
    >>> from odl.recording import Writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Writer(f"{folder}/empty.odl", Start({}, b"")).close()
    ...     with Reader(f"{folder}/empty.odl") as reader:
    ...         print(list(reader), reader.complete)
    [] True
    """

    start: Start
    version = FORMAT

    def __init__(self, path: PathLike, *, locked: bool = False) -> None:
        self.complete = False
        self.position: int | None = None
        self.lost_frames = 0
        self.problems: list[str] = []
        self.good_bytes = 0
        self.events_end = 0
        self.passed = 0
        self.trace = TraceHash()
        self._path = str(path)
        self._more = 0  # problems beyond those listed
        self._bad = self._bad_before_good = False  # damaged bytes; a whole frame behind them
        self._second = False
        self._seq = -1
        self._deframer = Deframer()
        path = Path(path)
        if path.is_dir():
            raise RecordingError(f"{path}: {folder_instead(path, RECORDING, '.odl')}")
        self._file = open_locked(path) if locked else open_regular(path)  # noqa: SIM115 - close() does
        try:
            self._found = self._scan()
            self.start = self._read_start()
        except BaseException:
            self._file.close()
            raise

    @property
    def lost_bytes(self) -> int:
        """Bytes outside whole frames."""
        return self._deframer.lost_bytes + self._deframer.pending

    @property
    def path(self) -> str:
        """Path of the file."""
        return self._path

    def fileno(self) -> int:
        """File descriptor of the open file."""
        return self._file.fileno()

    @property
    def next_seq(self) -> int:
        """Sequence number of the frame behind the last event."""
        return (self._seq + (0 if self.complete else 1)) & 0xFFFF

    @property
    def damaged(self) -> bool:
        """True if more than the end is missing, or another recording follows."""
        return self.lost_frames > 0 or self._bad_before_good or self._second

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        for begin, end, found in self._found:
            if isinstance(found, Fault):
                self._note_damage(begin, end, found)
                self._bad = True
                continue
            self._bad_before_good = self._bad
            seq, _, data = open_envelope(found)
            message = self._decode(data, begin)
            if isinstance(message, Start):
                self._note(f"a second recording begins at byte {begin}; only the first was read")
                self._second = True
                break
            self._count(seq, begin)
            self.good_bytes = end
            if message is None:
                continue
            if isinstance(message, Control):
                self.lost_frames += 1
                self._note(f"the frame at byte {begin} belongs to a serial line ({type(message).__name__})")
                continue
            self.complete = isinstance(message, End)
            if isinstance(message, End):
                self.position = message.position
                continue
            self.events_end = end
            if is_output(message):
                self.trace.add(data)
            elif isinstance(message, Samples):
                self.passed = max(self.passed, message.start + len(message.block))
            elif isinstance(message, Gap | Adopt):
                self.passed = max(self.passed, message.start + message.lost)
            yield message
        self._finish()

    def _scan(self) -> Iterator[tuple[int, int, bytes | Fault]]:
        tried = 0
        while block := self._file.read(_BLOCK if self._deframer.frames else _FIRST_BLOCK):
            found = self._deframer.scan(block)
            yield from found
            tried += len(found)
            if not self._deframer.frames and (tried > 1000 or self._file.tell() > 2 * MAX_FRAME):
                return  # not a recording, and perhaps a huge file

    def _decode(self, data: bytes, begin: int) -> Message | None:
        try:
            return message_of(data, self.start) if self.version[0] == 1 else decode(data)
        except CodecError as error:
            self.lost_frames += 1
            self._note(f"the frame at byte {begin} is not understood ({error}) and was skipped")
            return None

    def _read_start(self) -> Start:
        for begin, end, found in self._found:
            if isinstance(found, Fault):
                self._note_damage(begin, end, found)
                continue
            self._seq, _, data = open_envelope(found)
            try:
                message = decode(data)
            except CodecError as error:
                raise RecordingError(f"{self._path}: its Start cannot be used ({error})") from None
            if not isinstance(message, Start):
                raise RecordingError(
                    f"{self._path}: its Start frame is missing or damaged, "
                    "so what the session started from is unknown and it cannot be replayed"
                )
            check_format(message, self._path, oldest=1)
            self.good_bytes = self.events_end = end
            major, minor = message.config["format"]
            self.version = major, minor
            return converted(message) if major == 1 else message
        self._file.seek(0)
        if self._file.read(len(OPENING)) == OPENING:
            why = "its Start frame is damaged or cut short, and no other frame is whole"
        else:
            why = instead(self._path, RECORDING) or "not an odl recording (there is no whole frame in it)"
        raise RecordingError(f"{self._path}: {why}")

    def _count(self, seq: int, begin: int) -> None:
        """Compare a sequence number with the previous one."""
        missing = (seq - self._seq - 1) & 0xFFFF
        if missing >= 2**15:
            self._note(f"the frame at byte {begin} is out of order")
        elif missing:
            self.lost_frames += missing
            which = "1 frame is" if missing == 1 else f"{missing} frames are"
            self._note(f"{which} missing before byte {begin}")
        self._seq = seq

    def _note_damage(self, begin: int, end: int, fault: Fault) -> None:
        if len(self.problems) == _MOST_PROBLEMS:  # a file can have a million of them
            self._more += 1
            return
        self._note(f"{end - 1 - begin} bytes from byte {begin} are damaged ({fault.value}) and were skipped")

    def _note(self, problem: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self._more += 1

    def _finish(self) -> None:
        if self._more:
            self.problems.append(f"{self._more} more problems of this kind are not listed")
        if self._deframer.pending:
            self.problems.append(f"the last {self._deframer.pending} bytes are not a whole frame")
        if not self.complete:
            self.position = None
            self.problems.append(
                f"it was not closed properly; its last whole frame ends at byte {self.good_bytes}"
            )


def read(path: PathLike, *, outputs: bool = True) -> Recording:
    """Read the whole recording at ``path``; its events are the inputs alone if ``outputs`` is False.

    Raises
    ------
    RecordingError, OSError
        As ``Reader``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/walk.txt").write_text("time,ax,ay")
    ...     try:
    ...         read(f"{folder}/walk.txt")
    ...     except RecordingError as error:
    ...         print(str(error).removeprefix(folder + "/"))
    walk.txt: not an odl recording (there is no whole frame in it)
    """
    with Reader(path) as reader:
        events = _shelved(reader if outputs else (event for event in reader if not is_output(event)))
    return Recording(
        reader.start, events, reader.complete, reader.position, reader.lost_bytes, reader.lost_frames,
        reader.problems, reader.good_bytes, reader.trace.hexdigest(),
    )  # fmt: skip


def _shelved(found: Iterable[Event]) -> list[Event]:
    """The events as a list, in which samples that follow each other are rows of a common array.

    So a day's samples take the memory of their numbers, and a replay joins them without a copy.
    """
    events, run, rows, end = list[Event](), list[int](), 0, -1
    for event in found:
        if not is_output(event):
            block = event.block if isinstance(event, Samples) else None
            if run and (block is None or event.start != end or rows >= TOGETHER):  # type: ignore[union-attr]
                _shelve(events, run)
                run, rows = [], 0
            if block is not None:
                run.append(len(events))
                rows, end = rows + len(block), event.start + len(block)  # type: ignore[union-attr]
        events.append(event)
    _shelve(events, run)
    return events


def _shelve(events: list[Event], run: Sequence[int]) -> None:
    blocks = [events[i].block for i in run]  # type: ignore[union-attr]
    if len(blocks) < 2 or len({block.shape[1] for block in blocks}) > 1:
        return
    shelf = np.concatenate(blocks)
    shelf.flags.writeable = False
    at = 0
    for i, block in zip(run, blocks, strict=True):
        events[i] = Samples(events[i].start, shelf[at : at + len(block)])  # type: ignore[union-attr]
        at += len(block)
