"""A model image keeps the bytes that it was read from, and refuses text that nobody can print."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odl.core.image import Image
from odl.core.image_layout import HEAD, HEADER, LAYER, ImageError
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


# --- versions ---------------------------------------------------------------------------

OLD = Path(__file__).parents[1] / "golden/v0_1_0/shoulder.odlm"


def test_an_image_of_version_1_is_read_as_one_of_version_2() -> None:
    data = OLD.read_bytes()
    old = Image.from_bytes(data)
    assert data[8:10] == b"\1\0" and old.version == (1, 0) and old.epochs == 16 == max(16, data[27])
    new = Image.from_bytes(old.to_bytes())
    assert new.version == (2, 0) == tuple(old.to_bytes()[8:10]) and new.to_bytes() == old.to_bytes()
    assert old.checksum == zlib.crc32(old.to_bytes()[8:]) != int.from_bytes(data[4:8], "little")
    for name in ("base", "stored", "owners", "row_class", "row_head", "parents", "formats"):
        assert np.array_equal(getattr(new, name), getattr(old, name))
    for before, after in zip(old.layers, new.layers, strict=True):
        assert before.stride == after.stride and np.array_equal(before.weights, after.weights)
    assert (new.card, new.names, new.seed, new.rate_hz) == (old.card, old.names, old.seed, old.rate_hz)


def test_a_log_of_version_1_without_room_for_labels_gets_some() -> None:
    data = bytearray(OLD.read_bytes())
    (at,) = [HEADER.fields[name][1] for name in ("max_log",)]  # type: ignore[index]
    data[at : at + 2] = (5).to_bytes(2, "little")
    data[4:8] = zlib.crc32(data[8:]).to_bytes(4, "little")
    old = Image.from_bytes(bytes(data))
    assert old.max_log == old.max_rows + old.max_heads + 1


def test_a_log_needs_room_for_labels() -> None:
    with pytest.raises(ImageError, match="a log of 12 entries, but 12 classes and tasks"):
        replace(IMAGE, max_log=IMAGE.max_rows + IMAGE.max_heads).to_bytes()


def test_a_refit_has_an_end_and_numbers_for_all_that_it_learns_from() -> None:
    with pytest.raises(ImageError, match="0 epochs; 1 to 255 can be learned for"):
        replace(IMAGE, epochs=0).to_bytes()
    stored = np.zeros((65500, IMAGE.features), np.uint8)
    with pytest.raises(ImageError, match="65540 labels and stored vectors; at most 65536"):
        replace(IMAGE, stored=stored, owners=np.zeros(65500, np.uint8)).to_bytes()


@pytest.mark.parametrize(
    ("section", "size", "at"),
    [("layers", LAYER, 8), ("heads", HEAD, 2), ("heads", HEAD, 3)],
)
def test_what_a_later_version_adds_needs_a_newer_odl(section: str, size: np.dtype[np.void], at: int) -> None:
    data = bytearray(IMAGE.to_bytes())
    header = np.frombuffer(IMAGE.to_bytes()[: HEADER.itemsize], HEADER)[0]
    data[int(header[f"off_{section}"]) + size.itemsize + at] = 99  # of the second one
    data[4:8] = zlib.crc32(data[8:]).to_bytes(4, "little")
    what = {"layers": "layer", "heads": "task"}[section]
    with pytest.raises(ImageError, match=f"{what} 1 is of a kind that needs a newer odl"):
        Image.from_bytes(bytes(data))


def test_a_newer_version_is_refused_by_name() -> None:
    data = bytearray(IMAGE.to_bytes())
    data[8] = 3
    with pytest.raises(ImageError, match=r"image version 3.0 needs a newer odl; this one reads 1.x and 2.x"):
        Image.from_bytes(bytes(data))
