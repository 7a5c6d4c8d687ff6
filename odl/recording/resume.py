"""Resume a recording that was cut short.

A recording determines its session, so a new session steps through it; a day at 50 Hz takes some
seconds. Outputs of the last step that were not written are written first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from odl.core.adopted_state import new_history
from odl.core.config import Config, ConfigError
from odl.core.events import Event, Input, Output
from odl.core.history import SessionHistory
from odl.core.image import Image
from odl.core.session import Session
from odl.recording import Reader, RecordingError, Writer, named
from odl.recording.format_1 import LEARNER, is_converted
from odl.wire import is_output

RECENT: Final = 1000  # newest events, for views


@dataclass(frozen=True)
class Resumed:
    """A session at the end of its recording, and the recording open for appending.

    Attributes
    ----------
    session : after the last input; its open questions can still be answered.
    writer : appends behind the last event.
    about : the session's description in Start (subject, rate, channels, options).
    recent : the newest events, for views.
    history : questions and answers of the whole recording.
    """

    session: Session
    writer: Writer
    about: dict[str, Any]
    recent: tuple[Event, ...]
    history: SessionHistory


def resume(path: str | Path) -> Resumed:
    """Rebuild the session of the recording at ``path`` and open the recording for appending.

    The file stays unchanged until the writer writes, syncs or closes. It is then first cut behind its
    last whole event.

    Raises
    ------
    RecordingError
        If the file is not a recording, has another writer, is damaged before its end, was recorded by
        odl 0.1, or holds inputs out of order.
    ImageError, ConfigError
        If its model image or its settings cannot be used.
    OSError
        If the file cannot be read and written.

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
    ...     writer.leave()  # as if killed here, before the outputs were written
    ...     resumed = resume(f"{folder}/cut.odl")
    ...     print(resumed.session.position, resumed.history.windows)
    ...     resumed.writer.close()
    300 3
    """
    with named(path), Reader(path, locked=True) as reader:
        session, about = _session(reader)
        expected: deque[Output] = deque()  # outputs of the inputs so far that were not read yet
        recent: deque[Event] = deque(maxlen=RECENT)
        same, history = True, new_history(session.image, session.config)
        for event in reader:
            recent.append(event)
            history.take(event)
            if is_output(event):
                same = same and bool(expected) and expected.popleft() == event
            else:
                expected.extend(_step(session, event, str(path)))  # type: ignore[arg-type]
        finished = tuple(expected) if same else ()
        writer = Writer.after(reader, finished)
    for event in finished:
        recent.append(event)
        history.take(event)
    return Resumed(session, writer, about, tuple(recent), history)


def _session(reader: Reader) -> tuple[Session, dict[str, Any]]:
    settings = reader.start.config.get("config")
    about = reader.start.config.get("session", {})
    if not isinstance(settings, dict) or not isinstance(about, dict):
        raise RecordingError(f"{reader.path}: its Start holds no settings, so it cannot be resumed")
    if is_converted(reader.start):
        raise RecordingError(f"{reader.path}: {LEARNER}, so it can be replayed but not resumed")
    if "asked" in about:
        raise RecordingError(
            f"{reader.path}: it repeats an earlier session's questions, so it cannot be resumed"
        )
    image = Image.from_bytes(reader.start.image, f"{reader.path}: its model image")
    try:
        return Session(image, Config.from_dict(settings)), about
    except ConfigError as error:
        raise ConfigError(f"{reader.path}: {error}") from None


def _step(session: Session, event: Input, path: str) -> Sequence[Output]:
    try:
        return session.step(event)
    except ValueError as error:
        raise RecordingError(f"{path}: it cannot be resumed: {error}") from None
