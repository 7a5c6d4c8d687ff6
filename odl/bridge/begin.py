"""A live session put together: port, board, model image, settings, recording."""

from __future__ import annotations

import math
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import odl
from odl.api import homes, load_kernels
from odl.bridge.again import again, how
from odl.bridge.emulated import EmulatedBoard
from odl.bridge.fed import FedSession, Feeding, Pace
from odl.bridge.find import GREETING, dated, image_of, line_to, random_number, someone
from odl.bridge.live import Live
from odl.bridge.ways import OnBoard, OnHost, Way
from odl.bridge.wishes import LEARN, Wishes
from odl.chance import seed_of
from odl.config import Config, ConfigError
from odl.data import open_dataset
from odl.events import Gap
from odl.fixed import Scaling, input_scaling
from odl.follow import Follower
from odl.journal import Writer
from odl.label.played import PlayedTruth, one_block
from odl.label.prompt import Prompt
from odl.label.recorded import RecordedLabels, Truths
from odl.nn.image import Image
from odl.nn.trust import labels_of
from odl.options import Options
from odl.resume import Resumed, resume
from odl.select.budget import parse_budget
from odl.session import Session
from odl.source.board import Board
from odl.source.greeting import BoardError
from odl.source.line import Line
from odl.source.sketch import FIRST_LINE, Sketch
from odl.streams import Stream, dataset_streams, load_model
from odl.truth import TruthTrack
from odl.wire import Start

Tell = Callable[[str], None]
BUDGET: Final = "12/h"  # questions, where nothing else is said
FINE: Final = 256  # counts to a step of the model's input, where a sketch prints real numbers
OFF: Final = 0.05  # a board's rate may be off the model's by so much
Channels = tuple[tuple[str, str, float], ...]


def open_live(port: str = "auto", *, progress: Tell | None = None, **wishes: Any) -> Live:
    """Begin a live session, or go on with one; iterate over what this returns.

    Parameters
    ----------
    port, wishes
        See `Wishes`.
    progress : callable, optional
        Told in a short sentence what is being done.

    Raises
    ------
    ConfigError, ValueError
        If the wishes do not fit together, or the model does not fit the board.
    BoardError, PortError, LineError
        If there is no such board, or it does not answer.
    OSError
        If the recording cannot be written.

    Examples
    --------
    ::

        with open_live(emulated=True, play="shoulder", subject=8, answers="truth") as live:
            for event in live:
                ...
    """
    wish = Wishes(port=port, **wishes)
    with ExitStack() as opened:
        return _Beginning(wish, opened, progress or (lambda sentence: None)).live()


class _Beginning:
    """The steps from wishes to a session; what is opened on the way is closed if one fails."""

    def __init__(self, wish: Wishes, opened: ExitStack, tell: Tell) -> None:
        self.wish, self.opened, self.tell = wish, opened, tell
        self.resumed: Resumed | None = None
        self.notes: list[str] = []
        self.idle = 0.0  # seconds since the recording was written last
        if wish.resume is not None:
            self.idle = max(0.0, time.time() - Path(wish.resume).stat().st_mtime)
            self.resumed = resume(wish.resume)
            opened.callback(self.resumed.writer.leave)
            self.wish = again(wish, self.resumed)
        self.options = self._options()
        self.stream = self._stream()
        self.line = opened.enter_context(self._line())

    def _options(self) -> Options:
        given = self.wish.options or {}
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
        person = someone(dataset) if self.wish.subject is None else self.wish.subject
        return dataset_streams(dataset, [person], self.options.seed)[0]

    def _line(self) -> Line:
        wish = self.wish
        if not wish.emulated:
            return line_to(wish.port, wish.baud, self.tell)
        if self.resumed is None:
            return self._emulated(str(wish.model or wish.play or wish.feed))
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.odlm"
            model.write_bytes(self.resumed.session.image.to_bytes())
            return self._emulated(str(model))

    def _emulated(self, model: str) -> Line:
        wish, words = self.wish, ["--model", model]
        if wish.play is not None and self.stream is not None:
            words += ["--play", wish.play, "--subject", self.stream.subject, "--seed", str(self.options.seed)]
            words += ["--data", str(wish.data)] if wish.data is not None else []
        speed = wish.speed or 1.0
        if wish.feed is not None:  # it is fed as fast as the host likes
            speed = max(20.0, speed)
        self.tell("starting an emulated board")
        board = EmulatedBoard(*words, "--speed", f"{speed:g}", tell=self.tell)
        return Line(self.opened.enter_context(board).url, wish.baud)

    # --- the session ----------------------------------------------------------------------

    def live(self) -> Live:
        """The session, begun."""
        wish, resumed = self.wish, self.resumed
        way, about, channels = self._of_sketch() if wish.form == "csv" else self._of_board()
        image = way.session.image
        writer = self._writer(way.session, about)
        recent = () if resumed is None else resumed.recent
        prompt = Prompt(
            way.session, image, by=f"{wish.by}:{wish.who}" if wish.who else wish.by, channels=channels,
            recent=recent,
        )  # fmt: skip
        prompt.wake = self.line.wake
        labels, played = self._truth(image)
        if played is not None:
            for event in recent:
                deque(played.take(event), 0)
        live = Live(
            way,
            prompt,
            writer,
            labels,
            played,
            self.opened.pop_all(),
            port=self._port(),
            seconds=wish.seconds,
        )
        for note in self.notes:
            live.say(note)
        return live

    def _port(self) -> str:
        played = self.wish.play or self.wish.feed
        return self.line.url if not self.wish.emulated else f"emulated{f', {played}' if played else ''}"

    def _speed(self) -> float:
        return (self.wish.speed or 1.0) if self.wish.play is not None else 1.0

    def _truth(self, image: Image) -> tuple[RecordedLabels | None, PlayedTruth | None]:
        """Who answers from truth, and what tells the truth of a stream that is played."""
        if self.stream is None:
            return None, None
        played = None
        truth: Truths = TruthTrack(self.stream.truths)
        if self.wish.play is not None:
            truth = played = PlayedTruth(*one_block(self.stream.inputs()))
        if self.wish.answers is None:
            return None, played
        options = self.options
        labels = RecordedLabels(
            truth, image.window, self.stream.classes, delay=round(options.delay * image.rate_hz),
            refuse=options.refuse, error=options.error,
            seed=seed_of(options.seed, 1, *self.stream.subject.encode()), heads=homes(image),
        )  # fmt: skip
        return labels, played

    def _config(self, image: Image, scaling: Scaling) -> Config:
        """Settings for a session of ``image``; those of the recording that is gone on with."""
        if self.resumed is not None:
            return self.resumed.session.config
        options, windows = self.options, 0
        if options.policy != "none" and parse_budget(options.budget, image.rate_hz).period == 0:
            windows = 0 if self.stream is None else self.stream.windows(image)
            if self.wish.seconds is not None and self.wish.feed is None:
                timed = round(self.wish.seconds * self._speed() * image.rate_hz) // image.hop
                windows = min(timed, windows) if windows else timed
        return options.config(image.rate_hz, windows, self._seed(), scaling)

    def _seed(self) -> int:
        return seed_of(self.options.seed, *(self._subject() or "").encode())

    def _subject(self) -> str | None:
        return self.wish.who or (None if self.stream is None else self.stream.subject)

    def _writer(self, session: Session, about: dict[str, Any]) -> Writer:
        if self.resumed is not None:
            return self.resumed.writer
        path = Path(self.wish.out) if self.wish.out is not None else dated()
        if path.exists():
            raise ConfigError(
                f"{path} is there already: give another name, or go on with it: --resume {path}"
            )
        subject = self._subject()
        about["live"] |= how(self.wish)
        about = {
            "odl": odl.__version__, "options": self.options.to_dict(), **about,
            **({} if subject is None else {"subject": subject}),
            **({} if self.stream is None else self.stream.about),
        }  # fmt: skip
        return Writer(path, Start({"config": session.config.to_dict(), "session": about},
                                  session.image.to_bytes()))  # fmt: skip

    # --- a sketch -------------------------------------------------------------------------

    def _of_sketch(self) -> tuple[Way, dict[str, Any], Channels]:
        wish = self.wish
        image = self.resumed.session.image if self.resumed else load_model(str(wish.model))
        rate = wish.rate or image.rate_hz
        if abs(rate - image.rate_hz) > OFF * image.rate_hz:
            raise ConfigError(f"the sketch prints at {rate:g} Hz, but the model wants {image.rate_hz:g} Hz")
        columns = tuple(wish.columns or ())
        if len(columns) != len(image.channels):
            raise ConfigError(f"{len(columns)} columns, but the model wants {len(image.channels)}: "
                              + ", ".join(f"{c.name} in {c.unit}" for c in image.channels))  # fmt: skip
        channels = tuple((c.name, c.unit, c.scale / FINE) for c in image.channels)
        sketch = Sketch(
            self.line, scale=[c[2] for c in channels], rate_hz=rate, columns=columns,
            units=[c.unit for c in image.channels],
        )  # fmt: skip
        began = time.monotonic()
        self.tell("waiting for the sketch's first line")
        sketch.begin(FIRST_LINE)
        self.idle += time.monotonic() - began
        session = self._session(
            image, input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels])
        )
        gap = self._gap(session, image.rate_hz)
        # The sketch counts from 0, wherever the session stands behind the gap.
        shift = -session.position - (gap.lost if gap else 0)
        way = OnHost(session, sketch, gap, shift=shift)
        about = {
            "channels": [list(c) for c in channels],
            "rate_hz": rate,
            "live": {"learn": "host", "form": "csv"},
        }
        return way, about, channels

    def _session(self, image: Image, scaling: Scaling) -> Session:
        load_kernels(image, self.tell)
        return self.resumed.session if self.resumed else Session(image, self._config(image, scaling))

    def _gap(self, session: Session, rate_hz: float) -> Gap | None:
        """What passed while nobody listened, by the clock."""
        if self.resumed is None:
            return None
        return Gap(session.position, round(self.idle * rate_hz), "nobody listened")

    # --- a board --------------------------------------------------------------------------

    def _of_board(self) -> tuple[Way, dict[str, Any], Channels]:
        wish = self.wish
        board = Board(self.line, seq=random_number(16))
        described = board.greet(GREETING)
        assert board.info is not None
        image, learn = self._image_and_way(board)
        if (described.channels is None) != (wish.feed is not None):
            raise ConfigError(
                "this board has a sensor of its own; leave out --feed" if wish.feed is not None
                else "this board has no sensor: feed it, as in --feed shoulder --subject 8"
            )  # fmt: skip
        if learn != "host" and board.info.image != image.checksum:
            raise BoardError(
                f"the board runs the model image {board.info.image:08x}, not {image.checksum:08x}: "
                "put it there with 'odl push', or learn on the host: --learn host"
            )
        channels = described.channels or (self.stream.channels if self.stream else None) or ()
        rate = described.rate_hz or (self.stream.rate_hz if self.stream else None) or image.rate_hz
        if abs(rate - image.rate_hz) > OFF * image.rate_hz:
            raise ConfigError(f"samples come at {rate:g} Hz, but the model wants {image.rate_hz:g} Hz")
        if abs(rate - image.rate_hz) > 1e-3:
            self.notes.append(f"samples come at {rate:g} Hz; the model was made for {image.rate_hz:g} Hz")
        session = self._session(
            image, input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels])
        )
        number, shift = self._number(), 0
        way: Way
        if learn == "host":
            way, shift = self._with_host(board, session, number)
        elif wish.feed is not None:
            way = self._fed(board, session, number, learn)
        else:
            way = self._with_board(board, session, number, learn)
        about = {
            "channels": [list(c) for c in channels], "rate_hz": rate,
            "live": {"learn": learn, "form": "board", "board": described.name, "sensor": described.sensor,
                     "firmware": described.version, "session": number, "shift": shift},
        }  # fmt: skip
        return way, about, channels

    def _number(self) -> int:
        """What the board is to call the session: the recording's number, or a new one."""
        return self._before("session", 2**32) or random_number(32)

    def _image_and_way(self, board: Board) -> tuple[Image, str]:
        """The model image, and who learns."""
        assert board.info is not None
        wish, there = self.wish, board.info.image
        if self.resumed is not None:
            live = self.resumed.about.get("live")
            before = live.get("learn") if isinstance(live, dict) else None
            before = before if before in LEARN else "host"
            if wish.emulated and wish.learn is None and before != "host" and self._learned():
                before = self._without_the_board()
            return self.resumed.session.image, wish.learn or before
        if wish.model is not None:
            image = load_model(wish.model)
            if wish.learn is None and image.checksum != there and wish.feed is None:
                self.notes.append("the board runs another model than this one, so the host learns")
                return image, "host"
            return image, wish.learn or "both"
        return image_of(board, self.line, self.tell), wish.learn or "both"

    def _learned(self) -> bool:
        """Whether the recording holds labels that were learned."""
        session = self.resumed.session if self.resumed else None
        return session is not None and bool(labels_of(session.image, session.snapshot()))

    def _without_the_board(self) -> str:
        """Who learns where an emulated board, which is always a new one, was the one that had learned."""
        if self.wish.feed is not None:
            raise ConfigError(
                f"{self.wish.resume}: the emulated board that it was fed to forgot what it had learned when "
                "it ended, so it can be replayed, but not gone on with"
            )
        self.notes.append(
            "the emulated board forgot what it had learned when it ended: the host learns from here on"
        )
        return "host"

    def _listening(self, board: Board, config: Config, number: int, *, keep: bool, shift: int = 0) -> bool:
        """Have the board run session ``number``; True if it has been doing so all along."""
        here = self.resumed.session if self.resumed else None
        if here is None:
            board.configure(config, number, keep=keep)
            return False
        assert board.info is not None
        if board.info.session == number:
            board.attach(config, number, here.position + shift)
            return True
        position = here.position if self.wish.feed else here.position + round(self.idle * here.image.rate_hz)
        board.configure(config, number, keep=keep, position=position + shift, issued=here.issued_at(position))
        return False

    def _with_host(self, board: Board, session: Session, number: int) -> tuple[Way, int]:
        """The board only samples. What it has learned is left alone, so it may begin to count late."""
        quiet = replace(session.config, policy="none", allowed=0, period=0, hold=False)
        shift = self._before("shift", 2**62) or 0
        along = self._listening(board, quiet, number, keep=True, shift=shift)
        gap = None
        if self.resumed is None:
            shift = board.position
        elif not along:
            gap = Gap(session.position, board.position - shift - session.position, "nobody listened")
        board.again = lambda away: (board.position + round(away * session.image.rate_hz), 0)
        return OnHost(session, board, gap, shift=shift, speed=self._speed()), shift

    def _before(self, name: str, end: int) -> int | None:
        """A number below ``end`` that the recording's Start keeps of how it was led, or None."""
        live = self.resumed.about.get("live") if self.resumed else None
        number = live.get(name) if isinstance(live, dict) else None
        return number if type(number) is int and 0 <= number < end else None

    def _with_board(self, board: Board, session: Session, number: int, learn: str) -> Way:
        follower = Follower(session, compare=learn == "both")
        keep = self.wish.keep or self.resumed is not None
        along = self._listening(board, session.config, number, keep=keep)
        if keep:
            self._hold_labels(board, session)
            follower.apart(anew=not along)
        return OnBoard(follower, board, self._speed())

    def _fed(self, board: Board, session: Session, number: int, learn: str) -> Way:
        assert self.stream is not None
        fed = FedSession(session.image, session.config, board, compare=learn == "both")
        fed.restore(session.snapshot())
        if self.resumed is not None or self.wish.keep:
            self._listening(board, session.config, number, keep=True)
            self._hold_labels(board, session)
            fed.go_on_from_board()
        else:
            self._listening(board, session.config, number, keep=False)
        speed = self.wish.speed or (math.inf if self.wish.answers else 1.0)
        return Feeding(
            fed, Pace(self.stream.unanswered().inputs(), session.image.rate_hz, speed, fed.position)
        )

    def _hold_labels(self, board: Board, session: Session) -> None:
        """Refuse a board that does not hold what was learned in the recording."""
        own = labels_of(session.image, session.snapshot())
        if not own:
            return
        self.tell("looking at what the board has learned")
        state, passed = board.read_state()
        lost = own - labels_of(session.image, state)
        if lost:
            raise BoardError(
                f"the board does not hold {len(lost)} of the {len(own)} labels that were learned in "
                f"{self.wish.resume}: go on with the host, which does: --learn host"
            )
