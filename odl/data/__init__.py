"""Dataset cards and loaders."""

from odl.data.card import Card, DataError, read_card
from odl.data.load import Part, Series, card, datasets, load, model_bytes, model_path, series

__all__ = [
    "Card", "DataError", "Part", "Series", "card", "datasets", "load", "model_bytes", "model_path",
    "read_card", "series",
]  # fmt: skip
