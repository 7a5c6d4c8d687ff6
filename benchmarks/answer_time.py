"""How long an answer takes from the view to the board's learner.

    python benchmarks/answer_time.py [--answers 200]

An emulated board runs in real time in a process of its own. Its sensor plays a bundled
person, and a live session follows it (``--learn both``). Another thread answers each question
at a random moment, as a view does. The time runs from `prompt.answer` to the board's echo
of the label, and to Learned, when the heads have been refitted. The second time includes the
refit, which grows with the number of labels.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from odl.core.events import Label, Learned
from odl.data.streams import load_model
from odl.evaluate.load_kernels import load_kernels
from odl.live import LiveSession, open_live
from odl.live.emulated import EmulatedBoard

OPTIONS = {"policy": "periodic", "budget": "2700/h", "patience": 20.0}


class Person(threading.Thread):
    """Answers each question some time after it was asked, and takes some answers back."""

    def __init__(self, live: LiveSession, seed: int) -> None:
        super().__init__(daemon=True)
        self.live, self.given = live, dict[int, float]()
        self.ended = threading.Event()
        self._chance = random.Random(seed)

    def run(self) -> None:
        """Until ``ended``."""
        while not self.ended.wait(0.005):
            for question in self.live.prompt.questions:
                if self.ended.wait(self._chance.uniform(0.1, 0.6)):
                    return
                name = self._chance.choice(list(self.live.image.names.values()))
                now = time.perf_counter()
                if self.live.prompt.answer(question.window, name).taken:
                    self.given[question.window] = now


def main() -> None:
    """Answer, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=200)
    given = parser.parse_args()
    load_kernels(load_model("shoulder"), print)
    echoed: list[float] = []
    learned: list[float] = []
    round_ = 0
    while len(learned) < given.answers:
        round_ += 1
        with (
            tempfile.TemporaryDirectory() as folder,
            EmulatedBoard("--play", "shoulder", "--subject", "8") as board,
            open_live(board.url, out=Path(folder) / "a.odl", learn="both", options=OPTIONS) as live,
        ):
            person = Person(live, round_)
            person.start()
            for event in live:
                now = time.perf_counter()
                if isinstance(event, Label) and event.window in person.given:
                    echoed.append(now - person.given[event.window])
                elif isinstance(event, Learned) and event.window in person.given:
                    learned.append(now - person.given[event.window])
                    if len(learned) % 50 == 0:
                        print(f"... {len(learned)} answers", file=sys.stderr, flush=True)
                full = live.session.counts["answered"] >= live.image.max_log - 8
                if full or len(learned) >= given.answers:
                    break
            person.ended.set()
    for what, times in (("the board has taken it in", echoed), ("it has been learned", learned)):
        p50, p99, most = np.quantile(times, [0.5, 0.99, 1.0]) * 1e3
        print(f"until {what}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {most:.0f} ms ({len(times)} answers)")


if __name__ == "__main__":
    main()
