"""Labelled windows of a dataset's people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data import Dataset, Part


class CachedLoader:
    """A loader that reads each person once."""

    def __init__(self, dataset: Dataset) -> None:
        self.subjects = dataset.subjects
        self._dataset = dataset
        self._sessions: dict[tuple[str, int], tuple[Part, ...]] = {}

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """All recordings of a person, in order."""
        if (subject, seed) not in self._sessions:
            self._sessions[subject, seed] = self._dataset.session(subject, seed)
        return self._sessions[subject, seed]


def cached(dataset: Dataset) -> Dataset:
    """The same dataset, each person read only once."""
    return replace(dataset, loader=CachedLoader(dataset))


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows by where they lie: block ``part`` from ``start`` on, with class and person."""

    blocks: tuple[NDArray[np.int16], ...]
    window: int
    part: NDArray[np.int64]
    start: NDArray[np.int64]
    cls: NDArray[np.int64]
    subject: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.start)

    def cut(self, which: NDArray[Any] | slice = slice(None)) -> NDArray[np.int16]:
        """The counts of the windows ``which``: (n, window, channels)."""
        pairs = zip(self.part[which].tolist(), self.start[which].tolist(), strict=True)
        return np.stack([self.blocks[p][a : a + self.window] for p, a in pairs])

    def recordings(self) -> list[NDArray[np.int16]]:
        """The recordings that hold any of the windows."""
        return [self.blocks[i] for i in np.unique(self.part)]

    def select(self, mask: NDArray[np.bool_]) -> Windows:
        """The windows where ``mask`` is true."""
        return Windows(
            self.blocks, self.window, self.part[mask], self.start[mask], self.cls[mask], self.subject[mask]
        )


def sample_labels(part: Part, classes: Sequence[str]) -> NDArray[np.int64]:
    """The class of each sample of ``part``, -1 where there is no label: (n,).

    >>> part = Part(np.zeros((5, 3), np.int16), ((1, 3, "walk"),))
    >>> sample_labels(part, ["sit", "walk"]).tolist()
    [-1, 1, 1, -1, -1]
    """
    labels = np.full(len(part.block), -1, np.int64)
    for start, end, name in part.truths:
        labels[start:end] = classes.index(name)
    return labels


def window_labels(labels: NDArray[np.int64], starts: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """The half-coverage rule: the commonest class of a window if it covers at least half, else -1.

    Of two that cover half each, the earlier.

    >>> labels = np.array([-1, -1, 0, 0, 1, 1, -1, -1, -1])
    >>> window_labels(labels, np.array([0, 2, 3, 5]), 4).tolist()
    [0, 0, 1, -1]
    """
    n = int(labels.max(initial=0)) + 1
    counts = np.zeros((n, len(labels) + 1), np.int64)
    counts[:, 1:] = (labels == np.arange(n)[:, None]).cumsum(1)
    covered = counts[:, starts + window] - counts[:, starts]
    first = labels[starts]
    known = np.flatnonzero(first >= 0)
    rank = 2 * covered
    rank[first[known], known] += 1  # of two halves, the one that the window begins with
    best = rank.argmax(0)
    return np.where(2 * covered[best, np.arange(len(starts))] >= window, best, -1)


def gather(
    dataset: Dataset,
    subjects: Iterable[str],
    window: int,
    hop: int,
    *,
    within: Sequence[str] = (),
    among: Sequence[int] | None = None,
) -> Windows:
    """Every labelled window of some people that starts at a multiple of ``hop``.

    Parameters
    ----------
    dataset : Dataset
    subjects : iterable of str
    window, hop : int
        In samples.
    within : sequence of str
        Classes whose windows are cut inside each labelled stretch instead, from its first
        sample on, as UCI cut those of its six basic activities.
    among : sequence of int, optional
        Class ids to keep; default: all.

    Raises
    ------
    ValueError
        If there is not one such window.
    """
    classes = list(dataset.classes)
    inside = np.isin(np.arange(len(classes)), [classes.index(name) for name in within])
    blocks: list[NDArray[np.int16]] = []
    rows: list[NDArray[np.int64]] = []
    people = list(subjects)

    def add(starts: NDArray[np.int64], cls: NDArray[np.int64], person: int) -> None:
        same = np.ones(len(starts), np.int64)
        rows.append(np.stack([same * (len(blocks) - 1), starts, cls, same * person]))

    for person, subject in enumerate(people):
        for part in dataset.session(subject):
            blocks.append(part.block)
            if len(part.block) >= window:
                starts = np.arange(0, len(part.block) - window + 1, hop)
                cls = window_labels(sample_labels(part, classes), starts, window)
                take = (cls >= 0) & ~inside[cls]
                add(starts[take], cls[take], person)
            for start, end, name in part.truths:
                if name in within:
                    starts = np.arange(start, end - window + 1, hop)
                    add(starts, np.full(len(starts), classes.index(name)), person)
    table = np.concatenate(rows, 1) if rows else np.zeros((4, 0), np.int64)
    if among is not None:
        table = table[:, np.isin(table[2], among)]
    if not table.size:
        raise ValueError(f"{dataset.card.name}: not one labelled window of {window} samples")
    block, start_of, cls_of, person_of = table
    return Windows(tuple(blocks), window, block, start_of, cls_of, np.array(people)[person_of])
