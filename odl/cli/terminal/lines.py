"""A view of a live session as lines of text, for a log or a plain terminal; it reads answers as lines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from odl._text import clean
from odl.cli.output import with_flags
from odl.cli.terminal.keys import keyed
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Samples
from odl.labels.class_words import WORDS, class_edit, placed
from odl.labels.question import Question, Reply
from odl.labels.stretch import stretch_words
from odl.live.status import MonitoredSession, QuestionSource

_LASTS = 2.0  # seconds of the stream for which a prediction has to last until it is printed
_CHECK = 1.0  # seconds between two looks at the source's state
_GUARD = 1.0  # seconds in which a line may have been meant for the previous question


class LineView:
    """Prints a line on ``target`` for each event of ``live`` that concerns a person.

    If a person answers, one question is current at a time; the next follows when it has ended.
    """

    def __init__(self, live: MonitoredSession, target: TextIO, clock: Clock = SYSTEM_CLOCK) -> None:
        self.live, self.prompt, self._target, self._clock = live, live.prompt, target, clock
        self._asked: set[int] = set()
        self._told: Counter[tuple[int, str]] = Counter()
        self._path: tuple[str, ...] = ()  # that was printed last
        self._next: tuple[tuple[str, ...], int] = ((), 0)  # a path, and the position since which it lasts
        self._held = live.prompt.held  # times the board's button was held
        self._state, self._look = "", float("-inf")  # what the source did, and when to look again
        self._stop = threading.Event()
        self._answering = False
        self._current: int | None = None  # the window that an answer is about
        self._mine: int | None = None  # the window that was answered here last
        self._moved = -_GUARD  # when another question became current by itself

    def run(self, answers: TextIO | None = None) -> None:
        """Run the session to its end; each line of ``answers`` is an answer."""
        self._answering = answers is not None
        if answers is not None:
            if not self.prompt.questions:
                self._print(self.prompt.nothing)
            threading.Thread(target=self._read, args=(answers,), daemon=True).start()
        seen = -1
        for event in self.live:
            # After a step only: an answer has intermediate states within one.
            if isinstance(event, Samples) and self.prompt.changed != seen:
                seen = self.prompt.changed
                self._show()
            self._show_state()
            for sentence in self.live.notices():
                self._print(clean(with_flags(sentence), 200))
            if self._stop.is_set():
                break
        self._show()

    def _show(self) -> None:
        prompt = self.prompt
        self._show_path()
        told: Counter[tuple[int, str]] = Counter()
        for one in reversed(prompt.answers):
            told[one.window, one.sentence] += 1
            if told[one.window, one.sentence] > self._told[one.window, one.sentence]:
                self._print(f"{self._when(one.window)}: {one.sentence}")
        self._told = told
        if prompt.held != self._held:
            self._held = prompt.held
            self._print("the board's button was held; t and a name says what you are doing now")
        questions = prompt.questions
        if self._answering:
            self._ask_oldest(questions)
        else:
            for question in questions:
                if question.window not in self._asked:
                    self._ask(question)
        self._asked = {question.window for question in questions}

    def _show_state(self) -> None:
        """Print the state of the source when it has changed, such as a port that was unplugged."""
        if (now := self._clock.monotonic()) < self._look:
            return
        self._look, status = now + _CHECK, self.live.status()
        if status.state != self._state:
            self._state = status.state
            self._print(f"{clean(status.port, 30)}: {clean(status.state, 60)}")

    def _show_path(self) -> None:
        """Print what is predicted once it has lasted for a while."""
        path, now = tuple(self.prompt.path), self.prompt.position
        if path != self._next[0]:
            self._next = path, now
        if path != self._path and now - self._next[1] >= _LASTS * self.prompt.rate_hz:
            self._path = path
            truth = f"   truth {clean(self.prompt.truth)}" if self.prompt.truth else ""
            self._print(" > ".join(clean(name, 80) for name in path) + truth)

    def _ask_oldest(self, questions: Sequence[Question]) -> None:
        """Ask the oldest question if none is current; for each other one print that it waits."""
        if self._current not in [question.window for question in questions]:
            if self._current not in (None, self._mine):
                self._moved = self._clock.monotonic()
            self._current = questions[0].window if questions else None
            if questions:
                self._ask(questions[0])
        for question in questions:
            if question.window not in self._asked and question.window != self._current:
                self._print(f"{self._when(question.window)} is a question too; it waits for its turn")

    def _ask(self, question: Question) -> None:
        self.prompt.shown(question.window)
        keys = ", ".join(f"{key} {clean(name)}" for key, name in keyed(question.likely).items())
        keys = keys if self._answering else ""
        truth = f"the recording says: {clean(question.truth)}" if question.truth else ""
        offer = question.offer if self._answering else question.offer.partition(":")[0]
        said = "; ".join(filter(None, (offer, keys, truth, self.prompt.about(question), question.lacks)))
        words = stretch_words(question, self.prompt.rate_hz, self.prompt.position)
        self._print(f"{self._when(question.window)}: what were you doing {words}? {said}")

    def _when(self, window: int) -> str:
        return f"{window / self.prompt.rate_hz:.1f} s"  # the form in which each line starts

    def _read(self, answers: TextIO) -> None:
        with suppress(OSError, ValueError):  # the line to the person is cut
            for line in answers:
                said = self._take(line.strip())
                if said is None:
                    self._stop.set()
                    break
                if said:
                    self._print(said)

    def _take(self, line: str) -> str | None:
        """Carry out ``line`` for the current question, as `typed` does."""
        before, self._mine = self._mine, self._current
        if line not in ("q", "u", "") and self._clock.monotonic() - self._moved < _GUARD:
            said: str | None = "another question has only just appeared; answer again"
        else:
            said = typed(self.prompt, line, self._current)
        if said or line == "u":
            self._mine = before
        return said

    def _print(self, text: str) -> None:
        at = self.prompt.position / self.prompt.rate_hz
        self._target.write(f"{at:9.1f} s  {text}\n")  # one call, because two threads write
        self._target.flush()


def typed(prompt: QuestionSource, line: str, window: int | None) -> str | None:
    """Carry out ``line`` for the question about ``window``: a key, a class's name, or ``n`` and a name.

    ``t`` and a name teaches what is done now; ``under`` and a class behind a new name say where it goes.
    `odl.labels.class_words.WORDS` change the classes. Returns a sentence if it had no effect, else an empty
    one; None where the person quits.
    """
    if line == "q":
        return None
    if line == "u":
        return prompt.undo().sentence
    if line.startswith("t "):
        name, under = placed(line[2:])
        return _unless_taken(prompt.teach(name, None, under=under))
    if (edit := class_edit(line)) is not None:
        return _unless_taken(prompt.edit_classes(*edit))
    if window is None:
        return "no question is open; t and a name teaches what you are doing now" if line else ""
    question = next((one for one in prompt.questions if one.window == window), None)
    if question is None or line == "s":
        said = prompt.skip(window)  # the prompt says that the question has ended
    elif line == "=":
        said = prompt.same(window)
    elif line.startswith("n "):
        name, under = placed(line[2:])
        said = prompt.answer(window, name, None, under=under)
    elif line in (names := keyed(question.likely)):
        said = prompt.answer(window, names[line])
    elif line in [one.name for one in question.likely]:
        said = prompt.answer(window, line)
    else:
        return (
            "a key, a class's name, n and a new name, s (skip), = (same), t and a name (teach), u (undo) "
            f"or q (quit); {WORDS}"
        )
    return _unless_taken(said)


def _unless_taken(said: Reply) -> str:
    return "" if said.taken else said.sentence
