"""Which questions wait for an answer, told by window, so that none is looked for among all others."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush


class WaitingQuestions:
    """The questions of a session that may still be answered.

    A question waits until it has an answer or expires. It waits again if its answer was refused, or taken
    back before it was learned.

    Examples
    --------
    >>> questions = WaitingQuestions()
    >>> questions.ask(0, since=0)
    >>> questions.ask(64, since=40)
    >>> questions.answer(64)
    >>> questions.newest
    0
    >>> questions.take_back(64, learned=False)
    >>> questions.newest, 128 in questions
    (64, False)
    """

    def __init__(self) -> None:
        self._since: dict[int, int] = {}
        self._answers: Counter[int] = Counter()  # that count
        self._expired: set[int] = set()
        self._taken_back: set[int] = set()
        self._reopened: set[int] = set()
        self._newest_first: list[tuple[int, int]] = []  # a heap of (-since, window); some wait no longer

    def __contains__(self, window: int) -> bool:
        return window in self._since

    def ask(self, window: int, since: int) -> None:
        """There is a question about ``window``, and about the stretch from ``since`` on."""
        self._since[window] = since
        self._wait_again(window)

    def answer(self, window: int) -> None:
        """The session has an answer about ``window``."""
        self._answers[window] += 1

    def refuse(self, window: int) -> None:
        """It has refused it."""
        self._remove(window)

    def expire(self, window: int) -> None:
        """Nobody answered in time."""
        self._expired.add(window)

    def take_back(self, window: int, learned: bool) -> None:
        """An answer about ``window`` was undone."""
        (self._taken_back if learned else self._reopened).add(window)
        self._remove(window)

    @property
    def newest(self) -> int | None:
        """The question about the stretch that began last, of several the first; None if none waits."""
        heap = self._newest_first
        while heap and not self._waits(heap[0][1]):
            heappop(heap)
        return heap[0][1] if heap else None

    def _remove(self, window: int) -> None:
        self._answers[window] = max(0, self._answers[window] - 1)
        self._wait_again(window)

    def _wait_again(self, window: int) -> None:
        if window in self._since and self._waits(window):
            heappush(self._newest_first, (-self._since[window], window))

    def _waits(self, window: int) -> bool:
        closed = window in self._taken_back and window not in self._reopened
        return not (self._answers[window] or window in self._expired or closed)
