"""What each layer's outputs span, and how many wait where two branches of layers meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from odl.core.image_layout import REACHING, Op
from odl.core.layer import Layer


class LayerSpan(NamedTuple):
    """What a layer's outputs come from."""

    receptive: int  # inputs of the first layer that an output depends on
    stride: int  # such inputs from an output to the next
    length: int  # outputs for one window


def spans(layers: Sequence[Layer], window: int) -> list[LayerSpan]:
    """The span of each layer's outputs; behind a layer WINDOW, within the window.

    A length below 1 says that the window is too short.
    """
    found = [LayerSpan(1, 1, window)]
    for i, layer in enumerate(layers):
        receptive, stride, length = found[-1]
        if layer.op == Op.BRANCH:
            found.append(found[i + 1 - layer.back])
        elif layer.op in (*REACHING, Op.WINDOW):
            found.append(found[-1])
        else:
            length = (length + layer.left + layer.right - layer.kernel) // layer.stride + 1
            receptive += (layer.kernel - 1) * stride
            found.append(LayerSpan(receptive, stride * layer.stride, length))
    return found[1:]


def waiting(layers: Sequence[Layer], window: int) -> list[int]:
    """For each layer that reaches back, how many inputs wait at most on a board; 1 for all others.

    On a stream both inputs of ADD and CONCAT come with the same sample. Where a window is taken whole, its
    samples go through the layers one by one and then the padding behind them, layer by layer, so
    the branch with less of that is ahead.
    """
    whole = layers[0].op == Op.WINDOW
    if not whole:
        return [2 if layer.op in (Op.ADD, Op.CONCAT) else 1 for layer in layers]
    beside = np.cumsum([window, *(layer.right for layer in layers)])
    ticks = np.arange(1, beside[-1] + 1)
    given, most = [np.minimum(ticks, window)], [1]
    for i, layer in enumerate(layers[1:], 1):
        before, other = given[-1], given[i - max(1, layer.back)]
        if layer.op == Op.BRANCH:
            given.append(other)
        elif layer.op in REACHING:
            given.append(np.minimum(before, other))
            gone = np.concatenate([[0], given[-1][:-1]])
            most.append(int((before + other - 2 * gone).max()))
        else:
            arrived = layer.left + before + np.clip(ticks - beside[i], 0, layer.right)
            given.append(np.maximum(0, (arrived - layer.kernel) // layer.stride + 1))
        if len(most) < len(given):
            most.append(1)
    return most
