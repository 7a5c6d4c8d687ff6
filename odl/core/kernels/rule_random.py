"""Random: draw exactly as many windows as the budget has questions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import ALLOWED, GENERATOR, ISSUED, Block
from odl.core.kernels.generator import below, next_state
from odl.core.kernels.jit import Int, late
from odl.core.kernels.rules import Rule


@late(Rule.RANDOM)
def random(
    s: Block, features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether selection sampling picks this window: a chance of questions left in windows left."""
    generator = next_state(np.uint64(s.q[GENERATOR]))
    s.q[GENERATOR] = np.int64(generator)
    return below(generator, left) < s.q[ALLOWED] - s.q[ISSUED]
