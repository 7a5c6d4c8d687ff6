"""One byte form for recordings, the serial line and replay.

``messages`` and ``schema`` describe the messages, ``codec`` converts them to bytes and back,
``framing`` and ``deframer`` put them into frames and find them again, ``link`` counts lost frames and
repeats requests. None of them does any I/O.
"""

from odl.wire.codec import CodecError, TraceHash, decode, encode, is_output, open_messages
from odl.wire.deframer import Deframer
from odl.wire.field_types import Problem
from odl.wire.framing import Fault, FrameError, cobs_decode, cobs_encode, frame, open_envelope, unframe
from odl.wire.link import Counters, Link, Received
from odl.wire.messages import (
    BRIEF,
    FORMAT,
    IMAGE,
    PROTOCOL,
    STATE,
    Compact,
    Configure,
    Control,
    Data,
    Description,
    End,
    Held,
    Hello,
    Info,
    Install,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Remember,
    Start,
    Status,
    Upload,
)
from odl.wire.requests import Failure, LinkError, Request
from odl.wire.schema import TABLE

__all__ = [
    "BRIEF", "FORMAT", "IMAGE", "PROTOCOL", "STATE", "TABLE", "CodecError", "Compact", "Configure", "Control",
    "Counters", "Data", "Deframer", "Description", "End", "Failure", "Fault", "FrameError", "Held",
    "Hello", "Info", "Install", "Link", "LinkError", "Message", "Problem", "Read", "Ready", "Received",
    "Refusal", "Refused", "Remember", "Request", "Start", "Status", "TraceHash", "Upload", "cobs_decode",
    "cobs_encode", "decode", "encode", "frame", "is_output", "open_envelope", "open_messages", "unframe",
]  # fmt: skip
