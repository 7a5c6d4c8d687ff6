"""Scales that training leaves behind in odd networks: channels that nothing moves, means of one value."""

from __future__ import annotations

import numpy as np
import pytest

from odl.core.image_layout import Op
from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import File


def with_channel(kind: str, scale: float, weight: int, bias: int) -> bytes:
    """A network whose layer of this kind has one output with this scale, weight and bias."""
    net = File((1, 40, 1, 3), 0.05, 3).conv(6, (5, 1), depthwise=2 * (kind == "depthwise"), scale=0.1)
    if kind == "dense":
        net.reduce("MEAN", [1, 2]).dense(5, scale=0.1)
    w, b = net.operators[-1][1][1:]
    shape, of, scales, zero, weights = net.tensors[w]
    biases = net.tensors[b][4]
    scales = np.resize(scales, len(biases))
    scales[2], biases[2] = scale, bias
    weights[(..., 2) if kind == "depthwise" else 2] = weight
    net.tensors[w] = shape, of, scales, zero, weights
    if kind != "dense":
        net.reduce("MEAN", [1, 2])
    return net.dense(3, 0).softmax().bytes()


DEAD = [(0.0, 0, 0), (0.0, 5, 99), (1e-12, 127, 2**31 - 1), (1.0, 0, 0), (100.0, 0, 3), (1000.0, 0, -2000)]


@pytest.mark.parametrize("kind", ["conv", "depthwise", "dense"])
@pytest.mark.parametrize(("scale", "weight", "bias"), DEAD)
def test_an_output_that_nothing_moves_is_its_bias(kind: str, scale: float, weight: int, bias: int) -> None:
    layers = convert(with_channel(kind, scale, weight, bias), rate_hz=50).image.layers
    layer = next(la for la in layers if la.op is (Op.DENSE if kind == "dense" else layers[0].op))
    assert not layer.weights[2].any() and abs(layer.biases[2]) <= 510


def test_an_output_that_something_moves_needs_a_factor_below_1() -> None:
    with pytest.raises(TfliteError, match=r"operator 0 \(CONV_2D\): a factor of 50 from its sums"):
        convert(with_channel("conv", 100.0, 1, 0), rate_hz=50)
    with pytest.raises(TfliteError, match=r"operator 0 \(CONV_2D\) has a scale of its weights that is neg"):
        convert(with_channel("conv", -1.0, 1, 0), rate_hz=50)


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["conv", "depthwise", "dense"])
@pytest.mark.parametrize(("scale", "weight", "bias"), DEAD)
def test_such_an_output_equals_the_reference(kind: str, scale: float, weight: int, bias: int) -> None:
    from odl.model.tflite.check import compare

    data = with_channel(kind, scale, weight, bias)
    assert compare(data, convert(data, rate_hz=50), 40).different == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("given", "out"), [(3e38, 1e-44), (3e38, 1e-3), (1e-44, 3e38), (0.05, 1e-44), (0.05, 3e38)]
)
@pytest.mark.parametrize("name", ["RELU", "RELU6", "LEAKY_RELU", "PRELU", "QUANTIZE", "MUL", "ADD", "SUB"])
def test_scales_that_no_converter_writes_are_run_or_refused(name: str, given: float, out: float) -> None:
    net = File((1, 12, 1, 2), given, 3)
    if name == "LEAKY_RELU":
        net.leaky(0.3, out, -5)
    else:
        net.each(name, out, -5, 2 if name in ("PRELU", "MUL", "ADD", "SUB") else 0)
    data = net.conv(4, (3, 1), scale=1.0).dense(3, 0, scale=1.0).bytes()
    try:
        assert convert(data, rate_hz=50).image.window == 12
    except TfliteError as error:
        assert str(error).isprintable()


def mean_of(positions: int, scale: float) -> bytes:
    """A mean over so many positions, from a scale of 0.02 to ``scale``."""
    net = File((1, 4 + positions, 1, 3), 0.05, 3).conv(6, (5, 1), scale=0.02)
    return net.reduce("MEAN", [1, 2], scale, -120).dense(3, 0).softmax().bytes()


FINE = [(1, 0.02), (1, 0.01), (1, 0.0013), (3, 0.0013), (1, 0.03)]


@pytest.mark.parametrize(("positions", "scale"), FINE)
def test_a_mean_may_have_a_factor_of_1_or_more(positions: int, scale: float) -> None:
    assert convert(mean_of(positions, scale), rate_hz=50).image.features == 6


@pytest.mark.peers
@pytest.mark.parametrize(("positions", "scale"), FINE)
def test_such_a_mean_equals_the_reference(positions: int, scale: float) -> None:
    from odl.model.tflite.check import compare

    data = mean_of(positions, scale)
    assert compare(data, convert(data, rate_hz=50), 60).different == 0
