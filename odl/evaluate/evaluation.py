"""The evaluation of a session: metrics from its trace and its ``Truth``, and nothing else.

Three baselines are scored on the same windows. A window counts if one
class covers at least half of it (:class:`odl.core.ground_truth.TruthTrack`).

Each window is predicted before anything is learned from it (prequential evaluation; Gama,
Sebastião, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90, 2013).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from odl.core.events import Event
from odl.core.trace import Trace
from odl.core.unknown import Rejection
from odl.evaluate.metrics import (
    COUNTS,
    METRICS,
    Confusion,
    Score,
    confusion_of_places,
    last_third,
    recall_of,
    running_accuracy,
    score_of,
)
from odl.evaluate.timeline import StateReader, Timeline, read_timeline


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline that learning has to beat: a label for tables and one sentence."""

    label: str
    explanation: str


BASELINES = {
    "no_learning": Baseline("no learning", "The same model, never asking and never changing."),
    "persistence": Baseline(
        "last answer", "A rule that repeats the class of the newest answer; it is wrong before the first one."
    ),
    "majority": Baseline(
        "most frequent", "An oracle that always names the person's most frequent true class."
    ),
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one person's session. Lengths are in samples, scores are fractions from 0 to 1.

    ``score`` holds the metrics of what the person is shown, an answer that still stands included; ``model``
    those of the model alone. The baseline ``majority`` always names ``majority_class``, the person's most
    frequent true class, which only an oracle knows.
    ``confusion[i][j]`` counts windows of ``classes[i]`` that were called ``classes[j]``.
    ``curve`` is the accuracy so far after each scored window. ``late_classes`` are the true classes of the
    last third: where it is one class alone, its accuracy says only whether that class is recognised.
    ``shown_as_unknown`` counts the windows that are shown as unknown (`odl.core.unknown`).
    ``known_as_unknown`` and ``new_as_unknown`` are
    the shares of the scored windows of classes that the image knows, and of others, that are. All are None
    if the image does not say when a window is unknown or another learner ran, the shares also without such
    windows.
    """

    subject: str
    rate_hz: float
    budget: int | None
    windows: int
    scored: int
    score: Score
    model: Score
    baselines: dict[str, Score]
    majority_class: str | None
    classes: tuple[str, ...]
    confusion: Confusion
    recall: dict[str, float | None]
    curve: tuple[float, ...] = field(repr=False)
    timeline: Timeline = field(repr=False)
    late_classes: tuple[str, ...] = ()
    shown_as_unknown: int | None = None
    known_as_unknown: float | None = None
    new_as_unknown: float | None = None

    @property
    def queries(self) -> int:
        """Number of questions asked; the budget counts these."""
        return len(self.timeline.questions)

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values for JSON; curve and timeline stay out of it."""
        return {
            "subject": self.subject,
            **self.score,
            **{metric.name: metric.function(self) for metric in COUNTS},
            "baselines": {name: dict(self.baselines[name]) for name in BASELINES},
            "majority_class": self.majority_class,
            "classes": list(self.classes),
            "recall": dict(self.recall),
            "confusion": [list(row) for row in self.confusion],
        }


def evaluate(
    events: Trace | Sequence[Event],
    without: Trace | Sequence[Event],
    names: Mapping[int, str],
    *,
    subject: str,
    window: int,
    rate_hz: float,
    budget: int | None = None,
    read_state: StateReader | None = None,
    unknown: Rejection | None = None,
) -> Evaluation:
    """Score one whole session against the ``Truth`` in it.

    Parameters
    ----------
    events
        All of the session's inputs and outputs in order, or its `odl.core.trace.Trace`.
    without
        The trace of the same stream without learning; empty if there is none, and then
        the baseline ``no_learning`` has no scores.
    names
        The model image's class ids and names; ``AddClass`` and ``Adopt`` events extend them.
    subject
        The person.
    window
        Window length in samples.
    rate_hz
        Samples per second, above 0.
    budget
        Number of questions allowed in all; None if unknown.
    read_state
        See `odl.evaluate.timeline.read_timeline`.
    unknown
        Tells which windows are shown as unknown; None if that is not known.

    Raises
    ------
    ValueError
        If the rate or the window is not positive, or ``without`` is of another stream.

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
    line = read_timeline(events, without, names, window=window, read_state=read_state)
    scored = line.rows.where(line.rows.truth >= 0)
    truth, predicted = scored.truth, scored.predicted
    values, first, count = np.unique(truth, return_index=True, return_counts=True)
    most = int(values[np.lexsort((first, -count))[0]]) if len(truth) else -1  # of equals the one seen first
    compared = scored.without >= 0
    classes, confusion = confusion_of_places(line.names.values(), scored.names, truth, predicted)
    return Evaluation(
        subject=subject,
        rate_hz=float(rate_hz),
        budget=budget,
        windows=len(line.rows),
        scored=len(scored),
        score=score_of(truth, predicted),
        model=score_of(truth, scored.model),
        baselines={
            "no_learning": score_of(truth[compared], scored.without[compared]),
            "persistence": score_of(truth, scored.persistence),
            "majority": score_of(truth, np.full(len(truth), most)),
        },
        majority_class=None if most < 0 else scored.names[most],
        classes=classes,
        confusion=confusion,
        recall=recall_of(classes, confusion),
        curve=running_accuracy(truth, predicted),
        timeline=line,
        late_classes=tuple(scored.names[i] for i in np.unique(truth[last_third(len(truth)) :])),
        **_unknown_windows(Trace.of(events), line, set(names.values()), unknown),
    )


def _unknown_windows(
    trace: Trace, line: Timeline, known: set[str], unknown: Rejection | None
) -> dict[str, Any]:
    """How many windows are shown as unknown, and the shares of known and of new ones that are."""
    if unknown is None or not unknown.least.any():
        return {}
    called, truth = unknown.of_records(trace.predictions), line.rows.truth
    old = np.isin(truth, [place for place, name in enumerate(line.rows.names) if name in known])
    of = {"known_as_unknown": called[old], "new_as_unknown": called[(truth >= 0) & ~old]}
    shares = {name: float(some.mean()) if len(some) else None for name, some in of.items()}
    return {"shown_as_unknown": int(called.sum())} | shares


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
    return {
        "subject": "mean",
        "people": len(each),
        **{metric.name: _mean(one[metric.name] for one in each) for metric in METRICS},
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
