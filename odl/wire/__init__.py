"""One byte form for recordings, the serial line and replay.

``schema`` is the table of messages, ``framing`` finds frames among bytes, ``codec`` turns
messages into bytes and back by the ``kinds`` of their fields, ``link`` keeps count and asks again.
None of them does any I/O.
"""

from odl.wire.codec import CodecError, TraceHash, decode, encode, is_output, open_messages
from odl.wire.field_types import Problem
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
from odl.wire.link import Counters, Link, Received
from odl.wire.requests import Failure, LinkError, Request
from odl.wire.schema import (
    BRIEF,
    FORMAT,
    IMAGE,
    PROTOCOL,
    STATE,
    TABLE,
    Compact,
    Configure,
    Control,
    Data,
    Description,
    End,
    Hello,
    Info,
    Install,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Start,
    Status,
    Upload,
)

__all__ = [
    "BRIEF", "FORMAT", "IMAGE", "PROTOCOL", "STATE", "TABLE", "CodecError", "Compact", "Configure", "Control",
    "Counters", "Data", "Deframer", "Description", "End", "Failure", "Fault", "FrameError", "Hello",
    "Info", "Install", "Link", "LinkError", "Message", "Problem", "Read", "Ready", "Received",
    "Refusal", "Refused", "Request", "Start", "Status", "TraceHash", "Upload", "cobs_decode",
    "cobs_encode", "decode", "encode", "frame", "is_output", "open_envelope", "open_messages", "unframe",
]  # fmt: skip
