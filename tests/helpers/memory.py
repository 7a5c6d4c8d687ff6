"""Memory that something takes, in bytes that Python and NumPy hand out."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Count what is handed out from now on; what it gives tells how much of that is still held."""
    tracemalloc.start()
    try:
        yield lambda: (gc.collect(), tracemalloc.get_traced_memory()[0])[1]
    finally:
        tracemalloc.stop()


def peak(run: Callable[[], object], times: int = 1) -> int:
    """Bytes at the most while ``run`` runs; of several ``times`` the least.

    The interpreter's own tables (that of interned strings takes 2 MB) are built anew now and then, in
    whatever happens to run then. That depends on all that ran before in the process, and does not happen
    twice in a row. So a limit that leaves less room than some megabytes takes three times.
    """

    def once() -> int:
        with traced():
            run()
            return tracemalloc.get_traced_memory()[1]

    return min(once() for _ in range(times))
