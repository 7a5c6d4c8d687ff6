"""A recorded person played at a person's pace: a live session without any board."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import odl
from odl.api import Progress, homes, load_kernels
from odl.chance import seed_of
from odl.config import ConfigError
from odl.drive import drive
from odl.events import Event, Gap, Input, Query, Samples, Truth
from odl.journal import Writer
from odl.label.prompt import Prompt
from odl.label.protocol import Answer, Labeller, TakeBack
from odl.label.recorded import RecordedLabels
from odl.options import Options
from odl.resume import resume
from odl.session import Session
from odl.streams import Stream, dataset_streams, load_model
from odl.truth import TruthTrack
from odl.wire import Start

_BEHIND = 2.0  # seconds: a replay that was held up for longer goes on from where it stands
_LEAST = 0.02  # seconds of samples in a block, as a serial line would bring them


@dataclass(frozen=True, slots=True)
class Status:
    """How a played session stands; see `odl.label.view.Status`."""

    state: str
    port: str
    declared: float
    position: int
    windows: int
    budget_left: int | None
    recording: Path | None
    rate: float | None = None
    drift: float | None = None
    jitter: float | None = None
    lost: int = 0
    dropped: int = 0
    damaged: int = 0
    compared: int | None = None
    skipped: int | None = None
    differences: int | None = None


class Played:
    """Iterating steps a session with one recorded person's samples as time passes.

    Parameters
    ----------
    source : str or path
        A dataset's name or folder (see `odl.replay`).
    subject : int
        Whose samples.
    speed : float
        Times as fast as it was recorded, above 0; infinity does not wait at all.
    answers : str, optional
        ``"truth"``: recorded answers come ``options["delay"]`` seconds after their question, as
        a person's would. By default nobody answers but through ``prompt``.
    record : path, optional
        Where the recording goes. One that is there, of the same person and settings and not
        closed, is gone on with.
    model, data : path, optional
        As in `odl.replay`.
    options : mapping
        Policy, budget and so on: the keywords of `odl.replay`.
    progress : callable, optional
        Told in a short sentence what is being done.

    Attributes
    ----------
    wait : float
        Seconds for which a ``next`` may sleep where no sample is due.
    recent : what passed last before, where a recording is gone on with.

    Raises
    ------
    ValueError
        For anything that cannot be used, with one sentence that says what and why.

    Examples
    --------
    >>> from odl.events import Learned
    >>> played = Played("shoulder", 7, speed=float("inf"), answers="truth", options={"budget": 3})
    >>> sum(isinstance(event, Learned) for event in played)
    3
    """

    def __init__(
        self,
        source: str | Path,
        subject: int,
        *,
        speed: float = 1.0,
        answers: str | None = None,
        record: str | Path | None = None,
        model: str | Path | None = None,
        data: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed!r}; it can be any number above 0")
        if answers not in (None, "truth"):
            raise ConfigError(f"answers is {answers!r}; it can be 'truth', or None: a person's")
        chosen = Options().changed(options or {})
        stream = dataset_streams(source, [subject], chosen.seed, data)[0]
        self.image = load_model(source if model is None else model)
        load_kernels(self.image, progress or (lambda sentence: None))
        self.speed, self.wait = speed, 0.0
        self.recording = None if record is None else Path(record)
        self.recent: tuple[Event, ...] = ()
        self.session, self._writer = self._begin(stream, chosen)
        self._stream, self._name = stream, f"{source}, person {subject}"
        self._notes = list(stream.notes)
        self.prompt = Prompt(self.session, self.image, by="notebook", channels=stream.channels or (),
                             recent=self.recent)  # fmt: skip
        self._labeller: Labeller = self.prompt
        if answers == "truth":
            self._labeller = _Stand(self.prompt, _recorded(stream, self.image, chosen))
            for one in self.session.open_questions:
                self._labeller.ask(Query(one.window, 0, one.expires), self.session.position)
        self._state = "ready"
        self._events = self._run()

    def _begin(self, stream: Stream, options: Options) -> tuple[Session, Writer | None]:
        """The session and its recording: new, or as the recording left it."""
        name = tuple(stream.subject.encode())
        config = options.config(
            self.image.rate_hz, stream.windows(self.image), seed_of(options.seed, *name),
            stream.scaling(self.image),
        )  # fmt: skip
        if self.recording is None:
            return Session(self.image, config), None
        about = {
            "subject": stream.subject, "rate_hz": stream.rate_hz, "odl": odl.__version__,
            "channels": [list(c) for c in stream.channels or ()], "options": options.to_dict(),
            **stream.about,
        }  # fmt: skip
        if self.recording.exists():
            resumed = resume(self.recording)
            same = resumed.session.config == config and resumed.about == about
            if not (same and resumed.session.image.checksum == self.image.checksum and resumed.same):
                resumed.writer.close()
                raise ConfigError(
                    f"{self.recording}: a recording with other settings is there; give another name"
                )
            self.recent = resumed.recent
            return resumed.session, resumed.writer
        start = Start({"config": config.to_dict(), "session": about}, self.image.to_bytes())
        return Session(self.image, config), Writer(self.recording, start)

    @property
    def names(self) -> dict[int, str]:
        """Class ids and names as they are now."""
        return self.session.names

    def status(self) -> Status:
        """How it stands."""
        config, counts = self.session.config, self.session.counts
        return Status(
            self._state, self._name, self.image.rate_hz, self.session.position, counts["windows"],
            None if config.period else config.allowed - counts["queries"], self.recording,
        )  # fmt: skip

    def notices(self) -> list[str]:
        """What was changed on reading the files; told once."""
        notes, self._notes = self._notes, []
        return notes

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def close(self) -> None:
        """Stop, and close the recording; closing again does nothing."""
        self._events.close()
        if self._writer is not None:
            self._writer.close()
        self._state = "finished"

    def __enter__(self) -> Played:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> Generator[Event, None, None]:
        self._state = "playing"
        for event in drive(self.session, self._paced(), self._labeller):
            self.prompt.take(event)
            if self._writer is not None and not (isinstance(event, Samples) and len(event.block) == 0):
                self._writer.write(event)
                if not isinstance(event, Samples):
                    self._writer.flush()
            yield event
        self._state = "finished"
        if self._writer is not None:
            self._writer.close()

    def _paced(self) -> Iterator[Input]:
        """The stream's inputs when they are due; empty samples where none is."""
        rate = self.image.rate_hz * self.speed
        least = max(1, round(_LEAST * rate)) if math.isfinite(rate) else 1
        began = time.monotonic() - self.session.position / rate
        for event in self._ahead():
            if not isinstance(event, Samples) or math.isinf(rate):
                if isinstance(event, Gap):
                    began -= event.lost / rate  # nobody waits for what never came
                yield event
                continue
            at, size = 0, len(event.block)
            while at < size:
                now, want = time.monotonic(), min(least, size - at)
                due = (now - began) * rate - (event.start + at)
                if due > _BEHIND * rate:
                    began, due = now - (event.start + at + want) / rate, want
                if due < want:
                    if self.wait:
                        time.sleep(min(self.wait, (want - due) / rate))
                    yield Samples(event.start + at, np.empty((0, event.block.shape[1]), np.int16))
                    continue
                n = min(size - at, int(due))
                yield Samples(event.start + at, event.block[at : at + n])
                at += n

    def _ahead(self) -> Iterator[Input]:
        """The stream's inputs from the session's position on."""
        position = self.session.position
        seams = {e.start for e in self.recent if isinstance(e, Gap)}
        for event in self._stream.unanswered().inputs():
            if isinstance(event, Samples):
                past = max(0, position - event.start)
                if past < len(event.block):
                    yield Samples(event.start + past, event.block[past:])
            elif isinstance(event, Truth):
                if event.end > position:
                    yield replace(event, start=max(event.start, position))
            elif isinstance(event, Gap) and event.start >= position and event.start not in seams:
                yield event


def _recorded(stream: Stream, image: Any, options: Options) -> RecordedLabels:
    return RecordedLabels(
        TruthTrack(stream.truths), image.window, stream.classes, delay=round(options.delay * image.rate_hz),
        seed=seed_of(options.seed, 1, *stream.subject.encode()), refuse=options.refuse, error=options.error,
        heads=homes(image),
    )  # fmt: skip


class _Stand:
    """Answers from truth that take a person's way: through the prompt."""

    def __init__(self, prompt: Prompt, labels: RecordedLabels) -> None:
        self._prompt, self._labels = prompt, labels

    def ask(self, query: Query, now: int) -> None:
        self._prompt.ask(query, now)
        self._labels.ask(query, now)

    def poll(self, now: int) -> list[Answer | TakeBack]:
        for answer in self._labels.poll(now):
            self._prompt.answer(answer.window, answer.name, answer.head, by="truth")
        return list(self._prompt.poll(now))

    def next_due(self) -> int | None:
        return self._labels.next_due()
