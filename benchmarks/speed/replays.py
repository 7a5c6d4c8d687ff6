"""Whole replays, with questions, answers and learning: rows of the table."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.speed.material import DATASET, QUESTIONS, Material
from benchmarks.speed.network import tflite_of
from benchmarks.speed.paired import US, Figure, alone, paired, require
from benchmarks.speed.peers import LiteRT, Replayed, RiverHead, values
from odl.core.events import Learned, Query
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.trace import Trace
from odl.data import Part, open_dataset
from odl.data.streams import dataset_streams, replay_parts
from odl.evaluate.open_session import open_oracle, open_stream
from odl.evaluate.options import Options
from odl.evaluate.run_stream import run_stream
from odl.model.features import features_of


class Person:
    """One person's recordings, with the first sample and the true class of each window."""

    def __init__(self, material: Material, parts: tuple[Part, ...]) -> None:
        size, hop = material.image.window, material.image.hop
        self.parts = parts
        self.starts: list[int] = []  # of each window, within the session
        self.truth: list[str] = []
        first = 0
        for part in parts:
            mine = range(first, first + len(part.block) - size + 1, hop)
            self.starts += mine
            self.truth += [part.truths[0][2]] * len(mine)
            first += len(part.block)
        self._truth_at = dict(zip(self.starts, self.truth, strict=True))
        known = {name: cls for cls, name in material.image.names.items()}
        new = [name for name in dict.fromkeys(self.truth) if name not in known]
        self._ids = known | {name: 100 + i for i, name in enumerate(new)}

    def answer(self, query: Query) -> str:
        """Answer a question of this project's session."""
        return self._truth_at[query.window]

    def class_of(self, window: int) -> int:
        """The class of window number ``window``, for the peer's learner."""
        return self._ids[self.truth[window]]


def replay(material: Material, runs: int, questions: int = QUESTIONS, joined: bool = False) -> Figure:
    """People replayed in blocks of 64 samples, learning from answers that come at once.

    With ``joined`` they are one session, as long as one person's day would be.
    """
    image = material.image
    streams = (sum(material.people, ()),) if joined else material.people
    people = [Person(material, parts) for parts in streams]
    total = sum(len(person.starts) for person in people)
    peer = LiteRT(tflite_of(image, pool=True))

    def ours() -> list[Trace]:
        traces = []
        for person in people:
            session = Session(image, material.config(len(person.starts), questions))
            traces.append(Trace(steps(session, replay_parts(person.parts, block=64), person.answer)))
        return traces

    def theirs() -> list[Replayed]:
        found = []
        for person in people:
            cuts = [
                scaled[first : first + image.window][None, :, None]
                for scaled in (material.scaled(part.block) for part in person.parts)
                for first in range(0, len(scaled) - image.window + 1, image.hop)
            ]
            features = ((peer.one(cut).reshape(-1).astype(np.int16) + 128).tolist() for cut in cuts)
            found.append(RiverHead(image).replay(features, len(cuts), questions, person.class_of))
        return found

    def check(ours: list[Trace], theirs: list[Replayed]) -> str:
        for trace, other, person in zip(ours, theirs, people, strict=True):
            require(trace.predictions["window"].tolist() == person.starts, "ours left windows out")
            require(len(other.predicted) == len(person.starts), "the peer left windows out")
            asked = sum(isinstance(event, Query) for event in trace.events)
            learned = sum(isinstance(event, Learned) for event in trace.events)
            spent = {asked, learned, len(other.asked)}
            require(spent == {questions}, f"labels spent are {sorted(spent)}, not {questions}")
        windows = material.windows(image.hop)
        made = values([peer.one(window[None, :, None]) for window in windows])[:, 0]
        apart = np.abs(made - features_of(image, windows.astype(np.int16))).max()
        require(apart <= 1, f"features are {apart} units apart")
        return (
            f"{len(people)} sessions, {total} windows predicted by both, {questions} labels a session spent "
            "and learned by both, features within one unit; the learners are each side's own"
        )

    share = 100 * questions * len(people) / total
    return paired(
        f"replay whole, 64-sample blocks, from Python; {share:.1f} % labelled", "us per window", ours,
        "LiteRT + river", theirs, check, per=total * US, runs=runs,
    )  # fmt: skip


def bulk_replay(material: Material, recording: bool, runs: int, budget: str = str(QUESTIONS)) -> Figure:
    """What `odl.replay` does with people's streams: an oracle answers 10 s late; trace hash."""
    per = "" if budget.endswith("/h") else " a person"
    name = f"bulk replay, six channels, hop 64, {budget} questions{per}" + (
        ", recording" if recording else ""
    )
    streams = dataset_streams(open_dataset(DATASET), material.subjects, 0)
    samples = sum(sum(stream.stretches or ()) for stream in streams)

    def people(folder: Path | None) -> None:
        for stream in streams:
            opened = open_stream(stream, material.image, Options(budget=budget))
            oracle = open_oracle(stream, material.image, Options(budget=budget))
            file = folder / f"{stream.subject}.odl" if folder else None
            run_stream(stream, opened, oracle, file, lambda sentence: None, without=Trace())

    with tempfile.TemporaryDirectory() as made:
        number = itertools.count()

        def run() -> None:
            folder = Path(made) / str(next(number))
            folder.mkdir()
            people(folder if recording else None)

        return alone(name, "million samples/s", run, lambda seconds: samples / seconds / 1e6, runs)
