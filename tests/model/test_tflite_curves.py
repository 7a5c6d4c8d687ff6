"""Sigmoid, tanh, hard swish and swish between layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import File

FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}  # what these operators' outputs have to be


def start(number: int, scale: float, zero: int) -> File:
    return File((1, 24, 1, 3), 0.05, 3, number).conv(6, (5, 1), scale=scale, zero=zero, activation=0)


def swish(net: File, scale: float, zero: int, swapped: bool = False) -> File:
    """A value times its own sigmoid."""
    value = net.last
    net.each("LOGISTIC", *FIXED["LOGISTIC"])
    other = value if not swapped else net.last
    net.take(net.last if not swapped else value)
    return net.add("MUL", [other], net._out(net.now, scale, zero), activation=0)


@pytest.mark.peers
@pytest.mark.parametrize(
    "name", ["LOGISTIC", "TANH", "HARD_SWISH", "GELU", "gelu by tanh", "swish", "swapped"]
)
@settings(max_examples=max(1, settings.default.max_examples // 5))  # type: ignore[union-attr]
@given(number=st.integers(0, 2**32 - 1))
def test_every_feature_equals_the_reference(name: str, number: int) -> None:
    from odl.model.tflite.check import compare

    rng = np.random.default_rng(number)
    scale, zero = float(10 ** rng.uniform(-1.7, -0.3)), int(rng.integers(-128, 128))
    net = start(number, scale, zero)
    after, zero = FIXED.get(name, (scale * float(rng.uniform(0.5, 1.5)), int(rng.integers(-128, 128))))
    if name == "gelu by tanh":
        net.add("GELU", [], net._out(net.now, after, zero), approximate=1)
    elif name.isupper():
        net.each(name, after, zero)
    else:
        swish(net, after, zero, name == "swapped")
    data = net.reduce("MEAN", [1, 2]).dense(3, 0).softmax().bytes()
    assert compare(data, convert(data, rate_hz=50), 20).different == 0


def test_a_curve_is_a_table_for_each_channel() -> None:
    layers = convert(
        swish(start(1, 0.05, 0), 0.05, 0).reduce("MEAN", [1, 2]).dense(3, 0).bytes(), rate_hz=50
    ).image.layers
    assert [layer.weights.shape for layer in layers] == [(6, 5, 3), (6, 1, 256), (6, 20, 1)]


def test_a_product_with_the_sigmoid_of_something_else_is_refused() -> None:
    net = start(1, 0.05, 0)
    value = net.last
    net.each("RELU", 0.05, 0).each("LOGISTIC", *FIXED["LOGISTIC"])
    net.add("MUL", [value], net._out(net.now, 0.05, 0), activation=0).reduce("MEAN", [1, 2])
    with pytest.raises(TfliteError, match=r"operator 3 \(MUL\) takes more than one activation"):
        convert(net.dense(3, 0).bytes(), rate_hz=50)
