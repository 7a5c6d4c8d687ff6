"""The card of a dataset: what it is, from where, whose, and how to read it.

docs/data.md lists every entry of a ``card.json``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

from odl._files import read_small
from odl.core.errors import OdlError
from odl.core.events import valid_name
from odl.core.image import Channel

Tree = dict[str, tuple[str, ...]]


class DataError(OdlError, ValueError):
    """A dataset cannot be used; the message says why and what can be used."""


def subject_name(value: object) -> str:
    """Return the name of a subject, from a card, a table or a caller; a number equals its digits.

    Raises
    ------
    DataError
        If ``value`` is neither text nor a whole number.

    Examples
    --------
    >>> subject_name(7), subject_name("07"), subject_name("anna")
    ('7', '7', 'anna')
    """
    if not isinstance(value, str | Integral) and not (isinstance(value, float) and value.is_integer()):
        raise DataError(f"{value!r} is no subject; give a name or a number")
    text = value.strip() if isinstance(value, str) else str(int(value))
    return str(int(text)) if re.fullmatch("-?[0-9]{1,18}", text) else text


def subject_order(name: str) -> tuple[bool, int, str]:
    """A sort key: numbers by value, then names.

    >>> sorted(["10", "anna", "9"], key=subject_order)
    ['9', '10', 'anna']
    """
    number = re.fullmatch("-?[0-9]{1,18}", name) is not None
    return not number, int(name) if number else 0, name


@dataclass(frozen=True)
class Card:
    """The checked content of a dataset's ``card.json``.

    ``channels`` describe the source's raw counts: a real value is the count times ``scale``, in
    ``unit``. ``classes`` are names in the order of the recordings' class index. ``splits``
    name people, and no person is in two of them. ``window_s`` and ``hop_s`` are seconds, or
    None where the card does not say. ``tree`` maps what hangs under the root task to the classes under
    it, none for a class that hangs there itself; None is one flat task. ``columns`` and
    ``signs`` are the axes: which column of a table a channel is, and whether it is turned.
    ``checksums`` are SHA-256 by file name. ``unconfirmed`` are entries that `odl init` only guessed.
    ``about`` holds every other entry.
    """

    name: str
    title: str
    origin: str
    licence: str
    citation: str
    file: str
    sha256: str
    model: str
    rate_hz: float
    channels: tuple[Channel, ...]
    classes: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    about: dict[str, Any]
    window_s: float | None = None
    hop_s: float | None = None
    tree: Tree | None = None
    columns: tuple[str, ...] = ()
    signs: tuple[int, ...] = ()
    checksums: dict[str, str] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Every person of every split, in the order of `subject_order`."""
        return tuple(sorted((s for people in self.splits.values() for s in people), key=subject_order))


_KNOWN = {
    "name", "title", "origin", "licence", "citation", "recordings", "model", "rate_hz", "channels",
    "classes", "splits", "notes", "window_s", "hop_s", "tree", "checksums", "unconfirmed",
}  # fmt: skip


def read_card(path: Path) -> Card:
    """Read and check a ``card.json``.

    Raises
    ------
    DataError
        If an entry is missing or wrong; the message names the file and the entry.

    Examples
    --------
    >>> from odl.data import load_card
    >>> shoulder = load_card("shoulder")
    >>> shoulder.rate_hz, shoulder.classes[0], shoulder.splits["test"]
    (50.0, 'pendulum', ('7', '8', '9', '10'))
    """
    try:
        text = read_small(path).decode()
    except OSError as error:
        raise DataError(f"{path.name}: the card cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path.name}: the card is not as it should be ({error})") from None
    return parse_card(text, path.name)


def parse_card(written: str, where: str) -> Card:
    """Check the text of a card that is called ``where`` in errors; see `read_card`."""
    try:
        text = json.loads(written)
        held = text.get("recordings", {"file": "", "sha256": ""})
        card = Card(
            name=str(text["name"]), title=str(text["title"]), origin=str(text["origin"]),
            licence=str(text["licence"]), citation=str(text["citation"]),
            file=str(held["file"]), sha256=str(held["sha256"]),
            model=str(text.get("model", "")), rate_hz=float(text["rate_hz"]),
            channels=tuple(
                Channel(str(c["name"]), str(c["unit"]), float(c["scale"])) for c in text["channels"]
            ),
            classes=tuple(str(c) for c in text["classes"]),
            splits={str(k): tuple(subject_name(s) for s in v) for k, v in text["splits"].items()},
            notes=tuple(str(n) for n in text.get("notes", ())),
            about={k: v for k, v in text.items() if k not in _KNOWN},
            window_s=_seconds(text.get("window_s")), hop_s=_seconds(text.get("hop_s")),
            tree=_tree(text.get("tree")),
            columns=tuple(str(c.get("column", c["name"])) for c in text["channels"]),
            signs=tuple(int(c.get("sign", 1)) for c in text["channels"]),
            unconfirmed=tuple(str(e) for e in text.get("unconfirmed", ())),
            checksums={str(k): str(v) for k, v in text.get("checksums", {}).items()},
        )  # fmt: skip
    except KeyError as error:
        raise DataError(f"{where}: the card has no entry {error}") from None
    except RecursionError:
        raise DataError(f"{where}: the card is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{where}: the card is not as it should be ({error})") from None
    _check(card, where)
    return card


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)


def _tree(written: Any) -> Tree | None:
    """``{"static": ["sit", ...], "walk": []}``, under one "root" or not."""
    if written is None:
        return None
    if isinstance(written, dict) and set(written) == {"root"}:
        written = written["root"]
    if isinstance(written, list):
        written = {name: [] for name in written}
    if not isinstance(written, dict) or not all(isinstance(v, list) for v in written.values()):
        raise ValueError("tree: a group has to be a list of classes, two levels at most")
    return {str(group): tuple(str(c) for c in under) for group, under in written.items()}


def _check(card: Card, where: str) -> None:
    people = card.subjects
    window, hop = card.window_s, card.hop_s
    for good, what in (
        (0 < card.rate_hz <= 10_000, f"rate_hz is {card.rate_hz}; it can be above 0 up to 10000"),
        (1 <= len(card.channels) <= 9, f"{len(card.channels)} channels; 1 to 9 can be read"),
        (all(0 < c.scale < 1e6 for c in card.channels), "a channel's scale is not above 0 and finite"),
        (len({c.name for c in card.channels}) == len(card.channels), "two channels have one name"),
        (all(s in (1, -1) for s in card.signs), "a channel's sign is neither 1 nor -1"),
        (len(set(card.classes)) == len(card.classes), "classes name one twice"),
        (all(valid_name(c) for c in card.classes), "a class name is empty, too long or not printable"),
        (len(set(people)) == len(people), "a person is in two splits"),
        (
            all(0 < len(s) <= 64 and s.isprintable() and not set(s) & set("/\\") for s in people),
            "a person's name is empty, over 64 letters, not printable or holds a slash",
        ),
        (len(people) > 0, "splits: there is nobody; name the people"),
        (window is None or 0 < window <= 600, f"window_s is {window}; it can be above 0 up to 600"),
        (hop is None or 0 < hop <= (window or 600), f"hop_s is {hop}; it can be above 0 up to window_s"),
        (
            len(card.sha256) == 64 or not card.file,
            "the recordings' sha256 is not 64 hexadecimal digits",
        ),
        (
            all(len(digest) == 64 for digest in card.checksums.values()),
            "a checksum is not 64 hexadecimal digits (SHA-256)",
        ),
        (
            all(Path(f).name == f for f in (card.file, card.model)),
            "a file is named with a folder; it has to lie beside the card",
        ),
        (_tree_fault(card) == "", f"tree: {_tree_fault(card)}"),
    ):
        if not good:
            raise DataError(f"{where}: {what}")


def _tree_fault(card: Card) -> str:
    """Return what is wrong with the task tree; empty if nothing is."""
    if card.tree is None:
        return ""
    leaves = [c for group, under in card.tree.items() for c in under or (group,)]
    groups = [group for group, under in card.tree.items() if under]
    for name in sorted(set(leaves) ^ set(card.classes)):
        return f"'{name}' is {'no class' if name in leaves else 'missing'}"
    if len(set(leaves)) < len(leaves):
        return "a class hangs in two places"
    for name in groups:
        if name in card.classes or not valid_name(name):
            return f"'{name}' cannot name a group: it is a class, too long or not printable"
    return ""


_READING = (
    "rate_hz", "channels", "columns", "signs", "classes", "splits", "tree", "window_s", "hop_s",
)  # fmt: skip


def agree(one: Card, one_path: Path, other: Card, other_path: Path) -> None:
    """Refuse two cards that describe the same recordings in different ways.

    Raises
    ------
    DataError
        Naming both files, the entry, and what each says.
    """
    for entry in _READING:
        left, right = getattr(one, entry), getattr(other, entry)
        if left != right:
            raise DataError(
                f"{one_path} and {other_path} disagree on {entry}: {_short(left)} and {_short(right)}; "
                "remove one of the two cards"
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
