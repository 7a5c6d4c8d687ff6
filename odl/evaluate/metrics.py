"""Figures from true and predicted classes, window by window (metrics from river)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Fractions from 0 to 1, or None where no window could be scored."""

    accuracy: float | None = None
    macro_f1: float | None = None
    accuracy_last_third: float | None = None


def last_third(count: int) -> int:
    """Where the last third of ``count`` scored windows begins; at least one, if there is any.

    >>> [last_third(count) for count in (0, 1, 2, 3, 100)]
    [0, 0, 1, 2, 66]
    """
    return 2 * count // 3


def score_of(truth: Sequence[str], predicted: Sequence[str | None]) -> tuple[Score, tuple[float, ...]]:
    """The score and, after each window, the accuracy so far; saying nothing (None) is wrong.

    Macro-F1 is over the classes that occur in either of the two.

    >>> score_of(["sit", "walk", "walk", "walk"], ["sit", "walk", "sit", "walk"])[0].accuracy
    0.75
    """
    if not truth:
        return Score(), ()
    from river import metrics  # here, because it takes long to import

    # River sums over a set: of names or None its order, and so the last digit of the sum,
    # would differ from run to run; of small numbers it does not.
    number = {name: i for i, name in enumerate(dict.fromkeys([*truth, *predicted]))}
    accuracy, macro_f1, late = metrics.Accuracy(), metrics.MacroF1(), metrics.Accuracy()
    curve, begin = [], last_third(len(truth))
    for i, pair in enumerate(zip(truth, predicted, strict=True)):
        true, said = (number[name] for name in pair)
        accuracy.update(true, said)
        macro_f1.update(true, said)
        if i >= begin:
            late.update(true, said)
        curve.append(float(accuracy.get()))
    f1, kinds = float(macro_f1.get()), len(macro_f1.cm.classes)
    if None in predicted:  # river took it for a class, with an F1 of 0; it is none
        f1 *= kinds / (kinds - 1)
    return Score(curve[-1], f1, float(late.get())), tuple(curve)


def confusion_of(
    order: Iterable[str], truth: Sequence[str], predicted: Sequence[str]
) -> tuple[tuple[str, ...], Confusion]:
    """The classes that occur, first as in ``order``, then by name; and counts, a row for each true class.

    >>> confusion_of(["walk"], ["walk", "walk", "run"], ["walk", "run", "run"])
    (('walk', 'run'), ((1, 1), (0, 1)))
    """
    count = Counter(zip(truth, predicted, strict=True))
    occur = {name for pair in count for name in pair}
    ordered = [name for name in dict.fromkeys(order) if name in occur]
    ordered += sorted(occur.difference(ordered))
    return tuple(ordered), tuple(tuple(count[true, said] for said in ordered) for true in ordered)


def recall_of(classes: Sequence[str], confusion: Confusion) -> dict[str, float | None]:
    """For each class the share of its windows that was found, None where it has none.

    >>> recall_of(("walk", "run"), ((1, 1), (0, 0)))
    {'walk': 0.5, 'run': None}
    """
    return {
        name: row[i] / sum(row) if sum(row) else None
        for i, (name, row) in enumerate(zip(classes, confusion, strict=True))
    }
