"""Names and figures as HTML, from the macros in ``templates/parts.html``."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from odl._text import clean, clock_time
from odl.evaluate.report.environment import environment
from odl.labels.answer_log import AnswerEntry
from odl.labels.question import ClassChoice

_ARROW = " \u203a "
_SIGNS = {
    "given": "\u2026", "waits": "\u2026", "learned": "\u2713", "skipped": "\u2013", "expired": "\u2717",
    "undone": "\u21b6", "refused": "\u2717",
}  # fmt: skip


def _part(name: str, *values: Any) -> str:
    macros: Any = environment("odl.notebook").get_template("parts.html").module
    return str(getattr(macros, name)(*values))


def joined(path: Sequence[str], limit: int = 80) -> str:
    """Names from the root task down, as plain text.

    >>> joined(["moving", "walk"])
    'moving \u203a walk'
    """
    return _ARROW.join(clean(name, limit) for name in path)


def prediction(path: Sequence[str], likely: Sequence[ClassChoice], most: int = 5) -> str:
    """Return the running prediction: its path in the tree, and a bar for each of the likeliest classes."""
    return _part("prediction", joined(path), [one for one in likely if not one.whole][:most])


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return figures with their names, one pair on a line."""
    return _part("facts", pairs)


def history(answers: Sequence[AnswerEntry], rate_hz: float, most: int = 5) -> str:
    """Return the last answers and their outcomes, the newest first."""
    rows = [
        (clock_time(one.window / rate_hz), _SIGNS.get(one.state, ""), one.name, one.sentence)
        for one in answers[:most]
    ]
    return _part("history", rows) if rows else ""


def line(sentence: str, strong: bool = False, spoken: bool = True) -> str:
    """Return one sentence; if ``spoken``, a screen reader reads it out when it changes.

    >>> "&lt;b&gt;walk&lt;/b&gt;[2J" in line("<b>walk</b>\\x1b[2J")
    True
    """
    return _part("line", sentence, strong, spoken)


def picture(png: bytes, about: str) -> str:
    """Return a PNG as an ``<img>`` with a description for screen readers."""
    from markupsafe import Markup

    return _part("picture", about, Markup(base64.b64encode(png).decode()))
