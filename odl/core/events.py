"""The events that enter or leave a session.

Stream time is a sample index since the session's start; a window's id is the index of
its first sample. Events are plain frozen values: two equal streams of events are the
same session.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

NO_WINDOW = 2**64 - 1
NO_CLASS = 255
NO_HEAD = 255


class Why(IntEnum):
    """Why an input had no effect, or a question ended without an answer."""

    EXPIRED = 1  # nobody answered in time
    LATE = 2  # an answer came after its question had expired
    REPEATED = 3  # the window has an answer already
    UNKNOWN = 4  # no question was asked about the window, or it is no longer stored
    NO_SUCH_CLASS = 5  # the class, or the head to put it under, does not exist
    FULL = 6  # no room for another class, head or label
    NOTHING_TO_UNDO = 7
    SKIPPED = 8  # the person did not want to answer


# --- inputs ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Samples:
    """Raw counts, ``block`` int16 of shape (n, channels), the first at index ``start``."""

    start: int
    block: NDArray[np.int16]

    def __init__(self, start: int, block: NDArray[np.int16]) -> None:
        # As a dataclass does it, but in half the time: a long replay makes many.
        _set_start(self, start)
        _set_block(self, block)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Samples)
            and self.start == other.start
            and np.array_equal(self.block, other.block)
        )

    def __hash__(self) -> int:
        return hash((self.start, self.block.tobytes()))


_set_start, _set_block = vars(Samples)["start"].__set__, vars(Samples)["block"].__set__


@dataclass(frozen=True, slots=True)
class Gap:
    """``lost`` samples are missing from index ``start`` on (0: a seam between recordings)."""

    start: int
    lost: int
    why: str


@dataclass(frozen=True, slots=True)
class Label:
    """An answer about ``window`` that takes effect at ``at``; ``cls`` None is a skip."""

    at: int
    window: int
    cls: int | None


@dataclass(frozen=True, slots=True)
class Teach:
    """Nobody asked: the segment that the stream is in is of class ``cls``; outside the budget."""

    at: int
    cls: int


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what was given last: an answer, a taught label or a change of a class."""

    at: int


@dataclass(frozen=True, slots=True)
class AddClass:
    """A new class ``cls`` called ``name`` under task ``head``."""

    at: int
    cls: int
    name: str
    head: int


@dataclass(frozen=True, slots=True)
class Split:
    """Class ``leaf`` gets a task of its own, numbered ``head``, to hang classes under."""

    at: int
    leaf: int
    head: int


@dataclass(frozen=True, slots=True)
class ChangeClass:
    """Class ``cls`` counts as class ``into`` of the same task from now on, labels of before included.

    ``into`` is another class (the two are merged), None (``cls`` is removed), or ``cls`` itself (it stands
    on its own, as at first). ``name`` is what ``cls`` is called from now on. If it is
    what ``into`` is called, that class takes over the name of ``cls`` instead.
    """

    at: int
    cls: int
    into: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Who gives the next command; the session ignores it, the label log shows it.

    ``by`` names the interface and, after a colon, a pseudonym: ``terminal``, ``button``,
    ``notebook:P3``. ``took`` is the time from the question's display to the answer, in milliseconds;
    ``clock`` is in milliseconds since 1970 (UTC), 0 if unknown.
    """

    at: int
    by: str
    took: int
    clock: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """The session continues from a board's state, ``lost`` samples after ``start``.

    The samples in between are unknown; their effect is in ``state``, a session's snapshot.
    """

    start: int
    lost: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Truth:
    """Samples ``start`` to ``end`` (exclusive) belong to the class called ``name``."""

    start: int
    end: int
    name: str


# --- outputs --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's prediction for ``window``.

    ``path`` holds class ids from the root task down; ``scores`` one Q15 probability
    (0 to 32768) for each row in row order, the product along its path; ``held`` is the
    class of an answered label that still stands, or None.
    """

    window: int
    path: tuple[int, ...]
    scores: tuple[int, ...]
    held: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """``window`` is worth asking about (``utility`` Q15); the question ends at ``expires``.

    It is about everything from sample ``since`` to the window's end: the stream has not changed there.
    """

    window: int
    utility: int
    expires: int
    since: int = 0


@dataclass(frozen=True, slots=True)
class Learned:
    """At ``at`` the label ``cls`` of ``window`` went into the leaf-most task ``head``."""

    at: int
    window: int
    cls: int
    head: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """At ``at`` an input had no effect or a question ended; ``window`` is NO_WINDOW if there is none."""

    at: int
    window: int
    why: Why


Command: TypeAlias = Label | Teach | Undo | AddClass | Split | ChangeClass
Input: TypeAlias = Samples | Gap | Command | Truth | Origin | Adopt
Output: TypeAlias = Prediction | Query | Learned | Dropped
Event: TypeAlias = Input | Output


def valid_name(name: str) -> bool:
    """True if ``name`` can be a class name: 1 to 32 bytes of printable text.

    >>> valid_name("walk up"), valid_name(""), valid_name("a\\x1b[2J")
    (True, False, False)
    """
    return 0 < len(name.encode("utf-8", "replace")) <= 32 and name.isprintable()
