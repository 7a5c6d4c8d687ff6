"""The boards of ``tests/live``, for commands that run a session."""

from tests.live.conftest import bench, served, virtual_ports

__all__ = ["bench", "served", "virtual_ports"]
