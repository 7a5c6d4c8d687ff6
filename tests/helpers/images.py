"""Small model images with random weights, for tests that need an image and not a good one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.image_layout import REACHING, WEIGHTLESS, Op
from odl.core.layer import numbers_of
from odl.core.layer_spans import waiting
from tests.helpers import reference


def random_image(seed: int = 0, *, tree: bool = False, **changes: object) -> Image:
    """Three channels, two layers (total stride 4), window 40, hop 8; two or three tasks."""
    draw = np.random.default_rng(seed)

    def layer(out: int, kernel: int, cin: int, stride: int, gain: int) -> Layer:
        return Layer(
            draw.integers(-127, 128, (out, kernel, cin)).astype(np.int8),
            draw.integers(-3000, 3000, out).astype(np.int32),
            draw.integers(2**30, 2**31, out).astype(np.int32),
            np.full(out, 31 + gain, np.uint8),
            stride,
        )

    layers = (layer(6, 5, 3, 2, 8), layer(8, 3, 6, 2, 9))
    names = {0: "sit", 1: "walk", 2: "run"}
    parents, heads = [ROOT], [0, 0, 0]
    if tree:
        names |= {3: "up", 4: "down"}
        parents, heads = [ROOT, 1], [0, 0, 0, 1, 1]
    rows = len(names)
    values: dict[str, object] = {
        "channels": tuple(Channel(n, "g", 1 / 32) for n in ("ax", "ay", "az")),
        "rate_hz": 50.0,
        "window": 40,
        "hop": 8,
        "layers": layers,
        "parents": np.array(parents, np.uint8),
        "formats": np.full(len(parents), 20, np.uint8),
        "row_class": np.arange(rows, dtype=np.uint8),
        "row_head": np.array(heads, np.uint8),
        "base": draw.integers(-9000, 9000, (rows, 25)).astype(np.int32),
        "stored": draw.integers(0, 256, (3 * rows, 24)).astype(np.uint8),
        "owners": np.repeat(np.arange(rows, dtype=np.uint8), 3),
        "names": names,
        "epochs": 2,
        "rate_shift": 12,
        "seed": 7,
        "max_pending": 6,
        "max_rows": 8,
        "max_heads": 4,
        "max_log": 40,
        "card": {"made": "for tests"},
    }
    return Image(**(values | changes))  # type: ignore[arg-type]


def layers_of(image: Image) -> list[reference.Layer]:
    """The image's extractor, for the plain references."""
    return [
        reference.Layer(
            x.weights.tolist(), x.biases.tolist(), x.mults.tolist(), x.shifts.tolist(), x.stride,
            x.op.name, x.zero, x.left, x.right, x.back,
        )
        for x in image.layers
    ]  # fmt: skip


# Operation, outputs, kernel, stride and padding of each layer; where one reaches back, its first padding says
# how far.
STREAMED = (
    (Op.TABLE, 3, 1, 1, 0, 0), (Op.CONV_TWICE, 6, 5, 2, 0, 0), (Op.DEPTHWISE, 6, 3, 1, 0, 0),
    (Op.BRANCH, 6, 1, 1, 2, 0), (Op.DENSE, 6, 3, 1, 0, 0), (Op.ADD, 6, 2, 1, 3, 0),
    (Op.CONCAT, 12, 2, 1, 2, 0), (Op.MAX, 12, 2, 2, 0, 0), (Op.CONV, 8, 1, 1, 0, 0),
    (Op.AVERAGE, 8, 8, 2, 0, 0), (Op.DENSE, 24, 1, 1, 0, 0),
)  # fmt: skip
WHOLE = (
    (Op.WINDOW, 3, 40, 8, 0, 0), (Op.CONV_TWICE, 6, 5, 2, 2, 2), (Op.DEPTHWISE, 6, 3, 1, 1, 1),
    (Op.AVERAGE, 6, 5, 1, 2, 2), (Op.ADD, 6, 4, 1, 2, 0), (Op.BRANCH, 6, 1, 1, 3, 0),
    (Op.CONV_TWICE, 4, 7, 1, 3, 3), (Op.CONCAT, 10, 4, 1, 3, 0), (Op.MAX, 10, 3, 2, 0, 1),
    (Op.TABLE, 10, 1, 1, 0, 0), (Op.AVERAGE, 10, 2, 2, 0, 0), (Op.DENSE, 24, 5, 1, 0, 0),
)  # fmt: skip


def operated_image(seed: int = 0, whole: bool = False, **changes: object) -> Image:
    """As `random_image`, with every operation in its layers: streamed, or over ``whole`` windows."""
    draw, channels, layers = np.random.default_rng(seed), 3, []
    for op, out, kernel, stride, left, right in WHOLE if whole else STREAMED:
        per = 0 if op in WEIGHTLESS else {Op.DEPTHWISE: 1, Op.TABLE: 256}.get(op, channels)
        weights = draw.integers(-127, 128, (out, kernel, per)).astype(np.int8)
        some = numbers_of(op, out)
        back, left = (left, 0) if op in REACHING else (0, left)
        zero = 0 if op == Op.CONV else int(draw.integers(0, 256)) if op != Op.DENSE else 100
        low, high = (0, 256) if op == Op.ADD else (-3000, 3000)
        layers.append(
            Layer(
                weights, draw.integers(low, high, some).astype(np.int32),
                draw.integers(2**30, 2**31, some).astype(np.int32),
                np.full(some, 37 + int(np.log2(kernel * max(1, per))), np.uint8) - (3 if op == Op.ADD else 0),
                stride, op, zero, left, right, 1, back,
            )
        )  # fmt: skip
        channels = out
    for i, most in enumerate(waiting(layers, 40)):
        if layers[i].op in REACHING:
            layers[i] = replace(layers[i], weights=np.zeros((layers[i].outputs, most, 0), np.int8))
    return random_image(seed, **({"layers": tuple(layers)} | changes))  # type: ignore[arg-type]
