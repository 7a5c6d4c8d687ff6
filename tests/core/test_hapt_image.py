"""The shipped HAPT image: its tree, its size, and what its card admits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from odl.core.image import Image
from odl.data import load_card
from odl.data.streams import load_model
from odl.evaluate.open_session import homes_of


@pytest.fixture(scope="module")
def image() -> Image:
    return load_model("hapt")


def test_it_keeps_to_the_board_s_budget(image: Image) -> None:
    weights = sum(layer.weights.size + layer.biases.size for layer in image.layers)
    assert weights <= 16_000 and image.macs <= 300_000
    assert len(image.row_class) == 15 <= image.max_rows and image.hop % image.stride == 0


def test_it_speaks_of_the_cards_people_classes_and_licence(image: Image) -> None:
    about = load_card("hapt")
    assert [image.names[c] for c in range(12)] == list(about.classes)
    assert [str(p) for p in image.card["trained_on"]] == list(about.splits["train"])
    assert image.card["licence"] == about.licence and "no commercial use" in about.licence
    assert image.card["citation"] == about.citation
    assert image.card["command"].startswith("odl train hapt --data DIR")
    assert Counter(image.owners.tolist()) == dict.fromkeys(range(12), 12)
    homes = homes_of(image)
    assert image.names[homes["sit"]] == image.names[homes["lie"]] == "static"


def test_every_person_was_held_out_once_and_int8_costs_little(image: Image) -> None:
    held = image.card["held_out_people"]
    assert sorted(np.concatenate(held["folds"]).tolist()) == image.card["trained_on"]
    assert held["int8_accuracy"] > held["float_accuracy"] - 0.003
    assert held["int8_accuracy"] > 0.88 and held["int8_macro_f1"] > 0.78
