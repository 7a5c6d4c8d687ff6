"""One head of Dendron for any uint8 features, without an extractor: what the estimators are made of."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import memory_for
from odl.core.image import ROOT
from odl.core.kernels.block import WEIGHTS, Memory
from odl.core.kernels.command import command
from odl.core.kernels.heads import MAX_ROWS, products
from odl.core.kernels.net import Act, Net
from odl.core.rng import seed_of
from odl.core.state import Entry, state_dtype

WIDTH = 192  # features are padded with zeros to this or a double of it, so that there are few layouts
LONGEST = 64  # largest width, in multiples of WIDTH
MOST_SAMPLES = 65000  # a refit numbers its items with 16 bits
FORMAT = 20  # fractional bits of the logits
# Sizes of the shipped image, whose extractor is missing here.
_LAYOUT = {"positions": 27, "outputs": 64, "taps": 206, "layers": 0, "max_heads": 8, "max_rows": MAX_ROWS,
           "max_pending": 8}  # fmt: skip
_ABSENT: dict[str, Any] = {
    "weights": np.int16, "biases": np.int32, "mults": np.int32, "shifts": np.uint8,
    "scale_mult": np.int32, "scale_shift": np.uint8, "scale_offset": np.int16, "owners": np.uint8,
}  # fmt: skip


class IntegerHead:
    """A head of Dendron, fitted to a list of samples with the kernel that refits a session's heads.

    Parameters
    ----------
    classes : int
        2 to 64.
    epochs : int
        Passes over all samples.
    rate_shift : int, optional
        A gradient step is ``error * feature / 2**rate_shift``, 1 to 24. Default: the shift with which
        one step changes the logit of a typical sample by about its error.
    seed : int
        Seed of the order in which samples are learned.

    Examples
    --------
    >>> x = np.zeros((4, WIDTH), np.uint8)
    >>> x[2:, 0] = 255
    >>> head = IntegerHead(2, epochs=16).fit(x, np.array([0, 0, 1, 1], np.uint8))
    >>> head.shares(x[[0, 3]]).argmax(axis=1).tolist()
    [0, 1]
    """

    def __init__(self, classes: int, epochs: int, rate_shift: int | None = None, seed: int = 0) -> None:
        self._classes, self._epochs, self._shift, self._seed = classes, epochs, rate_shift, seed

    def fit(self, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> Self:
        """Learn anew from ``x`` (n, width), n up to 65,000, and class numbers ``y`` (n,); see `padded_width`.

        Raises
        ------
        ValueError
            If there are more samples.
        """
        samples, width = x.shape
        if samples > MOST_SAMPLES:
            raise ValueError(f"{samples} samples; a head of integers learns from {MOST_SAMPLES} at most")
        size = 128.0**2 + float(np.square(x, dtype=np.float64).sum(axis=1).mean())
        own = int(np.clip(round(np.log2(size) + 15 - FORMAT), 1, 24))
        net = _net(self._classes, width, self._epochs, self._shift or own, self._seed)
        self._memory = memory_for(net, _state(width, samples + MAX_ROWS), samples)
        log = self._memory.log
        log["window"], log["kind"] = np.arange(samples), Entry.LABEL
        log["order"], log["cls"], log["features"] = 1 + np.arange(samples), y, x
        self._memory.state["n_log"] = samples
        command(self._memory.block, Act.REFIT, 0, 0, 0)
        return self

    def shares(self, x: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, classes) for ``x`` (n, width)."""
        block, scores = self._memory.block, np.zeros((len(x), MAX_ROWS), np.int64)
        weights = int(block.q[WEIGHTS])
        for features, own in zip(x, scores, strict=True):
            products(block, features, weights, self._classes, 1, own)
        shares = scores[:, : self._classes].astype(np.float64)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares


def padded_width(features: int) -> int:
    """``features`` rounded up to 192, 384, 768, ...

    Raises
    ------
    ValueError
        If there are more than 12,288.

    Examples
    --------
    >>> padded_width(3), padded_width(193)
    (192, 384)
    """
    width = WIDTH
    while width < features:
        width *= 2
    if width > LONGEST * WIDTH:
        raise ValueError(f"{features} features; at most {LONGEST * WIDTH} can be learned from")
    return width


def blank_memory(seed: int) -> Memory:
    """Memory of a session without a model, for a policy alone; its state has room for 8 questions."""
    return memory_for(_net(2, WIDTH, 1, 1, 0), _state(WIDTH, 1 + MAX_ROWS), 1, seed)


def _state(width: int, items: int) -> np.dtype[Any]:
    """The layout of a state block for features of ``width`` and so many items of a refit."""
    return state_dtype(features=width, items=items, **_LAYOUT)


def _net(classes: int, width: int, epochs: int, shift: int, seed: int) -> Net:
    """A net without an extractor: one task, a row of zeros for each class."""
    return Net(
        **{name: np.zeros(0, dtype) for name, dtype in _ABSENT.items()},
        plan=np.zeros((0, 7), np.int64),
        base=np.zeros((classes, width + 1), np.int32),
        row_class=np.arange(classes, dtype=np.uint8),
        row_head=np.zeros(classes, np.uint8),
        head_parent=np.array([ROOT], np.uint8),
        head_format=np.array([FORMAT], np.uint8),
        stored=np.zeros((0, width), np.uint8),
        learning=np.array([epochs, shift, 1, seed_of(seed), 1], np.uint64),
        window=1,
        hop=1,
    )
