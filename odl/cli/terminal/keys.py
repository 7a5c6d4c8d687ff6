"""The keys of the terminal's view: what each means now, and the lines that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from odl._text import clean, width, wrapped
from odl.labels.question import ClassChoice, Placement
from odl.live.status import QuestionSource

Part = tuple[str, str]  # style, text
Line = list[Part]

# One key per class: digits, then the letters that have no other meaning.
KEYS: Final = "123456789abcefghijkloprvwxyz"
HELP: Final = (
    "1-9, a-z  the class beside the key; the most probable ones come first",
    "n         another class, new or known: type its name, then choose its place in the tree",
    "s         skip: do not answer this question",
    "t         teach: say unasked what you are doing now; it costs no question",
    "m         the classes themselves: add, rename, merge, remove, bring back",
    "u         undo: take back the last answer, also if it has been learned",
    "=         the same answer as the last one",
    "tab       the next open question; shift-tab the one before",
    "d         details of the line and the board",
    "q         twice: end the session; the recording is closed properly",
    "esc       leave this help, or a name that is being typed",
)
# In a review of a recording these keys mean something else; those without a text do not exist.
RELABEL_TEXTS: Final = {
    "s": "s         no answer counts for this question",
    "t": "",
    "m": "",
    "u": "u         undo: take back the last edit",
    "tab": "tab       leave this question unchanged, go to the next; shift-tab the one before",
    "d": "",
    "q": "q         done: all edits are stored, and the session runs again with them",
}


@dataclass
class KeyMode:
    """The meaning of keys now.

    ``kind`` is ``keys``, ``help``, ``details``, ``teach`` (choosing what is done now), ``name`` (typing one),
    ``place`` (choosing one), ``classes`` (the menu of changes) or ``which`` (choosing the class that is
    changed). ``window`` is the question that is being answered; without one the name is taught, or given to
    what is changed of the classes: ``what``, of the class ``first``. ``choices`` are the classes of ``teach``
    and ``which``, in the order in which they were first shown.
    """

    kind: str = "keys"
    window: int | None = None
    typed: str = ""
    places: tuple[Placement, ...] = ()
    choices: tuple[ClassChoice, ...] = ()
    what: str = ""
    first: str = ""

    @property
    def changing(self) -> bool:
        """True while the classes themselves are being changed."""
        return self.kind == "classes" or bool(self.what)

    @property
    def teaching(self) -> bool:
        """True while the person says unasked what is done now."""
        return self.kind == "teach" or (
            self.kind in ("name", "place") and self.window is None and not self.what
        )


def keyed(likely: Sequence[ClassChoice]) -> dict[str, str]:
    """Return the class name of each key.

    >>> keyed([ClassChoice("up", 0.7, ("up",)), ClassChoice("sit", 0.3, ("sit",))])
    {'1': 'up', '2': 'sit'}
    """
    return {key: one.name for key, one in zip(KEYS, likely, strict=False)}


def help_lines(live: bool, columns: int) -> list[Line]:
    """Return the help, with the keys in a column of their own."""
    lines: list[Line] = []
    for line in HELP:
        text = line if live else RELABEL_TEXTS.get(line.split()[0], line)
        if text:
            first, *more = wrapped(text[10:], max(20, columns - 10)).split("\n")
            lines += [[("", text[:10] + first)], *([("", " " * 10 + part)] for part in more)]
    return lines


def class_lines(likely: Sequence[ClassChoice], columns: int) -> list[Line]:
    """Return a key for each class, in as many columns as there is room for."""
    cells = []
    for key, one in zip(KEYS, likely, strict=False):
        score = "" if one.score is None else f" {one.score:.2f}"
        text = " > ".join(clean(name, 24) for name in one.path) + score
        if width(text) + 5 > columns:  # the lowest class of the path tells them apart
            text = clean(one.name, 32) + score
        cells.append((key, text))
    wide = min(columns, max((width(text) for _, text in cells), default=0) + 5)
    beside, lines = max(1, columns // wide), []
    for i in range(0, len(cells), beside):
        line: Line = []
        for key, text in cells[i : i + beside]:
            text = clean(text, wide - 5)
            line += [("class:key", f" {key} "), ("", f" {text}{' ' * (wide - 4 - width(text))}")]
        lines.append(line)
    return lines


def key_lines(prompt: QuestionSource, asking: bool, columns: int) -> list[Line]:
    """Return the keys that are no classes, in as many lines as they need."""
    names = [("u", "undo"), ("?", "help"), ("q", "quit")]
    if prompt.live:
        classes = [] if asking else [("m", "classes")]  # the help has it beside a question, too
        names = [("t", "teach"), *classes, *names]
    if asking:
        same = f"same: {clean(prompt.previous, 20)}" if prompt.previous else "same as before"
        names = [("n", "new class"), ("s", "skip" if prompt.live else "no answer"), ("=", same), *names]
    lines: list[Line] = [[]]
    room = columns
    for key, what in names:
        room -= width(what) + 4
        if room < 0 and lines[-1]:
            lines.append([])
            room = columns - width(what) - 4
        lines[-1] += [("class:key", f" {key} "), ("", f" {what}  ")]
        room -= 2
    return [[*line[:-1], (line[-1][0], line[-1][1].rstrip(" "))] for line in lines]


def mode_lines(mode: KeyMode, columns: int) -> tuple[list[Line], list[Line]]:
    """Return the lines in which a class is chosen, named or placed, and the keys that end that; else none."""
    if mode.kind not in ("teach", "name", "place"):
        return [], []
    if mode.kind == "teach":
        foot: Line = [("class:key", " n "), ("", " new class  "), ("class:quiet", "esc: teach nothing")]
        return class_lines(mode.choices, columns), [foot]
    if mode.kind == "name":
        typed = clean(mode.typed) if mode.typed else ""
        return [[("", "name of the class: "), ("class:typed", typed), ("", "_")]], [
            [("class:quiet", "enter: continue   esc: leave it")]
        ]
    lines: list[Line] = [[("", f"the place of '{clean(mode.typed)}' in the tree:")]]
    for key, place in zip(KEYS, mode.places, strict=False):
        where = "at the top" if place.under is None else f"under {clean(place.under)}"
        lines.append([("", "  " * place.depth), ("class:key", f" {key} "), ("", f" {where}")])
    return lines, [[("class:quiet", "enter: at the top   esc: leave it")]]
