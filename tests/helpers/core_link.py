"""The core behind a line, as a program of this machine: bytes in, bytes out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from firmware_sim import headers, host
from odl.core.config import Config
from odl.core.image import Image
from odl.wire import Configure, Deframer, Description, Message, decode, encode, frame, open_envelope
from odl.wire.session_messages import configure_message


def configure(config: Config, keep: bool = False, position: int = 0, issued: int = 0) -> Configure:
    """The message that carries ``config``."""
    return configure_message(config, 77, keep=keep, position=position, issued=issued)


class CoreLine:
    """A board that hears everything at once and whose answers are read when it is done."""

    def __init__(self, image: Image, folder: Path, flags: tuple[str, ...] = ()) -> None:
        self.program = host.build(headers.sizes_of(image), program="line.c", flags=flags)
        self.image = folder / "model.odlm"
        self.image.write_bytes(image.to_bytes())

    def say(self, data: bytes) -> bytes:
        """What comes back for ``data``; the program must end well."""
        done = subprocess.run([self.program, self.image], input=data, capture_output=True, timeout=600)
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        assert done.stderr == b""
        return done.stdout

    def exchange(self, *messages: Message) -> list[Message]:
        """What comes back for ``messages``, numbered from 0, Description left out."""
        heard = understood(self.say(b"".join(frame(encode(m), n) for n, m in enumerate(messages))))
        return [message for message in heard if not isinstance(message, Description)]


def understood(data: bytes) -> list[Message]:
    """All messages in ``data``, every byte of which must belong to one, numbered in order."""
    deframer = Deframer()
    payloads = [open_envelope(payload) for payload in deframer.feed(data)]
    assert deframer.lost_bytes == 0 and deframer.pending == 0
    assert [seq for seq, _, _ in payloads] == [n % 65536 for n in range(len(payloads))]
    return [decode(message) for _, _, message in payloads]
