"""Put the report together: one HTML file, and the summary for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl._text import aligned, clean, percent, width, wrapped
from odl.evaluate import Evaluation, mean_of, worst_of
from odl.evaluate.report import page
from odl.evaluate.report.figure import draw
from odl.evaluate.report.look import looks

_OPEN_AT_MOST = 4  # sections; of more people only the worst one's is open at first

_DEFINITIONS = {
    "Window and truth": "Predictions are made once per window. A window is scored if one class covers at "
    "least half of its samples; that class is its truth. Other windows stream by unscored.",
    "With learning": "The model's own output, each window predicted before anything is learned from it.",
    "No learning": "The same model on the same stream, never asking and never changing.",
    "Last answer": "Always repeats the class of the newest answer; wrong before the first one.",
    "Most frequent": "Always names the person's most frequent true class, which only an oracle knows.",
    "Last third": "The last third of the scored windows: what the person is left with.",
    "Macro-F1": "The mean of F1 over classes, each class counting the same.",
    "Questions": "The budget counts questions asked; skipped and unanswered ones are not refunded. What is "
    "allowed in all adds up a budget per time over the whole stream.",
}


@dataclass(frozen=True, slots=True)
class SessionView:
    """One person's evaluation and, if it was kept, the name of the recording's file."""

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
    """Write one self-contained HTML page about the sessions and return where it is.

    Parameters
    ----------
    path
        The file to write; an existing one is replaced.
    sessions
        One for each person, at least one.
    title
        What the report is about.
    about
        Settings used, in the order to show them. The entry ``command``, if any, is shown as
        the way to get this report again.
    memory
        Bytes that the learner would take on a board, by part.
    people
        Who they are, for the headline: ``"people never seen in training"``.
    progress
        Called with a short sentence before each step.

    Raises
    ------
    ValueError
        No sessions were given.

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
        raise ValueError("a report needs at least one session: none was given")
    evaluations = [view.evaluation for view in sessions]
    mean, worst, look = mean_of(evaluations), worst_of(evaluations), looks(evaluations)
    sections = []
    for i, view in enumerate(sessions):
        one = view.evaluation
        if progress:
            progress(f"report: person {clean(one.subject)} ({i + 1} of {len(sessions)})")
        is_open = len(sessions) <= _OPEN_AT_MOST or (worst is not None and one.subject == worst["subject"])
        picture = draw(one, look, prefix=f"p{i}")
        sections.append(page.person(one, look, picture, view.recording, is_open=is_open))
    header = (
        f"<h1>{page.text(title, 120)}</h1>"
        f'<p class="headline">{page.text(headline(evaluations, people), 400)}</p>'
        f'<p class="also">{page.text(_beside(mean, worst), 600)}</p>'
    )
    main = page.people_table(evaluations, mean) + "\n".join(sections) + _settings(about, memory)
    terms = "".join(f"<div><dt>{term}</dt><dd>{meaning}</dd></div>" for term, meaning in _DEFINITIONS.items())
    write_private(path, page.page(title, header, main, f"<h2>What the words mean</h2><dl>{terms}</dl>"))
    return Path(path)


def headline(evaluations: Sequence[Evaluation], people: str = "people") -> str:
    """The result in one plain sentence.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> headline([evaluate([], [], {}, subject="7", window=128, rate_hz=50)])
    'Nothing could be scored: the stream carries no truth'
    """
    mean = mean_of(evaluations)
    late, plain = mean["accuracy_last_third"], mean["baselines"]["no_learning"]["accuracy_last_third"]
    if late is None:
        return "Nothing could be scored: the stream carries no truth"
    labels = [one.timeline.standing for one in evaluations]
    answers = f"{labels[0]}" if len(set(labels)) == 1 else f"about {page.standing(mean):.0f}"
    answers += " answer" if answers == "1" else " answers"
    if len(evaluations) > 1:
        each, who = " a person", f" ({len(evaluations)} {people})"
    else:
        each, who = "", f" (person {clean(evaluations[0].subject, 40)})"
    before, after = percent(plain), percent(late)
    if plain is None:
        return f"With {answers}{each}, accuracy on the last third was {after}{who}"
    if before == after:
        return f"With {answers}{each}, accuracy on the last third stayed at {after}{who}"
    moved = "rose" if late > plain else "fell"
    return f"With {answers}{each}, accuracy on the last third {moved} from {before} to {after}{who}"


def summary_text(evaluations: Sequence[Evaluation], *, people: str = "people") -> str:
    """The result as plain text for a terminal of 80 columns: headline, table, what it means.

    Names are freed of control characters and cut to fit.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> from odl.core.events import Label, Prediction, Query, Truth
    >>> stream = [Truth(0, 192, "sit"), Prediction(0, (1,), ()), Query(0, 9, 999), Label(128, 0, 0),
    ...           Prediction(64, (0,), ()), Query(64, 9, 999)]
    >>> without = [Prediction(0, (1,), ()), Prediction(64, (1,), ())]
    >>> one = evaluate(stream, without, {0: "sit", 1: "walk"}, subject="7", window=128, rate_hz=50, budget=2)
    >>> print(summary_text([one]))
    With 1 answer, accuracy on the last third rose from 0 % to 100 % (person 7)
    <BLANKLINE>
    Accuracy in % on the last third of the scored windows; * over all of them
    <BLANKLINE>
                with        no    last      most    whole  macro
    person  learning  learning  answer  frequent  stream*    F1*  asked  answers
    7          100.0       0.0   100.0     100.0     50.0   0.33    2/2        1
    <BLANKLINE>
    with learning  the model as it learns; each window is predicted first
    no learning    the same model, never asking and never changing
    last answer    always repeats the newest answer
    most frequent  an oracle: always names the person's most frequent class
    asked          questions asked/allowed in all: 1 answered, 1 open at the end
    """
    mean, worst = mean_of(evaluations), worst_of(evaluations)
    names, rows = ["person"], [_HEAD[1]]
    for one in evaluations:
        asked = f"{one.queries}" if one.budget is None else f"{one.queries}/{one.budget}"
        names.append(one.subject)
        rows.append([*_figures(one.to_json()), asked, str(one.timeline.standing)])
    if len(evaluations) > 1:
        names.append("mean")
        rows.append([*_figures(mean), f"{mean['queries']:.1f}", f"{page.standing(mean):.1f}"])
    room = 79 - sum(2 + max(map(width, column)) for column in zip(_HEAD[0], *rows, strict=True))
    names = [clean(name, max(room, 6)) for name in names]
    table = [["", *_HEAD[0]], *([name, *row] for name, row in zip(names, rows, strict=True))]
    allowed = "" if all(one.budget is None for one in evaluations) else "/allowed in all"
    ended = page.ended(evaluations)
    meaning = [*_MEANING, ("asked", f"questions asked{allowed}" + (ended and f": {ended}"))]
    indent = max(len(word) for word, _ in meaning)
    parts = [
        wrapped(clean(headline(evaluations, people), 400)),
        "Accuracy in % on the last third of the scored windows; * over all of them",
        aligned(table),
        "\n".join(
            f"{word:{indent}}  " + wrapped(text, 77 - indent).replace("\n", "\n" + " " * (indent + 2))
            for word, text in meaning
        ),
    ]
    if len(evaluations) > 1 and worst is not None:
        parts.append(wrapped(clean(_beside(mean, worst), 600)))
    return "\n\n".join(parts)


_HEAD = [
    ["with", "no", "last", "most", "whole", "macro", "", ""],
    ["learning", "learning", "answer", "frequent", "stream*", "F1*", "asked", "answers"],
]

_MEANING = (
    ("with learning", "the model as it learns; each window is predicted first"),
    ("no learning", "the same model, never asking and never changing"),
    ("last answer", "always repeats the newest answer"),
    ("most frequent", "an oracle: always names the person's most frequent class"),
)


def _figures(figures: Mapping[str, Any]) -> list[str]:
    bases, f1 = figures["baselines"], figures["macro_f1"]
    late = [figures, bases["no_learning"], bases["persistence"], bases["majority"]]
    shares = [*(of["accuracy_last_third"] for of in late), figures["accuracy"]]
    return [*(percent(share, 1).removesuffix(" %") for share in shares), "–" if f1 is None else f"{f1:.2f}"]


def _beside(mean: Mapping[str, Any], worst: Mapping[str, Any] | None) -> str:
    """What the headline has to be seen beside: the interval, the worst person, the baselines."""
    if worst is None:
        return "The pictures below show what was predicted and asked."
    said = []
    if mean["interval"]:
        low, high = mean["interval"]
        said.append(f"95 % interval over people: {100 * low:.0f} to {percent(high)}.")
    if mean["people"] > 1:
        plain = worst["baselines"]["no_learning"]["accuracy_last_third"]
        said.append(
            f"Lowest: person {clean(worst['subject'], 40)} with {percent(worst['accuracy_last_third'])}"
            + ("." if plain is None else f" ({percent(plain)} without learning).")
        )
    last = mean["baselines"]["persistence"]["accuracy_last_third"]
    most = mean["baselines"]["majority"]["accuracy_last_third"]
    said.append(f"Always repeating the last answer gets {percent(last)}, always naming the most")
    return " ".join(said) + f" frequent class {percent(most)}."


def _settings(about: Mapping[str, str], memory: Mapping[str, int]) -> str:
    parts = []
    if memory:
        rows = "".join(
            f'<tr><th scope="row">{page.text(name, 60)}</th><td class="n">{_thousands(size)}</td>'
            f'<td class="n">{size / 1024:.1f}</td></tr>'
            for name, size in memory.items()
        )
        parts.append(
            '<div><h2>Memory on a board</h2><table><thead><tr><th scope="col">part</th>'
            '<th scope="col" class="n">bytes</th><th scope="col" class="n">KiB</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
    rows_about = {page.text(k, 60): page.text(v, 300) for k, v in about.items() if k != "command"}
    if rows_about:
        parts.append(f"<div><h2>Settings</h2>{page.facts(rows_about)}</div>")
    again = ""
    if "command" in about:
        command = page.text(about["command"], 1000)
        again = f"<section><h2>Get this report again</h2><pre><code>{command}</code></pre></section>"
    settings = f'<section><div class="columns" style="margin-top:0">{"".join(parts)}</div></section>'
    return (settings if parts else "") + again


def _thousands(size: int) -> str:
    return f"{size:,}".replace(",", "\u202f")  # a narrow space that does not break
