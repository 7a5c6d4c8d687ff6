"""The evaluation of a session, from its trace and ``Truth`` alone.

:func:`evaluate` turns a session's events into an :class:`Evaluation`; its
:class:`Timeline` is what the report draws.
"""

from odl.core.answer_records import QuestionOutcome
from odl.evaluate.evaluation import (
    BASELINES,
    Baseline,
    Evaluation,
    evaluate,
    mean_of,
    worst_of,
)
from odl.evaluate.metrics import (
    METRICS,
    Confusion,
    Metric,
    Score,
    confusion_of,
    last_third,
    recall_of,
    score_of,
)
from odl.evaluate.timeline import QuestionRow, Timeline, WindowRow, read_timeline

__all__ = [
    "BASELINES",
    "METRICS",
    "Baseline",
    "Confusion",
    "Evaluation",
    "Metric",
    "QuestionOutcome",
    "QuestionRow",
    "WindowRow",
    "Score",
    "Timeline",
    "confusion_of",
    "evaluate",
    "last_third",
    "mean_of",
    "read_timeline",
    "recall_of",
    "score_of",
    "worst_of",
]
