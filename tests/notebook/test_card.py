"""The question's card at the layer of its widgets, without any browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from odl.core.config import Config
from odl.core.events import AddClass, Prediction, Query, Samples
from odl.core.image import Image
from odl.core.protocols import Answer, TakeBack
from odl.core.session import Session
from odl.data import model_bytes
from odl.labels.prompt import Prompt
from odl.notebook.html import joined
from odl.notebook.question_card import GUARD, QuestionCard
from tests.helpers.virtual_clock import VirtualClock

CHANNELS = [(name, "g", 1 / 4096) for name in ["ax", "ay", "az", "wx", "wy", "wz"]]


class CardHarness:
    """A prompt with a stream, a card in front of it, and a clock that the test turns."""

    def __init__(self, model: str = "shoulder") -> None:
        self.clock = VirtualClock()
        image = Image.from_bytes(model_bytes(model))
        session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
        self.prompt = Prompt(session, image, by="notebook", channels=CHANNELS, clock=self.clock)
        block = np.arange(6 * 640, dtype=np.int16).reshape(-1, 6)
        self.prompt.take(Samples(0, block))
        self.card = QuestionCard(self.prompt, [(name, unit) for name, unit, _ in CHANNELS], clock=self.clock)

    def ask(self, window: int, expires: int = 100_000) -> None:
        self.prompt.ask(Query(window, 9000, expires), 640)

    def turn(self, wait: float = 1.0) -> None:
        """Let the view have its turn, and time pass."""
        for _ in range(2):
            self.card.act()
            if not self.card.current:
                question = self.card.waiting
                self.card.show(question, self.card.draw(question) if question else b"")
            self.card.tick()
            self.clock.now += wait / 2

    def polled(self) -> list[Any]:
        return list(self.prompt.poll(640))

    def button(self, start: str) -> Any:
        """The button on the card whose text begins with ``start``."""
        found = [b for b in buttons(self.card.box) if b.description.startswith(start)]
        assert len(found) == 1, [b.description for b in buttons(self.card.box)]
        return found[0]


def buttons(box: Any) -> list[Any]:
    """Those that can be seen."""
    if box.layout.display == "none":
        return []
    found = [box] if isinstance(box, ipywidgets.Button) else []
    for child in getattr(box, "children", ()):
        found += buttons(child)
    return found


@pytest.fixture
def stage() -> CardHarness:
    return CardHarness()


def test_a_button_for_each_class_in_the_models_order_answers(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    names = [one.name for one in stage.prompt.questions[0].likely]
    shown = [b.description for b in buttons(stage.card.box)]
    assert [text[3:].split("  ")[0] for text in shown if text[:1].isdecimal()] == names
    stage.button("2 ").click()
    (answer,) = stage.polled()
    assert answer[:2] == (64, names[1]) and answer.by == "notebook" and answer.took == 1000


@pytest.mark.parametrize(("score", "offered"), [(8000, True), (30000, False)])
def test_where_the_model_knows_nothing_like_it_a_new_class_is_offered(
    stage: CardHarness, score: int, offered: bool
) -> None:
    rest = (32768 - score) // 4
    stage.prompt.take(Prediction(64, (1,), (rest, score, rest, rest, rest)))
    stage.ask(64)
    stage.turn()
    head = stage.card.head.value
    assert "most like abduction" in head if offered else "says abduction" in head
    assert ("says unknown, perhaps something new" in head) == offered
    assert ("The field below, or n, takes the name of a new class" in head) == offered


@pytest.mark.parametrize(
    ("key", "kind"),
    [("3", "name"), ("s", None), ("=", "nothing"), ("u", TakeBack), ("x", "nothing"), ("0", "nothing")],
)
def test_keys(stage: CardHarness, key: str, kind: object) -> None:
    stage.ask(64)
    stage.turn()
    stage.card.keys.field.value = key
    polled = stage.polled()
    if kind == "nothing":
        assert polled == []
    elif kind is TakeBack:
        assert isinstance(polled[0], TakeBack)
    else:
        assert isinstance(polled[0], Answer)
        assert polled[0].name == (stage.prompt.likely[2].name if kind == "name" else None)


def test_a_name_that_is_typed_with_keys_is_a_new_class(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    for text in ("n", "nw", "nwa", "nwav", "nwave"):  # u, s and = may stand in a name
        stage.card.keys.field.value = text
    stage.card.keys.field._handle_custom_msg({"event": "submit"}, [])
    assert stage.polled() == []  # the text might come after its Enter
    stage.card.keys.field.value = "nwave sus="
    stage.turn()
    (answer,) = stage.polled()
    assert answer[:4] == (64, "wave sus=", 0, None)
    assert stage.card.keys.field.value == "" and not stage.card.keys.naming


@pytest.mark.parametrize("place", ["keys", "new class"])
def test_a_slow_line_may_bring_the_end_of_a_name_long_after_its_enter(stage: CardHarness, place: str) -> None:
    """A browser holds a text back until the kernel has taken the one before: here 0.8 s each."""
    field = stage.card.keys.field if place == "keys" else stage.card._new
    start = "n" if place == "keys" else ""
    stage.ask(64)
    stage.turn()
    for text in (start + "u", start + "uprigh"):
        field.value = text
        stage.clock.now += 0.8
        stage.card.act()
    field._handle_custom_msg({"event": "submit"}, [])
    stage.clock.now += 0.8
    stage.card.act()
    assert stage.polled() == []
    field.value = start + "upright row"
    stage.clock.now += 3
    stage.card.act()
    (answer,) = stage.polled()
    assert answer[:2] == (64, "upright row")


def test_taking_the_n_away_leaves_the_name(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    for text in ("n", "nx", "n", "", "1"):
        stage.card.keys.field.value = text
    assert stage.polled()[0].name == stage.prompt.likely[0].name


def test_a_new_class_hangs_where_it_is_told(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    stage.card._new.value = "wave"
    stage.card._under.value = 2
    stage.button("add").click()
    stage.turn()
    (answer,) = stage.polled()
    place = stage.prompt.places[2]
    assert answer[:4] == (64, "wave", place.head, place.leaf) and stage.card._new.value == ""


def test_a_name_is_for_the_question_that_was_there_when_it_was_begun(stage: CardHarness) -> None:
    stage.ask(64, expires=700)
    stage.ask(128)
    stage.turn()
    stage.card._new.value = "wave"
    stage.prompt.take(Samples(640, np.zeros((100, 6), np.int16)))  # the first one is over
    stage.button("add").click()
    stage.turn()
    assert stage.polled() == []
    assert stage.prompt.sentence == "this question has expired"


def test_more_classes_than_digits_are_in_a_list_with_their_paths() -> None:
    stage = CardHarness("hapt")
    for i in range(4):
        stage.prompt._cards._session.step(AddClass(0, 20 + i, f"new {i}", 0))  # type: ignore[attr-defined]
        stage.prompt.take(AddClass(0, 20 + i, f"new {i}", 0))
    stage.ask(64)
    stage.turn()
    likely = stage.prompt.questions[0].likely
    others = stage.card._row._others
    assert len(likely) > 9 and len(others.options) == len(likely) - 9 + 1
    assert others.options[1] == (joined(likely[9].path), 9)
    assert any("\u203a" in b.tooltip for b in buttons(stage.card.box)), "no class hangs under another"
    others.value = len(likely) - 1
    assert [answer.name for answer in stage.polled()] == [likely[-1].name]


def test_a_question_put_aside_comes_back(stage: CardHarness) -> None:
    stage.ask(64)
    stage.ask(128)
    stage.turn()
    stage.button("later").click()
    stage.turn()
    assert stage.card._question is not None and stage.card._question.window == 128
    stage.button("1 ").click()
    stage.turn()
    assert stage.card._question.window == 64 and stage.button("later").disabled
    assert [answer.window for answer in stage.polled()] == [128]


def test_a_question_without_signal_says_why(stage: CardHarness) -> None:
    stage.ask(6400)  # of samples that never came
    stage.turn()
    assert "no plot and no scores: this was asked while the line was lost" in stage.card.head.value


def test_two_questions_queue(stage: CardHarness) -> None:
    stage.ask(64)
    stage.ask(128)
    stage.turn()
    assert "1 more waits" in stage.card.beside.value
    stage.button("1 ").click()
    stage.turn()
    assert "more" not in stage.card.beside.value
    stage.button("1 ").click()
    assert [answer.window for answer in stage.polled()] == [64, 128]


def test_a_click_on_a_card_that_is_gone_is_not_an_answer_to_the_next(stage: CardHarness) -> None:
    stage.ask(64)
    stage.ask(128)
    stage.turn()
    old = stage.button("2 ")
    stage.button("1 ").click()
    stage.turn()
    old.click()
    assert [answer.window for answer in stage.polled()] == [64]
    assert stage.prompt.sentence == "this question is answered already"


@pytest.mark.parametrize("press", [lambda s: s.button("1 ").click(), lambda s: s.button("skip").click()])
def test_an_answer_that_comes_too_soon_was_meant_for_another(
    stage: CardHarness, press: Callable[[CardHarness], None]
) -> None:
    stage.ask(64)
    stage.turn()
    stage.button("1 ").click()
    stage.ask(128)
    stage.turn(wait=GUARD / 4)
    press(stage)
    assert [answer.window for answer in stage.polled()] == [64]
    assert "only just" in stage.prompt.sentence
    stage.clock.now += GUARD
    press(stage)
    assert [answer.window for answer in stage.polled()] == [128]


def test_skip_same_and_undo(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    assert stage.button("same").disabled
    stage.button("2 ").click()
    stage.ask(128)
    stage.turn()
    name = stage.prompt.questions[0].likely[1].name
    stage.button(f"= {name}").click()
    stage.button("undo").click()  # nobody has seen the answer yet, so it is simply not sent
    stage.turn()
    assert stage.prompt.questions[0].window == 128
    stage.button("skip").click()
    assert [(a.window, a.name) for a in stage.polled()] == [(64, name), (128, None)]


def test_a_reader_hears_the_question_once_and_not_each_second(stage: CardHarness) -> None:
    stage.ask(64, expires=10_000)
    stage.turn()
    before, left = stage.card.head.value, stage.card.beside.value
    stage.prompt.take(Samples(640, np.zeros((500, 6), np.int16)))
    stage.turn()
    assert 'role="status"' in before and stage.card.head.value == before
    assert "role" not in left and stage.card.beside.value != left


def test_all_that_can_be_clicked_or_typed_into_has_a_name() -> None:
    stage = CardHarness("hapt")
    stage.ask(64)
    stage.turn()
    for widget in ipywidgets_in(stage.card.box):
        if isinstance(widget, ipywidgets.Button) and widget.layout.display != "none":
            assert widget.description or widget not in buttons(stage.card.box)
        elif isinstance(widget, ipywidgets.Text | ipywidgets.Dropdown):
            assert widget.description


def test_nothing_is_asked_after_the_end(stage: CardHarness) -> None:
    stage.ask(64)
    stage.turn()
    old = stage.button("1 ")
    stage.card.over()
    assert [b.description for b in buttons(stage.card.box) if not b.disabled] == []
    assert old not in buttons(stage.card.box) and stage.card.keys.field.disabled
    assert "has ended" in stage.card.head.value


def test_names_are_text(stage: CardHarness) -> None:
    evil = "<b onclick=x()>\u202e$x^2$"
    stage.prompt._cards.tree.names[0] = evil  # type: ignore[index]
    stage.ask(64)
    stage.turn()
    for widget in ipywidgets_in(stage.card.box):
        for trait in ("value", "description"):
            text = getattr(widget, trait, "")
            if isinstance(text, str):
                assert "\u202e" not in text
                assert "<b" not in text or isinstance(widget, ipywidgets.Button)
    assert "<img " in stage.card.picture.value  # the card's own


def ipywidgets_in(box: Any) -> list[Any]:
    return [box, *(w for child in getattr(box, "children", ()) for w in ipywidgets_in(child))]


def test_no_widget_comes_or_goes_with_a_question(stage: CardHarness) -> None:
    """A page keeps every view that it ever made of a widget: the buttons stay, hidden or not."""

    def there() -> list[tuple[Any, ...]]:
        return [getattr(box, "children", ()) for box in ipywidgets_in(stage.card.box)]

    before = there()
    for window in (64, 128, 192):
        stage.ask(window)
        stage.turn()
        assert there() == before
        stage.button("1 ").click()
        stage.turn()
    assert there() == before


def test_hundreds_of_questions_make_no_new_widgets_and_closing_leaves_none(stage: CardHarness) -> None:
    count = None
    for i in range(100):
        stage.ask(64 * i + 64)
        stage.turn()
        stage.button("1 ").click()
        stage.turn()
        assert [answer.window for answer in stage.polled()] == [64 * i + 64]
        if i == 10:
            count = len(_instances)
    assert len(_instances) == count
    before = len(_instances)
    again = CardHarness()
    again.ask(64)
    again.turn()
    again.card.close()
    assert len(_instances) == before
