"""A .tflite file as a list of operators with shapes, scales, zero points and weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.flat_tables import FlatTable, TfliteError
from odl.model.tflite.operator_names import OPERATORS

MOST_DIMENSIONS: Final = 8

# Of the schema of TensorFlow Lite: names and numbers that a converter can meet.
TYPES: Final = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool", 7: "int16",
    9: "int8", 10: "float64", 17: "int4", 18: "bfloat16",
}  # fmt: skip
ACTIVATIONS: Final = {0: "none", 1: "ReLU", 2: "ReLU_N1_to_1", 3: "ReLU6", 4: "tanh", 5: "sign bit"}
# Field, type and default of the options that matter, by operator.
_WINDOWED = {"padding": (0, "i1", 0), "stride_w": (1, "i4", 0), "stride_h": (2, "i4", 0)}
_OPTIONS: Final[dict[str, dict[str, tuple[int, str, int]]]] = {
    "CONV_2D": _WINDOWED
    | {"activation": (3, "i1", 0), "dilation_w": (4, "i4", 1), "dilation_h": (5, "i4", 1)},
    "DEPTHWISE_CONV_2D": _WINDOWED
    | {"activation": (4, "i1", 0), "dilation_w": (5, "i4", 1), "dilation_h": (6, "i4", 1)},
    "MAX_POOL_2D": _WINDOWED
    | {"filter_w": (3, "i4", 0), "filter_h": (4, "i4", 0), "activation": (5, "i1", 0)},
    "AVERAGE_POOL_2D": _WINDOWED
    | {"filter_w": (3, "i4", 0), "filter_h": (4, "i4", 0), "activation": (5, "i1", 0)},
    "FULLY_CONNECTED": {"activation": (0, "i1", 0), "format": (1, "i1", 0), "keep": (2, "i1", 0)},
    "CONCATENATION": {"axis": (0, "i4", 0), "activation": (1, "i1", 0)},
    "STRIDED_SLICE": {
        name: (place, "i4", 0) for place, name in enumerate(("begin", "end", "ellipsis", "new", "shrink"))
    },
    "LEAKY_RELU": {"alpha": (0, "u4", 0)},  # the bits of a float32
    "GELU": {"approximate": (0, "i1", 0)},
    "ADD": {"activation": (0, "i1", 0)},
    "MUL": {"activation": (0, "i1", 0)},
    "SUB": {"activation": (0, "i1", 0)},
}
SAME: Final = 0
VALID: Final = 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor: an activation, or a constant with its bytes."""

    number: int
    name: str
    shape: tuple[int, ...]
    kind: str  # as NumPy calls it
    scales: NDArray[np.float32]  # one for all, one per channel, or none
    zeros: NDArray[np.int64]
    data: NDArray[np.uint8]  # none of an activation

    @property
    def scale(self) -> float:
        """The only scale.

        Raises
        ------
        TfliteError
            If there is none, or it is not positive and finite, or there are several.
        """
        if len(self.scales) != 1 or not (np.isfinite(self.scales[0]) and self.scales[0] > 0):
            raise TfliteError(f"tensor {self.number} has no single positive scale")
        return float(self.scales[0])

    @property
    def zero(self) -> int:
        """The zero point of an int8 tensor, -128 to 127."""
        zero = int(self.zeros[0]) if len(self.zeros) else 0
        if not -128 <= zero <= 127:
            raise TfliteError(f"tensor {self.number} has the zero point {zero}, which int8 does not hold")
        return zero

    def values(self, kind: str) -> NDArray[Any]:
        """The constant as an array.

        Raises
        ------
        TfliteError
            If it is of another type, or has not as many bytes as its shape says.
        """
        if self.kind != kind:
            advice = ": convert with full integer quantisation" if kind == "int8" else ""
            raise TfliteError(f"tensor {self.number} is {self.kind}, not {kind}{advice}")
        dtype = np.dtype(kind).newbyteorder("<")
        if math.prod(self.shape) * dtype.itemsize != len(self.data) or not len(self.data):
            raise TfliteError(f"tensor {self.number} of shape {self.shape} has {len(self.data)} bytes")
        return self.data.view(dtype).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator, the ``number``-th of the network."""

    number: int
    name: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, int]

    @property
    def place(self) -> str:
        """How messages call it.

        >>> Operator(3, "ADD", (), (), {}).place
        'operator 3 (ADD)'
        """
        return f"operator {self.number} ({self.name})"

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """What is wrong with its tensors is told with its place."""
        try:
            yield
        except TfliteError as error:
            said = str(error)
            raise TfliteError(said if self.place in said else f"{self.place}: {said}") from None

    def tensor(self, index: int) -> Tensor:
        """An input that has to be there."""
        if index >= len(self.inputs) or (found := self.inputs[index]) is None:
            raise TfliteError(f"{self.place} lacks its input {index}")
        return found

    @property
    def output(self) -> Tensor:
        """The only output."""
        if len(self.outputs) != 1:
            raise TfliteError(f"{self.place} has {len(self.outputs)} outputs")
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Network:
    """A .tflite file's only graph."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[Operator, ...]


def read_network(data: bytes) -> Network:
    """Read a .tflite file.

    Raises
    ------
    TfliteError
        If it is damaged, of another version of the format, or has more than one graph.
    """
    model = FlatTable.root(data, b"TFL3")
    version = model.number(0, "u4")
    if version != 3:
        raise TfliteError(f"version {version} of the format; 3 can be read")
    graphs = model.tables(2)
    if len(graphs) != 1:
        loop = "; a loop has several, as LSTM and GRU are written" if len(graphs) > 1 else ""
        raise TfliteError(f"{len(graphs)} graphs; a file with one can be read{loop}")
    buffers = model.tables(4)
    tensors = [_tensor(i, table, buffers) for i, table in enumerate(graphs[0].tables(0))]
    codes = [_code(table) for table in model.tables(1)]

    def chosen(numbers: NDArray[Any]) -> tuple[Tensor, ...]:
        if not all(0 <= n < len(tensors) for n in numbers.tolist()):
            raise TfliteError(f"damaged: a tensor outside the {len(tensors)} that there are")
        return tuple(tensors[n] for n in numbers.tolist())

    operators = []
    for i, table in enumerate(graphs[0].tables(3)):
        code = table.number(0, "u4")
        if code >= len(codes):
            raise TfliteError(f"damaged: operator {i} is of kind {code} of {len(codes)}")
        given = _few(table.array(1, "i4"), f"inputs of operator {i}")
        inputs = tuple(None if n == -1 else chosen(np.array([n]))[0] for n in given.tolist())
        outputs = chosen(_few(table.array(2, "i4"), f"outputs of operator {i}"))
        operators.append(Operator(i, codes[code], inputs, outputs, _options(codes[code], table.table(4))))
    graph = graphs[0]
    first, last = (chosen(_few(graph.array(n, "i4"), "ends of the graph")) for n in (1, 2))
    return Network(first, last, tuple(operators))


def _few(numbers: NDArray[Any], what: str) -> NDArray[Any]:
    if len(numbers) > 64:
        raise TfliteError(f"{len(numbers)} {what}; 64 can be read")
    return numbers


def _code(table: FlatTable) -> str:
    """The operator's name: newer files have its number as an int, older ones as a byte."""
    number = max(table.number(0, "i1"), table.number(3, "i4"))
    if not 0 <= number < len(OPERATORS):
        return f"number {number} of the format"
    return f"CUSTOM {table.text(1)[:40]}".rstrip() if OPERATORS[number] == "CUSTOM" else OPERATORS[number]


def _options(name: str, table: FlatTable | None) -> dict[str, int]:
    known = _OPTIONS.get(name, {})
    if table is None:
        return {key: default for key, (_, _, default) in known.items()}
    return {key: table.number(*how) for key, how in known.items()}


def _tensor(number: int, table: FlatTable, buffers: list[FlatTable]) -> Tensor:
    shape = table.array(0, "i4")
    if len(shape) > MOST_DIMENSIONS or not all(0 < n < 2**24 for n in shape.tolist()):
        # An unknown size stands as 1 in `shape`; other sizes below 1 are damage.
        raise TfliteError(f"damaged: tensor {number} has the shape {shape[:MOST_DIMENSIONS].tolist()}")
    buffer, kind = table.number(2, "u4"), table.number(1, "i1")
    if buffer >= max(1, len(buffers)):
        raise TfliteError(f"damaged: tensor {number} has buffer {buffer} of {len(buffers)}")
    scales, zeros = np.zeros(0, np.float32), np.zeros(0, np.int64)
    quantised = table.table(4)
    if quantised is not None:
        scales, zeros = quantised.array(2, "f4"), quantised.array(3, "i8")
    data = buffers[buffer].array(0, "u1") if buffers else np.zeros(0, np.uint8)
    return Tensor(
        number, table.text(3), tuple(shape.tolist()), TYPES.get(kind, f"type {kind}"), scales, zeros, data
    )
