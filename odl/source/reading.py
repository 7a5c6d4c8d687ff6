"""A board's state read in parts, all of one moment. No I/O."""

from __future__ import annotations

from odl.wire import STATE, Read, Request

_POSITION = 8  # bytes: with it the state block begins (odl.state)


class StateReading:
    """A read under way.

    Between two answers the board may take in samples, and the parts would be of two moments:
    then all is asked for again.

    Parameters
    ----------
    parts : (offset, size) of each.
    area : of `Read`.

    Attributes
    ----------
    request : Request or None
        What has been asked; whoever sends it puts it here.

    Examples
    --------
    >>> reading = StateReading(((0, 2), (6, 1)))
    >>> reading.next(), reading.answered(b"ab"), reading.next(), reading.answered(b"c")
    (Read(area=0, offset=0, size=2), None, Read(area=0, offset=6, size=1), b'abc')
    """

    def __init__(self, parts: tuple[tuple[int, int], ...], area: int = STATE) -> None:
        self.request: Request | None = None
        self._parts, self._area = parts, area
        self._data: list[bytes] = []
        self._torn = False

    def next(self) -> Read:
        """What to ask for."""
        offset, size = self._parts[len(self._data)]
        return Read(self._area, offset, size)

    def passed(self) -> None:
        """Something else came from the board, or was lost."""
        self._torn = True

    def answered(self, data: bytes) -> bytes | None:
        """An answer came; all parts one after the other, or None if `next` has to be asked."""
        if self._torn and self._data:
            self._data.clear()
            self._torn = False
            return None
        self._torn = False
        self._data.append(data)
        return b"".join(self._data) if len(self._data) == len(self._parts) else None

    @property
    def position(self) -> int | None:
        """Where the state stands, once it is whole and if it was asked for."""
        offset, size = self._parts[0]
        if offset or size < _POSITION or len(self._data) < len(self._parts):
            return None
        return int.from_bytes(self._data[0][:_POSITION], "little")
