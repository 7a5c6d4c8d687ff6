"""The table of metrics: every figure of a session with its name, format, explanation and places.

The summary for a terminal, the HTML page, the data frame and the JSON all iterate over `METRICS`. To add
a metric, add a row here and a test of its function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from odl._text import percent
from odl.core.events import Why

Confusion = tuple[tuple[int, ...], ...]
Unit = Literal["share", "ratio", "count"]
Place = Literal["table", "page", "model"]


class Score(dict[str, float | None]):
    """The metrics of a series of predictions by name, also as attributes; None where nothing was scored.

    >>> Score(accuracy=0.75).accuracy
    0.75
    """

    def __getattr__(self, name: str) -> float | None:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no metric {name!r}; there are {', '.join(self)}") from None


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table.

    Attributes
    ----------
    name : str
        Key in the JSON and column of the data frame.
    label : str
        A few words for the head of a column or beside the value.
    unit : str
        ``"share"`` (0 to 1, shown in per cent), ``"ratio"`` (0 to 1, shown as it is) or ``"count"``.
    explanation : str
        One sentence for a reader who meets the metric for the first time.
    function : callable
        In `SCORES`: from true and predicted `Classes`, equally long and not empty, to a number. In `COUNTS`:
        from an evaluation to a number or None.
    places : tuple of str
        Where it is shown, apart from JSON and data frame: ``"table"`` (a row per person, in the terminal
        and on the page), ``"page"`` (one person's figures on the page), ``"model"`` (`odl evaluate`).
    compared : bool
        True: the tables show it without learning too.
    of : str
        Name of the metric that is its upper bound, shown behind it.
    only_above_zero : bool
        True: the page omits it if it is zero.
    """

    name: str
    label: str
    unit: Unit
    explanation: str
    function: Callable[..., float | None]
    places: tuple[Place, ...] = ()
    compared: bool = False
    of: str = ""
    only_above_zero: bool = False

    def text(self, figures: Mapping[str, Any], between: str = " of ") -> str:
        """Format this metric's value in ``figures``; ``between`` separates it from its upper bound.

        >>> by_name = {metric.name: metric for metric in METRICS}
        >>> by_name["accuracy"].text({"accuracy": 0.8421}), by_name["macro_f1"].text({"macro_f1": None})
        ('84.2 %', '–')
        >>> by_name["queries"].text({"queries": 5, "budget": 20}), by_name["queries"].text({"queries": 4.5})
        ('5 of 20', '4.5')
        """
        value = figures[self.name]
        if value is None:
            return "–"
        if self.unit != "count":
            return percent(value, 1) if self.unit == "share" else f"{value:.3f}"
        if isinstance(value, float):
            return f"{value:.1f}"
        bound = figures.get(self.of)
        return f"{value}" if bound is None else f"{value}{between}{bound}"


Classes = NDArray[np.int64]  # a class per window as a small number; -1 stands for no prediction


def accuracy(truth: Classes, predicted: Classes) -> float:
    """Share of the windows whose prediction is right; no prediction (-1) is wrong.

    >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 0, -1]))
    0.5
    """
    return int(np.count_nonzero(truth == predicted)) / len(truth)


def accuracy_last_third(truth: Classes, predicted: Classes) -> float:
    """`accuracy` of the last third of the windows.

    >>> accuracy_last_third(np.array([0, 0, 1]), np.array([0, 1, 1]))
    1.0
    """
    start = last_third(len(truth))
    return accuracy(truth[start:], predicted[start:])


def macro_f1(truth: Classes, predicted: Classes) -> float:
    """Mean of F1 over the classes that occur in either of the two, each class counting the same.

    F1 is 2 TP / (2 TP + FP + FN): the class's right predictions over the mean of how often it is true and how
    often it is predicted (van Rijsbergen, "Information Retrieval", 1979, chapter 7).

    >>> macro_f1(np.array([0, 1]), np.array([0, 0]))
    0.3333333333333333
    """
    size = int(max(truth.max(), predicted.max())) + 1
    true, said = np.bincount(truth, minlength=size), np.bincount(predicted[predicted >= 0], minlength=size)
    right = np.bincount(truth[truth == predicted], minlength=size)
    occur = true + said > 0
    f1 = 2 * right[occur] / (true + said)[occur]
    return math.fsum(f1.tolist()) / len(f1)  # whatever the order of the classes


def same_as_before(truth: Classes) -> float | None:
    """Share of the windows with the same class as the one before; None below two windows.

    >>> same_as_before(np.array([0, 0, 0, 1, 1]))
    0.75
    """
    return accuracy(truth[1:], truth[:-1]) if len(truth) > 1 else None


def running_accuracy(truth: Classes, predicted: Classes) -> tuple[float, ...]:
    """After each window, the accuracy so far.

    >>> running_accuracy(np.array([0, 0]), np.array([1, 0]))
    (0.0, 0.5)
    """
    return tuple((np.cumsum(truth == predicted) / np.arange(1, len(truth) + 1)).tolist())


def last_third(count: int) -> int:
    """Index at which the last third of ``count`` scored windows begins; at least one window, if there is any.

    >>> [last_third(count) for count in (0, 1, 2, 3, 100)]
    [0, 0, 1, 2, 66]
    """
    return 2 * count // 3


def _dropped(why: Why) -> Callable[[Any], int]:
    """A count of an `odl.evaluate.Evaluation`."""
    return lambda one: one.timeline.dropped.get(why, 0)


SCORES = (
    Metric(
        "accuracy_last_third", "accuracy, last third", "share",
        "Accuracy of what is shown over the last third of the scored windows, after most of the learning.",
        accuracy_last_third, ("table", "page"), compared=True,
    ),
    Metric(
        "accuracy", "accuracy", "share", "Share of all scored windows in which what was shown was right.",
        accuracy, ("table", "page", "model"), compared=True,
    ),
    Metric(
        "macro_f1", "macro F1", "ratio",
        "Mean of F1 over the classes, all scored windows together; each class counts the same.",
        macro_f1, ("table", "page", "model"),
    ),
)  # fmt: skip

COUNTS = (
    Metric(
        "model_accuracy_last_third", "model alone, last third", "share",
        "Accuracy of the model's own output over the last third, without answers that are still shown.",
        lambda one: one.model.accuracy_last_third, ("page",),
    ),
    Metric(
        "model_accuracy", "model alone, accuracy", "share",
        "Accuracy of the model's own output over all scored windows.",
        lambda one: one.model.accuracy, ("page",),
    ),
    Metric("windows", "windows", "count", "Windows predicted.", lambda one: one.windows, ("page",)),
    Metric(
        "scored", "scored", "count", "Windows with a truth: one class covers at least half of the samples.",
        lambda one: one.scored, ("page",), of="windows",
    ),
    Metric(
        "same_as_before", "the same as before", "share",
        "Share of the scored windows whose true class is that of the scored window before: what an oracle "
        "reaches that is told each true class one window late.",
        lambda one: same_as_before(one.timeline.rows.truth[one.timeline.rows.truth >= 0]), ("page",),
    ),
    Metric(
        "shown_as_unknown", "shown as unknown", "count",
        "Windows shown as unknown, perhaps something new, in place of the class that they are most like.",
        lambda one: one.shown_as_unknown, ("page",), of="windows", only_above_zero=True,
    ),
    Metric(
        "known_as_unknown", "known, shown as unknown", "share",
        "Of the scored windows with a class that the model image knows, those shown as unknown: the false "
        "alarms. In the accuracies such a window counts as the class that it is most like.",
        lambda one: one.known_as_unknown, ("page",), only_above_zero=True,
    ),
    Metric(
        "new_as_unknown", "new, shown as unknown", "share",
        "Of the scored windows with a class that the model image does not know, those shown as unknown.",
        lambda one: one.new_as_unknown, ("page",), only_above_zero=True,
    ),
    Metric("budget", "budget", "count", "Questions allowed in the whole stream.", lambda one: one.budget),
    Metric(
        "queries", "asked", "count",
        "Questions asked, of those allowed in the whole stream. Skipped and unanswered questions are not "
        "refunded.",
        lambda one: one.queries, ("table", "page"), of="budget",
    ),
    Metric(
        "answers", "answers", "count", "Answers to questions that took effect and were not taken back.",
        lambda one: one.timeline.standing, ("table", "page"),
    ),
    Metric(
        "taught", "taught", "count", "Labels that nobody had asked for; they cost nothing of the budget.",
        lambda one: one.timeline.taught, ("page",), only_above_zero=True,
    ),
    Metric(
        "labels", "labels", "count", "Answers and taught labels that took effect.",
        lambda one: one.timeline.labels,
    ),
    Metric(
        "learned", "labels learned", "count", "Labels that the model was trained with.",
        lambda one: sum(count for _, count in one.timeline.lessons), ("page",),
    ),
    Metric(
        "classes_added", "classes added", "count", "Classes that were added during the session.",
        lambda one: len(one.timeline.added), ("page",),
    ),
    Metric(
        "without_truth", "asked without truth", "count",
        "Questions about windows that have no truth, such as those between two activities.",
        lambda one: one.timeline.without_truth, ("page",), of="queries",
    ),
    Metric("skipped", "skipped", "count", "Questions answered with a skip.",
           lambda one: one.timeline.skipped),
    Metric(
        "open", "open", "count", "Questions without an answer when the stream ended.",
        lambda one: sum(q.outcome.value == "open" for q in one.timeline.questions),
    ),
    Metric("expired", "expired", "count", "Questions that expired without an answer.", _dropped(Why.EXPIRED)),
    Metric(
        "undone", "answers taken back", "count", "Answers that were taken back.",
        lambda one: one.timeline.undone, ("page",), only_above_zero=True,
    ),
    Metric(
        "late", "late answers", "count", "Answers that came after their question had expired.",
        _dropped(Why.LATE), ("page",), only_above_zero=True,
    ),
    Metric(
        "repeated", "repeated answers", "count", "Further answers to a question that had one.",
        _dropped(Why.REPEATED), ("page",), only_above_zero=True,
    ),
    Metric(
        "unknown", "answers without a question", "count", "Answers about a window without a question.",
        _dropped(Why.UNKNOWN), ("page",), only_above_zero=True,
    ),
    Metric(
        "no_such_class", "unknown classes", "count", "Inputs that name a class or task that does not exist.",
        _dropped(Why.NO_SUCH_CLASS), ("page",), only_above_zero=True,
    ),
    Metric(
        "full", "no room", "count", "Inputs without effect because there was no room for a class or label.",
        _dropped(Why.FULL), ("page",), only_above_zero=True,
    ),
    Metric(
        "nothing_to_undo", "nothing to undo", "count", "Undo commands that found no answer to take back.",
        _dropped(Why.NOTHING_TO_UNDO),
    ),
)  # fmt: skip

METRICS = (*SCORES, *COUNTS)


def shown_at(place: Place, metrics: Iterable[Metric] = METRICS) -> list[Metric]:
    """The metrics that are shown at ``place``, in the order of the table.

    >>> [metric.name for metric in shown_at("model")][:2]
    ['accuracy', 'macro_f1']
    """
    return [metric for metric in metrics if place in metric.places]


def score_of(truth: Classes | Sequence[str], predicted: Classes | Sequence[str | None]) -> Score:
    """All `SCORES` of a series of predictions, as names or numbers; None for each if the series is empty.

    >>> score_of(["sit", "walk", "walk", "walk"], ["sit", "walk", "sit", "walk"]).accuracy
    0.75
    """
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} true classes, but {len(predicted)} predictions")
    if not isinstance(truth, np.ndarray) or not isinstance(predicted, np.ndarray):
        known = dict.fromkeys(
            name for name in (*truth, *predicted) if name is not None
        )  # in order, unlike a set
        number = {name: i for i, name in enumerate(known)}
        truth, predicted = (np.array([number.get(n, -1) for n in names]) for names in (truth, predicted))
    return Score((m.name, m.function(truth, predicted) if len(truth) else None) for m in SCORES)


def confusion_of(
    order: Iterable[str], truth: Sequence[str], predicted: Sequence[str]
) -> tuple[tuple[str, ...], Confusion]:
    """The occurring classes, first as in ``order``, then by name; and the counts, a row per true class.

    >>> confusion_of(["walk"], ["walk", "walk", "run"], ["walk", "run", "run"])
    (('walk', 'run'), ((1, 1), (0, 1)))
    """
    names = list(dict.fromkeys([*truth, *predicted]))
    number = {name: i for i, name in enumerate(names)}
    return confusion_of_places(
        order, names, np.array([number[n] for n in truth]), np.array([number[n] for n in predicted])
    )


def confusion_of_places(
    order: Iterable[str], names: Sequence[str], truth: Classes, predicted: Classes
) -> tuple[tuple[str, ...], Confusion]:
    """As `confusion_of`, for classes as places in ``names``."""
    n = len(names)
    count = np.bincount(truth * n + predicted, minlength=n * n).reshape(n, n) if len(truth) else None
    if count is None:
        return (), ()
    occur = {names[i]: i for i in np.flatnonzero(count.any(axis=0) | count.any(axis=1)).tolist()}
    ordered = [name for name in dict.fromkeys(order) if name in occur]
    ordered += sorted(occur.keys() - set(ordered))
    at = [occur[name] for name in ordered]
    return tuple(ordered), tuple(map(tuple, count[np.ix_(at, at)].tolist()))


def recall_of(classes: Sequence[str], confusion: Confusion) -> dict[str, float | None]:
    """Share of each class's windows predicted as that class; None for a class without windows.

    >>> recall_of(("walk", "run"), ((1, 1), (0, 0)))
    {'walk': 0.5, 'run': None}
    """
    return {
        name: row[i] / sum(row) if sum(row) else None
        for i, (name, row) in enumerate(zip(classes, confusion, strict=True))
    }
