"""A .tflite file that is damaged, large or of another kind is refused, in bounded memory and time."""

from __future__ import annotations

import struct
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import LARGEST, TfliteError
from odl.model.tflite.network import read_network
from tests.helpers.memory import peak
from tests.helpers.tflite_files import SAME, File

EXTREMES = (0, 1, 2**7, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 4, 8)


def joined() -> File:
    """Branches that are added, put side by side and cropped."""
    net = File((1, 40, 1, 3), 0.1, 3).conv(6, (5, 1))
    fork = net.last
    net.conv(6, (3, 1), padding=SAME).plus(fork)
    net.beside(fork).crop(2, 30).pool("AVERAGE", 3, 2, SAME).crop(1, 13, "SLICE")
    return net.reduce("MEAN", [1, 2]).dense(3, 0).softmax()


@cache
def files() -> tuple[bytes, ...]:
    """Networks that together have every operator."""
    one = File((1, 40, 3), 0.1, 3).reshape(1, 1, 40, 3).conv(6, (1, 3)).pool("MAX", 2, 2, axis=2)
    two = File((1, 32, 1, 2)).conv(4, (3, 1), padding=SAME).conv(0, (3, 1), depthwise=1).pool("AVERAGE", 2, 2)
    blocks = File((1, 30, 3)).in_blocks(2, 5, 3, left=4)
    three = File((1, 3, 30)).transpose(0, 2, 1).reshape(1, 30, 1, 3).each("MUL", 0.1, 3, 3).conv(5, (3, 1))
    return (
        three.each("RELU", 0.1, 3).reduce("MEAN", [1, 2]).dense(2, 0).bytes(),
        one.reshape(1, 19 * 6).dense(9).dense(3, 0).softmax().bytes(),
        two.reduce("MEAN", [1, 2]).dense(2, 0).softmax().bytes(),
        joined().bytes(),
        blocks.reduce("MEAN", [1]).dense(2, 0).bytes(),
        File((1, 30, 1, 3)).pad(1, 1).conv(5, (3, 1)).reduce("REDUCE_MAX", [1, 2]).dense(4, 0).bytes(),
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A network with some bytes replaced, moved or missing."""
    data = bytearray(draw(st.sampled_from(files())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["byte", "word", "half", "cut", "copy", "swap"])):
            case "byte":
                data[at] = draw(st.integers(0, 255))
            case "word":
                data[at : at + 4] = struct.pack("<I", draw(st.sampled_from(EXTREMES)))
            case "half":
                data[at : at + 2] = struct.pack("<H", draw(st.integers(0, 2**16 - 1)))
            case "cut":
                del data[at:]
            case "copy":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case "swap":
                other = draw(st.integers(0, len(data) - 1))
                data[at : at + 4], data[other : other + 4] = data[other : other + 4], data[at : at + 4]
        if not data:
            return b""
    return bytes(data)


@given(damaged())
def test_a_damaged_file_is_read_or_refused(data: bytes) -> None:
    def convert_once() -> None:
        try:
            convert(data, rate_hz=50)
        except TfliteError as error:
            assert str(error).isprintable() and len(str(error)) < 600

    assert peak(convert_once) < 64 * 2**20


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TfliteError):
        read_network(b"\x10\0\0\0TFL3" + data if len(data) % 2 else data)


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(TfliteError, match="bytes; a file may have"):
        read_network(bytes(LARGEST + 1))


def test_every_shortened_file_is_refused_or_has_lost_nothing() -> None:
    data = files()[1]
    for size in range(0, len(data) - 1, 7):
        with pytest.raises(TfliteError):
            convert(data[:size], rate_hz=50)


def test_what_is_read() -> None:
    network = read_network(files()[1])
    assert [op.name for op in network.operators] == [
        "RESHAPE", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX",
    ]  # fmt: skip
    (first,) = network.inputs
    assert (first.shape, first.kind, round(first.scale, 6), first.zero) == ((1, 40, 3), "int8", 0.1, 3)
    conv = network.operators[1]
    assert conv.tensor(1).values("int8").shape == (6, 1, 3, 3) and len(conv.tensor(1).scales) == 6
    assert conv.options["activation"] == 1 and conv.options["padding"] == 1
    with pytest.raises(TfliteError, match="tensor 3 is int8, not int32"):
        conv.tensor(1).values("int32")
