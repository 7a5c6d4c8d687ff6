"""Writes a recording as it comes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

from odl._files import keep_private
from odl.core.events import Adopt, Event, Gap, Output, Samples
from odl.recording.files import PathLike, RecordingError, buffered, check_format, create
from odl.recording.reader import Reader
from odl.wire.codec import CodecError, TraceHash, encode, is_output
from odl.wire.framing import MAX_FRAME, frame
from odl.wire.schema import FORMAT, End, Start


class Writer:
    """Writes a recording; the same events give the same bytes.

    The file is made (or made anew) readable by its owner only, its folders as needed. It
    is buffered: ``flush`` gives all to the system, which outlives the process; ``sync``
    has it put on the disk, which outlives a power cut. Leaving the ``with`` block by an
    exception closes the file without ``End``. Nobody else can write to it meanwhile, but read
    (not on Windows and on file systems without locks: there nothing keeps two writers apart).

    Where the system does not take all (the disk is full), that is the end of it: nothing comes to
    stand behind a frame that was torn. What had been written before can be read and gone on with.

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
    RecordingError
        If ``start`` has no byte form, is too large, or is of another major version; or if the
        file is being written, which is left alone then.
    OSError
        If the file cannot be written: of every method, again and again, but of ``close`` and ``leave``
        only where nobody has been told before.

    >>> import tempfile
    >>> from odl.recording import read
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
    _file: BufferedWriter
    _failure: OSError | None = None  # why nothing more can be written
    _cut: int | None = None  # where a recording that is gone on with is to be cut first
    _owed: tuple[Output, ...] = ()  # what is to be written there then

    def __init__(self, path: PathLike, start: Start) -> None:
        self.path = Path(path)
        self.trace = TraceHash()
        self.position = 0
        self._seq = 1
        start = replace(start, config={"format": list(FORMAT), **start.config})
        check_format(start, str(path))
        try:
            opening = frame(encode(start), 0)
        except CodecError as error:
            raise RecordingError(f"{path}: {error}") from None
        if len(opening) > MAX_FRAME:
            raise RecordingError(
                f"{path}: configuration and model image take {len(opening)} bytes; "
                f"a recording has room for {MAX_FRAME}"
            )
        self._file = create(self.path)
        try:
            self._file.write(opening)
            self._file.flush()
        except OSError as error:
            self._give_up()
            self.path.unlink(missing_ok=True)  # without its Start it could not be read
            raise OSError(error.errno, error.strerror, str(path)) from None

    @classmethod
    def append(cls, path: PathLike) -> Writer:
        """A writer that goes on with the recording at ``path``, whatever became of its end.

        What follows the last whole frame is cut off, and so is ``End``, but not before something
        is written, flushed, synced or closed: who leaves before leaves the file as it was.
        Sequence numbers, trace and position go on from there.

        Raises
        ------
        RecordingError
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
    def after(cls, reader: Reader, owed: Iterable[Output] = ()) -> Writer:
        """As `append`, behind what ``reader``, open and locked, has read to its end.

        ``owed`` is written where the file is cut.
        """
        if reader.damaged:
            raise RecordingError(
                f"{reader.path}: damaged before its end ({reader.problems[0]}), so it can be replayed "
                "but not gone on with"
            )
        writer = cls.__new__(cls)
        writer.path = Path(reader.path)
        writer.trace, writer.position, writer._seq = reader.trace, reader.passed, reader.next_seq
        writer._file = buffered(os.dup(reader.fileno()))  # locked as well
        writer._cut, writer._owed = reader.events_end, tuple(owed)
        return writer

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where the system does not take what is written, the file is left as it is."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except OSError as error:
            self._give_up()
            what = f"{error.strerror}; what was recorded before that can be read and gone on with"
            self._failure = OSError(error.errno, what, str(self.path))
            raise self._failure from None

    def _give_up(self) -> None:
        """Close the file without what is still in the buffer."""
        with suppress(OSError):
            self._file.raw.close()

    def _begin(self) -> None:
        """Cut the recording that is gone on with, if that has not been done."""
        if self._cut is None or self._file.closed:
            return
        keep_private(self._file.fileno(), self.path)
        self._file.truncate(self._cut)
        self._file.seek(self._cut)
        self._cut = None
        for output in self._owed:
            self._append(output, 0)

    def _put(self, message: bytes, time: int) -> None:
        self._file.write(frame(message, self._seq, time))
        self._seq = (self._seq + 1) & 0xFFFF

    def _append(self, event: Event, time: int) -> None:
        if isinstance(event, Samples):
            for part in _parts(event):
                self._put(encode(part), time)
            self.position = max(self.position, event.start + len(event.block))
            return
        message = encode(event)
        self._put(message, time)
        if isinstance(event, Gap | Adopt):
            self.position = max(self.position, event.start + event.lost)
        elif is_output(event):
            self.trace.add(message)

    def write(self, event: Event, time: int = 0) -> None:
        """Append ``event``; ``time`` is the device's, in microseconds (0 in replay).

        Raises
        ------
        CodecError
            If the event has no byte form; nothing is written then.
        """
        with self._writing():
            self._begin()
            self._append(event, time)

    def flush(self) -> None:
        """Hand all that was written to the system."""
        with self._writing():
            self._begin()
            self._file.flush()

    def sync(self) -> None:
        """Have all that was written put on the disk."""
        with self._writing():
            self._begin()
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write ``End`` and close; closing again does nothing."""
        if not self._file.closed:
            with self._writing():
                self._begin()
                self._put(encode(End(self.position)), 0)
                self._file.close()

    def leave(self) -> None:
        """Close without ``End``: what was written can be gone on with."""
        if not self._file.closed:
            with self._writing():
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


def _parts(samples: Samples) -> Iterator[Samples]:
    """``samples`` in pieces that fit a frame, one piece nearly always."""
    most = MAX_FRAME // 2 // max(1, samples.block[:1].nbytes)
    if len(samples.block) <= most:
        yield samples
        return
    for i in range(0, len(samples.block), most):
        yield Samples(samples.start + i, samples.block[i : i + most])
