"""Shapes that a network works out at run time, for batches of any size, worked out for one window.

A model that was converted without a fixed batch has operators on the shapes of its tensors (SHAPE, PACK and
so on), whose results are the second input of a RESHAPE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.moved import EACH, VIEWS
from odl.model.tflite.network import Operator, Tensor

_ARITHMETIC = ("STRIDED_SLICE", "GATHER", "REDUCE_PROD", "CONCATENATION", "PACK")
_MOST = 16  # numbers of a shape

_Shape = NDArray[np.int64]


def with_shapes(operators: Sequence[Operator]) -> list[Operator]:
    """The operators without those on shapes; each RESHAPE has the shape that it would be given.

    Raises
    ------
    TfliteError
        If a shape is worked out in a way that is not known.
    """
    known, renamed, made = dict[Tensor, _Shape](), dict[Tensor, Tensor](), list[Operator]()
    for operator in operators:
        operator = replace(operator, inputs=tuple(renamed.get(t, t) if t else t for t in operator.inputs))
        taken = [t for t in operator.inputs if t is not None]
        if operator.name == "SHAPE" and taken:
            known[operator.output] = np.array(taken[0].shape, np.int64)
        elif operator.name in _ARITHMETIC and any(t in known for t in taken):
            try:
                values = [known[t] if t in known else _constant(t) for t in taken]
                known[operator.output] = _worked_out(operator, values)
            except (ValueError, IndexError) as error:
                raise TfliteError(f"{operator.place} works out a shape, not understood: {error}") from None
        elif operator.name == "RESHAPE" and len(taken) == 2 and (taken[1] in known or _open(taken[1])):
            found = known[taken[1]] if taken[1] in known else taken[1].values("int32")
            shape = tuple(int(n) for n in found.reshape(-1)[:_MOST])
            now = replace(operator.output, shape=_whole(operator, shape, math.prod(taken[0].shape)))
            renamed[operator.output] = now
            made.append(replace(operator, inputs=(taken[0],), outputs=(now,)))
        elif operator.name == "FULLY_CONNECTED" and len(taken) > 1 and taken[0] in renamed.values():
            now = replace(operator.output, shape=(*taken[0].shape[:-1], *taken[1].shape[:1]))
            renamed[operator.output] = now
            made.append(replace(operator, outputs=(now,)))
        elif operator.name in EACH and taken[:1] and taken[0] in renamed.values():
            now = replace(operator.output, shape=taken[0].shape)
            renamed[operator.output] = now
            made.append(replace(operator, outputs=(now,)))
        else:
            made.append(operator)
    used = {t for operator in made for t in operator.inputs}
    return [o for o in made[:-1] if o.name not in VIEWS or o.output in used] + made[-1:]


def _open(tensor: Tensor) -> bool:
    """Whether it is a constant shape whose -1 stands for the rest: the output's shape may not have it."""
    return tensor.kind == "int32" and len(tensor.data) > 0 and -1 in tensor.values("int32")


def _constant(tensor: Tensor) -> _Shape:
    values = tensor.values("int32").astype(np.int64)
    if values.size > _MOST:
        raise ValueError(f"{values.size} numbers")
    return values


def _worked_out(operator: Operator, values: list[_Shape]) -> _Shape:
    match operator.name:
        case "STRIDED_SLICE":
            shape, begin, end, step = (v.reshape(-1) for v in values)
            part = shape[int(begin[0]) : int(end[0]) : int(step[0])]
            return part[:1].reshape(()) if operator.options["shrink"] else part
        case "GATHER":
            return values[0].reshape(-1)[values[1]]
        case "REDUCE_PROD":
            return np.array(math.prod(int(n) for n in values[0].reshape(-1)) % 2**31)
        case _:
            joined = np.concatenate([v.reshape(-1) for v in values])
            if joined.size > _MOST:
                raise ValueError(f"{joined.size} numbers")
            return joined


def _whole(operator: Operator, shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """``shape`` with what stands for -1, the rest of ``size`` values."""
    rest = math.prod(n for n in shape if n != -1)
    if shape.count(-1) > 1 or not 0 < rest <= size or min(shape, default=0) < -1:
        raise TfliteError(f"{operator.place} makes {shape} of {size} values")
    return tuple(size // rest if n == -1 else n for n in shape)
