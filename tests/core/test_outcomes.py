"""What becomes of questions, answers and commands: each outcome has its event and its counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Dropped,
    Gap,
    Input,
    Label,
    Learned,
    Output,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.session import Session
from odl.model.dendron import Dendron
from tests.helpers.sessions import (
    answer,
    asked,
    at_rest,
    fused,
    heads,
    pending,
    still_open,
    weights,
)
from tests.helpers.streams import (
    CHANNELS,
    IMAGE,
    config,
    samples,
)


def expired(session: Session) -> list[Output]:
    return session.step(Gap(session.position, 5000, "asleep")) + session.step(Undo(session.position))


def repeated_in_the_log(session: Session) -> list[Output]:
    window = still_open(session)[0]
    answer(session, 1)
    return session.step(Label(session.position, window, 1))


def fill_rows(session: Session) -> list[Output]:
    at = session.position
    for cls in range(10, 10 + IMAGE.max_rows - len(IMAGE.row_class)):
        assert session.step(AddClass(at, cls, f"c{cls}", 0)) == []
    return session.step(AddClass(at, 90, "one too many", 0))


def fill_heads(session: Session) -> list[Output]:
    at = session.position
    assert session.step(Split(at, 0, 2)) == session.step(Split(at, 2, 3)) == []
    return session.step(Split(at, 3, 4))


def taught_twice(session: Session) -> list[Output]:
    at = session.position
    return [*session.step(Teach(at, 1)), *session.step(Teach(at, 1))]


def taught_after_a_gap(session: Session) -> list[Output]:
    session.step(Gap(session.position, 0, "a seam"))
    return session.step(Teach(session.position, 1))


def label(window: Callable[[Session], int], cls: int | None) -> Callable[[Session], list[Output]]:
    return lambda session: session.step(Label(session.position, window(session), cls))


def command(make: Callable[[int], Input]) -> Callable[[Session], list[Output]]:
    return lambda session: session.step(make(session.position))


FIRST = 0  # the first window is asked about
OUTCOMES: list[tuple[str, Why, int, int, Callable[[Session], list[Output]]]] = [
    # what, why, window, batch, how
    ("skipped", Why.SKIPPED, FIRST, 4, label(lambda s: FIRST, None)),
    ("never asked", Why.UNKNOWN, 48, 4, label(lambda s: 48, 1)),
    ("not even a window", Why.UNKNOWN, NO_WINDOW, 4, label(lambda s: NO_WINDOW, 1)),
    ("beyond int64", Why.UNKNOWN, 2**63, 4, label(lambda s: 2**63, 1)),
    ("unknown class", Why.NO_SUCH_CLASS, FIRST, 4, label(lambda s: FIRST, 77)),
    ("answered twice", Why.REPEATED, FIRST, 4, lambda s: answer(s, 1) + label(lambda s: FIRST, 2)(s)),
    ("learned already", Why.REPEATED, FIRST, 1, lambda s: repeated_in_the_log(s)[-1:]),
    (
        "skip, then answer",
        Why.REPEATED,
        FIRST,
        4,
        lambda s: (answer(s, None), label(lambda s: FIRST, 2)(s))[1],
    ),
    ("nothing to undo", Why.NOTHING_TO_UNDO, NO_WINDOW, 4, command(Undo)),
    ("no room for a row", Why.FULL, NO_WINDOW, 4, fill_rows),
    ("no room for a task", Why.FULL, NO_WINDOW, 4, fill_heads),
    ("class exists", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 3, "again", 0))),
    ("no such task", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 9, "wave", 2))),
    ("255 is no class", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 255, "wave", 0))),
    ("no such leaf", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 9, 2))),
    ("not a leaf", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 1, 2))),
    ("task exists", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 0, 1))),
    ("task left out", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 0, 3))),
    ("taught an unknown class", Why.NO_SUCH_CLASS, 40, 4, command(lambda at: Teach(at, 77))),
    ("taught twice", Why.REPEATED, 40, 4, lambda s: taught_twice(s)[-1:]),
    ("taught after a gap", Why.UNKNOWN, NO_WINDOW, 4, taught_after_a_gap),
]


@pytest.mark.parametrize(
    ("why", "window", "batch", "how"), [o[1:] for o in OUTCOMES], ids=[o[0] for o in OUTCOMES]
)
def test_each_refusal_has_its_event_and_its_counter(
    why: Why, window: int, batch: int, how: Callable[[Session], list[Output]]
) -> None:
    session = asked(batch=batch, change=0)  # each window its own segment: nobody asks about the last
    before = session.counts[why.name.lower()]
    learned = heads(session) if why is not Why.REPEATED else None
    assert how(session) == [Dropped(session.position, window, why)]
    assert session.counts[why.name.lower()] == before + 1
    if learned and why is not Why.FULL:
        assert heads(session) == learned


def test_a_question_nobody_answers_expires_at_the_next_window_s_end() -> None:
    session = asked(patience=50, batch=4)
    raw = samples(1, 200)
    outputs = session.step(Samples(session.position, raw[:40]))
    drops = [output for output in outputs if isinstance(output, Dropped)]
    # Asked at 40, 48, 56, 64; the first window's end at or after 50 more is 8 n.
    assert drops == [Dropped(end, w, Why.EXPIRED) for end, w in ((96, 0), (104, 8), (112, 16), (120, 24))]
    assert session.counts["expired"] == 4


def test_late_then_forgotten() -> None:
    session = asked(patience=50, batch=4, allowed=4)
    session.step(Samples(session.position, samples(1, 17)))  # to 97: the first has expired
    at = session.position
    assert session.step(Label(at, FIRST, 1)) == [Dropped(at, FIRST, Why.LATE)]
    session.step(Samples(at, samples(2, 60)))  # all four have: the batch is over
    at = session.position
    assert session.step(Label(at, FIRST, 1)) == [Dropped(at, FIRST, Why.UNKNOWN)]
    assert (session.counts["late"], session.counts["unknown"]) == (1, 1)


def test_an_answer_at_the_very_sample_of_its_expiry_is_late() -> None:
    for lost, why in ((10 - 1, None), (10, Why.LATE)):  # the first was asked at 40, now is 80
        session = asked(patience=50, batch=4)
        session.step(Gap(session.position, lost, "exactly"))
        outputs = session.step(Label(session.position, FIRST, 1))
        assert [o.why for o in outputs if isinstance(o, Dropped)] == ([Why.EXPIRED, why] if why else [])


def test_a_wrong_class_leaves_the_question_open() -> None:
    session = asked(batch=4)
    answer(session, 77)
    assert answer(session, 1) == []
    assert session.counts["answered"] == 1


def test_a_batch_is_learned_when_its_last_question_is_settled() -> None:
    session = asked(batch=2)
    at = session.position
    assert answer(session, 1, which=1) == []
    assert answer(session, None) == [Dropped(at, 0, Why.SKIPPED), Learned(at, 8, 1, 0)]
    assert session.counts["refits"] == 1
    # The next batch is of two more.
    assert answer(session, 2) == []
    assert answer(session, 3) == [Learned(at, 16, 2, 0), Learned(at, 24, 3, 1)]


def test_a_later_batch_does_not_wait_for_an_earlier_one() -> None:
    session = asked(batch=2)
    at = session.position
    assert answer(session, 1, which=2) == []
    assert answer(session, 1, which=2) == [Learned(at, 16, 1, 0), Learned(at, 24, 1, 0)]
    assert len(still_open(session)) == 2


def test_a_batch_of_skips_teaches_nothing() -> None:
    session = asked(batch=2)
    before = heads(session)
    answer(session, None)
    answer(session, None)
    assert heads(session) == before and session.counts["refits"] == 0


def test_the_budget_s_end_closes_the_batch() -> None:
    session = asked(batch=3, allowed=4)
    at = session.position
    assert answer(session, 0, which=3) == [Learned(at, 24, 0, 0)]


def test_undo_reopens_a_question_that_was_not_learned_from() -> None:
    session = asked(batch=2)
    window = still_open(session)[0]
    answer(session, 1)
    assert window not in still_open(session)
    assert session.step(Undo(session.position)) == []
    assert window in still_open(session)
    assert session.counts["undone"] == 1
    assert answer(session, 2) == []


def test_undo_goes_back_answer_by_answer() -> None:
    session = asked(batch=1)
    states = [heads(session)]
    for cls in (3, 0, 4):
        answer(session, cls)
        states.append(heads(at_rest(session)))
        session.step(Samples(session.position, samples(2, 8)))  # room for the next question
    assert len(set(states)) == 4
    for expected in states[-2::-1]:
        session.step(Undo(session.position))
        assert heads(at_rest(session)) == expected
    at = session.position
    assert session.step(Undo(at)) == [Dropped(at, NO_WINDOW, Why.NOTHING_TO_UNDO)]
    # An answer taken back after it was learned is forgotten with its question.
    assert session.step(Label(at, 0, 3)) == [Dropped(at, 0, Why.UNKNOWN)]


def logged(session: Session) -> list[int]:
    return [int(window) for window in session.log["window"]]


def test_a_full_log_gives_up_a_label_for_a_new_one() -> None:
    session = asked(replace(IMAGE, max_log=3), batch=1, allowed=4)
    at = session.position
    for cls in (0, 1):
        answer(session, cls)
    session.step(AddClass(at, 9, "wave", 0))
    # Of two classes with as many labels it is the earlier row's; then the one that has two.
    assert answer(session, 1) == [Learned(at, 16, 1, 0)]
    assert logged(session) == [8, at, 16]
    assert answer(session, 9) == [Learned(at, 24, 9, 0)]
    assert logged(session) == [at, 16, 24]
    assert (session.counts["gave_way"], session.counts["full"]) == (2, 0)


def test_a_full_log_gives_up_labels_for_classes_and_splits_while_it_has_any() -> None:
    session = asked(replace(IMAGE, max_log=3), batch=1, allowed=4)
    at, image_s = session.position, weights(session)
    for cls in (0, 1, 2):
        answer(session, cls)
    learned = weights(session)
    assert session.step(AddClass(at, 9, "wave", 0)) == []
    assert logged(session) == [8, 16, at] and not np.array_equal(weights(session), learned)
    assert session.step(Split(at, 0, 2)) == []
    assert logged(session) == [16, at, at] and session.counts["refits"] == 5
    assert session.step(AddClass(at, 10, "clap", 2)) == []
    assert logged(session) == [at, at, at] and np.array_equal(weights(session), image_s)
    for event in (AddClass(at, 11, "nod", 0), Split(at, 2, 3)):
        assert session.step(event) == [Dropped(at, NO_WINDOW, Why.FULL)]
    assert (session.counts["gave_way"], session.counts["full"]) == (3, 2)


def test_a_full_log_gives_up_nothing_for_what_is_refused() -> None:
    session = asked(replace(IMAGE, max_log=1, max_rows=len(IMAGE.row_class)), batch=1)
    at = session.position
    answer(session, 0)
    before = heads(session)
    for event, why in (
        (AddClass(at, 3, "again", 0), Why.NO_SUCH_CLASS),
        (AddClass(at, 9, "wave", 0), Why.FULL),
        (Split(at, 9, 2), Why.NO_SUCH_CLASS),
        (Split(at, 0, 3), Why.NO_SUCH_CLASS),
    ):
        assert session.step(event) == [Dropped(at, NO_WINDOW, why)]
    assert logged(session) == [0] and heads(session) == before
    assert (session.counts["gave_way"], session.counts["refits"]) == (0, 1)


def test_a_log_full_of_classes_has_no_room_for_a_label() -> None:
    session = asked(replace(IMAGE, max_log=1), batch=1)
    at = session.position
    session.step(AddClass(at, 9, "wave", 0))
    before = heads(session)
    assert answer(session, 9) == [Dropped(at, 0, Why.FULL)]
    assert heads(at_rest(session)) == before and session.counts["full"] == 1


def test_with_no_room_for_questions_nothing_is_asked() -> None:
    session = asked(batch=3, allowed=50, horizon=1)
    outputs = session.step(Samples(session.position, samples(3, 200)))
    assert not any(isinstance(output, Query) for output in outputs)
    assert len(pending(session)) == IMAGE.max_pending and session.counts["queries"] == 6
    assert session.counts["blocked"] == session.counts["windows"] - session.counts["queries"]


def test_saturated_values_are_counted() -> None:
    session = fused(config("none", allowed=0))
    block = np.zeros((3, CHANNELS), np.int16)
    block[1] = 127 * 128 + 63, 127 * 128 + 64, -129 * 128
    session.step(Samples(0, block))
    assert session.counts["saturated"] == 2


class Narrow(Dendron):
    """A learner with room for nothing new."""

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        return False

    def split(self, at: int, leaf: int, head: int) -> bool:
        return False


def test_what_the_learner_refuses_has_never_been_added() -> None:
    chosen = config("periodic", allowed=2, horizon=1, batch=1)
    session = Session(IMAGE, chosen, Narrow(IMAGE))
    session.step(Samples(0, samples(5, 80)))
    for event in (AddClass(80, 9, "wave", 0), Split(80, 0, 2), AddClass(80, 9, "wave", 0)):
        assert session.step(event) == [Dropped(80, NO_WINDOW, Why.FULL)]
    assert session.names == IMAGE.names and session.counts["full"] == 3
    assert session.step(Label(80, 0, 9)) == [Dropped(80, 0, Why.NO_SUCH_CLASS)]
    assert session.step(AddClass(80, 9, "wave", 2)) == [Dropped(80, NO_WINDOW, Why.NO_SUCH_CLASS)]
