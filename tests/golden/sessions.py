"""Golden sessions: what 0.2.0 makes of a person's samples, to the bit.

``v0_2_0/`` holds the model image of that release, one recording that its code wrote, and
``hashes.json``: for each session of `SESSIONS` the trace, the final state and log, the counters and
how many outputs of each kind there were. ``test_sessions.py`` runs them all again.

``python -m tests.golden.make sessions`` makes them anew. That is allowed only when a release changes what
is learned or asked, on purpose and with a line in CHANGELOG.md, and then into a folder named after that
release (``FOLDER``). Moving files, new features and faster code leave every hash as it is.

``v0_1_0/`` holds what 0.1.0 wrote: its image, two recordings and what it made of them. Its learner was
another, so they are read, reported and converted (tests/recording/test_format_1.py).
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Dropped,
    Event,
    Gap,
    Input,
    Label,
    Origin,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.core.fixed_point import input_scaling
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.data import load_card, load_session
from odl.data.streams import replay_parts, windows_in
from odl.labels.oracle import Oracle
from odl.recording import Writer
from odl.wire import Start, TraceHash, encode, is_output

V0_1_0 = Path(__file__).resolve().parent / "v0_1_0"
FOLDER = V0_1_0.with_name("v0_2_0")
IMAGE, RECORDING, HASHES = FOLDER / "shoulder.odlm", FOLDER / "replay.odl", FOLDER / "hashes.json"

MakeSession = Callable[[Image, Config], Session]

# How each question fares, by its number: what a person does, in turn.
FATES = (
    "right",
    "late",
    "twice",
    "skip",
    "never",
    "no such class",
    "taken back",
    "new class",
    "under a leaf",
    "taught",
)


class Golden(NamedTuple):
    """A session of the list: ``how`` is "replay" or "scripted", ``changes`` are settings of it.

    Among them can be ``max_log`` of the image, and ``refuse`` and ``error`` of who answers.
    """

    name: str
    how: str
    policy: str
    batch: int
    changes: dict[str, Any]


class Ran(NamedTuple):
    """What passed, in order, and the session at its end."""

    events: list[Event]
    session: Session

    @property
    def trace(self) -> str:
        """The trace's hash."""
        return trace_of(self.events)

    @property
    def dropped(self) -> set[str]:
        """Why something had no effect: the reasons that appear, by name."""
        return {event.why.name for event in self.events if isinstance(event, Dropped)}

    def summary(self) -> dict[str, Any]:
        """What ``hashes.json`` keeps."""
        return {
            "trace": self.trace,
            "snapshot": hashlib.sha256(self.session.snapshot()).hexdigest(),
            "counts": self.session.counts,
            "outputs": dict(sorted(Counter(type(e).__name__ for e in self.events if is_output(e)).items())),
        }


def trace_of(events: list[Event]) -> str:
    """SHA-256 over the outputs among ``events``."""
    trace = TraceHash()
    for event in events:
        if is_output(event):
            trace.add(encode(event))
    return trace.hexdigest()


def image(changes: dict[str, Any] | None = None) -> Image:
    """The model image of the release; takes the room for its log out of ``changes``."""
    model = Image.from_bytes(IMAGE.read_bytes())
    return replace(model, max_log=(changes or {}).pop("max_log", model.max_log))


def scaling_of(model: Image) -> dict[str, Any]:
    """The bundled recordings' counts to the image's input, as settings."""
    scaling = input_scaling(
        [(c.name, c.unit, c.scale) for c in load_card("shoulder").channels],
        [(c.name, c.unit, c.scale) for c in model.channels],
    )
    return {"mult": scaling.mult, "shift": scaling.shift, "offset": scaling.offset}


# --- a replay, as odl.replay does it ------------------------------------------------------


def replayed(golden: Golden, make: MakeSession = Session) -> Ran:
    """Person 7 from the first sample to the last, answered from truth after ten seconds."""
    changes, person = dict(golden.changes), b"7"
    model = image(changes)
    shares = {name: changes.pop(name, 0.0) for name in ("refuse", "error")}
    parts = load_session("shoulder", 7)
    stream = list(replay_parts(parts))
    config = Config(
        policy=golden.policy, batch=golden.batch,
        horizon=windows_in([len(part.block) for part in parts], model.window, model.hop),
        seed=seed_of(0, *person), **scaling_of(model), **({"allowed": 20} | changes),
    )  # fmt: skip
    labeller = Oracle(
        TruthTrack([event for event in stream if isinstance(event, Truth)]), model.window,
        load_card("shoulder").classes, delay=500, seed=seed_of(0, 1, *person), **shares,
    )  # fmt: skip
    session = make(model, config)
    return Ran(list(drive(session, stream, labeller)), session)


# --- a scripted person --------------------------------------------------------------------


class ScriptedPerson:
    """A person who does everything that can be done, at samples that follow from the questions.

    Every question has a fate by its number; at fixed samples there are a few things more. Answers are
    due at a sample, blocks are cut there. Nothing is drawn: the same session gives the same inputs.

    Parameters
    ----------
    session : Session
        Fresh.
    stream : list of events
        Samples, gaps and truth.
    """

    def __init__(self, session: Session, stream: list[Input]) -> None:
        self.session, self.stream = session, stream
        self.truth = TruthTrack([event for event in stream if isinstance(event, Truth)])
        self.events: list[Event] = []
        self._due: list[tuple[int, int, tuple[Any, ...]]] = []  # sample, number, what
        self._made = self._asked = 0
        length = sum(len(event.block) for event in stream if isinstance(event, Samples))
        self._at(0, "undo")
        self._at(1, "label", NO_WINDOW, 0)
        self._at(2, "label", 12345, None)
        self._at(3, "teach", 0)  # there is no window yet
        self._at(length // 5, "split", 0)
        self._at(length // 5, "class", "below the first")
        self._at(length // 5 + 70, "split", 0)  # it has a task already: the next number is refused
        self._at(length // 5 + 70, "split", 99)
        self._at(length * 2 // 5, "teach", 1)
        self._at(length * 2 // 5 + 1, "teach", 1)
        self._at(length * 2 // 5 + 2, "teach", 222)
        self._at(length // 2, "class", "taught", 0)
        self._at(length // 2, "teach the newest")
        self._at(length * 4 // 5, "fill")

    def run(self) -> Ran:
        """Feed all of it."""
        for event in self.stream:
            if not isinstance(event, Samples):
                self._step(event)
                continue
            at, n = 0, len(event.block)
            while at < n:
                self._act()
                due = self._due[0][0] if self._due else self.session.position + n
                size = min(n - at, due - self.session.position)
                self._step(Samples(event.start + at, event.block[at : at + size]))
                at += size
        self._act()
        return Ran(self.events, self.session)

    def _at(self, sample: int, *what: Any) -> None:
        heapq.heappush(self._due, (sample, self._made, what))
        self._made += 1

    def _step(self, event: Input) -> None:
        self.events.append(event)
        for output in self.session.step(event):
            self.events.append(output)
            if isinstance(output, Query):
                self._fate(output)

    def _fate(self, query: Query) -> None:
        """Put what becomes of a question on the list."""
        number, now, window = self._asked, self.session.position, query.window
        self._asked += 1
        name = self.truth.of(window, self.session.image.window)
        right = next((cls for cls, known in self.session.names.items() if known == name), 1)
        fate = FATES[number % len(FATES)]
        if fate == "right":
            self._at(now + 120 + number, "label", window, right)
        elif fate == "late":
            self._at(query.expires + 1, "label", window, right)
        elif fate == "twice":
            self._at(now + 90, "label", window, 3)
            self._at(now + 91, "label", window, right)
            self._at(now + 400, "label", window, None)
        elif fate == "skip":
            self._at(now + 50, "label", window, None)
        elif fate == "no such class":
            self._at(now + 40, "label", window, 200)
            self._at(now + 45, "label", window, 255 - 1)
            self._at(now + 60, "label", window, right)
        elif fate == "taken back":
            self._at(now + 30, "label", window, 2)
            self._at(now + 230, "undo")
            self._at(now + 250, "label", window, right)
        elif fate == "new class":
            self._at(now + 100, "class", f"new at question {number}", 0)
            self._at(now + 100, "label of the newest", window)
        elif fate == "taught":
            self._at(now + 20, "teach", right)
        elif fate == "under a leaf":
            self._at(now + 110, "split", right)
            self._at(now + 110, "class", f"one below, {number}")
            self._at(now + 110, "label of the newest", window)

    def _act(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= self.session.position:
            _, _, (what, *values) = heapq.heappop(self._due)
            session, at = self.session, self.session.position
            if what == "undo":
                self._step(Undo(at))
            elif what == "label":
                self._step(Origin(at, "terminal", 1200, 0))
                self._step(Label(at, *values))
            elif what == "teach":
                self._step(Teach(at, values[0]))
            elif what == "teach the newest":
                self._step(Teach(at, max(session.names)))
            elif what == "split":
                self._step(Split(at, values[0], len(session.tasks)))
            elif what == "class":
                name, *head = values
                self._step(AddClass(at, max(session.names) + 1, name, *(head or [len(session.tasks) - 1])))
            elif what == "label of the newest":
                self._step(Label(at, values[0], max(session.names)))
            else:
                self._fill(at)

    def _fill(self, at: int) -> None:
        """New classes and tasks until there is no room, impossible ones first, and one more of each."""
        session = self.session
        self._step(AddClass(at, max(session.names), "its id is taken", 0))
        self._step(AddClass(at, 99, "there is no such task", 77))
        for more in range(session.image.max_rows):
            before = len(self.events)
            self._step(AddClass(at, 100 + more, f"class {100 + more}", more % len(session.tasks)))
            if isinstance(self.events[-1], Dropped) and len(self.events) == before + 2:
                break
        for leaf in sorted(session.names):
            self._step(Split(at, leaf, len(session.tasks)))
        self._step(Undo(at))


def samples_of(subject: int, parts: int, most: int) -> list[Input]:
    """The first ``most`` samples of each of some parts; every second seam loses 37 samples or more."""
    stream: list[Input] = []
    at = 0
    for number, part in enumerate(load_session("shoulder", subject)[:parts]):
        if number:
            lost = 0 if number % 2 else 37 * number
            stream.append(Gap(at, lost, "unplugged" if lost else "seam"))
            at += lost
        block = part.block[:most]
        stream += [Truth(at + start, at + min(end, most), name) for start, end, name in part.truths]
        for start in range(0, len(block), 333):
            stream.append(Samples(at + start, block[start : start + 333]))
        at += len(block)
    return stream


def scripted(golden: Golden, make: MakeSession = Session, parts: int = 10, most: int = 1500) -> Ran:
    """Person 8, cut short, with everything that a person can do."""
    changes = dict(golden.changes)
    model = image(changes)
    stream = samples_of(8, parts, most)
    settings = {"allowed": 3, "period": 1500, "in_samples": True, "patience": 777, "change": 800}
    config = Config(
        policy=golden.policy, batch=golden.batch, seed=seed_of(5, golden.batch),
        **scaling_of(model), **(settings | changes),
    )  # fmt: skip
    return ScriptedPerson(make(model, config), stream).run()


# --- the list ------------------------------------------------------------------------------


def _goldens() -> Iterator[Golden]:
    novel, inforv, dualrv = "novel-segments", "tactile-inforv", "tactile-dualrv"
    replays: list[tuple[str, int, dict[str, Any]]] = [
        (novel, 1, {}),
        (novel, 2, {"refuse": 0.2, "error": 0.1, "hold": False, "floor": 300, "every": 700}),
        (novel, 3, {"allowed": 60, "change": 1500}),
        (inforv, 1, {}),
        (inforv, 4, {"refuse": 0.2, "error": 0.1, "hold": False}),
        (dualrv, 1, {"refuse": 0.1, "error": 0.2}),
        (dualrv, 4, {"hold": False}),
        ("random", 1, {"hold": False, "allowed": 60, "max_log": 33}),
        ("periodic", 1, {}),
    ]
    scripts: list[tuple[str, int, dict[str, Any]]] = [
        (novel, 1, {}),
        (novel, 4, {"max_log": 33, "every": 200}),
        (inforv, 1, {"hold": False}),
        (inforv, 4, {}),
        (dualrv, 1, {"step": 3}),
        (dualrv, 4, {"hold": False}),
        ("random", 1, {}),
        ("periodic", 1, {"in_samples": False, "period": 20}),
    ]
    for how, found in (("replay", replays), ("scripted", scripts)):
        for policy, batch, changes in found:
            yield Golden(f"{how}-{policy}-{batch}", how, policy, batch, changes)


SESSIONS = {golden.name: golden for golden in _goldens()}


def run(golden: Golden, make: MakeSession = Session) -> Ran:
    """Run one of the list; ``make`` gives the session, Python's by default."""
    return (replayed if golden.how == "replay" else scripted)(golden, make)


# --- the recording -------------------------------------------------------------------------


def short() -> Ran:
    """The session of the recording: the scripted one, shorter, with batches of two."""
    changes = {"allowed": 12, "period": 3000, "every": 60}
    return scripted(Golden("recording", "scripted", "novel-segments", 2, changes), parts=5, most=1300)


def write(path: Path, ran: Ran) -> None:
    """Write a recording of ``ran``, as a replay does."""
    model = ran.session.image
    about = {
        "subject": "8", "rate_hz": model.rate_hz, "odl": "0.2.0", "dataset": "shoulder",
        "channels": [[c.name, c.unit, c.scale] for c in load_card("shoulder").channels],
    }  # fmt: skip
    start = Start({"config": ran.session.config.to_dict(), "session": about}, model.to_bytes())
    with Writer(path, start) as writer:
        for event in ran.events:
            writer.write(event)
