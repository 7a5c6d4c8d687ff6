"""The files of a study's report: a page, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from odl._files import write_private
from odl.evaluate.report.environment import environment
from odl.study.report.analysis import HARMED, Analysis
from odl.study.report.curves import draw_curves
from odl.study.report.sentences import difference_sentence, harm_sentence, headline, setting_words
from odl.study.report.tables import HEADS, areas, by_person, latex, methods_csv, overview, summary_csv

DEFINITIONS = (
    ("Asked", "Questions that were really asked, the mean over people. Methods are compared at this number, "
     "not at their budget."),
    ("Whole stream, last third", "Accuracy as the person is shown it, held answers included, over all scored "
     "windows and over the last third of them; in brackets the 95 % interval, bootstrapped over people."),
    ("Gain", "Accuracy less that of no learning, in points, over the whole stream and over the last third."),
    ("Against baseline", "Mean over people of the difference on the last third to the baseline's learning "
     "curve at the same number of labels, in points; beyond the most that the baseline asked, to its end."),
    ("p (Holm)", "Wilcoxon's signed-rank test over people, corrected by Holm for all comparisons here."),
    ("Worst person, least gain, worst session", "The lowest accuracy on the last third, with its gain; the "
     "person who gained least there; and the single session that did. A person's figures are means over "
     "sessions."),
    ("Harmed", f"People who lost more than {100 * HARMED:.0f} point against no learning, on the last third "
     "and over the whole stream."),
    ("No truth", "Share of the questions that were about windows without a truth, such as those between two "
     "activities, in per cent; nobody can answer these."),
    ("Model alone", "The last third without held answers."),
    ("No learning", "The same model, never asking and never changing, over the last third."),
    ("Last answer, most frequent", "Rules that repeat the newest answer, or always name the person's most "
     "frequent class, which only an oracle knows; over the last third."),
    ("Area", "Mean height of the learning curve from no labels to the number that every method spent with "
     "everybody."),
)  # fmt: skip


def write_report(
    folder: Path, found: Analysis, title: str, about: Mapping[str, str], command: str = ""
) -> Path:
    """Write ``report.html`` and the tables as CSV and LaTeX into ``folder``; return the page's path.

    Parameters
    ----------
    folder : Path
    found : Analysis
    title : str
        The study's name.
    about : mapping
        Versions, seeds, machine, in order.
    command : str
        Shown as the command that writes this report.
    """
    from markupsafe import Markup

    settings = []
    for number, setting in enumerate(found.settings):
        entries = found.of_setting(setting)
        heads, people = by_person(entries)
        settings.append(
            {
                "title": setting_words(entries[0]),
                "rows": overview(entries),
                "curves": Markup(draw_curves(entries, f"s{number}")),
                "areas": areas(found, setting),
                "differences": [s for e in entries if (s := difference_sentence(e, found.baseline))],
                "harm": [harm_sentence(entry) for entry in entries if entry.mean("spent").mean > 0],
                "heads": heads,
                "people": people,
            }
        )
    style = environment("odl.evaluate.report").get_template("style.css").render()
    page = environment("odl.study.report").get_template("study.html").render(
        title=title, headline=headline(found), baseline=found.baseline, settings=settings, columns=HEADS,
        about=list(about.items()), command=command, definitions=DEFINITIONS, style=Markup(style),
    )  # fmt: skip
    write_private(folder / "methods.csv", methods_csv(found))
    write_private(folder / "people.csv", summary_csv(found))
    write_private(folder / "tables.tex", latex(found))
    write_private(folder / "report.html", page)
    return folder / "report.html"
