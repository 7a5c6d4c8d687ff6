"""The report: one self-contained HTML page from the templates beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl._text import clean
from odl.core.events import Input
from odl.core.pace import Pace
from odl.evaluate import BASELINES, Evaluation, mean_of, worst_of
from odl.evaluate.metrics import shown_at
from odl.evaluate.report.asked import MOST, cards_of
from odl.evaluate.report.columns import COLUMNS
from odl.evaluate.report.environment import environment
from odl.evaluate.report.figure import draw
from odl.evaluate.report.sentences import comparison, headline, new_classes, next_steps, outcomes
from odl.evaluate.report.style import ClassStyle, class_styles, sliding_window, stride

_OPEN_AT_MOST = 4  # people; with more, only the worst one's section is open at first

_DEFINITIONS = (
    ("Window and truth", "The model predicts once per window. The truth of a window is the class that covers "
     "at least half of its samples. Windows without a truth are not scored."),
    ("With learning", "What the person is shown: what the model says, or an answer that still stands. The "
     "model predicts each window before it learns anything from it."),
    ("Permutation entropy", "How evenly the orders of size occur in which five neighbouring samples of "
     "a channel can stand: 1 is white noise, from which nothing can be learned, and 0 a straight line."),
    ("Statistical complexity", "Structure among these orders: 0 for noise and for a straight line, more for "
     "what has a pattern (permutation entropy times the Jensen-Shannon divergence from noise)."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionView:
    """What the page shows of one person.

    Attributes
    ----------
    evaluation : Evaluation
    recording : str
        The file name of the recording, empty without one.
    inputs : sequence of events
        What went into the session; the samples that were asked about are drawn.
    channels : sequence of (name, unit)
        Of the samples.
    predictable : mapping
        What `odl.evaluate.predictability.predictability` returns.
    """

    evaluation: Evaluation
    recording: str = ""
    inputs: Sequence[Input] = ()
    channels: Sequence[tuple[str, str]] = ()
    predictable: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


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
        Called with a sentence at the start, and now and then with how many people are done.

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
    if progress:
        progress("writing the report")
    pace, sections = Pace(progress, "report", len(sessions), "people"), []
    for i, view in enumerate(sessions):
        pace.reach(i)
        is_open = len(sessions) <= _OPEN_AT_MOST or (
            worst is not None and view.evaluation.subject == worst["subject"]
        )
        sections.append({"is_open": is_open, **person_section(view, styles, prefix=f"p{i}")})
    html = environment("odl.evaluate.report").get_template("report.html").render(
        title=title,
        headline=headline(evaluations, people),
        comparison=comparison(evaluations),
        fresh=new_classes(evaluations),
        columns=COLUMNS,
        rows=_rows(evaluations, mean, worst),
        outcomes=outcomes(evaluations),
        people=sections,
        memory=list(memory.items()),
        settings=[(name, value) for name, value in about.items() if name != "command"],
        command=about.get("command"),
        next_steps=next_steps([view.recording for view in sessions]),
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


def person_section(view: SessionView, styles: Mapping[str, ClassStyle], *, prefix: str) -> dict[str, Any]:
    """What the template ``person.html`` needs of one session, but whether it is open."""
    from markupsafe import Markup

    one, line = view.evaluation, view.evaluation.timeline
    here = set(one.classes) | {name for _, _, name in line.truths}
    here |= {*line.rows.classes("predicted"), *line.rows.classes("without")}
    fresh = {name for _, name in line.added}
    confusion = zip(one.classes, one.confusion, strict=True)
    return {
        "evaluation": one,
        "heading": f"Person {one.subject}",
        "picture": Markup(draw(one, styles, prefix=prefix)) if one.windows else "",
        "legend": [(name, style, name in fresh) for name, style in styles.items() if name in here],
        "cards": cards_of(one, view.inputs, view.channels),
        "channels": view.channels,
        "most": MOST,
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
    for name, label in (("entropy", "permutation entropy"), ("complexity", "statistical complexity")):
        if view.predictable:
            each = (f"{clean(channel)} {figures[name]:.2f}" for channel, figures in view.predictable.items())
            facts.append((label, ", ".join(each)))
    if view.recording:
        facts.append(("recording", clean(view.recording, 60)))
    return facts
