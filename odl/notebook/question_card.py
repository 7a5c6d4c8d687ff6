"""The open question as a card: plot, one button per class, a new class, skip, same, undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from odl._text import clean
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.labels.question import Placement, Question
from odl.labels.stretch import ago_words, stretch_words
from odl.live.status import QuestionSource
from odl.notebook.buttons import ClassButtons, button, close_all, labelled, show_if
from odl.notebook.html import joined, line, picture
from odl.notebook.pictures import Channel, Picture
from odl.notebook.shortcuts import NAME, Shortcuts, entered
from odl.notebook.typed_text import TypedText

GUARD = 0.25  # seconds after a card's change in which an answer was meant for the previous card
QUIET = "No question is open. The next one appears here."
AXIS = "time (s); the question is about the shaded stretch"
_SKIP = "skip (s)", "leave this question unanswered"
_NOTHING = "no answer (s)", "no answer counts for this question"
_HINT = "click here: 1-9 n s l = u"


class QuestionCard:
    """Shows the first open question of a prompt and passes a person's answer to the prompt.

    Clicks and keys may arrive in any thread; any thread may call the prompt. Only `show` and `tick`, which
    one task calls, change widgets.

    Parameters
    ----------
    prompt : odl.live.status.QuestionSource
        Gives the questions and takes the answers.
    channels : sequence of (name, unit)
        Name and unit of each column of the questions' signals.
    quiet : str
        The text where no question is open.
    clock : Clock
        Says how long a question has been on the card.
    """

    def __init__(
        self,
        prompt: QuestionSource,
        channels: Sequence[Channel],
        quiet: str = QUIET,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        import ipywidgets as w

        self._prompt, self._quiet, self._clock = prompt, quiet, clock
        self._plot = Picture(channels, [], AXIS)
        self._question: Question | None = None
        self._since = 0.0
        self._about: int | None = None  # the window whose new class is being named
        self._later: set[int] = set()  # windows of postponed questions
        self._places: tuple[Placement, ...] = ()
        self.picture, self.head, self.beside, self.said = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self._actions = {"s": self._skip, "u": self._undo, "=": self._same_again, "l": self._put_aside}
        # Two rows of buttons in turn, so that a late click on the previous card is known by its button.
        self._rows = (ClassButtons(self._pick), ClassButtons(self._pick))
        self._row = self._rows[0]
        self.keys = Shortcuts(self._key, self._named, _HINT, clock)
        self._new = labelled(w.Text, "new class", "the name of a new class", "18em", placeholder="its name")
        self._under = labelled(w.Dropdown, "under", "its place in the tree", "19em", options=[("", 0)])
        self._add = button("add (Enter)", "answer with the new class", self._add_class)
        self._typed = TypedText(self._new, clock)
        self._new.on_msg(self._message)
        self._new.observe(self._typing, "value")
        self._skip_it = button(*(_SKIP if prompt.live else _NOTHING), self._skip)
        self._same = button("same as before (=)", "repeat the last answer", self._same_again, "15em")
        self.undo = button("undo (u)", "take back the last answer", self._undo)
        fresh = w.HBox([self._new, self._under, self._add])
        self._aside = button("later (l)", "show the next open question first", self._put_aside)
        rest = w.HBox([self._skip_it, self._aside, self._same, self.undo, self.keys.field])
        self._open = w.VBox([self.picture, *(row.box for row in self._rows), fresh])
        title = w.HBox([self.head, self.beside], layout=w.Layout(flex_flow="row wrap"))
        self.box = w.VBox([title, self._open, rest, self.said])
        show_if(self._open, False)
        self.head.value = line(self._quiet)

    # --- input of a person; any thread -------------------------------------------------------

    def _pick(self, row: ClassButtons, index: int) -> None:
        if row.window is not None and index < len(row.names):
            self._answer(row.window, row.names[index])

    def _answer(self, window: int, name: str | None, head: int = 0, leaf: int | None = None) -> bool:
        if self._too_soon():
            return False
        taken = self._prompt.answer(window, name, head, leaf).taken
        self.keys.focus()
        return taken

    def _too_soon(self) -> bool:
        if self._clock.monotonic() - self._since >= GUARD:
            return False
        self._prompt.note("the question has only just changed: please answer again")
        return True

    def _skip(self, _: Any = None) -> None:
        if self._question is not None:
            self._answer(self._question.window, None)

    def _same_again(self, _: Any = None) -> None:
        if self._question is not None and not self._too_soon():
            self._prompt.same(self._question.window)
            self.keys.focus()

    def _put_aside(self, _: Any = None) -> None:
        if self._question is not None and len(self._prompt.questions) > 1:
            self._later.add(self._question.window)
        self.keys.focus()

    def _undo(self, _: Any = None) -> None:
        self._prompt.undo()
        self.keys.focus()

    def _typing(self, change: Any) -> None:
        if change["new"] and not change["old"] and self._question is not None:
            self._about = self._question.window

    def _message(self, _: Any, content: Any, __: Any) -> None:
        if entered(content):
            self._add_class()

    def _add_class(self, _: Any = None) -> None:
        self._typed.end()

    def _key(self, key: str) -> None:
        if key.isdecimal() and key != "0":
            self._pick(self._row, int(key) - 1)
        elif key == NAME and self._question is not None:
            self._about = self._question.window
        else:
            action = self._actions.get(key)
            if action is not None:
                action()

    def _named(self, name: str) -> bool:
        """Answer the question that was shown when the person started the name, with a new class."""
        chosen = self._under.value
        if self._about is None or not 0 <= chosen < len(self._places):
            return False
        home = self._prompt.home_of(name) if chosen == 0 else None
        place = self._places[chosen] if home is None else home
        return self._answer(self._about, name, place.head, place.leaf)

    # --- for the view; one task --------------------------------------------------------------

    @property
    def waiting(self) -> Question | None:
        """The question that the card should show now."""
        questions = self._prompt.questions
        if all(one.window in self._later for one in questions):
            self._later.clear()
        return next((one for one in questions if one.window not in self._later), None)

    @property
    def current(self) -> bool:
        """True if the card shows the question that it should."""
        return _offered(self.waiting) == _offered(self._question)

    def draw(self, question: Question) -> bytes:
        """Return the plot of the stretch and a few seconds before it, as PNG; any thread may call this."""
        self._plot.question(question, self._prompt.rate_hz, "what was this?")
        return self._plot.png()

    def show(self, question: Question | None, png: bytes = b"") -> None:
        """Show ``question`` and its plot; None clears the card."""
        self._question = question
        if question is None:
            show_if(self._open, False)
            self.tick()
            return
        old, self._row = self._row, self._rows[self._row is self._rows[0]]
        self._row.fill(question)
        words = stretch_words(question, self._prompt.rate_hz)
        self.picture.value = picture(png, f"The signal {words}, which is shaded, and some seconds before")
        self._offer_places()
        show_if(old.box, False)
        show_if(self._row.box, True)
        show_if(self._open, True)
        self.tick()
        self._since = self._clock.monotonic()
        self._prompt.shown(question.window)

    def over(self) -> None:
        """Take no more answers, because the session has ended."""
        self._quiet = "The session has ended; there are no more questions."
        self.show(None)
        self.undo.disabled = self.keys.field.disabled = True

    def act(self) -> None:
        """Pass on typed names that are due; call this often."""
        self.keys.tick()
        name = self._typed.whole()
        if name is not None and self._named(name):
            self._new.value = ""

    def tick(self) -> None:
        """Update the parts of the card that change while a question waits."""
        question, prompt = self._question, self._prompt
        if question is None:
            _set(self.head, line(self._quiet))
            _set(self.beside, "")
        else:
            verb = "says" if prompt.live else "said"
            said = f"The model {verb} {joined(question.path)}" if question.path else "The model has not said"
            said += f" ({question.lacks})" if question.lacks else ""
            said += ". The field below, or n, takes the name of a new class" if question.unknown else ""
            said += f". The recording says {clean(question.truth)}" if question.truth else ""
            words = stretch_words(question, prompt.rate_hz)  # without the time that passes: it is read out
            _set(self.head, line(f"What were you doing {words}? {said}.", strong=True))
            more = len(prompt.questions) - 1
            waits = f"; {more} more {'waits' if more == 1 else 'wait'}" if more > 0 else ""
            ago = ago_words(question, prompt.rate_hz, prompt.position) if prompt.live else ""
            ended = f"it ended {ago}; " if ago else ""
            _set(self.beside, line(f"{ended}{prompt.about(question)}{waits}", spoken=False))
        previous = prompt.previous
        self._same.description = f"= {clean(previous, 16)} again" if previous else "same as before (=)"
        self._same.disabled = previous is None or question is None
        self._skip_it.disabled = question is None
        self._aside.disabled = question is None or len(prompt.questions) < 2
        sentence = "" if prompt.answers and prompt.answers[0].sentence == prompt.sentence else prompt.sentence
        if self.keys.naming:
            sentence = "new class: type its name, then Enter"
        _set(self.said, line(sentence) if sentence else "")

    def _offer_places(self) -> None:
        places = self._prompt.places
        if places == self._places:
            return
        self._places = places
        self._under.options = [
            ("\u00a0\u00a0" * place.depth + clean(place.under or "the root task"), i)
            for i, place in enumerate(places)
        ] or [("no room for another class", -1)]  # fmt: skip
        self._add.disabled = not places

    def close(self) -> None:
        """Close the widgets."""
        close_all((self.box,))


def _offered(question: Question | None) -> tuple[int, tuple[str, ...]] | None:
    """Return the window and the classes to choose from; they identify a card."""
    return None if question is None else (question.window, tuple(one.name for one in question.likely))


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value
