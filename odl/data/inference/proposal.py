"""A card to be edited by hand, and how its entries were come by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odl.data.card import DataError


def json_lines(value: Any, indent: str = "") -> str:
    """JSON to be edited by hand: what fits into a line stands in one.

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
    """A card to edit, and how each entry was come by: (what, how sure)."""

    card: dict[str, Any]
    provenance: list[tuple[str, str]] = field(default_factory=list)

    def say(self, what: str, sure: bool | None = True) -> None:
        """``sure``: True, False, or None for something between."""
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
        raise DataError(f"{path}: there is a card already, and it may be edited; `force=True` writes it anew")
    path.write_text(proposal.text, encoding="utf-8")
    return path
