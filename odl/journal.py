"""Recordings: write a session as it happens, read it back whatever became of the file.

A recording is ``Start``, then inputs, truth and outputs in the order in which they
happened, then ``End`` if it was closed properly; each is one frame of ``odl.wire``. An
input is written before the session's step, the outputs after it. docs/recording.md
describes the bytes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, TypeAlias

from odl.events import (
    AddClass,
    Adopt,
    Command,
    Event,
    Gap,
    Input,
    Label,
    Origin,
    Output,
    Samples,
    Split,
    Truth,
    Undo,
)
from odl.wire.codec import CodecError, TraceHash, decode, encode, is_output
from odl.wire.framing import MAX_FRAME, Deframer, Fault, frame, open_envelope
from odl.wire.schema import FORMAT, Control, End, Message, Start

if sys.platform != "win32":
    import fcntl

PathLike: TypeAlias = str | os.PathLike[str]

DAMAGED: Final = "damaged recording"  # the cause that a Gap made by ``inputs`` states
_BLOCK: Final = 2**20  # bytes read at a time
_FIRST_BLOCK: Final = 2**12  # until it is known to be a recording
_MOST_PROBLEMS: Final = 50
# Frame 0 at time 0: what a recording begins with, whatever became of the rest of Start.
_OPENING: Final = b"\0" + b"\1" * 6


class JournalError(ValueError):
    """A file that cannot be used as a recording, and why."""


class Writer:
    """Writes a recording; the same events give the same bytes.

    The file is made (or made anew) readable by its owner only, its folders as needed. It
    is buffered: ``flush`` gives all to the system, which outlives the process; ``sync``
    has it put on the disk, which outlives a power cut. Leaving the ``with`` block by an
    exception closes the file without ``End``. Nobody else can write to it meanwhile, but read
    (not on Windows and on file systems without locks: there nothing keeps two writers apart).

    Parameters
    ----------
    path : where to.
    start : what the session started from; ``format`` is added to its configuration.

    Attributes
    ----------
    path : where it is written.
    trace : hash over the outputs written so far.
    position : samples that have passed, those in gaps included.

    Raises
    ------
    JournalError
        If ``start`` has no byte form, is too large, or is of another major version; or if the
        file is being written, which is left alone then.
    OSError
        If the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Writer(f"{folder}/new/walk.odl", Start({}, b"")) as writer:
    ...         writer.write(Gap(0, 100, "late start"))
    ...     recording = read(f"{folder}/new/walk.odl")
    >>> recording.events, recording.complete, recording.position
    ([Gap(start=0, lost=100, why='late start')], True, 100)
    """

    path: Path
    trace: TraceHash
    position: int
    _seq: int
    _file: BinaryIO

    def __init__(self, path: PathLike, start: Start) -> None:
        self.path = Path(path)
        self.trace = TraceHash()
        self.position = 0
        self._seq = 0
        start = replace(start, config={"format": list(FORMAT), **start.config})
        _check_format(start, str(path))
        try:
            opening = self._frame(encode(start), 0)
        except CodecError as error:
            raise JournalError(f"{path}: {error}") from None
        if len(opening) > MAX_FRAME:
            raise JournalError(
                f"{path}: configuration and model image take {len(opening)} bytes; "
                f"a recording has room for {MAX_FRAME}"
            )
        self._file = _create(self.path)
        self._file.write(opening)

    @classmethod
    def append(cls, path: PathLike) -> Writer:
        """A writer that goes on with the recording at ``path``, whatever became of its end.

        What follows the last whole frame is cut off, and so is ``End``. Sequence numbers, trace
        and position go on from there.

        Raises
        ------
        JournalError
            If it is no recording, is being written, or is damaged before its end: what is lost
            there stays lost.
        OSError
            If the file cannot be read or written.
        """
        with Reader(path, locked=True) as reader:
            for _ in reader:
                pass
            return cls.after(reader)

    @classmethod
    def after(cls, reader: Reader) -> Writer:
        """As `append`, behind what ``reader``, open and locked, has read to its end."""
        if reader.damaged:
            raise JournalError(
                f"{reader.path}: damaged before its end ({reader.problems[0]}), so it can be replayed "
                "but not gone on with"
            )
        writer = cls.__new__(cls)
        writer.path = Path(reader.path)
        writer.trace, writer.position, writer._seq = reader.trace, reader.passed, reader.next_seq
        writer._file = os.fdopen(os.dup(reader.fileno()), "r+b", buffering=2**16)  # locked as well
        writer._file.truncate(reader.events_end)
        writer._file.seek(reader.events_end)
        return writer

    def _frame(self, message: bytes, time: int) -> bytes:
        data = frame(message, self._seq, time)
        self._seq = (self._seq + 1) & 0xFFFF
        return data

    def write(self, event: Event, time: int = 0) -> None:
        """Append ``event``; ``time`` is the device's, in microseconds (0 in replay).

        Raises
        ------
        CodecError
            If the event has no byte form; nothing is written then.
        """
        if isinstance(event, Samples):
            for part in _parts(event):
                self._file.write(self._frame(encode(part), time))
            self.position = max(self.position, event.start + len(event.block))
            return
        message = encode(event)
        self._file.write(self._frame(message, time))
        if isinstance(event, Gap | Adopt):
            self.position = max(self.position, event.start + event.lost)
        elif is_output(event):
            self.trace.add(message)

    def flush(self) -> None:
        """Hand all that was written to the system."""
        self._file.flush()

    def sync(self) -> None:
        """Have all that was written put on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write ``End`` and close; closing again does nothing."""
        if not self._file.closed:
            self._file.write(self._frame(encode(End(self.position)), 0))
            self._file.close()

    def leave(self) -> None:
        """Close without ``End``: what was written can be gone on with."""
        self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.leave()


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=2**16)
    _lock(file, path)
    if hasattr(os, "fchmod"):  # the file may have been there, open to others
        os.fchmod(file.fileno(), 0o600)
    file.truncate()
    return file


def _open_locked(path: Path) -> BinaryIO:
    file = path.open("r+b", buffering=0)  # one that is buffered moves the place where a copy writes
    _lock(file, path)
    return file


def _lock(file: BinaryIO, path: PathLike) -> None:
    """Let nobody else write to it; the system forgets this when the process ends, however it does."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise JournalError(
                f"{path}: it is being written, here or by another program; end that first"
            ) from None
        except OSError:  # a file system without locks
            pass


def _parts(samples: Samples) -> Iterator[Samples]:
    """``samples`` in pieces that fit a frame, one piece nearly always."""
    most = MAX_FRAME // 2 // max(1, samples.block[:1].nbytes)
    if len(samples.block) <= most:
        yield samples
        return
    for i in range(0, len(samples.block), most):
        yield Samples(samples.start + i, samples.block[i : i + most])


def _check_format(start: Start, source: str) -> None:
    version = start.config.get("format")
    if (
        not isinstance(version, list)
        or len(version) != 2
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in version)
    ):
        raise JournalError(f"{source}: its Start names no format version, so it cannot be read safely")
    if version[0] != FORMAT[0]:
        raise JournalError(
            f"{source}: recording format {version[0]}.{version[1]}; "
            f"this odl reads {FORMAT[0]}.x, so use the odl that wrote it"
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it was read.

    Attributes
    ----------
    start : what the session started from.
    events : inputs, truth and outputs in file order; blocks are views that cannot be
        written to.
    complete : whether it was closed properly.
    position : samples that had passed when it was closed, None if it was not.
    lost_bytes : bytes that are part of no whole frame.
    lost_frames : frames missing by their sequence numbers, or whole but not understood.
    problems : one sentence for each thing found wrong, the first few dozen of them.
    good_bytes : where the last whole frame ends; what follows can be cut off.
    trace_sha256 : hash over the outputs.
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
        """What the session said, in order."""
        return [event for event in self.events if is_output(event)]  # type: ignore[misc]


class Reader:
    """Reads a recording event by event, in little memory; iterate over it once.

    With ``locked`` it is opened to be gone on with: nobody else can write to it until it is closed
    and so is the `Writer` made from it.

    ``start`` is there from the beginning; ``complete``, ``position``, ``lost_bytes``,
    ``lost_frames``, ``problems``, ``good_bytes`` and ``trace`` (see ``Recording``) are
    final when the iteration has ended. So are ``passed``, the samples that have passed by its
    inputs, ``damaged``, whether anything but its end is missing, and where the next frame goes:
    behind byte ``events_end`` with the number ``next_seq``.

    Raises
    ------
    JournalError
        If the file is empty, foreign, of an unknown major version, or its Start is lost; or if
        it is to be locked and is being written.
    OSError
        If the file cannot be read; or, if it is to be locked, not be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Writer(f"{folder}/empty.odl", Start({}, b"")).close()
    ...     with Reader(f"{folder}/empty.odl") as reader:
    ...         print(list(reader), reader.complete)
    [] True
    """

    start: Start

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
        self._bad = self._bad_before_good = False  # bytes that are no frame; and a frame behind them
        self._second = False
        self._seq = -1
        self._deframer = Deframer()
        path = Path(path)
        self._file = _open_locked(path) if locked else path.open("rb")  # noqa: SIM115 - close() does
        try:
            self._found = self._scan()
            self.start = self._read_start()
        except BaseException:
            self._file.close()
            raise

    @property
    def lost_bytes(self) -> int:
        """Bytes that are part of no whole frame."""
        return self._deframer.lost_bytes + self._deframer.pending

    @property
    def path(self) -> str:
        """The file that is read."""
        return self._path

    def fileno(self) -> int:
        """The open file's number."""
        return self._file.fileno()

    @property
    def next_seq(self) -> int:
        """The number of the frame that would come behind the last event."""
        return (self._seq + (0 if self.complete else 1)) & 0xFFFF

    @property
    def damaged(self) -> bool:
        """Whether anything but the end is missing, or another recording stands behind it."""
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
                return  # a foreign file, and perhaps a huge one

    def _decode(self, data: bytes, begin: int) -> Message | None:
        try:
            return decode(data)
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
                raise JournalError(f"{self._path}: its Start cannot be used ({error})") from None
            if not isinstance(message, Start):
                raise JournalError(
                    f"{self._path}: its Start frame is missing or damaged, "
                    "so what the session started from is unknown and it cannot be replayed"
                )
            _check_format(message, self._path)
            self.good_bytes = self.events_end = end
            return message
        raise JournalError(f"{self._path}: {self._why_not()}")

    def _why_not(self) -> str:
        self._file.seek(0)
        head = self._file.read(len(_OPENING))
        if not head:
            return "the file is empty, so not an odl recording"
        if head == _OPENING:
            return "its Start frame is damaged or cut short, and no other frame is whole"
        return "not an odl recording (there is no whole frame in it)"

    def _count(self, seq: int, begin: int) -> None:
        """Compare a sequence number with the one before."""
        missing = (seq - self._seq - 1) & 0xFFFF
        if missing >= 2**15:
            self._note(f"the frame at byte {begin} is out of order")
        elif missing:
            self.lost_frames += missing
            which = "1 frame is" if missing == 1 else f"{missing} frames are"
            self._note(f"{which} missing before byte {begin}")
        self._seq = seq

    def _note_damage(self, begin: int, end: int, fault: Fault) -> None:
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


def read(path: PathLike) -> Recording:
    """Read the whole recording at ``path``.

    Raises
    ------
    JournalError, OSError
        As ``Reader``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/walk.csv").write_text("time,ax,ay")
    ...     try:
    ...         read(f"{folder}/walk.csv")
    ...     except JournalError as error:
    ...         print(str(error).removeprefix(folder + "/"))
    walk.csv: not an odl recording (there is no whole frame in it)
    """
    with Reader(path) as reader:
        events = list(reader)
    return Recording(
        reader.start, events, reader.complete, reader.position, reader.lost_bytes, reader.lost_frames,
        reader.problems, reader.good_bytes, reader.trace.hexdigest(),
    )  # fmt: skip


def inputs(recording: Recording) -> Iterator[Input]:
    """The inputs of a recording, fit to be stepped through a session again.

    From an undamaged recording they come as they are. Where samples are missing a
    ``Gap`` stands for them; what is there twice, samples or an adopted state, is dropped. A
    command due within such a hole comes after the Gap, due at its end.

    >>> import numpy as np
    >>> block = np.zeros((10, 3), np.int16)
    >>> events = [Samples(0, block), Undo(15), Samples(20, block)]
    >>> damaged = Recording(Start({}, b""), events, False, None, 0, 1, [], 0, "")
    >>> list(inputs(damaged))[1:3]
    [Gap(start=10, lost=10, why='damaged recording'), Undo(at=20)]
    """
    now = 0
    hole = (0, 0)
    waiting: list[Command | Origin | Truth] = []  # due later than now: is there a hole before?
    for event in recording.events:
        if isinstance(event, Samples | Gap | Adopt):
            if event.start > now:
                yield Gap(now, event.start - now, DAMAGED)
                hole, now = (now, event.start), event.start
            yield from (_move(command, hole) for command in waiting)
            waiting.clear()
            rest = _after(event, now)
            if rest is not None:
                yield rest
                now = rest.start + (len(rest.block) if isinstance(rest, Samples) else rest.lost)
        elif isinstance(event, Label | Undo | AddClass | Split | Origin | Truth):
            if waiting or (not isinstance(event, Truth) and event.at > now):
                waiting.append(event)
            else:
                yield _move(event, hole)
    if recording.position is not None and recording.position > now:
        yield Gap(now, recording.position - now, DAMAGED)
        hole = (now, recording.position)
    yield from (_move(command, hole) for command in waiting)


def _move(event: Command | Origin | Truth, hole: tuple[int, int]) -> Command | Origin | Truth:
    """``event``, due at the end of ``hole`` if it was due within."""
    if not isinstance(event, Truth) and hole[0] < event.at < hole[1]:
        return replace(event, at=hole[1])
    return event


def _after(event: Samples | Gap | Adopt, now: int) -> Samples | Gap | Adopt | None:
    """What of ``event`` lies at ``now`` or later."""
    if event.start >= now:
        return event
    past = now - event.start
    if isinstance(event, Samples):
        return Samples(now, event.block[past:]) if len(event.block) > past else None
    if event.lost <= past:
        return None
    return replace(event, start=now, lost=event.lost - past)
