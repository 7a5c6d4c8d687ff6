"""The commands of ``odl`` for a live session: live, record."""

from __future__ import annotations

from typing import Any


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
