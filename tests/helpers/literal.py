"""The extractor as a board runs it, sample by sample, on the state block.

In plain Python, after `firmware_sim/core/extract.c`. What the kernels leave in the state block after any
block of samples is held to it, byte for byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.image_layout import REACHING, Op
from odl.core.state import Count
from tests.helpers import reference
from tests.helpers.images import layers_of


class Literal:
    """A state block, and what a sample does to it."""

    def __init__(self, image: Image, scaling: Scaling, state: NDArray[Any]) -> None:
        self.image, self.state = image, state
        self.scaling = list(zip(*scaling, strict=True))
        self.layers = layers_of(image)

    def push(self, sample: list[int]) -> None:
        """Take one sample of raw counts."""
        s = self.state[0]
        x, clamped = reference.scale_sample(sample, self.scaling)
        s["counts"][Count.SATURATED] += clamped
        s["position"] += 1
        s["phase"] += 1
        first, more = 0, 128
        made: list[list[int] | None] = []
        here: list[int] | None = x
        for n, layer in enumerate(self.image.layers):
            kernel, cin = layer.kernel, layer.inputs
            taps = s["taps"][first : first + kernel * cin].reshape(kernel, cin)
            first += kernel * cin
            if layer.op in REACHING:
                here = self._joined(n, taps, made, here)
                made.append(here)
                continue
            if here is None:
                made.append(None)
                continue
            x = here
            taps[s["fill"][n]] = x
            s["fill"][n] += 1
            if s["fill"][n] < kernel:
                here = None
                made.append(None)
                continue
            if layer.op == Op.WINDOW:
                x = reference.extract(self.layers, taps.tolist())
            else:
                x = outputs(layer, taps.reshape(-1), more)
            taps[: kernel - layer.stride] = taps[layer.stride :].copy()
            s["fill"][n] = kernel - layer.stride
            here, more = x, 0
            made.append(x)
            if layer.op == Op.WINDOW:
                break
        if here is None:
            return
        x = here
        s["ring"][s["ring_at"]] = x
        s["ring_at"] = (s["ring_at"] + 1) % self.image.positions
        s["ring_n"] = min(self.image.positions, s["ring_n"] + 1)

    def _joined(
        self, n: int, taps: Any, made: list[list[int] | None], here: list[int] | None
    ) -> list[int] | None:
        """What layer ``n`` makes of an earlier one's outputs and of the layer's before, if they are there."""
        other = made[n - self.image.layers[n].back]
        if other is None:
            return None
        taps[0, : len(other)] = other
        if len(taps) == 1:
            return other
        assert here is not None  # both come with the same sample
        taps[1, : len(here)] = here
        return self.layers[n].joined(other, here)

    def gap(self, lost: int) -> None:
        """Samples that never came."""
        s = self.state[0]
        s["position"] += lost
        s["phase"] = 0
        s["segment"] += 1
        s["held"], s["held_said"], s["age"], s["n_sum"] = 255, 255, 0, 0
        s["ring_at"], s["ring_n"], s["fill"] = 0, 0, 0
        s["counts"][Count.GAPS] += 1


def outputs(layer: Any, taps: NDArray[np.integer[Any]], more: int = 0) -> list[int]:
    """One position's outputs; for ReLU in int64, which holds every product (`requantise_relu_u8`)."""
    if layer.op != Op.CONV:
        weights = layer.weights.tolist()
        facts = (layer.biases.tolist(), layer.mults.tolist(), layer.shifts.tolist())
        of = reference.Layer(weights, *facts, 1, layer.op.name, layer.zero)
        return of.output(taps.tolist(), more)
    acc = layer.weights.reshape(len(layer.biases), -1).astype(np.int64) @ taps.astype(np.int64) + layer.biases
    shift = layer.shifts.astype(np.int64)
    half = np.int64(1) << (shift - 1)
    return list(np.minimum(255, (np.maximum(acc, 0) * layer.mults.astype(np.int64) + half) >> shift).tolist())
