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
from odl.wire.schema import (
    FORMAT,
    PROTOCOL,
    TABLE,
    Configure,
    Control,
    End,
    Hello,
    Info,
    Message,
    ReadState,
    Ready,
    Refusal,
    Refused,
    Start,
    StateBytes,
)

__all__ = [
    "FORMAT", "PROTOCOL", "TABLE", "CodecError", "Configure", "Control", "Deframer", "End", "Fault",
    "FrameError", "Hello", "Info", "Message", "Problem", "ReadState", "Ready", "Refusal", "Refused",
    "Start", "StateBytes", "TraceHash", "cobs_decode", "cobs_encode", "decode", "encode", "frame",
    "is_output", "open_envelope", "unframe",
]  # fmt: skip
