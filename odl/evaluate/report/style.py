"""Colours, sizes and the number of windows drawn, for all parts of the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from odl.evaluate import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# After Okabe and Ito (jfly.uni-koeln.de/color, 2008), some made lighter or darker: any two
# differ by at least 6 in lightness L* and by 17 in CIELAB, for three kinds of colour blindness.
PALETTE = ("#56B4E9", "#D55E00", "#005A43", "#F0E442", "#CC79A7", "#0072B2", "#F2B8D6", "#332288")
HATCHES = ("", "////", "....", "xxxx")

# Placeholders, replaced by CSS variables in the SVG; templates/style.css has their values.
INK, SOFT, GRID, CARD, BAND = "#1a1c1f", "#6b7076", "#d9dce0", "#fefdfd", "#f1f2f4"
WITH, WITHOUT = "#0a5c8f", "#c25a0b"
VARIABLES = {
    INK: "ink", SOFT: "soft", GRID: "grid", CARD: "card", BAND: "band", WITH: "with", WITHOUT: "without",
}  # fmt: skip

WIDTH, HEIGHT, LEFT, RIGHT = 11.0, 6.3, 0.98, 1.2  # inches: the picture and its side margins
_SLIDING = 60  # windows in the running accuracy
_DRAWN = 3000  # most windows drawn: more exceed a screen's resolution and enlarge the page


class ClassStyle(NamedTuple):
    """The colour and hatch of a class."""

    colour: str
    hatch: str


def class_styles(evaluations: Sequence[Evaluation]) -> dict[str, ClassStyle]:
    """A colour, and beyond eight classes a hatch, for every class; the same for all people.

    >>> class_styles([])
    {}
    """
    known, names = dict[str, None](), dict[str, None]()
    for one in evaluations:
        line = one.timeline
        added = {name for _, name in line.added}
        known |= dict.fromkeys(name for name in line.names.values() if name not in added)
        names |= dict.fromkeys(added)
        names |= dict.fromkeys(one.classes)
        names |= dict.fromkeys(name for _, _, name in line.truths)
        names |= dict.fromkeys([*line.rows.classes("predicted"), *line.rows.classes("without")])
        names |= dict.fromkeys(q.answer for q in line.questions if q.answer is not None)
    return styles_for(known, names)


def styles_for(known: Iterable[str], others: Iterable[str]) -> dict[str, ClassStyle]:
    """A style for each class: the model's classes by their order, others by their names.

    A class has the same style in sessions with other new classes, unless two new ones compete for one colour.

    >>> styles_for(["walk"], ["row", "wave"])["wave"] == styles_for(["walk"], ["wave"])["wave"]
    True
    """
    place = {name: i for i, name in enumerate(dict.fromkeys(known))}
    waiting, n = sorted(set(others) - set(place)), len(PALETTE)
    while waiting:
        start = len(place)
        room = n - start % n  # first the rest of the eight colours, then eight with the next hatch
        free = list(range(start, start + room))
        for name in waiting[:room]:
            at = crc32(name.encode("utf-8", "backslashreplace"))
            while start + at % room not in free:
                at += 1
            place[name] = start + at % room
            free.remove(place[name])
        waiting = waiting[room:]
    return {name: ClassStyle(PALETTE[i % n], HATCHES[i // n % len(HATCHES)]) for name, i in place.items()}


def stride(evaluation: Evaluation) -> int:
    """Every how many windows one is drawn: 1 unless the session is long."""
    return max(1, -(-len(evaluation.timeline.rows) // _DRAWN))


def sliding_window(evaluation: Evaluation) -> int:
    """Number of scored windows in the running accuracy."""
    return _SLIDING * stride(evaluation)


def points_per_unit(axes: Axes) -> float:
    """Points of the page per unit of x."""
    low, high = axes.get_xlim()
    return (WIDTH - LEFT - RIGHT) * 72 / (high - low)


def text_width(text: str, size: float) -> float:
    """An upper bound of the width of ``text`` in points at font size ``size``."""
    return 0.66 * size * len(text)  # points; an upper bound for DejaVu Sans
