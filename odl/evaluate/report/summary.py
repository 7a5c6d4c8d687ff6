"""The result as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from odl._text import aligned, clean, width, wrapped
from odl.evaluate import BASELINES, Evaluation, mean_of, worst_of
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
    >>> print(summary_text([one]).splitlines()[0])
    With 0 answers, accuracy on the last third rose from 0 % to 100 % (person 7)
    """
    mean, worst = mean_of(evaluations), worst_of(evaluations)
    names = ["person", *(one.subject for one in evaluations)]
    figures = [one.to_json() for one in evaluations]
    if len(evaluations) > 1:
        names.append("mean")
        figures.append(mean)
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
            "with learning",
            "What is shown: the model's output, before it learns from the window, or an answer "
            "that still stands.",
        ),
        *((baseline.label, baseline.explanation) for baseline in BASELINES.values()),
        *(
            (column.metric.label, column.metric.explanation)
            for column in COLUMNS
            if not column.metric.compared
        ),
        *([("questions", f"{ended}.")] if ended else []),
    ]
    indent = max(len(word) for word, _ in meanings)
    parts = [
        wrapped(clean(headline(evaluations, people), 400)),
        "Accuracy in % on the last third of the scored windows; * over all of them",
        aligned(table, gap),
        "\n".join(
            f"{word:{indent}}  " + wrapped(text, 77 - indent).replace("\n", "\n" + " " * (indent + 2))
            for word, text in meanings
        ),
    ]
    if len(evaluations) > 1 and worst is not None:
        parts.append(wrapped(clean(comparison(mean, worst), 600)))
    return "\n\n".join(parts)
