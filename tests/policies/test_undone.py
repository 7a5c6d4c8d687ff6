"""A question whose learned answer was taken back is asked again, while its segment lasts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import odl
from odl.core.events import Query
from odl.core.ground_truth import TruthTrack
from odl.core.protocols import Answer, Reaction, TakeBack
from odl.data.streams import dataset_streams


class Undoer:
    """Answers five seconds after a question; may take the first answer back."""

    def __init__(self, truth: TruthTrack, undo: bool) -> None:
        self.asked: list[int] = []
        self._truth, self._undo = truth, undo
        self._due: list[tuple[int, Reaction]] = []

    def ask(self, query: Query, now: int) -> None:
        self.asked.append(query.window)
        name = self._truth.of(query.window, 128)
        if name is not None:
            self._due.append((now + 250, Answer(query.window, name)))
            if self._undo and len(self.asked) == 1:
                self._due.append((now + 300, TakeBack("test")))

    def poll(self, now: int) -> Iterable[Reaction]:
        due = [reaction for at, reaction in self._due if at <= now]
        self._due = [(at, reaction) for at, reaction in self._due if at > now]
        return due

    def next_due(self) -> int | None:
        return min((at for at, _ in self._due), default=None)


@pytest.mark.parametrize("subject", ["7", "8"])
def test_an_undone_question_is_asked_again_in_its_segment(subject: str) -> None:
    truth = TruthTrack(dataset_streams("shoulder", [subject], 0)[0].truths)
    asked = []
    for undo in (False, True):
        person = Undoer(truth, undo)
        odl.replay("shoulder", subjects=[subject], labeller=person, budget=20)
        asked.append(person.asked)
    first = asked[0][0]
    assert asked[1][0] == first
    again = next(window for window in asked[1][1:])
    assert first < again <= first + 32 * 64 and truth.of(again, 128) == truth.of(first, 128)
    assert again not in asked[0]
