"""The label log of a recording: its questions as cards, and all answers with their outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from odl.core.answer_records import AdoptedState, QuestionRecord
from odl.core.class_tree import ClassTree
from odl.core.events import Event, Learned, Prediction, Samples
from odl.core.history import SessionHistory
from odl.labels.answer_log import AnswerEntry, entry_of
from odl.labels.class_history import RecordedChange, RecordedChanges
from odl.labels.question import ChoiceTree, Question, Recent
from odl.labels.stretch import LONGEST, first_shown


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredQuestion:
    """One question of a recording: its card, and its answers, oldest first.

    ``missed`` is True if samples of its window are not in the recording, because the line was lost: the
    question cannot be asked when the session runs again. ``taught``: a label that nobody asked for.
    """

    question: Question
    answers: tuple[AnswerEntry, ...]
    missed: bool = False
    taught: bool = False

    @property
    def newest(self) -> AnswerEntry | None:
        """The answer that counts; without one the newest answer, or None."""
        counting = [one for one in self.answers if one.counts]
        return counting[-1] if counting else (self.answers[-1] if self.answers else None)

    @property
    def name(self) -> str | None:
        """The name of the answer that counts, None if none does."""
        return self.newest.name if self.newest is not None and self.newest.counts else None


@dataclass(frozen=True, slots=True)
class QuestionHistory:
    """A recording's questions and taught labels in window order, and its answers, oldest first.

    ``answers`` includes answers without a question. ``tree`` is the tree at the end, ``end`` the number
    of samples, ``gaps`` are (start, lost). ``parents`` holds the class above each added class, None for
    the root task. ``changes`` are those of the classes that no answer made.
    """

    questions: tuple[AnsweredQuestion, ...]
    answers: tuple[AnswerEntry, ...]
    tree: ChoiceTree
    parents: dict[str, str | None]
    gaps: tuple[tuple[int, int], ...]
    end: int
    changes: tuple[RecordedChange, ...] = ()


def read_question_history(
    events: Iterable[Event], tree: ClassTree, window: int, rate_hz: float,
    channels: Sequence[tuple[str, str, float]] = (), before: float = 4.0,
    read_state: Callable[[bytes], AdoptedState] | None = None, max_log: int | None = None,
) -> QuestionHistory:  # fmt: skip
    """Collect the questions and answers of a recording's events.

    Parameters
    ----------
    events : iterable of Event
        Inputs and outputs, in file order.
    tree : ClassTree
        Classes and tasks of the image that the session started from.
    window : int
        Window length in samples.
    rate_hz : float
        Samples per second.
    channels, before
        As for `odl.labels.prompt.Prompt`.
    read_state, max_log : optional
        As for `odl.core.history.SessionHistory`.

    Examples
    --------
    >>> from odl.core.events import Label, Query
    >>> events = [Prediction(0, (1,), (9000, 23768)), Query(0, 1, 500), Label(60, 0, 0)]
    >>> tree = ClassTree({0: "sit", 1: "walk"}, (None,), ((0, 0), (1, 0)))
    >>> history = read_question_history(events, tree, 40, 50.0)
    >>> [(asked.question.path, asked.newest.name) for asked in history.questions]
    [(('walk',), 'sit')]
    """
    history = SessionHistory(tree, window, read_state=read_state, max_log=max_log)
    recent = Recent(round((before + LONGEST) * rate_hz) + 2 * window)
    scales = [scale for _, _, scale in channels]
    cards: dict[int, Question] = {}
    taught: set[int] = set()
    changes = RecordedChanges()
    predicted: Prediction | None = None

    def card(asked: QuestionRecord) -> Question:
        at, classes = asked.window, _with_choices(history.tree)
        own = predicted if predicted is not None and predicted.window == at and not asked.missed else None
        path = () if own is None else tuple(map(classes.name, own.path))
        since = first_shown(asked.since, at, window, rate_hz)
        first = max(0, since - round(before * rate_hz))
        signal = recent.excerpt(first, at + window, scales)
        return Question(at, asked.asked, asked.expires, since, classes.likely(own), path, first, signal)

    for event in events:
        carded = len(history.questions)
        history.take(event)
        changes.take(event, history)
        if isinstance(event, Samples):
            recent.add(event.start, event.block)
        elif isinstance(event, Prediction):
            predicted = event
        while carded < len(history.questions):
            asked = history.questions[carded]
            cards[asked.window] = card(asked)
            carded += 1
        if isinstance(event, Learned) and event.window not in cards:
            at = event.window
            if any(one.taught and one.window == at for one in history.answers):
                taught.add(at)
                cards[at] = card(QuestionRecord(at, event.at, event.at, at))
    history.settle()
    entries = {id(one): entry_of(one) for one in history.answers}
    answers = history.answers_by_window()
    questions = tuple(
        AnsweredQuestion(
            question,
            tuple(entries[id(one)] for one in answers.get(at, ())),
            any(at < end and start < at + window for start, end in history.unseen),
            at in taught,
        )
        for at, question in sorted(cards.items())
    )
    return QuestionHistory(
        questions, tuple(entries.values()), _with_choices(history.tree), history.classes.parents,
        tuple(history.gaps), history.position, tuple(changes.found),
    )  # fmt: skip


def _with_choices(tree: ClassTree) -> ChoiceTree:
    return ChoiceTree(tree.first_names, tree.tasks, tree.rows, tree.changes)
