"""Questions about what is unknown: `novel-segments` beside itself with unknown windows as doubtful as can be.

A segment's score is its novelty times its mean doubt. Here a window that is shown as unknown, at a level of
false alarms in percent, counts as fully doubtful, so that its segment is asked about earlier or at all.
The budget is the same. Figures are the gain over the model without learning on the last third, and the
difference to the rule as it is.

    python -m benchmarks.unknown_asked [--seeds 3]
    python -m benchmarks.unknown_asked --data DIR --models DIR [--seeds 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np

from benchmarks.held_out import add_arguments, held_out, run, words
from odl.core.config import Config
from odl.core.events import Prediction
from odl.core.image import Image
from odl.core.protocols import Decision, Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.unknown import Rejection
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts

LEVELS = (0, 5, 10)  # 0: the rule as it is
FULL = 32768  # doubt, Q15


class AsksUnknown(RunningPolicy):
    """``novel-segments``, to which a window that is unknown at ``level`` is fully doubtful."""

    def __init__(self, level: int = 5) -> None:
        self.level = level

    def start(self, image: Image, config: Config) -> AsksUnknown:
        super().__init__(image, replace(config, policy="novel-segments"))
        self._rejection = Rejection(image, self.level)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Whether to ask about ``window``."""
        if self._rejection.is_unknown(Prediction(window.start, scores.path, scores.scores)):
            scores = Scores(scores.path, scores.scores, FULL)
        return super().decide(window, scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    for budget in (5, 10, 20):
        found: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        asked: dict[int, list[int]] = defaultdict(list)
        for seed in range(given.seeds):
            for image, stream in held_out(given.data, given.models, seed):
                for level in LEVELS:
                    options = Options(policy="novel-segments", budget=budget, seed=seed)
                    parts = OwnParts(policy=AsksUnknown(level)) if level else OwnParts()
                    one = run(image, stream, options, parts)
                    before = one.baselines["no_learning"].accuracy_last_third
                    assert before is not None and one.score.accuracy_last_third is not None
                    found[level][stream.subject].append(one.score.accuracy_last_third - before)
                    asked[level].append(one.queries)
        for level, people in found.items():
            ahead = {p: np.subtract(people[p], found[LEVELS[0]][p]) for p in people}
            told = f"unknown at {level} %, to the rule as it is {words(ahead, True)}" if level else "as it is"
            told += f", gain {words(people, True)}, {np.mean(asked[level]):.1f} asked"
            print(f"{budget} questions: {told}", flush=True)


if __name__ == "__main__":
    main()
