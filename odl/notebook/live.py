"""``odl.notebook.live``: a live session in a cell."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from odl.config import ConfigError
from odl.data import open_dataset
from odl.label.prompt import Prompt
from odl.notebook.kept import recordings, unfinished
from odl.notebook.play import Live, Player
from odl.notebook.seen import Seen
from odl.options import Options

_running: dict[str, Running] = {}  # by what is played: a cell that is run again finds its session


class Running:
    """A live session in a notebook; `live` makes it. Shown in another cell, its view moves there."""

    def __init__(self, player: Player, settings: dict[str, Any]) -> None:
        self._player, self.settings = player, settings
        self._view: Any = None
        self._cell: int | None = None

    @property
    def live(self) -> Live:
        """What is played."""
        return self._player.live

    @property
    def prompt(self) -> Prompt:
        """The open questions, to be answered from code."""
        return self._player.live.prompt

    @property
    def seen(self) -> Seen:
        """Accuracy and counts so far."""
        return self._player.seen

    @property
    def ended(self) -> str:
        """Why it does not run any more; empty while it does."""
        return self._player.ended

    def stop(self) -> None:
        """End the session and close its recording, as soon as the kernel has its turn."""
        self._player.stop()

    async def done(self) -> None:
        """Wait for the end: ``await session.done()`` in a cell."""
        await self._player.done()

    async def learned(self, count: int) -> int:
        """Wait until ``count`` answers have been learned or the session has ended."""
        while self._player.running and self.seen.learned < count:
            await asyncio.sleep(0.02)
        return self.seen.learned

    def show(self) -> None:
        """Show the view in this cell; one in another cell is closed."""
        from IPython.display import display

        from odl.notebook.view import View

        if self._view is not None:
            self._view.close("This view was closed: the session is shown in another cell.")
        self._view, self._cell = View(self._player), _cell()
        self._view.start()
        display(self._view.box)

    def _ipython_display_(self) -> None:
        if self._view is None or self._cell != _cell():
            self.show()

    def __repr__(self) -> str:
        return f"<live session: {self.live.status().port}; {self.ended or 'running'}>"


def live(
    source: str | Path | None = None,
    *,
    subject: int | None = None,
    speed: float = 1.0,
    record: str | Path | None = None,
    fresh: bool = False,
    widgets: bool | None = None,
    **settings: Any,
) -> Running | None:
    """Play a session and ask about it, in a notebook's cell.

    The cell returns at once and the stream runs on beside it. Run again, it shows the same
    session. A session whose kernel was restarted goes on from its recording.

    Parameters
    ----------
    source : str or path, optional
        A dataset's name or folder: one of its people is played, without any board.
    subject : int, optional
        Who; default: the first one kept for testing.
    speed : float
        Times as fast as it was recorded.
    record : path, optional
        Where the recording goes; default: ``recordings/``, under a name that says what it is.
        One that was not closed is gone on with.
    fresh : bool
        Begin anew, whatever runs or was left unfinished.
    widgets : bool, optional
        Whether to show widgets; default: wherever there are some. Otherwise questions are
        asked with ``input()`` until the session ends, and nothing is returned.
    settings
        Keywords of `odl.replay` (policy, budget, seed, ...), ``model``, ``data`` and
        ``answers="truth"``, for which recorded answers come as a person's would.

    Raises
    ------
    ValueError
        For anything that cannot be used, with one sentence that says what and why.

    Examples
    --------
    In a notebook: ``session = odl.notebook.live("shoulder", subject=8, budget=10)``.
    """
    key = f"{source} {subject}"
    given = {"speed": speed, "record": record, **settings}
    old = _running.get(key)
    if old is not None and not old.ended and not fresh and old.settings == given:
        old.show()
        return old
    if old is not None:
        old.live.close()
    made = _played(source, subject, speed, record, fresh, dict(settings))
    if widgets is None:
        widgets = _have_widgets()
    if not widgets:
        from odl.notebook.plain import ask_plainly

        ask_plainly(made)
        return None
    running = Running(Player(made), given)
    _running[key] = running
    running._player.start()
    running.show()
    return running


def _played(
    source: str | Path | None,
    subject: int | None,
    speed: float,
    record: str | Path | None,
    fresh: bool,
    settings: dict[str, Any],
) -> Live:
    from odl.notebook.replay import Played

    if source is None:
        raise ConfigError("give a dataset's name, as in odl.notebook.live('shoulder')")
    own: dict[str, Any] = {
        name: settings.pop(name) for name in ("model", "data", "answers") if name in settings
    }
    unknown = set(settings) - set(Options.__dataclass_fields__)
    if unknown:
        raise ConfigError(f"there is no setting {', '.join(sorted(unknown))}")
    if subject is None:
        subject = open_dataset(source, own.get("data")).people("test")[0]
    made: dict[str, Any] = {"speed": speed, "options": settings, "progress": print, **own}
    if record is not None:
        if fresh and Path(record).exists():
            raise ConfigError(f"{record}: is there already; give another name")
        return Played(source, subject, record=record, **made)
    last, free = recordings(f"{Path(source).stem}-{subject}")
    if last is not None and not fresh and unfinished(last):
        try:
            return Played(source, subject, record=last, **made)
        except ConfigError:  # of other settings
            pass
    return Played(source, subject, record=free, **made)


def _have_widgets() -> bool:
    """Whether this is a kernel with ipywidgets: a terminal has none, nor has plain Python."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def _cell() -> int | None:
    from IPython import get_ipython

    shell = get_ipython()
    return None if shell is None else int(shell.execution_count)
