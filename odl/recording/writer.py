"""Write a recording, event by event."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

from odl._files import is_at, keep_private, remove
from odl.core.events import Adopt, Event, Gap, Output, Samples
from odl.core.records import Outputs
from odl.core.trace import Step, Trace
from odl.recording.files import PathLike, RecordingError, buffered, check_format, create, rescue
from odl.recording.format_1 import LEARNER
from odl.recording.framed_steps import FramedSteps, fitting
from odl.recording.reader import Reader
from odl.wire.codec import CodecError, TraceHash, encode, is_output
from odl.wire.deframer import MAX_FRAME
from odl.wire.framing import frame
from odl.wire.messages import FORMAT, End, Start


class Writer:
    """Writes a recording; the same events give the same bytes.

    The file is created or emptied, readable by its owner only; missing folders are created. Writes are
    buffered: after `flush` the data survive the end of the process, after `sync` a power cut. An
    exception in the ``with`` block closes the file without ``End``. A lock keeps other writers away
    (not on Windows, nor on file systems without locks).

    After a failed write, such as on a full disk, nothing more is written. The part before can be read
    and resumed.

    Parameters
    ----------
    path : the file to write.
    start : configuration and model image; ``format`` is added to the configuration.

    Attributes
    ----------
    path : the file.
    trace : hash over the outputs so far.
    position : samples so far, gaps included.

    Raises
    ------
    RecordingError
        If ``start`` cannot be encoded, is too large, or has another major version; or if another writer
        has the file open, which then stays unchanged.
    OSError
        If the file cannot be written. After a failure every method raises it again, except `close` and
        `leave`.

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
    _was: os.stat_result  # of the file, which names it
    _failure: OSError | None = None  # of an earlier write
    _cut: int | None = None  # where to cut a resumed recording before the first write
    _owed: tuple[Output, ...] = ()  # outputs to write there

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
        self._was = os.fstat(self._file.fileno())
        try:
            self._file.write(opening)
            self._file.flush()
        except OSError as error:
            self.discard()  # without its Start it could not be read
            raise OSError(error.errno, error.strerror, str(path)) from None

    @classmethod
    def append(cls, path: PathLike) -> Writer:
        """Open the recording at ``path`` for appending, also if its end is damaged.

        ``End`` and everything behind the last whole frame are cut off, at the first write, flush, sync
        or close; `leave` before that leaves the file unchanged. Sequence numbers, trace and position
        continue.

        Raises
        ------
        RecordingError
            If the file is not a recording, has another writer, is damaged before its end, or was recorded in
            format 1.
        OSError
            If the file cannot be read or written.
        """
        with Reader(path, locked=True) as reader:
            for _ in reader:
                pass
            return cls.after(reader)

    @classmethod
    def after(cls, reader: Reader, owed: Iterable[Output] = ()) -> Writer:
        """As `append`, for a locked ``reader`` that has read to the end.

        ``owed`` holds outputs to write where the file is cut.
        """
        if reader.version[0] != FORMAT[0]:
            raise RecordingError(f"{reader.path}: {LEARNER}, so it can be replayed but not resumed")
        if reader.damaged:
            raise RecordingError(
                f"{reader.path}: damaged before its end ({reader.problems[0]}), so it can be replayed "
                "but not resumed"
            )
        writer = cls.__new__(cls)
        writer.path = Path(reader.path)
        writer.trace, writer.position, writer._seq = reader.trace, reader.passed, reader.next_seq
        writer._file = buffered(os.dup(reader.fileno()))  # locked as well
        writer._was = os.fstat(reader.fileno())
        writer._cut, writer._owed = reader.events_end, tuple(owed)
        return writer

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """After a failed write close the file; raise the failure now and at every later write."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except OSError as error:
            if self._failure is not None:  # `_flush` has closed the file and says why
                raise
            self._give_up()
            what = f"{error.strerror}; the recording up to here can be read and resumed"
            self._failure = OSError(error.errno, what, str(self.path))
            raise self._failure from None

    def _flush(self) -> None:
        """Flush the buffer; save the file under another name if its own leads elsewhere."""
        self._file.flush()
        if is_at(self._file.fileno(), self.path):
            return
        try:
            where = rescue(self._file.fileno(), self.path)
            saved = f"the recording up to here is in {where.name}, and can be resumed"
        except OSError as error:
            saved = f"the recording could not be saved under another name: {error.strerror}"
        self._give_up()
        what = f"another program replaced, renamed or deleted this file while it was written; {saved}"
        self._failure = OSError(errno.ESTALE, what, str(self.path))
        raise self._failure

    def _give_up(self) -> None:
        """Close the file and drop the buffer."""
        with suppress(OSError):
            self._file.raw.close()

    def _begin(self) -> None:
        """Cut a resumed recording before the first write."""
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
            at = 0
            for end in fitting(event, [len(event.block)]):
                self._put(encode(Samples(event.start + at, event.block[at:end])), time)
                at = end
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
            If the event cannot be encoded; nothing is written then.
        """
        with self._writing():
            self._begin()
            self._append(event, time)

    def write_steps(self, steps: Sequence[Step]) -> None:
        """Append steps of a session: each input and its outputs, as `write` does one by one, but faster.

        Raises
        ------
        CodecError
            If an event cannot be encoded; everything before it is written.
        """
        outputs = [step.outputs for step in steps if len(step.outputs)]
        if not all(isinstance(one, Outputs) for one in outputs):
            for event in Trace(steps):
                self.write(event)
            return
        framed = FramedSteps(Outputs.joined(outputs))
        with self._writing():
            self._begin()
            try:
                for step in steps:
                    framed.add(step)
            finally:
                self._file.write(framed.frames(self._seq))
                self._seq = (self._seq + framed.number) & 0xFFFF
                self.trace.add_encoded(framed.outputs, framed.count)
        for step in steps:
            if isinstance(step.input, Samples):
                self.position = max(self.position, step.input.start + len(step.input.block))
            elif isinstance(step.input, Gap | Adopt):
                self.position = max(self.position, step.input.start + step.input.lost)

    def flush(self) -> None:
        """Flush the buffer to the system."""
        with self._writing():
            self._begin()
            self._flush()

    def sync(self) -> None:
        """Flush the buffer to the disk."""
        with self._writing():
            self._begin()
            self._flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write ``End`` and close; closing again does nothing."""
        if not self._file.closed:
            with self._writing():
                self._begin()
                self._put(encode(End(self.position)), 0)
                self._flush()
                self._file.close()

    def leave(self) -> None:
        """Close without ``End``; the recording can be resumed."""
        if not self._file.closed:
            with self._writing():
                self._flush()
                self._file.close()

    def discard(self) -> None:
        """Close and remove the file, which holds nothing of use; a file that another has put there stays."""
        self._give_up()
        remove(self.path, self._was)

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
