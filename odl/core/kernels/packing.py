"""Weights in the order in which a tier reads them, and where each layer's inputs and outputs lie.

A tile's vectors are read group by group: for each group of neighbouring inputs, the weights of all
its channels. Before them stand the channels' biases, multipliers and shifts, vector by vector.

- Widths are whole tiles: the channels that fill the last one have weights and biases of zero.
- Narrowing puts four vectors together 128 bits at a time, so lane ``4 * i + j`` of vector ``v`` of
  ``n`` is channel ``4 * n * i + 4 * v + j``: then a position's bytes are in the channels' order. Before the
  shift, j stands where `Tier.order` has it.
- Where signed inputs are stored plus 128, the bias takes ``128 * sum(weights)`` off.
- Requantising needs a shift of at least 33. A channel with 31 or 32 is given its inputs four times
  over, which adds 2 to the shift; the other channels of the layer have zero weights for the last
  three times. Such a channel is 255 from an accumulator of 1020 on and 0 below 1, while its weights
  and inputs come to less than 2**26, so its bias can be cut to 2**28 on both sides. Then four times
  the sum is below 2**31.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import REACHING, WEIGHTLESS, Op
from odl.core.kernels.tiers import Tier
from odl.core.layer import numbers_of

CHUNK = 256  # samples that go through a layer before the next layer begins
LINE = 64  # bytes
MIN_SHIFT, BIAS_CUT = 33, 2**28

# A layer's row: elements of an input; the first new input, as an element; bytes from a position's first
# input to the next position's; groups of a position; the packed layer and one tile's part of it, in
# bytes; bytes of an output; the first output, as a byte; how it is computed: in loops, in tiles, rounded
# once or twice, or from the outputs of an earlier layer; and how many outputs it has of the present chunk.
WIDTH, INPUT, STEP_BYTES, GROUPS, PACKED, PART, OUT_WIDTH, OUTPUT, MADE, NEW = range(10)
ROW = 10
LOOPS, ONCE, TWICE, REACHED = range(4)
PLAN_WORDS = 13  # of a layer's row in the plan, see `odl.core.kernels.net.Net`
COLUMN_WORDS = 160  # sums of both halves and, as bytes, maxima of 64 channels each
PATTERN = 32  # samples after which the input scaling stands again


class Packed(NamedTuple):
    """One layer for a tier."""

    groups: int  # of inputs, of one position
    part: int  # bytes of one tile's channels: biases and so on, then weights
    data: NDArray[np.uint8]  # tile after tile


def width_of(tier: Tier, channels: int) -> int:
    """How many channels are stored for ``channels``: a tile, or several of the widest."""
    if not tier.tiles:
        return channels
    sizes = sorted(tier.lanes * vectors for _, vectors in tier.tiles)
    for size in sizes:
        if channels <= size:
            return size
    return -(-channels // sizes[-1]) * sizes[-1]


def pack(
    tier: Tier, weights: NDArray[Any], biases: NDArray[Any], mults: NDArray[Any], shifts: NDArray[Any],
    width: int, signed: bool,
) -> Packed:  # fmt: skip
    """Pack one layer.

    Parameters
    ----------
    weights : (out, kernel, in)
    biases, mults, shifts : (out,)
    width : int
        Stored channels of an input: at least ``in``.
    signed : bool
        The inputs are signed, and not the outputs of another layer.
    """
    outs, kernel, inputs = weights.shape
    stored = width_of(tier, outs)
    wide = np.zeros((outs, kernel, width), np.int64)
    wide[:, :, :inputs] = weights
    groups = -(-kernel * width // tier.group)
    often = shifts < MIN_SHIFT
    repeats = 4 if often.any() else 1
    taps = np.zeros((stored, repeats, groups * tier.group), np.int64)
    taps[:outs, 0, : kernel * width] = wide.reshape(outs, -1)
    taps[:outs][often] = taps[:outs][often][:, :1]

    bias = np.where(often, np.clip(biases, -BIAS_CUT, BIAS_CUT), biases).astype(np.int64)
    if signed and tier.size == 1:
        bias -= 128 * wide.sum((1, 2))
    channels = np.zeros((3, stored), np.int64)
    channels[:, :outs] = np.where(often, 4, 1) * bias, mults, shifts + np.where(often, 2, 0) - MIN_SHIFT

    vectors = next(vectors for _, vectors in tier.tiles if stored % (tier.lanes * vectors) == 0)
    lane = np.arange(tier.lanes)
    last = np.concatenate([4 * vectors * (lane // 4) + 4 * v + lane % 4 for v in range(vectors)])
    order = last.reshape(-1, 4)[:, np.argsort(tier.order)].reshape(-1)
    kind = np.int8 if tier.size == 1 else np.int16
    parts = []
    for first in range(0, stored, len(order)):
        of = first + order
        by_lane = channels[0, of], channels[1, of], channels[2, first + last]
        parts.append(np.array(by_lane, np.int32).view(np.uint8).reshape(-1))
        block = taps[of].reshape(len(of), repeats, groups, tier.group).transpose(1, 2, 0, 3)
        parts.append(np.ascontiguousarray(block, kind).view(np.uint8).reshape(-1))
    data = np.concatenate(parts)
    return Packed(groups, len(data) * len(order) // stored, data)


def weights_in(plan: NDArray[np.int64]) -> int:
    """How many weights the layers of ``plan`` have together."""
    return int(sum(row[1] * row[2] * _per_output(row) for row in plan))


def channels_in(plan: NDArray[np.int64]) -> int:
    """How many biases, multipliers and shifts each they have."""
    return sum(numbers_of(Op(row[7]), int(row[1])) for row in plan)


def _per_output(row: NDArray[np.int64]) -> int:
    op = int(row[7])
    if op == Op.TABLE:
        return 256
    return 0 if op in WEIGHTLESS else int(row[0]) // int(row[1] if op == Op.DEPTHWISE else 1)


def done_by(tier: Tier, layer: NDArray[np.int64], mults: NDArray[np.int32], shifts: NDArray[np.uint8]) -> int:
    """`ONCE` or `TWICE` for a layer, a row of the plan, that the tier's tiles can compute, or how else.

    Tiles give no negative results, so a zero point has to be 0, and other layers than the project's own need
    shifts that are not small. Where a tier has tiles of several sizes, one is as wide as the layer.
    """
    op, zero, widest = int(layer[7]), int(layer[8]), max((tier.lanes * v for _, v in tier.tiles), default=0)
    if op in REACHING:
        return REACHED
    if op == Op.CONV and (not tier.tiles or len(tier.tiles) == 1 or layer[1] <= widest):
        return ONCE
    usual = zero == 0 and bool(np.all(shifts >= MIN_SHIFT)) and bool(np.all(mults >= 2**30))
    if op not in (Op.CONV_TWICE, Op.DENSE) or not usual or not tier.tiles:
        return LOOPS
    if len(tier.tiles) > 1 and layer[1] > widest:
        return LOOPS
    return TWICE if op == Op.CONV_TWICE else ONCE


class _Room:
    """Memory handed out line by line."""

    def __init__(self, first: int) -> None:
        self.first = self.end = first
        self.parts: list[tuple[int, NDArray[Any]]] = []

    def take(self, size: int) -> int:
        """The first byte of ``size`` bytes."""
        begin, self.end = self.end, self.end + -(-size // LINE) * LINE
        return begin

    def hold(self, array: NDArray[Any]) -> int:
        """The first byte of a copy of ``array``."""
        self.parts.append((self.take(array.nbytes), array))
        return self.parts[-1][0]

    def data(self) -> NDArray[np.uint8]:
        """All of it."""
        data = np.zeros(self.end - self.first, np.uint8)
        for begin, array in self.parts:
            data[begin - self.first :][: array.nbytes] = (
                np.ascontiguousarray(array).view(np.uint8).reshape(-1)
            )
        return data


def placed(
    tier: Tier, first: int, plan: NDArray[np.int64], weights: NDArray[np.int16], biases: NDArray[np.int32],
    mults: NDArray[np.int32], shifts: NDArray[np.uint8], scale_mult: NDArray[np.int32],
    scale_shift: NDArray[np.uint8], scale_offset: NDArray[np.int16], positions: int,
) -> tuple[list[int], NDArray[np.uint8]]:  # fmt: skip
    """What the extractor needs beside the model, to stand from byte ``first`` on, a multiple of `LINE`.

    Returns where each part begins, in elements of its type, in the order of
    `odl.core.kernels.block.COLUMNS`, `GATHERED` last (second, whether int32 holds the products of
    scaling), and the bytes.

    A layer's new inputs begin at a line; before them is room for the inputs that earlier chunks left,
    behind them for what a tile reads and writes beyond the last position. The last layer's outputs
    have room for a window's ``positions`` before them. Behind a layer that takes whole windows, the inputs
    are those of one window with its padding. `GATHERED` is room for an output's inputs as int16.
    """
    room = _Room(first)
    narrow = bool(np.all(np.abs(scale_mult.astype(np.int64)) <= 2**15) and np.all(scale_shift <= 30))
    where = [room.take(4 * COLUMN_WORDS) // 4, int(narrow)]
    half = (np.int64(1) << (scale_shift.astype(np.int64) if narrow else 0)) >> 1
    for part in (half + 0 * scale_mult, scale_mult, scale_shift, scale_offset):
        where.append(room.hold(np.tile(part.astype(np.int32), PATTERN)) // 4)
    rows = np.zeros((len(plan), ROW), np.int64)
    beyond = max((count for count, _ in tier.tiles), default=0)
    windowed = len(plan) > 0 and plan[0, 7] == Op.WINDOW
    most = max(CHUNK, int(plan[0, 2] + plan[:, 9:11].sum(1).max())) if windowed else CHUNK
    for n, (row, layer) in enumerate(zip(rows, plan, strict=True)):
        cin, cout, kernel, stride, at, channel, _, op, _, _, _, signed, _ = map(int, layer)
        width = int(cin if n == 0 else rows[n - 1][OUT_WIDTH])
        before = -(-kernel * width * tier.size // LINE) * LINE
        begin = room.take(before + (most + beyond * stride + kernel + LINE) * width * tier.size) + before
        row[WIDTH], row[INPUT], row[STEP_BYTES] = width, begin // tier.size, stride * width * tier.size
        row[OUT_WIDTH] = cout if op == Op.WINDOW else width_of(tier, cout)
        of = slice(channel, channel + cout)
        row[MADE] = done_by(tier, layer, mults[of], shifts[of])
        if tier.tiles and row[MADE] in (ONCE, TWICE):
            packed = pack(
                tier, weights[at : at + cout * kernel * cin].reshape(cout, kernel, cin),
                biases[of], mults[of], shifts[of], width, bool(signed),
            )  # fmt: skip
            row[GROUPS], row[PART], row[PACKED] = packed.groups, packed.part, room.hold(packed.data)
    for row, following, left in zip(rows, rows[1:], plan[1:, 9], strict=False):
        # Outputs go where the next layer reads them, behind its padding, unless that one reads int16.
        apart, width = tier.size != 1, int(row[OUT_WIDTH])
        row[OUTPUT] = room.take((most + beyond) * width) if apart else following[INPUT] + left * width
    for row in rows[-1:]:
        before = -(-positions * int(row[OUT_WIDTH]) // LINE) * LINE
        row[OUTPUT] = room.take(before + (CHUNK + beyond) * int(row[OUT_WIDTH]) + LINE) + before
    where.append(room.hold(rows) // 8)
    where.append(room.take(2 * int((plan[:, 0] * plan[:, 2]).max(initial=0))) // 2)
    return where, room.data()
