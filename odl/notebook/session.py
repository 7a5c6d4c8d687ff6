"""``odl.notebook.live``: a live session in a cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odl.core.events import Event
from odl.labels.prompt import Prompt
from odl.labels.taught_session import TaughtSession
from odl.live import LiveSession
from odl.live.recent_windows import RecentWindows
from odl.notebook.open import check_settings, start_session
from odl.notebook.player import Player

_running: dict[str, NotebookSession] = {}  # by source: a cell that runs again finds its session


class NotebookSession(TaughtSession):
    """A live session in a notebook; `live` returns one. Shown in another cell, its view moves there."""

    def __init__(self, player: Player, settings: dict[str, Any]) -> None:
        self._player, self.settings = player, settings
        self._view: Any = None
        self._cell = -1

    @property
    def live(self) -> LiveSession:
        """The session that runs."""
        return self._player.live

    @property
    def prompt(self) -> Prompt:  # type: ignore[override]
        """The open questions, for answers from code."""
        return self._player.live.prompt

    @property
    def recent(self) -> RecentWindows:
        """The recent accuracy and the number of labels learned."""
        return self._player.recent

    @property
    def ended(self) -> str:
        """Why the session ended; empty while it runs."""
        return self._player.ended

    def start(self) -> None:
        """Start the session and show it in this cell."""
        self._player.start()
        self.show()

    def listen(self, function: Callable[[Event], None] | None) -> None:
        """Call ``function`` with each event from now on; None stops the calls."""
        self._player.listen = function

    def stop(self) -> None:
        """End the session and close its recording, in the kernel's next turn."""
        self._player.stop()

    async def done(self) -> None:
        """Wait for the end: ``await session.done()`` in a cell."""
        await self._player.done()

    async def learned(self, count: int) -> int:
        """Wait until ``count`` answers have been learned or the session has ended."""
        while self._player.running and self.recent.learned < count:
            await asyncio.sleep(0.02)
        return self.recent.learned

    def show(self) -> None:
        """Show the view in this cell; close one in another cell."""
        from IPython.display import display

        from odl.notebook.live_view import NotebookView

        if self._view is not None:
            self._view.close("This view was closed: the session is shown in another cell.")
        self._view, self._cell = NotebookView(self._player), cell()
        self._view.start()
        display(self._view.box)

    def _ipython_display_(self) -> None:
        if self._view is None or self._cell != cell():
            self.show()

    def __repr__(self) -> str:
        return f"<live session: {self.live.status().port}; {self.ended or 'running'}>"


def live(
    source: str | Path | None = None,
    *,
    subject: str | int | None = None,
    speed: float = 1.0,
    port: str | None = None,
    emulated: bool = False,
    record: str | Path | None = None,
    fresh: bool = False,
    widgets: bool | None = None,
    **settings: Any,
) -> NotebookSession | None:
    """Run a session with a played person or a board in a notebook's cell, with its questions.

    The cell returns at once, and the stream runs in the background. A second run of the cell shows the same
    session; after a restart of the kernel, the session resumes from its recording.

    Parameters
    ----------
    source : str or path, optional
        A dataset's name or folder, one of whose people is played.
    subject : str or int, optional
        The person to play; default: the first of the test split.
    speed : float
        Speed as a multiple of real time.
    port : str, optional
        The port of a board: a device, a URL of pyserial, or ``"auto"`` (see `odl.live.open_live`).
    emulated : bool
        If True, an emulated board plays ``source`` instead of the notebook's kernel.
    record : path, optional
        The recording; default: a file in ``recordings/``, named after source and person. A session
        resumes from an unfinished one.
    fresh : bool
        If True, start a new session, whatever runs or is unfinished.
    widgets : bool, optional
        Whether to show widgets; default: where they are available. Otherwise the function asks questions
        with ``input()`` until the session ends, and returns None.
    settings
        Keywords of `odl.replay` (policy, budget, seed, ...), ``model``, ``data``, and
        ``answers="truth"``, with which recorded truth answers as a person would. For a board
        also those of `odl.live.LiveOptions`.

    Raises
    ------
    ValueError, RuntimeError, OSError
        If an argument cannot be used; one sentence says which and why.

    Examples
    --------
    In a notebook: ``session = odl.notebook.live("shoulder", subject=8, budget=10)``.
    """
    given = {"source": source, "subject": subject, "speed": speed, "port": port, "emulated": emulated,
             "record": record, **settings}  # fmt: skip
    given = check_settings(given, fresh)  # before a running session ends
    key = str(port or f"{source} {given.get('subject')} {emulated}")
    old = _running.get(key)
    if old is not None:
        if not old.ended and not fresh and old.settings == given:
            old.show()
            return old
        old.live.close()
    opened = start_session(given, fresh)
    if not (_have_widgets() if widgets is None else widgets):
        from odl.notebook.plain_input import ask_plainly

        ask_plainly(opened)
        return None
    running = _running[key] = NotebookSession(Player(opened), given)
    running.start()
    return running


def _have_widgets() -> bool:
    """True in a kernel with ipywidgets; a terminal and plain Python have none."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def cell() -> int:
    """Return the number of the cell that runs; 0 outside a notebook."""
    from IPython import get_ipython

    shell = get_ipython()
    return 0 if shell is None else int(shell.execution_count)
