"""Dendron's heads as a learner for use outside a session.

After Shalby and Roveri, "Dendron: Enhancing Human Activity Recognition with On-Device
TinyML Learning", IEEE CIES 2025; docs/methods.md says what is the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import WithMemory, memory_of, net_of
from odl.core.image import Image
from odl.core.kernels.command import command
from odl.core.kernels.grow import add_class, split
from odl.core.kernels.heads import row_of
from odl.core.kernels.log import append_label, remove_entry
from odl.core.kernels.net import Act
from odl.core.kernels.plain import plain
from odl.core.state import Entry


class Dendron(WithMemory):
    """A tree of small heads that learns in integers from few labels.

    The heads are a function of the image and the ordered label log. They are refitted from both after
    each batch; `forget` edits the log.

    Parameters
    ----------
    image : Image
        Heads to start from, stored vectors to replay, learning parameters, capacities.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> dendron = Dendron(Image.from_bytes(model_bytes("shoulder")))
    >>> x = dendron.image.stored[0]
    >>> dendron.add_class(at=0, cls=9, head=0, name="wave")
    True
    >>> dendron.learn_many(255 - x[None], [9], [0])
    >>> dendron.predict_one(255 - x)
    9
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self.memory = memory_of(image, net_of(image))

    def predict_one(self, x: NDArray[np.uint8]) -> int | None:
        """The leaf-most class of the path, or None."""
        path = self.scores_one(x).path
        return path[-1] if path else None

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """Append one batch to the log, in window order, and refit.

        Raises
        ------
        ValueError
            If a class is unknown, the log is full or the lengths differ; then nothing changes.
        """
        batch = list(zip(x, y, windows, strict=True))
        n = int(self.state["n_log"][0])
        if n + len(y) > len(self.log):
            raise ValueError(f"the label log holds {len(self.log)} entries; it is full")
        rows = [int(plain(row_of)(self.block, cls)) for cls in y]
        if min(rows, default=0) < 0:
            raise ValueError(f"class {y[rows.index(-1)]} is unknown; add it first")
        for features, cls, window in batch:
            append_label(self.block, window, self._next_order(), cls, np.ascontiguousarray(features))
        command(self.block, Act.REFIT, 0, 0, 0)

    def _next_order(self) -> int:
        self.state["answers"] += 1
        return int(self.state["answers"][0])

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """Add class ``cls`` to task ``head``; it can be predicted from its first label on."""
        text = np.frombuffer(name.encode(), np.uint8)
        return not plain(add_class)(self.block, at, cls, head, text, 0)

    def split(self, at: int, leaf: int, head: int) -> bool:
        """Add the empty task ``head`` under class ``leaf``."""
        return not plain(split)(self.block, at, leaf, head, 0)

    def forget(self, window: int) -> None:
        """Remove the label of ``window`` from the log and refit."""
        log = self.log[: int(self.state["n_log"][0])]
        found = np.flatnonzero((log["kind"] == Entry.LABEL) & (log["window"] == window))
        for place in reversed(found.tolist()):
            plain(remove_entry)(self.block, place)
        command(self.block, Act.REFIT, 0, 0, 0)

    def to_bytes(self) -> bytes:
        """Weights and tree as bytes of the state block."""
        return b"".join(
            self.state[name].tobytes()
            for name in ("weights", "n_rows", "row_class", "row_head", "row_active",
                         "n_heads", "head_parent", "head_format")
        )  # fmt: skip
