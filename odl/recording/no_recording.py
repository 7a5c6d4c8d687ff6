"""Why a file is no recording, in words that say what it is instead."""

from __future__ import annotations

from typing import Final

from odl.core.image_layout import MAGIC

# The first bytes of every recording: frame 0 at time 0.
OPENING: Final = b"\0" + b"\1" * 6


def why_no_recording(head: bytes) -> str:
    """Why a file without a whole frame, which begins with ``head``, is no recording.

    >>> why_no_recording(b"ODLM...")
    'this is a model image (.odlm), and a recording (.odl) is wanted'
    """
    if not head:
        return "the file is empty, so not an odl recording"
    if head == OPENING:
        return "its Start frame is damaged or cut short, and no other frame is whole"
    if head.startswith(MAGIC):
        return "this is a model image (.odlm), and a recording (.odl) is wanted"
    return "not an odl recording (there is no whole frame in it)"
