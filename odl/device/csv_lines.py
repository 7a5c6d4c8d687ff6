"""One line that a sketch printed: its labels, its fields, and whether it is text. No I/O."""

from __future__ import annotations

import re
from typing import Final

from odl._text import clean

MAX_FIELDS: Final = 64
NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
WORD: Final = re.compile(r"[^\W\d_]{2,}")
_DECIMAL: Final = re.compile(r"([^:,]*:)?[-+]?\d*,\d+", re.ASCII)  # a number with a decimal comma
NO_VALUE: Final = ("nan", "inf", "ovf")  # what sketches print for a number that is none
_SHOWN: Final = 60  # characters of a bad line that are kept

Names = tuple[str, ...]


def is_separated(line: str) -> bool:
    """Whether more than blanks stand between the fields."""
    return re.search("[,;\t]", line.strip()) is not None


def split_line(line: str) -> tuple[Names | None, list[str]]:
    """Labels (None without) and the fields of a line; ragged labels leave a field unreadable."""
    text = ":".join(part.strip() for part in line.strip(" \t\r\n,;").split(":"))
    parts = re.split("[; \t] *", text)
    if len(parts) > 1 and all(map(_DECIMAL.fullmatch, parts)):
        text = ";".join(parts).replace(",", ".")
    split = re.split("[,;\t]", text) if is_separated(text) else text.split()
    fields = [field.strip() for field in split]
    if len(fields) > MAX_FIELDS:
        return None, [text]
    if fields and all(":" in field for field in fields):
        pairs = [field.split(":", 1) for field in fields]
        return tuple(name for name, _ in pairs), [value for _, value in pairs]
    return None, fields


def missing_value(fields: list[str]) -> str:
    """Return the first of ``fields`` that has no value; empty if all have one."""
    values = (field.lower().rpartition(":")[2].lstrip("+-") for field in fields)
    return next((value for value in values if value in NO_VALUE), "")


def is_noise(line: str) -> bool:
    """True if more than an eighth of a line is not text: the speed or the device is wrong."""
    seen = line[:_SHOWN]
    return 8 * sum(c == "\ufffd" or not (c.isprintable() or c.isspace()) for c in seen) > len(seen)


def printable_line(line: str) -> str:
    """Return a line cleaned and cut, or a sentence if it is not text."""
    if is_noise(line):
        return "bytes that are no text"
    return clean(line[:_SHOWN], _SHOWN, empty="")
