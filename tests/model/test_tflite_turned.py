"""Networks in which the axis of time moves, and dense layers that take each position on its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import File


def each_position(net: File, outputs: int, keep: bool) -> File:
    """A dense layer on the last axis alone, which keeps the others or makes rows of them."""
    *others, n = net.now
    if not keep:
        net.reshape(int(np.prod(others)), n)
    scale = float(net.tensors[net.last][2][0])
    weights = net.rng.integers(-127, 128, (outputs, n)).astype(np.int8)
    biases = net.rng.integers(-3000, 3000, outputs).astype(np.int32)
    constants = [net.tensor((outputs, n), "int8", [0.01], 0, weights),
                 net.tensor((outputs,), "int32", [0.01 * scale], 0, biases)]  # fmt: skip
    to = net.tensor((*net.now[:-1], outputs), "int8", [0.7 * scale * n**0.5], -128)
    net.add("FULLY_CONNECTED", constants, to, activation=1, keep=int(keep))
    return net if keep else net.reshape(*others, outputs)


def start(wide: int = 1, number: int = 0) -> File:
    return File((1, 24, wide, 3), 0.05, 3, number).conv(4, (5, 1))


@st.composite
def networks(draw: st.DrawFn) -> bytes:
    """Convolution, dense layers at positions and transposes, ending in a mean, a maximum or all values."""
    number = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(number)
    net = start(int(rng.integers(1, 4)), number)
    time = 1
    for _ in range(int(rng.integers(1, 5))):
        axes = [1, 2, 3]
        rng.shuffle(axes)
        kind = rng.integers(3)
        if kind == 0 and time != 3:
            each_position(net, int(rng.integers(2, 7)), bool(rng.integers(2)))
        elif kind == 1 and [a for a in axes if a != time] == sorted({1, 2, 3} - {time}):
            net.transpose(0, *axes)
            time = 1 + axes.index(time)
        elif time == 1 and net.now[1] > 8:
            net.conv(int(rng.integers(2, 6)), (3, 1))
    if rng.random() < 0.4:
        net.reshape(1, int(np.prod(net.now)))
    else:
        net.reduce(str(rng.choice(["MEAN", "REDUCE_MAX"])), [time])
        net.reshape(1, int(np.prod(net.now)))
    if rng.random() < 0.6:
        net.dense(8)
    return net.dense(3, 0).softmax().bytes()


@pytest.mark.peers
@settings(max_examples=max(1, settings.default.max_examples // 3))  # type: ignore[union-attr]
@given(networks())
def test_every_feature_equals_the_reference(data: bytes) -> None:
    from odl.model.tflite.check import compare

    try:
        converted = convert(data, rate_hz=50)
    except TfliteError as error:
        assert "too large" in str(error) or "up to 192" in str(error), error
        return
    compared = compare(data, converted, 20)
    assert compared.different == 0 and compared.classes == 20 - compared.ties, compared.text


@pytest.mark.parametrize("keep", [True, False])
def test_a_dense_layer_at_each_position_is_a_convolution_of_kernel_1(keep: bool) -> None:
    image = convert(
        each_position(start(3), 6, keep).reduce("MEAN", [1, 2]).dense(2, 0).bytes(), rate_hz=50
    ).image
    first, dense, mean = image.layers
    assert (first.outputs, dense.kernel, dense.outputs, mean.outputs) == (12, 1, 18, 6)


def test_a_channel_first_network_streams_as_the_same_with_channels_last() -> None:
    turned = start().transpose(0, 3, 1, 2).reduce("MEAN", [2, 3]).dense(2, 0)
    plain = start().reduce("MEAN", [1, 2]).dense(2, 0)
    images = [convert(net.bytes(), rate_hz=50).image.to_bytes() for net in (turned, plain)]
    assert images[0] == images[1]


def test_a_shape_whose_rest_is_open_is_known() -> None:
    net = start().reshape(1, 20, 4)
    net.add("RESHAPE", [net.integers([-1, 4])], net._out((20, 4), None, None))
    opened = net.last
    each_position(net, 5, True).each("RELU", 0.04, -128)
    for number in (opened, net.operators[-2][2], net.last):
        shape, *rest = net.tensors[number]
        net.tensors[number] = ((1, *shape[1:]), *rest)  # as a converter writes what it does not know
    assert (
        convert(net.reshape(1, 20, 5).reduce("MEAN", [1]).dense(2, 0).bytes(), rate_hz=50).image.features == 5
    )


def turned(wide: int = 1) -> File:
    """Of (1, wide, channels, time)."""
    return start(wide).transpose(0, 2, 3, 1)


def in_part(axes: list[int], name: str = "MEAN", net: File | None = None) -> File:
    """A reduction over ``axes`` of (1, 20, 3, 4), and all that is left flat."""
    net = (net or start(3)).reduce(name, axes)
    return net.reshape(1, int(np.prod(net.now)))


def doubled(net: File, axis: int) -> File:
    """Two branches beside each other along ``axis``, and a mean over time, which is last."""
    first = net.last
    net.each("RELU", 0.04, -100).beside(first, axis=axis)
    net.reduce("MEAN", [len(net.now) - 1])
    return net.reshape(1, int(np.prod(net.now)))


def constant(net: File, name: str, shape: tuple[int, ...], first: bool = False) -> File:
    """An operator on each value and a constant of ``shape``, which can stand first."""
    values = net.rng.integers(-128, 128, shape).astype(np.int8)
    number, other = net.tensor(shape, "int8", [0.01], 4, values), net.last
    to = net._out(net.now, 0.05, -20)
    return net.take(number if first else other).add(name, [other if first else number], to, activation=1)


def averaged(net: File) -> File:
    """A mean over time, which is last."""
    return in_part([len(net.now) - 1], net=net)


@pytest.mark.peers
@pytest.mark.parametrize(
    "net",
    [
        turned(), turned(2), turned().reshape(1, 4, 20),
        doubled(turned(), 2), doubled(turned(3), 1), doubled(turned().reshape(1, 4, 20), 1),
        in_part([2]), in_part([3]), in_part([2, 3]), in_part([1, 3]), in_part([1]), in_part([1, 2, 3]),
        in_part([2], net=turned(3)), in_part([1], net=turned(3)), in_part([2, 3], net=turned(3)),
        in_part([1], "REDUCE_MAX", turned(3)), in_part([2], "REDUCE_MAX"), in_part([1, 2], "REDUCE_MAX"),
        start(3).reduce("MEAN", [3]).reduce("MEAN", [2]),
        averaged(constant(constant(turned(), "MUL", (1, 4, 1)), "ADD", (4, 1))),
        averaged(constant(turned(3), "MUL", (3, 4, 1))), averaged(constant(turned(3), "SUB", (3, 1, 1))),
        averaged(constant(turned(3), "MUL", (1, 4, 1), first=True)),
        in_part([1], net=constant(start(3), "SUB", (4,), first=True)),
        in_part([1], net=constant(start(3), "ADD", (3, 4), first=True)),
        start().conv(30, (5, 1)).reshape(1, 480).dense(3, 0),
    ],
    ids=lambda net: "-".join(name for name, *_ in net.operators) + f"-{net.now}",
)  # fmt: skip
@pytest.mark.parametrize("head", [True, False])
def test_each_equals_the_reference(net: File, head: bool) -> None:
    from odl.model.tflite.check import compare

    data = net.bytes()
    converted = convert(data, rate_hz=50, head=head)
    assert compare(data, converted, 20).different == 0


def test_a_turned_network_without_a_classifier_is_pooled_as_the_same_with_channels_last() -> None:
    images = [convert(net.bytes(), rate_hz=50).image.to_bytes() for net in (turned(2), start(2))]
    assert images[0] == images[1]


def test_too_many_values_before_a_classifier_leave_its_outputs_for_features() -> None:
    net = start().conv(30, (5, 1)).reshape(1, 480).dense(3, 0)
    converted = convert(net.softmax().bytes(), rate_hz=50)
    assert (converted.too_many, converted.image.features, len(converted.image.row_class)) == (480, 3, 3)
    with pytest.raises(
        TfliteError, match="ends in 1440 values of 16 positions; up to 192 features .* pool over"
    ):
        convert(start().conv(90, (5, 1)).bytes(), rate_hz=50)


def refused() -> dict[str, tuple[File, str]]:
    lying = each_position(start().reshape(1, 20, 4), 6, True)
    lying.operators[-1][3]["keep"] = 0
    largest_of_channels = start(3).transpose(0, 2, 3, 1).reduce("REDUCE_MAX", [2, 3])
    beside_time = start(3).transpose(0, 2, 3, 1)
    beside_time.beside(beside_time.last, axis=2)
    positions = constant(turned(), "ADD", (1, 1, 20))
    return {
        "a dense layer that says another shape": (lying, r"has the shape \(1, 20, 6\), not \(20, 6\)"),
        "a maximum of the last values": (
            largest_of_channels,
            r"\(REDUCE_MAX\) is over the last axes of \(1, 3, 4, 20\); over time, and over axes",
        ),
        "another constant at each position": (
            positions,
            r"\(ADD\) has a second operand of \(1, 1, 20\) for \(1, 1, 4, 20\): .* the same at each position",
        ),
        "inner values beside each other": (beside_time, r"\(CONCATENATION\) joins its inputs along axis 2"),
        "a mean of the rows of single positions": (
            start().reshape(20, 4).reduce("MEAN", [1]).reshape(1, 20),
            r"\(MEAN\) takes each position of \(20, 4\) as a window of its own",
        ),
        "a convolution over channels": (
            start().transpose(0, 2, 3, 1).conv(5, (1, 3)),
            r"\(CONV_2D\) takes time, the last axis of \(1, 1, 4, 20\), for channels",
        ),
        "values in another order": (
            start(3).transpose(0, 1, 3, 2),
            r"\(TRANSPOSE\) changes the order of the values at a position; time alone can move",
        ),
    }


@pytest.mark.parametrize("name", refused())
def test_what_would_be_mixed_is_refused(name: str) -> None:
    net, said = refused()[name]
    with pytest.raises(TfliteError, match=said):
        convert(net.bytes(), rate_hz=50)
