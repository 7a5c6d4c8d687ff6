"""The layout of a text table, from its first lines: separator, names, units, and what stands above them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from odl.data.readers.table import NOTHING

SEPARATORS = ",;\t| "  # a blank stands for any number of blanks
COMMENTS = ("#", "//", "%", "!")
LINES = 400  # that are looked at; GENEActiv has a hundred above its rows
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf|nan", re.IGNORECASE)
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T _].*)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:[.,:]\d+)?(?: ?[ap]\.?m\.?)?(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}))?)?",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[(\[]?(?:[munµμ]?s|sec\w*|milli\w*|m/\(?s\^?[2²]\)?|m/s/s|mg|g|gal|[md]*eg\w*/\w+|[m]?dps|rad/s(?:ec)?|°/s"
    r"|[muµμ]?t|gauss|(?:local_)?flux|lsb|mv|kpa|hpa|%|[°]?c(?:elsius)?|deg\w*|v|no[ _]units|n/a|cal|raw"
    r"|unitless|hz|mbar|bpm|ohms?|kohms?|u[sS])?[)\]]?",
    re.IGNORECASE,
)
_RATE = (
    re.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)?) ?(?:hz|sps)\b", re.IGNORECASE),
    re.compile(
        r"\b(?:sampl\w+[ _]*)?(?:rate|frequency|freq|odr|fs)[ _]*(?:\(?hz\)?)?[^\w.]{1,6}(\d+(?:[.,]\d+)?)",
        re.IGNORECASE,
    ),
)
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_MARKED = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\.\d{3})+)")
_NO_RATE = re.compile(
    r"filter|pass\b|bandwidth|cut[- ]?off|lpf|hpf|notch|mains|crystal|i2c|spi\b", re.IGNORECASE
)
_NO_RATE_AFTER = re.compile(
    r"[ -]?(?:low|high|band|cut|notch|filter(?! +normal)|lpf|hpf|mains)", re.IGNORECASE
)


@dataclass(frozen=True)
class TextLayout:
    """How to read the rows of a text.

    ``first`` is the number of the first row of values, from 1. ``names`` are as wide as a row, empty for a
    column without one; ``header`` is the line they stood in, empty if the file has no names. ``thousands`` is
    the row and text of a number in which a comma or a point parts thousands, 0 if there is none.
    ``nameless`` are the numbers, from 1, of columns that have values other than the number of the row,
    but no name.
    """

    separator: str
    point: str
    first: int
    names: tuple[str, ...]
    header: str
    units: dict[str, str]
    rate_hz: float
    thousands: tuple[int, str] = (0, "")
    nameless: tuple[int, ...] = ()


def cells(line: str, separator: str) -> list[str]:
    """Split one line.

    >>> cells('"a, b", 2', ","), cells(" 1   2 ", " ")
    (['a, b', '2'], ['1', '2'])
    """
    if separator == " ":
        return line.split()
    try:
        return [c.strip() for c in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
    except csv.Error:
        return []


def find_layout(lines: list[str]) -> TextLayout | None:
    """Return the layout of a text from its first lines; None if no two columns of values are there.

    >>> found = find_layout(["# my logger, 50 Hz", "t;ax", "0,00;1,5", "0,02;1,6"])
    >>> found.separator, found.point, found.first, found.names, found.rate_hz
    (';', ',', 3, ('t', 'ax'), 50.0)
    """
    lines = lines[:LINES]
    told = re.fullmatch(r"sep=(.|\\t)", lines[0].strip('\ufeff\r\n "')) if lines else None
    named = "" if told is None else told[1].replace("\\t", "\t")
    best: tuple[float, str, int, list[int], list[list[str]]] = (0.0, "", 0, [], [])
    for separator in named or SEPARATORS:
        if separator != " " and not any(separator in line for line in lines):
            continue
        split = [cells(line, separator) if not is_comment(line) else [] for line in lines]
        values = {i: found for i, row in enumerate(split) if (found := _values_in(row))}
        if not values:
            continue
        width = Counter(len(split[i]) for i in values).most_common(1)[0][0]
        own = [i for i in values if len(split[i]) == width]
        score = sum(1.5 * values[i] - 0.5 * (width - split[i].count("")) for i in own)
        if score > best[0]:
            best = (score, separator, width, own, [split[i] for i in own])
    _, separator, width, rows, samples = best
    if not separator:
        return None
    first = rows[0]
    comma = any("," in c and _COMMA.fullmatch(c) for row in samples for c in row)
    header, names, units = _header(lines[:first], separator, width, samples)
    return TextLayout(
        separator, "," if comma else ".", first + 1, names, header, units, _rate(lines[: first]),
        _thousands(rows, samples),
        tuple(i + 1 for i, name in enumerate(names) if not name and _has_values([row[i] for row in samples])),
    )  # fmt: skip


def _has_values(column: list[str]) -> bool:
    """Whether a column has values, and these are not the numbers of rows, as pandas writes them."""
    values = [cell for cell in column if cell.lower() not in NOTHING]
    numbers = [int(cell) for cell in values if re.fullmatch(r"\d{1,12}", cell)]
    return bool(values) and numbers != list(
        range(numbers[0] if numbers else 0, len(values) + sum(numbers[:1]))
    )


def _thousands(rows: list[int], samples: list[list[str]]) -> tuple[int, str]:
    """The row, from 1, and text of a number of thousands with a mark beside whole numbers without one."""
    for column in zip(*samples, strict=True):
        marked = [pair for pair in zip(rows, column, strict=True) if _MARKED.fullmatch(pair[1])]
        if not marked:
            continue
        whole = [cell for cell in column if re.fullmatch(r"[+-]?\d{1,3}", cell)]
        filled = sum(cell.lower() not in NOTHING for cell in column)
        if len(marked) + len(whole) == filled and any(len(c.lstrip("+-")) == 3 for c in whole):
            return marked[0][0] + 1, marked[0][1]
    return 0, ""


def is_comment(line: str) -> bool:
    """Whether a line is no row: a remark."""
    return line.lstrip().startswith(COMMENTS)


def _is_value(cell: str) -> bool:
    text = cell.strip()
    return bool(_NUMBER.fullmatch(text.replace(",", ".", 1)) or _DATE.fullmatch(text))


def _values_in(row: list[str]) -> int:
    """How many cells of a row hold numbers or dates; 0 if they are less than a third of those filled."""
    if len(row) < 2:
        return 0
    found = sum(map(_is_value, row))
    filled = sum(cell.lower() not in NOTHING for cell in row)
    return found if 3 * found >= filled else 0


def _header(
    above: list[str], separator: str, width: int, samples: list[list[str]]
) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """The line of names, the names, and the units that stand below them."""
    found: list[tuple[str, list[str]]] = []  # from the rows upward, those as wide as a row
    for line in reversed(above):
        if not line.strip():
            continue
        plain = line.strip().lstrip("#/%! ").strip() if is_comment(line) else line
        row = cells(plain, separator)
        if separator != " " and len(row) < 2 and not found:
            row = cells(plain, ",") if len(cells(plain, ",")) > 1 else row
        names = _fitted(row, width, samples)
        if not names or (is_comment(line) and not all(names)):
            break
        found.append((line, names))
    unit_rows = []
    while len(found) > 1 and all(_UNIT.fullmatch(c) for c in found[0][1]) and any(found[0][1]):
        unit_rows.append(found.pop(0)[1])
    if not found:
        return "", tuple(f"column {i + 1}" for i in range(width)), {}
    line, names = found[0]
    if len(found) > 1 and any(n > 1 for name, n in Counter(names).items() if name):
        names = [f"{group} {name}".strip() for group, name in zip(_filled(found[1][1]), names, strict=True)]
    units = {}
    for row in unit_rows:
        for name, unit in zip(names, row, strict=True):
            if name and unit and unit.lower() not in ("cal", "raw", "no units", "no_units", "n/a"):
                units[name] = re.sub(r"^[(\[](.*)[)\]]$", r"\1", unit)
    return line, tuple(names), units


def _fitted(row: list[str], width: int, samples: list[list[str]]) -> list[str]:
    """A row of names made as wide as the values; empty if it is none."""
    if len(row) == width + 1 and not row[-1]:
        row = row[:-1]
    if len(row) == width - 1:
        row = [*row, ""] if not any(sample[-1] for sample in samples) else ["", *row]
    words = [cell for cell in row if cell]
    if len(row) != width or not words or 2 * sum(map(_is_value, words)) > len(words):
        return []
    return row


def _filled(groups: list[str]) -> list[str]:
    last = ""
    return [last := group or last for group in groups]


def _rate(above: list[str]) -> float:
    """The rate that the lines above the rows tell, 0 if they do not or tell several."""
    found = set()
    for line in above:
        for clause in re.split(r"[;|]|,(?!\d)", line):
            for match in (match for rule in _RATE for match in rule.finditer(clause)):
                if not _NO_RATE.search(clause[: match.start()]) and not _NO_RATE_AFTER.match(
                    clause[match.end() :]
                ):
                    found.add(float(match[1].replace(",", ".")))
    return found.pop() if len(found) == 1 and found != {0.0} else 0.0
