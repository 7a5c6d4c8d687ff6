"""The streaming extractor gives, bit for bit, what each window gives on its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.fixed_point import Scaling
from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.image_layout import REACHING, WEIGHTLESS, Op
from odl.core.kernels.extract import extract, present_features, restart, window_complete
from odl.core.kernels.packing import CHUNK
from odl.core.kernels.plain import plain
from odl.core.layer import MULTIPLYING, SUMMED
from odl.core.layer_spans import spans, waiting
from odl.core.state import Count
from odl.model.features import features_of
from tests.helpers import reference
from tests.helpers.images import layers_of, random_image
from tests.helpers.literal import Literal

pytestmark = pytest.mark.filterwarnings("error")


COMPILED = not numba.config.DISABLE_JIT
# Samples beyond a window; some streams are longer than a chunk.
LONGER = st.integers(0, 50) | (st.integers(CHUNK - 9, CHUNK + 9) if COMPILED else st.nothing())
WIDEST = 40 if COMPILED else 4
# Kernel, outputs, stride, operation and padding of a layer; those that change no number of channels ignore
# the outputs, and padding counts behind a layer WINDOW.
OPERATIONS = st.sampled_from([Op.CONV] * 3 + [op for op in Op if op not in (Op.WINDOW, *REACHING)])
LAYERS = st.integers(1, 9 if COMPILED else 4).flatmap(
    lambda kernel: st.tuples(
        st.just(kernel), st.integers(1, WIDEST), st.integers(1, kernel), OPERATIONS,
        st.integers(0, kernel - 1), st.integers(0, kernel - 1),
    )
)  # fmt: skip
# Input channels, layers, samples beyond the shortest window, what makes one position of all of a window's.
SHAPES = st.tuples(
    st.integers(1, 9 if COMPILED else 3), st.lists(LAYERS, min_size=1, max_size=3), st.integers(0, 9),
    st.none() | st.sampled_from([op for op in Op if op not in (Op.WINDOW, Op.TABLE, *REACHING)]),
    st.booleans(),
)  # fmt: skip


class Stream(NamedTuple):
    """An extractor, its input scaling, samples with a gap before some, and how they are cut."""

    image: Image
    scaling: Scaling
    raw: NDArray[np.int16]
    gaps: dict[int, int]  # place in raw -> samples lost there
    cuts: set[int]


def drawn_layer(
    rng: np.random.Generator, op: Op, shape: tuple[int, int, int], stride: int, steep: bool, sides: Any
) -> Layer:
    """A layer of ``shape`` (outputs, kernel, inputs); ``steep``: shifts from 31 on, weights at bounds."""
    out, kernel, per = shape
    if op not in (Op.CONV, Op.CONV_TWICE, Op.DENSE):
        out, per = per, 0 if op in WEIGHTLESS else 256 if op == Op.TABLE else 1
    channels = out if op in MULTIPLYING else 0
    size = (out, kernel, per)
    extreme = steep and rng.random() < 0.5
    zero = 0 if op == Op.CONV else int(rng.choice([0, 0, 3, 128, 255]))
    return Layer(
        (rng.choice([-127, 127], size) if extreme else rng.integers(-127, 128, size)).astype(np.int8),
        rng.integers(-3000, 3000, channels).astype(np.int32),
        rng.integers(2**30 if op == Op.CONV else 2**29, 2**31, channels).astype(np.int32),
        rng.integers(31 if steep else 38, 44, channels).astype(np.uint8),
        stride, op, zero, *sides,
    )  # fmt: skip


def reaching(rng: np.random.Generator, op: Op, outputs: int, back: int) -> Layer:
    """A layer that takes the outputs of the ``back``th before it; room for those that wait is made later."""
    some = SUMMED if op == Op.ADD else 0
    return Layer(
        np.zeros((outputs, 1, 0), np.int8), rng.integers(0, 256, some).astype(np.int32),
        rng.integers(2**29, 2**31, some).astype(np.int32),
        np.array([31, 31, rng.integers(31, 55)][:some], np.uint8),
        1, op, int(rng.choice([0, 3, 128, 255])), back=back,
    )  # fmt: skip


def branches(
    rng: np.random.Generator, fork: int, layers: list[Layer], steep: bool, size: int
) -> list[Layer]:  # fmt: skip
    """Two branches from the layer ``fork``, the last one, that meet again; padded if ``size`` is not 0.

    Of a stream both are as long; on a whole window either may be ahead.
    """
    inputs, made, ends = layers[fork].outputs, list[Layer](), list[int]()
    op = Op.ADD if rng.random() < 0.5 else Op.CONCAT
    out = int(rng.integers(1, 7))
    common = int(rng.integers(1, 4))
    for branch in range(2):
        if branch:
            made.append(reaching(rng, Op.BRANCH, inputs, len(made) + 1))
        kernel = int(rng.integers(1, 6)) if size else common
        left = int(rng.integers(0, kernel)) if size else 0
        sides = (left, kernel - 1 - left) if size else (0, 0)
        width = out if op == Op.ADD else int(rng.integers(1, 7))
        kind = Op.DENSE if rng.random() < 0.5 else Op.CONV_TWICE
        made.append(drawn_layer(rng, kind, (width, kernel, inputs), 1, steep, sides))
        ends.append(len(made) - 1)
    width = out if op == Op.ADD else sum(made[end].outputs for end in ends)
    return [*made, reaching(rng, op, width, len(made) - ends[0])]


def drawn_layers(rng: np.random.Generator, shape: Any, steep: bool) -> tuple[list[Layer], int, int]:
    """Layers, a window that they can take, and the hop; 0: any that is a multiple of their stride."""
    channels, drawn, spare, joined, windowed = shape
    drawn = [(1, out, 1, op, 0, 0) if op == Op.TABLE else (k, out, s, op, *x) for k, out, s, op, *x in drawn]
    window = 1
    for kernel, _, stride, *_ in reversed(drawn):
        window = (window - 1) * stride + kernel
    jump = math.prod(stride for _, _, stride, *_ in drawn)
    window += spare + jump * (1 if windowed else 3)  # branches take up to two positions
    layers, inputs, size = [], channels, window
    for kernel, out, stride, op, *sides in drawn:
        if windowed and op == Op.AVERAGE:  # all of its padding is used
            sides[1] = next((n for n in range(kernel) if (size + sides[0] + n - kernel) % stride == 0), 0)
            sides[0] -= min(sides[0], (size + sum(sides) - kernel) % stride)
            sides = sides if (size + sum(sides) - kernel) % stride == 0 else [0, 0]
        layer = drawn_layer(
            rng, op, (out, kernel, inputs), stride, steep, tuple(sides) if windowed else (0, 0)
        )
        size = (size + layer.left + layer.right - kernel) // stride + 1
        layers.append(layer)
        inputs = layer.outputs
        if rng.random() < 0.5:
            layers += branches(rng, len(layers) - 1, layers, steep, size if windowed else 0)
            inputs = layers[-1].outputs
    if not windowed:
        size = spans(layers, window)[-1].length
        assume(size >= 1)
    for i, room in enumerate(waiting(layers, window) if not windowed else ()):
        if layers[i].back:
            layers[i] = replace(layers[i], weights=np.zeros((layers[i].outputs, room, 0), np.int8))
    if joined is None and not windowed:
        return layers, window, 0
    step = int(rng.integers(1, size + 1))  # outputs of the layers so far from one window to the next
    last = drawn_layer(rng, joined or Op.MAX, (5, size, inputs), 1 if windowed else step, steep, (0, 0))
    hop = int(rng.integers(1, window + 1)) if windowed else step * jump
    if windowed:
        blank = np.zeros((channels, window, 0), np.int8)
        nothing = np.zeros(0, np.int32)
        zero = int(rng.integers(256))
        layers.insert(0, Layer(blank, nothing, nothing, nothing.astype(np.uint8), hop, Op.WINDOW, zero))
    layers = [*layers, last]
    for i, room in enumerate(waiting(layers, window)):
        if layers[i].back:
            layers[i] = replace(layers[i], weights=np.zeros((layers[i].outputs, room, 0), np.int8))
    return layers, window, min(hop, window)


@st.composite
def streams(draw: Any) -> Stream:
    """One to three layers of any kind, perhaps one more that makes one position of all, any hop."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(SHAPES)
    layers, window, hop = drawn_layers(rng, shape, draw(st.booleans()))
    channels = shape[0]
    image = Image(
        channels=tuple(Channel(f"c{n}", "g", 1.0) for n in range(channels)), rate_hz=50.0, window=window,
        hop=hop, layers=tuple(layers), parents=np.array([ROOT], np.uint8), formats=np.array([20], np.uint8),
        row_class=np.arange(2, dtype=np.uint8), row_head=np.zeros(2, np.uint8),
        base=np.zeros((2, 0), np.int32), stored=np.zeros((0, 0), np.uint8),
        owners=np.zeros(0, np.uint8), names={0: "a", 1: "b"},
    )  # fmt: skip
    assume(hop % image.stride == 0 or hop == 0)
    if hop == 0:
        hops = range(image.stride, window + 1, image.stride)
        object.__setattr__(image, "hop", draw(st.sampled_from(hops)))
    width = image.features
    object.__setattr__(image, "base", np.zeros((2, width + 1), np.int32))
    object.__setattr__(image, "stored", np.zeros((0, width), np.uint8))
    image.check()
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()
    n = window + draw(LONGER)
    places = st.integers(0, n - 1)
    return Stream(
        image,
        Scaling(
            tuple(rng.integers(2**14, 2**15, channels).tolist()),
            tuple(rng.integers(19, 24, channels).tolist()),
            tuple(rng.integers(-20, 20, channels).tolist()),
        ),
        rng.integers(-(2**15), 2**15, (n, channels)).astype(np.int16),
        draw(st.dictionaries(places, st.integers(0, 9), max_size=2)),
        draw(st.sets(places, max_size=6)),
    )


def streamed(stream: Stream) -> tuple[list[tuple[int, list[int]]], int]:
    """(end, features) of each window as the kernels see it, and how many values were clamped.

    Wherever a call stops, the state block is as if the samples had come one by one.
    """
    net = net_of(stream.image, stream.scaling)
    state, _, _, _, memory = memory_of(stream.image, net)
    copied = np.frombuffer(bytearray(state.tobytes()), state.dtype)  # unused bytes between fields included
    literal = Literal(stream.image, stream.scaling, copied)
    found = []
    edges = sorted({0, len(stream.raw)} | stream.cuts | set(stream.gaps))
    for first, last in zip(edges, edges[1:], strict=False):
        if first in stream.gaps:
            plain(restart)(memory, stream.gaps[first])
            literal.gap(stream.gaps[first])
        block, at = stream.raw[first:last], 0
        while at < len(block):
            last, at = at, int(extract(memory, block.reshape(-1), at))
            for sample in block[last:at].tolist():
                literal.push(sample)
            assert state.tobytes() == literal.state.tobytes()
            if plain(window_complete)(memory):
                found.append((int(state["position"][0]), plain(present_features)(memory).tolist()))
    return found, int(state["counts"][0, Count.SATURATED])


def windowed(stream: Stream) -> Iterator[tuple[int, list[int]]]:
    """The same from each window on its own, in plain integers."""
    image = stream.image
    layers = layers_of(image)
    scaling = list(zip(*stream.scaling, strict=True))
    whole = sorted({0, len(stream.raw)} | set(stream.gaps))  # no window spans a gap
    lost = 0
    for first, last in zip(whole, whole[1:], strict=False):
        lost += stream.gaps.get(first, 0)
        for at in range(first, last - image.window + 1, image.hop):
            samples = stream.raw[at : at + image.window].tolist()
            scaled = [reference.scale_sample(sample, scaling)[0] for sample in samples]
            yield at + image.window + lost, reference.extract(layers, scaled)


@given(streams())
def test_streaming_equals_windowed(stream: Stream) -> None:
    assert streamed(stream)[0] == list(windowed(stream))


@given(streams())
def test_every_clamped_value_is_counted(stream: Stream) -> None:
    scaling = list(zip(*stream.scaling, strict=True))
    clamped = sum(reference.scale_sample(sample, scaling)[1] for sample in stream.raw.tolist())
    assert streamed(stream)[1] == clamped


@pytest.mark.parametrize("op", [Op.CONV, Op.CONV_TWICE, Op.DENSE])
@pytest.mark.parametrize("outputs", [16, 64, 70, 130])
def test_layers_as_wide_as_a_tile_and_wider(op: Op, outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    first = drawn_layer(rng, op, (outputs, 2, 3), 1, False, (0, 0))
    layers = (replace(first, zero=0), drawn_layer(rng, Op.DENSE, (5, 4, outputs), 1, False, (0, 0)))
    image = random_image(
        channels=tuple(Channel(f"c{n}", "g", 1.0) for n in range(3)), window=5, hop=1, layers=layers,
        base=np.zeros((3, 6), np.int32), stored=np.zeros((0, 5), np.uint8), owners=np.zeros(0, np.uint8),
    )  # fmt: skip
    windows = rng.integers(-128, 128, (3, 5, 3)).astype(np.int16)
    wanted = [reference.extract(layers_of(image), window.tolist()) for window in windows]
    assert features_of(image, windows).tolist() == wanted
