"""Entries of a label log as lines of a profile."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Final, NoReturn

from numpy.typing import NDArray

from odl.core.events import NO_CLASS, valid_name
from odl.core.state import Entry

EARLIER: Final = -1  # as the window of a label of an earlier session
_KINDS: Final = {Entry.LABEL: "label", Entry.CLASS: "class", Entry.SPLIT: "task", Entry.CHANGE: "change"}


def name_of(entry: Any) -> str:
    """The class name in an entry; what is no UTF-8 in it is replaced."""
    name: str = entry["features"].tobytes().rstrip(b"\0").decode("utf-8", "replace")
    return name


def as_json(entry: Any) -> dict[str, Any]:
    """The entry for a line of JSON."""
    kind = Entry(int(entry["kind"]))
    found: dict[str, Any] = {"kind": _KINDS[kind], "class": int(entry["cls"])}
    if kind is Entry.CHANGE:
        found["into"] = None if entry["head"] == NO_CLASS else int(entry["head"])
    else:
        found["task"] = int(entry["head"])
    if kind in (Entry.CLASS, Entry.CHANGE):
        found["name"] = name_of(entry)
    if kind in (Entry.LABEL, Entry.CHANGE):
        found["order"] = int(entry["order"])
    if kind is Entry.LABEL:
        found |= {name: int(entry[name]) for name in ("base", "mixed")}
        found["features"] = b64encode(entry["features"].tobytes()).decode()
    return found


def fill(place: NDArray[Any], values: Any) -> None:
    """Write the entry that ``values``, untrusted, describe into ``place``, (1,); raises for what is none."""
    kind = next((kind for kind, name in _KINDS.items() if name == values["kind"]), None)
    if kind is None:
        _wrong("kind", values["kind"])
    place["kind"], place["cls"] = kind, _byte(values, "class")
    into = "into" if kind is Entry.CHANGE else "task"
    place["head"] = NO_CLASS if values[into] is None and kind is Entry.CHANGE else _byte(values, into)
    if kind in (Entry.CLASS, Entry.CHANGE):
        name = values["name"]
        if not isinstance(name, str) or not valid_name(name):
            _wrong("name", name)
        place["features"][0, : len(name.encode())] = list(name.encode())
    if kind in (Entry.LABEL, Entry.CHANGE):
        order = values["order"]
        if type(order) is not int or not 0 < order < 2**31:
            _wrong("order", order)
        place["order"] = order
    if kind is Entry.LABEL:
        place["base"], place["mixed"], place["window"] = (
            _byte(values, "base"),
            _byte(values, "mixed"),
            EARLIER,
        )
        data = b64decode(values["features"], validate=True)
        if len(data) != place["features"].shape[1]:
            _wrong("features", f"{len(data)} bytes")
        place["features"][0] = list(data)


def _byte(values: Any, name: str) -> int:
    value = values[name]
    if type(value) is not int or not 0 <= value <= 255:
        _wrong(name, value)
    return int(value)


def _wrong(name: str, value: Any) -> NoReturn:
    raise ValueError(f"`{name}` is {str(value)[:40]!r}")
