"""How good a session was, from its trace and ``Truth`` alone.

:func:`evaluate` turns a session's events into an :class:`Evaluation`; its
:class:`Timeline` is what the report draws.
"""

from odl.evaluate.evaluation import (
    BASELINES,
    Evaluation,
    Score,
    evaluate,
    last_third,
    mean_of,
    worst_of,
)
from odl.evaluate.timeline import Outcome, Question, Row, Timeline, read_timeline

__all__ = [
    "BASELINES",
    "Evaluation",
    "Outcome",
    "Question",
    "Row",
    "Score",
    "Timeline",
    "evaluate",
    "last_third",
    "mean_of",
    "read_timeline",
    "worst_of",
]
