"""A drawn view in a terminal: a thread does the work, lines are drawn again and again, keys are taken."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from odl.cli.terminal.keys import Line

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_TICK = 0.5  # seconds between two drawings when nothing changes
_STYLE = {
    "status": "", "now": "bold", "ask": "bold", "key": "reverse", "quiet": "", "bar": "", "plot": "",
    "truth": "italic", "said": "italic", "typed": "underline",
}  # fmt: skip


class DrawnView(ABC):
    """Base of views that are drawn; a view says what its thread does, its lines and its keys.

    Parameters
    ----------
    source, target : optional
        Input and output of prompt_toolkit; default: the terminal.
    """

    def __init__(self, source: Input | None = None, target: Output | None = None) -> None:
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._app = self._application(source, target)

    def run(self) -> None:
        """Show the view until its work ends or the person quits."""
        thread = threading.Thread(target=self._drive, name="session")
        try:
            self._app.run(pre_run=thread.start, handle_sigint=False)
        except (EOFError, KeyboardInterrupt):  # the terminal closed, or the person interrupts
            pass
        finally:
            self._stop.set()
            self._wake()
            if thread.ident is not None:
                thread.join()
        if self._error is not None:
            raise self._error

    @abstractmethod
    def _work(self) -> None:
        """Do the work, in a thread of its own; return soon after `_stop` is set."""

    def _wake(self) -> None:  # noqa: B027 - a view may have nothing to wake
        """Let the work notice at once that the view has ended."""

    @abstractmethod
    def _lines(self, columns: int, rows: int) -> list[Line]:
        """Return what is to be drawn; the view's thread calls this."""

    @abstractmethod
    def _bindings(self) -> Any:
        """Return the keys."""

    def _redraw(self) -> None:
        """Draw soon; any thread may call this."""
        self._soon(self._app.invalidate)

    def _quit(self) -> None:
        self._stop.set()
        self._end()

    def _drive(self) -> None:
        try:
            self._work()
        except BaseException as error:  # run raises it again
            self._error = error
        finally:
            self._soon(self._end)

    def _soon(self, function: Callable[[], None]) -> None:
        """Call ``function`` in the view's thread, unless the view has ended."""
        loop = self._app.loop
        if loop is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(function)

    def _end(self) -> None:
        if self._app.is_running and not self._app.future.done():  # type: ignore[union-attr]
            self._app.exit()

    def _application(self, source: Input | None, target: Output | None) -> Application[None]:
        from prompt_toolkit.application import Application
        from prompt_toolkit.layout import FormattedTextControl, Layout, Window
        from prompt_toolkit.styles import Style

        return Application(
            layout=Layout(Window(FormattedTextControl(self._text, focusable=True), always_hide_cursor=True)),
            key_bindings=self._bindings(), style=Style.from_dict(_STYLE), input=source, output=target,
            refresh_interval=_TICK, min_redraw_interval=0.05, erase_when_done=True,
        )  # fmt: skip

    def _text(self) -> StyleAndTextTuples:
        size = self._app.output.get_size()
        lines = self._lines(size.columns, size.rows - 1)
        text: StyleAndTextTuples = [part for line in lines for part in (*line, ("", "\n"))]
        return text[:-1]
