"""A newcomer's first live question: `odl live --emulated` asks, and takes an answer, within a minute.

The command is a real process in a real terminal, with the firmware that a board runs. The minute is counted
in the stream, whose clock does not depend on this machine; a played person's seconds are those of a clock at
`--speed 1`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from odl.core.events import Label, Learned, Query, Teach
from odl.evaluate.recorded import open_recording

PATIENCE = 300.0  # seconds of the clock for the compiler and the emulator on a busy machine
MINUTE = 60.0  # seconds of the stream


class Terminal:
    """A command in a terminal of 100 by 36 characters."""

    def __init__(self, words: list[str], folder: Path) -> None:
        import fcntl
        import struct
        import termios

        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 100, 0, 0))
        env = os.environ | {"TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "odl", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=env,
            start_new_session=True, cwd=folder,
        )  # fmt: skip
        os.close(theirs)
        self._seen = b""

    def until(self, words: str) -> None:
        """Read until ``words`` have been written."""
        end = time.monotonic() + PATIENCE
        while words.encode() not in self._seen:
            assert time.monotonic() < end, self._seen[-3000:].decode(errors="replace")
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    found = os.read(self._ours, 65536)
                except OSError:  # the other end is closed
                    found = b""
                assert found, self._seen[-3000:].decode(errors="replace")
                self._seen += found
                if b"\x1b[6n" in found:  # where is the cursor? a terminal answers
                    os.write(self._ours, b"\x1b[1;1R")
        self._seen = self._seen.split(words.encode(), 1)[1]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_live_question_is_answered_within_a_minute_of_the_stream(tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="the emulated board needs unicorn")
    pytest.importorskip("ziglang", reason="the emulated board's firmware needs a compiler")
    path = tmp_path / "first.odl"
    words = ["live", "--emulated", "--play", "shoulder", "--subject", "8", "--out", str(path)]
    terminal = Terminal(words, tmp_path)
    try:
        terminal.until("What were you doing")
        terminal.until("The recording says")  # the newcomer knows what to answer
        terminal.press("n")
        terminal.until("name of the class")
        terminal.press("upright row\r")
        terminal.until("the place of")
        terminal.press("\r")
        terminal.until("answered in")
        terminal.press("t")
        terminal.until("What are you doing now?")
        terminal.press("1")  # costs no question
        terminal.press("qq")
        terminal.until("next: odl report")
        assert terminal.process.wait(PATIENCE) == 0
    finally:
        terminal.close()
    opened = open_recording(path)
    events, rate = opened.recording.events, opened.image.rate_hz
    asked = next(e for e in events if isinstance(e, Query))
    learned = next(e for e in events if isinstance(e, Learned))
    assert learned.window == asked.window
    assert (asked.window + opened.image.window) / rate <= MINUTE / 3, "a question comes early"
    # What a busy machine takes to show a card and to press a key is not the command's.
    assert any(isinstance(e, Label) for e in events) and len([e for e in events if isinstance(e, Teach)]) == 1
