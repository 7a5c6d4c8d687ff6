"""Which of a board's frames came, which are lost, and when the board restarted.

Frames carry their number modulo 2**16 in ``seq``; `Info` and `Status` have it modulo 2**32 in
``frames``. A number ahead of what is expected means that the frames between are lost; one behind
it, that the frame is a copy or came late. So up to 32767 lost frames in a row are noticed by the
next frame, any number of them by the next `Info` or `Status`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from odl.wire.schema import Info, Status

_LATE: Final = 4  # frames by which a copy of Info or Status may come late and still be known


def _signed(value: int, bits: int) -> int:
    """``value`` modulo 2**bits, as a number from -2**(bits-1) on."""
    half = 1 << bits - 1
    return (value + half & 2 * half - 1) - half


class FrameSequence:
    """Counts the frames that are missing.

    Attributes
    ----------
    lost : int
        Frames that the board sent and that were never handed on, as far as is known. What
        came before the first frame heard does not count.
    copies : int
        Frames that were not handed on, as copies or because they came late.
    restarts : int
        How often the board restarted.
    session : int
        The board's session number as it said last, 0 if none.

    Examples
    --------
    >>> sequence = FrameSequence()
    >>> sequence.place(7), sequence.place(8), sequence.place(8), sequence.place(11), sequence.lost
    (0, 0, None, 2, 2)
    """

    def __init__(self) -> None:
        self.lost = self.copies = self.restarts = self.session = 0
        self._next: int | None = None  # number of the next frame
        self._settled = False  # whether that counts from the board's start, not only modulo 2**16
        # Since the last Info or Status: numbers after a leap, and how many it leapt over.
        self._leaps: deque[tuple[int, int]] = deque(maxlen=64)
        self._totals: deque[tuple[int, int]] = deque(maxlen=_LATE)  # (frames, time) of the last ones

    def place(self, seq: int) -> int | None:
        """The next frame that came has number ``seq``.

        Returns
        -------
        int or None
            Frames lost just before it; None for a frame that is not to be handed on.
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
        """As `place`, for a frame that knows how many were sent before it.

        ``time`` is the board's, in microseconds. Counters that do not fit ``seq`` are not
        believed.
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
        if ahead >= 0:  # a session ends by a restart (and by Compact, which the link knows of)
            return (total.session == 0 and self.session != 0) or ahead > total.frames
        if total.session != 0 and total.session == self.session:
            return False  # its number is the host's random choice: this is an old frame of it
        # A board that restarts may well say the very same again, at the same time of its clock.
        return ahead < -_LATE or (total.frames, time) not in self._totals

    def _restart(self, frames: int) -> int:
        """The board has sent ``frames`` frames since it restarted; how many of them are lost.

        Some of them may have come already, and looked like later frames of the run before. They
        are the last whole stretches that fit in before ``frames``; the leaps that led to them
        were no losses.
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
