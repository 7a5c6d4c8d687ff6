"""The report's HTML in pieces: style, tables, one section per person. No scripts, no links out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from odl._text import clean, percent
from odl.evaluate import Evaluation, Outcome, Score, worst_of
from odl.evaluate.report.look import Look, sliding, stride

STYLE = """
:root { color-scheme: light dark; --ink: #1a1c1f; --soft: #5f656c; --grid: #d9dce0; --card: #ffffff;
  --band: #f1f2f4; --page: #f6f7f8; --with: #0a5c8f; --without: #b4530a; --shade: 0 114 178; --most: .65; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --soft: #a3a9b1; --grid: #3a3f45;
  --card: #1d2024; --band: #2a2e33; --page: #141619; --with: #6bb8ea; --without: #f0a060;
  --shade: 0 114 178; --most: .85; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; }
h1 { font-size: 15px; font-weight: 600; color: var(--soft); margin: 0 0 10px; }
.headline { font-size: 31px; line-height: 1.22; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 14px;
  max-width: 27em; text-wrap: balance; }
.also { font-size: 17px; color: var(--soft); margin: 0 0 28px; max-width: 46em; }
h2 { font-size: 20px; margin: 0 0 12px; letter-spacing: -0.01em; }
h3 { font-size: 15px; margin: 0 0 8px; }
section, details { background: var(--card); border: 1px solid var(--grid); border-radius: 10px;
  padding: 22px 24px; margin: 0 0 20px; }
summary { cursor: pointer; font-size: 17px; } summary h2 { display: inline; }
summary span { color: var(--soft); margin-left: 10px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { width: 100%; }
th { font-weight: 600; text-align: left; } thead th { font-size: 13px; color: var(--soft);
  vertical-align: bottom; line-height: 1.3; }
td, th { padding: 7px 10px; border-bottom: 1px solid var(--grid); }
td.n, th.n { text-align: right; white-space: nowrap; }
tr:last-child > * { border-bottom: 0; }
tr.worst > * { background: var(--band); } tr.mean > * { border-top: 2px solid var(--ink); font-weight: 600; }
.tag { font-size: 12px; font-weight: 600; border: 1px solid currentColor; border-radius: 9px; padding: 0 7px;
  margin-left: 8px; white-space: nowrap; }
.strong { font-weight: 700; color: var(--with); }
.track { width: 210px; padding: 0 12px; } .track svg { display: block; width: 186px; height: 22px; }
.note { font-size: 14px; color: var(--soft); margin: 10px 0 0; text-wrap: pretty; }
figure { margin: 0; } figure svg { display: block; width: 100%; min-width: 720px; height: auto; }
figcaption { font-size: 14px; color: var(--soft); margin: 6px 0 0; }
.legend { list-style: none; margin: 14px 0 8px; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 18px;
  font-size: 14px; }
.swatch { display: inline-block; width: 14px; height: 14px; border-radius: 3px; margin-right: 6px;
  vertical-align: -2px; border: 1px solid rgb(0 0 0 / .25); }
.columns { display: flex; flex-wrap: wrap; gap: 28px 56px; margin-top: 24px; align-items: flex-start; }
.confusion td, .confusion th { padding: 5px 9px; font-size: 14px; border: 1px solid var(--card); }
.confusion td { text-align: center; min-width: 44px;
  background: rgb(var(--shade) / calc(var(--share) * var(--most))); }
.confusion td.zero { color: var(--soft); background: var(--band); }
.confusion td.recall { background: none; text-align: right; }
.confusion td.right { outline: 1.5px solid var(--ink); outline-offset: -2px; }
.confusion thead th { text-align: center; }
.confusion thead th.long { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
.facts td, .facts th { padding: 4px 12px 4px 0; font-size: 14px; }
.facts th { font-weight: 400; color: var(--soft); }
pre { background: var(--band); border-radius: 6px; padding: 10px 14px; overflow-x: auto; font-size: 14px;
  margin: 0; }
dl { margin: 0; font-size: 14px; columns: 2 24em; column-gap: 48px; }
dl div { break-inside: avoid; padding-bottom: 8px; } dt { font-weight: 600; }
dd { margin: 0; color: var(--soft); } footer { padding-bottom: 60px; }
@media print { body { background: none; } section, details { break-inside: avoid; } }
"""

_HATCH = "background-image:repeating-linear-gradient(45deg,transparent 0 2px,#ffffffb0 2px 4px)"

_CAPTION = (
    "Bars below a strip: wrong windows. Asked: ▲ answered, in the colour of the answer, its line as long as "
    "the answer took; × skipped; ○ no answer. ◆ learned from, with the number of labels if several. Dashed: "
    "a class the model did not know is announced. Curves: mean of the last {} scored windows."
)


def text(name: str, limit: int = 40) -> str:
    """An untrusted name or sentence, ready to stand in HTML; a figure keeps its per cent sign.

    >>> text("<b>\\x1b")
    '&lt;b&gt;'
    """
    return escape(clean(name, limit)).replace(" %", "&nbsp;%")


def page(title: str, header: str, main: str, footer: str) -> str:
    """The whole document; ``title`` is escaped here, the other parts are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{text(title, 120)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>{header}</header>\n<main>\n{main}\n</main>\n<footer>{footer}</footer>\n</body>\n</html>\n"
    )


_ENDED = {
    Outcome.ANSWERED: "answered", Outcome.SKIPPED: "skipped", Outcome.EXPIRED: "expired",
    Outcome.UNDONE: "taken back", Outcome.OPEN: "open at the end",
}  # fmt: skip


def ended(evaluations: Sequence[Evaluation]) -> str:
    """What became of all questions, for example "19 answered, 1 open at the end"; empty if none was asked.

    >>> ended([])
    ''
    """
    count = Counter(q.outcome for one in evaluations for q in one.timeline.questions)
    return ", ".join(f"{count[outcome]} {word}" for outcome, word in _ENDED.items() if count[outcome])


def standing(figures: Mapping[str, object]) -> float:
    """Answers that were not taken back again, of one person or the mean.

    >>> standing({"labels": 3, "undone": 1})
    2.0
    """
    return float(figures["labels"]) - float(figures["undone"])  # type: ignore[arg-type]


# --- everybody --------------------------------------------------------------------------------


def people_table(evaluations: Sequence[Evaluation], mean: Mapping[str, object]) -> str:
    """Each person's figures beside the baselines, the worst one marked, the mean last."""
    worst = (worst_of(evaluations) or {}).get("subject") if len(evaluations) > 1 else None
    rows = []
    for one in evaluations:
        is_worst = one.subject == worst
        tag = '<span class="tag">lowest</span>' if is_worst else ""
        asked = str(one.queries) if one.budget is None else f"{one.queries} of {one.budget}"
        cells = f'<th scope="row">{text(one.subject)}{tag}</th>' + _score_cells(one.score, one.baselines)
        cells += f'<td class="n">{asked}</td><td class="n">{one.timeline.standing}</td>'
        rows.append(f'<tr class="worst">{cells}</tr>' if is_worst else f"<tr>{cells}</tr>")
    if len(evaluations) > 1:
        rows.append(_mean_row(mean))
    became = ended(evaluations)
    return (
        '<section><h2>Each person</h2><div class="scroll"><table class="wide"><thead><tr>'
        '<th scope="col">person</th><th scope="col">last third, 0 to 100 %</th>'
        '<th scope="col" class="n">with<br>learning</th><th scope="col" class="n">no<br>learning</th>'
        '<th scope="col" class="n">last<br>answer</th><th scope="col" class="n">most<br>frequent</th>'
        '<th scope="col" class="n">whole<br>stream</th><th scope="col" class="n">macro-F1</th>'
        '<th scope="col" class="n">questions</th><th scope="col" class="n">answers</th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="note">Accuracy on the last third of the scored windows; “whole stream” and macro-F1 are '
        "with learning, over all of them. In the drawing: ○ no learning, ● with learning, | last answer. "
        "“Most frequent” needs to be told by an oracle which class that will be."
        + (f" Questions: {became}." if became else "")
        + "</p></section>"
    )


def _score_cells(score: Score, baselines: Mapping[str, Score]) -> str:
    plain, last = baselines["no_learning"].accuracy_last_third, baselines["persistence"].accuracy_last_third
    figures = [
        f'<td class="n strong">{percent(score.accuracy_last_third, 1)}</td>',
        *(f'<td class="n">{percent(share, 1)}</td>' for share in (plain, last)),
        f'<td class="n">{percent(baselines["majority"].accuracy_last_third, 1)}</td>',
        f'<td class="n">{percent(score.accuracy, 1)}</td>',
        f'<td class="n">{"–" if score.macro_f1 is None else format(score.macro_f1, ".2f")}</td>',
    ]
    return f'<td class="track">{_track(plain, score.accuracy_last_third, last)}</td>' + "".join(figures)


def _mean_row(mean: Mapping[str, object]) -> str:
    def score(of: Mapping[str, object]) -> Score:
        return Score(of["accuracy"], of["macro_f1"], of["accuracy_last_third"])  # type: ignore[arg-type]

    bases = mean["baselines"]
    assert isinstance(bases, Mapping)
    cells = _score_cells(score(mean), {name: score(of) for name, of in bases.items()})
    return (
        f'<tr class="mean"><th scope="row">mean</th>{cells}'
        f'<td class="n">{mean["queries"]:.1f}</td><td class="n">{standing(mean):.1f}</td></tr>'
    )


def _track(plain: float | None, learnt: float | None, last: float | None) -> str:
    """A line from 0 to 100 % with the three accuracies on it."""

    def x(share: float) -> str:
        return f"{8 + 170 * share:.1f}"

    said = f"no learning {percent(plain)}, with learning {percent(learnt)}, last answer {percent(last)}"
    marks = '<path d="M8 11H178" stroke="var(--grid)" stroke-width="2"/>'
    if last is not None:
        marks += f'<path d="M{x(last)} 5v12" stroke="var(--soft)" stroke-width="2"/>'
    if plain is not None and learnt is not None:
        marks += f'<path d="M{x(plain)} 11H{x(learnt)}" stroke="var(--with)" stroke-width="3"/>'
    if plain is not None:
        ring = 'r="4.5" fill="var(--card)" stroke="var(--without)" stroke-width="2"'
        marks += f'<circle cx="{x(plain)}" cy="11" {ring}/>'
    if learnt is not None:
        marks += f'<circle cx="{x(learnt)}" cy="11" r="5.5" fill="var(--with)"/>'
    return f'<svg viewBox="0 0 186 22" role="img" aria-label="{said}">{marks}</svg>'


# --- one person -------------------------------------------------------------------------------


def person(
    evaluation: Evaluation, look: Mapping[str, Look], picture: str, recording: str, *, is_open: bool
) -> str:
    """One person's section: the picture, the confusion matrix, what happened in numbers."""
    score, plain = evaluation.score, evaluation.baselines["no_learning"]
    short = (
        f"last third {percent(score.accuracy_last_third)}, "
        f"without learning {percent(plain.accuracy_last_third)}"
    )
    asked = len(evaluation.timeline.questions)
    label = (
        f"Timeline of person {text(evaluation.subject)}: truth, prediction with and without learning, "
        f"{asked} questions and their answers, accuracy along the stream; {short}."
    )
    every = stride(evaluation)
    thin = f" The session is long: one window in {every} is drawn." if every > 1 else ""
    return (
        f"<details{' open' if is_open else ''}><summary><h2>Person {text(evaluation.subject)}</h2>"
        f"<span>{text(short, 80)}</span></summary>{_legend(evaluation, look)}"
        f'<figure><div class="scroll" tabindex="0" role="img" aria-label="{label}">{picture}</div>'
        f"<figcaption>{_CAPTION.format(sliding(evaluation))}{thin}</figcaption></figure>"
        f'<div class="columns">{_confusion(evaluation)}{_facts(evaluation, recording)}</div></details>'
    )


def _legend(evaluation: Evaluation, look: Mapping[str, Look]) -> str:
    line = evaluation.timeline
    here = set(evaluation.classes) | {name for _, _, name in line.truths}
    here |= {row.predicted for row in line.rows} | {row.without for row in line.rows if row.without}
    items = []
    for name, (colour, hatch) in look.items():
        if name in here:
            style = f"background-color:{colour}" + (f";{_HATCH}" if hatch else "")
            items.append(f'<li><span class="swatch" style="{style}"></span>{text(name)}</li>')
    return f'<ul class="legend" aria-label="classes">{"".join(items)}</ul>'


def _confusion(evaluation: Evaluation) -> str:
    if not evaluation.scored:
        return "<p>No window has a truth, so nothing could be scored.</p>"
    classes = evaluation.classes
    kind = ' class="long"' if any(len(clean(name)) > 6 for name in classes) else ""
    head = "".join(f'<th scope="col"{kind}>{text(name, 20)}</th>' for name in classes)
    rows = []
    for i, (name, counts) in enumerate(zip(classes, evaluation.confusion, strict=True)):
        if not sum(counts):
            continue
        cells = []
        for j, count in enumerate(counts):
            share = count / sum(counts)
            marks = ["right"] * (i == j) + ["zero"] * (count == 0)
            cells.append(
                f'<td class="{" ".join(marks)}" style="--share:{share:.2f}" '
                f'title="{percent(share)}">{count}</td>'
            )
        recall = percent(evaluation.recall[name])
        row = f'<tr><th scope="row">{text(name, 20)}</th>{"".join(cells)}'
        rows.append(f'{row}<td class="recall">{recall}</td></tr>')
    return (
        '<div class="scroll"><h3>What was called what, with learning</h3>'
        f'<table class="confusion"><thead><tr><th scope="col">true ↓ called →</th>{head}'
        f'<th scope="col">found</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        '<p class="note">Windows; shade: share of the row.</p></div>'
    )


def _facts(evaluation: Evaluation, recording: str) -> str:
    figures = evaluation.to_json()
    rows = {
        "windows": f"{figures['windows']}, {figures['scored']} scored",
        "macro-F1": "–" if evaluation.score.macro_f1 is None else f"{evaluation.score.macro_f1:.3f}",
        "questions": str(figures["queries"])
        + ("" if evaluation.budget is None else f" of {evaluation.budget} allowed in all"),
        "of these": ended([evaluation]) or "–",
        "learned from": f"{figures['learned']} labels in {len(evaluation.timeline.lessons)} batches",
        "classes announced": ", ".join(text(name) for _, name in evaluation.timeline.added) or "none",
    }
    if evaluation.accuracy_held is not None:
        rows["accuracy, answers held"] = percent(evaluation.accuracy_held, 1)
    refused = ("late", "repeated", "unknown", "no_such_class", "full", "undone")
    odd = [f"{figures[name]} {name.replace('_', ' ')}" for name in refused if figures[name]]
    if odd:
        rows["late, refused, undone"] = ", ".join(odd)
    if recording:
        rows["recording"] = text(recording, 60)
    return f"<div><h3>In numbers</h3>{facts(rows)}</div>"


def facts(rows: Mapping[str, str]) -> str:
    """A small table of names and values; both are HTML.

    >>> facts({"window": "128"})
    '<table class="facts"><tr><th scope="row">window</th><td>128</td></tr></table>'
    """
    body = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows.items())
    return f'<table class="facts">{body}</table>'
