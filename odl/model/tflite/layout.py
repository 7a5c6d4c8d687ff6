"""Where the time axis of a tensor lies, and how its values become channels of a stream.

A network over time has tensors of (1, time, channels), with axes of length one here and there, or of
(1, time, wide, channels), where a kernel moves over both. An image's layer has channels alone: of
``wide`` times ``channels`` together, in the order in which they lie in memory. A flat tensor has the
positions of a window one behind the other. In a tensor of (1, wide, time, channels) a window's values lie in
another order; only operators that keep both axes apart can take it. Channels that come before time, as
in (1, channels, time), are such a ``wide``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from numpy.typing import NDArray

from odl.model.tflite.flat_tables import TfliteError

MOST_CHANNELS: Final = 9


@dataclass(frozen=True)
class Layout:
    """Sizes of what goes from one operator to the next, and its quantisation."""

    time: int
    wide: int
    channels: int
    axis: int  # of time; 0: the tensor is flat
    scale: float
    zero: int  # int8
    signed: bool = False  # the samples themselves; all else is stored plus 128
    rows: int = 1  # of a flat tensor: each has all positions, and they lie one behind the other

    @property
    def width(self) -> int:
        """Values at each position."""
        return self.wide * self.channels

    def by_time(self, values: NDArray[Any]) -> NDArray[Any]:
        """``values`` of a flat tensor in the order of a layer: one position behind the other."""
        apart = values.reshape(*values.shape[:-1], self.rows, self.time, -1)
        return apart.swapaxes(-3, -2).reshape(values.shape)

    @property
    def stored_zero(self) -> int:
        """The zero point as an image's layer sees it."""
        return self.zero if self.signed else self.zero + 128

    @property
    def outer(self) -> int:
        """Rows of a tensor that has all positions of the first row before those of the second."""
        return self.wide if self.axis >= 2 and self.time > 1 else self.rows

    def check_order(self, place: str) -> None:
        """Raise `TfliteError` if the values do not lie one position behind the other."""
        if (rows := self.outer) > 1:
            raise TfliteError(
                f"{place} mixes positions of {rows} rows, each over time; time first can be run"
            )

    def reshaped(self, shape: tuple[int, ...], place: str) -> Layout:
        """The same values in another shape.

        Raises
        ------
        TfliteError
            If positions would be mixed with channels.
        """
        if len(shape) == 2 and self.time > 1 and shape == (1, self.time * self.width):
            return replace(self, axis=0, wide=1, channels=self.width, rows=self.outer)
        if self.axis != 0 and self.time > 1 and shape in (
            (self.time * self.wide, self.channels), *([] if self.outer > 1 else [(self.time, self.width)])
        ):  # fmt: skip
            return self  # positions as rows, for a layer that takes each on its own
        if self.axis == 0 or len(shape) < 3:
            self.check_order(place)
        if math.prod(shape) != self.time * self.width or shape[:1] != (1,):
            raise TfliteError(f"{place} makes {shape} of {self.time} positions of {self.width} values")
        for axis in range(1, len(shape)):
            if shape[axis] == self.time and math.prod(shape[1:axis]) == self.outer and len(shape) - axis <= 3:
                return self._placed(shape, axis)
        if self.time == 1 and len(shape) == 2:
            return replace(self, axis=1, wide=1, channels=shape[1])
        self.check_order(place)
        raise TfliteError(f"{place} makes the shape {shape} of {self.time} positions: they would be mixed")

    def transposed(self, shape: tuple[int, ...], axes: list[int], place: str) -> Layout:
        """A tensor of ``shape`` with its axes in another order.

        Raises
        ------
        TfliteError
            If the values of a position would change their order.
        """
        values = [a for a in axes if shape[a] != 1 and (a != self.axis or self.time == 1)]
        if self.axis == 0 or len(shape) < 3 or axes[0] != 0 or values != sorted(values):
            raise TfliteError(f"{place} changes the order of the values at a position; time alone can move")
        now = tuple(shape[a] for a in axes)
        if self.time == 1:
            return self._placed(now, now.index(1, 1)) if 1 in now[1:] else self
        return self._placed(now, axes.index(self.axis))

    def resized(self, shape: tuple[int, ...]) -> Layout:
        """A tensor of ``shape`` with the same axis of time, and more or fewer values at a position."""
        if self.axis < len(shape) and shape[self.axis] == self.time:
            return self._placed(shape, self.axis)
        return replace(self, wide=1, channels=math.prod(shape) // self.time)

    def _placed(self, shape: tuple[int, ...], axis: int) -> Layout:
        """The same values in a tensor of ``shape`` whose axis of time is ``axis``."""
        before, after = math.prod(shape[1:axis]), shape[axis + 1 :]
        wide, channels = (before, math.prod(after)) if before > 1 or len(after) < 2 else after
        return replace(self, axis=axis, wide=wide, channels=channels)


def input_layout(shape: tuple[int, ...], scale: float, zero: int, place: str) -> Layout:
    """The layout of a network's input.

    >>> input_layout((1, 128, 6), 0.1, 0, "").width
    6
    >>> input_layout((1, 1, 128, 6), 0.1, 0, "").time, input_layout((1, 6, 128, 1), 0.1, 0, "").time
    (128, 128)
    """
    if not 3 <= len(shape) <= 4 or shape[0] != 1:
        steps = (
            " (steps before windows, as a recurrent layer takes them, cannot)" if shape[1:2] == (1,) else ""
        )
        raise TfliteError(
            f"{place} has the shape {shape}; windows of (1, samples, channels) can be run{steps}"
        )
    if len(shape) == 3:
        return Layout(shape[1], 1, shape[2], 1, scale, zero, signed=True)
    _, first, second, channels = shape
    if first == 1 or (second * channels > MOST_CHANNELS >= first * channels):
        return Layout(second, first, channels, 2, scale, zero, signed=True)
    return Layout(first, second, channels, 1, scale, zero, signed=True)
