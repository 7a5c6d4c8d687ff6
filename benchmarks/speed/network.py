"""A model image's extractor as a .tflite file, and the same network spelled out.

A .tflite file holds scales in float32, from which an interpreter works out the 31-bit multipliers. So the
image is first given the multipliers that its float32 scales lead to: `same_network` and the file are then
one network, weight by weight. What is left is rounding. This project rounds once (`docs/arithmetic.md`),
LiteRT's built-in kernels twice, XNNPACK in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray

from odl.core.image import Image

SCALE = np.float32(1 / 16)  # of every activation; any would do, only ratios count


def float_scales(image: Image) -> list[NDArray[np.float32]]:
    """The scale of each layer's weights, by output channel."""
    return [(x.mults / 2.0 ** x.shifts.astype(float)).astype(np.float32) for x in image.layers]


def same_network(image: Image) -> Image:
    """``image`` with the multipliers that its scales in float32 lead to."""
    layers = []
    for layer, scales in zip(image.layers, float_scales(image), strict=True):
        fraction, exponent = np.frexp(scales.astype(float))
        mults, shifts = np.rint(fraction * 2**31).astype(np.int64), 31 - exponent
        layers.append(replace(layer, mults=mults.astype(np.int32), shifts=shifts.astype(np.uint8)))
    return replace(image, layers=tuple(layers))


def convolved(image: Image, windows: NDArray[np.int16], roundings: int) -> NDArray[np.int64]:
    """The last layer's outputs (n, positions, channels), rounded once or twice at each layer."""
    x = windows.astype(np.int64)
    for layer in image.layers:
        out, kernel, _ = layer.weights.shape
        places = np.arange(0, x.shape[1] - kernel + 1, layer.stride)[:, None] + np.arange(kernel)
        weights = layer.weights.reshape(out, -1).astype(float)  # exact: sums stay below 2**31
        acc = (x[:, places].reshape(len(x), len(places), -1).astype(float) @ weights.T).astype(np.int64)
        acc = np.maximum(acc + layer.biases, 0) * layer.mults.astype(np.int64)
        shift = layer.shifts.astype(np.int64)
        if roundings == 2:
            acc, shift = (acc + 2**30) >> 31, shift - 31
        x = np.minimum((acc + ((np.int64(1) << shift) >> 1)) >> shift, 255)
    return x


def pooled(outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Features (n, 3 * channels) from the last layer's outputs."""
    half = outputs.shape[1] // 2
    means = [
        (part.sum(1) + part.shape[1] // 2) // part.shape[1] for part in np.split(outputs, [half], axis=1)
    ]
    return np.concatenate([*means, outputs.max(1)], axis=1)


@dataclass
class _Writer:
    """A .tflite model under construction."""

    model: Any
    graph: Any

    def tensor(self, shape: tuple[int, ...], kind: int, scales: Any = None, zero: int = 0,
               data: NDArray[Any] | None = None) -> int:  # fmt: skip
        """Add a tensor, with ``data`` if it is constant; return its number."""
        tensor = tfl.TensorT(shape=list(shape), type=kind, name=str(len(self.graph.tensors)))
        if scales is not None:
            values = np.atleast_1d(np.asarray(scales, np.float32)).tolist()
            tensor.quantization = tfl.QuantizationParametersT(scale=values, zeroPoint=[zero] * len(values))
        if data is not None:
            tensor.buffer = len(self.model.buffers)
            raw = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(tfl.BufferT(data=raw))
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def activation(self, length: int, channels: int) -> int:
        """A tensor for uint8 values q, which TFLite stores as int8 q - 128."""
        return self.tensor((1, length, 1, channels), tfl.TensorType.INT8, SCALE, -128)

    def constant(self, values: list[int]) -> int:
        return self.tensor((len(values),), tfl.TensorType.INT32, data=np.array(values, np.int32))

    def operator(self, code: int, version: int, inputs: list[int], output: int, options: Any = None) -> None:
        """Add an operator; its options are named after their class."""
        known = [(x.builtinCode, x.version) for x in self.model.operatorCodes]
        if (code, version) not in known:
            known.append((code, version))
            self.model.operatorCodes.append(
                tfl.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=version)
            )
        made = tfl.OperatorT(opcodeIndex=known.index((code, version)), inputs=inputs, outputs=[output])
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            made.builtinOptionsType, made.builtinOptions = getattr(tfl.BuiltinOptions, kind), options
        self.graph.operators.append(made)


def tflite_of(image: Image, pool: bool) -> bytes:
    """The extractor as a .tflite file: int8 windows (1, window, 1, channels) to int8 outputs.

    With ``pool`` the outputs are features (1, 1, 1, 3 * channels), otherwise what the last convolution
    says. Outputs are the image's less 128.
    """
    graph = tfl.SubGraphT(tensors=[], operators=[], name="extractor")
    model = tfl.ModelT(version=3, operatorCodes=[], subgraphs=[graph], buffers=[tfl.BufferT()])
    make, op = _Writer(model, graph), tfl.BuiltinOperator
    length, channels = image.window, len(image.channels)
    x = make.tensor((1, length, 1, channels), tfl.TensorType.INT8, SCALE)
    graph.inputs = [x]
    for layer, scales in zip(image.layers, float_scales(image), strict=True):
        out, kernel, cin = layer.weights.shape
        weights = make.tensor((out, kernel, 1, cin), tfl.TensorType.INT8, scales,
                              data=layer.weights.astype(np.int8))  # fmt: skip
        biases = make.tensor((out,), tfl.TensorType.INT32, SCALE * scales,
                             data=layer.biases.astype(np.int32))  # fmt: skip
        length, channels = (length - kernel) // layer.stride + 1, out
        y = make.activation(length, channels)
        make.operator(op.CONV_2D, 3, [x, weights, biases], y, tfl.Conv2DOptionsT(
            padding=tfl.Padding.VALID, strideH=layer.stride, strideW=1, dilationHFactor=1, dilationWFactor=1,
            fusedActivationFunction=tfl.ActivationFunctionType.RELU))  # fmt: skip
        x = y
    if pool:
        x = _pool(make, x, length, channels)
    graph.outputs = [x]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _pool(make: _Writer, x: int, length: int, channels: int) -> int:
    """Means of the two halves and the maximum, joined."""
    op, half, parts = tfl.BuiltinOperator, length // 2, []
    axes = make.constant([1, 2])
    for first, size in ((0, half), (half, length - half)):
        piece, mean = make.activation(size, channels), make.activation(1, channels)
        begin, sizes = make.constant([0, first, 0, 0]), make.constant([-1, size, 1, channels])
        make.operator(op.SLICE, 2, [x, begin, sizes], piece, tfl.SliceOptionsT())
        make.operator(op.MEAN, 2, [piece, axes], mean, tfl.ReducerOptionsT(keepDims=True))
        parts.append(mean)
    top = make.activation(1, channels)
    make.operator(op.MAX_POOL_2D, 2, [x], top, tfl.Pool2DOptionsT(
        padding=tfl.Padding.VALID, strideH=1, strideW=1, filterHeight=length, filterWidth=1))  # fmt: skip
    joined = make.activation(1, 3 * channels)
    make.operator(op.CONCATENATION, 2, [*parts, top], joined, tfl.ConcatenationOptionsT(axis=3))
    return joined
