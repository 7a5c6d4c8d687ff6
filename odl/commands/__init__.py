"""The commands of ``odl`` that are more than a replay, a file for each subject."""

from __future__ import annotations

from typing import Any

from odl.commands import board, convert, label, live, model


def add_commands(commands: Any) -> None:
    """Add all of them to ``odl``'s parser."""
    for part in (model, live, label, board, convert):
        part.add_commands(commands)
