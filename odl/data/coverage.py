"""Check that a dataset has enough people and windows for training and testing by person."""

from __future__ import annotations

from collections import Counter

from odl.data.dataset import Dataset

FEWEST = 2  # least windows of a class for training and testing


def windows_by_class(dataset: Dataset, people: tuple[str, ...] | None = None) -> Counter[str]:
    """Return the number of labelled windows of each class, stretch by stretch.

    >>> from odl.data import open_dataset
    >>> windows_by_class(open_dataset("shoulder"), ("7",))["pendulum"]
    39
    """
    card = dataset.card
    window = max(1, round((card.window_s or 2.56) * card.rate_hz))
    hop = max(1, round((card.hop_s or (card.window_s or 2.56) / 2) * card.rate_hz))
    found = Counter(dict.fromkeys(card.classes, 0))
    for person in dataset.subjects if people is None else people:
        for part in dataset.session(person):
            for start, end, name in part.truths:
                found[name] += max(0, (end - start - window) // hop + 1)
    return found


def shortcomings(dataset: Dataset) -> list[str]:
    """Return a sentence for each thing that is too little for training or testing."""
    faults = []
    if len(dataset.subjects) < 2:
        faults.append("one person only: nobody can be held out, so nothing is known of other people")
    for name, n in windows_by_class(dataset).items():
        if n < FEWEST:
            many = "one window" if n else "no window"
            faults.append(f"class '{name}' has {many}; record more of it or leave it out")
    return faults
