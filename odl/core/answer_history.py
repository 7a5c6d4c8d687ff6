"""The answers of a session and its changes of classes: which count, and which one an undo takes back."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from odl.core.answer_records import (
    REFUSALS,
    AnswerOutcome,
    AnswerRecord,
    ChangeRecord,
    QuestionRecord,
)
from odl.core.class_tree import ClassTree, GrowingTree
from odl.core.events import NO_WINDOW, ChangeClass, Dropped, Origin, Why
from odl.core.mirrored_log import Logged, MirroredLog, take_out
from odl.core.waiting_questions import WaitingQuestions


class AnswerHistory:
    """Base of `odl.core.history.SessionHistory`, which passes the events to it."""

    def __init__(self, tree: ClassTree | None, keep: int | None, max_log: int | None) -> None:
        self.classes = GrowingTree(ClassTree({}) if tree is None else tree)
        self.answers: deque[AnswerRecord] = deque(maxlen=keep)
        self.questions: deque[QuestionRecord] = deque(maxlen=keep)
        self.changes: deque[ChangeRecord] = deque(maxlen=keep)
        self.dropped: Counter[Why] = Counter()
        self.labelled = self.skipped = self.undone = 0
        self.origin: Origin | None = None
        self.last_undone: AnswerRecord | ChangeRecord | None = None
        self._undoable: deque[AnswerRecord | ChangeRecord] = deque(maxlen=keep)
        self._log = MirroredLog(max_log)
        self._entry: Logged = None  # of a class, a task or a change, while it may still be refused
        self._undo_at: int | None = None  # sample of an undo whose step is not over
        self._announced: Origin | None = None  # origin of the next command
        self._teaching: AnswerRecord | None = None  # a taught label whose window no output has shown yet
        self._changing: ChangeRecord | None = None  # a change that may still be refused
        self._pending: dict[int, list[AnswerRecord]] = {}  # by window
        self._waiting = WaitingQuestions()

    @property
    def tree(self) -> ClassTree:
        """Classes and tasks as they are now."""
        return self.classes.tree

    @property
    def standing(self) -> int:
        """Answers that took effect and were not taken back."""
        return self.labelled - self.undone - (self._undo_at is not None and self._takes_counted)

    @property
    def taught(self) -> int:
        """Labels among the standing answers that nobody asked for; of the newest, where not all are kept."""
        return sum(one.taught and one.counts for one in self.answers)

    @property
    def names(self) -> list[str]:
        """Names of the answers that an undo can take back, the newest last."""
        answers = [one for one in self._counting() if isinstance(one, AnswerRecord)]
        return [self.tree.name(one.cls) for one in answers if one.cls is not None]

    @property
    def newest(self) -> AnswerRecord | ChangeRecord | None:
        """What the next undo takes back."""
        return next(iter(reversed(self._counting())), None)

    def _counting(self) -> list[AnswerRecord | ChangeRecord]:
        return list(self._undoable) if self._undo_at is None else list(self._undoable)[:-1]

    def settle(self) -> None:
        """Apply an undo or a taught label whose step has ended; call this after the last event."""
        self._settle_entry()
        self._settle_taught()
        if self._undo_at is None:
            return
        at, self._undo_at = self._undo_at, None
        if self._undoable:
            one = self._undoable.pop()
            self._log.remove(one)
            one.undone_at, self.last_undone = at, one
            if isinstance(one, ChangeRecord):
                self.classes.take_back()
            else:
                learned = one.state is not AnswerOutcome.PENDING
                if not learned:
                    take_out(self._pending.get(one.window, []), one)
                self._waiting.take_back(one.window, learned)
                one.state = AnswerOutcome.UNDONE
                self.undone += not one.missed

    def answers_by_window(self) -> dict[int, list[AnswerRecord]]:
        """Return the answers grouped by window, each group oldest first."""
        groups: dict[int, list[AnswerRecord]] = {}
        for one in self.answers:
            groups.setdefault(one.window, []).append(one)
        return groups

    # --- what events do ---------------------------------------------------------------------------

    @property
    def _takes_counted(self) -> bool:
        last = self._undoable[-1] if self._undoable else None
        return isinstance(last, AnswerRecord) and not last.missed

    def _origin(self, at: int, last: bool = False) -> Origin | None:
        """Return who gave a command at sample ``at``.

        An answer with a new class is up to three commands at one sample; its label is the ``last``.
        """
        origin = self._announced
        if origin is not None and origin.at != at:
            origin = None
        if last or origin is None:
            self._announced = None
        return origin

    def _label(self, at: int, window: int, cls: int | None, taught: bool = False) -> AnswerRecord:
        self.origin = origin = self._origin(at, last=True)
        name = None if cls is None else self.tree.name(cls)
        one = AnswerRecord(window, cls, name, AnswerOutcome.PENDING, at=at, taught=taught)
        if origin is not None:
            one.by, one.took, one.clock = origin.by, origin.took, origin.clock
        self._keep(one)
        if name is None:
            self.skipped += 1
        else:
            self.labelled += 1
            self._undoable.append(one)
        return one

    def _ask(self, question: QuestionRecord) -> None:
        self.questions.append(question)
        self._waiting.ask(question.window, question.since)

    def _keep(self, one: AnswerRecord) -> None:
        self.answers.append(one)
        if not one.taught:  # else its window is not known yet
            self._know(one, one.window)

    def _know(self, one: AnswerRecord, window: int) -> None:
        """The answer is about ``window``."""
        one.window = window
        self._waiting.answer(window)
        if one.state is AnswerOutcome.PENDING:
            self._pending.setdefault(window, []).append(one)

    def _change(self, event: ChangeClass) -> None:
        one = ChangeRecord.of(event, self.tree)
        if (origin := self._announced) is not None and origin.at == event.at:
            one.by, one.took, one.clock = origin.by, origin.took, origin.clock
        self._changing = one
        self.changes.append(one)
        self._undoable.append(one)

    def _taught(self, at: int, window: int, refused: bool = False) -> AnswerRecord | None:
        """Return the taught label of this step, now that an output shows that it is about ``window``."""
        one = self._teaching
        if one is None or one.at != at:
            return None
        self._teaching = None
        self._know(one, window)
        one.taught = refused or window not in self._waiting
        return self._take_pending(window)

    def _settle_taught(self) -> None:
        """A taught label without outputs answered the open question about the stretch that runs."""
        one, self._teaching = self._teaching, None
        if one is None:
            return
        if (window := self._waiting.newest) is not None:
            self._know(one, window)
            one.taught = False

    def _dropped(self, event: Dropped) -> None:
        why, window = event.why, event.window
        self.dropped[why] += 1
        if why is Why.NOTHING_TO_UNDO:
            self._undo_at = None
        elif (change := self._changing) is not None and window == NO_WINDOW:
            self._changing, change.refused = None, why
            take_out(self._undoable, change)
        elif why is Why.EXPIRED:
            self.answers.append(AnswerRecord(window, None, None, AnswerOutcome.EXPIRED))
            self._waiting.expire(window)
        elif why is Why.SKIPPED:
            if (one := self._take_pending(window)) is not None:
                one.state = AnswerOutcome.SKIPPED
        # A refusal belongs to the step's own answer; FULL appears later, when the batch is closed.
        elif why is Why.FULL:
            if one := self._take_pending(window) or self._taught(event.at, window, refused=True):
                self._refuse(one, why)
        elif one := self._taught(event.at, window, refused=True) or self._take_pending(window, event.at):
            self._refuse(one, why)

    def _take_pending(self, window: int, at: int | None = None) -> AnswerRecord | None:
        """Take the newest pending answer about ``window``, given at sample ``at`` if that is set."""
        answers = self._pending.get(window)
        if not answers or at not in (None, answers[-1].at):
            return None
        one = answers.pop()
        if not answers:
            del self._pending[window]
        return one

    def _refuse(self, one: AnswerRecord, why: Why) -> None:
        one.state, one.why = AnswerOutcome.REFUSED, why
        if one is self._teaching:
            self._teaching = None
        if one.name is not None:
            take_out(self._undoable, one)
        if why in REFUSALS:
            self._waiting.refuse(one.window)
        if why in REFUSALS and not one.missed:
            self.labelled -= one.name is not None
            self.skipped -= one.name is None

    # --- the label log ------------------------------------------------------------------------

    def _learn(self, one: AnswerRecord | None) -> None:
        if one is not None:
            one.state = AnswerOutcome.LEARNED
        self._enter(one)

    def _settle_entry(self, refused: bool = False) -> None:
        """The last command's class, task or change is in the log, unless it was ``refused``."""
        entry, self._entry = self._entry, None
        if entry is not None and not refused:
            self._enter(entry)

    def _enter(self, entry: Logged) -> None:
        gone = self._log.add(entry, [cls for cls, _ in self.tree.rows])
        if gone is not None:
            take_out(self._undoable, gone)

    def _restart_log(self, entries: Sequence[tuple[int, int] | None] | None) -> None:
        """Hold a session's own ``entries``, labels as the records of the answers that count."""
        if entries is None:  # which label will give way cannot be told
            self._log.room = None
            return
        there: dict[tuple[int, int | None], list[AnswerRecord]] = {}
        for one in self._undoable:
            if isinstance(one, AnswerRecord):
                there.setdefault((one.window, one.cls), []).append(one)
        changes = [one for one in self._undoable if isinstance(one, ChangeRecord)]
        labels = [there[entry].pop(0) if there.get(entry) else None for entry in entries if entry is not None]
        rest = len(entries) - len(labels) - len(changes)  # where these lie makes no difference
        self._log.restart([*labels, *changes, *[None] * rest])
