"""The schedule of a relabelled session's answers and changes of classes, and the labeller that gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from odl._text import clean
from odl.core.answer_records import AnswerOutcome
from odl.core.protocols import Answer, ClassEdit, Reaction, Taught
from odl.core.session import Session
from odl.labels.answer_log import AnswerEntry
from odl.labels.class_edit import wrong_edit
from odl.labels.class_history import named_then
from odl.labels.edits import Edit, EditOfClass, RelabelError
from odl.labels.question import tree_of
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


@dataclass(frozen=True)
class ScheduledChange:
    """A change of the classes at sample ``at``; ``under`` as in `ScheduledAnswer`.

    ``edited``: it is not of the recording, so it is refused where it cannot be done.
    """

    at: int
    edit: ClassEdit
    under: str | None = None
    edited: bool = False


Scheduled = ScheduledAnswer | ScheduledChange


def schedule_answers(
    history: QuestionHistory, edits: Mapping[int, Edit], parents: Mapping[str, str | None] | None = None,
    classes: Sequence[EditOfClass] = (),
) -> list[Scheduled]:  # fmt: skip
    """Return every answer and change of classes of a session with ``edits`` applied, in order of time.

    ``parents`` holds the class above each new one, for edits without ``under``. An answer keeps its
    sample. Without an answer in time, an edit takes effect one sample before the question expires. An
    answer that was taken back becomes a skip. A question with lost samples is not asked and gets none. What
    nobody asked for is taught again, unless it was taken back or an edit says that it does not count.

    A change of classes that was not taken back keeps its sample, too; ``classes`` are added to these.
    """
    schedule: list[ScheduledAnswer] = []
    parents = {**history.parents, **(parents or {})}
    for asked in history.questions:
        window = asked.question.window
        edit = edits.get(window)
        if asked.missed:
            continue
        if edit is not None:
            at = _sample_of_edit(asked, history)
            name = None if edit.name is None else named_then(history.tree, edit.name, at)
            under = edit.under or parents.get(name or "")
            if name is not None or not asked.taught:
                schedule.append(ScheduledAnswer(at, window, name, under, edit.by, edit.took, edit.clock,
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
    found: list[tuple[int, float, Scheduled]] = [(s.at, order.get(s.window, -1), s) for s in schedule]
    for change in history.changes:
        if not change.undone:
            again = ScheduledChange(change.at, change.edit, change.under)
            found.append((change.at, change.after - 0.5, again))
    for each in classes:
        at = _before_gap(history.end if each.at is None else min(each.at, history.end), history)
        found.append((at, len(history.answers), ScheduledChange(at, each.edit, edited=True)))
    return [given for *_, given in sorted(found, key=lambda row: row[:2])]


def _repeat(one: AnswerEntry, history: QuestionHistory, name: str | None) -> ScheduledAnswer:
    under = None if name is None else history.parents.get(name)
    return ScheduledAnswer(one.at or 0, one.window, name, under, one.by, one.took, one.clock, one.taught)


def _sample_of_edit(asked: AnsweredQuestion, history: QuestionHistory) -> int:
    """Return the sample at which an edited answer takes effect."""
    newest = asked.newest
    if newest is not None and newest.at is not None and (asked.taught or newest.at < asked.question.expires):
        return newest.at
    return _before_gap(min(asked.question.expires - 1, history.end), history)


def _before_gap(at: int, history: QuestionHistory) -> int:
    """Return sample ``at``; where it was lost, the last one before."""
    for start, lost in history.gaps:
        if start < at <= start + lost:
            return start
    return at


class ScheduledAnswers:
    """A labeller that gives what is scheduled, and adds new classes below their parents.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.core.image import Image
    >>> from odl.data import model_bytes
    >>> session = Session(Image.from_bytes(model_bytes("shoulder")), Config(mult=(1,) * 6,
    ...                   shift=(0,) * 6, offset=(0,) * 6))
    >>> given = ScheduledAnswers(session, [ScheduledChange(0, ClassEdit("remove", "pendulum"), edited=True)])
    >>> [reaction[:2] for reaction in given.poll(0)], given.next_due()
    ([('remove', 'pendulum')], None)
    """

    def __init__(self, session: Session, schedule: Iterable[Scheduled]) -> None:
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
            if isinstance(one, ScheduledChange):
                yield self._change(one)
                continue
            rest = 0, self._leaf(one.name, one.under), one.by, one.took, one.clock
            if one.taught and one.name is not None:
                yield Taught(one.name, *rest)
            else:
                yield Answer(one.window, one.name, *rest)

    def _change(self, one: ScheduledChange) -> ClassEdit:
        image, edit = self._session.image, one.edit
        if one.edited and (
            wrong := wrong_edit(tree_of(self._session), edit, image.max_rows, image.max_heads)
        ):
            words = " = ".join(f"'{clean(name)}'" for name in (edit.name, edit.into) if name is not None)
            raise RelabelError(f"{edit.what} {words}: {wrong}")
        return edit._replace(leaf=self._leaf(edit.name, one.under))

    def _leaf(self, name: str | None, under: str | None) -> int | None:
        tree = self._session.tree
        if under is None or (name is not None and tree.id_of(name) is not None):
            return None
        leaf = tree.id_of(under)
        if leaf is None:
            raise RelabelError(
                f"'{name}' cannot hang under '{under}', which was added later; give it another place"
            )
        return leaf
