"""Reduce a session's events to what became of its questions and answers, and to its class tree.

`SessionHistory` and its base are the only place with these rules: which answer a refusal or an undo belongs
to, which answers count, who gave them, which classes were added. Evaluation, label prompts, label logs,
resuming and tables are views of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from odl.core.answer_history import AnswerHistory
from odl.core.answer_records import (
    AdoptedState,
    AnswerOutcome,
    AnswerRecord,
    ChangeRecord,
    QuestionRecord,
    Undoable,
)
from odl.core.class_tree import ClassTree
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    ChangeClass,
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
)


class SessionHistory(AnswerHistory):
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
    max_log : int, optional
        Entries that the session's label log has room for; without it an undo is not followed once labels have
        left a full log.

    Attributes
    ----------
    classes : GrowingTree
        Classes and tasks as they are now, and which were added.
    answers : deque of AnswerRecord
        Oldest first.
    questions : deque of QuestionRecord
    changes : deque of ChangeRecord
        Classes that were renamed, merged or removed, oldest first.
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
    last_undone : AnswerRecord, ChangeRecord or None
        The answer or change taken back last.

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
        read_state: Callable[[bytes], AdoptedState] | None = None, max_log: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tree, keep, max_log)
        self.gaps: deque[tuple[int, int]] = deque(maxlen=keep)
        self.unseen: list[tuple[int, int]] = []
        self.lessons: Counter[int] = Counter()
        self.position = self.windows = self.asked = self.learned = self.lost = 0
        self._window, self._read_state = window, read_state
        self._predicted_to = 0  # end of the newest window

    def take(self, event: Event) -> None:
        """Apply the next event."""
        self._settle_entry(refused=isinstance(event, Dropped) and event.window == NO_WINDOW)
        # The outputs of an undo's own step come between the two: a batch settles before the undo.
        if self._undo_at is not None and not (
            isinstance(event, Dropped | Learned) and event.at == self._undo_at
        ):
            self.settle()
        if self._teaching is not None and not (
            isinstance(event, Dropped | Learned) and event.at == self._teaching.at
        ):
            self._settle_taught()
        if not isinstance(event, Dropped):
            self._changing = None
        if isinstance(event, ChangeClass):
            self._change(event)
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
                self._ask(QuestionRecord(window, asked, expires, since))
            case Origin():
                self._announced = event
            case Label(at, window, cls):
                self._label(at, window, cls)
            case Teach(at, cls):
                self._teaching = self._label(at, NO_WINDOW, cls, taught=True)
            case Learned(at, window, _, _):
                self.learned += 1
                self.lessons[at] += 1
                self._learn(self._take_pending(window) or self._taught(at, window))
            case Dropped():
                self._dropped(event)
            case Undo(at):
                self.origin, self._undo_at = self._origin(at, last=True), at
            case AddClass(at) | Split(at) | ChangeClass(at):
                self.origin = self._origin(at)
                self._entry = self._changing if isinstance(event, ChangeClass) else event
            case Gap(start, lost, _):
                self._lose(start, lost)
            case Adopt(start, lost, state):
                self._lose(start, lost)
                if self._read_state is not None:
                    self._adopt(start, self._read_state(state))

    def adopt(
        self, tree: ClassTree, undoable: Iterable[Undoable],
        entries: Sequence[tuple[int, int] | None] | None = None,
    ) -> list[AnswerRecord]:  # fmt: skip
        """Continue from a session's own ``tree``, answers and changes of classes, oldest first.

        ``entries`` are those of its label log (`odl.core.state_view.StateView.entries`), if they are known.

        Returns
        -------
        list of AnswerRecord
            The answers that no event has shown.
        """
        self.classes.adopt(tree)
        known = {(one.window, one.cls): one for one in self.answers if one.counts}
        new = []
        self._undoable.clear()
        earlier = replace(tree, changes=())
        for item in undoable:
            if isinstance(item, ChangeClass):
                same = [one for one in self.changes if one.change == item and one.undone_at is None]
                made = same[0] if same else ChangeRecord.of(item, earlier)
                self.changes.extend([] if same else [made])
                self._undoable.append(made)
                earlier = earlier.with_change(item)
                continue
            window, cls = item
            one = known.get((window, cls))
            if one is None:
                one = AnswerRecord(window, cls, tree.name(cls), AnswerOutcome.LEARNED, missed=True)
                new += [one] if window >= 0 else []  # else of an earlier session
            self._undoable.append(one)
        self._restart_log(entries)
        return new

    def _lose(self, start: int, lost: int) -> None:
        self.position = start + lost
        self.gaps.append((start, lost))
        self.lost += lost

    def _adopt(self, start: int, state: AdoptedState) -> None:
        new = self.adopt(state.tree, state.undoable, state.entries)
        self.unseen.append((start, self.position + state.skip))
        if not start:  # these answers are older than the recording
            new = []
        for one in new:
            one.at = start
            one.state = AnswerOutcome.LEARNED if one.window in state.learned else AnswerOutcome.PENDING
            self._keep(one)
        known = {question.window for question in self.questions}
        for window, expires in (*state.questions, *((one.window, self.position) for one in new)):
            if window not in known:
                known.add(window)
                self._ask(QuestionRecord(window, self.position, expires, window, missed=True))
