"""The page that shows recordings beside each other, as a rule of one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl._text import clean, percent
from odl.core.pace import Pace
from odl.evaluate.metrics import shown_at
from odl.evaluate.report.environment import environment
from odl.evaluate.report.page import SessionView, person_section
from odl.evaluate.report.style import class_styles

Row = tuple[str, list[str], bool]  # label, a cell for each recording, whether they differ


@dataclass(frozen=True, slots=True)
class Compared:
    """A recording on the page: its name, its session, and its settings as text."""

    name: str
    view: SessionView
    about: Mapping[str, str]


def distinct_names(files: Sequence[Path]) -> list[str]:
    """Names of ``files``, with as many of their folders as it takes to tell them apart.

    >>> distinct_names([Path("a/x/7.odl"), Path("a/y/7.odl")])
    ['x/7.odl', 'y/7.odl']
    """
    whole = [file.resolve().parts for file in files]
    for length in range(1, max(map(len, whole))):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    return [str(file) for file in files]


def write_comparison(
    path: str | Path,
    recordings: Sequence[Compared],
    *,
    command: str = "",
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write one self-contained HTML page that shows the recordings beside each other; return its path.

    Parameters
    ----------
    path : str or Path
        The file to write; an existing one is replaced.
    recordings : sequence of Compared
        Two or more, in the order of the columns.
    command : str
        Shown as the command that creates this page.
    progress : callable, optional
        Called with a short sentence before each recording is drawn.

    Raises
    ------
    ValueError
        If there are fewer than two.

    Examples
    --------
    >>> import tempfile
    >>> from odl.evaluate import evaluate
    >>> nobody = SessionView(evaluate([], [], {}, subject="7", window=128, rate_hz=50))
    >>> days = [Compared("monday.odl", nobody, {}), Compared("tuesday.odl", nobody, {})]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_comparison(Path(folder) / "days.html", days).read_text(encoding="utf-8")
    >>> "monday.odl and tuesday.odl" in page
    True
    """
    if len(recordings) < 2:
        raise ValueError(f"a comparison needs two recordings or more; {len(recordings)} given")
    evaluations = [one.view.evaluation for one in recordings]
    styles = class_styles(evaluations)
    if progress:
        progress("writing the report")
    pace, sections = Pace(progress, "report", len(recordings), "recordings"), []
    for i, one in enumerate(recordings):
        pace.reach(i)
        section = person_section(one.view, styles, prefix=f"p{i}") | {"is_open": True}
        sections.append(section | {"heading": f"{one.name}: person {one.view.evaluation.subject}"})
    people = sorted({one.subject for one in evaluations})
    names = [one.name for one in recordings]
    html = environment("odl.evaluate.report").get_template("comparison.html").render(
        title="odl: " + _listed(names),
        headline=_headline(recordings),
        also="" if len(people) == 1 else
        f"These are recordings of different people ({_listed(people)}): a difference may be theirs.",
        names=names,
        tables=[
            ("Figures", _figures(recordings), "Shaded rows differ."),
            ("Each class", _recalls(recordings), "The share of a class's windows in which it was shown; "
             "– where the recording has no window of it. Shaded rows differ."),
            ("Settings", _settings(recordings), "Shaded rows differ. Figures can be compared where "
             "the settings are equal."),
        ],
        people=sections,
        command=command,
    )  # fmt: skip
    write_private(path, html)
    return Path(path)


def _headline(recordings: Sequence[Compared]) -> str:
    """The accuracy of the whole stream in each recording, with what it would be without learning."""
    parts = []
    for one in recordings:
        evaluation = one.view.evaluation
        said, plain = evaluation.score.accuracy, evaluation.baselines["no_learning"].accuracy
        if said is None:
            parts.append(f"nothing could be scored in {clean(one.name)}")
            continue
        without = "" if plain is None else f", {percent(plain)} without learning"
        parts.append(
            f"{percent(said)} in {clean(one.name)} ({evaluation.timeline.standing} answers{without})"
        )
    return "Accuracy over the whole stream: " + _listed(parts)


def _figures(recordings: Sequence[Compared]) -> list[Row]:
    figures = [one.view.evaluation.to_json() for one in recordings]
    rows = []
    for metric in shown_at("page"):
        if metric.only_above_zero and not any(each[metric.name] for each in figures):
            continue
        rows.append(_row(metric.label, [metric.text(each) for each in figures]))
        if metric.compared:
            plain = [metric.text(each["baselines"]["no_learning"]) for each in figures]
            rows.append(_row(f"{metric.label}, no learning", plain))
    return rows


def _recalls(recordings: Sequence[Compared]) -> list[Row]:
    recalls = [one.view.evaluation.recall for one in recordings]
    added = [{name for _, name in one.view.evaluation.timeline.added} for one in recordings]
    rows = []
    for name in dict.fromkeys(name for recall in recalls for name in recall):
        cells = [
            percent(recall.get(name)) + ", new" * (name in new)
            for recall, new in zip(recalls, added, strict=True)
        ]
        rows.append(_row(name, cells))
    return rows


def _settings(recordings: Sequence[Compared]) -> list[Row]:
    names = dict.fromkeys(name for one in recordings for name in one.about)
    return [_row(name, [str(one.about.get(name, "–")) for one in recordings]) for name in names]


def _row(label: str, cells: list[str]) -> Row:
    return label, cells, len(set(cells)) > 1


def _listed(words: Sequence[Any]) -> str:
    """The words with commas, and "and" before the last."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last
