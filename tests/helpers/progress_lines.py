"""What a command said on standard error beside its progress, which a busy machine has more of."""

from __future__ import annotations


def without_progress(said: str) -> str:
    """The lines of ``said`` that are no progress.

    >>> without_progress("... working (2 s so far)" + chr(10) + "odl: no such file" + chr(10))
    'odl: no such file\\n'
    """
    return "".join(line for line in said.splitlines(keepends=True) if not line.startswith("... "))
