"""What a dataset has for training is counted in one pass over its people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from odl.core import pace
from odl.data import Dataset, Part, open_dataset
from odl.data.coverage import check_figures


class Counting:
    """A loader that notes whose recordings are read."""

    def __init__(self, dataset: Dataset) -> None:
        self.subjects, self.read = dataset.subjects, list[str]()
        self._dataset = dataset

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """As the dataset's own loader."""
        self.read.append(subject)
        return self._dataset.session(subject, seed)


def test_everybody_is_read_once_and_it_is_said_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "INTERVAL", 0.0)
    loader, said = Counting(open_dataset("shoulder")), list[str]()
    figures = check_figures(replace(open_dataset("shoulder"), loader=loader), said.append)
    assert figures["trainable"] and figures["people"]["7"]["parts"] == 14
    assert loader.read == list(loader.subjects)
    assert said[-1].startswith("reading: 10 of 10 people, ")
