"""Keyboard keys from plain widgets: a small text field that reads what is typed into it.

A browser's page takes keys only where a text can be typed: everywhere else JupyterLab has
shortcuts of its own (a digit makes a heading of the cell, an x removes it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LONG = 40  # characters: with fewer the field is left alone


class Keys:
    """A field whose every new character is handed to ``press``.

    The field is emptied rarely, and never between two quick keys: the browser would send the
    second one with a text that the kernel has just replaced.

    Parameters
    ----------
    press : callable
        Given each character once, in order; called in whatever thread the kernel hands
        messages to.
    hint : str
        What stands in the empty field.

    Examples
    --------
    >>> pressed = []
    >>> keys = Keys(pressed.append, "click here, then type")
    >>> keys.field.value = "1"
    >>> keys.field.value = "12"
    >>> keys.field.value = ""
    >>> keys.field.value = "1"
    >>> pressed
    ['1', '2', '1']
    """

    def __init__(self, press: Callable[[str], None], hint: str) -> None:
        from ipywidgets import Layout, Text

        self.field: Any = Text(placeholder=hint, continuous_update=True, layout=Layout(width="16em"),
                               tooltip=hint)  # fmt: skip
        self._press, self._read, self._emptied = press, "", ""
        self.field.observe(self._typed, "value")

    def _typed(self, change: Any) -> None:
        text = change["new"]
        known, self._read = self._read, text
        if self._emptied and text.startswith(self._emptied):
            known = self._emptied  # typed before the browser knew that the field is empty
        if text.startswith(known):
            for character in text[len(known) :]:
                self._press(character)
        elif text and text != known[:-1]:  # something else stands there now; one character less is no key
            self._press(text[-1:])

    def tidy(self) -> None:
        """Empty the field if much stands in it; call it when nothing was typed for a while."""
        if len(self._read) >= _LONG:
            self._emptied, self._read = self._read, ""
            self.field.value = ""

    def focus(self) -> None:
        """Let the next keys go here."""
        self.field.focus()
