"""Operators on each value alone as layers of tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.layer import MOST_OUTPUTS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import Operator
from odl.model.tflite.options import ends
from odl.model.tflite.tables import activation_range, table_of


def each(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    if operator.output.shape != operator.tensor(0).shape:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not that of its input")
    if now.width > MOST_OUTPUTS or now.axis == 0:
        raise TfliteError(f"{operator.place} takes {now.width} values at a position, or a flat tensor")
    rows = table_of(operator, now)
    return _table(rows, now, zero), replace(now, scale=scale, zero=zero - 128, signed=False)


def _table(rows: NDArray[np.int8], now: Layout, zero: int) -> Layer:
    """A layer of tables, of each value of a position, or of each channel."""
    nothing = np.zeros(0, np.int32)
    weights = np.tile(rows, (now.width // len(rows), 1))[:, None, :]
    return Layer(weights, nothing, nothing, nothing.astype(np.uint8), 1, Op.TABLE, zero)


def bounded(operator: Operator, now: Layout) -> Layer | None:
    """A layer that bounds the outputs of ``operator`` as its activation does; None if that is no bound."""
    if "activation" not in operator.options:
        return None
    low, high = activation_range(operator.options["activation"], operator.output)
    if (low, high) == (-128, 127):
        return None
    if now.width > MOST_OUTPUTS:
        raise TfliteError(f"{operator.place} bounds {now.width} values at a position")
    row = np.clip(np.arange(-128, 128), low, high).astype(np.int8)
    return _table(np.broadcast_to(row, (now.channels, 256)), now, now.stored_zero)


def joined(before: Layer, after: Layer) -> Layer | None:
    """Two tables as one, None if they are none."""
    if before.op != Op.TABLE or after.op != Op.TABLE:
        return None
    rows = np.take_along_axis(after.weights, before.weights.astype(np.int64) + 128, axis=2)
    return replace(after, weights=rows)
