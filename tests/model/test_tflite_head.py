"""What becomes of a network's last layer: a head, features, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import File


def ending(outputs: int, activation: int = 0, probability: str = "") -> bytes:
    """A network of 16 features and a fully connected layer behind them."""
    net = File((1, 40, 1, 3), 0.05, 3).conv(16, (5, 1)).reduce("MEAN", [1, 2])
    net.dense(outputs, activation)
    return (net.softmax(probability) if probability else net).bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ending(4, 0, "LOGISTIC"), r"operator 2 \(FULLY_CONNECTED\) has 4 outputs with a LOGISTIC each"),
        (ending(1), "has one output, a number; a head chooses one of two classes or more"),
        (ending(1, 0, "SOFTMAX"), "has one output, a number"),
        (ending(70), r"has 70 outputs; a head has room for 64 classes; without its head \(--no-head\)"),
    ],
)
def test_a_last_layer_that_is_no_classifier_can_be_left_out(data: bytes, said: str) -> None:
    with pytest.raises(TfliteError, match=said):
        convert(data, rate_hz=50)
    image = convert(data, rate_hz=50, head=False, classes=["sit", "walk", "run"]).image
    assert image.features == 16 and not image.base.any()
    assert list(image.names.values()) == ["sit", "walk", "run"]


def test_without_its_head_a_network_takes_any_classes() -> None:
    data = ending(5, 0, "SOFTMAX")
    with pytest.raises(TfliteError, match="2 classes are named; the network tells 5 apart"):
        convert(data, rate_hz=50, classes=["a", "b"])
    assert len(convert(data, rate_hz=50, head=False).image.names) == 5
    assert len(convert(data, rate_hz=50, head=False, classes=["a", "b"]).image.names) == 2


@pytest.mark.parametrize("activation", [1, 3])
def test_a_last_layer_with_an_activation_gives_features(activation: int) -> None:
    converted = convert(ending(32, activation), rate_hz=50)
    assert converted.classifier is None and converted.image.features == 32
    assert convert(ending(32, activation, "SOFTMAX"), rate_hz=50).image.features == 16


@pytest.mark.peers
def test_such_features_equal_the_reference() -> None:
    from odl.model.tflite.check import compare

    data = ending(32, 1)
    assert compare(data, convert(data, rate_hz=50), 40).different == 0


def pointwise() -> bytes:
    """A global mean, and a convolution of that one position as classifier."""
    net = File((1, 40, 1, 3), 0.05, 3).conv(16, (5, 1))
    net.add("MEAN", [net.integers([1, 2])], net._out((1, 1, 1, 16), None, None), keep_dims=1)
    return net.conv(4, (1, 1), activation=0, zero=5).reshape(1, 4).softmax().bytes()


def test_a_convolution_of_one_position_can_be_the_classifier() -> None:
    converted = convert(pointwise(), rate_hz=50)
    assert converted.image.features == 16 and len(converted.image.names) == 4 and converted.image.base.any()


def everywhere(probability: str = "SOFTMAX", outputs: int = 4) -> bytes:
    """A convolution as classifier at each position, whose logits a mean pools."""
    net = File((1, 40, 1, 3), 0.05, 3).conv(16, (5, 1)).conv(outputs, (1, 1), activation=0, zero=5)
    return net.reduce("MEAN", [1, 2]).softmax(probability).bytes()


def test_without_a_dense_layer_the_features_are_the_logits() -> None:
    image = convert(everywhere(), rate_hz=50).image
    assert image.features == 4 and len(image.names) == 4
    assert np.array_equal(image.base[:, :4] != 0, np.eye(4))
    without = convert(everywhere(), rate_hz=50, head=False, classes=["a", "b", "c"]).image
    assert without.features == 4 and not without.base.any() and len(without.names) == 3


def positions() -> bytes:
    """A class for each position."""
    return File((1, 40, 1, 3), 0.05, 3).conv(16, (5, 1)).conv(4, (1, 1)).softmax().bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (positions(), r"\(CONV_2D\) gives 4 values at each of 36 positions, not one class of a window"),
        (everywhere("LOGISTIC"), r"\(MEAN\) has 4 outputs with a LOGISTIC each"),
        (everywhere(outputs=1), r"\(MEAN\) has one output, a number"),
    ],
)
def test_logits_that_are_no_classes_of_a_window_are_left_out(data: bytes, said: str) -> None:
    with pytest.raises(
        TfliteError, match=said + r".*; without its head \(--no-head\) the network can be run"
    ):
        convert(data, rate_hz=50)
    assert not convert(data, rate_hz=50, head=False).image.base.any()


@pytest.mark.peers
@pytest.mark.parametrize("data", [pointwise(), everywhere(), everywhere("LOGISTIC", 1)])
def test_such_a_classifier_gives_the_same_class(data: bytes) -> None:
    from odl.model.tflite.check import compare

    compared = compare(data, convert(data, rate_hz=50), 60)
    assert compared.different == 0 and compared.classes == 60 - compared.ties


@pytest.mark.parametrize(("outputs", "room"), [(3, 20), (16, 20), (20, 24), (40, 44), (62, 64), (64, 64)])
def test_there_is_room_for_new_classes(outputs: int, room: int) -> None:
    assert convert(ending(outputs, 0, "SOFTMAX"), rate_hz=50).image.max_rows == room
