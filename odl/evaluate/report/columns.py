"""Columns of the tables with a row per person, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from odl.evaluate import BASELINES
from odl.evaluate.metrics import SCORES, Metric, shown_at


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
    columns = []
    for metric in shown_at("table"):
        if metric.compared:
            columns.append(Column("with", "learning", metric))
            for name, baseline in BASELINES.items():
                first, _, second = baseline.label.rpartition(" ")
                columns.append(Column(first, second, metric, name))
        else:
            first, _, second = metric.label.rpartition(" ")
            columns.append(Column(first, second + "*" * (metric in SCORES), metric))
    return tuple(columns)


COLUMNS = _columns()
