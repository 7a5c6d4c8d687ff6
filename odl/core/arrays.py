"""Convert a model image to the arrays that kernels read, and to a fresh state block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.kernels.block import POSITION, Block, Memory, new_memory
from odl.core.kernels.net import SETTINGS, Net, out_dtype
from odl.core.kernels.packing import PLAN_WORDS
from odl.core.kernels.score import score, uncertainty
from odl.core.protocols import Scores
from odl.core.state import init_state, log_dtype, state_dtype_of


def net_of(image: Image, scaling: Scaling | None = None) -> Net:
    """The image as flat arrays; without ``scaling`` the raw input must already be int8."""
    channels = len(image.channels)
    scaling = scaling or Scaling((1,) * channels, (0,) * channels, (0,) * channels)
    plan = np.zeros((len(image.layers), PLAN_WORDS), np.int64)
    at_w = at_c = at_t = 0
    for i, (row, layer) in enumerate(zip(plan, image.layers, strict=True)):
        signed = i == (1 if image.windowed else 0)
        row[:] = (
            layer.inputs, layer.outputs, layer.kernel, layer.stride, at_w, at_c, at_t,
            layer.op, layer.zero, layer.left, layer.right, signed, layer.back,
        )  # fmt: skip
        at_w, at_c, at_t = at_w + layer.weights.size, at_c + len(layer.biases), at_t + layer.taps
    return Net(
        plan=plan,
        weights=np.concatenate([x.weights.ravel() for x in image.layers]).astype(np.int16),
        biases=np.concatenate([x.biases for x in image.layers]).astype(np.int32),
        mults=np.concatenate([x.mults for x in image.layers]).astype(np.int32),
        shifts=np.concatenate([x.shifts for x in image.layers]).astype(np.uint8),
        scale_mult=np.array(scaling.mult, np.int32),
        scale_shift=np.array(scaling.shift, np.uint8),
        scale_offset=np.array(scaling.offset, np.int16),
        base=np.ascontiguousarray(image.base, np.int32),
        row_class=np.ascontiguousarray(image.row_class),
        row_head=np.ascontiguousarray(image.row_head),
        head_parent=np.ascontiguousarray(image.parents),
        head_format=np.ascontiguousarray(image.formats),
        stored=np.ascontiguousarray(image.stored),
        owners=np.ascontiguousarray(image.owners),
        learning=np.array(
            [image.epochs, image.rate_shift, image.imprint, image.seed, image.refit_items], np.uint64
        ),
        window=image.window,
        hop=image.hop,
    )


def memory_for(net: Net, state: np.dtype[Any], max_log: int, seed: int = 1) -> Memory:
    """Allocate memory with a state block of layout ``state`` and load the model's heads."""
    assert state.fields is not None
    shape = {name: state.fields[name][0].shape for name in state.fields}
    memory = new_memory(
        list(net[:-2]), net[-2:], state, log_dtype(shape["sums"][0]), max_log, SETTINGS,
        out_dtype(shape["head_parent"][0], shape["row_class"][0]),
    )  # fmt: skip
    init_state(memory.state, seed)
    heads, rows = len(net.head_parent), len(net.row_class)  # as the kernel load_base does
    fresh = memory.state[0]
    fresh["n_heads"], fresh["n_rows"] = heads, rows
    fresh["head_parent"][:heads], fresh["head_format"][:heads] = net.head_parent, net.head_format
    fresh["row_class"][:rows], fresh["row_head"][:rows] = net.row_class, net.row_head
    fresh["row_active"][:rows], fresh["weights"][:rows] = 1, net.base
    return memory


def memory_of(image: Image, net: Net, seed: int = 1) -> Memory:
    """Allocate memory for ``image``: its heads, an empty label log, no questions."""
    return memory_for(net, state_dtype_of(image), image.max_log, seed)


class WithMemory:
    """Base of classes that hold a session's memory; gives access to its parts by name."""

    memory: Memory

    @property
    def state(self) -> NDArray[Any]:
        """The state block, (1,)."""
        return self.memory.state

    @property
    def log(self) -> NDArray[Any]:
        """The label log."""
        return self.memory.log

    @property
    def position(self) -> int:
        """Samples consumed so far, gaps included."""
        return int(self.memory.block.q[POSITION])

    @property
    def block(self) -> Block:
        """The kernels' view of the same bytes."""
        return self.memory.block

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Path, class probabilities and uncertainty of the heads for one feature vector."""
        state = self.state[0]
        scores = np.zeros(state["row_class"].shape, np.uint16)
        path = np.full(state["head_parent"].shape, NO_CLASS, np.uint8)
        length = score(self.block, x, scores, path)
        rows = tuple(scores[: int(state["n_rows"])].tolist())
        return Scores(tuple(path[:length].tolist()), rows, int(uncertainty(self.block, scores)))
