"""Restrict a model image to some of its classes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from odl.core.image import ROOT, Image


@dataclass
class _Branch:
    """A remaining row, the class that it stands for, and the remaining rows of the task below."""

    row: int
    cls: int
    below: list[_Branch] = field(default_factory=list)


def leaves(image: Image) -> list[str]:
    """Names of the classes that have no task below them, in the order of the rows.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> leaves(Image.from_bytes(model_bytes("shoulder")))[:2]
    ['pendulum', 'abduction']
    """
    return [image.names[int(c)] for c in image.row_class if not _rows_below(image, int(c))]


def restrict(image: Image, names: Collection[str]) -> Image:
    """Return ``image`` with the same weights and the classes ``names`` only.

    Rows of other classes are removed, and so are tasks without rows. If a task keeps a single class,
    the row of its parent stands for that class.

    Parameters
    ----------
    image : Image
    names : collection of str
        Leaves of its tree, two or more; see `leaves`.

    Returns
    -------
    Image
        ``image`` itself if every leaf is named.

    Raises
    ------
    ValueError
        If a name is not a leaf, or there are fewer than two.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> restrict(image, ["abduction", "pendulum"]).names
    {0: 'pendulum', 1: 'abduction'}
    """
    known = leaves(image)
    if strange := sorted(set(names).difference(known)):
        raise ValueError(f"the model does not know class {strange[0]!r}; it knows {', '.join(known)}")
    if len(set(names)) < 2:
        raise ValueError("a choice needs two classes or more that the model knows")
    if set(names) == set(known):
        return image
    root = _kept(image, 0, frozenset(names))
    while len(root) == 1:
        root = root[0].below
    return _rebuilt(image, root)


def _rows_below(image: Image, cls: int) -> list[int]:
    """Rows of the task under class ``cls``, if that task takes part (two rows or more)."""
    heads = [h for h, parent in enumerate(image.parents.tolist()) if h > 0 and parent == cls]
    rows = [r for r, head in enumerate(image.row_head.tolist()) if head in heads]
    return rows if len(rows) > 1 else []


def _kept(image: Image, head: int, names: frozenset[str]) -> list[_Branch]:
    branches = []
    for row in np.flatnonzero(image.row_head == head).tolist():
        cls = int(image.row_class[row])
        if rows := _rows_below(image, cls):
            below = _kept(image, int(image.row_head[rows[0]]), names)
            if len(below) == 1:
                branches.append(_Branch(row, below[0].cls, below[0].below))
            elif below:
                branches.append(_Branch(row, cls, below))
        elif image.names[cls] in names:
            branches.append(_Branch(row, cls))
    return branches


def _rebuilt(image: Image, root: list[_Branch]) -> Image:
    """Build an image of the branches; the task of a parent class comes first."""
    tasks, parents, formats = [root], [ROOT], [int(image.formats[image.row_head[root[0].row]])]
    for task in tasks:  # grows while it is walked
        for branch in task:
            if branch.below:
                tasks.append(branch.below)
                parents.append(branch.cls)
                formats.append(int(image.formats[image.row_head[branch.below[0].row]]))
    branches = [(head, branch) for head, task in enumerate(tasks) for branch in task]
    classes = [branch.cls for _, branch in branches]
    keep = np.isin(image.owners, classes)
    made = replace(
        image,
        parents=np.array(parents, np.uint8),
        formats=np.array(formats, np.uint8),
        row_class=np.array(classes, np.uint8),
        row_head=np.array([head for head, _ in branches], np.uint8),
        base=image.base[[branch.row for _, branch in branches]],
        stored=image.stored[keep],
        owners=image.owners[keep],
        names={cls: image.names[cls] for cls in sorted(classes)},
        card=image.card | {"restricted_to": sorted(image.names[b.cls] for _, b in branches if not b.below)},
    )
    made.check()
    return made
