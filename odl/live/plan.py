"""What is settled before a session's source is known: wishes, what is gone on with, settings, the port."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from odl.core.config import Config, ConfigError
from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import Image
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams
from odl.device.serial_port import SerialPort
from odl.evaluate.options import Options
from odl.evaluate.replay import load_kernels
from odl.live.emulated import EmulatedBoard
from odl.live.find import line_to, new_file
from odl.live.modes import LearningMode
from odl.live.options import Wishes
from odl.live.resume import again, check_same
from odl.policies.budget import parse_budget
from odl.recording.resume import Resumed, resume

Tell = Callable[[str], None]
Channels = tuple[tuple[str, str, float], ...]
BUDGET: Final = "12/h"  # questions, where nothing else is said
OFF: Final = 0.05  # a source's rate may be off the model's by so much


class Led(NamedTuple):
    """How a session is led, what Start says of that, and the channels of what comes."""

    mode: LearningMode
    about: dict[str, Any]
    channels: Channels


class Plan:
    """A session as far as it can be known before its source has been heard.

    What is opened here and later is closed if a step fails.

    Attributes
    ----------
    wish : Wishes
        With what a recording that is gone on with says.
    resumed : Resumed or None
        That recording.
    options : Options
    stream : Stream or None
        What is played or fed.
    line : SerialPort
        The open port.
    notes : list of str
        What a person should be told when the session begins.
    """

    def __init__(self, wish: Wishes, opened: ExitStack, tell: Tell) -> None:
        self.wish, self.opened, self.tell = wish, opened, tell
        self.resumed: Resumed | None = None
        self.notes: list[str] = []
        self._written = 0.0  # when the recording was written last
        if wish.resume is not None:
            self._written = Path(wish.resume).stat().st_mtime
            self.resumed = resume(wish.resume)
            opened.callback(self.resumed.writer.leave)
            self.wish = again(wish, self.resumed)
        else:  # before a board forgets what it had learned
            new_file(wish.out, f", or go on with it: --resume {wish.out}")
        self.options = self._options()
        self.stream = self._stream()
        if self.resumed is not None and self.stream is not None:
            check_same(self.wish.resume or "", self.resumed, self.stream)
        self.line = opened.enter_context(self._line())

    @property
    def idle(self) -> float:
        """Seconds since the recording that is gone on with was written last; 0 without one."""
        return 0.0 if self.resumed is None else max(0.0, time.time() - self._written)

    @property
    def speed(self) -> float:
        """How many times as fast as recorded the samples come."""
        return (self.wish.speed or 1.0) if self.wish.play is not None else 1.0

    @property
    def subject(self) -> str | None:
        """Who wears the sensor, or is played."""
        return self.wish.who or (None if self.stream is None else self.stream.subject)

    def before(self, name: str) -> Any:
        """What the recording that is gone on with says of how it was led; from a file, unchecked."""
        live = self.resumed.about.get("live") if self.resumed else None
        return live.get(name) if isinstance(live, dict) else None

    def number_before(self, name: str, end: int) -> int | None:
        """As `before`, if it is a number below ``end``."""
        number = self.before(name)
        return number if type(number) is int and 0 <= number < end else None

    def _options(self) -> Options:
        given = self.wish.options or {}
        for name in ("delay", "refuse", "error") if self.wish.answers is None else ():
            if given.get(name) is not None:
                raise ConfigError(f"--{name} is about answers from truth; add --answers truth")
        if self.resumed is not None:
            if any(value is not None for name, value in given.items() if name != "delay"):
                raise ConfigError("--resume goes on with the recording's settings; leave out the others")
            return Options.from_dict(self.resumed.about.get("options", {})).changed(given)
        options = Options(budget=BUDGET).changed(given)
        endless = not (self.wish.seconds or self.wish.play or self.wish.feed)
        if endless and options.policy != "none" and parse_budget(options.budget, 1.0).period == 0:
            raise ConfigError(
                f"a budget of {options.budget} for the whole session needs its length, --seconds; "
                "or give a budget such as 12/h"
            )
        return options

    def _stream(self) -> Stream | None:
        name = self.wish.play or self.wish.feed
        if name is None:
            return None
        dataset = open_dataset(name, self.wish.data)
        person = dataset.someone if self.wish.subject is None else self.wish.subject
        return dataset_streams(dataset, [person], self.options.seed)[0]

    def _line(self) -> SerialPort:
        wish = self.wish
        if not wish.emulated:
            return line_to(wish.port or "auto", wish.baud, self.tell)
        if self.resumed is None:
            return self._emulated(str(wish.model or wish.play or wish.feed))
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.odlm"
            model.write_bytes(self.resumed.session.image.to_bytes())
            return self._emulated(str(model))

    def _emulated(self, model: str) -> SerialPort:
        wish, words, speed = self.wish, ["--model", model], self.wish.speed or 1.0
        if wish.play is not None and self.stream is not None:
            words += ["--play", wish.play, "--subject", self.stream.subject, "--seed", str(self.options.seed)]
            words += ["--data", str(wish.data)] if wish.data is not None else []
        else:  # it is fed as fast as the host likes
            speed = max(20.0, speed)
        self.tell("starting an emulated board")
        board = EmulatedBoard(*words, "--speed", f"{speed:g}", tell=self.tell)
        return SerialPort(self.opened.enter_context(board).url, wish.baud)

    def session(self, image: Image, channels: Channels) -> Session:
        """A session of ``image`` for samples of ``channels``, or the one that is gone on with.

        Raises
        ------
        ConfigError
            If the recording's samples were of other channels.
        ValueError
            If the model wants others.
        """
        scaling = input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels])
        load_kernels(image, self.tell)
        if self.resumed is None:
            return Session(image, self._config(image, scaling))
        config = self.resumed.session.config
        if scaling != (config.mult, config.shift, config.offset):
            raise ConfigError(
                f"{self.wish.resume}: its samples were of another scale than those that come here; "
                "go on with the sensor that it began with"
            )
        return self.resumed.session

    def _config(self, image: Image, scaling: Scaling) -> Config:
        options, windows = self.options, 0
        if options.policy != "none" and parse_budget(options.budget, image.rate_hz).period == 0:
            windows = 0 if self.stream is None else self.stream.windows(image)
            if self.wish.seconds is not None:
                timed = round(self.wish.seconds * image.rate_hz) // image.hop
                windows = min(timed, windows) if windows else timed
        seed = seed_of(options.seed, *(self.subject or "").encode())
        return options.config(image.rate_hz, windows, seed, scaling)
