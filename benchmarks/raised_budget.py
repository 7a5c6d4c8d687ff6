"""A budget that rises when the stream changes: river's ADWIN beside the rules as they are, at equal labels.

A detector on each third of the features and one on the uncertainty tell of a change. For 30 windows after
one, the rule is told that a quarter of the windows are left that really are, so it asks as if it had four
times the budget. What is spent early is missing later: the budget is never exceeded. As a control the rule is
told so all the time, without a detector. Figures are the gain over the model without learning on the last
third, and the difference to the rule as it is.

    python -m benchmarks.raised_budget [--seeds 3]
    python -m benchmarks.raised_budget --data DIR --models DIR [--seeds 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np
from river.drift import ADWIN

from benchmarks.held_out import add_arguments, held_out, run, words
from odl.core.config import Config
from odl.core.image import Image
from odl.core.protocols import Decision, Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.state import Asked
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts

RULES = ("novel-segments", "tactile-inforv", "random")
DELTAS = (0.0, 1.0, 0.002, 0.2)  # of ADWIN; 0: the rule as it is; 1: raised all the time, without a detector
RAISED, FACTOR = 30, 4


class Raised(RunningPolicy):
    """A rule of the integer core that asks more for a while after a change."""

    def __init__(self, image: Image, config: Config, delta: float) -> None:
        super().__init__(image, config)
        self._horizon, self._seen, self._until = config.horizon, 0, 0
        self._always = delta == 1
        self._detectors = [ADWIN(delta, clock=1, grace_period=5, min_window_length=2) for _ in range(4)]

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Whether to ask about ``window``."""
        parts = [part.mean() / 255 for part in np.array_split(window.features, 3)]
        for detector, value in zip(self._detectors, [*parts, scores.uncertainty / 32768], strict=True):
            detector.update(float(value))
        if self._always or any(detector.drift_detected for detector in self._detectors):
            self._until = self._seen + RAISED
        left = self._horizon - self._seen
        left = left // FACTOR if self._seen < self._until else left
        self.memory.settings["horizon"] = self._seen + max(1, left)
        self._seen += 1
        return super().decide(window, scores)


class Rule:
    """A rule of the integer core, ``rule``, with a detector of sensitivity ``delta``."""

    def __init__(self, rule: str = "novel-segments", delta: float = 0.2) -> None:
        self.rule, self.delta = rule, delta

    def start(self, image: Image, config: Config) -> Rule:
        config = replace(config, policy=self.rule)
        self._running = Raised(image, config, self.delta) if self.delta else RunningPolicy(image, config)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        return self._running.decide(window, scores)

    def settle(self, window: int, outcome: Asked) -> None:
        self._running.settle(window, outcome)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    for budget in (10, 20):
        found: dict[tuple[str, float], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        asked: dict[tuple[str, float], list[int]] = defaultdict(list)
        for seed in range(given.seeds):
            for image, stream in held_out(given.data, given.models, seed):
                for name in RULES:
                    options = Options(policy=name, budget=budget, seed=seed)
                    for delta in DELTAS:
                        one = run(image, stream, options, OwnParts(policy=Rule(name, delta)))
                        before = one.baselines["no_learning"].accuracy_last_third
                        assert before is not None and one.score.accuracy_last_third is not None
                        found[name, delta][stream.subject].append(one.score.accuracy_last_third - before)
                        asked[name, delta].append(one.queries)
        for (name, delta), people in found.items():
            ahead = {p: np.subtract(people[p], found[name, DELTAS[0]][p]) for p in people}
            told = f"delta {delta}: to the rule as it is {words(ahead, True)}" if delta else "as it is"
            print(f"{budget} questions: {name}, {np.mean(asked[name, delta]):.1f} asked, "
                  f"gain {words(people, True)}; {told}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
