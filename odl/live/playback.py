"""Plays a recorded person in real time: a live session without a board."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.config import ConfigError
from odl.core.events import Adopt, Event
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.session import Session
from odl.data import open_dataset
from odl.data.streams import dataset_streams, load_model
from odl.evaluate.load_kernels import Progress
from odl.evaluate.open_session import OpenedSession, homes_of, open_oracle, open_stream
from odl.evaluate.option_table import OPTIONS
from odl.evaluate.options import Options
from odl.labels.prompt import Prompt
from odl.live.hardware_in_the_loop import Paced
from odl.live.labeller import LiveLabeller
from odl.live.modes import LearningMode
from odl.live.recordings import unfinished
from odl.live.session import LiveSession
from odl.live.status import LiveStatus
from odl.model.profile_file import ProfileFile
from odl.policies.budget import parse_budget
from odl.recording import Reader, Writer
from odl.recording.resume import Resumed, resume


class Playback(LearningMode):
    """The host learns from a recorded stream, which `Paced` yields in time."""

    def __init__(
        self, session: Session, pace: Paced, notes: tuple[str, ...] = (), first: Adopt | None = None
    ) -> None:
        self.session, self._pace, self._first = session, pace, first
        self.notices = deque(notes)

    @property
    def wait(self) -> float:
        """Seconds that a ``next`` may block where no sample is due."""
        return self._pace.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self._pace.wait = seconds

    def events(self, labeller: LiveLabeller) -> Iterator[Event]:
        """Yield all events of the session; recorded answers are left out, since people answer anew."""
        first = [] if self._first is None else [self._first]
        return drive(self.session, chain(first, self._pace), labeller)

    def status(self) -> LiveStatus:
        """As `odl.live.modes.LearningMode.status`; a file loses nothing."""
        return LiveStatus("playing")


def played(
    source: str | Path,
    subject: str | int,
    *,
    record: str | Path,
    speed: float = 1.0,
    answers: str | None = None,
    model: str | Path | None = None,
    data: str | Path | None = None,
    profile: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    by: str = "notebook",
    seconds: float | None = None,
    clock: Clock = SYSTEM_CLOCK,
    progress: Progress | None = None,
) -> LiveSession:
    """Open a live session with one recorded person's samples; iterating over it runs it.

    Parameters
    ----------
    source : str or path
        A dataset's name or folder (see `odl.replay`).
    subject : str or int
        The person to play.
    record : path
        The recording to write. If it exists, unfinished and of the same person and settings,
        the session resumes from it without a gap.
    speed : float
        Speed as a multiple of real time, above 0; with infinity there is no waiting.
    answers : str, optional
        ``"truth"``: recorded truth answers ``options["delay"]`` seconds after a question, as
        a person would. By default answers come through the prompt alone.
    model, data : path, optional
        As in `odl.replay`.
    profile : path, optional
        The wearer's profile, as in `odl.live.LiveOptions`.
    options : mapping
        Policy, budget and so on: keywords of `odl.replay`.
    by, seconds
        As in `odl.live.LiveOptions`.
    clock : Clock
        Says when a sample is due.
    progress : callable, optional
        Called with a short sentence before each step that takes time.

    Raises
    ------
    ValueError
        If an argument cannot be used; one sentence says which and why.

    Examples
    --------
    >>> import tempfile
    >>> from odl.core.events import Learned
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with played("shoulder", 7, record=f"{folder}/7.odl", speed=float("inf"), answers="truth",
    ...                 options={"budget": 3}) as live:
    ...         print(sum(isinstance(event, Learned) for event in live))
    3
    """
    if not speed > 0:
        raise ConfigError(f"`speed` is {speed!r}; it can be {OPTIONS['speed'].allowed}, or infinity")
    OPTIONS["answers"].check(answers)
    chosen = Options().changed(options or {})
    dataset = open_dataset(source, data)
    stream = dataset_streams(dataset, [subject], chosen.seed)[0]
    start = None
    if Path(record).exists():  # to be resumed
        with Reader(record) as reader:
            start = reader.start
    if model is None and start is not None:
        image = Image.from_bytes(start.image, str(record))
    else:
        image = load_model(dataset.model_path() if model is None else model)
    windows = stream.windows(image)
    if start is not None:  # of the length that it was begun with
        windows = int(start.config.get("config", {}).get("horizon", windows))
    elif parse_budget(chosen.budget, image.rate_hz).period == 0:
        windows = stream.windows(image, seconds)
    opened = open_stream(stream, image, chosen, progress=progress, windows=windows)
    recent: tuple[Event, ...] = ()
    before: SessionHistory | None = None
    with ExitStack() as closing:
        file = None if profile is None else closing.enter_context(ProfileFile.opened(profile))
        going_on = Path(record).exists()
        if going_on:
            resumed = _resumed(Path(record), opened)
            session, writer = resumed.session, resumed.writer
            recent, before = resumed.recent, resumed.history
            closing.callback(writer.leave)  # unlocks the file if the session cannot start
        else:
            session = opened.session
        state = None if file is None else file.start(session, going_on)
        if not going_on:  # last: an error before it leaves no file in the way
            writer = Writer(record, opened.start())
            closing.callback(writer.leave)
        truth = TruthTrack(stream.truths)
        prompt = Prompt(session, image, by=by, channels=stream.channels or (), recent=recent, clock=clock,
                        truth=truth, homes=homes_of(image))  # fmt: skip
        labels = open_oracle(stream, image, chosen) if answers == "truth" else None
        pace = Paced(stream.unanswered().inputs(), image.rate_hz, speed, session.position, clock)
        mode = Playback(session, pace, stream.notes, None if state is None else Adopt(0, 0, state))
        return LiveSession(
            mode, prompt, writer, labels, None, closing.pop_all(),
            port=f"{dataset.card.name}, person {stream.subject}", clock=clock, before=before, truth=truth,
            seconds=seconds, profile=file,
        )  # fmt: skip


def _resumed(path: Path, opened: OpenedSession) -> Resumed:
    """Resume the recording at ``path`` if it has the settings of ``opened``.

    Raises
    ------
    ConfigError
        If the recording is finished or has other settings.
    """
    if not unfinished(path):
        raise ConfigError(f"{path}: this recording is finished; give another name")
    resumed = resume(path)
    old, new = resumed.session, opened.session
    if (old.config, old.image.checksum, resumed.about) != (new.config, new.image.checksum, opened.about):
        resumed.writer.leave()
        raise ConfigError(f"{path}: this recording has other settings; give another name")
    return resumed
