"""Buttons of a question card: one for each likely class, and helpers that make any button."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from odl._text import clean, percent
from odl.labels.question import Question
from odl.notebook.html import joined

BUTTONS = 9  # classes with a button, and a digit, of their own


class ClassButtons:
    """The buttons of one card: the likely classes in the model's order, the others in a list.

    Spare buttons are hidden, not removed: a page keeps each view that it made of a widget, so widgets
    that come and go would fill its memory.
    """

    def __init__(self, pick: Callable[[ClassButtons, int], None]) -> None:
        from ipywidgets import Dropdown, HBox, Layout

        self.window: int | None = None
        self.names: tuple[str, ...] = ()
        self._pick = pick
        self._buttons = [button("", "", partial(self._clicked, i), "auto") for i in range(BUTTONS)]
        self._others = labelled(Dropdown, "others", "the other classes", "17em", options=[("", -1)])
        self._others.observe(self._chosen, "value")
        self.box = HBox([*self._buttons, self._others], layout=Layout(flex_flow="row wrap", display="none"))

    def fill(self, question: Question) -> None:
        """Offer the classes of ``question``."""
        self.window = None  # clicks have no effect while the names change
        likely = question.likely
        self.names = tuple(one.name for one in likely)
        for i, (button, one) in enumerate(zip(self._buttons, likely, strict=False)):
            score = "" if one.score is None else f"  {percent(one.score)}"
            button.description = f"{i + 1}  {clean(one.name, 28)}{score}"
            button.tooltip = joined(one.path)
            button.button_style = "primary" if i == 0 else ""
        rest = [(joined(one.path), i) for i, one in enumerate(likely) if i >= BUTTONS]
        self._others.options = [("another class", -1), *rest]
        for i, button in enumerate(self._buttons):
            show_if(button, i < len(likely))
        show_if(self._others, bool(rest))
        self.window = question.window

    def _clicked(self, index: int, _: Any) -> None:
        self._pick(self, index)

    def _chosen(self, change: Any) -> None:
        if change["new"] is not None and change["new"] >= 0 and self.window is not None:
            self._pick(self, change["new"])


def button(text: str, about: str, do: Callable[[Any], None], width: str = "9em") -> Any:
    """Return a button that calls ``do`` when it is clicked; ``text`` is plain text."""
    from ipywidgets import Button, Layout

    widget = Button(description=text, tooltip=about, layout=Layout(width=width, min_width="6em"))
    widget.on_click(do)
    return widget


def labelled(kind: Callable[..., Any], label: str, about: str, width: str, **traits: Any) -> Any:
    """Return a field with its name before it: a screen reader reads that name, and no tooltip."""
    from ipywidgets import Layout

    look = {"description_width": "initial"}
    return kind(description=label, tooltip=about, layout=Layout(width=width), style=look, **traits)


def show_if(widget: Any, whether: bool) -> None:
    """Show or hide ``widget``, which stays in the page."""
    widget.layout.display = "" if whether else "none"


def close_all(widgets: Iterable[Any]) -> None:
    """Close ``widgets`` with all widgets inside them, their layouts and styles too."""
    for widget in widgets:
        close_all(getattr(widget, "children", ()))
        for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
            if part is not None:
                part.close()
