"""Going on with a recording that was cut short, by whatever ended it.

All that a session is made of stands in its recording, so it is stepped once more; a day at
50 Hz takes some seconds. What a step had said but nobody had written yet is written first when it goes on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from odl.core.config import Config, ConfigError
from odl.core.events import Adopt, Dropped, Event, Gap, Input, Label, Output, Prediction, Query, Undo, Why
from odl.core.image import Image
from odl.core.session import Session
from odl.recording import Reader, RecordingError, Writer
from odl.wire import is_output

RECENT: Final = 1000  # events that a view is shown again
_REFUSED: Final = (Why.LATE, Why.REPEATED, Why.UNKNOWN, Why.NO_SUCH_CLASS)


@dataclass
class Tally:
    """What a recording holds, counted as it passes; a board's own counters begin anew when it restarts.

    Attributes
    ----------
    windows, questions : int
    answers : int
        Those that were not refused and not taken back.
    lost : int
        Samples.

    Examples
    --------
    >>> tally = Tally()
    >>> for event in (Gap(0, 7, "late"), Query(7, 0, 99), Label(80, 7, 1), Undo(90)):
    ...     tally.take(event)
    >>> tally
    Tally(windows=0, questions=1, answers=0, lost=7)
    """

    windows: int = 0
    questions: int = 0
    answers: int = 0
    lost: int = 0
    _last: Label | None = field(default=None, repr=False)  # that may be refused yet

    def take(self, event: Event) -> None:
        """Count the event that comes next."""
        self.windows += isinstance(event, Prediction)
        self.questions += isinstance(event, Query)
        if isinstance(event, Gap | Adopt):
            self.lost += event.lost
        elif isinstance(event, Undo):
            self.answers -= 1
        elif isinstance(event, Label):
            self._last = event
            self.answers += event.cls is not None
        elif isinstance(event, Dropped):
            if event.why is Why.NOTHING_TO_UNDO:
                self.answers += 1
            elif event.why in _REFUSED and self._last is not None and self._last.window == event.window:
                self.answers -= self._last.cls is not None
                self._last = None


@dataclass(frozen=True)
class Resumed:
    """A session as its recording left it, and the recording open to go on with.

    Attributes
    ----------
    session : stands behind the last input; its open questions still can be answered.
    writer : writes behind the last event.
    about : what Start says of the session (subject, rate, channels, options, how it was led).
    recent : the last events, for who shows them.
    tally : what it holds.
    """

    session: Session
    writer: Writer
    about: dict[str, Any]
    recent: tuple[Event, ...]
    tally: Tally


def resume(path: str | Path) -> Resumed:
    """Rebuild the session of the recording at ``path`` and open it to go on.

    The file stays as it is until something is written, or the writer synced or closed: then it is
    cut behind its last whole event first.

    Raises
    ------
    RecordingError
        If it is no recording, is being written, is damaged before its end, or holds inputs out
        of order.
    ImageError, ConfigError
        If its model image or its settings cannot be used.
    OSError
        If it cannot be read and written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from odl.data import model_bytes
    >>> from odl.core.events import Samples
    >>> from odl.wire import Start
    >>> image = model_bytes("shoulder")
    >>> config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6).to_dict()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     writer = Writer(f"{folder}/cut.odl", Start({"config": config, "session": {}}, image))
    ...     writer.write(Samples(0, np.zeros((300, 6), np.int16)))
    ...     writer.leave()  # as if killed here, before it could write what came of them
    ...     resumed = resume(f"{folder}/cut.odl")
    ...     print(resumed.session.position, resumed.tally.windows)
    ...     resumed.writer.close()
    300 3
    """
    with Reader(path, locked=True) as reader:
        session, about = _session(reader)
        unsaid: deque[Output] = deque()  # outputs that come of the inputs and were not met yet
        recent: deque[Event] = deque(maxlen=RECENT)
        same, tally = True, Tally()
        for event in reader:
            recent.append(event)
            tally.take(event)
            if is_output(event):
                same = same and bool(unsaid) and unsaid.popleft() == event
            else:
                unsaid.extend(_step(session, event, str(path)))  # type: ignore[arg-type]
        finished = tuple(unsaid) if same else ()
        writer = Writer.after(reader, finished)
    for event in finished:
        recent.append(event)
        tally.take(event)
    return Resumed(session, writer, about, tuple(recent), tally)


def _session(reader: Reader) -> tuple[Session, dict[str, Any]]:
    settings = reader.start.config.get("config")
    about = reader.start.config.get("session", {})
    if not isinstance(settings, dict) or not isinstance(about, dict):
        raise RecordingError(f"{reader.path}: its Start holds no settings, so it cannot be gone on with")
    if "asked" in about:
        raise RecordingError(f"{reader.path}: it was made by relabelling, so there is nothing to go on with")
    image = Image.from_bytes(reader.start.image, f"{reader.path}: its model image")
    try:
        return Session(image, Config.from_dict(settings)), about
    except ConfigError as error:
        raise ConfigError(f"{reader.path}: {error}") from None


def _step(session: Session, event: Input, path: str) -> list[Output]:
    try:
        return session.step(event)
    except ValueError as error:
        raise RecordingError(f"{path}: it cannot be gone on with: {error}") from None
