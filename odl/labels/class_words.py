"""Changes of the classes as a person types them."""

from __future__ import annotations

from typing import Final

from odl.core.protocols import ClassEdit

WORDS: Final = "add NAME, rename NAME = NEW, merge NAME = OTHER, remove NAME"


def placed(words: str) -> tuple[str, str | None]:
    """A class's name and, behind ``under``, the class that it goes under; ``-`` is the root task.

    >>> placed("level under walk"), placed("row under -"), placed("row")
    (('level', 'walk'), ('row', ''), ('row', None))
    """
    name, found, under = words.rpartition(" under ")
    if not found:
        return words.strip(), None
    return name.strip(), "" if under.strip() == "-" else under.strip()


def class_edit(words: str) -> tuple[ClassEdit, str | None] | None:
    """The change that ``words`` ask for, and the class that an added one goes under; None if there is none.

    >>> class_edit("add level under walk")
    (ClassEdit(what='add', name='level', into=None, head=0, leaf=None, by='', took=0, clock=0), 'walk')
    >>> class_edit("merge run = walk")[0][:3], class_edit("remove run")[0][:2], class_edit("walk")
    (('merge', 'run', 'walk'), ('remove', 'run'), None)
    """
    what, _, rest = words.strip().partition(" ")
    if what == "add" and rest:
        name, under = placed(rest)
        return ClassEdit("add", name), under
    if what == "remove" and rest:
        return ClassEdit("remove", rest.strip()), None
    name, equals, other = rest.partition("=")
    if what in ("rename", "merge") and equals:
        return ClassEdit(what, name.strip(), other.strip()), None
    return None
