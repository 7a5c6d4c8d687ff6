"""``odl.notebook.live``: a live session in a cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odl.core.events import Event
from odl.labels.prompt import Prompt
from odl.live import LiveSession
from odl.notebook.open import checked, start_session
from odl.notebook.player import Player
from odl.notebook.recent_windows import RecentWindows

_running: dict[str, NotebookSession] = {}  # by what is played: a cell that is run again finds its session


class NotebookSession:
    """A live session in a notebook; `live` makes it. Shown in another cell, its view moves there."""

    def __init__(self, player: Player, settings: dict[str, Any]) -> None:
        self._player, self.settings = player, settings
        self._view: Any = None
        self._cell = -1

    @property
    def live(self) -> LiveSession:
        """What is played."""
        return self._player.live

    @property
    def prompt(self) -> Prompt:
        """The open questions, to be answered from code."""
        return self._player.live.prompt

    @property
    def recent(self) -> RecentWindows:
        """Accuracy, and how much was learned, so far."""
        return self._player.recent

    @property
    def ended(self) -> str:
        """Why it does not run any more; empty while it does."""
        return self._player.ended

    def start(self) -> None:
        """Let it run, and show it in this cell."""
        self._player.start()
        self.show()

    def listen(self, function: Callable[[Event], None] | None) -> None:
        """Have ``function`` called with each event that passes; None ends that."""
        self._player.listen = function

    def stop(self) -> None:
        """End the session and close its recording, as soon as the kernel has its turn."""
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
        """Show the view in this cell; one in another cell is closed."""
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
    """Play a session, or follow a board, and ask about it, in a notebook's cell.

    The cell returns at once and the stream runs on beside it. Run again, it shows the same
    session; after a restart of the kernel it goes on from the recording.

    Parameters
    ----------
    source : str or path, optional
        A dataset's name or folder: one of its people is played.
    subject : str or int, optional
        Who; default: the first one kept for testing.
    speed : float
        Times as fast as it was recorded.
    port : str, optional
        Where a board is: a device, a URL of pyserial, or ``"auto"`` (see `odl.live.open_live`).
    emulated : bool
        Let an emulated board play ``source``, instead of the notebook's own kernel.
    record : path, optional
        Where the recording goes; default: ``recordings/``, under a name that says what it is. One
        that was not closed is gone on with.
    fresh : bool
        Begin anew, whatever runs or was left unfinished.
    widgets : bool, optional
        Whether to show widgets; default: wherever there are some. Otherwise questions are
        asked with ``input()`` until the session ends, and nothing is returned.
    settings
        Keywords of `odl.replay` (policy, budget, seed, ...), ``model``, ``data``, and
        ``answers="truth"``, for which recorded answers come as a person's would. For a board
        also those of `odl.live.LiveOptions`.

    Raises
    ------
    ValueError, RuntimeError, OSError
        For anything that cannot be used, with one sentence that says what and why.

    Examples
    --------
    In a notebook: ``session = odl.notebook.live("shoulder", subject=8, budget=10)``.
    """
    given = {"source": source, "subject": subject, "speed": speed, "port": port, "emulated": emulated,
             "record": record, **settings}  # fmt: skip
    given = checked(given, fresh)  # before anything that runs is ended
    key = str(port or f"{source} {given.get('subject')} {emulated}")
    old = _running.get(key)
    if old is not None:
        if not old.ended and not fresh and old.settings == given:
            old.show()
            return old
        old.live.close()
    made = start_session(given, fresh)
    if not (_have_widgets() if widgets is None else widgets):
        from odl.notebook.plain_input import ask_plainly

        ask_plainly(made)
        return None
    running = _running[key] = NotebookSession(Player(made), given)
    running.start()
    return running


def _have_widgets() -> bool:
    """Whether this is a kernel with ipywidgets: a terminal has none, nor has plain Python."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def cell() -> int:
    """The number of the cell that runs, 0 outside of any."""
    from IPython import get_ipython

    shell = get_ipython()
    return 0 if shell is None else int(shell.execution_count)
