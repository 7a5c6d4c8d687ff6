"""``odl.notebook.relabel``: review the questions of a finished recording; each answer is an edit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from odl._extras import needing
from odl._text import percent
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.evaluate.recorded import open_recording
from odl.evaluate.relabel import Relabelled, load_question_history, store_edit
from odl.evaluate.relabel import relabel as learn_again
from odl.labels.edits import edits_path, read_edits
from odl.labels.review import Review
from odl.notebook.buttons import close_all
from odl.notebook.html import history, line
from odl.notebook.question_card import QuestionCard
from odl.notebook.session import cell

_QUIET = "All questions are reviewed; undo takes the last edit back."
_STEP = 0.05  # seconds between two updates
_sessions: dict[Path, RelabelSession] = {}


class RelabelSession:
    """A review of the questions of the recording at ``path``; `relabel` returns one.

    Each edit is stored at once in a file beside the recording; the recording never changes.

    Attributes
    ----------
    result : Relabelled or None
        The result of the last "learn again".
    """

    def __init__(self, path: str | Path, by: str = "relabel", clock: Clock = SYSTEM_CLOCK) -> None:
        with needing("notebook", "relabelling in a notebook"):
            import ipywidgets as w

        opened = open_recording(path)
        asked, edits = (
            load_question_history(opened),
            read_edits(edits_path(path), opened.recording.trace_sha256),
        )
        self.result: Relabelled | None = None
        self.review = Review(
            asked, edits, partial(store_edit, opened, asked, path, by), by=by, rate_hz=opened.image.rate_hz,
            channels=opened.stream.channels or (), room=opened.image.max_rows, clock=clock,
        )  # fmt: skip
        names = [(name, unit) for name, unit, _ in opened.stream.channels or ()]
        self._path = path
        self._card = QuestionCard(
            self.review, names or [(c.name, "counts") for c in opened.image.channels], _QUIET, clock
        )
        self._history, self._outcome = w.HTML(), w.HTML()
        self._learn = w.Button(description="learn again", tooltip="run the session with the edited answers")
        self._cell = -1
        self._learn.on_click(self._want)
        self.box = w.VBox([self._card.box, self._history, self._learn, self._outcome])
        self._tasks: list[asyncio.Task[None]] = []

    def show(self) -> None:
        """Show the review in this cell."""
        from IPython.display import display

        self._cell = cell()
        display(self.box)

    def _ipython_display_(self) -> None:
        if self._cell != cell():
            self.show()

    def __repr__(self) -> str:
        return f"<questions of {self._path}>"

    def _want(self, _: Any) -> None:
        if not self._learn.disabled:
            self._learn.disabled = True
            self._loop.call_soon_threadsafe(self._add_task, self.learn())

    def _add_task(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks = [*(task for task in self._tasks if not task.done()), self._loop.create_task(work)]

    def start(self) -> None:
        """Update the card from now on; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._add_task(self._run())

    def close(self) -> None:
        """Remove the widgets; all edits are stored already."""
        for task in self._tasks:
            task.cancel()
        close_all((self.box,))

    async def _run(self) -> None:
        changed = -1
        while True:
            self._card.act()
            if not self._card.current:
                question = self._card.waiting
                self._card.show(question, self._card.draw(question) if question else b"")
            if self.review.changed != changed or self._card.keys.naming:
                changed = self.review.changed
                self._card.tick()
                self._history.value = history(self.review.answers, self.review.rate_hz)
            await asyncio.sleep(_STEP)

    async def learn(self) -> None:
        """Run the session again with the edited answers."""
        self._outcome.value = line("learning again")
        try:
            running: Awaitable[Relabelled] = asyncio.to_thread(learn_again, self._path)
            self.result = await running
            self._outcome.value = line(sentence_of(self.result))
        except (ValueError, OSError) as error:
            self._outcome.value = line(str(error))
        self._learn.disabled = False


def sentence_of(done: Relabelled) -> str:
    """Return what learning again has changed, in sentences."""
    before, after = done.as_answered
    return (
        f"{done.edits} answers edited, {done.answers} in all; {done.changed} windows have another prediction "
        f"now. Predicted as answered, before the answer: {percent(before)} then, {percent(after)} now. "
        f"Recording {done.recording}, model {done.model or 'none'}."
    )


def relabel(path: str | Path, by: str = "relabel") -> RelabelSession:
    """Review the questions of a finished recording, change answers, and learn again.

    Parameters
    ----------
    path : path
        A recording, which is only read. Edits are stored beside it, as by ``odl label``.
    by : str
        The editor: ``relabel`` or, with a pseudonym, ``relabel:name``.

    Raises
    ------
    ValueError, OSError
        If the file is no recording, or its edits cannot be used.
    ModuleNotFoundError
        If the extra "notebook" is not installed.

    Examples
    --------
    In a notebook: ``odl.notebook.relabel("recordings/shoulder-8.odl")``.
    """
    here = Path(path).resolve()
    if here in _sessions:  # the cell is run again
        _sessions.pop(here).close()
    review = _sessions[here] = RelabelSession(path, by)
    review.start()
    review.show()
    return review
