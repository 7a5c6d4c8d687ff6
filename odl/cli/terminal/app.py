"""Show a live session in the terminal: drawn, or as lines where nothing can be drawn."""

from __future__ import annotations

import io
import os
import sys

from odl.cli.terminal.lines import LineView
from odl.cli.terminal.screen import details, figures
from odl.cli.terminal.view import TerminalView
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.live.status import MonitoredSession


def run(live: MonitoredSession, *, lines: bool | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
    """Run ``live`` and show it until it ends or the person quits.

    Parameters
    ----------
    live : MonitoredSession
        A thread of its own iterates over it while the view is drawn, else the caller's.
    lines : bool, optional
        Print a line for each event instead of drawing, and read answers as lines
        from standard input. By default only where nothing can be drawn; there answers are read from
        a keyboard only.
    clock : Clock
        Measures how long a question has been shown.

    Raises
    ------
    Exception
        The session's own exceptions, once the terminal is restored.
    """
    if lines or (lines is None and not drawable()):
        answers = sys.stdin if lines or sys.stdin.isatty() else None
        if isinstance(answers, io.TextIOWrapper):
            answers.reconfigure(errors="replace")  # a key of another encoding must not end the session
        LineView(live, sys.stdout, clock).run(answers)
    else:
        TerminalView(
            live, lambda: figures(live.status()), clock=clock, details=lambda: details(live.status())
        ).run()


def drawable() -> bool:
    """True if standard input and output are a terminal in which a view can be drawn."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdin.isatty() and sys.stdout.isatty() and not dumb
