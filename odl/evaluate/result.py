"""The result of a replay: tables, a picture, a report, JSON."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl.core.adopted_state import read_adopted_state
from odl.core.config import ConfigError
from odl.core.image import Image
from odl.core.unknown import Rejection
from odl.evaluate import Evaluation, evaluate, mean_of, worst_of
from odl.evaluate.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from odl.evaluate.report import SessionView

_MEASURE = "accuracy on the last third of the scored windows"


def evaluate_outcome(image: Image, one: Outcome, host_only: Sequence[str] = ()) -> Evaluation:
    """The figures of one session with ``image``; ``host_only`` names its parts that run in Python only.

    The image's least scores fit its own heads: with another learner nothing is said of unknown windows.
    """
    own_learner = any(part.startswith("learner ") for part in host_only)
    return evaluate(
        one.trace,
        one.without,
        image.names,
        subject=one.subject,
        window=image.window,
        rate_hz=image.rate_hz,
        budget=one.budget,
        read_state=partial(read_adopted_state, image, one.config),
        unknown=None if own_learner else Rejection(image),
    )


@dataclass(frozen=True, repr=False)
class Result:
    """The result of `odl.replay`: one session per person.

    Attributes
    ----------
    outcomes : tuple of Outcome
        Each session's events, counters, settings and recording.
    evaluations : list of Evaluation
        Each session's figures.
    metrics, predictions, queries : DataFrame
        A row per person, per window, per question. Times are in samples and, in a column that ends
        in ``seconds``, in seconds since the session's start.
    about : dict of str
        The settings, as text.
    host_only : tuple of str
        Parts that run in Python only, on no board; `odl verify` cannot compare them.

    Examples
    --------
    >>> from odl.evaluate.replay import replay
    >>> result = replay("shoulder", budget=5, subjects=["7"])
    >>> result  # doctest: +ELLIPSIS
    odl.Result: shoulder, policy novel-segments, seed 0
    person  windows  questions  no learning  learning
    7           405          5 ...
    accuracy on the last third of the scored windows
    >>> result.queries.columns[:6].tolist()
    ['policy', 'seed', 'subject', 'window', 'window_seconds', 'since']
    """

    image: Image
    outcomes: tuple[Outcome, ...]
    seed: int
    source: str
    people: str
    about: dict[str, str]
    damage: str = ""  # one sentence about lost data of a replayed recording
    host_only: tuple[str, ...] = ()

    @property
    def evaluations(self) -> list[Evaluation]:
        """One per person."""
        return self._scored[0]

    @cached_property
    def _scored(self) -> tuple[list[Evaluation], float]:
        """The evaluations, and the seconds that they took."""
        start = time.perf_counter()
        evaluations = [evaluate_outcome(self.image, one, self.host_only) for one in self.outcomes]
        return evaluations, time.perf_counter() - start

    @property
    def policy(self) -> str:
        """The policy's name."""
        return self.about["policy"]

    @property
    def metrics(self) -> DataFrame:
        """A row per person: accuracy of what is shown and of the model, baselines, questions."""
        rows = []
        for one, figures in zip(self.outcomes, (e.to_json() for e in self.evaluations), strict=True):
            for name, score in figures.pop("baselines").items():
                figures |= {f"{name}_{k}": v for k, v in score.items()}
            figures |= {"saturated": one.counts["saturated"], "samples": one.samples,
                        "seconds": one.samples / self.image.rate_hz}  # fmt: skip
            rows.append({k: v for k, v in figures.items() if not isinstance(v, list | dict)})
        return self._frame(rows)

    @property
    def predictions(self) -> DataFrame:
        """A row per window: truth, the class shown, the model's own, a held answer, that without learning."""
        from pandas import DataFrame

        columns: dict[str, list[Any]] = {
            name: []
            for name in ("policy", "seed", "subject", "window", "seconds", "truth", "predicted", "model",
                         "held", "no_learning")
        }  # fmt: skip
        for e in self.evaluations:
            rows = e.timeline.rows
            for name, value in (("policy", self.policy), ("seed", self.seed), ("subject", e.subject)):
                columns[name] += [value] * len(rows)
            columns["window"] += rows.window.tolist()
            columns["seconds"] += (rows.window / e.rate_hz).tolist()
            for name in ("truth", "predicted", "model", "held"):
                columns[name] += rows.named(name)
            columns["no_learning"] += rows.named("without")
        return DataFrame(columns)

    @property
    def queries(self) -> DataFrame:
        """A row per question: the stretch that it is about, when it was asked and how it ended.

        It is about everything from sample ``since`` to the end of its window.
        """
        return self._frame(
            [
                {
                    "subject": e.subject, "window": q.window, "window_seconds": q.window / e.rate_hz,
                    "since": q.since, "since_seconds": q.since / e.rate_hz,
                    "asked_at": q.asked, "asked_at_seconds": q.asked / e.rate_hz, "truth": q.truth,
                    "outcome": q.outcome.name.lower(), "answered_at": q.at,
                    "answered_at_seconds": None if q.at is None else q.at / e.rate_hz, "answer": q.answer,
                }
                for e in self.evaluations
                for q in e.timeline.questions
            ],
            ("subject", "window", "window_seconds", "since", "since_seconds", "asked_at", "asked_at_seconds",
             "truth", "outcome", "answered_at", "answered_at_seconds", "answer"),
        )  # fmt: skip

    def _frame(self, rows: list[dict[str, Any]], columns: Sequence[str] | None = None) -> DataFrame:
        """``rows`` as a table with columns for policy and seed; ``columns`` are there without rows too."""
        from pandas import DataFrame

        return DataFrame(
            [{"policy": self.policy, "seed": self.seed} | row for row in rows],
            columns=None if columns is None else ["policy", "seed", *columns],
        )

    def plot(self, subject: str | int | None = None) -> Figure:
        """Draw one person's session: timeline, accuracy along the stream, questions spent.

        Parameters
        ----------
        subject : str or int, optional
            The person; default: the first.

        Raises
        ------
        ConfigError
            If there is no such person.

        Examples
        --------
        >>> from odl.evaluate.replay import replay
        >>> figure = replay("shoulder", budget=5, subjects=["7"]).plot()
        >>> len(figure.axes)
        3
        """
        from odl.evaluate.report.figure import figure_of
        from odl.evaluate.report.style import class_styles

        wanted = self.outcomes[0].subject if subject is None else str(subject)
        for evaluation in self.evaluations:
            if evaluation.subject == wanted:
                return figure_of(evaluation, class_styles(self.evaluations))
        known = ", ".join(one.subject for one in self.outcomes)
        raise ConfigError(f"subject is {wanted}, who is not in this result; there are {known}")

    def report(
        self, path: str | Path, *, command: str = "", progress: Callable[[str], None] | None = None
    ) -> Path:
        """Write the report, one self-contained HTML page, and return its path.

        Parameters
        ----------
        path : str or path
            The file; missing folders are created, an existing file is replaced.
        command : str
            Shown as the command that creates this report.
        progress : callable, optional
            Called with a short sentence for each person.

        Examples
        --------
        >>> import tempfile
        >>> from odl.evaluate.replay import replay
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = replay("shoulder", budget=5, subjects=["7"]).report(Path(folder) / "report.html")
        ...     page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        True
        """
        from odl.evaluate.report import write_report
        from odl.model.memory import memory_of

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        about = self.about | ({"command": command} if command else {})
        return write_report(path, self.views(), title=f"odl: {self.source}", about=about,
                            memory=memory_of(self.image), people=self.people, progress=progress)  # fmt: skip

    def views(self) -> list[SessionView]:
        """What a page shows of each session."""
        from odl.evaluate.predictability import predictability
        from odl.evaluate.report import SessionView

        channels = [(channel.name, channel.unit) for channel in self.image.channels]
        return [
            SessionView(
                e,
                one.file.name if one.file else "",
                one.trace.inputs,
                channels,
                predictability(one.trace.inputs, [name for name, _ in channels]),
            )  # fmt: skip
            for e, one in zip(self.evaluations, self.outcomes, strict=True)
        ]

    def _short(self) -> tuple[str, list[list[str]]]:
        """A headline, and a table with a row per person."""
        from odl._text import clean, percent

        rows = [["person", "windows", "questions", "no learning", "learning"]]
        for e in self.evaluations:
            plain = e.baselines["no_learning"].accuracy_last_third
            rows.append([clean(e.subject, 30), str(e.windows), str(e.queries), percent(plain, 1),
                         percent(e.score.accuracy_last_third, 1)])  # fmt: skip
        host = f"; host only: {', '.join(self.host_only)}" if self.host_only else ""
        return f"odl.Result: {self.source}, policy {self.policy}, seed {self.seed}{host}", rows

    def __repr__(self) -> str:
        from odl._text import aligned, clean

        headline, rows = self._short()
        return f"{clean(headline, 200)}\n{aligned(rows)}\n{_MEASURE}"

    def _repr_html_(self) -> str:
        headline, rows = self._short()
        head, *body = (
            "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            for row, tag in zip(rows, ["th"] + ["td"] * (len(rows) - 1), strict=True)
        )
        table = f"<thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody>"
        return f"<p>{html.escape(headline)}</p><table>{table}</table><p>{_MEASURE}</p>"

    @property
    def samples_per_second(self) -> float:
        """How fast the samples became figures.

        The time is that of the sessions with and without learning, their recordings and their
        scores. Reading the samples, loading the kernels and drawing a report are not part of it.
        """
        seconds = sum(one.seconds for one in self.outcomes) + self._scored[1]
        return sum(one.samples for one in self.outcomes) / max(1e-9, seconds)

    def notes(self) -> list[str]:
        """Notes on the figures: unspent budgets, damage, different traces."""
        notes = []
        if self.host_only:
            parts = " and ".join(self.host_only)
            notes.append(
                f"{parts} ran in Python only: no board can run it, and 'odl verify' cannot compare it"
            )
        notes += self._unknown_note()
        for one in self.outcomes:
            notes += [f"person {one.subject}: {note}" for note in one.notes()]
        return notes

    def _unknown_note(self) -> list[str]:
        """How many windows are shown as unknown, and what share of the known ones that is wrong about."""
        from odl._text import counted, percent

        mean = mean_of(self.evaluations)
        shown = [one.shown_as_unknown for one in self.evaluations if one.shown_as_unknown is not None]
        if not shown:
            return []
        words = {"known_as_unknown": "of those of classes that the image knows, which are false alarms",
                 "new_as_unknown": "of those of other classes"}  # fmt: skip
        shares = [f"{percent(mean[name])} {of}" for name, of in words.items() if mean[name] is not None]
        each = " (mean over people)" if len(shown) > 1 else ""
        about = f": {', and '.join(shares)}{each}" if shares else ""
        return [f"{counted(sum(shown), 'window')} shown as unknown, perhaps something new{about}"]

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
