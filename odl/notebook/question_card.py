"""The open question as a card: plot, one button per class, a new class, skip, same, undo."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

from odl._text import clean
from odl.labels.question import Place, Question
from odl.live.status import QuestionSource
from odl.notebook.buttons import Deck, button, close_all, labelled, let_see
from odl.notebook.html import clock, joined, line, safe
from odl.notebook.pictures import Channel, Picture
from odl.notebook.shortcuts import NAME, Keys, entered

GUARD = 0.25  # seconds: an answer that comes sooner after the card changed was meant for another
QUIET = "No question is open. The next one appears here when the model is unsure of a window."
AXIS = "time (s); 0 is where the window begins"
_SKIP = "skip (s)", "leave this question unanswered"
_NOTHING = "no answer (s)", "no answer counts for this window"
_HINT = "click here: 1-9 n s l = u"


class Card:
    """Shows a prompt's first open question and takes a person's answer.

    Clicks and keys may come in any thread: they go to the prompt, which is made for that.
    Widgets are changed by `show` and `tick` only, which one task calls.

    Parameters
    ----------
    prompt : odl.live.status.QuestionSource
        Whose questions are shown and who is told the answers.
    channels : sequence of (name, unit)
        What the columns of the questions' signals are.
    quiet : str
        What is said where no question is open.
    now : callable
        Seconds, steady.
    """

    def __init__(
        self,
        prompt: QuestionSource,
        channels: Sequence[Channel],
        quiet: str = QUIET,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        import ipywidgets as w

        self._prompt, self._quiet, self._now = prompt, quiet, now
        self._plot = Picture(channels, [], AXIS)
        self._question: Question | None = None
        self._since = 0.0
        self._about: int | None = None  # the window that a new class is being named for
        self._later: set[int] = set()  # windows of questions put aside
        self._due: float | None = None  # when the name in the field is read
        self._places: tuple[Place, ...] = ()
        self.picture, self.head, self.beside, self.said = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self._actions = {"s": self._skip, "u": self._undo, "=": self._same_again, "l": self._put_aside}
        # Two decks in turn, so that a click on a card that is gone is known by its button.
        self._decks = (Deck(self._pick), Deck(self._pick))
        self._deck = self._decks[0]
        self.keys = Keys(self._key, self._named, _HINT, now)
        self._new = labelled(w.Text, "new class", "the name of a new class", "18em", placeholder="its name")
        self._under = labelled(w.Dropdown, "under", "where it hangs in the tree", "19em", options=[("", 0)])
        self._add = button("add (Enter)", "answer with the new class", self._add_class)
        self._new.on_msg(self._message)
        self._new.observe(self._typing, "value")
        self._skip_it = button(*(_SKIP if prompt.live else _NOTHING), self._skip)
        self._same = button("same as before (=)", "answer as the last time", self._same_again, "15em")
        self.undo = button("undo (u)", "take back the answer given last", self._undo)
        fresh = w.HBox([self._new, self._under, self._add])
        self._aside = button("later (l)", "look at the next open question first", self._put_aside)
        rest = w.HBox([self._skip_it, self._aside, self._same, self.undo, self.keys.field])
        self._open = w.VBox([self.picture, *(deck.box for deck in self._decks), fresh])
        title = w.HBox([self.head, self.beside], layout=w.Layout(flex_flow="row wrap"))
        self.box = w.VBox([title, self._open, rest, self.said])
        let_see(self._open, False)
        self.head.value = line(self._quiet)

    # --- what a person does; any thread ------------------------------------------------------

    def _pick(self, deck: Deck, index: int) -> None:
        if deck.window is not None and index < len(deck.names):
            self._give(deck.window, deck.names[index])

    def _give(self, window: int, name: str | None, head: int = 0, leaf: int | None = None) -> bool:
        if self._too_soon():
            return False
        taken = self._prompt.answer(window, name, head, leaf).taken
        self.keys.focus()
        return taken

    def _too_soon(self) -> bool:
        if self._now() - self._since >= GUARD:
            return False
        self._prompt.note("the question had only just changed: please answer again")
        return True

    def _skip(self, _: Any = None) -> None:
        if self._question is not None:
            self._give(self._question.window, None)

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
        # Not at once: the browser may send Enter before the text that was typed before it.
        self._due = self._now() + GUARD

    def _key(self, key: str) -> None:
        if key.isdecimal() and key != "0":
            self._pick(self._deck, int(key) - 1)
        elif key == NAME and self._question is not None:
            self._about = self._question.window
        else:
            action = self._actions.get(key)
            if action is not None:
                action()

    def _named(self, name: str) -> bool:
        """A new class for the question that was there when its name was begun."""
        chosen = self._under.value
        if self._about is None or not 0 <= chosen < len(self._places):
            return False
        place = self._places[chosen]
        return self._give(self._about, name, place.head, place.leaf)

    # --- what the view does; one task --------------------------------------------------------

    @property
    def waiting(self) -> Question | None:
        """The question that should be on the card now."""
        questions = self._prompt.questions
        if all(one.window in self._later for one in questions):
            self._later.clear()
        return next((one for one in questions if one.window not in self._later), None)

    @property
    def current(self) -> bool:
        """Whether the card shows the question that it should."""
        return _offered(self.waiting) == _offered(self._question)

    def draw(self, question: Question) -> bytes:
        """The window's plot with a few seconds before it, as PNG; in any thread."""
        self._plot.question(question, self._prompt.rate_hz, "what was this?")
        return self._plot.png()

    def show(self, question: Question | None, png: bytes = b"") -> None:
        """Put ``question`` and its plot on the card, or take the last one off it."""
        self._question = question
        if question is None:
            let_see(self._open, False)
            self.tick()
            return
        old, self._deck = self._deck, self._decks[self._deck is self._decks[0]]
        self._deck.fill(question)
        about = f"The signal of the window at {clock(question.window / self._prompt.rate_hz)}"
        self.picture.value = _img(png, f"{about} and the seconds before it; the window is shaded")
        self._offer_places()
        let_see(old.box, False)
        let_see(self._deck.box, True)
        let_see(self._open, True)
        self.tick()
        self._since = self._now()
        self._prompt.shown(question.window)

    def over(self) -> None:
        """Nothing is taken any more: the session has ended."""
        self._quiet = "The session is over, so nothing is asked any more."
        self.show(None)
        self.undo.disabled = self.keys.field.disabled = True

    def act(self) -> None:
        """Do what is due by now; call it often."""
        self.keys.tick()
        if self._due is not None and self._now() >= self._due:
            self._due = None
            if self._named(self._new.value):
                self._new.value = ""

    def tick(self) -> None:
        """Bring up to date what changes while a question waits."""
        question, prompt = self._question, self._prompt
        if question is None:
            _set(self.head, line(self._quiet))
            _set(self.beside, "")
        else:
            verb = "says" if prompt.live else "said"
            said = f"The model {verb} {joined(question.path)}" if question.path else "The model has not said"
            said += f" ({question.lacks})" if question.lacks else ""
            at = clock(question.window / prompt.rate_hz)
            _set(self.head, line(f"What was this, at {at}? {said}.", strong=True))
            more = len(prompt.questions) - 1
            waits = f"; {more} more {'waits' if more == 1 else 'wait'}" if more > 0 else ""
            _set(self.beside, line(f"{prompt.about(question)}{waits}", spoken=False))
        previous = prompt.previous
        self._same.description = f"= {clean(previous, 16)} again" if previous else "same as before (=)"
        self._same.disabled = previous is None or question is None
        self._skip_it.disabled = question is None
        self._aside.disabled = question is None or len(prompt.questions) < 2
        sentence = "" if prompt.told and prompt.told[0].sentence == prompt.sentence else prompt.sentence
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
        """Take the widgets away."""
        close_all((self.box,))


def _offered(question: Question | None) -> tuple[int, tuple[str, ...]] | None:
    """What tells one card from another: the window and the classes to choose from."""
    return None if question is None else (question.window, tuple(one.name for one in question.likely))


def _img(png: bytes, about: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{safe(about, 160)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value
