"""The card of a dataset: what it is, from where, whose, and how to read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odl.events import valid_name
from odl.nn.image import Channel


class DataError(ValueError):
    """A dataset that cannot be used as asked, and what there is instead."""


@dataclass(frozen=True)
class Card:
    """What ``card.json`` of a dataset says, checked.

    ``channels`` give the source's raw counts: a real value is the count times ``scale``, in
    ``unit``. ``classes`` are names in the order of the recordings' class index. ``splits``
    name people, and no person is in two of them. ``about`` holds every other entry.
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
    splits: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]
    about: dict[str, Any]

    @property
    def subjects(self) -> tuple[int, ...]:
        """Every person of every split, ascending."""
        return tuple(sorted(s for people in self.splits.values() for s in people))


_KNOWN = {
    "name", "title", "origin", "licence", "citation", "recordings", "model", "rate_hz", "channels",
    "classes", "splits", "notes",
}  # fmt: skip


def read_card(path: Path) -> Card:
    """Read and check a ``card.json``.

    Raises
    ------
    DataError
        Naming the file and the entry that is missing or wrong.

    Examples
    --------
    >>> from odl.data import card
    >>> shoulder = card("shoulder")
    >>> shoulder.rate_hz, shoulder.classes[0], shoulder.splits["test"]
    (50.0, 'pendulum', (7, 8, 9, 10))
    """
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        made = Card(
            name=str(text["name"]), title=str(text["title"]), origin=str(text["origin"]),
            licence=str(text["licence"]), citation=str(text["citation"]),
            file=str(text["recordings"]["file"]), sha256=str(text["recordings"]["sha256"]),
            model=str(text["model"]), rate_hz=float(text["rate_hz"]),
            channels=tuple(
                Channel(str(c["name"]), str(c["unit"]), float(c["scale"])) for c in text["channels"]
            ),
            classes=tuple(str(c) for c in text["classes"]),
            splits={str(k): tuple(int(s) for s in v) for k, v in text["splits"].items()},
            notes=tuple(str(n) for n in text.get("notes", ())),
            about={k: v for k, v in text.items() if k not in _KNOWN},
        )  # fmt: skip
    except OSError as error:
        raise DataError(f"{path.name}: the card cannot be read ({error.strerror})") from None
    except KeyError as error:
        raise DataError(f"{path.name}: the card has no entry {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path.name}: the card is not as it should be ({error})") from None
    _check(made, path.name)
    return made


def _check(card: Card, where: str) -> None:
    people = card.subjects
    for good, what in (
        (card.rate_hz > 0, f"rate_hz is {card.rate_hz}, not above 0"),
        (1 <= len(card.channels) <= 9, f"{len(card.channels)} channels; 1 to 9 can be read"),
        (all(c.scale > 0 for c in card.channels), "a channel's scale is not above 0"),
        (len(set(card.classes)) == len(card.classes) >= 2, "classes are fewer than two or doubled"),
        (all(valid_name(c) for c in card.classes), "a class name is empty, too long or not printable"),
        (len(set(people)) == len(people), "a person is in two splits"),
        (len(card.sha256) == 64, "the recordings' sha256 is not 64 hexadecimal digits"),
        (
            all(Path(f).name == f for f in (card.file, card.model)),
            "a file is named with a folder; it has to lie beside the card",
        ),
    ):
        if not good:
            raise DataError(f"{where}: {what}")
