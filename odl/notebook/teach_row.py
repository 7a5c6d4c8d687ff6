"""Teach unasked: a field for what somebody does now, and a button."""

from __future__ import annotations

from typing import Any, Final

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.labels.prompt import Prompt
from odl.notebook.buttons import button, labelled
from odl.notebook.shortcuts import entered
from odl.notebook.typed_text import TypedText

ROOT: Final = "the root task"
AS_TRAINED: Final = "where the training had it"


def under_of(chosen: str) -> str | None:
    """What a field for the class above a new one says to a prompt: None if it is empty.

    >>> under_of(" walk "), under_of(ROOT), under_of("")
    ('walk', '', None)
    """
    return "" if chosen == ROOT else chosen.strip() or None


class TeachRow:
    """Says unasked what runs now; a new name becomes a class where the training had it, or where it is told.

    Clicks arrive in any thread. Only `act` and `tick`, which one task calls, change widgets.

    Examples
    --------
    ::

        row = TeachRow(live.prompt)
        display(row.box)
    """

    def __init__(self, prompt: Prompt, clock: Clock = SYSTEM_CLOCK) -> None:
        import ipywidgets as w

        self._prompt = prompt
        self._held = prompt.held  # times the board's button was held
        self.name = labelled(
            w.Combobox, "I am doing", "what you are doing now, a known class or a new one", "24em",
            placeholder="a class, known or new", ensure_option=False,
        )  # fmt: skip
        self.under = labelled(w.Combobox, "under", "the class that a new one goes under", "19em",
                              placeholder=AS_TRAINED, ensure_option=False)  # fmt: skip
        self._typed = TypedText(self.name, clock)
        self.button = button("now: teach", "say unasked what runs now; it costs no question", self._end)
        self.name.on_msg(self._message)
        self.box = w.HBox([self.name, self.under, self.button])

    def _message(self, _: Any, content: Any, __: Any) -> None:
        if entered(content):
            self._end()

    def _end(self, _: Any = None) -> None:
        self._typed.end()

    def act(self) -> None:
        """Teach a name that was ended and is whole, and empty the field; call this often."""
        name = self._typed.whole()
        if name is not None and not name.strip():
            self._prompt.note("type or choose first what you are doing now")
        elif name is not None and self._prompt.teach(name, None, under=under_of(self.under.value)).taken:
            self.name.value = self.under.value = ""

    def tick(self) -> None:
        """Offer the classes that are known now."""
        names = tuple(one.name for one in self._prompt.likely)
        if sorted(names) != sorted(self.name.options):
            self.name.options, self.under.options = names, (ROOT, *names)
        if self._prompt.held != self._held:
            self._held = self._prompt.held
            self.name.focus()

    def over(self) -> None:
        """Take nothing more, because the session has ended."""
        self.name.disabled = self.under.disabled = self.button.disabled = True
