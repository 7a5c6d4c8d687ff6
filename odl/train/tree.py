"""A task tree as rows and heads: the rows of each head, and each label's target in every head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.image import ROOT

NO_PART = -1  # of a target: this label does not fall under this task


@dataclass(frozen=True, eq=False)
class TaskTree:
    """Heads and rows of a task tree, in the order in which a model image keeps them.

    ``parents`` (heads,) is the class that each task hangs under, ROOT for the first;
    ``row_class`` and ``row_head`` (rows,) are each row's class and task, a task's rows side
    by side; ``names`` maps class ids to names; ``leaves`` are the ids of the classes that
    labels name, ascending.
    """

    parents: NDArray[np.uint8]
    row_class: NDArray[np.uint8]
    row_head: NDArray[np.uint8]
    names: dict[int, str]
    leaves: tuple[int, ...]

    @property
    def heads(self) -> list[slice]:
        """The rows of each task."""
        edges = np.searchsorted(self.row_head, np.arange(len(self.parents) + 1))
        return [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def targets(self, leaf: NDArray[np.integer]) -> NDArray[np.int64]:
        """The right row of each task, counted from its first, or NO_PART: (n,) -> (n, heads).

        Examples
        --------
        >>> tree = build_tree(["sit", "lie", "walk"], {"still": ["sit", "lie"], "walk": []})
        >>> tree.targets(np.array([1, 2])).tolist()
        [[0, 1], [1, -1]]
        """
        table = np.full((256, len(self.parents)), NO_PART, np.int64)
        where = {int(c): row for row, c in enumerate(self.row_class)}
        for cls in self.leaves:
            at = cls
            while at != ROOT:
                head = int(self.row_head[where[at]])
                table[cls, head] = where[at] - self.heads[head].start
                at = int(self.parents[head])
        return table[leaf]

    def route(self, logits: NDArray[np.number], among: Sequence[int] | None = None) -> NDArray[np.int64]:
        """The leaf that each row of ``logits`` (n, rows) leads to.

        The likeliest class of each task is followed downwards, as a session does. With
        ``among``, only these leaves and what lies above them can be chosen.

        Examples
        --------
        >>> tree = build_tree(["sit", "lie", "walk"], {"still": ["sit", "lie"], "walk": []})
        >>> logits = np.array([[2, 1, 0, 3]])  # still, walk; sit, lie
        >>> tree.route(logits).tolist(), tree.route(logits, among=[0, 2]).tolist()
        ([1], [0])
        """
        values = logits.astype(np.float64)
        if among is not None:
            allowed = self.targets(np.array(sorted(among)))
            for head, rows in enumerate(self.heads):
                closed = np.setdiff1d(np.arange(rows.stop - rows.start), allowed[:, head])
                values[:, rows.start + closed] = -np.inf
        under = {int(p): head for head, p in enumerate(self.parents)}
        best = [rows.start + values[:, rows].argmax(1) for rows in self.heads]
        leaf = self.row_class[best[0]].astype(np.int64)
        for head in range(1, len(best)):  # a task hangs under an earlier one
            here = leaf == self.parents[head]
            leaf[here] = self.row_class[best[head][here]]
        assert not set(leaf.tolist()) & set(under), "a route ended above a task"
        return leaf


def build_tree(
    classes: Sequence[str], nested: Mapping[str, Any] | None, without: Sequence[str] = ()
) -> TaskTree:
    """Heads and rows of a card's task tree.

    Parameters
    ----------
    classes : sequence of str
        The labels; a leaf's class id is its index here, whatever is left out.
    nested : mapping, optional
        What hangs under the root task: ``{name: leaves or mapping, ...}``, with ``"root"``
        around it or not; a sequence holds leaves, an empty one makes its name a leaf itself.
        None: one flat head.
    without : sequence of str
        Leaves that are not to be learned. A group that keeps one leaf gives way to it, one
        that keeps none goes.

    Raises
    ------
    ValueError
        If the tree and the classes do not hold the same leaves, or fewer than two are left.

    Examples
    --------
    >>> tree = build_tree(["sit", "lie", "walk"], {"still": ["sit", "lie"], "walk": []})
    >>> tree.names[3], tree.row_class.tolist(), tree.parents.tolist()
    ('still', [3, 2, 0, 1], [255, 3])
    >>> build_tree(["sit", "lie", "walk"], None, ["lie"]).row_class.tolist()
    [0, 2]
    """
    ids = {name: i for i, name in enumerate(classes)}
    if unknown := sorted(set(without) - set(ids)):
        raise ValueError(f"class '{unknown[0]}' is to be left out, but there are {', '.join(classes)}")
    root = _group(list(classes) if nested is None else nested.get("root", nested))
    found = _leaves(root)
    if sorted(found) != sorted(classes):
        odd = sorted(set(found) ^ set(classes)) or sorted({n for n in found if found.count(n) > 1})
        raise ValueError(f"the task tree and the classes differ in {', '.join(odd)}")
    root = _pruned(root, set(without))
    if len(root) == 1 and isinstance(only := next(iter(root.values())), dict):
        root = only
    if len(root) < 2:
        raise ValueError("fewer than two classes are left to learn")
    names = dict(enumerate(classes))
    parents: list[int] = []
    row_class: list[int] = []
    row_head: list[int] = []
    pending = [(ROOT, root)]
    while pending:
        parent, group = pending.pop(0)
        head = len(parents)
        parents.append(parent)
        for name, inside in group.items():
            cls = ids.setdefault(name, len(ids))
            names[cls] = name
            row_class.append(cls)
            row_head.append(head)
            if inside is not None:
                pending.append((cls, inside))
    remaining = [n for n in classes if n not in without]
    return TaskTree(
        np.array(parents, np.uint8), np.array(row_class, np.uint8), np.array(row_head, np.uint8),
        {cls: names[cls] for cls in sorted(row_class)}, tuple(ids[n] for n in remaining),
    )  # fmt: skip


def in_row_order(nested: Any, rows: Sequence[str]) -> Any:
    """A task tree as a model's card has it, where names are sorted, in the order of the model's ``rows``.

    >>> in_row_order({"feet": ["walk", "run"], "still": ["sit"]}, ["still", "feet", "sit", "walk", "run"])
    {'still': ['sit'], 'feet': ['walk', 'run']}
    """
    if not isinstance(nested, Mapping):
        return nested
    place = {name: i for i, name in enumerate(rows)}

    def first(name: str) -> int:
        within = (name, *_leaves(_group(nested[name])))  # a group with one class left has given way to it
        return min((place[one] for one in within if one in place), default=len(place))

    return {name: in_row_order(nested[name], rows) for name in sorted(nested, key=first)}


def _group(nested: Any) -> dict[str, Any]:
    """Names to what lies under them: a group, or None for a leaf."""
    if isinstance(nested, Mapping):
        return {str(name): _group(inside) if inside else None for name, inside in nested.items()}
    return {str(name): None for name in nested}


def _leaves(group: Mapping[str, Any]) -> list[str]:
    return [
        leaf for name, inside in group.items() for leaf in ([name] if inside is None else _leaves(inside))
    ]


def _pruned(group: Mapping[str, Any], without: set[str]) -> dict[str, Any]:
    remaining: dict[str, Any] = {}
    for name, inside in group.items():
        if inside is None:
            if name not in without:
                remaining[name] = None
            continue
        below = _pruned(inside, without)
        if len(below) == 1:
            remaining.update(below)
        elif below:
            remaining[name] = below
    return remaining
