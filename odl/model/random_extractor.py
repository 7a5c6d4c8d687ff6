"""A model image whose extractor is random and frozen: the baseline that a trained extractor has to beat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from odl.core.image import Image, Layer
from odl.model.dendron import Dendron
from odl.model.features import features_of

_FULL = 99.9  # percentile of a layer's sums that becomes 255
_PER_CLASS = 12  # stored vectors of a class
_EPOCHS = 64  # of the heads' first fit


def with_random_extractor(
    image: Image, windows: NDArray[np.int8], classes: NDArray[np.int64], seed: int = 0
) -> Image:
    """``image`` with drawn weights in every layer, and heads fitted to its features.

    The weights of a layer are the trained ones in a random order, so that their distribution is the
    same; the multipliers are set so that the largest sums over ``windows`` become 255. The heads start from
    zero and learn up to twelve windows of each class as on the device; these become the stored vectors.

    Parameters
    ----------
    image : Image
    windows : int8 (n, window, channels)
        Input of people that may be trained on, on the image's scales.
    classes : int (n,)
        Class ids of the image.
    seed : int

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> rng = np.random.default_rng(0)
    >>> windows = rng.integers(-50, 50, (20, 128, 6)).astype(np.int8)
    >>> drawn = with_random_extractor(image, windows, np.repeat([0, 1], 10))
    >>> drawn.layers[0].weights.shape == image.layers[0].weights.shape, len(drawn.stored)
    (True, 20)
    """
    rng = np.random.default_rng(seed)
    layers, x = [], windows.astype(np.float64)
    for layer in image.layers:
        weights = rng.permutation(layer.weights.ravel()).reshape(layer.weights.shape)
        pieces: Any = sliding_window_view(x, weights.shape[1], axis=1)  # type: ignore[misc]  # numpy's stubs
        sums = np.einsum("ntck,okc->nto", pieces[:, :: layer.stride], weights)
        share = 255 / max(256.0, float(np.percentile(sums, _FULL)))
        shift = 30 - int(np.floor(np.log2(share)))
        outputs = len(weights)
        mult = min(2**31 - 1, max(2**30, round(share * 2.0**shift)))
        layers.append(
            Layer(weights, np.zeros(outputs, np.int32), np.full(outputs, mult, np.int32),
                  np.full(outputs, shift, np.uint8), layer.stride)
        )  # fmt: skip
        x = np.clip(np.round(sums * share), 0, 255)
    known = [rng.permutation(np.flatnonzero(classes == cls))[:_PER_CLASS] for cls in np.unique(classes)]
    chosen = np.array([row[i] for i in range(_PER_CLASS) for row in known if i < len(row)])
    blank = replace(
        image, layers=tuple(layers), base=np.zeros_like(image.base),
        stored=np.zeros((0, image.features), np.uint8), owners=np.zeros(0, np.uint8),
    )  # fmt: skip
    features, owners = features_of(blank, windows[chosen].astype(np.int16)), classes[chosen]
    order = np.argsort(owners, kind="stable")
    dendron = Dendron(replace(blank, epochs=_EPOCHS))
    room = len(dendron.log)
    dendron.learn_many(features[:room], owners[:room].tolist(), range(min(room, len(owners))))
    rows = len(image.row_class)
    base = dendron.state["weights"][0, :rows, : image.features + 1].astype(image.base.dtype)
    return replace(blank, base=base, stored=features[order], owners=owners[order].astype(np.uint8))
