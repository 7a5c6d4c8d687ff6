"""A view of a live session as lines of text, for a log or a plain terminal; it reads answers as lines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from odl._text import clean
from odl.cli.output import with_flags
from odl.cli.terminal.screen import figures, keyed
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Samples
from odl.labels.question import Question
from odl.labels.stretch import stretch_words
from odl.live.status import MonitoredSession, QuestionSource

_REPORT = 10.0  # seconds of the stream between two lines of figures
_GUARD = 1.0  # seconds in which a line may have been meant for the previous question


class LineView:
    """Prints a line on ``target`` for each event of ``live`` that concerns a person.

    If a person answers, one question is current at a time; the next follows when it has ended.
    """

    def __init__(self, live: MonitoredSession, target: TextIO, clock: Clock = SYSTEM_CLOCK) -> None:
        self.live, self.prompt, self._target, self._clock = live, live.prompt, target, clock
        self._asked: set[int] = set()
        self._told: Counter[tuple[int, str]] = Counter()
        self._path: tuple[str, ...] = ()
        self._report = 0
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
            if self.prompt.position >= self._report:
                self._report = self.prompt.position + round(_REPORT * self.prompt.rate_hz)
                self._print("   ".join(figures(self.live.status())))
            for sentence in self.live.notices():
                self._print(clean(with_flags(sentence), 200))
            if self._stop.is_set():
                break
        self._show()

    def _show(self) -> None:
        prompt = self.prompt
        if prompt.path != self._path:
            self._path = tuple(prompt.path)
            self._print(" > ".join(map(clean, self._path)))
        told: Counter[tuple[int, str]] = Counter()
        for one in reversed(prompt.answers):
            told[one.window, one.sentence] += 1
            if told[one.window, one.sentence] > self._told[one.window, one.sentence]:
                self._print(f"{self._when(one.window)}: {one.sentence}")
        self._told = told
        questions = prompt.questions
        if self._answering:
            self._ask_oldest(questions)
        else:
            for question in questions:
                if question.window not in self._asked:
                    self._ask(question)
        self._asked = {question.window for question in questions}

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
        said = "; ".join(filter(None, (keys, self.prompt.about(question), question.lacks)))
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

    Returns a sentence if it had no effect, else an empty one; None where the person quits.
    """
    if line == "q":
        return None
    if line == "u":
        return prompt.undo().sentence
    if window is None:
        return "no question is open" if line else ""
    question = next((one for one in prompt.questions if one.window == window), None)
    if question is None or line == "s":
        said = prompt.skip(window)  # the prompt says that the question has ended
    elif line == "=":
        said = prompt.same(window)
    elif line.startswith("n "):
        said = prompt.answer(window, line[2:])
    elif line in (names := keyed(question.likely)):
        said = prompt.answer(window, names[line])
    elif line in [one.name for one in question.likely]:
        said = prompt.answer(window, line)
    else:
        return "a key, a class's name, n and a new name, s (skip), = (same), u (undo) or q (quit)"
    return "" if said.taken else said.sentence
