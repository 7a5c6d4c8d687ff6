"""The figures of one session: a row of a study's table."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from odl.evaluate import BASELINES, Evaluation
from odl.evaluate.metrics import COUNTS, SCORES, score_of

# Figures by name and type; those of the model alone, as the person is shown it, and of each baseline.
SHARES: Final = tuple(metric.name for metric in SCORES)
FIGURES: Final = {
    **dict.fromkeys(SHARES, float),
    **{f"shown_{name}": float for name in SHARES},
    **{f"{base}_{name}": float for base in BASELINES for name in SHARES},
    "allowed": int,  # questions that the budget allowed
    **{metric.name: int for metric in COUNTS if metric.unit == "count" and metric.name != "budget"},
    "host_only": str,
    "trace_sha256": str,
}


def figures_of(evaluation: Evaluation, allowed: int, host_only: str, trace: str) -> dict[str, Any]:
    """The row of one session.

    ``shown_`` figures count a held answer as the prediction; without holding they equal the model's own.
    """
    rows = evaluation.timeline.rows
    rows = rows.where(rows.truth >= 0)
    shown = score_of(rows.truth, np.where(rows.held >= 0, rows.held, rows.predicted))
    plain = evaluation.to_json()
    found = {name: plain[name] for name in FIGURES if name in plain}
    found |= {f"shown_{name}": value for name, value in shown.items()}
    for base, scores in evaluation.baselines.items():
        found |= {f"{base}_{name}": value for name, value in scores.items()}
    return found | {"allowed": allowed, "host_only": host_only, "trace_sha256": trace}
