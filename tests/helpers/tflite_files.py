"""Write small .tflite files: int8 networks with drawn weights, by the schema's field numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

CODES = {
    "ADD": 0, "AVERAGE_POOL_2D": 1, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "DEQUANTIZE": 6,
    "FULLY_CONNECTED": 9, "LOGISTIC": 14, "MAX_POOL_2D": 17, "MUL": 18, "RELU": 19, "RELU6": 21,
    "RESHAPE": 22, "SOFTMAX": 25, "TANH": 28, "PAD": 34, "EXP": 47, "TRANSPOSE": 39, "MEAN": 40, "SUB": 41,
    "BATCH_TO_SPACE_ND": 37, "SPACE_TO_BATCH_ND": 38, "STRIDED_SLICE": 45, "SLICE": 65,
    "PRELU": 54, "EXPAND_DIMS": 70, "SHAPE": 77, "REDUCE_MAX": 82, "PACK": 83, "LEAKY_RELU": 98,
    "QUANTIZE": 114, "HARD_SWISH": 117, "GELU": 150,
}  # fmt: skip
# What is not named here has version 2.
VERSIONS = {
    "SLICE": 2,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "SHAPE": 1,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "RESHAPE": 1,
    "EXPAND_DIMS": 1,
}
# Number in the union of options, and the fields of each option: place and kind.
OPTIONS: dict[str, tuple[int, dict[str, tuple[int, str]]]] = {
    "CONV_2D": (1, {"padding": (0, "i1"), "stride_w": (1, "i4"), "stride_h": (2, "i4"),
                    "activation": (3, "i1"), "dilation_w": (4, "i4"), "dilation_h": (5, "i4")}),
    "DEPTHWISE_CONV_2D": (2, {"padding": (0, "i1"), "stride_w": (1, "i4"), "stride_h": (2, "i4"),
                              "multiplier": (3, "i4"), "activation": (4, "i1"), "dilation_w": (5, "i4"),
                              "dilation_h": (6, "i4")}),
    "MAX_POOL_2D": (5, {"padding": (0, "i1"), "stride_w": (1, "i4"), "stride_h": (2, "i4"),
                        "filter_w": (3, "i4"), "filter_h": (4, "i4"), "activation": (5, "i1")}),
    "FULLY_CONNECTED": (8, {"activation": (0, "i1"), "keep": (2, "i1")}),
    "SOFTMAX": (9, {"beta": (0, "f4")}),
    "CONCATENATION": (10, {"axis": (0, "i4"), "activation": (1, "i1")}),
    "STRIDED_SLICE": (32, {"begin": (0, "i4"), "end": (1, "i4"), "ellipsis": (2, "i4"), "new": (3, "i4"),
                           "shrink": (4, "i4")}),
    "GELU": (116, {"approximate": (0, "i1")}),
    "LEAKY_RELU": (75, {"alpha": (0, "f4")}), "SHAPE": (55, {"out_type": (0, "i1")}),
    "PACK": (59, {"count": (0, "i4"), "axis": (1, "i4")}),
    "ADD": (11, {"activation": (0, "i1")}),
    "MUL": (21, {"activation": (0, "i1")}),
    "SUB": (28, {"activation": (0, "i1")}),
    "RESHAPE": (17, {}),
    "MEAN": (27, {"keep_dims": (0, "i1")}),
}  # fmt: skip
OPTIONS["AVERAGE_POOL_2D"], OPTIONS["REDUCE_MAX"] = OPTIONS["MAX_POOL_2D"], OPTIONS["MEAN"]
KINDS = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}
SAME, VALID = 0, 1


def _scalar(b: Any, slot: int, kind: str, value: Any) -> None:
    name = {"i1": "Int8", "u1": "Uint8", "i4": "Int32", "u4": "Uint32", "f4": "Float32"}[kind]
    getattr(b, f"Prepend{name}Slot")(slot, value, 99 if value != 99 else 98)  # so that it is not left out


def _table(b: Any, fields: dict[int, Any]) -> Any:
    """A table of scalars, (kind, value), and of things written before, as they are."""
    b.StartObject(max(fields, default=-1) + 1)
    for slot, value in fields.items():
        if isinstance(value, tuple):
            _scalar(b, slot, *value)
        else:
            b.PrependUOffsetTRelativeSlot(slot, value, 0)
    return b.EndObject()


def _tables(b: Any, made: list[Any]) -> Any:
    b.StartVector(4, len(made), 4)
    for offset in reversed(made):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()


@dataclass
class File:
    """A network under construction: what comes next takes what came last."""

    shape: tuple[int, ...]
    scale: float = 0.05
    zero: int = 0
    seed: int = 0
    kind: str = "int8"
    tensors: list[tuple[Any, ...]] = field(default_factory=list)
    operators: list[tuple[str, list[int], int, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        none = self.kind == "float32"
        self.last = self.tensor(self.shape, self.kind, [] if none else [self.scale], self.zero)

    def tensor(self, shape: tuple[int, ...], kind: str = "int8", scales: Any = (), zero: int = 0,
               data: NDArray[Any] | None = None) -> int:  # fmt: skip
        """Add a tensor; return its number."""
        self.tensors.append((tuple(shape), kind, np.array(scales, np.float32), zero, data))
        return len(self.tensors) - 1

    def add(self, name: str, inputs: list[int], output: int, **options: Any) -> File:
        """Add an operator on the last tensor and ``inputs``."""
        self.operators.append((name, [self.last, *inputs], output, options))
        self.last = output
        return self

    @property
    def now(self) -> tuple[int, ...]:
        """The last tensor's shape."""
        return self.tensors[self.last][0]

    def _out(self, shape: tuple[int, ...], scale: float | None, zero: int | None) -> int:
        before = self.tensors[self.last]
        return self.tensor(
            shape, "int8", before[2] if scale is None else [scale], before[3] if zero is None else zero
        )

    def conv(self, out: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1), padding: int = VALID,
             activation: int = 1, scale: float | None = None, zero: int = -128,
             dilation: tuple[int, int] = (1, 1), depthwise: int = 0, groups: int = 1) -> File:  # fmt: skip
        """A convolution; ``depthwise`` outputs for each channel, if not 0."""
        _, height, width, cin = self.now
        out = cin * depthwise if depthwise else out
        size = (1, *kernel, out) if depthwise else (out, *kernel, cin // groups)
        scales = self.rng.uniform(0.002, 0.02, out).astype(np.float32)
        weights = self.rng.integers(-127, 128, size).astype(np.int8)
        w = self.tensor(size, "int8", scales, 0, weights)
        before = float(self.tensors[self.last][2][0])
        b = self.tensor(
            (out,), "int32", scales * before, 0, self.rng.integers(-3000, 3000, out).astype(np.int32)
        )
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        sides = zip((height, width), reach, stride, strict=True)
        rows = [-(-n // s) if padding == SAME else (n - r) // s + 1 for n, r, s in sides]
        n = kernel[0] * kernel[1] * (1 if depthwise else cin)
        to = self._out((1, *rows, out), 70 * 0.01 * before * n**0.5 if scale is None else scale, zero)
        options = {"padding": padding, "stride_w": stride[1], "stride_h": stride[0], "activation": activation,
                   "dilation_w": dilation[1], "dilation_h": dilation[0]}  # fmt: skip
        if depthwise:
            options["multiplier"] = depthwise
        return self.add("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [w, b], to, **options)

    def pool(self, name: str, kernel: int, stride: int, padding: int = VALID, axis: int = 1) -> File:
        """MAX or AVERAGE over time, which is ``axis``."""
        shape = list(self.now)
        n = shape[axis]
        shape[axis] = -(-n // stride) if padding == SAME else (n - kernel) // stride + 1
        sizes = (kernel, stride) if axis == 1 else (1, 1)
        across = (1, 1) if axis == 1 else (kernel, stride)
        to = self._out(tuple(shape), None, None)
        return self.add(f"{name}_POOL_2D", [], to, padding=padding, activation=0, filter_h=sizes[0],
                        filter_w=across[0], stride_h=sizes[1], stride_w=across[1])  # fmt: skip

    def dense(self, out: int, activation: int = 1, zero: int = -128, scale: float | None = None) -> File:
        """A fully connected layer, one scale for all weights."""
        n = int(np.prod(self.now[1:]))
        weights = self.rng.integers(-127, 128, (out, n)).astype(np.int8)
        w = self.tensor((out, n), "int8", [0.01], 0, weights)
        before = float(self.tensors[self.last][2][0])
        b = self.tensor(
            (out,), "int32", [0.01 * before], 0, self.rng.integers(-9000, 9000, out).astype(np.int32)
        )
        to = self._out((1, out), 70 * 0.01 * before * n**0.5 if scale is None else scale, zero)
        return self.add("FULLY_CONNECTED", [w, b], to, activation=activation)

    def reshape(self, *shape: int) -> File:
        """The same values in another shape."""
        return self.add("RESHAPE", [self.integers(list(shape))], self._out(shape, None, None))

    def transpose(self, *axes: int) -> File:
        """Axes in another order."""
        to = self._out(tuple(self.now[a] for a in axes), None, None)
        return self.add("TRANSPOSE", [self.integers(list(axes))], to)

    def reduce(self, name: str, axes: list[int], scale: float | None = None, zero: int | None = None) -> File:
        """MEAN or REDUCE_MAX over ``axes``."""
        shape = tuple(n for i, n in enumerate(self.now) if i not in axes)
        return self.add(name, [self.integers(axes)], self._out(shape, scale, zero), keep_dims=0)

    def pad(self, left: int, right: int) -> File:
        """Padding over axis 1."""
        shape = list(self.now)
        shape[1] += left + right
        pads = np.zeros((len(shape), 2), np.int32)
        pads[1] = left, right
        return self.add("PAD", [self.integers(pads.tolist())], self._out(tuple(shape), None, None))

    def each(self, name: str, scale: float, zero: int, most: int = 0) -> File:
        """An operator on each value; ``most``: with a constant of so many values, 1 or all channels."""
        inputs = []
        if most:
            values = self.rng.integers(-128, 128, most).astype(np.int8)
            shape = (most,) if most > 1 or self.rng.random() < 0.5 else ()
            scale_of, zero_of = self.rng.uniform(0.002, 0.05), int(self.rng.integers(-128, 128))
            inputs = [self.tensor(shape, "int8", [scale_of], zero_of, values)]
        options = {"activation": int(self.rng.choice([0, 0, 1, 3]))} if most else {}
        return self.add(name, inputs, self._out(self.now, scale, zero), **options)

    def take(self, number: int) -> File:
        """What comes next takes the tensor ``number``."""
        self.last = number
        return self

    def plus(self, other: int, scale: float | None = None, zero: int = -128, activation: int = 1) -> File:
        """The sum of the last tensor and ``other``."""
        inputs = [float(self.tensors[n][2][0]) for n in (self.last, other)]
        to = self._out(self.now, 1.3 * max(inputs) if scale is None else scale, zero)
        return self.add("ADD", [other], to, activation=activation)

    def beside(self, *others: int, axis: int = -1) -> File:
        """The last tensor and ``others`` one behind the other along ``axis``, brought to one scale first."""
        first, parts = self.last, []
        scale, zero = float(self.tensors[first][2][0]), self.tensors[first][3]
        for number in others:
            self.take(number)
            if (float(self.tensors[number][2][0]), self.tensors[number][3]) != (scale, zero):
                self.add("QUANTIZE", [], self._out(self.now, scale, zero))
            parts.append(self.last)
        shape = list(self.tensors[first][0])
        shape[axis] += sum(self.tensors[n][0][axis] for n in parts)
        self.take(first)
        return self.add("CONCATENATION", parts, self._out(tuple(shape), None, None), axis=axis, activation=0)

    def crop(self, first: int, last: int, name: str = "STRIDED_SLICE", step: int = 1) -> File:
        """Positions from ``first`` to ``last`` alone, over axis 1."""
        shape = list(self.now)
        begin, end = [0, first, *[0] * (len(shape) - 2)], [shape[0], last, *shape[2:]]
        shape[1] = len(range(first, last, step))
        if name == "SLICE":
            constants = [
                self.integers(begin),
                self.integers([e - b for b, e in zip(begin, end, strict=True)]),
            ]
            return self.add(name, constants, self._out(tuple(shape), None, None))
        constants = [
            self.integers(begin),
            self.integers(end),
            self.integers([1, step, *[1] * (len(shape) - 2)]),
        ]
        options = dict.fromkeys(("begin", "end", "ellipsis", "new", "shrink"), 0)
        return self.add(name, constants, self._out(tuple(shape), None, None), **options)

    def in_blocks(self, block: int, out: int, kernel: int, left: int = 0) -> File:
        """A dilated convolution over axis 1 of a tensor of three axes, as Keras' converter writes it."""
        _, time, channels = self.now
        padded = -(-(time + left) // block) * block
        pads = [[left, padded - time - left]]
        constants = [self.integers([block]), self.integers(pads)]
        self.add("SPACE_TO_BATCH_ND", constants, self._out((block, padded // block, channels), None, None))
        rows = padded // block
        self.add("RESHAPE", [self.integers([block, 1, rows, channels])],
                 self._out((block, 1, rows, channels), None, None))  # fmt: skip
        self.conv(out, (1, kernel))
        shape, scales, zero = (block, *self.now[1:]), self.tensors[self.last][2], self.tensors[self.last][3]
        self.tensors[self.last] = (shape, "int8", scales, zero, None)
        self.add(
            "RESHAPE", [self.integers([block, shape[2], out])], self._out((block, shape[2], out), None, None)
        )
        crops = [self.integers([block]), self.integers([[0, pads[0][1]]])]
        length = shape[2] * block - pads[0][1]
        return self.add("BATCH_TO_SPACE_ND", crops, self._out((1, length, out), None, None))

    def flat_at_run_time(self) -> File:
        """All positions behind each other, the shape worked out as Keras' converter has it worked out."""
        values, shape = self.last, self.now
        self.add("SHAPE", [], self.tensor((len(shape),), "int32"), out_type=2)
        ends = [self.integers([n]) for n in (0, 1, 1)]
        options = dict.fromkeys(("begin", "end", "ellipsis", "new"), 0)
        self.add("STRIDED_SLICE", ends, self.tensor((), "int32"), **options, shrink=1)
        size = int(np.prod(shape))
        whole = self.add("PACK", [self.integers(size)], self.tensor((2,), "int32"), count=2, axis=0).last
        self.take(values)
        return self.add("RESHAPE", [whole], self._out((1, size), None, None))

    def leaky(self, slope: float, scale: float, zero: int) -> File:
        """Values below zero times a slope."""
        return self.add("LEAKY_RELU", [], self._out(self.now, scale, zero), alpha=slope)

    def softmax(self, name: str = "SOFTMAX") -> File:
        """Probabilities."""
        options = {"beta": 1.0} if name == "SOFTMAX" else {}
        return self.add(name, [], self._out(self.now, 1 / 256, -128), **options)

    def integers(self, values: Any) -> int:
        """A constant of int32."""
        array = np.array(values, np.int32)
        return self.tensor(array.shape, "int32", data=array)

    def bytes(self) -> bytes:
        """The file."""
        b = flatbuffers.Builder(1024)
        empty = _table(b, {})
        buffers, tensors = [empty], []
        for number, (shape, kind, scales, zero, data) in enumerate(self.tensors):
            place = 0
            if data is not None:
                place = len(buffers)
                raw = b.CreateNumpyVector(np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8))
                buffers.append(_table(b, {0: raw}))
            fields: dict[int, Any] = {
                0: b.CreateNumpyVector(np.array(shape, np.int32)), 1: ("i1", KINDS[kind]), 2: ("u4", place),
                3: b.CreateString(f"t{number}"),
            }  # fmt: skip
            if len(scales):
                zeros = b.CreateNumpyVector(np.full(len(scales), zero, np.int64))
                quantised = {2: b.CreateNumpyVector(scales), 3: zeros}
                if len(scales) > 1:
                    quantised[6] = ("i4", 3 if shape[:1] == (1,) and len(shape) == 4 else 0)
                fields[4] = _table(b, quantised)
            tensors.append(_table(b, fields))
        names = sorted({name for name, *_ in self.operators})
        codes = [
            _table(b, {0: ("i1", min(127, CODES[n])), 2: ("i4", VERSIONS.get(n, 2)), 3: ("i4", CODES[n])})
            for n in names
        ]
        operators = []
        for name, inputs, output, options in self.operators:
            fields = {
                0: ("u4", names.index(name)), 1: b.CreateNumpyVector(np.array(inputs, np.int32)),
                2: b.CreateNumpyVector(np.array([output], np.int32)),
            }  # fmt: skip
            if name in OPTIONS:
                union, slots = OPTIONS[name]
                made = {slots[key][0]: (slots[key][1], value) for key, value in options.items()}
                fields |= {3: ("u1", union), 4: _table(b, made)}
            operators.append(_table(b, fields))
        ends = [b.CreateNumpyVector(np.array([n], np.int32)) for n in (0, self.last)]
        graph = _table(b, {0: _tables(b, tensors), 1: ends[0], 2: ends[1], 3: _tables(b, operators)})
        model = _table(
            b, {0: ("u4", 3), 1: _tables(b, codes), 2: _tables(b, [graph]), 4: _tables(b, buffers)}
        )
        b.Finish(model, file_identifier=b"TFL3")
        return bytes(b.Output())
