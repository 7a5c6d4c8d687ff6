"""The result as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from odl._text import aligned, clean, width, wrapped
from odl.evaluate import BASELINES, Evaluation, mean_of
from odl.evaluate.metrics import shown_at
from odl.evaluate.report.columns import COLUMNS
from odl.evaluate.report.sentences import comparison, headline, outcomes

_NAME = 6  # least width of a person's name


def summary_text(evaluations: Sequence[Evaluation], *, people: str = "people") -> str:
    """The result as plain text for a terminal of 80 columns: headline, table, explanations.

    Names are cleaned and cut to fit.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> from odl.core.events import Prediction, Truth
    >>> stream = [Truth(0, 128, "sit"), Prediction(0, (0,), ())]
    >>> without, names = [Prediction(0, (1,), ())], {0: "sit", 1: "walk"}
    >>> one = evaluate(stream, without, names, subject="7", window=128, rate_hz=50)
    >>> summary_text([one]).splitlines()[0]
    'With 0 answers, accuracy rose from 0 % to 100 % over the whole stream (person'
    """
    names = ["person", *(one.subject for one in evaluations)]
    figures = [one.to_json() for one in evaluations]
    if len(evaluations) > 1:
        names.append("mean")
        figures.append(mean_of(evaluations))
    heads = [[column.first for column in COLUMNS], [column.second for column in COLUMNS]]
    rows = [[column.text(of, "/").removesuffix(" %") for column in COLUMNS] for of in figures]
    widths = [max(map(width, cells)) for cells in zip(*heads, *rows, strict=True)]
    gap = 2 if sum(widths) + 2 * len(widths) <= 79 - _NAME else 1
    room = 79 - sum(widths) - gap * len(widths)
    names = [clean(name, max(room, _NAME)) for name in names]
    body = zip(names, [heads[1], *rows], strict=True)
    table = [["", *heads[0]], *([name, *row] for name, row in body)]
    ended = outcomes(evaluations)
    meanings = [
        (
            "with",
            "What is shown: the model's output, before it learns from the window, or an answer "
            "that still stands.",
        ),
        ("without", BASELINES["no_learning"].explanation),
        ("last answer", BASELINES["persistence"].explanation),
        *((metric.label, metric.explanation) for metric in shown_at("table") if not metric.compared),
        *([("questions", f"{ended}.")] if ended else []),
    ]
    indent = max(len(word) for word, _ in meanings)
    parts = [
        wrapped(clean(headline(evaluations, people), 400)),
        "Accuracy in %, with learning and without: whole stream, and its last third",
        aligned(table, gap),
        "\n".join(
            f"{word:{indent}}  " + wrapped(text, 77 - indent).replace("\n", "\n" + " " * (indent + 2))
            for word, text in meanings
        ),
    ]
    if context := comparison(evaluations):
        parts.append(wrapped(clean(context, 800)))
    return "\n\n".join(parts)
