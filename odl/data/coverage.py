"""Whether a dataset has what training and testing by person need."""

from __future__ import annotations

from collections import Counter

from odl.data.dataset import Dataset

FEWEST = 2  # windows of a class below which nothing can be learned and checked


def windows_by_class(dataset: Dataset, people: tuple[str, ...] | None = None) -> Counter[str]:
    """How many labelled windows of the card's length each class has, stretch by stretch.

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
    """In sentences, what is too little to learn from or to test on; empty if nothing is."""
    faults = []
    if len(dataset.subjects) < 2:
        faults.append("one person only: nobody can be held out, so nothing is known of other people")
    for name, n in windows_by_class(dataset).items():
        if n < FEWEST:
            many = "one window" if n else "no window"
            faults.append(f"class '{name}' has {many}; record more of it or leave it out")
    return faults
