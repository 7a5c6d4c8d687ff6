"""Integer learning against the same learning in float32, on the same answers.

This replays the shoulder recordings' test people with 20 questions each, answers 10 s late, under
the default policy. Each session's questions and answers are then learned once more by the
integer learner and by the same learner in float32.

    python benchmarks/float32.py [--seeds 10] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import odl
from odl.core.events import Learned, Query
from odl.core.image import Image
from odl.core.protocols import Decision, Scores, Window
from odl.core.rng import Chance
from odl.core.session import Session
from odl.core.state import Asked
from odl.evaluate import evaluate
from odl.evaluate.outcome import Outcome
from odl.evaluate.result import Result
from odl.model.dendron import Dendron
from odl.wire import is_output


class FloatDendron:
    """The flat head's learning in float32: same imprint, order, steps and rate; no rounding."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.order = [int(c) for c in image.row_class]
        self.unit = np.float32(2.0 ** -int(image.formats[0]))
        self.step = np.float32(2.0**15 / 2.0**image.rate_shift)
        self.examples: list[tuple[int, int, NDArray[np.float32]]] = []
        self.weights = image.base.astype(np.float32)
        self.active = np.ones(len(self.order), bool)

    def _chances(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = (self.weights @ x * self.unit)[self.active]
        powers = np.exp(logits - logits.max())
        chances = np.zeros(len(self.order), np.float32)
        chances[self.active] = powers / powers.sum()
        return chances

    @staticmethod
    def _with_bias(x: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.append(x, 128).astype(np.float32)

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        chances = self._chances(self._with_bias(x))
        first, second = np.sort(chances)[::-1][:2]
        q15 = tuple(int(c) for c in np.round(chances * 32768))
        path = (self.order[int(chances.argmax())],)
        return Scores(path, q15, int(32768 * (1 - (first - second))))

    def predict_one(self, x: NDArray[np.uint8]) -> int | None:
        return self.scores_one(x).path[-1]

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        self.order.append(cls)
        self.active = np.append(self.active, False)
        self.weights = np.vstack([self.weights, np.zeros_like(self.weights[:1])])
        return True

    def split(self, at: int, leaf: int, head: int) -> bool:
        return False

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        for features, cls, window in zip(x, y, windows, strict=True):
            self.examples.append((window, cls, self._with_bias(features)))
        self.examples.sort(key=lambda e: e[0])
        self._refit()

    def forget(self, window: int) -> None:
        self.examples = [e for e in self.examples if e[0] != window]
        self._refit()

    def to_bytes(self) -> bytes:
        return self.weights.tobytes()

    def _refit(self) -> None:
        image = self.image
        trained = len(image.row_class)
        self.weights[:trained] = image.base
        self.weights[trained:] = 0
        self.active[trained:] = False
        centre = image.stored.astype(np.float32).mean(0)
        for _, cls, x in self.examples:
            row = self.order.index(cls)
            if not self.active[row]:
                self.weights[row, :-1] = image.imprint * (x[:-1] - centre)
                self.weights[row, -1] = -image.imprint * ((x[:-1] - centre) * (x[:-1] + centre)).sum() / 256
                self.active[row] = True
        share = max(1, len(image.owners) // trained)
        counts = {c: sum(e[1] == c for e in self.examples) for _, c, _ in self.examples}
        items = [(c, x) for _, c, x in self.examples for _ in range(max(1, share // counts[c]))]
        items += [(int(c), self._with_bias(v)) for c, v in zip(image.owners, image.stored, strict=True)]
        chance, order = Chance(image.seed), list(range(len(items)))
        for _ in range(image.epochs):
            order = [order[i] for i in chance.shuffled(len(order))]
            for i in order:
                cls, x = items[i]
                error = self._chances(x)
                error[self.order.index(cls)] -= 1
                self.weights -= self.step * error[:, None] * x


class AskThese:
    """Asks about the windows that another session asked about."""

    def __init__(self, windows: set[int]) -> None:
        self.windows = windows

    def decide(self, window: Window, scores: Scores) -> Decision:
        return Decision(window.start in self.windows, scores.uncertainty)

    def settle(self, window: int, outcome: Asked) -> None:
        pass


def twin(result: Result, one: Outcome, learner: Dendron | FloatDendron) -> tuple[float, int]:
    """Accuracy on the last third of the same inputs, and the number of labels learned."""
    asked = {e.window for e in one.events if isinstance(e, Query)}
    session = Session(result.image, one.config, learner, AskThese(asked))
    events: list[Any] = []
    for event in one.events:
        if not is_output(event):
            events.append(event)
            events += session.step(event)  # type: ignore[arg-type]
    score = evaluate(
        events, one.without, result.image.names, subject=one.subject,
        window=result.image.window, rate_hz=result.image.rate_hz,
    ).score.accuracy_last_third  # fmt: skip
    assert score is not None
    return score, sum(isinstance(e, Learned) for e in events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pairs = []
    for seed in range(given.seeds):
        run = odl.replay("shoulder", seed=seed)
        for one in run.outcomes:
            whole, lessons = twin(run, one, Dendron(run.image))
            real, others = twin(run, one, FloatDendron(run.image))
            assert lessons == others, "the twins learned from different answers"
            pairs.append((whole, real))
    integer, real_mean = 100 * np.array(pairs).mean(0)
    print(
        f"on the same answers: integer SGD {integer:.2f} %, float32 SGD {real_mean:.2f} %, "
        f"difference {integer - real_mean:+.2f} points"
    )
    if given.json:
        figures = {"integer": integer, "float32": real_mean, "points": integer - real_mean}
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
