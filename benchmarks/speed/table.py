"""Figures as a table of text."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.speed.paired import Figure


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def line(figure: Figure) -> list[str]:
    """One row of the table, a text for each column."""
    if figure.refused:
        return [figure.name, "", figure.peer, "", f"refused: {figure.refused}"]
    assert figure.ours is not None
    ours = f"{number(figure.ours.median)} {figure.unit}"
    if figure.theirs is None or figure.ratio is None:
        return [figure.name, ours, "", "", ""]
    ratio = figure.ratio
    return [
        figure.name, ours, f"{figure.peer}: {number(figure.theirs.median)}",
        f"{number(ratio.median)} times", f"[{number(ratio.low)} to {number(ratio.high)}]",
    ]  # fmt: skip


def table(found: Iterable[Figure]) -> str:
    """The rows below each other, and what was checked below them."""
    found = list(found)
    lines = [line(figure) for figure in found]
    widths = [max(len(text[i]) for text in lines) for i in range(5)]
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(text, widths, strict=True)).rstrip()
        for text in lines
    ]
    checks = [f"checked, {figure.name}: {figure.checked}" for figure in found if figure.checked]
    return "\n".join([*shown, "", *checks])
