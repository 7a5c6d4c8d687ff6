"""Recordings: write a session while it runs, and read it back, also from a damaged file.

A recording is ``Start``, then inputs, truth and outputs in order, then ``End`` if it was closed
properly; each is one frame of `odl.wire`. An input is written before the session's step, its
outputs after it. docs/recording.md describes the bytes.
"""

from odl.recording.files import PathLike, RecordingError, named
from odl.recording.inputs import DAMAGED, inputs
from odl.recording.reader import Reader, Recording, read
from odl.recording.writer import Writer

__all__ = [
    "DAMAGED",
    "RecordingError",
    "PathLike",
    "Reader",
    "Recording",
    "Writer",
    "inputs",
    "named",
    "read",
]
