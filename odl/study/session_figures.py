"""The figures of one session: a row of a study's table."""

from __future__ import annotations

from typing import Any, Final

from odl.evaluate import BASELINES, Evaluation
from odl.evaluate.metrics import COUNTS, SCORES

# Figures by name and type: what the person is shown, the model alone, each baseline.
SHARES: Final = tuple(metric.name for metric in SCORES)
FIGURES: Final = {
    **dict.fromkeys(SHARES, float),
    **{f"model_{name}": float for name in SHARES},
    **{f"{base}_{name}": float for base in BASELINES for name in SHARES},
    "allowed": int,  # questions that the budget allowed
    **{metric.name: int for metric in COUNTS if metric.unit == "count" and metric.name != "budget"},
    "host_only": str,
    "trace_sha256": str,
}


def figures_of(evaluation: Evaluation, allowed: int, host_only: str, trace: str) -> dict[str, Any]:
    """The row of one session; ``model_`` figures are of the model alone, without answers that are held."""
    plain = evaluation.to_json()
    found = {name: plain[name] for name in FIGURES if name in plain}
    found |= {f"model_{name}": value for name, value in evaluation.model.items()}
    for base, scores in evaluation.baselines.items():
        found |= {f"{base}_{name}": value for name, value in scores.items()}
    return found | {"allowed": allowed, "host_only": host_only, "trace_sha256": trace}
