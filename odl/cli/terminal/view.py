"""The drawn view of a session in a terminal, and its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from odl._text import clean
from odl.cli.output import with_flags
from odl.cli.terminal import class_menu
from odl.cli.terminal.drawn import DrawnView
from odl.cli.terminal.keys import KEYS, KeyMode, Line, keyed
from odl.cli.terminal.screen import frame
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import valid_name
from odl.labels.question import Placement
from odl.live.status import InteractiveSession

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_GUARD = 0.3  # seconds in which a key may have been meant for the previous question


class TerminalView(DrawnView):
    """Draws ``live``, with ``words`` on top.

    Parameters
    ----------
    words, details : callable
        Return the words of the top lines, and names and values for the key of details.
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
        details: Callable[[], list[tuple[str, str]]] = list,
    ) -> None:
        self.live, self.prompt, self._words, self._details = live, live.prompt, words, details
        self.mode = KeyMode()
        self._clock = clock
        self._drawn: int | None = None  # the window whose card is on the screen
        self._before: int | None = None  # the one before it
        self._since = 0.0  # when the card changed by itself
        self._pressed = ""
        self._held = live.prompt.held  # times the board's button was held
        self._seen = -1
        self._asked: set[int] = set()
        super().__init__(source, target)

    def _wake(self) -> None:
        if self.prompt.wake is not None:
            self.prompt.wake()

    def _work(self) -> None:
        for _ in self.live:
            if self.prompt.changed != self._seen:
                self._seen = self.prompt.changed
                self._redraw()
            if self._stop.is_set():
                break

    # --- drawing ----------------------------------------------------------------------------

    def _lines(self, columns: int, rows: int) -> list[Line]:
        for sentence in self.live.notices():
            self.prompt.note(with_flags(sentence))
        if self.prompt.held != self._held and self.mode.kind == "keys":
            self._held = self.prompt.held
            self.mode = KeyMode("teach", choices=tuple(self.prompt.likely))
            self._app.output.bell()
        windows = [question.window for question in self.prompt.questions]
        now = self._drawn if self.mode.window is None else self.mode.window
        if now not in windows and self.mode.window is None:  # the next one after the question that has ended
            behind = [window for window in windows if now is not None and window > now]
            now = next(iter(behind or windows), None)
        at = windows.index(now) if now in windows else 0
        if now != self._drawn:
            self._before, self._drawn, self._since = self._drawn, now, self._clock.monotonic()
        aside = self.mode.teaching or self.mode.changing or self.mode.kind in ("help", "details")
        if now is not None and not aside:
            self.prompt.shown(now)
        if self.prompt.live and set(windows) - self._asked:
            self._app.output.bell()
        self._asked = set(windows)
        plain = "utf" not in (self._app.output.encoding() or "").lower()
        return frame(
            self._words(), self.prompt, self.mode, at, columns, rows, plain=plain,
            details=self._details() if self.mode.kind == "details" else (),
        )  # fmt: skip

    # --- keys -------------------------------------------------------------------------------

    def _bindings(self) -> Any:
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        bindings = KeyBindings()
        for keys, do in (("c-d", self._quit), ("escape", self._leave), ("enter", self._enter),
                         ("tab", partial(self._next, 1)), ("s-tab", partial(self._next, -1))):  # fmt: skip
            bindings.add(keys)(lambda event, do=do: do())

        @bindings.add("c-c")
        def _(event: Any) -> None:
            if self.mode.kind == "keys":
                self._quit()
            self._leave()

        @bindings.add("backspace")
        def _(event: Any) -> None:
            self._pressed = ""
            if self.mode.kind == "place":
                self.mode.kind = "name"
            else:
                self.mode.typed = self.mode.typed[:-1]

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
        elif self.mode.kind in ("classes", "which"):
            self.mode = class_menu.pressed(self.prompt, self.mode, key)
        elif key == "?":
            self.mode = KeyMode("keys" if self.mode.kind == "help" else "help")
        elif key == "d" and self.prompt.live and self.mode.kind != "teach":
            self.mode = KeyMode("keys" if self.mode.kind == "details" else "details")
        elif key == "t" and self.prompt.live:
            self.mode = KeyMode("teach", choices=tuple(self.prompt.likely))
        elif self.mode.kind == "teach":
            self._teach(key)
        elif key == "m" and self.prompt.live:
            self.mode = KeyMode("classes")
        elif key == "q" and self.prompt.live and self._pressed != "q":  # it lies beside 1, 2 and tab
            self.prompt.note("q once more ends the session")
        elif key == "q":
            self._quit()
        elif key == "u":
            self.prompt.undo()
        else:
            self._answer(key)
        self._pressed = key if self.mode.kind == "keys" else ""  # a name may end in q

    def _teach(self, key: str) -> None:
        """Handle a key that says unasked what is done now."""
        names = keyed(self.mode.choices)
        if key == "n":
            self.mode = KeyMode("name")
        elif key in names:
            self.mode = KeyMode()
            self.prompt.teach(names[key])
        else:
            self.prompt.note(f"'{clean(key)}' is no class's key; esc: teach nothing")

    def _answer(self, key: str) -> None:
        """Handle a key that answers the question on the screen."""
        window = self._drawn
        question = next((q for q in self.prompt.questions if q.window == window), None)
        if window is None:
            word = "t teaches what you are doing now" if self.prompt.live else "q: done"
            self.prompt.note(f"no question is open for '{clean(key)}'; {word}")
            return
        names = {} if question is None else keyed(question.likely)
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
        elif key in names:
            self.prompt.answer(window, names[key])
        else:
            self.prompt.note(f"'{clean(key)}' means nothing here; ? lists the keys")

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
            known = self.mode.what == "rename" or name in (one.name for one in self.prompt.likely)
            home = None if known else self.prompt.home_of(name)
            if len(self.mode.places) > 1 and not known and home is None:
                self.mode.kind = "place"
            else:
                self._answer_typed(home)
        elif self.mode.kind == "place":
            self._answer_typed(None)

    def _place(self, key: str) -> None:
        places = dict(zip(KEYS, self.mode.places, strict=False))
        if key in places:
            self._answer_typed(places[key])

    def _answer_typed(self, place: Placement | None) -> None:
        """Pass on the typed name; a new class goes to ``place``, else to the root task."""
        mode, self.mode = self.mode, KeyMode()
        head, leaf = (0, None) if place is None else (place.head, place.leaf)
        if mode.what:
            class_menu.typed(self.prompt, mode, (place.under or "") if place is not None else "")
        elif mode.window is None:
            self.prompt.teach(mode.typed, head, leaf)
        else:
            self.prompt.answer(mode.window, mode.typed, head, leaf)
