"""The commands of ``odl`` about what is plugged in: ports, push, pull."""

from __future__ import annotations

from typing import Any


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
