"""Columns of the tables with a row per person, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from odl.evaluate.metrics import METRICS, Metric, shown_at

# What the model with learning and baselines have a column for: by metric, the column's two words.
_COMPARED: Final = {
    "accuracy": {"": ("whole", "with"), "no_learning": ("whole", "without")},
    "accuracy_last_third": {
        "": ("third", "with"), "no_learning": ("third", "without"), "persistence": ("last", "answer"),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of the model, or of a baseline if ``baseline`` names one.

    ``first`` and ``second`` are the two lines at its head.
    """

    first: str
    second: str
    metric: Metric
    baseline: str = ""

    def text(self, figures: Mapping[str, Any], between: str = " of ") -> str:
        """The value among the figures of one person or the mean, see `Metric.text`."""
        return self.metric.text(figures["baselines"][self.baseline] if self.baseline else figures, between)


def _columns() -> tuple[Column, ...]:
    metric_of = {metric.name: metric for metric in METRICS}
    columns = [
        Column(first, second, metric_of[name], baseline)
        for name, each in _COMPARED.items()
        for baseline, (first, second) in each.items()
    ]
    for metric in shown_at("table"):
        if metric.name not in _COMPARED:
            first, _, second = metric.label.rpartition(" ")
            columns.append(Column(first, second, metric))
    return tuple(columns)


COLUMNS = _columns()
