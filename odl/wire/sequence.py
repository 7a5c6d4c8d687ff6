"""Count lost frames of a board and notice its restarts.

Frames carry their number modulo 2**16 in ``seq``; `Info` and `Status` have it modulo 2**32 in
``frames``. A number ahead of the expected one means that the frames between are lost; one behind it
belongs to a copy or a late frame. The next frame reveals up to 32767 lost frames in a row, the next
`Info` or `Status` any number.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from odl.wire.messages import Info, Status

_LATE: Final = 4  # frames by which a copy of Info or Status may be late and still be recognised


def _signed(value: int, bits: int) -> int:
    """``value`` modulo 2**bits, in [-2**(bits - 1), 2**(bits - 1))."""
    half = 1 << bits - 1
    return (value + half & 2 * half - 1) - half


class FrameSequence:
    """Counts lost frames, copies and restarts.

    Attributes
    ----------
    lost : int
        Frames known to be lost, from the first received frame on.
    copies : int
        Frames dropped as copies, or because they arrived late.
    restarts : int
        Restarts of the board.
    session : int
        The board's newest session number, 0 if none.

    Examples
    --------
    >>> sequence = FrameSequence()
    >>> sequence.place(7), sequence.place(8), sequence.place(8), sequence.place(11), sequence.lost
    (0, 0, None, 2, 2)
    """

    def __init__(self) -> None:
        self.lost = self.copies = self.restarts = self.session = 0
        self._next: int | None = None  # number of the next frame
        self._settled = False  # True if that number is known modulo 2**32, from Info or Status
        # Leaps since the last Info or Status: the number behind each, and how many were skipped.
        self._leaps: deque[tuple[int, int]] = deque(maxlen=64)
        self._totals: deque[tuple[int, int]] = deque(maxlen=_LATE)  # (frames, time) of the last ones

    def place(self, seq: int) -> int | None:
        """Register a received frame with number ``seq``.

        Returns
        -------
        int or None
            Frames lost just before it; None for a copy, to be dropped.
        """
        if self._next is None:
            self._next = seq
        ahead = (seq - self._next + 0x8000 & 0xFFFF) - 0x8000
        if ahead < 0:
            self.copies += 1
            return None
        self._next += ahead + 1
        if ahead:
            self.lost += ahead
            self._leaps.append((self._next - 1, ahead))
        return ahead

    def settle(self, seq: int, time: int, total: Info | Status) -> int | None:
        """As `place`, for a frame that carries the number of frames sent before it.

        ``time`` is the board's, in microseconds. A counter that does not fit ``seq`` is ignored.
        """
        if total.frames & 0xFFFF != seq:
            return self.place(seq)
        ahead = 0
        if self._next is not None:
            ahead = _signed(total.frames - self._next, 32 if self._settled else 16)
        if self._has_restarted(total, time, ahead):
            ahead = self._restart(total.frames)
        elif ahead < 0:
            self.copies += 1
            return None
        self.lost += ahead
        self._next, self._settled, self.session = total.frames + 1, True, total.session
        self._leaps.clear()
        self._totals.append((total.frames, time))
        return ahead

    def _has_restarted(self, total: Info | Status, time: int, ahead: int) -> bool:
        if ahead >= 0:  # a session ends by a restart (or by Compact, which the link handles)
            return (total.session == 0 and self.session != 0) or ahead > total.frames
        if total.session != 0 and total.session == self.session:
            return False  # the same session, whose number was random: an old frame of it
        # A restarted board may send the same counters at the same time of its clock again.
        return ahead < -_LATE or (total.frames, time) not in self._totals

    def _restart(self, frames: int) -> int:
        """Return how many of the ``frames`` frames since a restart are lost.

        Some may have arrived already, taken for later frames of the previous run. They are the last
        whole stretches that fit before ``frames``; the leaps to them were not losses.
        """
        self.restarts += 1
        heard, below, end = 0, frames, self._next or 0
        while self._leaps:
            first, leap = self._leaps[-1]
            if (first & 0xFFFF) + end - first > below:
                break
            self._leaps.pop()
            self.lost -= leap
            heard += end - first
            below, end = first & 0xFFFF, first - leap
        self._totals.clear()
        return frames - heard
