"""Ask questions with ``input()`` where there are no widgets: in a terminal or a plain console."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from odl._text import clean, percent
from odl.labels.prompt import Prompt
from odl.labels.question import Question
from odl.labels.stretch import stretch_words
from odl.live import LiveSession
from odl.notebook.html import joined

_HELP = "a number or a class name; s skip, = the same as before, u undo, q quit"


def ask_plainly(
    live: LiveSession, ask: Callable[[str], str] = input, write: Callable[[str], None] = print
) -> None:
    """Run ``live`` to its end and ask its questions one after another.

    The stream runs in a thread of its own, so a question that waits does not delay it.
    The function closes the recording and returns when the stream has ended or the person types ``q``.

    Parameters
    ----------
    live : LiveSession
        The session to run.
    ask : callable
        Shows a text and returns the line that the person types, as ``input`` does.
    write : callable
        Shows a line of text.

    Examples
    --------
    >>> import tempfile
    >>> from odl.live.playback import played
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     live = played("shoulder", 7, record=f"{folder}/7.odl", speed=1e4)
    ...     ask_plainly(live, ask=lambda text: "q", write=lambda line: None)
    ...     live.status().state
    'ended'
    """
    player = _SessionThread(live)
    player.start()
    prompt, sentence = live.prompt, ""
    write(f"{clean(live.status().port)}: answer the questions with {_HELP}.")
    try:
        while player.is_alive():
            if prompt.sentence != sentence:
                sentence = prompt.sentence
                write(f"  {clean(sentence, 200)}")
            if not prompt.questions:
                time.sleep(0.05)
                continue
            question = prompt.questions[0]
            write(_question_text(prompt, question))
            prompt.shown(question.window)
            words = stretch_words(question, prompt.rate_hz, prompt.position)
            typed = ask(f"what were you doing {words}? ").strip()
            if typed == "q":
                break
            _take(prompt, question, typed)
    except (KeyboardInterrupt, EOFError):
        write("stopped")
    finally:
        player.stop = True
        player.join()
        live.close()
    if player.error is not None:
        raise player.error


class _SessionThread(threading.Thread):
    """Steps a session until it ends or ``stop`` is set."""

    def __init__(self, live: LiveSession) -> None:
        super().__init__(daemon=True)
        self.stop = False
        self.error: Exception | None = None
        self._live = live
        live.wait = 0.05

    def run(self) -> None:
        try:
            for _ in self._live:
                if self.stop:
                    return
        except Exception as error:
            self.error = error


def _question_text(prompt: Prompt, question: Question) -> str:
    says = joined(question.path) or "nothing yet"
    lines = [f"a question, {prompt.left(question):.0f} s left; the model says {says}"]
    for number, one in enumerate(question.likely, 1):
        score = "" if one.score is None else f"  {percent(one.score)}"
        lines.append(f"  {number}  {joined(one.path)}{score}")
    lines += ["  or the name of something new"] if question.unknown else []
    return "\n".join(lines)


def _take(prompt: Prompt, question: Question, typed: str) -> None:
    window, likely = question.window, question.likely
    if typed in ("", "s"):
        prompt.skip(window)
    elif typed == "=":
        prompt.same(window)
    elif typed == "u":
        prompt.undo()
    elif typed.isdecimal() and typed not in [one.name for one in likely]:
        if 1 <= int(typed) <= len(likely):
            prompt.answer(window, likely[int(typed) - 1].name)
        else:
            prompt.note(f"{clean(typed, 12)} is no number of a class")
    else:
        prompt.answer(window, typed)
