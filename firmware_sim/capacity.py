"""How many rows, labels and questions of a model a board has room for.

Capacities are fields of the model image, and the build takes its sizes from them. RAM grows with rows
and pending questions, the log's bank in flash with labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from firmware_sim import DEFAULT_BOARD
from firmware_sim.board_spec import SLOTS, spec_of
from odl.core.image import Image
from odl.core.image_layout import ImageError
from odl.core.state import log_dtype, state_dtype_of

STACK: Final = 1536  # bytes, for up to 20 rows
_STACK_ROWS: Final = 20
_STACK_PER_ROW: Final = 24  # arrays of a row each in nested calls: logits, probabilities, scores, numbers
OTHER_RAM: Final = 2048  # the link's buffers, the sensor's, settings; rounded up
_LOG_HEADER: Final = 32  # bytes, and beside each entry, as log.c has them
_LOG_SEAL: Final = 8
_LOG_SPARE: Final = 16  # places that power cuts may spoil, and labels that gave way


def stack_of(image: Image) -> int:
    """Bytes of stack for a firmware of ``image``: it grows with the rows.

    >>> from odl.data.streams import load_model
    >>> stack_of(load_model("shoulder"))
    1536
    """
    return STACK + _STACK_PER_ROW * max(0, image.max_rows - _STACK_ROWS)


def ram_of(image: Image) -> int:
    """Bytes of RAM that depend on the capacities: state block, places of the log's entries, stack."""
    return state_dtype_of(image).itemsize + 2 * image.max_log + stack_of(image)


def on_board(image: Image, board: str = DEFAULT_BOARD) -> str:
    """Whether state, image and log of ``image`` have room on ``board``, in a sentence.

    >>> from odl.data.streams import load_model
    >>> on_board(load_model("shoulder")).split(":")[0]
    'fits a NUCLEO-F401RE'
    """
    spec = spec_of(board)
    ram, slot = spec.memory.ram_size, spec.places[SLOTS[0]][1]
    needs = ram_of(image) + OTHER_RAM, len(image.to_bytes())
    much = []
    if needs[0] > ram:
        much.append(f"about {needs[0]} bytes of RAM, and there are {ram}")
    if needs[1] > slot:
        much.append(f"a model image of {needs[1]} bytes, and there is room for {slot}")
    if (labels := most_labels(image, spec.log_bank)) < image.max_log:
        much.append(f"a log of {image.max_log} labels, and there is room for {labels}")
    if much:
        return f"does not fit a {spec.title}: it needs {'; '.join(much)}"
    return f"fits a {spec.title}: about {needs[0]} bytes of RAM, {needs[1]} of flash beside the code"


def most_labels(image: Image, bank: int) -> int:
    """Labels for which a bank of flash of ``bank`` bytes has room.

    >>> from odl.data.streams import load_model
    >>> most_labels(load_model("shoulder"), 0xC000)
    203
    """
    return (bank - _LOG_HEADER) // (log_dtype(image.features).itemsize + _LOG_SEAL) - _LOG_SPARE


def most_rows(image: Image, spare: int) -> int:
    """Rows for which there is room if ``spare`` bytes of RAM are left; less than 0 bytes takes rows away.

    >>> from odl.data.streams import load_model
    >>> most_rows(load_model("shoulder"), 10 * 2 * 772)
    29
    """
    now = ram_of(image)
    fitting = [other.max_rows for other in _other_rows(image) if ram_of(other) - now <= spare]
    return max(fitting, default=0)


def _other_rows(image: Image) -> Iterator[Image]:
    for rows in range(len(image.row_class), 256):
        other = replace(image, max_rows=rows)
        try:
            other.check()
        except ImageError:
            return  # more than any image may have
        yield other
