"""A proposed card for a person to edit, and the provenance of its entries."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odl._files import in_private
from odl.data.card import DataError

SURE, LIKELY, GUESS = "sure", "likely", "guess"


def json_lines(value: Any, indent: str = "") -> str:
    """Return JSON for a person to edit, with short values on one line.

    >>> print(json_lines({"a": [1, 2], "b": {"c": 0.5}}))
    {
      "a": [1, 2],
      "b": {"c": 0.5}
    }
    """
    flat = json.dumps(value, ensure_ascii=False)
    if indent and len(indent) + len(flat) <= 88 or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, list):
        lines = [inner + json_lines(item, inner) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{inner}{json.dumps(k, ensure_ascii=False)}: {json_lines(v, inner)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


@dataclass
class Proposal:
    """A card to edit, and how each entry was come by.

    Attributes
    ----------
    card : dict
        The card.
    provenance : list of (str, str)
        What was found, and ``sure`` (the file says it), ``likely`` (with the reason and the runner-up) or
        ``guess`` (to be confirmed).
    confidence : dict
        The same words for ``rate_hz``, ``classes``, ``subjects`` and ``units``.
    channels : list of dict
        ``name``, ``unit``, ``column`` and ``confidence`` of each channel.
    subjects : list of str
        The people by their names in the files; empty where nothing tells people apart.
    warnings : list of str
        What a person should look at.
    readings : list of (str, str)
        Where names of files can be read in several ways: pattern and counts, the chosen one first.
    """

    card: dict[str, Any]
    provenance: list[tuple[str, str]] = field(default_factory=list)
    confidence: dict[str, str] = field(default_factory=dict)
    channels: list[dict[str, Any]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    readings: list[tuple[str, str]] = field(default_factory=list)

    def say(self, what: str, word: str = SURE, entry: str = "") -> None:
        """Note how an entry was found; the least sure word of an entry stays."""
        self.provenance.append((what, word))
        if entry:
            order = [SURE, LIKELY, GUESS]
            before = self.confidence.get(entry, SURE)
            self.confidence[entry] = max(before, word, key=order.index)

    @property
    def text(self) -> str:
        """The card's bytes."""
        return json_lines(self.card) + "\n"


def card_path(source: Path) -> Path:
    """Where the card of a folder, or of one file or zip, lies."""
    return source / "card.json" if source.is_dir() else source.with_name(source.name + ".card.json")


def write_card(source: Path, proposal: Proposal, force: bool = False) -> Path:
    """Write the proposed card; an edited one stays unless ``force``.

    Raises
    ------
    DataError
        If another card is there already.
    """
    path = card_path(source)
    if path.exists() and not force and path.read_text(encoding="utf-8", errors="replace") != proposal.text:
        raise DataError(f"{path}: there is a card already, perhaps an edited one; `force=True` replaces it")
    mode = (path if path.exists() else path.parent).stat().st_mode & 0o666  # it is as open as its tables
    with in_private(path, force=True) as file:
        file.write_text(proposal.text, encoding="utf-8")
        file.chmod(mode)
    return path
