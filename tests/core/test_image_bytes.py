"""A model image keeps the bytes that it was read from, and refuses text that nobody can print."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

from odl.core.image import Image
from odl.core.image_layout import HEADER, ImageError
from tests.helpers.images import random_image

IMAGE = random_image(3, tree=True)


def with_card(text: bytes) -> bytes:
    """The bytes of an image with ``text`` as its card, by another program than this."""
    data = IMAGE.to_bytes()
    header = np.frombuffer(data[: HEADER.itemsize], HEADER).copy()
    at = int(header["off_card"][0])
    header["card_size"], header["total_size"] = len(text), at + len(text)
    rest = header.tobytes()[8:] + data[HEADER.itemsize : at] + text
    return b"ODLM" + zlib.crc32(rest).to_bytes(4, "little") + rest


def card() -> dict[str, object]:
    data = IMAGE.to_bytes()
    header = np.frombuffer(data[: HEADER.itemsize], HEADER)[0]
    at = int(header["off_card"])
    loaded: dict[str, object] = json.loads(data[at : at + int(header["card_size"])])
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(card(), indent=2).encode(),
        json.dumps(dict(reversed(card().items()))).encode(),
        json.dumps({**card(), "note": "\u00e4"}, ensure_ascii=False).encode(),
        json.dumps(card()).encode() + b"\n",
    ],
    ids=["indented", "reversed", "utf-8", "line end"],
)
def test_the_checksum_is_the_file_s_own(text: bytes) -> None:
    """A board that runs this image was told to run another one."""
    data = with_card(text)
    image = Image.from_bytes(data)
    assert data != IMAGE.to_bytes() and image.to_bytes() == data
    assert image.checksum == int.from_bytes(data[4:8], "little") == zlib.crc32(data[8:])
    assert image.names == IMAGE.names
    changed = replace(image, seed=IMAGE.seed + 1)
    assert Image.from_bytes(changed.to_bytes()).seed == IMAGE.seed + 1 and changed.checksum != image.checksum


@pytest.mark.parametrize("text", ["a\x1b[2J", "\x00", "x" * 65, "a\u202e", "\x7f", "a\nb"])
@pytest.mark.parametrize("which", ["name", "unit"])
def test_a_channel_needs_printable_text(which: str, text: str) -> None:
    channels = [{**channel} for channel in card()["channels"]]  # type: ignore[attr-defined]
    channels[1][which] = text
    with pytest.raises(ImageError, match="a channel's name or unit is over 64 characters, or not printable"):
        Image.from_bytes(with_card(json.dumps({**card(), "channels": channels}).encode()))
