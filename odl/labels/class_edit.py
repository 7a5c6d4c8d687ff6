"""Changes of the classes themselves, as a person asks for them: what is possible, and what it does."""

from __future__ import annotations

from collections.abc import Iterable

from odl._text import clean
from odl.core.events import valid_name
from odl.core.protocols import ClassEdit
from odl.labels.question import ChoiceTree


def wrong_edit(tree: ChoiceTree, edit: ClassEdit, max_rows: int, max_heads: int) -> str:
    """Why the classes of ``tree`` cannot be changed as ``edit`` says; empty if they can.

    >>> tree = ChoiceTree({0: "walk", 1: "up", 2: "sit"}, (None, 0), ((0, 0), (1, 1), (2, 0)))
    >>> wrong_edit(tree, ClassEdit("merge", "up", "sit"), 20, 8)
    "'up' and 'sit' do not lie beside each other in the tree, so they cannot be merged"
    >>> wrong_edit(tree, ClassEdit("remove", "sit"), 20, 8)
    ''
    """
    cls, into = tree.id_of(edit.name), None if edit.into is None else tree.id_of(edit.into)
    name, other = clean(edit.name), clean(edit.into or "")
    shown, task_of = tree.shown, dict(tree.rows)
    names = [tree.name(c) for c in shown]
    if edit.what == "add":
        if cls in shown:
            return f"there is a class '{name}' already"
        return tree.wrong(edit.name, edit.head, edit.leaf, max_rows, max_heads)
    if cls is None or cls not in shown:
        return no_class(edit.name, names)
    if edit.what == "rename":
        if not valid_name(edit.into or ""):
            return "a class needs a name of 1 to 32 bytes of printable text"
        if into in shown:
            return f"there is a class '{other}' already; merge the two"
        return "" if into is None else tree.wrong(tree.name(into), 0, None, max_rows, max_heads)
    if edit.what == "merge":
        if into is None or into not in shown or into == cls:
            return no_class(edit.into or "", names, "other class")
        beside = task_of[into] == task_of[cls]
        wrong = f"'{name}' and '{other}' do not lie beside each other in the tree, so they cannot be merged"
        return "" if beside else wrong
    rest = [c for c in shown if c != cls and task_of[c] == 0]
    return "" if rest or task_of[cls] else f"'{name}' is the last class of the root task, which needs one"


def no_class(name: str, names: Iterable[str], what: str = "class") -> str:
    """The sentence where ``name`` is not among the ``names`` of the classes.

    >>> no_class("wakl", ["walk", "sit"])
    "there is no class 'wakl'; there are walk, sit"
    """
    return f"there is no {what} '{clean(name)}'; there are {', '.join(map(clean, names))}"


def sentence_of(edit: ClassEdit, back: bool = False) -> str:
    """What a change of the classes does, for a person; ``back``: what is added was a class before.

    >>> sentence_of(ClassEdit("merge", "run", "walk"))
    "'run' counts as 'walk'"
    >>> sentence_of(ClassEdit("add", "run"), back=True)
    "'run' is a class again, with its labels"
    """
    if back:
        return f"'{clean(edit.name)}' is a class again, with its labels"
    name, into = clean(edit.name), clean(edit.into or "")
    return {
        "add": f"'{name}' becomes a class; it is shown once it has a label",
        "rename": f"'{name}' is called '{into}' from now on",
        "merge": f"'{name}' counts as '{into}'",
        "remove": f"'{name}' is no longer shown; its labels do not count",
    }[edit.what]
