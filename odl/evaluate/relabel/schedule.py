"""The schedule of answers of a relabelled session, and the labeller that gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from odl.core.answer_records import AnswerOutcome
from odl.core.protocols import Answer, Reaction, Taught
from odl.core.session import Session
from odl.labels.answer_log import AnswerEntry
from odl.labels.edits import Edit, RelabelError
from odl.labels.question_history import AnsweredQuestion, QuestionHistory


@dataclass(frozen=True)
class ScheduledAnswer:
    """An answer at sample ``at``; ``under`` names the class above a new one; ``taught``: unasked."""

    at: int
    window: int
    name: str | None
    under: str | None
    by: str
    took: int
    clock: int
    taught: bool = False


def schedule_answers(
    history: QuestionHistory, edits: Mapping[int, Edit], parents: Mapping[str, str | None] | None = None
) -> list[ScheduledAnswer]:
    """Return every answer of a session with ``edits`` applied, in order of time.

    ``parents`` holds the class above each new one, for edits without ``under``. An answer keeps its
    sample. Without an answer in time, an edit takes effect one sample before the question expires. An
    answer that was taken back becomes a skip. A question with lost samples is not asked and gets none. What
    nobody asked for is taught again, unless it was taken back or an edit says that it does not count.
    """
    schedule, parents = [], {**history.parents, **(parents or {})}
    for asked in history.questions:
        window = asked.question.window
        edit = edits.get(window)
        if asked.missed:
            continue
        if edit is not None:
            under = edit.under or parents.get(edit.name or "")
            at = _sample_of_edit(asked, history)
            if edit.name is not None or not asked.taught:
                schedule.append(ScheduledAnswer(at, window, edit.name, under, edit.by, edit.took, edit.clock,
                                                asked.taught))  # fmt: skip
            continue
        answered = any(one.counts for one in asked.answers)
        for one in asked.answers:
            undone = one.state == AnswerOutcome.UNDONE
            if one.at is not None and not (undone and (answered or one.taught)):
                schedule.append(_repeat(one, history, None if undone else one.name))
    windows = {asked.question.window for asked in history.questions}
    schedule += [_repeat(one, history, one.name) for one in history.answers
                 if one.window not in windows and one.at is not None]  # fmt: skip
    order = {one.window: i for i, one in enumerate(history.answers)}
    return sorted(schedule, key=lambda one: (one.at, order.get(one.window, -1)))


def _repeat(one: AnswerEntry, history: QuestionHistory, name: str | None) -> ScheduledAnswer:
    under = None if name is None else history.parents.get(name)
    return ScheduledAnswer(one.at or 0, one.window, name, under, one.by, one.took, one.clock, one.taught)


def _sample_of_edit(asked: AnsweredQuestion, history: QuestionHistory) -> int:
    """Return the sample at which an edited answer takes effect."""
    newest = asked.newest
    if newest is not None and newest.at is not None and (asked.taught or newest.at < asked.question.expires):
        return newest.at
    at = min(asked.question.expires - 1, history.end)
    for start, lost in history.gaps:
        if start < at <= start + lost:
            return start
    return at


class ScheduledAnswers:
    """A labeller that gives scheduled answers and adds new classes below their parents."""

    def __init__(self, session: Session, schedule: Iterable[ScheduledAnswer]) -> None:
        self._session, self._left = session, list(reversed(list(schedule)))

    def ask(self, query: object, now: int) -> None:
        """Do nothing: the answers are scheduled already."""

    def next_due(self) -> int | None:
        """Return the sample of the next answer."""
        return self._left[-1].at if self._left else None

    def poll(self, now: int) -> Iterable[Reaction]:
        """Yield the answers due by ``now``."""
        while self._left and self._left[-1].at <= now:
            one = self._left.pop()
            rest = 0, self._leaf(one), one.by, one.took, one.clock
            if one.taught and one.name is not None:
                yield Taught(one.name, *rest)
            else:
                yield Answer(one.window, one.name, *rest)

    def _leaf(self, one: ScheduledAnswer) -> int | None:
        ids = {name: cls for cls, name in self._session.names.items()}
        if one.under is None or one.name in ids:
            return None
        if one.under not in ids:
            raise RelabelError(
                f"'{one.name}' cannot hang under '{one.under}', which was added later; give it another place"
            )
        return ids[one.under]
