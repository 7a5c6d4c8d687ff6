"""The byte form of a model image.

File, upload and flash section hold the same bytes: a fixed header, the arrays at the offsets
that it names (each aligned to 8), and at the end names and card as JSON. A CRC-32 covers
everything after the checksum field. Little-endian.

=========  ====================================================================
section    contents
=========  ====================================================================
header     ``HEADER``: sizes, capacities, learning parameters, section offsets
layers     ``LAYER`` each: channels, kernel, stride, operation (`Op`), padding
weights    int8, layer after layer, each (out, kernel, in) in C order; in is
           channels / outputs of a depthwise convolution; pooling has no weights
biases     int32, layer after layer, at scale s_in * s_w
mults      int32 in [2^30, 2^31), one per output channel of a layer with weights, three of ADD;
           from 2^29 on where `Op` is not CONV
shifts     uint8 in [31, 62], one per output channel
heads      ``HEAD`` per task: parent class (255: the root task), logit format, kind
rows       ``ROW`` per class row: class id, task
base       int32 (rows, features + 1): the trained heads; last column the bias
stored     uint8 (stored, features): vectors replayed while learning
owners     uint8 (stored): the class of each stored vector
card       JSON: class names, channels, rate, tree, training subjects, licence
=========  ====================================================================

``kind`` and the spare field are 0; other values, and operations that `Op` does not name, need a newer
odl. Images 1.x have none of these fields (`layout_of`) and are read as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.errors import OdlError

MAGIC = b"ODLM"
VERSION = (2, 0)
MOST_ROWS = 64  # classes and groups of an image

HEADER = np.dtype(
    [
        ("magic", "S4"),
        ("crc", "<u4"),  # over every byte after this field
        ("major", "u1"),
        ("minor", "u1"),
        ("header_size", "<u2"),
        ("total_size", "<u4"),
        ("channels", "u1"),
        ("n_layers", "u1"),
        ("n_heads", "u1"),
        ("n_rows", "u1"),
        ("max_heads", "u1"),
        ("max_rows", "u1"),
        ("max_pending", "u1"),
        ("epochs", "u1"),
        ("window", "<u2"),
        ("hop", "<u2"),
        ("features", "<u2"),
        ("n_stored", "<u2"),
        ("max_log", "<u2"),
        ("rate_shift", "u1"),  # learning step: (error * feature) >> rate_shift
        ("imprint", "u1"),  # weight of an imprinted row per step of a feature
        ("rate_mhz", "<u4"),  # sampling rate in millihertz
        ("seed", "<u8"),  # the learner's generator, never zero
        ("off_layers", "<u4"),
        ("off_weights", "<u4"),
        ("off_biases", "<u4"),
        ("off_mults", "<u4"),
        ("off_shifts", "<u4"),
        ("off_heads", "<u4"),
        ("off_rows", "<u4"),
        ("off_base", "<u4"),
        ("off_stored", "<u4"),
        ("off_owners", "<u4"),
        ("off_card", "<u4"),
        ("card_size", "<u4"),
    ]
)
LAYER = np.dtype(
    [
        ("cin", "<u2"),
        ("cout", "<u2"),
        ("kernel", "<u2"),
        ("stride", "<u2"),
        ("op", "u1"),  # `Op`
        ("zero", "u1"),  # the output that stands for a real 0
        ("left", "u1"),  # positions of padding before a window's first input; of `REACHING`: layers back
        ("right", "u1"),  # positions of padding behind a window's last input
    ]
)
HEAD = np.dtype(
    [
        ("parent", "u1"),
        ("format", "u1"),  # logits are integers / 2**format
        ("kind", "u1"),  # 0: softmax
        ("spare", "u1"),
    ]
)
ROW = np.dtype([("cls", "u1"), ("head", "u1")])
_SINCE_2 = ("op", "zero", "left", "right", "kind", "spare")


class Op(IntEnum):
    """What a layer computes for each position; docs/arithmetic.md specifies each."""

    CONV = 0  # convolution with ReLU, rounded once
    CONV_TWICE = 1  # convolution, rounded twice as TensorFlow Lite does, around a zero point
    DENSE = 2  # the same rounded once
    DEPTHWISE = 3  # each output from every outputs-th input alone, rounded twice
    MAX = 4  # the largest of such inputs
    AVERAGE = 5  # their rounded mean
    WINDOW = 6  # first of all: what follows runs on each window as a whole, with padding
    TABLE = 7  # each input looked up in its channel's table of 256 outputs, stored less 128
    BRANCH = 8  # the outputs of an earlier layer once more
    ADD = 9  # those of an earlier layer plus those of the layer before, around a zero point
    CONCAT = 10  # those of an earlier layer, then those of the layer before


NEWER = "of a kind that needs a newer odl"
REACHING = (Op.BRANCH, Op.ADD, Op.CONCAT)  # those that take the outputs of an earlier layer
WEIGHTLESS = (Op.MAX, Op.AVERAGE, Op.WINDOW, *REACHING)


class ImageError(OdlError, ValueError):
    """A model image cannot be used; the message says why."""


def require(condition: bool, source: str, what: str) -> None:
    """Raise `ImageError` about ``source`` unless ``condition`` holds."""
    if not condition:
        raise ImageError(f"{source}: {what}")


def join_sections(header: NDArray[Any], sections: Mapping[str, bytes]) -> bytes:
    """Complete ``header`` with version, offsets, sizes and checksum; return the whole image."""
    header["magic"], (header["major"], header["minor"]) = MAGIC, VERSION
    header["header_size"] = HEADER.itemsize
    body, offset = b"", HEADER.itemsize
    for name, data in sections.items():
        pad = -offset % 8
        body, offset = body + bytes(pad) + data, offset + pad
        header["off_" + name] = offset
        offset += len(data)
    header["card_size"], header["total_size"] = len(sections["card"]), offset
    rest = header.tobytes()[8:] + body
    return MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest


def read_header(data: bytes, source: str) -> Any:
    """Return the `HEADER` record of ``data``; its version, sizes and the checksum are checked."""
    require(data[:4] == MAGIC, source, "not an odl model image (it does not begin with ODLM)")
    require(len(data) >= HEADER.itemsize, source, f"cut short: {len(data)} bytes, no whole header")
    header = np.frombuffer(data[: HEADER.itemsize], HEADER)[0]
    version = f"{header['major']}.{header['minor']}"
    newer = f"image version {version} needs a newer odl; this one reads 1.x and {VERSION[0]}.x"
    require(1 <= int(header["major"]) <= VERSION[0], source, newer)
    total = int(header["total_size"])
    require(len(data) == total, source, f"{len(data)} bytes, but the header says {total}")
    crc, wanted = zlib.crc32(data[8:]), int(header["crc"])
    damage = f"checksum {crc:08x}, but the header says {wanted:08x}: the file is damaged"
    require(crc == wanted, source, damage)
    require(int(header["header_size"]) == HEADER.itemsize, source, "unknown header size")
    return header


def layout_of(major: int, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """`LAYER` or `HEAD` as an image of version ``major`` has it.

    >>> layout_of(1, HEAD).names
    ('parent', 'format')
    """
    assert dtype.descr and dtype.names
    return dtype if major > 1 else np.dtype([d for d in dtype.descr if d[0] not in _SINCE_2])


def read_section(
    data: bytes, header: Any, source: str, name: str, dtype: Any, *shape: int
) -> NDArray[Any]:  # fmt: skip
    """Return a copy of section ``name`` as an array of ``dtype`` and ``shape``."""
    count, start = int(np.prod(shape, dtype=np.int64)), int(header["off_" + name])
    end = start + count * np.dtype(dtype).itemsize
    require(end <= len(data), source, f"section '{name}' runs past the end of the file")
    return np.frombuffer(data, dtype, count, start).reshape(shape).copy()


def room_for(rows: int) -> int:
    """The rows that an image gets which begins with so many: 20 at least, else four more, up to 64.

    >>> room_for(12), room_for(24), room_for(62)
    (20, 28, 64)
    """
    return max(20, min(rows + 4, MOST_ROWS))
