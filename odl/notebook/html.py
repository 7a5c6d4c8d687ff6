"""Names and figures as HTML; every untrusted text goes through `safe`."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from odl._text import clean, percent
from odl.labels.answer_log import Told
from odl.labels.question import Likely

# Colours follow JupyterLab's theme where there is one.
INK = "var(--jp-ui-font-color1, #1a1c1f)"
SOFT = "var(--jp-ui-font-color2, #5f646b)"
LINE = "var(--jp-border-color2, #d9dce0)"
BAR = "#0a5c8f"
_ARROW = " \u203a "
_SIGNS = {
    "given": "\u2026", "waits": "\u2026", "learned": "\u2713", "skipped": "\u2013", "expired": "\u2717",
    "undone": "\u21b6", "refused": "\u2717",
}  # fmt: skip


def safe(text: str, limit: int = 60) -> str:
    """``text`` cleaned (`odl._text.clean`) and escaped for HTML.

    >>> safe("<b>walk</b>\\x1b[2J")
    '&lt;b&gt;walk&lt;/b&gt;[2J'
    """
    return escape(clean(text, limit))


def joined(path: Sequence[str], limit: int = 40) -> str:
    """Names from the root task down, as plain text.

    >>> joined(["moving", "walk"])
    'moving \u203a walk'
    """
    return _ARROW.join(clean(name, limit) for name in path)


def clock(seconds: float) -> str:
    """Stream time as minutes and seconds.

    >>> clock(83.4), clock(3700)
    ('1:23', '1:01:40')
    """
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def prediction(path: Sequence[str], likely: Sequence[Likely], most: int = 5) -> str:
    """The running prediction: its path in the tree, and a bar for each of the likeliest classes."""
    if not path:
        return f'<div style="color:{SOFT}">No prediction yet: the first comes when a window is full.</div>'
    rows = []
    for one in [one for one in likely if not one.whole][:most]:
        score = one.score or 0.0
        bar = f'<div style="background:{BAR};height:.7em;width:{100 * min(1.0, max(0.0, score)):.0f}%"></div>'
        rows.append(
            f'<div style="width:11em;overflow:hidden;white-space:nowrap">{safe(one.name, 24)}</div>'
            f'<div style="width:9em;border:1px solid {LINE}">{bar}</div>'
            f'<div style="text-align:right">{percent(one.score)}</div>'
        )
    head = f'<div style="font-size:1.15em;margin-bottom:.3em">{safe(joined(path), 120)}</div>'
    grid = "display:grid;grid-template-columns:max-content max-content 3.5em;gap:.1em .6em;align-items:center"
    return f'<div style="color:{INK};line-height:1.35">{head}<div style="{grid}">{"".join(rows)}</div></div>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Figures with their names, one pair on a line."""
    cells = "".join(
        f'<div style="color:{SOFT}">{safe(name)}</div><div>{safe(value, 120)}</div>' for name, value in pairs
    )
    grid = "display:grid;grid-template-columns:max-content auto;gap:.1em .8em;line-height:1.35"
    return f'<div style="{grid};color:{INK}">{cells}</div>'


def history(told: Sequence[Told], rate_hz: float, most: int = 5) -> str:
    """The last answers and what became of them, the newest first."""
    rows = []
    for one in told[:most]:
        name = "" if one.name is None else safe(one.name, 32)
        rows.append(
            f'<div style="color:{SOFT}">{clock(one.window / rate_hz)}</div>'
            f"<div>{_SIGNS.get(one.state, '')} {name}</div>"
            f'<div style="color:{SOFT}">{safe(one.sentence, 90)}</div>'
        )
    if not rows:
        return ""
    grid = "display:grid;grid-template-columns:max-content max-content auto;gap:.1em .8em;line-height:1.35"
    return f'<div style="{grid};color:{INK}">{"".join(rows)}</div>'


def line(sentence: str, strong: bool = False, spoken: bool = True) -> str:
    """One sentence; where it is ``spoken``, a screen reader reads it out when it changes."""
    weight = "600" if strong else "400"
    role = ' role="status"' if spoken else ""
    return f'<div{role} style="color:{INK};font-weight:{weight};line-height:1.4">{safe(sentence, 240)}</div>'
