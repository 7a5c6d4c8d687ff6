"""One position of all, and some of the values of each: slices, as branches for each sensor begin with."""

from __future__ import annotations

import numpy as np
import pytest

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import File

Index = tuple[slice | int, ...]


def part(net: File, index: Index) -> File:
    """``x[index]`` as a converter writes it."""
    shape, begin, end, step = list(net.now), [], [], []
    masks = {"begin": 0, "end": 0, "ellipsis": 0, "new": 0, "shrink": 0}
    for i, one in enumerate(index):
        if isinstance(one, int):
            masks["shrink"] |= 1 << i
            one = slice(one, None)
        masks["begin"] |= (one.start is None) << i
        masks["end"] |= (one.stop is None) << i
        begin.append(one.start or 0)
        end.append(one.stop or 0)
        step.append(one.step or 1)
    made = np.zeros(shape, np.int8)[index].shape
    ends = [net.integers(values) for values in (begin, end, step)]
    return net.add("STRIDED_SLICE", ends, net._out(made, None, None), **masks)


def start(wide: int = 1) -> File:
    net = File((1, 24, wide, 3), 0.05, 3, wide).conv(6, (5, 1))
    return net.reshape(1, 20, 6) if wide == 1 else net


def ended(net: File) -> bytes:
    if len(net.now) > 2:
        net.reduce("MEAN", [net.now.index(20)] if 20 in net.now else [1])
    return net.reshape(1, int(np.prod(net.now))).dense(3, 0).softmax().bytes()


ALL = slice(None)
CUTS: list[tuple[int, Index]] = [
    (1, (ALL, -1)), (1, (ALL, 0)), (1, (ALL, 7, ALL)), (1, (ALL, slice(-1, None))),
    (1, (ALL, ALL, slice(0, 2))),
    (1, (ALL, ALL, slice(1, None, 2))), (1, (ALL, slice(2, 18, 3))), (1, (ALL, ALL, 3)),
    (3, (ALL, ALL, 1)), (3, (ALL, ALL, slice(1, None), slice(0, 4, 2))), (3, (ALL, -1)),
    (3, (ALL, ALL, ALL, 2)),
    (3, (ALL, ALL, -1, 2)),
]  # fmt: skip


@pytest.mark.peers
@pytest.mark.parametrize(("wide", "index"), CUTS, ids=str)
@pytest.mark.parametrize("head", [True, False])
def test_each_equals_the_reference(wide: int, index: Index, head: bool) -> None:
    from odl.model.tflite.check import compare

    whole = (*index, *[ALL] * ((3 if wide == 1 else 4) - len(index)))
    data = ended(part(start(wide), whole))
    assert compare(data, convert(data, rate_hz=50, head=head), 20).different == 0


@pytest.mark.peers
def test_a_branch_for_each_sensor_equals_the_reference_and_streams() -> None:
    from odl.model.tflite.check import compare

    net, made = File((1, 40, 6), 0.05, 3, 5), []
    samples = net.last
    for first in (0, 3):
        part(net.take(samples), (ALL, ALL, slice(first, first + 3)))
        made.append(net.reshape(1, 40, 1, 3).conv(4, (5, 1)).reduce("REDUCE_MAX", [1, 2]).last)
    data = net.take(made[0]).beside(made[1], axis=1).dense(3, 0).softmax().bytes()
    converted = convert(data, rate_hz=50)
    assert compare(data, converted, 20).different == 0 and not converted.image.windowed


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ((0, ALL, ALL), r"operator 2 \(STRIDED_SLICE\) has the shape \(20, 6\)"),
        ((ALL, slice(0, 9), slice(0, 2)), "takes a part of time and of the values of a position"),
    ],
)
def test_what_cannot_be_cut_is_named(index: Index, said: str) -> None:
    with pytest.raises(TfliteError, match=said):
        convert(ended(part(start(), index)), rate_hz=50)


def test_recurrent_layers_are_recognised() -> None:
    steps = File((1, 10, 3)).transpose(1, 0, 2)
    with pytest.raises(TfliteError, match=r"\(10, 1, 3\); .* as a recurrent layer takes them"):
        convert(steps.reshape(1, 10, 3).dense(3, 0).bytes(), rate_hz=50)
