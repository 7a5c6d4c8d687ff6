"""The streaming extractor gives, bit for bit, what each window gives on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.fixed_point import Scaling
from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.kernels.extract import extract, present_features, restart, window_complete
from odl.core.kernels.packing import CHUNK
from odl.core.kernels.plain import plain
from odl.core.state import Count
from tests.helpers import reference
from tests.helpers.images import layers_of
from tests.helpers.literal import Literal

pytestmark = pytest.mark.filterwarnings("error")


# Kernel, outputs and stride of a layer; input channels, layers, samples beyond the shortest window.
COMPILED = not numba.config.DISABLE_JIT
# Samples beyond a window; some streams are longer than a chunk.
LONGER = st.integers(0, 50) | (st.integers(CHUNK - 9, CHUNK + 9) if COMPILED else st.nothing())
WIDEST = 40 if COMPILED else 4
LAYERS = st.integers(1, 9 if COMPILED else 4).flatmap(
    lambda kernel: st.tuples(st.just(kernel), st.integers(1, WIDEST), st.integers(1, kernel))
)
SHAPES = st.tuples(
    st.integers(1, 9 if COMPILED else 3), st.lists(LAYERS, min_size=1, max_size=3), st.integers(0, 9)
)


class Stream(NamedTuple):
    """An extractor, its input scaling, samples with a gap before some, and how they are cut."""

    image: Image
    scaling: Scaling
    raw: NDArray[np.int16]
    gaps: dict[int, int]  # place in raw -> samples lost there
    cuts: set[int]


@st.composite
def streams(draw: Any) -> Stream:
    """One to three layers, any hop that is a multiple of their stride."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels, convolutions, spare = draw(SHAPES)
    steep = draw(st.booleans())  # shifts down to 31, weights and inputs at their bounds
    inputs, layers = channels, []
    for kernel, out, stride in convolutions:
        layers.append(
            Layer(
                (
                    rng.choice([-127, 127], (out, kernel, inputs))
                    if steep and rng.random() < 0.5
                    else rng.integers(-127, 128, (out, kernel, inputs))
                ).astype(np.int8),
                rng.integers(-3000, 3000, out).astype(np.int32),
                rng.integers(2**30, 2**31, out).astype(np.int32),
                rng.integers(31 if steep else 38, 44, out).astype(np.uint8),
                stride,
            )
        )
        inputs = out
    width = 3 * inputs
    image = Image(
        channels=tuple(Channel(f"c{n}", "g", 1.0) for n in range(channels)), rate_hz=50.0, window=1, hop=1,
        layers=tuple(layers), parents=np.array([ROOT], np.uint8), formats=np.array([20], np.uint8),
        row_class=np.arange(2, dtype=np.uint8), row_head=np.zeros(2, np.uint8),
        base=np.zeros((2, width + 1), np.int32), stored=np.zeros((0, width), np.uint8),
        owners=np.zeros(0, np.uint8), names={0: "a", 1: "b"},
    )  # fmt: skip
    window = image.receptive + image.stride + spare
    hops = range(image.stride, window + 1, image.stride)
    object.__setattr__(image, "window", window)
    object.__setattr__(image, "hop", draw(st.sampled_from(hops)))
    image.check()
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
