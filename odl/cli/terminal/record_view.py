"""The drawn view of a recording with labels: what is labelled now, and a key for each label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odl._text import clean, clock_time, width
from odl.cli.output import with_flags
from odl.cli.terminal.drawn import DrawnView
from odl.cli.terminal.keys import KEYS, Line
from odl.cli.terminal.screen import cut_all, fitted, wrapped_words
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import valid_name
from odl.live.recorder import Recorder
from odl.live.takes import Takes

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_LATE = 2.0  # seconds in which a second q ends the recording


class RecordView(DrawnView):
    """Records and shows the labels; keys switch between them where takes have no fixed length.

    Parameters
    ----------
    recorder : Recorder
        With labels.
    source, target : optional
        Input and output of prompt_toolkit; default: the terminal.
    clock : Clock
        Says whether two keys are one soon after the other.
    """

    def __init__(
        self,
        recorder: Recorder,
        takes: Takes,
        source: Input | None = None,
        target: Output | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._recorder, self._takes, self._clock = recorder, takes, clock
        self._typed: str | None = None  # the name that is being typed
        self._said = ""
        self._asked_to_end = float("-inf")
        self._label: str | None = None  # that was drawn last
        super().__init__(source, target)

    def _work(self) -> None:
        self._recorder.run(None, self._say)

    def _wake(self) -> None:
        self._recorder.stop()

    def _say(self, sentence: str) -> None:
        if sentence != self._takes.words():  # which is drawn anyway
            self._said = with_flags(sentence)
        self._redraw()

    def _lines(self, columns: int, rows: int) -> list[Line]:
        if self._takes.label != self._label:
            self._label = self._takes.label
            self._app.output.bell()
        return record_lines(self._recorder, self._takes, self._typed, self._said, columns, rows)

    def _bindings(self) -> Any:
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        bindings = KeyBindings()
        for key, do in (("c-d", self._quit), ("c-c", self._interrupt), ("enter", self._enter),
                        ("escape", self._leave), ("backspace", self._backspace)):  # fmt: skip
            bindings.add(key)(lambda event, do=do: do())

        @bindings.add(Keys.Any)
        def _(event: Any) -> None:
            if len(event.data) == 1:
                self.press(event.data)

        return bindings

    def press(self, key: str) -> None:
        """Handle a key that is one character."""
        takes, now = self._takes, self._clock.monotonic()
        if self._typed is not None:
            if key.isprintable() and (not self._typed or valid_name(self._typed + key)):
                self._typed += key
        elif key == "q":
            if now - self._asked_to_end < _LATE:
                self._quit()
            self._asked_to_end, self._said = now, "q once more ends the recording"
        elif takes.fixed:
            self._said = "takes of a fixed length go by themselves; q twice ends them"
        elif key == " ":
            self._said = takes.choose(None)
        elif key == "n":
            self._typed = ""
        elif key in KEYS[: len(takes.labels)]:
            self._said = takes.choose(takes.labels[KEYS.index(key)])
        else:
            self._said = f"'{clean(key)}' means nothing here"

    def _interrupt(self) -> None:
        if self._typed is None:
            self._quit()
        self._leave()

    def _leave(self) -> None:
        self._typed, self._said = None, ""

    def _backspace(self) -> None:
        self._typed = None if self._typed is None else self._typed[:-1]

    def _enter(self) -> None:
        if self._typed is not None and self._typed.strip():
            self._said = self._takes.choose(self._typed)
            self._typed = None


def record_lines(
    recorder: Recorder, takes: Takes, typed: str | None, said: str, columns: int, rows: int
) -> list[Line]:
    """Return the view's lines: figures, what is labelled now, a key and the seconds of each label, keys."""
    status, position = recorder.status(), recorder.position
    words = [clean(status.port, 30), clean(status.state, 60), clock_time(position / takes.rate_hz),
             f"lost {status.lost}", f"recording {clean(str(recorder.recording), 60)}"]  # fmt: skip
    left = f"   {takes.left(position):.0f} s left" if takes.fixed else ""
    now: Line = [("class:quiet", "now  "), ("class:now", clean(takes.words(), 70)), ("", left)]
    wide = max((width(clean(label, 32)) for label in takes.labels), default=0)
    labels: list[Line] = []
    for key, label in zip(KEYS, takes.labels, strict=False):
        name = clean(label, 32)
        seconds = f"{takes.seconds_of.get(label, 0.0):6.0f} s"
        labels.append([("", "     ") if takes.fixed else ("class:key", f" {key} "),
                       ("", f"  {name}{' ' * (wide - width(name))}{seconds}")])  # fmt: skip
    if typed is not None:
        foot: list[Line] = [[("", "name of the label: "), ("class:typed", clean(typed, empty="")), ("", "_")],
                            [("class:quiet", "enter: it counts from now on   esc: leave it")]]  # fmt: skip
    elif takes.fixed:
        foot = [[("class:key", " q "), ("", " quit")]]
    else:
        foot = [[("class:key", " space "), ("", " no label  "), ("class:key", " n "), ("", " new label  "),
                 ("class:key", " q "), ("", " quit")]]  # fmt: skip
    last: list[Line] = [[("class:said", clean(said, 200))]] if said else []
    lines = fitted([wrapped_words(words, columns), [now], labels, foot, last], (), (4, 2, 0), rows)
    return cut_all(lines, columns)
