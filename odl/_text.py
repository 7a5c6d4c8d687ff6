"""Names and numbers as a person may see them; names are untrusted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def shown(name: str, limit: int = 40) -> str:
    """``name`` without control and formatting characters, at most ``limit`` characters long.

    >>> shown("a\\x1b[2Jb"), shown("\\n"), shown("x" * 9, 4)
    ('a[2Jb', '(no name)', 'xxx…')
    """
    kept = "".join(" " if c.isspace() else c for c in name if c.isspace() or _visible(c))
    kept = " ".join(kept.split()) or "(no name)"
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _visible(character: str) -> bool:
    return not unicodedata.category(character).startswith("C")  # control, format, surrogate, unassigned


def percent(share: float | None, digits: int = 0) -> str:
    """A fraction as a percentage.

    >>> percent(0.8421), percent(0.8421, 1), percent(None)
    ('84 %', '84.2 %', '–')
    """
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def counted(n: int, what: str) -> str:
    """How many of ``what``, a noun in the singular.

    >>> counted(1, "window"), counted(0, "window"), counted(2112, "answer")
    ('1 window', '0 windows', '2112 answers')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes.

    >>> width("abc"), width("漢字"), width("e\\u0301"), width("เดิน")
    (3, 4, 1, 3)
    """
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in text)


def fitted(name: str, columns: int) -> str:
    """``name`` as `shown`, cut to what fits into ``columns`` of a terminal, at least one character.

    >>> fitted("seven", 4), fitted("漢字漢字", 5), fitted("seven", 5)
    ('sev…', '漢字…', 'seven')
    """
    text = shown(name, max(columns, 1))
    while width(text) > columns and len(text) > 1:
        text = shown(text, len(text) - 1)
    return text


def wrapped(sentence: str, columns: int = 79) -> str:
    """``sentence`` in lines of at most ``columns``; a figure keeps its per cent sign.

    >>> print(wrapped("accuracy rose from 7 % to 83 %", 20))
    accuracy rose from
    7 % to 83 %
    """
    first, *words = sentence.replace(" %", "\u00a0%").split(" ")
    lines = [first]
    for word in words:
        if width(f"{lines[-1]} {word}") <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines).replace("\u00a0", " ")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table of columns set apart by two blanks, the first to the left, the others to the right.

    >>> print(aligned([["who", "n"], ["seven", "20"]]))
    who     n
    seven  20
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        pads = [" " * (w - width(text)) for w, text in zip(widths, row, strict=True)]
        cells = [row[0] + pads[0], *(pad + text for pad, text in zip(pads[1:], row[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
