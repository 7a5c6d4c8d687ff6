"""The states of a CSV stream."""

from __future__ import annotations

from enum import Enum


class CsvStreamState(Enum):
    """The state of a sketch, each value a sentence for people."""

    WAITING = "no line has come yet"
    STREAMING = "samples are coming"
    LIMITED = "many samples are at the limit"
    SILENT = "no line has come for a while"
    UNREADABLE = "what comes cannot be used"
    UNPLUGGED = "the port is gone; it is tried again until it is back"
    CLOSED = "the port has been closed"
