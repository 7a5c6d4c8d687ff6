"""What a replay gives back: figures, tables, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from odl.core.config import Config
from odl.core.events import Event, Prediction
from odl.core.image import Image
from odl.evaluate import Evaluation, evaluate, mean_of, worst_of

BLOCKED_SHARE = 0.95  # a policy that spends less of its budget has to say why


@dataclass(frozen=True)
class Outcome:
    """One person's session: everything that passed, and what it was run with."""

    subject: str
    events: tuple[Event, ...] = field(repr=False)
    without: tuple[Event, ...] = field(repr=False)
    names: dict[int, str]
    trace_sha256: str
    seconds: float
    samples: int
    budget: int
    counts: dict[str, int]
    config: Config
    file: Path | None = None
    problems: tuple[str, ...] = ()
    same_trace: bool | None = None  # of a replayed recording: equal to the one it holds


@dataclass(frozen=True)
class Result:
    """What `odl.replay` returns.

    ``metrics``, ``predictions`` and ``queries`` are pandas DataFrames where pandas is
    installed, lists of dictionaries otherwise.
    """

    image: Image = field(repr=False)
    outcomes: tuple[Outcome, ...]
    seed: int
    source: str
    people: str
    about: dict[str, str]
    damage: str = ""  # what a replayed recording had lost

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """One per person."""
        return [
            evaluate(
                one.events,
                one.without,
                self.image.names,
                subject=one.subject,
                window=self.image.window,
                rate_hz=self.image.rate_hz,
                budget=one.budget,
            )
            for one in self.outcomes
        ]

    @property
    def metrics(self) -> Any:
        """A row per person: accuracy with and without learning, baselines, questions."""
        rows = []
        for figures in (e.to_json() for e in self.evaluations):
            for name, score in figures.pop("baselines").items():
                figures |= {f"{name}_{k}": v for k, v in score.items()}
            rows.append({k: v for k, v in figures.items() if not isinstance(v, list | dict)})
        return _table(rows)

    @property
    def predictions(self) -> Any:
        """A row per window: subject, window, truth, predicted, held, without learning."""
        return _table(
            [
                {
                    "subject": e.subject, "window": row.window, "seconds": row.window / e.rate_hz,
                    "truth": row.truth, "predicted": row.predicted, "held": row.held,
                    "no_learning": row.without,
                }
                for e in self.evaluations
                for row in e.timeline.rows
            ]
        )  # fmt: skip

    @property
    def queries(self) -> Any:
        """A row per question: subject, window, when it was asked and what became of it."""
        return _table(
            [
                {
                    "subject": e.subject, "window": q.window, "asked_at": q.asked,
                    "outcome": q.outcome.name.lower(), "answered_at": q.at, "answer": q.answer,
                }
                for e in self.evaluations
                for q in e.timeline.questions
            ]
        )  # fmt: skip

    @property
    def samples_per_second(self) -> float:
        """How fast the sessions ran, learning and recording included."""
        return sum(o.samples for o in self.outcomes) / max(1e-9, sum(o.seconds for o in self.outcomes))

    def notes(self) -> list[str]:
        """What a reader of the figures should know: unspent budgets, damage, other traces."""
        notes = []
        for one in self.outcomes:
            who = f"person {one.subject}"
            notes += [f"{who}: {problem}" for problem in one.problems]
            asked = one.counts["queries"]
            if asked < BLOCKED_SHARE * one.budget:
                notes.append(f"{who}: {asked} of {one.budget} questions asked, because {_why_unspent(one)}")
            for count, what in (
                ("full", "had no effect because there was no room for another class or label"),
                ("no_such_class", "named a class or task that does not exist"),
            ):
                if one.counts[count]:
                    notes.append(f"{who}: {one.counts[count]} inputs {what}")
            if one.same_trace is False:
                notes.append(f"{who}: the replay's trace is NOT the recorded one")
            elif one.same_trace:
                notes.append(f"{who}: the replay's trace equals the recorded one")
        return notes

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        subjects = []
        for one, evaluation in zip(self.outcomes, self.evaluations, strict=True):
            subjects.append(
                evaluation.to_json()
                | {"trace_sha256": one.trace_sha256, "policy": one.config.policy}
                | ({} if one.same_trace is None else {"same_trace": one.same_trace})
            )
        return {
            "source": self.source,
            "model": f"{self.image.checksum:08x}",
            "seed": self.seed,
            "subjects": subjects,
            "mean": mean_of(self.evaluations),
            "worst": worst_of(self.evaluations),
            "samples_per_second": self.samples_per_second,
            "realtime_factor": self.samples_per_second / self.image.rate_hz,
            "settings": dict(self.about),
            "damage": self.damage,
            "notes": self.notes(),
        }


def _why_unspent(one: Outcome) -> str:
    why = []
    if one.config.period and one.config.in_samples:
        why.append("the stream ended before the period did")
    elif sum(isinstance(e, Prediction) for e in one.events) < one.config.horizon:
        why.append("the stream was shorter than declared")
    if blocked := one.counts["blocked"]:
        windows = "window" if blocked == 1 else "windows"
        why.append(f"too many questions were open when {blocked} more {windows} would have been asked about")
    return " and ".join(why) or "too few windows were uncertain enough"


def _table(rows: Sequence[dict[str, Any]]) -> Any:
    try:
        import pandas
    except ImportError:
        return list(rows)
    return pandas.DataFrame(rows)
