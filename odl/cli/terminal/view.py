"""The drawn view of a session in a terminal, and its keys."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from odl.cli.output import with_flags
from odl.cli.terminal.screen import KEYS, KeyMode, frame, keyed
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import valid_name
from odl.live.status import InteractiveSession

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_TICK = 0.5  # seconds between two drawings when nothing changes
_GUARD = 0.3  # seconds in which a key may have been meant for the previous question
_STYLE = {
    "status": "", "now": "bold", "ask": "bold", "key": "reverse", "quiet": "", "bar": "", "plot": "",
    "said": "italic", "typed": "underline",
}  # fmt: skip


class TerminalView:
    """Draws ``live``, with ``words`` on top.

    Parameters
    ----------
    words : callable
        Returns the words of the top lines.
    source, target : optional
        Input and output of prompt_toolkit; default: the terminal.
    clock : Clock
        Measures how long a question has been on the screen.
    """

    def __init__(
        self,
        live: InteractiveSession,
        words: Callable[[], list[str]],
        source: Input | None = None,
        target: Output | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.live, self.prompt, self._words = live, live.prompt, words
        self.mode = KeyMode()
        self._clock = clock
        self._drawn: int | None = None  # the window whose card is on the screen
        self._before: int | None = None  # the one before it
        self._since = 0.0  # when the card changed by itself
        self._pressed = ""
        self._seen = -1
        self._asked: set[int] = set()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._app = self._application(source, target)

    def run(self) -> None:
        """Show the session until it ends or the person quits."""
        thread = threading.Thread(target=self._drive, name="session")
        try:
            self._app.run(pre_run=thread.start, handle_sigint=False)
        except (EOFError, KeyboardInterrupt):  # the terminal closed, or the person interrupts
            pass
        finally:
            self._stop.set()
            if self.prompt.wake is not None:
                self.prompt.wake()
            if thread.ident is not None:
                thread.join()
        if self._error is not None:
            raise self._error

    def _drive(self) -> None:
        try:
            for _ in self.live:
                if self.prompt.changed != self._seen:
                    self._seen = self.prompt.changed
                    self._soon(self._app.invalidate)
                if self._stop.is_set():
                    break
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

    # --- drawing ----------------------------------------------------------------------------

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
        for sentence in self.live.notices():
            self.prompt.note(with_flags(sentence))
        windows = [question.window for question in self.prompt.questions]
        now = self._drawn if self.mode.window is None else self.mode.window
        if now not in windows and self.mode.window is None:  # the next one after the question that has ended
            behind = [window for window in windows if now is not None and window > now]
            now = next(iter(behind or windows), None)
        at = windows.index(now) if now in windows else 0
        if now != self._drawn:
            self._before, self._drawn, self._since = self._drawn, now, self._clock.monotonic()
        if now is not None and self.mode.kind != "help":
            self.prompt.shown(now)
        if self.prompt.live and set(windows) - self._asked:
            self._app.output.bell()
        self._asked = set(windows)
        plain = "utf" not in (self._app.output.encoding() or "").lower()
        lines = frame(self._words(), self.prompt, self.mode, at, size.columns, size.rows - 1, plain=plain)
        text: StyleAndTextTuples = [part for line in lines for part in (*line, ("", "\n"))]
        return text[:-1]

    # --- keys -------------------------------------------------------------------------------

    def _bindings(self) -> Any:
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        bindings = KeyBindings()

        @bindings.add("c-c")
        def _(event: Any) -> None:
            if self.mode.kind == "keys":
                self._quit()
            self._leave()

        @bindings.add("c-d")
        def _(event: Any) -> None:
            self._quit()

        @bindings.add("escape")
        def _(event: Any) -> None:
            self._leave()

        @bindings.add("enter")
        def _(event: Any) -> None:
            self._enter()

        @bindings.add("backspace")
        def _(event: Any) -> None:
            self._pressed = ""
            if self.mode.kind == "place":
                self.mode.kind = "name"
            else:
                self.mode.typed = self.mode.typed[:-1]

        @bindings.add("tab")
        def _(event: Any) -> None:
            self._next(1)

        @bindings.add("s-tab")
        def _(event: Any) -> None:
            self._next(-1)

        @bindings.add(Keys.BracketedPaste)
        def _(event: Any) -> None:
            if self.mode.kind == "name":
                self._type(" ".join(event.data.split()))

        @bindings.add(Keys.Any)
        def _(event: Any) -> None:
            if len(event.data) == 1:  # an arrow, say, is the several characters that a terminal sends
                self.press(event.data)

        return bindings

    def press(self, key: str) -> None:
        """Handle a key that is one character."""
        if self.mode.kind == "name":
            self._type(key)
        elif self.mode.kind == "place":
            self._place(key)
        elif key == "?":
            self.mode = KeyMode("keys" if self.mode.kind == "help" else "help")
        elif key == "q" and self.prompt.live and self._pressed != "q":  # it lies beside 1, 2 and tab
            self.prompt.note("q once more ends the session")
        elif key == "q":
            self._quit()
        elif key == "u":
            self.prompt.undo()
        else:
            self._answer(key)
        self._pressed = key if self.mode.kind == "keys" else ""  # a name may end in q

    def _answer(self, key: str) -> None:
        """Handle a key that answers the question on the screen."""
        window = self._drawn
        question = next((q for q in self.prompt.questions if q.window == window), None)
        if window is None:
            return
        if self.prompt.live and self._clock.monotonic() - self._since < _GUARD:
            if key == "n":  # a name follows, whose letters must not be taken for keys
                self.mode = KeyMode("name", window if self._before is None else self._before)
            else:
                self.prompt.note("this question has only just appeared; press again")
        elif question is None or key == "s":
            self.prompt.skip(window)  # the prompt says that the question has ended
        elif key == "=":
            self.prompt.same(window)
        elif key == "n":
            self.mode = KeyMode("name", window)
        elif key in (names := keyed(question.likely)):
            self.prompt.answer(window, names[key])

    def _next(self, step: int) -> None:
        self._pressed = ""
        windows = [question.window for question in self.prompt.questions]
        if self.mode.kind == "keys" and windows:
            at = windows.index(self._drawn) + step if self._drawn in windows else 0
            self._drawn = windows[at % len(windows)]

    def _type(self, text: str) -> None:
        for character in filter(str.isprintable, text):
            if not valid_name(self.mode.typed + character):
                self.prompt.note("a class's name has at most 32 bytes")
                break
            self.mode.typed += character

    def _leave(self) -> None:
        """Leave the help, or a name that is being typed, and clear the sentence about it."""
        self._pressed = ""
        if self.mode.kind != "keys":
            self.mode = KeyMode()
            self.prompt.note("")

    def _enter(self) -> None:
        self._pressed = ""
        if self.mode.kind == "name" and self.mode.typed.strip():
            name = self.mode.typed = " ".join(self.mode.typed.split())
            self.mode.places = self.prompt.places
            if len(self.mode.places) > 1 and name not in (one.name for one in self.prompt.likely):
                self.mode.kind = "place"
            else:
                self._answer_typed(0, None)
        elif self.mode.kind == "place":
            self._answer_typed(0, None)

    def _place(self, key: str) -> None:
        places = dict(zip(KEYS, self.mode.places, strict=False))
        if key in places:
            self._answer_typed(places[key].head, places[key].leaf)

    def _answer_typed(self, head: int, leaf: int | None) -> None:
        mode, self.mode = self.mode, KeyMode()
        if mode.window is not None:
            self.prompt.answer(mode.window, mode.typed, head, leaf)

    def _quit(self) -> None:
        self._stop.set()
        self._end()
