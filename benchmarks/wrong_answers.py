"""A model of wrong answers: an answer that is suspicious does not count, counts less, or is asked for again.

A share of the answers is wrong. Ways to find them, tried beside the learner as it is:

- `confident`: the image's own model gives the answered class less than 1 % and another one more than 95 %;
- `neighbours`: of the five vectors nearest to the answer's, stored ones and other answers, none is of the
  answered class, and all are of one other class;
- `half`: the same neighbours; all other answers are learned twice, this one once;
- `again`: the same neighbours; the question is asked a second time, which costs a question, and the second
  answer counts.

Only an answer with a class that the image knows can be suspicious: a new one has no neighbours yet. Each
is judged anew whenever an answer comes, so that an answer that later ones agree with counts again.
Figures are the gain over the model without learning on the last third, 20 questions by the default
policy, and the difference to the learner as it is.

    python -m benchmarks.wrong_answers [--seeds 3]
    python -m benchmarks.wrong_answers --data DIR --models DIR [--seeds 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.held_out import add_arguments, held_out, run, words
from odl.core.events import Query
from odl.core.image import Image
from odl.core.protocols import Scores
from odl.data.streams import Stream
from odl.evaluate.open_session import open_oracle
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts
from odl.labels.oracle import Oracle
from odl.model.dendron import Dendron

WAYS = ("as it is", "confident", "neighbours", "half", "again")
NEAR = 5
Lesson = tuple[NDArray[np.uint8], int, int]  # features, class, window


class Careful:
    """The integer heads, which learn only what is not suspicious.

    Parameters
    ----------
    way : str
        One of `WAYS`.
    again : callable
        Gives a second answer about a window, or None if the budget is spent.
    """

    def __init__(self, way: str, again: Callable[[int], str | None]) -> None:
        self.way, self.again = way, again

    def start(self, image: Image) -> Careful:
        self.image, self.plain, self.heads = image, Dendron(image), Dendron(image)
        self.names = {name: cls for cls, name in image.names.items()}
        self.grown: list[tuple[str, tuple[int, int, int], str]] = []
        self.log: list[Lesson] = []
        self.asked_again: set[int] = set()
        return self

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        return self.heads.scores_one(x)

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        for lesson in zip(x, y, windows, strict=True):
            self.log.append(lesson)
            if self.way == "again" and self.suspicious(lesson) and lesson[2] not in self.asked_again:
                self.asked_again.add(lesson[2])
                if (name := self.again(lesson[2])) is not None:
                    self.log.pop()
                    if name in self.names:
                        self.log.append((lesson[0], self.names[name], lesson[2]))
        self.refit()

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        self.names[name] = cls
        self.grown.append(("class", (at, cls, head), name))
        return self.heads.add_class(at, cls, head, name)

    def split(self, at: int, leaf: int, head: int) -> bool:
        self.grown.append(("split", (at, leaf, head), ""))
        return self.heads.split(at, leaf, head)

    def forget(self, window: int) -> None:
        self.log = [lesson for lesson in self.log if lesson[2] != window]
        self.refit()

    def refit(self) -> None:
        self.heads = Dendron(self.image)
        for what, numbers, name in self.grown:
            if what == "class":
                self.heads.add_class(*numbers, name)
            else:
                self.heads.split(*numbers)
        for lesson in self.log:
            doubtful = self.way in ("confident", "neighbours", "half") and self.suspicious(lesson)
            times = 2 - doubtful if self.way == "half" else 1 - doubtful
            for _ in range(times):
                self.heads.learn_many(lesson[0][None], [lesson[1]], [lesson[2]])

    def suspicious(self, lesson: Lesson) -> bool:
        x, cls, window = lesson
        if cls not in self.image.owners:
            return False
        if self.way == "confident":
            said = self.plain.scores_one(x)
            scores = dict(zip(self.image.row_class.tolist(), said.scores, strict=True))
            return scores[cls] < 0.01 * 32768 and scores[said.path[-1]] > 0.95 * 32768
        others = [one for one in self.log if one[2] != window]
        vectors = np.concatenate([self.image.stored, *(one[0][None] for one in others)]).astype(np.int64)
        owners = np.concatenate([self.image.owners, [one[1] for one in others]]).astype(np.int64)
        nearest = owners[np.argsort(np.abs(vectors - x).sum(1), kind="stable")[:NEAR]]
        return cls not in nearest and len(set(nearest.tolist())) == 1


class Asks:
    """An oracle within a budget, of which second questions are a part."""

    def __init__(self, oracle: Oracle, second: Oracle, budget: int) -> None:
        self.oracle, self.second, self.left = oracle, second, budget
        self.poll, self.next_due = oracle.poll, oracle.next_due

    def ask(self, query: Query, now: int) -> None:
        if self.left:
            self.left -= 1
            self.oracle.ask(query, now)

    def again(self, window: int) -> str | None:
        if not self.left:
            return None
        self.left -= 1
        self.second.ask(Query(window, 0, 0), 0)
        return next(iter(self.second.poll(1 << 62))).name


def gain(image: Image, stream: Stream, way: str, error: float, seed: int) -> float:
    """Points that learning is worth on the last third."""
    options = Options(budget=20, error=error, seed=seed)
    oracle = open_oracle(stream, image, options)
    asks = Asks(oracle, open_oracle(stream, image, Options(error=error, seed=seed + 1000)), 20)
    found = run(image, stream, options, OwnParts(learner=Careful(way, lambda w: asks.again(w))), asks)
    before = found.baselines["no_learning"].accuracy_last_third
    assert before is not None and found.score.accuracy_last_third is not None
    return found.score.accuracy_last_third - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--errors", type=float, nargs="+", default=[0, 0.1, 0.2], help="shares")
    given = parser.parse_args()
    for error in given.errors:
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for seed in range(given.seeds):
            for image, stream in held_out(given.data, given.models, seed):
                for way in WAYS:
                    found[way][stream.subject].append(gain(image, stream, way, error, seed))
        for way, people in found.items():
            ahead = {person: np.subtract(people[person], found[WAYS[0]][person]) for person in people}
            told = f"gain {words(people, True)}; to as it is {words(ahead, True)}"
            print(f"error {error}: {way:10} {told}", flush=True)


if __name__ == "__main__":
    main()
