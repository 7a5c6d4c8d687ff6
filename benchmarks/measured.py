"""What a command takes of time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

# A process begins with the memory of the one that started it, so that is a small one.
_RUN = """
import json, os, subprocess, sys, time
start = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = process.stderr.read().decode(errors="replace")
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - start, used.ru_utime + used.ru_stime,
                  used.ru_maxrss / 1024, said]))
"""


class Measured(NamedTuple):
    """Exit status, seconds of wall and of processor, MB at the most, and standard error."""

    status: int
    seconds: float
    processor: float
    memory: float
    said: str


def measure(words: Sequence[str]) -> Measured:
    """Run a command in a process of its own.

    >>> measure([sys.executable, "-c", "print(1)"]).status
    0
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", _RUN, *words], capture_output=True, text=True, check=True
    )
    return Measured(*json.loads(done.stdout))
