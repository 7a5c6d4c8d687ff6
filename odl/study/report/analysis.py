"""From the rows of a study to the figures of its report; every person counts the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean
from typing import Any, Final

from odl.evaluate import BASELINES
from odl.study.report.statistics import Interval, area, at_labels, holm, mean_interval, paired_p

Row = Mapping[str, Any]
METHOD: Final = ("learner", "policy")
USUAL_LEARNER: Final = "dendron"  # the one that is not named where all sessions have it
SETTING: Final = (
    "dataset", "model", "order", "batch", "delay", "patience", "refuse", "error", "hold", "step", "every",
    "floor",
)  # fmt: skip
HARMED: Final = 0.01  # a person is harmed who loses more than this share against the model without learning
WHOLE: Final = "accuracy"
LATE: Final = "accuracy_last_third"
_PLAIN: Final = {WHOLE: "no_learning_accuracy", LATE: "no_learning_accuracy_last_third"}


@dataclass(frozen=True)
class PersonFigures:
    """One person with one method and budget: means over the sessions. Accuracies are shares, 0 to 1.

    ``spent`` is the number of questions that were really asked, ``answers`` of those that took effect,
    ``without_truth`` of those about windows that have none. ``whole`` and ``late`` are the accuracies that
    the person is shown, over all windows and over the last third; ``alone`` is the last third of the model
    alone, ``plain`` of the model without learning. ``lowest`` and ``lowest_whole`` are the gains of the
    worst single sessions.
    """

    subject: str
    spent: float
    answers: float
    without_truth: float
    whole: float
    late: float
    alone: float
    plain_whole: float
    plain: float
    persistence: float
    majority: float
    lowest: float
    lowest_whole: float

    @property
    def gain(self) -> float:
        """What learning gained on the last third."""
        return self.late - self.plain

    @property
    def whole_gain(self) -> float:
        """What learning gained over the whole stream."""
        return self.whole - self.plain_whole


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy on the last third less that of the baseline at the same number of labels, over people.

    ``beyond`` is the number of people with whom the baseline never asked that many, by half a question
    or more; there the end of its curve counts.
    """

    interval: Interval
    p: float
    corrected: float
    people: int
    beyond: int = 0

    @property
    def is_noise(self) -> bool:
        """True unless the corrected p is below 0.05 and the interval leaves 0 out."""
        low, high = self.interval.low, self.interval.high
        return self.corrected >= 0.05 or low is None or high is None or low <= 0 <= high


@dataclass(frozen=True)
class MethodFigures:
    """One method with one budget in one setting."""

    setting: tuple[tuple[str, Any], ...]
    method: str
    budget: str
    people: tuple[PersonFigures, ...]
    difference: PairedDifference | None = None

    def mean(self, name: str) -> Interval:
        """The mean of one figure over people."""
        return mean_interval([getattr(one, name) for one in self.people])

    @property
    def worst(self) -> PersonFigures:
        """The person with the lowest accuracy on the last third; people without truth there come last."""
        return min(self.people, key=lambda one: (isnan(one.late), one.late))

    @property
    def worst_session(self) -> tuple[str, float]:
        """Subject and gain of the single session that gained least."""
        pairs = [(one.subject, one.lowest) for one in self.people]
        return min(pairs, key=lambda pair: (isnan(pair[1]), pair[1]))

    @property
    def least(self) -> PersonFigures:
        """The person who gained least on the last third."""
        return min(self.people, key=lambda one: (isnan(one.gain), one.gain))

    @property
    def without_truth(self) -> float:
        """Share of the questions that were about windows without a truth; NaN without questions."""
        asked = sum(one.spent for one in self.people)
        return sum(one.without_truth for one in self.people) / asked if asked else float("nan")

    @property
    def harmed(self) -> list[tuple[str, float]]:
        """(subject, share lost) of those who lost more than a point of the last third, the worst first."""
        return _lost({one.subject: one.gain for one in self.people})

    @property
    def harmed_whole(self) -> list[tuple[str, float]]:
        """As `harmed`, of the whole stream."""
        return _lost({one.subject: one.whole_gain for one in self.people})


@dataclass(frozen=True)
class Analysis:
    """All entries of a study, in its order, and the area under each method's learning curve."""

    baseline: str
    entries: tuple[MethodFigures, ...]
    areas: tuple[tuple[tuple[tuple[str, Any], ...], str, float, Interval], ...]  # setting, method, labels

    def of_setting(self, setting: tuple[tuple[str, Any], ...]) -> list[MethodFigures]:
        """The entries of one setting."""
        return [entry for entry in self.entries if entry.setting == setting]

    @property
    def settings(self) -> list[tuple[tuple[str, Any], ...]]:
        """Each setting once; it names only what differs between settings."""
        return list(dict.fromkeys(entry.setting for entry in self.entries))


def _lost(gains: Mapping[str, float]) -> list[tuple[str, float]]:
    lost = [(subject, -gain) for subject, gain in gains.items() if round(gain, 12) < -HARMED]
    return sorted(lost, key=lambda pair: -pair[1])


def analyse(rows: Sequence[Row], baseline: str, averaged: Sequence[str] = ()) -> Analysis:
    """Analyse the rows of a study.

    Parameters
    ----------
    rows : sequence of mapping
        From `odl.study.run_study`.
    baseline : str
        The policy to compare with. With several learners, it is that policy with the first learner; with
        several learners and one policy, the first learner.
    averaged : sequence of str
        What does not make a setting of its own, such as ``order``: a person's sessions that differ only in
        it are averaged, as those of several seeds are.

    Examples
    --------
    >>> from odl.study import Study, run_study
    >>> study = Study.read({"datasets": "shoulder", "people": [7], "policies": ["random", "periodic"]})
    >>> found = analyse(run_study(study, workers=1)[0], "random")
    >>> [(entry.method, entry.people[0].spent) for entry in found.entries]
    [('random', 20.0), ('periodic', 20.0)]
    """
    varied = [name for name in METHOD if len({row[name] for row in rows}) > 1] or ["policy"]
    if "learner" not in varied and rows[0]["learner"] != USUAL_LEARNER:
        varied = [*METHOD]
    apart = [name for name in SETTING if name not in averaged]
    named = [name for name in apart if len({row[name] for row in rows}) > 1] or ["dataset"]
    groups: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        setting = tuple((name, row[name]) for name in named)
        method = ", ".join(str(row[name]) for name in varied)
        groups[setting, method, row["budget"]][row["subject"]].append(row)
    first = rows[0]["learner"]
    compared = {"learner": first, "policy": baseline}
    base = ", ".join(str(compared[name]) for name in varied)
    entries = [
        MethodFigures(
            setting, method, budget, tuple(_person(subject, own) for subject, own in people.items())
        )
        for (setting, method, budget), people in groups.items()
    ]
    curves = _curves(entries)
    return Analysis(base, tuple(_compared(entries, curves, base)), tuple(_areas(curves)))


def _person(subject: str, rows: Sequence[Row]) -> PersonFigures:
    def mean(name: str) -> float:
        there = [row[name] for row in rows if row[name] is not None]
        return fmean(there) if there else float("nan")

    def lowest(name: str) -> float:
        gains = [row[name] - row[_PLAIN[name]] for row in rows if row[name] is not None]
        return min(gains, default=float("nan"))

    late = {base: f"{base}_accuracy_last_third" for base in BASELINES}
    return PersonFigures(
        subject, mean("queries"), mean("answers"), mean("without_truth"), mean(WHOLE), mean(LATE),
        mean("model_accuracy_last_third"), mean(_PLAIN[WHOLE]), mean(_PLAIN[LATE]),
        mean(late["persistence"]), mean(late["majority"]), lowest(LATE), lowest(WHOLE),
    )  # fmt: skip


# For each setting and method the curve of each person: labels spent, and accuracy on the last third.
_Curves = dict[tuple[Any, str], dict[str, tuple[list[float], list[float]]]]


def _curves(entries: Iterable[MethodFigures]) -> _Curves:
    found: _Curves = defaultdict(dict)
    for entry in entries:
        for one in entry.people:
            own = found[entry.setting, entry.method].setdefault(one.subject, ([0.0], [one.plain]))
            own[0].append(one.spent)
            own[1].append(one.late)
    return found


def _compared(entries: Sequence[MethodFigures], curves: _Curves, base: str) -> list[MethodFigures]:
    """The entries with their differences to the baseline, corrected for the number of comparisons."""
    differences: dict[int, list[float]] = {}
    beyond: dict[int, int] = {}
    for i, entry in enumerate(entries):
        others = curves.get((entry.setting, base))
        if entry.method != base and others is not None:
            differences[i] = [
                one.late - at_labels(*others[one.subject], one.spent)
                for one in entry.people
                if one.subject in others
            ]
            beyond[i] = sum(
                one.spent > max(others[one.subject][0]) + 0.5 for one in entry.people if one.subject in others
            )
    p_values = {i: paired_p(own) for i, own in differences.items()}
    corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [
        entry
        if i not in differences
        else MethodFigures(
            entry.setting, entry.method, entry.budget, entry.people,
            PairedDifference(
                mean_interval(differences[i]), p_values[i], corrected[i],
                sum(not isnan(one) for one in differences[i]), beyond[i],
            ),
        )
        for i, entry in enumerate(entries)
    ]  # fmt: skip


def _areas(curves: _Curves) -> list[tuple[Any, str, float, Interval]]:
    """The area of each method up to the labels that every method of the setting spent with everybody."""
    found = []
    for (setting, method), people in curves.items():
        rivals = [
            max(own[0])
            for (where, _), others in curves.items()
            if where == setting
            for own in others.values()
        ]
        asked = [spent for spent in rivals if spent > 0]
        upto = min(asked, default=0.0)
        if max(spent for own in people.values() for spent in own[0]) > 0:
            found.append(
                (setting, method, upto, mean_interval([area(*own, upto) for own in people.values()]))
            )
    return found
