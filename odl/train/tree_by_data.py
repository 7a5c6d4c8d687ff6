"""A task tree from what a flat model confuses: classes that are taken for each other become one task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NAME_BYTES = 32  # of a class, as in a label log
MOST = 6  # groups; an image has room for 8 tasks, and a person may add one


def propose_tree(confusion: NDArray[np.integer], classes: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    """Propose the groups under the root task: the communities in the graph of confusions.

    An edge between two classes weighs the mean of their two shares of confusion. Groups are merged two at a
    time, those with the largest gain in modularity first, until no merge gains (Newman, "Fast algorithm for
    detecting community structure in networks", Physical Review E 69, 2004), and further if there are more
    than `MOST` of two classes or more.

    Parameters
    ----------
    confusion : int (n, n)
        Windows by true class (row) and predicted class (column), of people that the flat model never saw.
    classes : sequence of str
        Names of the n classes.

    Returns
    -------
    dict of tuple of str, or None
        As a card's ``tree``: the classes of each group; a class by itself has an empty tuple. None if the
        classes do not fall into groups, so that a flat head is all that the data ask for.

    Examples
    --------
    >>> names = ["sit", "walk", "stand", "run", "lie"]
    >>> counts = [[9, 0, 3, 0, 0], [0, 9, 0, 2, 0], [4, 1, 8, 0, 0], [0, 1, 0, 9, 0], [0, 0, 0, 0, 9]]
    >>> propose_tree(np.array(counts), names)
    {'sit or stand': ('sit', 'stand'), 'walk or run': ('walk', 'run'), 'lie': ()}
    >>> propose_tree(np.diag([9, 8, 9, 9, 9]), names) is None
    True
    """
    share = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    np.fill_diagonal(share, 0)
    edges = share + share.T
    if not edges.any():
        return None
    edges /= edges.sum()
    groups = [[i] for i in range(len(classes))]
    while len(groups) > 1:
        degree = edges.sum(1)
        gain = edges - np.outer(degree, degree)
        np.fill_diagonal(gain, -np.inf)
        i, j = sorted(divmod(int(gain.argmax()), len(groups)))
        if gain[i, j] <= 0 and sum(len(group) > 1 for group in groups) <= MOST:
            break
        groups[i] = sorted(groups[i] + groups.pop(j))
        edges[i] += edges[j]
        edges[:, i] += edges[:, j]
        edges = np.delete(np.delete(edges, j, 0), j, 1)
    if len(groups) in (1, len(classes)):
        return None
    taken, tree = set(classes), dict[str, tuple[str, ...]]()
    for group in sorted(groups):
        names = tuple(classes[i] for i in group)
        if len(names) == 1:
            tree[names[0]] = ()
        else:
            tree[_name(names, taken)] = names
    return tree


def _name(names: Sequence[str], taken: set[str]) -> str:
    """A name for the group of ``names`` that no class and no group has; it joins ``taken``."""
    choices = [" or ".join(names), f"{names[0]} or {len(names) - 1} more"]
    choices += [f"group {number}" for number in range(1, 256)]
    name = next(c for c in choices if len(c.encode()) <= NAME_BYTES and c not in taken)
    taken.add(name)
    return name
