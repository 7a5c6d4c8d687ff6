"""The tree of classes and tasks of a model image, extended by a session's commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from odl.core.events import NO_WINDOW, AddClass, ChangeClass, Dropped, Event, Output, Split

if TYPE_CHECKING:
    from odl.core.image import Image


@dataclass(frozen=True)
class ClassTree:
    """Classes and the tasks (heads) that choose between them.

    Parameters
    ----------
    first_names : mapping of int to str
        Class ids, and names before any change.
    tasks : tuple of int or None
        The class that each task lies under, by task number; None for the root task.
    rows : tuple of (int, int)
        (class, its task), in the order of `odl.core.events.Prediction.scores`.
    changes : tuple of ChangeClass
        Classes that were renamed, merged or removed, in order; the last change of a class counts.

    Examples
    --------
    >>> tree = ClassTree({0: "sit"}, (None,), ((0, 0),)).with_task(0).with_class(1, "slouch", 1)
    >>> tree.path(1), tree.parent(1), tree.parent(0)
    (('sit', 'slouch'), 'sit', None)
    >>> tree = ClassTree({0: "sit", 1: "walk", 2: "run"}, (None,), ((0, 0), (1, 0), (2, 0)))
    >>> tree = tree.with_change(ChangeClass(0, 2, 1, "run")).with_change(ChangeClass(0, 1, 1, "on foot"))
    >>> tree.names, tree.counts_as(2), tree.shown, tree.without_change().names[1]
    ({0: 'sit', 1: 'on foot', 2: 'run'}, 1, (0, 1), 'walk')
    """

    first_names: Mapping[int, str]
    tasks: tuple[int | None, ...] = (None,)
    rows: tuple[tuple[int, int], ...] = ()
    changes: tuple[ChangeClass, ...] = ()

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Class ids and names now, those of merged and removed classes included."""
        if not self.changes:
            return self.first_names
        names = dict(self.first_names)
        for change in self.changes:
            rename(names, change.cls, change.into, change.name)
        return names

    @property
    def shown(self) -> tuple[int, ...]:
        """The classes that can be an answer, in the order of the rows: not merged, not removed."""
        return tuple(cls for cls, _ in self.rows if self.counts_as(cls) == cls)

    @property
    def named_twice(self) -> tuple[str, ...]:
        """Names that two classes that are shown have; none is where a front end has checked the names."""
        names = [self.name(cls) for cls in self.shown]
        return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))

    def counts_as(self, cls: int) -> int | None:
        """Return the class that a label of ``cls`` counts as: itself, another, or None."""
        if not self.changes:
            return cls
        into = {change.cls: change.into for change in self.changes}
        found: int | None = cls
        task_of = dict(self.rows)
        above: int | None = cls
        while above is not None:
            to: int | None = above
            for _ in self.rows:
                to = to if to is None else into.get(to, to)
            if to is None:
                return None
            found = found if to == above else to
            task = task_of.get(above, 0)
            above = self.tasks[task] if task < len(self.tasks) else None
        return found

    def id_of(self, name: str) -> int | None:
        """Return the class that is called ``name``: one that is shown, if there is one; None if none is."""
        found = [cls for cls, known in self.names.items() if known == name]
        shown = [cls for cls in found if self.counts_as(cls) == cls]
        return next(iter(shown or found), None)

    def name(self, cls: int) -> str:
        """Return the name of ``cls``; ``class 9`` where it has none."""
        return self.names.get(cls, f"class {cls}")

    def path(self, cls: int) -> tuple[str, ...]:
        """Return the names from the root task down to ``cls``.

        >>> ClassTree({0: "walk", 1: "up"}, (None, 0), ((0, 0), (1, 1))).path(1)
        ('walk', 'up')
        """
        task_of = dict(self.rows)
        names = [self.name(cls)]
        for _ in self.tasks:  # no path is longer than there are tasks
            task = task_of.get(cls, 0)
            parent = self.tasks[task] if task < len(self.tasks) else None
            if parent is None:
                break
            cls = parent
            names.append(self.name(cls))
        return tuple(reversed(names))

    def parent(self, cls: int) -> str | None:
        """Return the name of the class that ``cls`` lies under, None for a class of the root task."""
        task = dict(self.rows).get(cls, 0)
        parent = self.tasks[task] if task < len(self.tasks) else None
        return None if parent is None else self.name(parent)

    def with_class(self, cls: int, name: str, task: int) -> Self:
        """Return this tree with one more class under ``task``."""
        return replace(self, first_names={**self.first_names, cls: name}, rows=(*self.rows, (cls, task)))

    def with_task(self, leaf: int) -> Self:
        """Return this tree with one more task, under class ``leaf``."""
        return replace(self, tasks=(*self.tasks, leaf))

    def with_change(self, change: ChangeClass) -> Self:
        """Return this tree with a class renamed, merged or removed."""
        tree, names = replace(self, changes=(*self.changes, change)), dict(self.names)
        rename(names, change.cls, change.into, change.name)
        tree.__dict__["names"] = names  # not all changes once more
        return tree

    def without_change(self) -> Self:
        """Return this tree without its last change."""
        return replace(self, changes=self.changes[:-1])


def rename(names: dict[int, str], cls: int, into: int | None, name: str) -> int:
    """Note in ``names`` the new name that `ChangeClass` gives; the class that got it, ``cls`` or ``into``.

    >>> names = {0: "run", 7: "jog"}
    >>> rename(names, 7, 0, "run"), names
    (0, {0: 'jog', 7: 'jog'})
    """
    own = names.get(cls, name)
    if into is not None and name == names.get(into, name) != own:
        names[into] = own
        return into
    names[cls] = name
    return cls


class GrowingTree:
    """A class tree that follows a session's events; refused commands are left out.

    Attributes
    ----------
    tree : ClassTree
        The current tree.
    parents : dict of str to str or None
        For each added class, the class that it lies under; None for the root task.
    added : list of (int, str)
        Sample and name of each added class.

    Examples
    --------
    >>> growing = GrowingTree(ClassTree({0: "sit"}, (None,), ((0, 0),)))
    >>> for event in (Split(0, 0, 1), AddClass(0, 1, "slouch", 1)):
    ...     growing.take(event)
    >>> growing.tree.path(1), growing.parents, growing.added
    (('sit', 'slouch'), {'slouch': 'sit'}, [(0, 'slouch')])
    """

    def __init__(self, tree: ClassTree) -> None:
        self.tree = tree
        self.parents: dict[str, str | None] = {}
        self.added: list[tuple[int, str]] = []
        self._command: AddClass | Split | ChangeClass | None = (
            None  # the last input, while it may still be refused
        )
        self._before = tree, self.parents  # as they were before that command

    def take(self, event: Event) -> None:
        """Apply the next event."""
        if isinstance(event, AddClass | Split | ChangeClass):
            self._grow(event)
        elif self._command is not None:
            if isinstance(event, Dropped) and event.window == NO_WINDOW:
                self._refuse(self._command)
            elif not isinstance(event, Output):
                self._command = None

    def take_back(self) -> None:
        """The last change of a class is undone."""
        self.tree = self.tree.without_change()

    def adopt(self, tree: ClassTree) -> None:
        """Replace the tree by a session's own."""
        for cls, _ in tree.rows:
            if cls not in self.tree.first_names:
                self.parents[tree.name(cls)] = tree.parent(cls)
        self.tree, self._command = tree, None

    def _grow(self, command: AddClass | Split | ChangeClass) -> None:
        self._before, self._command = (self.tree, self.parents), command
        if isinstance(command, ChangeClass):
            self.tree = self.tree.with_change(command)
        elif isinstance(command, Split):
            self.tree = self.tree.with_task(command.leaf)
        elif command.cls in self.tree.first_names:  # it is going to be refused
            self._command = None
        else:
            self.tree = self.tree.with_class(command.cls, command.name, command.head)
            self.parents = {**self.parents, command.name: self.tree.parent(command.cls)}
            self.added.append((command.at, command.name))

    def _refuse(self, command: AddClass | Split | ChangeClass) -> None:
        (self.tree, self.parents), self._command = self._before, None
        if isinstance(command, AddClass):
            self.added.pop()


def tree_of_image(image: Image) -> ClassTree:
    """Return the tree that a session of ``image`` starts with."""
    from odl.core.image import ROOT

    tasks = tuple(None if parent == ROOT else parent for parent in image.parents.tolist())
    rows = tuple(zip(image.row_class.tolist(), image.row_head.tolist(), strict=True))
    return ClassTree(dict(image.names), tasks, rows)
