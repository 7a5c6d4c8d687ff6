"""The labeller of a live session: a person at a prompt, and an oracle that answers from recorded truth."""

from __future__ import annotations

from collections.abc import Iterable

from odl.core.events import Query
from odl.core.protocols import Reaction
from odl.core.session import Session
from odl.labels.oracle import Oracle
from odl.labels.prompt import Prompt


class LiveLabeller:
    """Asks questions at ``prompt`` and passes the oracle's answers to the prompt.

    A person at the prompt may be quicker, or skip, or take an answer back.

    Parameters
    ----------
    labels : Oracle, optional
        The oracle that answers from recorded truth.
    """

    def __init__(self, prompt: Prompt, labels: Oracle | None) -> None:
        self.prompt, self._labels = prompt, labels
        self._asked: set[int] = set()

    def ask(self, query: Query, now: int) -> None:
        """As `odl.core.protocols.Labeller.ask`; a repeated query is one question."""
        self.prompt.ask(query, now)
        if self._labels is not None and query.window not in self._asked:
            self._asked.add(query.window)
            self._labels.ask(query, now)

    def ask_open(self, session: Session) -> None:
        """Ask the open questions of ``session``, each as of its window's end; repeated ones stay one."""
        for one in session.open_questions:
            self.ask(Query(one.window, 0, one.expires, one.window), one.window + session.image.window)

    def answer_from_truth(self, now: int) -> None:
        """Give the prompt the recorded answers that are due by sample ``now``."""
        for answer in () if self._labels is None else self._labels.poll(now):
            self.prompt.answer(answer.window, answer.name, answer.head, by="truth")

    def poll(self, now: int) -> Iterable[Reaction]:
        """As `odl.core.protocols.Labeller.poll`."""
        self.answer_from_truth(now)
        return self.prompt.poll(now)

    def next_due(self) -> int | None:
        """As `odl.core.protocols.Labeller.next_due`."""
        return None if self._labels is None else self._labels.next_due()
