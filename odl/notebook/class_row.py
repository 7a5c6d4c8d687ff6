"""Change the classes themselves: what is done, to which class, and a button."""

from __future__ import annotations

from typing import Any

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.protocols import ClassEdit
from odl.labels.prompt import Prompt
from odl.notebook.buttons import button, labelled, show_if
from odl.notebook.teach_row import AS_TRAINED, ROOT, under_of
from odl.notebook.typed_text import TypedText

# What is chosen, the kind of change, and the name of the second field; none without one.
_CHANGES = {
    "add a class": ("add", "under"),
    "rename a class": ("rename", "new name"),
    "merge two classes": ("merge", "counts as"),
    "remove a class": ("remove", ""),
    "bring a class back": ("add", ""),
}
_BACK = "bring a class back"


class ClassRow:
    """Adds, renames, merges and removes classes, and brings them back.

    Clicks arrive in any thread. Only `act` and `tick`, which one task calls, change widgets.

    Examples
    --------
    ::

        row = ClassRow(live.prompt)
        display(row.box)
    """

    def __init__(self, prompt: Prompt, clock: Clock = SYSTEM_CLOCK) -> None:
        import ipywidgets as w

        self._prompt = prompt
        self.what = labelled(
            w.Dropdown, "classes", "what is changed of the classes", "18em", options=list(_CHANGES)
        )
        about = "the class, as it is called now"
        self.name = labelled(w.Combobox, "class", about, "17em", placeholder="its name", ensure_option=False)
        self.other = labelled(w.Combobox, "under", "a second name", "19em", ensure_option=False)
        self._typed = TypedText(self.name, clock), TypedText(self.other, clock)
        self._whole: list[str | None] = [None, None]  # the names, each once all of it has come
        self.button = button("change", "change the classes; undo takes back all but adding", self._end)
        self.box = w.HBox([self.what, self.name, self.other, self.button])
        self.tick()

    def _end(self, _: Any = None) -> None:
        self._whole = [None, None]
        for text in self._typed:
            text.end()

    def act(self) -> None:
        """Make a change whose names are whole, and empty the fields; call this often."""
        for i, text in enumerate(self._typed):
            whole = text.whole()
            self._whole[i] = self._whole[i] if whole is None else whole
        name, other = self._whole
        if name is None or other is None:
            return
        self._whole = [None, None]
        what, second = _CHANGES[self.what.value]
        name, other = name.strip(), other.strip()
        if not name or (second not in ("", "under") and not other):
            self._prompt.note("type or choose the classes first")
            return
        named = ClassEdit(what, name, other if second not in ("", "under") else None)
        if self._prompt.edit_classes(named, under_of(other) if second == "under" else None).taken:
            self.name.value = self.other.value = ""

    def tick(self) -> None:
        """Offer the classes that can be changed so now, and the fields that are needed."""
        prompt, second = self._prompt, _CHANGES[self.what.value][1]
        shown = tuple(one.name for one in prompt.likely)
        offered = tuple(one.name for one in prompt.hidden) if self.what.value == _BACK else shown
        for field, names in (
            (self.name, () if second == "under" else offered),
            (self.other, () if second == "new name" else shown if second != "under" else (ROOT, *shown)),
        ):
            if sorted(names) != sorted(field.options):
                field.options = names
        if second and self.other.description != second:
            self.other.description = second
            self.other.placeholder = AS_TRAINED if second == "under" else "its name"
        show_if(self.other, bool(second))

    def over(self) -> None:
        """Take nothing more, because the session has ended."""
        self.what.disabled = self.name.disabled = self.other.disabled = self.button.disabled = True
