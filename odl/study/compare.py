"""Compare policies, learners and budgets from Python; the same as a study file."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from odl._extras import how_to_install
from odl._text import aligned
from odl.study.description import Study, StudyError
from odl.study.files import about_run, read_table, write_table
from odl.study.report import Analysis, analyse, write_report
from odl.study.report.analysis import MethodFigures
from odl.study.report.sentences import difference_sentence, harm_sentence, setting_words
from odl.study.report.tables import HEADS, overview
from odl.study.runner import run_study

if TYPE_CHECKING:
    from pandas import DataFrame

# Columns of the overview for a terminal, and what heads them there: the whole stream beside the last third.
_SHORT = (
    ("method", "method"), ("budget", "budget"), ("asked", "asked"), ("whole stream", "whole %"),
    ("gain, whole", "gain"), ("last third", "last third %"), ("gain", "gain"),
    ("against baseline", "to baseline"), ("worst session", "worst session"), ("harmed", "harmed"),
)  # fmt: skip
_PLAIN = ("whole stream", "last third")  # without their intervals; those of the gains stand beside them
_ABOUT: Final = (
    "Accuracies and gains are over the whole stream and over its last third; the other columns are of the "
    "last third. In brackets: 95 % intervals over people."
)


@dataclass(frozen=True, repr=False)
class Comparison:
    """The result of `odl.compare` or of a study.

    Attributes
    ----------
    rows : list of dict
        One for each session, in the order of the study.
    computed : int
        Sessions that were computed now; the others were in the store.
    baseline : str
        The policy that the others are compared with.
    name : str
    about : dict of str
        Versions, seeds, machine.
    averaged : tuple of str
        As in `odl.study.Study`.
    """

    rows: list[dict[str, Any]]
    computed: int
    baseline: str
    name: str
    about: dict[str, str]
    averaged: tuple[str, ...] = ()

    @property
    def table(self) -> DataFrame:
        """A row for each session: what it is, and its figures."""
        from pandas import DataFrame

        return DataFrame(self.rows)

    @cached_property
    def analysis(self) -> Analysis:
        """The figures over people: intervals, paired differences, areas."""
        return analyse(self.rows, self.baseline, self.averaged)

    def report(self, folder: str | Path, command: str = "") -> Path:
        """Write the page, with ``methods.csv``, ``people.csv`` and ``tables.tex``; return the page's path."""
        return write_report(Path(folder), self.analysis, self.name, self.about, command)

    def _short(self) -> list[tuple[str, list[list[str]]]]:
        """For each setting a title and a table."""
        found = []
        for setting in self.analysis.settings:
            entries = self.analysis.of_setting(setting)
            rows = [dict(zip(HEADS, row, strict=True)) for row in overview(entries)]
            cells = [
                [row[name].split(" [")[0] if name in _PLAIN else row[name] for name, _ in _SHORT]
                for row in rows
            ]
            found.append((setting_words(entries[0]), [[head for _, head in _SHORT], *cells]))
        return found

    def sentences(self) -> list[str]:
        """What the table is about, the differences to the baseline, and who was harmed."""
        entries = self.analysis.entries
        several = len(self.analysis.settings) > 1

        def of(entry: MethodFigures, sentence: str) -> str:
            return f"{setting_words(entry)}: {sentence}" if several and sentence else sentence

        differences = [of(entry, difference_sentence(entry, self.analysis.baseline)) for entry in entries]
        asking = [entry for entry in entries if entry.mean("spent").mean > 0]
        harm = [of(entry, harm_sentence(entry)) for entry in asking if entry.harmed or entry.harmed_whole]
        if len(harm) < len(asking):
            harm.append(f"With {'the others' if harm else 'all of them'}, nobody lost more than a point.")
        return [sentence for sentence in (_ABOUT, *differences, *harm) if sentence]

    def __repr__(self) -> str:
        return "\n\n".join(f"{title}\n{aligned(rows)}" for title, rows in self._short())

    def _repr_html_(self) -> str:
        parts = []
        for title, (head, *body) in self._short():
            lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in body]
            heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            rows = "".join(f"<tr>{line}</tr>" for line in lines)
            parts.append(f"<p>{html.escape(title)}</p><table><tr>{heads}</tr>{rows}</table>")
        return "".join(parts)


def compare(
    source: str | Path | Iterable[str | Path],
    *,
    policies: object = None,
    learners: object = None,
    budgets: object = None,
    seeds: object = None,
    subjects: object = None,
    models: object = None,
    data: str | Path | None = None,
    profile: str | Path | None = None,
    baseline: str | None = None,
    batch: object = None,
    delay: object = None,
    patience: object = None,
    refuse: object = None,
    error: object = None,
    hold: object = None,
    step: object = None,
    every: object = None,
    floor: object = None,
    order: object = None,
    averaged: object = None,
    out: str | Path | None = None,
    workers: int | None = None,
    dask: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare policies, learners and budgets on the same people, with the same seeds.

    Each of the keywords can be one value or a list; every combination is a session of every person.

    Parameters
    ----------
    source : str, path or list of them
        Datasets: names, or folders with a ``card.json``.
    policies, learners : str, object or list, optional
        What `odl.replay` takes, or a mapping with ``name``, settings and a ``label``. Sessions with an
        object that has no name are computed anew each time.
    budgets : str, int or list, optional
        As in `odl.replay`.
    seeds : int or list of int, optional
        A number of seeds, or the seeds themselves; 1 by default.
    subjects : list or str, optional
        People; or one word: ``all``, or a split of the card. Default: ``test``.
    models : str, path or list, optional
        ``own`` (default), ``random`` (the own one with a random extractor), ``.odlm`` files, or a folder of
        images of which each person is run with the one that was not trained on them.
    data : path, optional
        Folder or zip of a dataset that is not bundled.
    profile : path, optional
        A wearer's profile that each session starts from, as in `odl.replay`.
    baseline : str, optional
        The policy to compare with; the first by default.
    batch, delay, patience, refuse, error, hold, step, every, floor : value or list, optional
        As in `odl.replay`.
    order : str or list, optional
        Order of a person's recordings: ``recorded``, ``reversed``, ``shuffled``.
    averaged : str or list, optional
        Options whose values give no table each, but are averaged for each person; such as ``order``.
    out : path, optional
        Folder in which the sessions are stored and the tables written; with it, only sessions that are not
        there yet are computed.
    workers : int, optional
        Processes; default: the cores of this machine.
    dask : str, optional
        Address of a Dask scheduler.
    progress : callable, optional
        Called with a short sentence.

    Raises
    ------
    OdlError
        If an argument is invalid or a session fails.

    Examples
    --------
    >>> found = compare("shoulder", policies=["random", "periodic"], budgets=5, subjects=["7"], workers=1)
    >>> found.table[["policy", "queries"]].values.tolist()
    [['random', 5], ['periodic', 5]]
    """
    given = {
        "policies": policies, "learners": learners, "budgets": budgets, "seeds": seeds, "people": subjects,
        "models": models, "baseline": baseline, "batch": batch, "delay": delay, "patience": patience,
        "refuse": refuse, "error": error, "hold": hold, "step": step, "every": every, "floor": floor,
        "order": order, "averaged": averaged, "profile": None if profile is None else str(profile),
    }  # fmt: skip
    datasets = [str(source)] if isinstance(source, str | Path) else [str(one) for one in source]
    values = {name: value for name, value in given.items() if value is not None}
    folders = {} if data is None else {name: str(data) for name in datasets}
    study = Study.read(
        {"name": ", ".join(datasets), "datasets": datasets, "data": folders, **values}, "compare"
    )
    return run(study, out, workers=workers, dask=dask, progress=progress)


def run(
    study: Study,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Run ``study`` and write its tables into ``out``; see `odl.study.run_study` for the keywords."""
    if find_spec("scipy") is None:
        raise StudyError(f"the comparison needs the package 'scipy': {how_to_install('study')}")
    rows, computed = run_study(study, out, workers=workers, dask=dask, progress=progress)
    if out is not None:
        write_table(Path(out), study, rows)
    return Comparison(rows, computed, study.compared_with, study.name, about_run(study), study.averaged)


def finished(folder: str | Path) -> Comparison:
    """The study whose tables are in ``folder``.

    Raises
    ------
    StudyError
        If there is none.
    """
    rows, about = read_table(Path(folder))
    name, baseline, averaged = str(about["name"]), str(about["baseline"]), tuple(about["averaged"])
    return Comparison(rows, 0, baseline, name, dict(about["about"]), averaged)
