"""A proposed card for a person to edit, and the provenance of its entries."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odl.data.card import DataError


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
    """A card to edit, and the provenance of each entry: (what, how sure)."""

    card: dict[str, Any]
    provenance: list[tuple[str, str]] = field(default_factory=list)

    def say(self, what: str, sure: bool | None = True) -> None:
        """Note how an entry was found; ``sure`` is True, False, or None for likely."""
        self.provenance.append((what, {True: "sure", None: "likely", False: "a guess"}[sure]))

    @property
    def text(self) -> str:
        """The card's bytes."""
        return json_lines(self.card) + "\n"


def write_card(folder: Path, proposal: Proposal, force: bool = False) -> Path:
    """Write the proposed card; an edited one stays unless ``force``.

    Raises
    ------
    DataError
        If another card is there already.
    """
    path = folder / "card.json"
    if path.exists() and not force and path.read_text(encoding="utf-8", errors="replace") != proposal.text:
        raise DataError(f"{path}: there is a card already, perhaps an edited one; `force=True` replaces it")
    path.write_text(proposal.text, encoding="utf-8")
    return path
