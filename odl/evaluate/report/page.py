"""The report: one self-contained HTML page from the templates beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl._text import clean
from odl.evaluate import BASELINES, Evaluation, mean_of, worst_of
from odl.evaluate.metrics import shown_at
from odl.evaluate.report.columns import COLUMNS
from odl.evaluate.report.environment import environment
from odl.evaluate.report.figure import draw
from odl.evaluate.report.sentences import comparison, headline, outcomes
from odl.evaluate.report.style import ClassStyle, class_styles, sliding_window, stride

_OPEN_AT_MOST = 4  # people; with more, only the worst one's section is open at first

_DEFINITIONS = (
    ("Window and truth", "The model predicts once per window. The truth of a window is the class that covers "
     "at least half of its samples. Windows without a truth are not scored."),
    ("With learning", "What the person is shown: what the model says, or an answer that still stands. The "
     "model predicts each window before it learns anything from it."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionView:
    """One person's evaluation, and the file name of the recording, empty without one."""

    evaluation: Evaluation
    recording: str = ""


def write_report(
    path: str | Path,
    sessions: Sequence[SessionView],
    *,
    title: str,
    about: Mapping[str, str],
    memory: Mapping[str, int],
    people: str = "people",
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write one self-contained HTML page about the sessions and return its path.

    Parameters
    ----------
    path : str or Path
        The file to write; an existing one is replaced.
    sessions : sequence of SessionView
        One for each person, at least one.
    title : str
        Title of the page.
    about : mapping
        The settings, in order. An entry ``command`` is shown as the command that creates this report.
    memory : mapping
        Memory of the learner on a board in bytes, by part.
    people : str
        Words for the people in the headline, such as ``"people never seen in training"``.
    progress : callable, optional
        Called with a short sentence before each step.

    Raises
    ------
    ValueError
        If ``sessions`` is empty.

    Examples
    --------
    >>> import tempfile
    >>> from odl.evaluate import evaluate
    >>> one = SessionView(evaluate([], [], {}, subject="7", window=128, rate_hz=50))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_report(Path(folder) / "report.html", [one], title="test", about={}, memory={})
    ...     file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    True
    """
    if not sessions:
        raise ValueError("a report needs at least one session: 'sessions' is empty")
    evaluations = [view.evaluation for view in sessions]
    mean, worst, styles = mean_of(evaluations), worst_of(evaluations), class_styles(evaluations)
    sections = []
    for i, view in enumerate(sessions):
        if progress:
            progress(f"report: person {clean(view.evaluation.subject)} ({i + 1} of {len(sessions)})")
        is_open = len(sessions) <= _OPEN_AT_MOST or (
            worst is not None and view.evaluation.subject == worst["subject"]
        )
        sections.append({"is_open": is_open, **_person(view, styles, prefix=f"p{i}")})
    html = environment("odl.evaluate.report").get_template("report.html").render(
        title=title,
        headline=headline(evaluations, people),
        comparison=comparison(mean, worst),
        columns=COLUMNS,
        rows=_rows(evaluations, mean, worst),
        outcomes=outcomes(evaluations),
        people=sections,
        memory=list(memory.items()),
        settings=[(name, value) for name, value in about.items() if name != "command"],
        command=about.get("command"),
        definitions=[
            *_DEFINITIONS,
            *((baseline.label.capitalize(), baseline.explanation) for baseline in BASELINES.values()),
            *((m.label[0].upper() + m.label[1:], m.explanation) for m in shown_at("page")),
        ],
    )  # fmt: skip
    write_private(path, html)
    return Path(path)


def _rows(
    evaluations: Sequence[Evaluation], mean: Mapping[str, Any], worst: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    several = len(evaluations) > 1
    lowest = worst["subject"] if several and worst is not None else None
    rows = [
        {"name": one.subject, "kind": "worst" if one.subject == lowest else "", "figures": one.to_json()}
        for one in evaluations
    ]
    return [*rows, {"name": "mean", "kind": "mean", "figures": mean}] if several else rows


def _person(view: SessionView, styles: Mapping[str, ClassStyle], *, prefix: str) -> dict[str, Any]:
    from markupsafe import Markup

    one, line = view.evaluation, view.evaluation.timeline
    here = set(one.classes) | {name for _, _, name in line.truths}
    here |= {*line.rows.classes("predicted"), *line.rows.classes("without")}
    confusion = zip(one.classes, one.confusion, strict=True)
    return {
        "evaluation": one,
        "picture": Markup(draw(one, styles, prefix=prefix)),
        "legend": [(name, style) for name, style in styles.items() if name in here],
        "confusion": [(name, counts) for name, counts in confusion if sum(counts)],
        "long_names": any(len(clean(name)) > 6 for name in one.classes),
        "sliding": sliding_window(one),
        "stride": stride(one),
        "facts": _facts(view),
    }


def _facts(view: SessionView) -> list[tuple[str, str]]:
    one, figures = view.evaluation, view.evaluation.to_json()
    facts = [
        (metric.label, metric.text(figures))
        for metric in shown_at("page")
        if not (metric.only_above_zero and not figures[metric.name])
    ]
    if became := outcomes([one]):
        facts.append(("the questions", became))
    if one.timeline.added:
        facts.append(("names of added classes", ", ".join(clean(name) for _, name in one.timeline.added)))
    if view.recording:
        facts.append(("recording", clean(view.recording, 60)))
    return facts
