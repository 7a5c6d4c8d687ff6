"""Dataset cards and loaders."""

from odl.data.bundled import Part, Series, card, datasets, load, model_bytes, model_path, series
from odl.data.card import Card, DataError, read_card
from odl.data.dataset import Dataset, labelled_windows, open_dataset

__all__ = [
    "Card", "DataError", "Dataset", "Part", "Series", "card", "datasets", "labelled_windows", "load",
    "model_bytes", "model_path", "open_dataset", "read_card", "series",
]  # fmt: skip
