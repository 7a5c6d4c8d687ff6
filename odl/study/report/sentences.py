"""What a study found, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from odl._text import counted
from odl.study.report.analysis import Analysis, MethodFigures
from odl.study.report.statistics import Interval


def points(share: float) -> str:
    """A difference of shares in points, with its sign.

    >>> points(0.0123), points(-0.2)
    ('+1.2', '-20.0')
    """
    return f"{100 * share:+.1f}"


def percents(interval: Interval, signed: bool = False) -> str:
    """A mean in per cent with its interval.

    >>> percents(Interval(0.5, 0.4, 0.625)), percents(Interval(0.01, None, None), signed=True)
    ('50.0 [40.0, 62.5]', '+1.0')
    """

    def text(share: float) -> str:
        return points(share) if signed else f"{100 * share:.1f}"

    if interval.low is None or interval.high is None:
        return text(interval.mean)
    return f"{text(interval.mean)} [{text(interval.low)}, {text(interval.high)}]"


def setting_words(entry: MethodFigures) -> str:
    """What distinguishes the setting of ``entry``."""
    return ", ".join(f"{name} {value}" for name, value in entry.setting)


def difference_sentence(entry: MethodFigures, baseline: str) -> str:
    """One entry against the baseline; it says so where the difference is within noise."""
    difference = entry.difference
    if difference is None:
        return ""
    gained = percents(difference.interval, signed=True)
    what = (
        f"{entry.method} at {entry.mean('spent').mean:.1f} labels: {gained} "
        f"points of the last third against {baseline} at the same labels, over {_people(difference.people)}"
    )
    p = f"p = {difference.corrected:.3f} after Holm's correction"
    if difference.beyond and entry.mean("spent").mean > 0:
        what += (
            f"; {baseline} asked fewer than that with {difference.beyond} of them, "
            "where the end of its curve counts"
        )
    if difference.people < 6:
        return f"{what}. So few people cannot show a difference ({p}); take it as within noise."
    return f"{what}. This is within noise ({p})." if difference.is_noise else f"{what} ({p})."


def harm_sentence(entry: MethodFigures) -> str:
    """Who did worse than without learning, and by how much."""
    of, where = _people(len(entry.people)), f"{entry.method}, budget {entry.budget}"
    if not entry.harmed and not entry.harmed_whole:
        return f"{where}: nobody of {of} lost more than a point."

    def who(lost: Sequence[tuple[str, float]]) -> str:
        named = ", ".join(f"{subject} ({points(-share)})" for subject, share in lost)
        return f"{len(lost)} of {of}: {named}" if lost else "nobody"

    return (
        f"{where}: more than a point of the last third was lost by {who(entry.harmed)}; "
        f"of the whole stream by {who(entry.harmed_whole)}."
    )


def headline(found: Analysis) -> str:
    """The method, budget and setting with the highest accuracy on the last third."""

    def late(entry: MethodFigures) -> float:
        mean = entry.mean("late").mean
        return -1.0 if isnan(mean) else mean

    best = max(found.entries, key=late)
    where = f" ({setting_words(best)})" if len(found.settings) > 1 else ""
    return (
        f"{best.method} with budget {best.budget}{where} is right in {percents(best.mean('whole'))} % "
        f"of the whole stream and {percents(best.mean('late'))} % of its last third; without learning in "
        f"{100 * best.mean('plain_whole').mean:.1f} and {100 * best.mean('plain').mean:.1f} %"
    )


def _people(n: int) -> str:
    return "1 person" if n == 1 else counted(n, "people").removesuffix("s")
