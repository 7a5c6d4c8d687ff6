"""A live session with a board: the image that it runs, who learns, where its stream continues."""

from __future__ import annotations

import math
from dataclasses import replace

from odl.core.config import Config, ConfigError
from odl.core.events import Adopt, Gap
from odl.core.image import Image
from odl.core.session import Session
from odl.core.snapshot import labels_of
from odl.data.streams import load_model
from odl.device.board import Board
from odl.device.description import BoardDescription
from odl.evaluate.option_table import LEARN
from odl.live.board_labels import push_labels
from odl.live.find import GREETING, image_of, random_number
from odl.live.hardware_in_the_loop import FedSession, HardwareInTheLoop, Paced
from odl.live.modes import BoardLearns, HostLearns, LearningMode
from odl.live.plan import OFF, SessionPlan, SourceSetup
from odl.live.twin import Follower
from odl.model.profile import log_in
from odl.wire.client import BoardError


def with_board(plan: SessionPlan) -> SourceSetup:
    """Set up a session with a board: its learning mode, entries in Start, and channels.

    Raises
    ------
    ConfigError, ValueError
        If the board does not fit the options, or its samples do not fit the model.
    BoardError
        If the board does not answer, runs another model, or lacks labels that the recording holds.
    """
    board = Board(plan.line, seq=random_number(16))
    described = board.greet(GREETING)
    assert board.info is not None
    image, learn = _image_and_learner(plan, board)
    if (described.channels is None) != (plan.live.feed is not None):
        raise ConfigError(
            "this board has a sensor of its own; leave out `feed`" if plan.live.feed is not None
            else "this board has no sensor: feed it, as in `feed='shoulder'` `subject=8`"
        )  # fmt: skip
    if learn != "host" and board.info.image != image.checksum:
        raise BoardError(
            f"the board runs the model image {board.info.image:08x}, not {image.checksum:08x}: "
            "push this image with 'odl push', or learn on the host: `learn='host'`"
        )
    channels = described.channels or (plan.stream.channels if plan.stream else None) or ()
    rate = _rate(plan, described, image)
    started = _BoardSession(plan, board, plan.session(image, channels, rate), learn)
    mode = started.mode()
    live = {
        "learn": learn, "form": "board", "board": described.name, "sensor": described.sensor,
        "firmware": described.version, "session": started.number, "shift": started.shift,
    }  # fmt: skip
    return SourceSetup(mode, live, channels)


def _rate(plan: SessionPlan, described: BoardDescription, image: Image) -> float:
    """Return the samples per second of the source, if the model can use them."""
    rate = described.rate_hz or (plan.stream.rate_hz if plan.stream else None) or image.rate_hz
    if abs(rate - image.rate_hz) > OFF * image.rate_hz:
        raise ConfigError(f"samples come at {rate:g} Hz, but the model wants {image.rate_hz:g} Hz")
    if abs(rate - image.rate_hz) > 1e-3:
        plan.notes.append(f"samples come at {rate:g} Hz; the model was made for {image.rate_hz:g} Hz")
    return rate


# --- the model image, and who learns ------------------------------------------------------


def _image_and_learner(plan: SessionPlan, board: Board) -> tuple[Image, str]:
    assert board.info is not None
    live, there = plan.live, board.info.image
    if plan.resumed is not None:
        learn = live.learn or _learned_before(plan)
        if live.emulated and live.learn is None and learn != "host" and _labels(plan.resumed.session):
            learn = _without_the_board(plan)
        return plan.resumed.session.image, learn
    if live.model is not None:
        image = load_model(live.model)
        if live.learn is None and image.checksum != there and live.feed is None:
            plan.notes.append("the board runs another model than this one, so the host learns")
            return image, "host"
        return image, live.learn or "both"
    return image_of(board, plan.line, plan.progress), live.learn or "both"


def _learned_before(plan: SessionPlan) -> str:
    """Return who learned in the resumed recording."""
    learn = plan.stored("learn")
    return learn if learn in LEARN else "host"


def _without_the_board(plan: SessionPlan) -> str:
    """Return who learns after an emulated board that had learned has ended: the next one starts empty."""
    if plan.live.feed is not None:
        raise ConfigError(
            f"{plan.live.resume}: the emulated board forgot what it had learned when it ended, so this "
            "recording can be replayed, but not resumed"
        )
    plan.notes.append(
        "the emulated board forgot what it had learned when it ended: the host learns from here on"
    )
    return "host"


def _labels(session: Session) -> set[tuple[int, int]]:
    return labels_of(session.image, session.snapshot())


# --- the session on the board -------------------------------------------------------------


class _BoardSession:
    """Starts a session on ``board``, or attaches to the one that it runs.

    Attributes
    ----------
    number : int
        The board's number for the session.
    shift : int
        Samples by which the board's count is ahead of the session's.
    """

    def __init__(self, plan: SessionPlan, board: Board, session: Session, learn: str) -> None:
        self.plan, self.board, self.session, self.learn = plan, board, session, learn
        self.shift = 0
        self.state = plan.start_state(session)  # what the wearer's profile gives
        self.number = self._number()
        if self.state is not None and learn != "host":
            push_labels(plan.line, session.image, log_in(session.image, self.state), plan.progress)

    def mode(self) -> LearningMode:
        """Start the session on the board; return its learning mode."""
        if self.learn == "host":
            return self._with_host()
        return self._fed() if self.plan.live.feed is not None else self._with_board()

    def _number(self) -> int:
        """Return the recording's number if the board had the same role then, else a new number."""
        same = (self.learn == "host") == (_learned_before(self.plan) == "host")
        return (self.plan.stored_number("session", 2**32) if same else None) or random_number(32)

    def _configure(self, config: Config, *, keep: bool) -> int | None:
        """Start the session on the board; return its position, or None if the board runs it already."""
        board, session, plan = self.board, self.session, self.plan
        if plan.resumed is None:
            return board.configure(config, self.number, keep=keep)
        assert board.info is not None
        if board.info.session == self.number:
            board.attach(config, self.number, session.position + self.shift)
            return None
        position = session.position
        if plan.live.feed is None:
            position += round(plan.idle * session.image.rate_hz)
        return board.configure(
            config, self.number, keep=keep, position=position + self.shift, issued=session.issued_at(position)
        )

    def _with_host(self) -> LearningMode:
        """The board only samples. It keeps what it has learned, so its count may not start at 0."""
        session, board = self.session, self.board
        quiet = replace(session.config, policy="none", allowed=0, period=0, hold=False)
        self.shift = self.plan.stored_number("shift", 2**62) or 0
        position = self._configure(quiet, keep=True)
        first: Gap | Adopt | None = None
        if self.plan.resumed is None:
            self.shift = position or 0
            first = None if self.state is None else Adopt(0, 0, self.state)
        elif position is not None:
            first = Gap(session.position, position - self.shift - session.position, "nobody listened")
        board.on_restart = lambda away: (board.position + round(away * session.image.rate_hz), 0)
        return HostLearns(session, board, first, shift=self.shift, speed=self.plan.speed)

    def _with_board(self) -> LearningMode:
        follower = Follower(self.session, compare=self.learn == "both")
        keep = self.plan.live.keep or self.plan.resumed is not None or self.state is not None
        running = self._configure(self.session.config, keep=keep) is None
        if keep:
            self._hold_labels()
            follower.apart(anew=not running)
        return BoardLearns(follower, self.board, self.plan.speed)

    def _fed(self) -> LearningMode:
        live, stream, session = self.plan.live, self.plan.stream, self.session
        assert stream is not None
        fed = FedSession(session.image, session.config, self.board, compare=self.learn == "both")
        fed.restore(session.snapshot())
        keep = live.keep or self.plan.resumed is not None or self.state is not None
        self._configure(session.config, keep=keep)
        if keep:
            self._hold_labels()
            fed.adopt_board_state()
        speed = live.speed or (math.inf if live.answers else 1.0)
        inputs, clock = stream.unanswered().inputs(), self.board.line.clock
        return HardwareInTheLoop(fed, Paced(inputs, session.image.rate_hz, speed, fed.position, clock))

    def _hold_labels(self) -> None:
        """Refuse a board that lacks labels which the recording has learned."""
        own = _labels(self.session)
        if not own:
            return
        self.plan.progress("reading what the board has learned")
        state, _ = self.board.read_state()
        lost = own - labels_of(self.session.image, state)
        if lost:
            raise BoardError(
                f"the board lacks {len(lost)} of the {len(own)} labels that were learned in "
                f"{self.plan.live.resume}; the host has them: resume with `learn='host'`"
            )
