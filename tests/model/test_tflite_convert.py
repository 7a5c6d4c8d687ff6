"""What becomes of an int8 network; and, where LiteRT is, that it computes the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.arrays import memory_of, net_of
from odl.core.image import Image
from odl.core.image_layout import ImageError, Op
from odl.core.kernels.score import score
from odl.model.features import features_of
from odl.model.tflite.convert import ConvertedNetwork, convert
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.lower import lower
from odl.model.tflite.network import read_network
from tests.helpers.tflite_files import CODES, KINDS, SAME, VALID, File

HAR = ("ax", "ay", "az")


def small() -> File:
    """Two convolutions, a maximum between them, one fully connected layer."""
    net = File((1, 40, 1, 3), 0.1, -7).conv(6, (5, 1)).pool("MAX", 2, 2).conv(8, (3, 1))
    return net.reshape(1, 16 * 8).dense(12)


def made(net: File, **options: Any) -> ConvertedNetwork:
    return convert(net.bytes(), **({"rate_hz": 50.0} | options))


def kinds(image: Image) -> list[tuple[str, int, int, int]]:
    return [(la.op.name, la.outputs, la.kernel, la.stride) for la in image.layers]


def test_a_sequence_becomes_layers_that_stream() -> None:
    image = made(small().dense(3, 0, 5).softmax(), hop=10, channels=HAR, units=["g"], classes="abc").image
    assert kinds(image) == [
        ("CONV_TWICE", 6, 5, 1), ("MAX", 6, 2, 2), ("CONV_TWICE", 8, 3, 1), ("DENSE", 12, 16, 5),
    ]  # fmt: skip
    assert (image.window, image.hop, image.features, image.windowed) == (40, 10, 12, False)
    assert [(c.name, c.unit, round(c.scale, 6), c.zero) for c in image.channels] == [
        (name, "g", 0.1, -7) for name in HAR
    ]
    assert image.names == {0: "a", 1: "b", 2: "c"} and image.base.any()
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()


def test_the_hop_is_half_a_window_unless_it_is_named() -> None:
    assert made(small().dense(3, 0).softmax()).image.hop == 20
    with pytest.raises(TfliteError, match="a hop of 7 samples; multiples of 2 up to 32 can be used"):
        made(small().dense(3, 0).softmax(), hop=7)


def test_without_a_head_the_classes_begin_at_zero() -> None:
    converted = made(small().dense(3, 0).softmax(), head=False)
    assert converted.classifier is None and not converted.image.base.any() and len(converted.image.names) == 3
    bare = made(small())
    assert bare.classifier is None or bare.image.features == 128


def test_padding_makes_an_image_of_whole_windows() -> None:
    net = File((1, 30, 1, 2), 0.1, 4).conv(4, (5, 1), padding=SAME).reduce("MEAN", [1, 2])
    image = made(net.dense(2, 0).softmax(), hop=7).image
    first, second = image.layers[:2]
    assert (first.op, first.kernel, first.stride, first.zero) == (Op.WINDOW, 30, 7, 132)
    assert (second.left, second.right) == (2, 2) and image.windowed and image.hop == 7


def test_the_first_head_says_what_the_network_says() -> None:
    converted = made(small().dense(3, 0, 5).softmax())
    image, of = converted.image, converted.classifier
    assert of is not None
    rng = np.random.default_rng(1)
    block = memory_of(image, net_of(image)).block
    for x in rng.integers(0, 256, (50, image.features)).astype(np.uint8):
        logits = of.scales * (of.weights.astype(float) @ (x.astype(float) - of.zero) + of.biases)
        wanted = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        scores, path = np.zeros(image.max_rows, np.uint16), np.zeros(image.max_heads, np.uint8)
        score(block, x, scores, path)
        assert np.abs(scores[:3] / 32768 - wanted).max() < 0.004


def test_one_logistic_output_becomes_two_classes() -> None:
    image = made(small().dense(1, 0, 5).softmax("LOGISTIC"), classes=["no", "yes"]).image
    assert image.names == {0: "no", 1: "yes"} and not image.base[0].any() and image.base[1].any()


def test_what_follows_on_each_value_becomes_one_table() -> None:
    """A normalisation behind an activation; an activation that bounds outputs beside its zero point."""
    net = (
        File((1, 40, 1, 3), 0.1, -7).each("SUB", 0.1, 0, 3).each("MUL", 0.2, 5, 3).conv(6, (5, 1), zero=-100)
    )
    image = made(net.each("MUL", 0.1, 3, 6).each("ADD", 0.1, 3, 6).reduce("MEAN", [1, 2])).image
    assert kinds(image)[:3] == [("TABLE", 3, 1, 1), ("CONV_TWICE", 6, 5, 1), ("TABLE", 6, 1, 1)]
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()


def residual() -> File:
    """A block whose input is added to its output, both cropped to one length: it streams."""
    net = File((1, 60, 1, 3), 0.1, -7).conv(6, (5, 1))
    fork = net.last
    net.conv(6, (5, 1), zero=3, activation=0)
    block = net.last
    net.take(fork).crop(2, 54).plus(block)
    return net


def inception() -> File:
    """Four branches of unequal reach, one of them a mean with padding, beside each other."""
    net = File((1, 40, 1, 3), 0.1, -7).conv(6, (3, 1), padding=SAME)
    fork, ends = net.last, []
    for kernel in (1, 7, 3):
        ends.append(net.take(fork).conv(4, (kernel, 1), padding=SAME).last)
    ends.append(net.take(fork).pool("AVERAGE", 3, 1, SAME).last)
    return net.take(ends[1]).beside(ends[0], *ends[2:])


def both_poolings() -> File:
    """The mean and the largest of all positions beside each other."""
    net = File((1, 40, 1, 3), 0.1, -7).conv(6, (5, 1))
    fork = net.last
    mean = net.reduce("MEAN", [1, 2]).last
    return net.take(fork).reduce("REDUCE_MAX", [1, 2]).beside(mean)


def from_the_samples() -> File:
    """The samples themselves beside what a convolution makes of them, twice."""
    net = File((1, 40, 1, 3), 0.1, -7)
    first = net.last
    net.conv(3, (3, 1), padding=SAME).plus(first)
    return net.beside(first)


def test_branches_that_end_together_stream() -> None:
    image = made(residual().reduce("MEAN", [1, 2]).dense(3, 0).softmax()).image
    assert [name for name, *_ in kinds(image)] == [
        "CONV_TWICE", "CONV_TWICE", "BRANCH", "DEPTHWISE", "ADD", "DEPTHWISE",
    ]  # fmt: skip
    assert not image.windowed and [layer.back for layer in image.layers] == [0, 0, 2, 0, 3, 0]
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()
    assert not made(both_poolings().dense(3, 0).softmax()).image.windowed


def test_inputs_have_room_to_wait_for_the_longer_branch() -> None:
    image = made(inception().reduce("MEAN", [1, 2]).dense(3, 0).softmax()).image
    rooms = [layer.kernel for layer in image.layers if layer.op == Op.CONCAT]
    least = next(i for i, layer in enumerate(image.layers) if layer.op == Op.CONCAT)
    assert image.windowed and rooms == [
        5,
        4,
        4,
    ]  # three wait for the branch that pads by 3, and both that meet
    layers = list(image.layers)
    layers[least] = replace(layers[least], weights=layers[least].weights[:, 1:])
    with pytest.raises(
        ImageError, match=f"layer {least}: room for {rooms[0] - 1} inputs where {rooms[0]} wait"
    ):
        replace(image, layers=tuple(layers)).check()


def test_samples_that_are_needed_twice_are_handed_on() -> None:
    image = made(from_the_samples().reduce("MEAN", [1, 2]).dense(3, 0).softmax()).image
    assert kinds(image)[1] == ("MAX", 3, 1, 1) and image.windowed


def dilations() -> File:
    """Two convolutions in blocks, the second causal."""
    return File((1, 50, 3), 0.1, 4).in_blocks(2, 5, 3).in_blocks(4, 6, 3, left=8)


def test_a_convolution_in_blocks_is_a_dilated_one() -> None:
    image = made(dilations().reduce("MEAN", [1]).dense(3, 0).softmax()).image
    first, second = image.layers[1:3]
    assert (first.kernel, first.left, second.kernel, second.left, second.right) == (5, 0, 9, 8, 0)
    assert not first.weights[:, 1::2].any() and first.weights[:, ::2].any()


def at_run_time() -> File:
    """A tensor that is flattened to a shape from run time; groups, slopes, a kernel of one with steps."""
    net = File((1, 40, 1, 4), 0.1, -7).conv(6, (5, 1), groups=2).leaky(0.1, 0.05, -90).conv(8, (1, 1), (2, 1))
    net.add("PRELU", [net.tensor((1, 1, 8), "int8", [0.004], 0, np.arange(-40, 40, 10, np.int8))],
            net._out(net.now, 0.07, -70))  # fmt: skip
    return net.flat_at_run_time().dense(12)


def test_a_shape_that_is_worked_out_at_run_time_is_known() -> None:
    image = made(at_run_time().dense(3, 0).softmax()).image
    assert kinds(image) == [
        ("CONV_TWICE", 6, 5, 1), ("TABLE", 6, 1, 1), ("CONV_TWICE", 8, 2, 2), ("TABLE", 8, 1, 1),
        ("DENSE", 12, 18, 10),
    ]  # fmt: skip
    assert not image.layers[0].weights[:3, :, 2:].any() and not image.layers[2].weights[:, 1].any()


@pytest.mark.peers
@pytest.mark.parametrize(
    "net", [residual, inception, both_poolings, from_the_samples, dilations, at_run_time]
)
def test_branches_give_the_same_features(net: Any) -> None:
    from odl.model.tflite.check import compare

    file = net()
    if len(file.now) > 2:
        file.reduce("MEAN", list(range(1, len(file.now) - 1)))
    data = file.dense(3, 0).softmax().bytes()
    compared = compare(data, convert(data, rate_hz=50), 60)
    assert compared.different == 0 and compared.classes == 60 - compared.ties, compared.text


def with_input(kind: str, scale: float = 0.05, zero: int = 128) -> File:
    net = File((1, 40, 1, 3), scale, zero if kind == "uint8" else 0, seed=3, kind=kind)
    if kind != "int8":
        net.add("QUANTIZE", [], net.tensor((1, 40, 1, 3), "int8", [0.05], 0))
    net.conv(6, (5, 1)).reduce("MEAN", [1, 2]).dense(2, 0).softmax()
    if kind == "float32":
        net.add("DEQUANTIZE", [], net.tensor((1, 2), "float32"))
    return net


def refused() -> dict[str, tuple[File, str]]:
    """Networks that cannot be run, and what is said."""
    wide = File((1, 49, 40, 1)).conv(8, (10, 8), (2, 2), SAME)
    product = File((1, 40, 1, 3)).conv(6, (5, 1))
    product.add("MUL", [product.last], product.tensor(product.now, "int8", [0.1], 3))
    longer = File((1, 40, 1, 3)).conv(6, (5, 1))
    fork = longer.last
    longer.conv(6, (3, 1), padding=SAME).add(
        "CONCATENATION", [fork], longer._out((1, 72, 1, 6), None, None), axis=1
    )
    dead = File((1, 40, 1, 3)).conv(6, (5, 1))
    fork = dead.last
    dead.conv(6, (3, 1)).take(fork).conv(6, (3, 1))
    far = File((1, 900, 1, 3)).pad(300, 0).conv(4, (301, 1)).reduce("MEAN", [1, 2])
    alone = File((1, 40, 3)).in_blocks(2, 5, 3)
    alone.operators[-1] = ("EXP", *alone.operators[-1][1:])
    unknown = File((1, 40, 1, 3)).conv(6, (5, 1))
    unknown.add("EXP", [], unknown.tensor(unknown.now, "int8", [1 / 128], 0))
    floats = File((1, 40, 1, 3)).conv(6, (5, 1))
    floats.add("DEQUANTIZE", [], floats.tensor(floats.now, "float32")).add("EXP", [], floats.last)
    both = File((1, 40, 3, 2)).conv(4, (3, 1)).pool("MAX", 2, 2)
    both.operators[-1][3]["filter_w"] = 2
    fine = File((1, 40, 1, 3)).conv(6, (5, 1), scale=1e-5)
    return {
        "a spectrogram": (wide, "40 values at each of 49 steps. .* the output of a feature block"),
        "features": (
            File((1, 33)).dense(8).dense(2, 0), r"a vector of 33 values .* operator 0 \(FULLY_CONNECTED\)"
        ),
        "floats": (File((1, 40, 1, 3), kind="float32").add("CONV_2D", [], 0), "its input is float32"),
        "a product of two": (product, r"operator 1 \(MUL\) takes more than one activation; ADD and CONC"),
        "one behind the other": (longer, r"operator 2 \(CONCATENATION\) joins its inputs along axis 1"),
        "an output for nobody": (dead, r"operator 1 \(CONV_2D\) gives what no operator takes"),
        "much padding": (far, "padding of 300 and 0; none can be there"),
        "blocks for nothing": (alone, r"operator 0 \(SPACE_TO_BATCH_ND\) can be run around one convolution"),
        "a long window": (File((1, 5000, 1, 3)).conv(6, (5, 1)), "windows of up to 4096 samples can be run"),
        "floats in the middle": (
            floats, r"operator 1 \(DEQUANTIZE\) goes over to float32 before operator 2 \(EXP\): .* leave"
        ),
        "an unknown operator": (unknown, r"operator 1 \(EXP\) cannot be run; these can: ADD, AVERAGE"),
        "pooling over both": (both, r"operator 1 \(MAX_POOL_2D\) pools 2 of 3 beside time"),
        "a fine scale": (fine, r"operator 0 \(CONV_2D\): a factor of .* below 1 can be run"),
        "nothing but a classifier": (File((1, 8, 2)).dense(3, 0).softmax(), "no layer before its classifier"),
    }  # fmt: skip


@pytest.mark.parametrize("name", refused())
def test_what_cannot_be_run_is_named_with_its_place(name: str) -> None:
    net, said = refused()[name]
    with pytest.raises(TfliteError, match=said):
        made(net)


@pytest.mark.parametrize("number", [0, 2])
def test_weights_of_another_type_are_named_with_their_operator(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "int4", 17)
    net = File((1, 40, 1, 3)).conv(6, (5, 1)).reduce("MEAN", [1, 2]).dense(3, 0)
    name, (_, weights, *_), *_ = net.operators[number]
    shape, _, *rest = net.tensors[weights]
    net.tensors[weights] = (shape, "int4", *rest)
    with pytest.raises(
        TfliteError, match=rf"operator {number} \({name}\): tensor .* is int4, not int8: convert"
    ):
        made(net)


@pytest.mark.parametrize(
    ("code", "name"),
    [(56, "ARG_MAX"), (97, "RESIZE_NEAREST_NEIGHBOR"), (126, "BATCH_MATMUL"), (127, "PLACEHOLDER")],
)
def test_every_operator_has_a_name(code: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODES, "TANH", code)
    net = File((1, 40, 1, 3)).conv(6, (5, 1))
    net.add("TANH", [], net.tensor(net.now, "int8", [1 / 128], 0))
    with pytest.raises(TfliteError, match=rf"operator 1 \({name}"):
        made(net)


def test_what_is_too_large_is_said_with_the_limit() -> None:
    wide = File((1, 40, 1, 3)).conv(256, (5, 1)).reduce("MEAN", [1, 2]).dense(3, 0)
    with pytest.raises(TfliteError, match="256 outputs, kernel 5: too large; up to 192 outputs, kernel 4096"):
        made(wide)
    dense = File((1, 40, 1, 3)).conv(6, (5, 1)).reduce("MEAN", [1, 2]).dense(256).dense(3, 0)
    with pytest.raises(TfliteError, match="256 outputs of 6 values: too large; up to 192 outputs of"):
        made(dense)


def test_each_channel_has_a_name_of_its_own() -> None:
    for names in (["ax", "ay", "ax"], ["ax", "", "az"]):
        with pytest.raises(TfliteError, match="each needs a name of its own"):
            made(small().dense(3, 0), channels=names)


def test_names_are_as_many_as_the_network_has() -> None:
    net = small().dense(3, 0).softmax()
    with pytest.raises(TfliteError, match="2 classes are named; the network tells 3 apart"):
        made(net, classes=["a", "b"])
    with pytest.raises(TfliteError, match="2 channels and 3 units are named; the network takes 3"):
        made(net, channels=["a", "b"])


# --- against LiteRT --------------------------------------------------------------------------


def branched(net: File, rng: np.random.Generator, same: bool) -> None:
    """Two or three branches that are added or lie beside each other, of any reach if padded."""
    fork, adding = net.last, rng.random() < 0.5 or net.now[2] > 1
    kernel, stride, ends = int(rng.integers(1, 5)), int(rng.choice([1, 1, 2])), [fork] * (rng.random() < 0.2)
    if ends or not same:
        kernel, stride = 1 if ends else kernel, 1
    width = net.now[3] if ends else int(rng.integers(1, 9))
    for _ in range(2 if adding or rng.random() < 0.7 else 3):
        if len(ends) == 2 and adding:
            break
        size = int(rng.integers(1, 7)) if same else kernel
        out, zero = width if adding else int(rng.integers(1, 9)), -128 + 9 * adding
        padding, activation = SAME if same else VALID, int(rng.integers(0, 2))
        net.take(fork).conv(out, (size, 1), (stride, 1), padding, activation, zero=zero)
        ends.append(net.last)
    net.take(ends[0])
    if adding:
        net.plus(ends[1], activation=int(rng.choice([0, 1, 3])), zero=int(rng.choice([-128, -100, 4])))
    else:
        net.beside(*ends[1:])


@st.composite
def networks(draw: Any) -> bytes:
    """Networks of one to three convolutions, pooled or joined in any of the ways that can be run."""
    number = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(number)
    axis, time = int(rng.choice([1, 2])), int(rng.integers(20, 70))
    wide = 1 if axis == 2 or rng.random() < 0.7 else int(rng.integers(2, 4))
    shape = (1, time, wide, int(rng.integers(1, 7)) if wide == 1 else 1)
    net = File((1, 1, time, shape[3]) if axis == 2 else shape, 0.05, int(rng.choice([0, -128, 5])), number)
    same = rng.random() < 0.4
    for _ in range(int(rng.integers(1, 4))):
        if net.now[axis] < 8:
            break
        kernel = int(rng.integers(1, 6))
        stride = int(rng.integers(1, min(kernel, 3) + 1))
        apart = int(rng.choice([1, 2])) if stride == 1 else 1
        positive = rng.random() < 0.6
        activation, zero = (int(rng.choice([1, 3])), -128) if positive else (0, int(rng.integers(-60, 60)))
        sizes = [(kernel, int(rng.integers(1, net.now[3 - axis] + 1))), (stride, 1), (apart, 1)]
        size, step, dilation = [pair if axis == 1 else pair[::-1] for pair in sizes]
        net.conv(
            int(rng.integers(1, 20)), size, step, SAME if same and rng.random() < 0.7 else VALID, activation,
            0.04 if activation == 3 else None, zero + 20 * (rng.random() < 0.2), dilation,
            int(rng.choice([0, 0, 1, 2])),
        )  # fmt: skip
        if rng.random() < 0.3:
            name, most = str(rng.choice(["MUL", "ADD", "SUB", "RELU", "RELU6", "QUANTIZE"])), net.now[3]
            scale = float(net.tensors[net.last][2][0]) * float(rng.uniform(0.5, 2))
            alone = name in ("RELU", "RELU6", "QUANTIZE")
            net.each(name, scale, int(rng.integers(-128, 60)), 0 if alone else int(rng.choice([1, most])))
        if axis == 1 and rng.random() < 0.4 and net.now[axis] >= 8 and net.now[3] <= 40:
            branched(net, rng, same)
        if rng.random() < 0.5 and net.now[axis] >= 6:
            kind = str(rng.choice(["MAX", "AVERAGE"]))
            net.pool(kind, int(rng.choice([2, 3])), 2, SAME if same else VALID, axis)
    every = [1, 2] if rng.random() < 0.5 else [axis]
    match int(rng.integers(0, 5)):
        case 0:
            before = float(net.tensors[net.last][2][0])
            net.reduce("MEAN", every, None if rng.random() < 0.5 else before * 0.7)
        case 1:
            net.reduce("REDUCE_MAX", every)
        case 2:
            net.reshape(1, int(np.prod(net.now))).dense(int(rng.integers(2, 40)))
        case 3:
            net.pool(str(rng.choice(["MAX", "AVERAGE"])), net.now[axis], net.now[axis], VALID, axis)
    if len(net.now) > 2 or rng.random() < 0.5:
        net.reshape(1, int(np.prod(net.now))).dense(int(rng.integers(2, 30)), 0, int(rng.integers(-50, 50)))
    return net.dense(int(rng.integers(2, 6)), 0, 5).softmax().bytes()


@pytest.mark.peers
@settings(max_examples=max(1, settings.default.max_examples // 2))  # type: ignore[union-attr]
@given(networks())
def test_every_feature_equals_the_reference_kernels(data: bytes) -> None:
    from odl.model.tflite.check import compare

    try:
        converted = convert(data, rate_hz=50)
    except TfliteError as error:
        assert "too large" in str(error) or "to 192 can be used" in str(error) or "factor" in str(error)
        return
    compared = compare(data, converted, 40)
    assert compared.different == 0 and compared.classes == 40 - compared.ties, compared.text


@pytest.mark.peers
@pytest.mark.parametrize(
    "ends",
    [("int8",), ("float32",), ("uint8",), ("uint8", 0.04, 131), ("uint8", 0.11, 0), ("uint8", 0.01, 255)],
)
def test_a_network_that_quantises_its_input_takes_the_same_samples(ends: tuple[Any, ...]) -> None:
    from odl.model.tflite.check import compare

    data = with_input(*ends).bytes()
    compared = compare(data, convert(data, rate_hz=50), 60)
    assert compared.different == 0 and "60 windows" in compared.text


def test_bytes_of_another_scale_are_the_samples_as_they_come() -> None:
    image = made(with_input("uint8", 0.04, 131)).image
    assert [(round(c.scale, 6), c.zero) for c in image.channels] == [(0.04, 3)] * 3
    assert [layer.op.name for layer in image.layers[:2]] == ["TABLE", "CONV_TWICE"]


def test_several_inputs_or_outputs_are_named() -> None:
    network = read_network(small().dense(3, 0).bytes())
    (given,), (found,) = network.inputs, network.outputs
    for one, said in [
        (
            replace(network, inputs=(given, replace(given, name="gyro"))),
            r"2 inputs \(t0, gyro\) and 1 output \(t",
        ),
        (replace(network, outputs=(found,) * 6), r"1 input \(t0\) and 6 outputs \((t\d+, ){4}\.\.\.\)"),
        (
            replace(network, inputs=()),
            "0 inputs and 1 output .*; a network with one each can be run: several",
        ),
    ]:
        with pytest.raises(TfliteError, match=said):
            lower(one)


def channels_first() -> File:
    """As PyTorch has it: (1, channels, samples), turned at the beginning, and axes of one moved later."""
    net = File((1, 3, 40), 0.1, 3, 4).reshape(1, 3, 1, 40).transpose(0, 2, 3, 1).conv(6, (1, 5))
    net.transpose(0, 2, 1, 3).reduce("MEAN", [1, 2])
    return net.dense(3, 0).softmax()


def test_channels_may_come_first_at_the_beginning() -> None:
    converted = made(channels_first())
    assert converted.image.window == 40 and len(converted.image.channels) == 3
    assert converted.order[:4].tolist() == [0, 40, 80, 1]
    later = File((1, 40, 2, 3)).conv(6, (5, 1)).transpose(0, 1, 3, 2)
    with pytest.raises(TfliteError, match=r"operator 1 \(TRANSPOSE\) changes the order of the values"):
        made(later)


@pytest.mark.peers
def test_channels_first_give_the_same_features() -> None:
    from odl.model.tflite.check import compare

    data = channels_first().bytes()
    compared = compare(data, convert(data, rate_hz=50), 100)
    assert compared.different == 0 and compared.classes == 100 - compared.ties


@pytest.mark.peers
def test_one_logistic_output_gives_the_same_class() -> None:
    from odl.model.tflite.check import compare

    data = small().dense(1, 0, 5).softmax("LOGISTIC").bytes()
    compared = compare(data, convert(data, rate_hz=50), 100)
    assert compared.different == 0 and compared.classes == 100 - compared.ties


@pytest.mark.peers
def test_a_difference_is_counted() -> None:
    from odl.model.tflite.check import compare

    data = small().dense(3, 0).softmax().bytes()
    converted = convert(data, rate_hz=50)
    last = converted.image.layers[-1]
    layers = (*converted.image.layers[:-1], replace(last, biases=last.biases + 200000))
    other = replace(converted, image=replace(converted.image, layers=layers))
    assert "windows DIFFER from the reference kernels of LiteRT" in compare(data, other, 20).text


@pytest.mark.peers
def test_a_network_that_ends_in_positions_is_pooled_in_halves() -> None:
    from odl.model.tflite.check import compare

    data = File((1, 40, 1, 3)).conv(6, (5, 1), (2, 1)).bytes()
    converted = convert(data, rate_hz=50)
    assert converted.image.features == 18 and compare(data, converted, 50).different == 0


def test_features_do_not_depend_on_the_tier_or_the_hop() -> None:
    rng = np.random.default_rng(5)
    windows = rng.integers(-128, 128, (20, 40, 3)).astype(np.int16)
    found = [features_of(made(small().dense(3, 0), hop=hop).image, windows) for hop in (2, 10, 32)]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_an_operator_that_takes_nothing_is_named() -> None:
    """A fuzzer's find: it ended in a traceback."""
    net = small()
    name, _, output, options = net.operators[1]
    net.operators[1] = (name, [], output, options)
    with pytest.raises(TfliteError, match=r"operator 1 \(MAX_POOL_2D\) takes nothing"):
        made(net)
