"""Memory of a learner on a board, from its layout there."""

from __future__ import annotations

from odl.core.image import Image
from odl.core.state import log_dtype, state_dtype_of

_REFIT = ("next", "next_active", "items", "touched", "epoch", "place", "n_items", "refit_generator")


def memory_of(image: Image) -> dict[str, int]:
    """Bytes by part: RAM from the state block's fields, flash from the image and the log.

    Stack, serial buffers and code are not included.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> memory = memory_of(Image.from_bytes(model_bytes("shoulder")))
    >>> sum(memory[part] for part in memory if part.startswith("RAM: ")) == memory["RAM in all"]
    True
    """
    parts = {"RAM: heads": 0, "RAM: refit": 0, "RAM: open questions": 0, "RAM: extractor": 0}
    dtype = state_dtype_of(image)
    for name in dtype.names or ():
        field = dtype[name]
        if name.startswith("ask_"):
            parts["RAM: open questions"] += field.itemsize
        elif name.startswith(("weights", "row_", "head_")):
            parts["RAM: heads"] += field.itemsize
        elif name in _REFIT:
            parts["RAM: refit"] += field.itemsize
        elif name in ("ring", "taps", "fill"):
            parts["RAM: extractor"] += field.itemsize
    parts["RAM: segment, policy, budget, counters"] = dtype.itemsize - sum(parts.values())
    parts["RAM in all"] = dtype.itemsize
    parts["Flash: model image"] = len(image.to_bytes())
    parts["Flash: label log"] = image.max_log * log_dtype(image.features).itemsize
    return parts
