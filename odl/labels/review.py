"""Review a recording's questions with the same keys as a prompt; each answer is an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from odl._text import clean
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Event, Samples, valid_name
from odl.core.protocols import ClassEdit
from odl.labels.answer_log import AnswerEntry
from odl.labels.edits import Edit, current_edits, missed, parents_of
from odl.labels.question import ClassChoice, Placement, Question, Reply
from odl.labels.question_history import QuestionHistory

_UNANSWERED = {
    "skipped": "skipped", "expired": "expired", "undone": "its answer was taken back",
    "refused": "its answer had no effect",
}  # fmt: skip
Edited = Callable[[int, str | None, str | None, int], None]  # window, name, under, milliseconds


class Review:
    """The questions of ``history``, for a view (`odl.live.status.QuestionSource`).

    Parameters
    ----------
    history : QuestionHistory
        Questions and answers of the recording.
    edits : sequence of Edit
        Earlier edits, oldest first.
    edited : callable
        Called with each edit: window, name (None: no answer counts), the class above a new one, and the
        milliseconds that the person took. If it raises a ValueError or an OSError, the edit is not
        made and the person sees the message.
    room : int
        Most classes that the model has room for.
    clock : Clock
        Times each answer.

    Examples
    --------
    >>> from odl.core.events import Label, Query
    >>> from odl.core.class_tree import ClassTree
    >>> from odl.labels.question_history import read_question_history
    >>> tree = ClassTree({0: "sit", 1: "walk"}, (None,), ((0, 0), (1, 0)))
    >>> history = read_question_history([Query(0, 1, 500), Label(60, 0, 0)], tree, 40, 50.0)
    >>> review = Review(history, [], lambda *edit: print(edit[:3]))
    >>> review.about(review.questions[0]), review.answer(0, "walk").sentence
    (0, 'walk', None)
    ("answered 'sit'", "'walk' instead of 'sit'")
    """

    live = False
    nothing = "all questions are reviewed; q: done"

    def __init__(
        self,
        history: QuestionHistory,
        edits: Sequence[Edit],
        edited: Edited,
        *,
        by: str = "relabel",
        rate_hz: float = 50.0,
        channels: Sequence[tuple[str, str, float]] = (),
        room: int = 255,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.changed = self.held = 0
        self.wake: Callable[[], None] | None = None
        self.by, self.rate_hz, self.channels = by, rate_hz, tuple(channels)
        self.position = history.end
        self._edited, self._clock, self._room = edited, clock, room
        self._tree = history.tree
        self._asked = {asked.question.window: asked for asked in history.questions}
        self._names = {w: asked.name for w, asked in self._asked.items()}
        self._names |= {w: edit.name for w, edit in current_edits(edits).items() if w in self._asked}
        homes, there = parents_of(edits), self._tree.names.values()
        self._homes = {n: homes.get(n) for n in self._names.values() if n is not None and n not in there}
        self._waiting = list(self._asked)
        # Window, the name that counted before, and the class above it.
        self._done: list[tuple[int, str | None, str | None]] = []
        self._told: list[AnswerEntry] = []
        self._since: dict[int, float] = {}
        self.sentence = ""

    @property
    def questions(self) -> tuple[Question, ...]:
        """Questions not reviewed yet; classes added later are at the end of their cards."""
        everything, cards = self.likely, []
        for window in self._waiting:
            card = self._asked[window].question
            there = {one.name for one in card.likely}
            later = tuple(one._replace(score=None) for one in everything if one.name not in there)
            cards.append(replace(card, likely=card.likely + later) if later else card)
        return tuple(cards)

    @property
    def likely(self) -> tuple[ClassChoice, ...]:
        """All classes, those that edits added at the end."""
        return self._tree.likely(None) + tuple(ClassChoice(name, None, (name,)) for name in self._new)

    @property
    def _new(self) -> list[str]:
        """Names of classes that current edits add."""
        return [name for name in self._homes if name in self._names.values()]

    @property
    def path(self) -> tuple[str, ...]:
        """Empty: a review has no current prediction."""
        return ()

    @property
    def truth(self) -> str:
        """Empty, as `path`."""
        return ""

    @property
    def hidden(self) -> tuple[ClassChoice, ...]:
        """Empty: a review changes no classes."""
        return ()

    def home_of(self, name: str) -> Placement | None:
        """None: a review asks where a new class goes."""
        return None

    @property
    def places(self) -> tuple[Placement, ...]:
        """Places for a new class in the tree."""
        return self._tree.places(self._room - len(self._new), 255)

    @property
    def answers(self) -> tuple[AnswerEntry, ...]:
        """The edits of this review, the newest first."""
        return tuple(reversed(self._told))

    @property
    def previous(self) -> str | None:
        """The name of the newest edit, or None."""
        return next((one.name for one in self.answers if one.name is not None), None)

    def about(self, question: Question) -> str:
        """The answer that counts now, as a sentence."""
        answer, name = self._asked[question.window].newest, self._names[question.window]
        if name is None:
            return _UNANSWERED.get(answer.state if answer is not None else "", "no answer counts")
        known = answer is not None and answer.name == name and answer.by
        by = f" by {clean(answer.by)}" if answer is not None and known else ""
        verb = "taught" if self._asked[question.window].taught else "answered"
        return f"{verb} '{clean(name)}'{by}"

    def shown(self, window: int) -> None:
        """Note that a view shows the card; the answer time counts from the first call."""
        self._since.setdefault(window, self._clock.monotonic())

    def answer(
        self, window: int, name: str | None, head: int | None = 0, leaf: int | None = None,
        by: str | None = None, under: str | None = None,
    ) -> Reply:  # fmt: skip
        """Edit the answer of ``window`` to class ``name``; None: no answer counts."""
        if window not in self._waiting:
            return self._say(Reply(False, "this question is reviewed already; u takes that back"))
        before, under = self._names[window], None
        home = self._homes.get(before) if before is not None else None
        if name is not None:
            name = " ".join(name.split())
        if self._asked[window].missed and name != before:
            return self._say(Reply(False, missed(window)))
        if name is not None and name not in (one.name for one in self.likely):
            if not valid_name(name):
                return self._say(Reply(False, "a class needs a name of 1 to 32 bytes of printable text"))
            if not self.places:
                return self._say(Reply(False, "the model has no room for another class"))
            parent = self._tree.tasks[head or 0] if leaf is None else leaf
            under = None if parent is None else self._tree.name(parent)
        took = round(1000 * (self._clock.monotonic() - self._since.get(window, self._clock.monotonic())))
        if name != before:
            try:
                self._edited(window, name, under, took)
            except (ValueError, OSError) as error:  # such as: the class above it was added later
                return self._say(Reply(False, str(error)))
        if name is not None and name not in (one.name for one in self.likely):
            self._homes[name] = under
        self._since.pop(window, None)
        self._waiting.remove(window)
        self._names[window] = name
        self._done.append((window, before, home))
        what = "no answer" if name is None else f"'{clean(name)}'"
        old = "no answer" if before is None else f"'{clean(before)}'"
        sentence = f"{what} as before" if name == before else f"{what} instead of {old}"
        self._told.append(AnswerEntry(window, name, "edited", sentence, by=self.by, took=took))
        return self._say(Reply(True, sentence))

    def skip(self, window: int, by: str | None = None) -> Reply:
        """Edit the question to have no answer."""
        return self.answer(window, None)

    def same(self, window: int, by: str | None = None) -> Reply:
        """Answer with the name of the newest edit."""
        if self.previous is None:
            return self._say(Reply(False, "there is no earlier answer to repeat"))
        return self.answer(window, self.previous)

    def teach(
        self, name: str, head: int | None = 0, leaf: int | None = None, by: str | None = None,
        under: str | None = None,
    ) -> Reply:  # fmt: skip
        """Refuse: only a session that runs can be taught."""
        return self._say(Reply(False, "only a session that runs can be taught unasked"))

    def edit_classes(self, edit: ClassEdit, under: str | None = None) -> Reply:
        """Refuse: a recording's classes are changed by name."""
        return self._say(Reply(False, "here answers are edited; 'odl label' has options for classes"))

    def undo(self, by: str | None = None) -> Reply:
        """Take back the last edit of this review, by another edit."""
        if not self._done:
            return self._say(Reply(False, "nothing was edited in this review"))
        window, before, home = self._done[-1]
        if before != self._names[window]:
            try:
                self._edited(window, before, home, 0)
            except (ValueError, OSError) as error:
                return self._say(Reply(False, str(error)))
        self._done.pop()
        self._told.pop()
        self._names[window] = before
        if before in self._homes:
            self._homes[before] = home
        self._waiting = sorted([*self._waiting, window])
        return self._say(Reply(True, "taken back"))

    def note(self, sentence: str) -> None:
        """Show ``sentence`` to the person."""
        self._say(Reply(True, sentence))

    def _say(self, said: Reply) -> Reply:
        self.sentence = said.sentence
        self.changed += 1
        return said


class ReviewLoop:
    """A review as an endless loop for a view (`odl.live.status.InteractiveSession`)."""

    def __init__(self, review: Review, clock: Clock = SYSTEM_CLOCK) -> None:
        self.prompt, self._clock = review, clock

    def __iter__(self) -> Iterator[Event]:
        while True:
            self._clock.sleep(0.1)
            yield Samples(self.prompt.position, np.zeros((0, 1), np.int16))

    def notices(self) -> list[str]:
        """Return no notices."""
        return []
