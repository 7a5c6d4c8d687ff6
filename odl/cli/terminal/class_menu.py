"""The view's menu that changes the classes themselves: add, rename, merge, remove, bring back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from odl._text import clean
from odl.cli.terminal.keys import KEYS, KeyMode, Line, class_lines, keyed
from odl.core.protocols import ClassEdit
from odl.labels.question import ClassChoice
from odl.live.status import QuestionSource

# By key: what `KeyMode.what` becomes, and the words.
ACTIONS: Final = {
    "a": ("add", "add a class"),
    "r": ("rename", "rename a class"),
    "m": ("merge", "merge: a class counts as another"),
    "x": ("remove", "remove a class; its labels no longer count"),
    "b": ("back", "bring a class back that was removed or merged"),
}


def pressed(prompt: QuestionSource, mode: KeyMode, key: str) -> KeyMode:
    """Handle a key in the menu or at the choice of a class; return what keys mean next."""
    if mode.kind == "classes":
        return _chosen(prompt, ACTIONS[key][0]) if key in ACTIONS else _unknown(prompt, mode, key)
    name = keyed(mode.choices).get(key)
    if name is None:
        return _unknown(prompt, mode, key)
    if mode.what == "rename":
        return KeyMode("name", what="rename", first=name)
    if mode.what == "merge" and not mode.first:
        above = next(one.path[:-1] for one in mode.choices if one.name == name)
        beside = [one for one in mode.choices if one.path[:-1] == above and one.name != name]
        if not beside:
            prompt.note(f"no class lies beside '{clean(name)}', so it cannot be merged")
            return KeyMode()
        return KeyMode("which", what="merge", first=name, choices=tuple(beside))
    what = "add" if mode.what == "back" else mode.what
    prompt.edit_classes(ClassEdit(what, mode.first or name, name if mode.first else None))
    return KeyMode()


def typed(prompt: QuestionSource, mode: KeyMode, under: str | None) -> None:
    """Carry out what a name was typed for; an added class goes under the class called ``under``."""
    if mode.what == "rename":
        prompt.edit_classes(ClassEdit("rename", mode.first, mode.typed))
    else:
        prompt.edit_classes(ClassEdit("add", mode.typed), under)


def menu_lines(mode: KeyMode, columns: int) -> list[Line]:
    """Return the lines of the menu, or of the choice of a class."""
    if mode.kind == "which":
        return class_lines(mode.choices, columns)
    return [[("class:key", f" {key} "), ("", f" {words}")] for key, (_, words) in ACTIONS.items()]


def title(mode: KeyMode) -> str:
    """Return what is asked now.

    >>> title(KeyMode("which", what="merge", first="jog"))
    "As which class does 'jog' count?"
    """
    if mode.kind == "name":
        return f"What is '{clean(mode.first)}' called?" if mode.first else "Which class is added?"
    if mode.first:
        return f"As which class does '{clean(mode.first)}' count?"
    verbs = {"rename": "renamed", "merge": "merged", "remove": "removed", "back": "brought back"}
    return f"Which class is {verbs[mode.what]}?" if mode.what in verbs else "What is changed of the classes?"


def _chosen(prompt: QuestionSource, what: str) -> KeyMode:
    if what == "add":
        return KeyMode("name", what="add")
    choices: Sequence[ClassChoice] = prompt.hidden if what == "back" else prompt.likely
    if not choices:
        prompt.note("no class was removed or merged")
        return KeyMode()
    return KeyMode("which", what=what, choices=tuple(choices)[: len(KEYS)])


def _unknown(prompt: QuestionSource, mode: KeyMode, key: str) -> KeyMode:
    prompt.note(f"'{clean(key)}' means nothing here; esc: change nothing")
    return mode
