"""Keyboard shortcuts with plain widgets: a small text field whose characters are shortcuts.

A page can take keys only in a text field: everywhere else JupyterLab has shortcuts of its own
(a digit makes a heading of the cell, an x removes it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.notebook.buttons import labelled
from odl.notebook.typed_text import TypedText

NAME = "n"  # starts a name, which Enter ends
_LONG = 40  # characters: a shorter field is not emptied


class Shortcuts:
    """A text field that passes each new character to ``press``, and each name that follows an n to ``name``.

    The field is emptied rarely, and never between two quick keys: the browser would send the
    second one with a text that the kernel has just replaced.

    Parameters
    ----------
    press : callable
        Called with each character once, in order, in the thread in which the kernel handles
        messages; with `NAME` too, where a name starts.
    name : callable
        Called by `tick` with a name that was typed and ended by Enter.
    hint : str
        Text of the empty field.

    Examples
    --------
    >>> pressed = []
    >>> keys = Shortcuts(pressed.append, pressed.append, "click here, then type")
    >>> for text in ("1", "12", "", "s", "sn", "snwave"):
    ...     keys.field.value = text
    >>> pressed
    ['1', '2', 's', 'n']
    """

    def __init__(
        self,
        press: Callable[[str], None],
        name: Callable[[str], object],
        hint: str,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        from ipywidgets import Text

        self.field: Any = labelled(Text, "keys", "keys that answer", "19em", placeholder=hint)
        self._press, self._name, self._clock = press, name, clock
        self._read = self._emptied = ""
        self._name_at: int | None = None  # index in the text at which a name starts
        self._text = TypedText(self.field, clock)
        self.field.observe(self._typed, "value")
        self.field.on_msg(self._message)

    @property
    def naming(self) -> bool:
        """True while a name is being typed."""
        return self._name_at is not None

    def _typed(self, change: Any) -> None:
        text = change["new"]
        known, self._read = self._read, text
        if self._emptied and text.startswith(self._emptied):
            known = self._emptied  # typed before the browser knew that the field is empty
        if self._name_at is not None:
            if len(text) < self._name_at:  # its n was taken away
                self._name_at = None
        elif text.startswith(known):
            for i in range(len(known), len(text)):
                self._press(text[i])
                if text[i] == NAME:
                    self._name_at = i + 1
                    break
        elif text and text != known[:-1]:  # the text was replaced; one character less is no key
            self._press(text[-1])

    def _message(self, _: Any, content: Any, __: Any) -> None:
        if entered(content) and self._name_at is not None:
            self._text.end()

    def tick(self) -> None:
        """Pass on a name that Enter has ended; empty the field when it is long and nobody types."""
        text = self._text.whole()
        if text is not None and self._name_at is not None:
            name, self._name_at = text[self._name_at :], None
            self._empty()
            self._name(name)
        elif (
            len(self._read) >= _LONG and self._clock.monotonic() - self._text.changed > 2 and not self.naming
        ):
            self._empty()

    def _empty(self) -> None:
        self._emptied, self._read = self._read, ""
        self.field.value = ""

    def focus(self) -> None:
        """Give the field the keyboard's focus."""
        self.field.focus()


def entered(content: Any) -> bool:
    """True if a text field's message says that Enter was pressed.

    >>> entered({"event": "submit"}), entered("submit")
    (True, False)
    """
    return isinstance(content, dict) and content.get("event") == "submit"
