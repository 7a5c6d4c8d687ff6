"""Reduce a session's events to what became of its questions and answers, and to its class tree.

`SessionHistory` is the only place with these rules: which answer a refusal or an undo belongs to,
which answers count, who gave them, which classes were added. Evaluation, label prompts, label logs,
resuming and tables are views of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable

from odl.core.answer_records import (
    REFUSALS,
    AdoptedState,
    AnswerOutcome,
    AnswerRecord,
    QuestionOutcome,
    QuestionRecord,
    outcome_of,
)
from odl.core.class_tree import ClassTree, GrowingTree
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)


class SessionHistory:
    """Keep account of a session's events, one at a time.

    Parameters
    ----------
    tree : ClassTree, optional
        Classes and tasks at the start; default: none.
    window : int
        Window length in samples; gives the sample at which a question was asked.
    keep : int, optional
        Number of the newest answers, questions and gaps to keep; default: all. Counts cover all.
    read_state : callable, optional
        Reads the state of an `Adopt` event. Without it, what happened while the line was lost stays unknown.

    Attributes
    ----------
    classes : GrowingTree
        Classes and tasks as they are now, and which were added.
    answers : deque of AnswerRecord
        Oldest first.
    questions : deque of QuestionRecord
    gaps : deque of (int, int)
        (start, samples lost).
    unseen : list of (int, int)
        (start, end) of spans that ended with an adopted state; a replay has no whole windows there.
    lessons : Counter
        Labels learned, by sample.
    dropped : Counter
        Events without effect, by `Why`.
    position, windows, asked, learned, lost : int
        Samples passed, predictions, questions, labels learned, samples lost.
    labelled, skipped, undone : int
        Answers and skips that took effect, and answers taken back; labels that nobody asked for are answers.
    origin : Origin or None
        Who gave the last command.
    last_undone : AnswerRecord or None
        The answer taken back last.

    Examples
    --------
    >>> history = SessionHistory(ClassTree({1: "walk"}))
    >>> for event in (Origin(9, "button", 800, 0), Label(9, 0, 1), Learned(9, 0, 1, 0), Undo(9)):
    ...     history.take(event)
    >>> history.settle()
    >>> [(one.name, str(one.state), one.by, one.took) for one in history.answers]
    [('walk', 'undone', 'button', 800)]
    >>> history.labelled, history.undone, history.standing
    (1, 1, 0)
    """

    def __init__(
        self, tree: ClassTree | None = None, window: int = 0, *, keep: int | None = None,
        read_state: Callable[[bytes], AdoptedState] | None = None,
    ) -> None:  # fmt: skip
        self.classes = GrowingTree(ClassTree({}) if tree is None else tree)
        self.answers: deque[AnswerRecord] = deque(maxlen=keep)
        self.questions: deque[QuestionRecord] = deque(maxlen=keep)
        self.gaps: deque[tuple[int, int]] = deque(maxlen=keep)
        self.unseen: list[tuple[int, int]] = []
        self.lessons: Counter[int] = Counter()
        self.dropped: Counter[Why] = Counter()
        self.position = self.windows = self.asked = self.learned = self.lost = 0
        self.labelled = self.skipped = self.undone = 0
        self.origin: Origin | None = None
        self.last_undone: AnswerRecord | None = None
        self._window, self._read_state = window, read_state
        self._predicted_to = 0  # end of the newest window
        self._undoable: deque[AnswerRecord] = deque(maxlen=keep)
        self._undo_at: int | None = None  # sample of an undo whose step is not over
        self._announced: Origin | None = None  # origin of the next command
        self._teaching: AnswerRecord | None = None  # a taught label whose window no output has shown yet

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
        names = [one.name for one in self._undoable if one.name is not None]
        return names if self._undo_at is None else names[:-1]

    def take(self, event: Event) -> None:
        """Apply the next event."""
        # The outputs of an undo's own step come between the two: a batch settles before the undo.
        if self._undo_at is not None and not (
            isinstance(event, Dropped | Learned) and event.at == self._undo_at
        ):
            self.settle()
        if self._teaching is not None and not (
            isinstance(event, Dropped | Learned) and event.at == self._teaching.at
        ):
            self._settle_taught()
        self.classes.take(event)
        match event:
            case Samples(start, block):
                self.position = start + len(block)
            case Prediction(window):
                self.windows += 1
                self._predicted_to = window + self._window
            case Query(window, _, expires, since):
                self.asked += 1
                asked = max(self._predicted_to, window + self._window)
                self.questions.append(QuestionRecord(window, asked, expires, since))
            case Origin():
                self._announced = event
            case Label(at, window, cls):
                self._label(at, window, cls)
            case Teach(at, cls):
                self._teaching = self._label(at, NO_WINDOW, cls)
                self._teaching.taught = True
            case Learned(at, window, _, _):
                self.learned += 1
                self.lessons[at] += 1
                if (one := self._pending(window) or self._taught(at, window)) is not None:
                    one.state = AnswerOutcome.LEARNED
            case Dropped():
                self._dropped(event)
            case Undo(at):
                self.origin, self._undo_at = self._origin(at, last=True), at
            case AddClass(at) | Split(at):
                self.origin = self._origin(at)
            case Gap(start, lost, _):
                self._lose(start, lost)
            case Adopt(start, lost, state):
                self._lose(start, lost)
                if self._read_state is not None:
                    self._adopt(start, self._read_state(state))

    def settle(self) -> None:
        """Apply an undo or a taught label whose step has ended; call this after the last event."""
        self._settle_taught()
        if self._undo_at is None:
            return
        at, self._undo_at = self._undo_at, None
        if self._undoable:
            one = self._undoable.pop()
            one.state, one.undone_at, self.last_undone = AnswerOutcome.UNDONE, at, one
            self.undone += not one.missed

    def adopt(self, tree: ClassTree, answers: Iterable[tuple[int, int]]) -> list[AnswerRecord]:
        """Continue from a session's own ``tree`` and ``answers``, (window, class), oldest first.

        Returns
        -------
        list of AnswerRecord
            The answers that no event has shown.
        """
        self.classes.adopt(tree)
        known = {(one.window, one.cls): one for one in self.answers if one.counts}
        new = []
        self._undoable.clear()
        for window, cls in answers:
            one = known.get((window, cls))
            if one is None:
                one = AnswerRecord(window, cls, tree.name(cls), AnswerOutcome.LEARNED, missed=True)
                new.append(one)
            self._undoable.append(one)
        return new

    def answers_by_window(self) -> dict[int, list[AnswerRecord]]:
        """Return the answers grouped by window, each group oldest first."""
        groups: dict[int, list[AnswerRecord]] = {}
        for one in self.answers:
            groups.setdefault(one.window, []).append(one)
        return groups

    # --- answers ----------------------------------------------------------------------------

    @property
    def _takes_counted(self) -> bool:
        return bool(self._undoable) and not self._undoable[-1].missed

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

    def _label(self, at: int, window: int, cls: int | None) -> AnswerRecord:
        self.origin = origin = self._origin(at, last=True)
        name = None if cls is None else self.tree.name(cls)
        one = AnswerRecord(window, cls, name, AnswerOutcome.PENDING, at=at)
        if origin is not None:
            one.by, one.took, one.clock = origin.by, origin.took, origin.clock
        self.answers.append(one)
        if name is None:
            self.skipped += 1
        else:
            self.labelled += 1
            self._undoable.append(one)
        return one

    def _taught(self, at: int, window: int, refused: bool = False) -> AnswerRecord | None:
        """Return the taught label of this step, now that an output shows that it is about ``window``."""
        one = self._teaching
        if one is None or one.at != at:
            return None
        self._teaching, one.window = None, window
        one.taught = refused or all(question.window != window for question in self.questions)
        return one

    def _settle_taught(self) -> None:
        """A taught label without outputs answered the open question about the stretch that runs."""
        one, self._teaching = self._teaching, None
        if one is None:
            return
        answers = self.answers_by_window()
        ended = [outcome_of(answers.get(question.window, ()))[0] for question in self.questions]
        for outcome in (QuestionOutcome.OPEN, QuestionOutcome.UNDONE):  # one taken back may be open again
            waiting = [q for q, how in zip(self.questions, ended, strict=True) if how is outcome]
            if waiting:
                one.window = max(waiting, key=lambda question: (question.since, -question.window)).window
                one.taught = False
                return

    def _dropped(self, event: Dropped) -> None:
        why, window = event.why, event.window
        self.dropped[why] += 1
        if why is Why.NOTHING_TO_UNDO:
            self._undo_at = None
        elif why is Why.EXPIRED:
            self.answers.append(AnswerRecord(window, None, None, AnswerOutcome.EXPIRED))
        elif why is Why.SKIPPED:
            if (one := self._pending(window)) is not None:
                one.state = AnswerOutcome.SKIPPED
        # A refusal belongs to the answer's own step; FULL appears later, when the batch is closed.
        elif (
            one := self._pending(window, None if why is Why.FULL else event.at)
            or self._taught(event.at, window, refused=True)
        ) is not None:
            self._refuse(one, why)

    def _pending(self, window: int, at: int | None = None) -> AnswerRecord | None:
        """Return the newest pending answer about ``window``, given at sample ``at`` if that is set."""
        for one in reversed(self.answers):
            if one.window == window and one.state is AnswerOutcome.PENDING and at in (None, one.at):
                return one
        return None

    def _refuse(self, one: AnswerRecord, why: Why) -> None:
        one.state, one.why = AnswerOutcome.REFUSED, why
        if one is self._teaching:
            self._teaching = None
        if one in self._undoable:
            self._undoable.remove(one)
        if why in REFUSALS and not one.missed:
            self.labelled -= one.name is not None
            self.skipped -= one.name is None

    # --- gaps and states -------------------------------------------------------------

    def _lose(self, start: int, lost: int) -> None:
        self.position = start + lost
        self.gaps.append((start, lost))
        self.lost += lost

    def _adopt(self, start: int, state: AdoptedState) -> None:
        new = self.adopt(state.tree, state.answers)
        self.unseen.append((start, self.position + state.skip))
        if not start:  # these answers are older than the recording
            new = []
        for one in new:
            one.at = start
            one.state = AnswerOutcome.LEARNED if one.window in state.learned else AnswerOutcome.PENDING
            self.answers.append(one)
        known = {question.window for question in self.questions}
        for window, expires in (*state.questions, *((one.window, self.position) for one in new)):
            if window not in known:
                known.add(window)
                self.questions.append(QuestionRecord(window, self.position, expires, window, missed=True))
