"""Dataset cards and loaders."""

from odl.data.bundled import (
    Part,
    Series,
    list_datasets,
    load_card,
    load_series,
    load_session,
    model_bytes,
    model_path,
)
from odl.data.card import Card, DataError, read_card
from odl.data.dataset import Dataset, labelled_windows, open_dataset

__all__ = [
    "Card", "DataError", "Dataset", "Part", "Series", "labelled_windows", "list_datasets", "load_card",
    "load_series", "load_session", "model_bytes", "model_path", "open_dataset", "read_card",
]  # fmt: skip
