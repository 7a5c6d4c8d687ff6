"""Plans a live session before its source is known: options, the resumed recording, settings, the port."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from odl._files import check_regular
from odl.core.config import ConfigError
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.core.session import Session
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams
from odl.device.serial_line import SerialLine
from odl.device.serial_port import SerialPort
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.evaluate.open_session import OpenedSession, open_session
from odl.live.emulated import EmulatedBoard
from odl.live.find import line_to, new_file
from odl.live.modes import LearningMode
from odl.live.options import LiveOptions, session_options
from odl.live.resume import check_same_person, options_to_resume
from odl.model.profile_file import ProfileFile
from odl.policies.budget import parse_budget
from odl.recording.resume import Resumed, resume

Channels = tuple[tuple[str, str, float], ...]
OFF: Final = 0.05  # largest difference of a source's rate from the model's, as a fraction of it


class SourceSetup(NamedTuple):
    """Which side learns, the source's entries in Start, and the channels of its samples."""

    mode: LearningMode
    live: dict[str, Any]
    channels: Channels


class SessionPlan:
    """All that is known of a live session before its source has sent anything.

    ``closing`` closes everything that was opened if a later step fails.

    Attributes
    ----------
    live : LiveOptions
        Completed with the options stored in a recording that is resumed.
    resumed : Resumed or None
        The recording that is resumed.
    options : Options
        How the session asks and learns.
    stream : Stream or None
        The recorded person who is played or fed.
    line : SerialLine
        The open port.
    opened : OpenedSession or None
        The new session, once it is open; None for a resumed one.
    notes : list of str
        Notices for the person when the session starts.
    """

    def __init__(self, live: LiveOptions, closing: ExitStack, progress: Progress) -> None:
        self.live, self.closing, self.progress = live, closing, progress
        self.resumed: Resumed | None = None
        self.opened: OpenedSession | None = None
        self.notes: list[str] = []
        self.profile: ProfileFile | None = None
        self._written = 0.0  # time of the last write to the recording
        if live.resume is not None:
            check_regular(live.resume)
            self._written = Path(live.resume).stat().st_mtime
            self.resumed = resume(live.resume)
            closing.callback(self.resumed.writer.leave)
            self.live = options_to_resume(live, self.resumed)
        else:  # refuse a bad name before a board forgets what it had learned
            new_file(live.out, f", or resume it: `resume={live.out}`")
        if live.profile is not None:
            self.profile = closing.enter_context(ProfileFile.opened(live.profile))
        self.options = session_options(self.live, self.resumed.about if self.resumed else None)
        self._model: str | Path | None = live.model  # that an emulated board runs
        self.stream = self._stream()
        if self.resumed is not None and self.stream is not None:
            check_same_person(self.live.resume or "", self.resumed, self.stream)
        self.line = closing.enter_context(self._line())

    @property
    def idle(self) -> float:
        """Seconds since the last write to the resumed recording; 0 without one."""
        return 0.0 if self.resumed is None else max(0.0, self.line.clock.wall() - self._written)

    @property
    def speed(self) -> float:
        """Speed at which an emulated board plays, as a multiple of real time."""
        return (self.live.speed or 1.0) if self.live.play is not None else 1.0

    @property
    def subject(self) -> str | None:
        """The pseudonym of the wearer, or the person who is played."""
        return self.live.who or (None if self.stream is None else self.stream.subject)

    def stored(self, name: str) -> Any:
        """Return a live entry of the resumed recording's Start; it is unchecked, from a file."""
        live = self.resumed.about.get("live") if self.resumed else None
        return live.get(name) if isinstance(live, dict) else None

    def stored_number(self, name: str, end: int) -> int | None:
        """Return a live entry of Start, if it is a whole number of 0 or more and below ``end``."""
        number = self.stored(name)
        return number if type(number) is int and 0 <= number < end else None

    def _stream(self) -> Stream | None:
        name = self.live.play or self.live.feed
        if name is None:
            return None
        dataset = open_dataset(name, self.live.data)
        if self._model is None and self.live.emulated and self.resumed is None:
            self._model = dataset.model_path()
        person = dataset.someone if self.live.subject is None else self.live.subject
        return dataset_streams(dataset, [person], self.options.seed)[0]

    def _line(self) -> SerialLine:
        live = self.live
        if not live.emulated:
            return line_to(live.port or "auto", live.baud, self.progress)
        if self.resumed is None:
            return self._emulated(str(self._model))
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.odlm"
            model.write_bytes(self.resumed.session.image.to_bytes())
            return self._emulated(str(model))

    def _emulated(self, model: str) -> SerialLine:
        live, speed = self.live, self.live.speed or 1.0
        self.progress("starting an emulated board")
        if live.play is not None and self.stream is not None:
            board = EmulatedBoard.playing(
                live.play, self.stream.subject, model, seed=self.options.seed, data=live.data, speed=speed,
                board=live.board, progress=self.progress,
            )  # fmt: skip
        else:  # the host sets the pace
            words = [] if live.board is None else ["--board", live.board]
            board = EmulatedBoard(
                "--model", model, "--speed", f"{max(20.0, speed):g}", *words, progress=self.progress
            )
        return SerialPort(self.closing.enter_context(board).url, live.baud)

    def start_state(self, session: Session) -> bytes | None:
        """Return the state in which a new session knows what the profile holds; None if it holds nothing.

        Raises
        ------
        ProfileError
            If the profile is one of another image, or a resumed session lacks labels of it.
        """
        return None if self.profile is None else self.profile.start(session, self.resumed is not None)

    def session(self, image: Image, channels: Channels, rate_hz: float) -> Session:
        """Open a session of ``image`` for samples of ``channels``, or return the resumed one.

        Raises
        ------
        ConfigError
            If the recording's samples had another scale.
        ValueError
            If the model wants other channels.
        """
        if self.resumed is None:
            self.opened = open_session(
                image, self.options, channels=channels, rate_hz=rate_hz, subject=self.subject,
                windows=self._windows(image), about={} if self.stream is None else self.stream.about,
                progress=self.progress,
            )  # fmt: skip
            return self.opened.session
        scaling = input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels], image.zeros)
        load_kernels(image, self.progress)
        config = self.resumed.session.config
        if scaling != (config.mult, config.shift, config.offset):
            raise ConfigError(
                f"{self.live.resume}: its samples have another scale than those of this sensor; "
                "resume with the sensor that recorded it"
            )
        return self.resumed.session

    def _windows(self, image: Image) -> int:
        """Return the session's number of windows if its budget is for the whole session; 0 if unknown."""
        options = self.options
        if options.policy == "none" or parse_budget(options.budget, image.rate_hz).period != 0:
            return 0
        seconds = self.live.seconds
        if self.stream is not None:
            return self.stream.windows(image, seconds)
        return 0 if seconds is None else round(seconds * image.rate_hz) // image.hop
