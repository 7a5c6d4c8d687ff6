"""Scores over the tree of classes, for learners that are plain Python and know classes as a flat list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from odl.core.image import ROOT, Image
from odl.core.protocols import Scores

ONE = 32768  # 1.0 in Q15


class ClassScores:
    """The rows of a session's heads as they grow, and probabilities of classes as `Scores`.

    Parameters
    ----------
    image : Image
        Gives the classes and their tree.

    Attributes
    ----------
    rows : list of (class, task)

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> classes = ClassScores(Image.from_bytes(model_bytes("shoulder")))
    >>> classes.of({0: 3.0, 1: 1.0})
    Scores(path=(0,), scores=(24576, 8192, 0, 0, 0), uncertainty=16384)
    """

    def __init__(self, image: Image) -> None:
        self.rows = list(zip(image.row_class.tolist(), image.row_head.tolist(), strict=True))
        self._parents = {head: cls for head, cls in enumerate(image.parents.tolist()) if cls != ROOT}

    def add_class(self, cls: int, head: int) -> bool:
        """Add a row; there is always room."""
        self.rows.append((cls, head))
        return True

    def split(self, leaf: int, head: int) -> bool:
        """Add a task under a class; there is always room."""
        self._parents[head] = leaf
        return True

    def above(self, row: int) -> list[int]:
        """``row`` and the rows above it, up to the root task."""
        found = [row]
        while (head := self.rows[found[-1]][1]) in self._parents:
            found.append(self._row_of(self._parents[head]))
        return found

    def path(self, cls: int) -> list[int]:
        """The rows from the root task down to class ``cls``."""
        return self.above(self._row_of(cls))[::-1]

    def of(self, shares: Mapping[int, float]) -> Scores:
        """Scores from a weight of each class; a class with classes below it has their sum and its own."""
        whole = sum(shares.values())
        own = [shares.get(cls, 0.0) / whole if whole > 0 else 0.0 for cls, _ in self.rows]
        total = list(own)
        for row in range(len(self.rows)):
            for higher in self.above(row)[1:]:
                total[higher] += own[row]
        best = max(range(len(own)), key=own.__getitem__)
        return self._scores(self.above(best)[::-1] if own[best] > 0 else [], total)

    def of_rows(self, total: Sequence[float]) -> Scores:
        """Scores from the probability of each row, of which none exceeds the row above it."""
        path: list[int] = []
        head: int | None = 0
        while head is not None:
            rows = [row for row, (_, own) in enumerate(self.rows) if own == head and total[row] > 0]
            if not rows:
                break
            path.append(max(rows, key=total.__getitem__))
            cls = self.rows[path[-1]][0]
            head = next((task for task, parent in self._parents.items() if parent == cls), None)
        return self._scores(path, total)

    def _scores(self, path: Sequence[int], total: Sequence[float]) -> Scores:
        inner = set(self._parents.values())
        leaves = sorted(total[row] for row, (cls, _) in enumerate(self.rows) if cls not in inner)
        first, second = leaves[-1], leaves[-2] if len(leaves) > 1 else 0.0
        classes = tuple(self.rows[row][0] for row in path)
        return Scores(classes, tuple(map(_q15, total)), ONE - _q15(first - second))

    def _row_of(self, cls: int) -> int:
        return next(row for row, (own, _) in enumerate(self.rows) if own == cls)


def _q15(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * ONE)
