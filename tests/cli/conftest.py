"""The pretended board of the live sessions, for the commands that open it."""

from tests.live.conftest import bench

__all__ = ["bench"]
