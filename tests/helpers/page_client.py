"""A host written from docs/protocol.md and docs/recording.md alone: its codec is made from their tables.

It shares no line with `odl.wire`, so that what the pages leave out or say wrongly makes a test fail.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FIXED = {"u8": "B", "id": "B", "opt": "B", "why": "B", "refusal": "B", "u16": "H", "u32": "I", "u64": "Q"}
Fields = dict[str, Any]


def page() -> str:
    """Both pages."""
    return "\n".join((ROOT / "docs" / name).read_text("utf-8") for name in ("recording.md", "protocol.md"))


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first line has these headings."""
    _, _, rest = page().partition(f"| {heading} |\n")
    lines = rest.splitlines()[1:]
    rows = []
    for line in lines:
        if not line.strip().startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    assert rows, heading
    return rows


def messages() -> dict[str, tuple[int, list[tuple[str, str]]]]:
    """Name of each message: its number, and its fields with their kinds."""
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.*?) \|$", page(), re.MULTILINE)
    return {name: (int(number), [_field(f) for f in body.split(", ") if f]) for number, name, body in rows}


def _field(text: str) -> tuple[str, str]:
    name, kind = text.split()
    return name, kind


def reasons(kind: str) -> dict[str, int]:
    """The numbers of ``why`` or ``refusal``."""
    found = re.search(rf"^\| {kind} \| u8: (.*?) \|$", page(), re.MULTILINE)
    assert found is not None
    return {words: int(n) for n, words in (each.split(" ", 1) for each in found[1].split(", "))}


MESSAGES = messages()
NAMES = {number: name for name, (number, _) in MESSAGES.items()}


def encoded(name: str, **fields: Any) -> bytes:
    """The bytes of a message."""
    number, layout = MESSAGES[name]
    assert set(fields) == {field for field, _ in layout}, name
    data = bytes([number])
    for field, kind in layout:
        value = fields[field]
        if kind in FIXED:
            data += struct.pack("<" + FIXED[kind], 255 if value is None else value)
        elif kind in ("text", "name"):
            data += bytes([len(value.encode())]) + value.encode()
        elif kind in ("blob", "json"):
            if kind == "json":
                value = json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
            data += struct.pack("<I", len(value)) + value
        elif kind == "scaling":
            data += bytes([len(value)]) + b"".join(struct.pack("<IBh", *one) for one in value)
        else:
            assert kind == "block"
            data += bytes([len(value[0])]) + b"".join(struct.pack(f"<{len(row)}h", *row) for row in value)
    return data


def decoded(data: bytes) -> tuple[str, Fields]:
    """Name and fields of a message."""
    name = NAMES[data[0]]
    fields, at = {}, 1
    for field, kind in MESSAGES[name][1]:
        if kind in FIXED:
            (fields[field],) = struct.unpack_from("<" + FIXED[kind], data, at)
            at += struct.calcsize("<" + FIXED[kind])
        elif kind in ("text", "name", "ids"):
            content = data[at + 1 : at + 1 + data[at]]
            fields[field] = list(content) if kind == "ids" else content.decode()
            at += 1 + data[at]
        elif kind == "q15s":
            fields[field] = list(struct.unpack_from(f"<{data[at]}H", data, at + 1))
            at += 1 + 2 * data[at]
        elif kind in ("blob", "json"):
            (size,) = struct.unpack_from("<I", data, at)
            content = data[at + 4 : at + 4 + size]
            fields[field] = json.loads(content) if kind == "json" else content
            at += 4 + size
        else:
            assert kind == "block"
            n, counts = data[at], struct.unpack(f"<{(len(data) - at - 1) // 2}h", data[at + 1 :])
            fields[field], at = [counts[i : i + n] for i in range(0, len(counts), n)], len(data)
    assert at == len(data), name
    return name, fields


def framed(message: bytes, seq: int) -> bytes:
    """The frame of a message."""
    body = struct.pack("<HI", seq, 0) + message
    body += struct.pack("<I", zlib.crc32(body))
    out, rest = b"", body
    while True:  # a code n, then n - 1 bytes without zero; a zero follows, except after a full group
        group = rest[:254].split(b"\0")[0]
        out += bytes([len(group) + 1]) + group
        whole, rest = len(group) == 254, rest[len(group) :]
        if not whole and rest:
            rest = rest[1:]
        elif not rest:
            return b"\0" + out + b"\0"


def unframed(data: bytes) -> Iterator[tuple[int, str, Fields]]:
    """Frame number, name and fields of each frame."""
    for chunk in filter(None, data.split(b"\0")):
        body, at = b"", 0
        while at < len(chunk):
            n = chunk[at]
            body += chunk[at + 1 : at + n]
            at += n
            if n < 255 and at < len(chunk):
                body += b"\0"
        assert at == len(chunk) and zlib.crc32(body[:-4]) == int.from_bytes(body[-4:], "little")
        yield (int.from_bytes(body[:2], "little"), *decoded(body[6:-4]))


def settings() -> dict[str, tuple[int, int]]:
    """Smallest and largest value of each setting of Configure."""
    rows = table("setting | unit | values | meaning")
    return {row[0]: tuple(map(int, row[2].split(" to "))) for row in rows}  # type: ignore[misc]


def rules() -> dict[str, int]:
    """The numbers of the policies."""
    rule = next(row for row in table("setting | unit | values | meaning") if row[0] == "rule")
    return {words: int(n) for n, words in re.findall(r"(\d) ([\w-]+)", rule[3])}


def layout(heading: str, sizes: dict[str, int]) -> dict[str, tuple[int, str, int]]:
    """Offset, type and count of each field; the key "" has the size of the whole."""
    codes = {"i64": "q", "u64": "Q", "i32": "i", "u16": "H", "i16": "h", "u8": "B"}
    found, at = {}, 0
    for name, kind, count, _ in table(f"{heading} | type | count | content"):
        number = max(sizes["F"], 32) if count.startswith("max") else 1
        for factor in () if count.startswith("max") else count.split(" * "):
            number *= (
                sizes["F"] + 1 if factor == "(F + 1)" else sizes[factor] if factor in sizes else int(factor)
            )
        width = struct.calcsize("<" + codes[kind])
        at += -at % width
        found[name] = (at, codes[kind], number)
        at += width * number
    found[""] = (at + -at % 8, "", 0)
    return found


def scaled(raw: int, multiplier: int, shift: int, offset: int) -> int:
    """The page's formula, limited."""
    value = (raw * multiplier + 2 ** (shift - 1)) // 2**shift if shift else raw * multiplier
    return max(-128, min(127, value + offset))
