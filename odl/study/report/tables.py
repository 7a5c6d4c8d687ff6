"""The tables of a study's report: cells of text for HTML, LaTeX and the terminal, numbers for CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from odl.study.report.analysis import Analysis, MethodFigures
from odl.study.report.sentences import percents, points

HEADS = (
    "method", "budget", "asked", "whole stream", "gain, whole", "last third", "gain", "against baseline",
    "p (Holm)", "worst person", "least gain", "worst session", "harmed", "harmed, whole", "answers",
    "no truth", "model alone", "no learning", "last answer", "most frequent",
)  # fmt: skip


def overview(entries: Sequence[MethodFigures]) -> list[list[str]]:
    """A row for each method and budget; accuracies in per cent with intervals over people."""
    return [_cells(entry) for entry in entries]


def _cells(entry: MethodFigures) -> list[str]:
    difference, worst, least, people = entry.difference, entry.worst, entry.least, len(entry.people)
    return [
        entry.method, entry.budget, f"{entry.mean('spent').mean:.1f}",
        percents(entry.mean("whole")), percents(entry.mean("whole_gain"), signed=True),
        percents(entry.mean("late")), percents(entry.mean("gain"), signed=True),
        "" if difference is None else percents(difference.interval, signed=True),
        "" if difference is None else f"{difference.corrected:.3f}",
        f"{worst.subject}: {100 * worst.late:.1f} ({points(worst.gain)})",
        f"{least.subject}: {points(least.gain)}",
        f"{entry.worst_session[0]}: {points(entry.worst_session[1])}",
        f"{len(entry.harmed)} of {people}", f"{len(entry.harmed_whole)} of {people}",
        f"{entry.mean('answers').mean:.1f}",
        "" if isnan(entry.without_truth) else f"{100 * entry.without_truth:.0f}",
        *(f"{100 * entry.mean(name).mean:.1f}" for name in ("alone", "plain", "persistence", "majority")),
    ]  # fmt: skip


def by_person(entries: Sequence[MethodFigures]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the accuracy on the last third by person, a column for each method and budget."""
    subjects = list(dict.fromkeys(one.subject for entry in entries for one in entry.people))
    heads = ["person", "no learning", *(f"{entry.method}, {entry.budget}" for entry in entries)]
    rows = []
    for subject in subjects:
        own = [next((one for one in entry.people if one.subject == subject), None) for entry in entries]
        plain = next(one.plain for one in own if one is not None)
        rows.append(
            [subject, f"{100 * plain:.1f}"]
            + ["" if one is None else f"{100 * one.late:.1f} ({points(one.gain)})" for one in own]
        )
    return heads, rows


def areas(found: Analysis, setting: Any) -> list[list[str]]:
    """Method, labels and mean accuracy over them, for each method of a setting that asked."""
    return [
        [method, f"{labels:.1f}", percents(mean)]
        for where, method, labels, mean in found.areas
        if where == setting
    ]


def summary_csv(found: Analysis) -> str:
    """One line for each entry and person, with plain numbers."""
    names = [
        "spent", "answers", "without_truth", "whole", "late", "alone", "plain_whole", "plain", "persistence",
        "majority", "gain", "whole_gain", "lowest", "lowest_whole",
    ]  # fmt: skip
    setting = [name for name, _ in found.entries[0].setting]
    rows = [
        [*(value for _, value in entry.setting), entry.method, entry.budget, one.subject]
        + [getattr(one, name) for name in names]
        for entry in found.entries
        for one in entry.people
    ]
    return csv_text([*setting, "method", "budget", "subject", *names], rows)


def methods_csv(found: Analysis) -> str:
    """One line for each entry: gains with their intervals, who was harmed, with plain numbers."""
    heads = [name for name, _ in found.entries[0].setting] + [
        "method", "budget", "people", "asked", "answers", "without_truth", "gain", "gain_low", "gain_high",
        "whole_gain", "whole_gain_low", "whole_gain_high", "least_gain", "worst_session",
        "worst_session_whole", "harmed", "harmed_whole", "to_baseline", "to_baseline_low",
        "to_baseline_high", "p",
    ]  # fmt: skip
    rows = []
    for entry in found.entries:
        lowest = [min(getattr(one, n) for one in entry.people) for n in ("lowest", "lowest_whole")]
        to = entry.difference
        rows.append([
            *(value for _, value in entry.setting), entry.method, entry.budget, len(entry.people),
            entry.mean("spent").mean, entry.mean("answers").mean, entry.without_truth,
            *entry.mean("gain"), *entry.mean("whole_gain"), entry.least.gain, *lowest,
            len(entry.harmed), len(entry.harmed_whole),
            *((None,) * 4 if to is None else (*to.interval, to.corrected)),
        ])  # fmt: skip
    return csv_text(heads, rows)


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV file; numbers have all their digits, so that equal results are equal bytes.

    >>> csv_text(["a", "b"], [[1, 0.5], ["x,y", None]])
    'a,b\\n1,0.5\\n"x,y",\\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return file.getvalue()


_LATEX: Mapping[int, str] = str.maketrans(
    {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
     "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)  # fmt: skip


def latex(found: Analysis) -> str:
    """The overview of each setting as a ``tabular`` for the package booktabs."""
    from odl._text import clean

    def line(cells: Sequence[str]) -> str:
        return " & ".join(clean(cell, None, empty="").translate(_LATEX) for cell in cells) + r" \\"

    parts = []
    for setting in found.settings:
        words = ", ".join(f"{name} {value}" for name, value in setting)
        parts += [
            "% " + clean(words, 200),
            r"\begin{tabular}{ll" + "r" * (len(HEADS) - 2) + "}",
            r"\toprule",
            line(HEADS),
            r"\midrule",
            *(line(row) for row in overview(found.of_setting(setting))),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    return "\n".join(parts)
