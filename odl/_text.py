"""Text for people: the one cleaner of untrusted text, and small helpers to lay text out."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_MOST_MARKS = 4  # combining marks on one character


def clean(text: object, limit: int | None = 40, *, empty: str = "(no name)", keep: str = "") -> str:
    """Untrusted text made safe to show on a terminal, in a table or on a page.

    The rule: white space of any kind becomes a single blank, with none at either end. Control characters,
    escapes, bidirectional overrides and other invisible characters (Unicode categories C*) are removed,
    and so are combining marks beyond the fourth on one character. Text longer than ``limit`` is cut and
    ends with an ellipsis. Cleaning twice changes nothing more. HTML is not escaped here: the templates do.

    Parameters
    ----------
    text : object
        Taken as ``str(text)``.
    limit : int, optional
        The most columns of a terminal that the result may take (see `width`), at least 1; None for no limit.
    empty : str
        Returned if nothing is left.
    keep : str
        White space that stays as it is: ``" "`` for runs of blanks, ``"\\n"`` for line breaks.

    Examples
    --------
    >>> clean("a\\x1b[2Jb"), clean("\\n"), clean("x" * 9, 4), clean("漢字漢字", 5)
    ('a[2Jb', '(no name)', 'xxx…', '漢字…')
    >>> clean("  one\\t two\\n", keep="\\n")
    'one two\\n'
    """
    kept: list[str] = []
    marks = 0
    given = str(text)
    if given.isascii() and given.isprintable() and "  " not in given:
        kept, given = [given], ""  # nothing to remove
    for character in given:
        marks = marks + 1 if _columns(character) == 0 else 0
        if character in keep:
            kept.append(character)
        elif character.isspace():
            if kept and not kept[-1].isspace():
                kept.append(" ")
        elif marks <= _MOST_MARKS and not unicodedata.category(character).startswith("C"):
            kept.append(character)
    cleaned = "".join(kept)
    cleaned = (cleaned if " " in keep else cleaned.strip(" ")) or empty
    return cleaned if limit is None else _cut(cleaned, max(limit, 1))


def _cut(text: str, limit: int) -> str:
    room = limit - width(text)
    if room >= 0:
        return text
    while room < 1:  # the ellipsis takes one
        room += _columns(text[-1])
        text = text[:-1]
    return text + "…"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown ``name``: the known one that is nearest; otherwise empty.

    >>> did_you_mean("Replya", ["replay", "report"]), did_you_mean("x", ["replay", "report"])
    ("; did you mean 'replay'?", '')
    """
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), folded, 1)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


def shell_word(text: object) -> str:
    """A name or a path as a word of a command, quoted if a shell would part or change it.

    >>> shell_word("mydata/"), shell_word("Möbel und Wände/"), shell_word("a$b c")
    ('mydata/', '"Möbel und Wände/"', "'a$b c'")
    """
    word = str(text)
    if re.fullmatch(r"[\w@%+=:,./\\-]+", word):
        return word
    return shlex.quote(word) if set(word) & set('"$`!') else f'"{word}"'


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


def clock_time(seconds: float) -> str:
    """Stream time as minutes and seconds.

    >>> clock_time(83.4), clock_time(3700)
    ('1:23', '1:01:40')
    """
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes; combining marks take none.

    >>> width("abc"), width("漢字"), width("e\\u0301"), width("เดิน")
    (3, 4, 1, 3)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


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


def aligned(rows: Sequence[Sequence[str]], gap: int = 2) -> str:
    """A table of columns ``gap`` blanks apart, the first aligned to the left, the others to the right.

    >>> print(aligned([["who", "n"], ["seven", "20"]]))
    who     n
    seven  20
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        pads = [" " * (w - width(text)) for w, text in zip(widths, row, strict=True)]
        cells = [row[0] + pads[0], *(pad + text for pad, text in zip(pads[1:], row[1:], strict=True))]
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)
