"""The shipped image's features: golden, and the same from NumPy and from the kernels.

The file holds raw windows and their features; a board can be held to it, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import Image
from odl.core.kernels.extract import extract, present_features
from odl.core.kernels.plain import plain
from odl.data import load_card, load_series, model_bytes
from odl.train.quantise import features, scale_raw


@pytest.fixture(scope="module")
def image() -> Image:
    return Image.from_bytes(model_bytes("shoulder"))


@pytest.fixture(scope="module")
def scaling(image: Image) -> Scaling:
    have = [(c.name, c.unit, c.scale) for c in load_card("shoulder").channels]
    return input_scaling(have, [(c.name, c.unit, c.scale) for c in image.channels])


@pytest.fixture(scope="module")
def golden() -> dict[str, NDArray[np.generic]]:
    with np.load(Path(__file__).with_name("shoulder_features.npz"), allow_pickle=False) as file:
        return dict(file)


def test_the_goldens_are_of_the_shipped_image(image: Image, golden: dict[str, NDArray[np.generic]]) -> None:
    assert int(golden["checksum"]) == image.checksum, "run tests/golden/make.py after training"
    assert golden["raw"].shape == (11, image.window, 6) and golden["features"].shape == (11, image.features)


def test_numpy_gives_the_goldens(
    image: Image, scaling: Scaling, golden: dict[str, NDArray[np.generic]]
) -> None:
    assert np.array_equal(features(image.layers, scale_raw(golden["raw"], scaling)), golden["features"])


def test_the_kernels_give_the_goldens(
    image: Image, scaling: Scaling, golden: dict[str, NDArray[np.generic]]
) -> None:
    net = net_of(image, scaling)
    for raw, want in zip(golden["raw"], golden["features"], strict=True):
        block = memory_of(image, net).block
        assert extract(block, raw, 0) == image.window
        got = plain(present_features)(block)
        assert np.array_equal(got, want)


def test_the_goldens_tell_exercises_apart(golden: dict[str, NDArray[np.generic]]) -> None:
    seen = golden["features"][:7].astype(int)
    apart = np.abs(seen[:, None] - seen[None]).sum(2) + 10**6 * np.eye(7, dtype=int)
    assert apart.min() > 500


def test_a_movement_of_the_other_arm_has_the_same_features_to_the_bit(image: Image, scaling: Scaling) -> None:
    signs = np.array(load_card("shoulder").about["mirror"], np.int8)
    block = next(s for s in load_series("shoulder") if s.subject == "9").block
    x = np.maximum(scale_raw(block[: 8 * image.window].reshape(8, image.window, 6), scaling), -127)
    other = x * signs
    assert (other != x).any(axis=(1, 2)).all()
    assert np.array_equal(features(image.layers, other), features(image.layers, x))


def test_the_image_survives_the_round_trip_and_says_from_whom_it_learned(image: Image) -> None:
    assert Image.from_bytes(image.to_bytes()).to_bytes() == model_bytes("shoulder")
    about = load_card("shoulder")
    assert [str(p) for p in image.card["trained_on"]] == list(about.splits["train"])
    assert image.card["held_out_classes"] == ["trapezius extension", "upright row"]
    assert image.card["licence"] == about.licence
    assert not set(image.names.values()) & set(image.card["held_out_classes"])
    assert (
        image.card["held_out_people"]["int8_accuracy"]
        > image.card["held_out_people"]["float_accuracy"] - 0.003
    )
    assert sorted(image.owners) == sorted(list(image.row_class) * 12)
    assert image.macs <= 300_000
    assert sum(x.weights.size + x.biases.size for x in image.layers) <= 16_000
    kept: NDArray[np.uint8] = image.stored
    assert 0 < (kept == 255).mean() < 0.02, "features are scaled so that few of them saturate"
