"""One byte form for recordings, the serial line and replay.

``schema`` is the table of messages, ``framing`` finds frames among bytes, ``codec`` turns
messages into bytes and back. None of them does any I/O.
"""

from odl.wire.codec import CodecError, Problem, TraceHash, decode, encode, is_output
from odl.wire.framing import (
    Deframer,
    Fault,
    FrameError,
    cobs_decode,
    cobs_encode,
    frame,
    open_envelope,
    unframe,
)
from odl.wire.schema import FORMAT, TABLE, End, Message, Start

__all__ = [
    "FORMAT", "TABLE", "CodecError", "Deframer", "End", "Fault", "FrameError", "Message", "Problem",
    "Start", "TraceHash", "cobs_decode", "cobs_encode", "decode", "encode", "frame", "is_output",
    "open_envelope", "unframe",
]  # fmt: skip
