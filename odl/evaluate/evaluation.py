"""How good a session was: metrics from its trace and ``Truth``, and nothing else.

Every figure stands beside three baselines on the same windows. A window counts if one
class covers at least half of it (:class:`odl.core.ground_truth.TruthTrack`).

Each window is predicted before anything is learned from it (prequential evaluation; Gama,
Sebastião, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90, 2013).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from odl.core.events import Event, Why
from odl.evaluate.metrics import Confusion, Score, confusion_of, recall_of, score_of
from odl.evaluate.timeline import Outcome, Row, Timeline, read_timeline

BASELINES = ("no_learning", "persistence", "majority")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One person's session in figures. Lengths in samples, scores as fractions.

    ``score`` is the model's own output; ``accuracy_held`` is that of the answers left
    standing, if the session did so. ``majority`` among the baselines always names
    ``majority_class``, the person's most frequent true class: only an oracle knows it.
    ``confusion[i][j]`` counts windows of ``classes[i]`` that were called ``classes[j]``.
    ``curve`` is the accuracy so far after each scored window.
    """

    subject: str
    rate_hz: float
    budget: int | None
    windows: int
    scored: int
    score: Score
    baselines: dict[str, Score]
    accuracy_held: float | None
    majority_class: str | None
    classes: tuple[str, ...]
    confusion: Confusion
    recall: dict[str, float | None]
    curve: tuple[float, ...] = field(repr=False)
    timeline: Timeline = field(repr=False)

    @property
    def queries(self) -> int:
        """How many questions were asked; the budget counts these."""
        return len(self.timeline.questions)

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values for JSON; curve and timeline stay out of it."""
        line, dropped = self.timeline, self.timeline.dropped
        return {
            "subject": self.subject,
            "windows": self.windows,
            "scored": self.scored,
            "budget": self.budget,
            "queries": self.queries,
            "labels": line.labels,
            "skipped": line.skipped,
            "undone": line.undone,
            "open": sum(q.outcome is Outcome.OPEN for q in line.questions),
            "expired": dropped.get(Why.EXPIRED, 0),
            "late": dropped.get(Why.LATE, 0),
            "repeated": dropped.get(Why.REPEATED, 0),
            "unknown": dropped.get(Why.UNKNOWN, 0),
            "no_such_class": dropped.get(Why.NO_SUCH_CLASS, 0),
            "full": dropped.get(Why.FULL, 0),
            "nothing_to_undo": dropped.get(Why.NOTHING_TO_UNDO, 0),
            "learned": sum(count for _, count in line.lessons),
            "classes_added": len(line.added),
            **asdict(self.score),
            "accuracy_held": self.accuracy_held,
            "baselines": {name: asdict(self.baselines[name]) for name in BASELINES},
            "majority_class": self.majority_class,
            "classes": list(self.classes),
            "recall": dict(self.recall),
            "confusion": [list(row) for row in self.confusion],
        }


def evaluate(
    events: Sequence[Event],
    without: Sequence[Event],
    names: Mapping[int, str],
    *,
    subject: str,
    window: int,
    rate_hz: float,
    budget: int | None = None,
) -> Evaluation:
    """Score one whole session against the ``Truth`` in it.

    Parameters
    ----------
    events
        All of the session's inputs and outputs, in order.
    without
        The trace of the same stream without learning; empty if there is none, and then
        the baseline ``no_learning`` has no scores.
    names
        The model image's class ids and names; ``AddClass`` events extend them.
    subject
        Who it was.
    window
        Window length in samples.
    rate_hz
        Samples per second, above 0.
    budget
        How many questions were allowed in all, if that is a number.

    Raises
    ------
    ValueError
        The rate or the window is not positive, or ``without`` is of another stream.

    Examples
    --------
    >>> from odl.core.events import Prediction, Truth
    >>> stream = [Truth(0, 256, "walk"), Prediction(0, (0,), ()), Prediction(64, (1,), ())]
    >>> without = [Prediction(0, (0,), ()), Prediction(64, (0,), ())]
    >>> result = evaluate(stream, without, {0: "sit", 1: "walk"}, subject="7", window=128, rate_hz=50)
    >>> result.score.accuracy, result.score.accuracy_last_third
    (0.5, 1.0)
    >>> result.baselines["no_learning"].accuracy
    0.0
    """
    if not rate_hz > 0:
        raise ValueError(f"the rate of subject {subject!r} is {rate_hz} Hz: give the samples per second")
    line = read_timeline(events, without, names, window=window)
    scored = [row for row in line.rows if row.truth is not None]
    truth = [row.truth or "" for row in scored]
    score, curve = score_of(truth, [row.predicted for row in scored])
    majority = Counter(truth).most_common(1)[0][0] if truth else None
    learnt_nothing = [row.without for row in scored if row.without is not None]
    classes, confusion = confusion_of(line.names.values(), truth, [row.predicted for row in scored])
    return Evaluation(
        subject=subject,
        rate_hz=float(rate_hz),
        budget=budget,
        windows=len(line.rows),
        scored=len(scored),
        score=score,
        baselines={
            "no_learning": score_of(truth, learnt_nothing)[0] if learnt_nothing else Score(),
            "persistence": score_of(truth, [row.persistence for row in scored])[0],
            "majority": score_of(truth, [majority or ""] * len(truth))[0],
        },
        accuracy_held=_held(truth, scored),
        majority_class=majority,
        classes=classes,
        confusion=confusion,
        recall=recall_of(classes, confusion),
        curve=curve,
        timeline=line,
    )


def mean_of(evaluations: Sequence[Evaluation], *, seed: int = 0) -> dict[str, Any]:
    """The mean over people of every figure, each person counting the same.

    ``interval`` bounds the mean accuracy on the last third: 95 % percentile bootstrap over
    people with generator seed ``seed``, None below three people. (Efron and Tibshirani, "An
    Introduction to the Bootstrap", 1993, chapter 13.)

    Examples
    --------
    >>> one = evaluate([], [], {}, subject="1", window=128, rate_hz=50)
    >>> mean_of([one, one])["people"]
    2
    """
    if not evaluations:
        raise ValueError("no sessions to average: give at least one evaluation")
    each = [evaluation.to_json() for evaluation in evaluations]
    figures = [name for name, value in each[0].items() if _is_figure(name, value)]
    return {
        "subject": "mean",
        "people": len(each),
        **{name: _mean(one[name] for one in each) for name in figures},
        "baselines": {
            base: {
                name: _mean(one["baselines"][base][name] for one in each)
                for name in each[0]["baselines"][base]
            }
            for base in BASELINES
        },
        "interval": _interval([one["accuracy_last_third"] for one in each], seed),
    }


def worst_of(evaluations: Sequence[Evaluation]) -> dict[str, Any] | None:
    """The figures of the person with the lowest accuracy on the last third, None if nobody has one.

    Examples
    --------
    >>> worst_of([evaluate([], [], {}, subject="1", window=128, rate_hz=50)]) is None
    True
    """
    scored = [one.to_json() for one in evaluations if one.score.accuracy_last_third is not None]
    return min(scored, key=lambda one: float(one["accuracy_last_third"]), default=None)


def _held(truth: Sequence[str], scored: Sequence[Row]) -> float | None:
    if all(row.held is None for row in scored):
        return None
    return score_of(truth, [row.predicted if row.held is None else row.held for row in scored])[0].accuracy


def _is_figure(name: str, value: object) -> bool:
    return name in ("budget", "accuracy_held", *asdict(Score())) or isinstance(value, int | float)


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _interval(values: Sequence[float | None], seed: int) -> list[float] | None:
    there = np.array([value for value in values if value is not None])
    if len(there) < 3:
        return None
    draws = np.random.default_rng(seed).choice(there, size=(2000, len(there)))
    low, high = np.quantile(draws.mean(axis=1), [0.025, 0.975])
    return [float(low), float(high)]
