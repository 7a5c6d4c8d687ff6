"""The three image sets as they are downloaded: MNIST's idx files, and CIFAR-10 as a tar of JPEG files."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # smaller images get a margin of zeros


class Pictures(NamedTuple):
    """Images, uint8 (n, SIDE, SIDE, channels), and their classes, uint8 (n,)."""

    images: NDArray[np.uint8]
    classes: NDArray[np.uint8]


def read(folder: Path) -> dict[str, Pictures]:
    """The images of the parts ``train`` and ``test``.

    Raises
    ------
    SystemExit
        If the folder has neither idx files nor a tar; the message names it.
    """
    if archives := sorted(folder.glob("*.tar*")):
        return _from_tar(archives[0])
    return {"train": _from_idx(folder, "train"), "test": _from_idx(folder, "t10k")}


def _from_idx(folder: Path, prefix: str) -> Pictures:
    made = []
    for kind in ("images-idx3", "labels-idx1"):
        file = folder / f"{prefix}-{kind}-ubyte.gz"
        if not file.exists():
            raise SystemExit(f"{folder}: there is no {file.name}, and no tar of JPEG files")
        made.append(idx(gzip.decompress(file.read_bytes())))
    edge = (SIDE - made[0].shape[1]) // 2
    return Pictures(np.pad(made[0], ((0, 0), (edge, edge), (edge, edge)))[..., None], made[1])


def idx(data: bytes) -> NDArray[np.uint8]:
    """The array of an idx file of unsigned bytes.

    >>> idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    if data[:3] != b"\0\0\x08":
        raise SystemExit("this is no idx file of unsigned bytes")
    sizes = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def _from_tar(archive: Path) -> dict[str, Pictures]:
    """``PART/CLASS/NAME.jpg``, the classes numbered by their names, images in the order of theirs."""
    from PIL import Image

    found: dict[str, list[tuple[str, str, NDArray[np.uint8]]]] = {"train": [], "test": []}
    with tarfile.open(archive) as tar:
        for member in tar:
            part, cls, name = ("", "", *member.name.split("/"))[-3:]
            if member.isfile() and part in found:
                file = tar.extractfile(member)
                assert file is not None
                image = Image.open(io.BytesIO(file.read())).convert("RGB")
                found[part].append((cls, name, np.asarray(image)))
    made = {}
    for part, named in found.items():
        named.sort(key=lambda one: one[:2])
        names = sorted({cls for cls, _, _ in named})
        classes = np.array([names.index(cls) for cls, _, _ in named], np.uint8)
        made[part] = Pictures(np.stack([image for _, _, image in named]), classes)
    return made
