"""Truth of a played stream is found by its samples, whatever was lost of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Gap, Samples, Truth
from odl.labels.played_truth import PlayedTruth, one_block
from tests.helpers.live_stage import BLOCK

TRUTHS = [Truth(0, 300, "sit"), Truth(300, 500, "walk"), Truth(600, 1000, "run")]
PLAYED = BLOCK[:1000]


def true_of(place: int) -> str | None:
    return next((t.name for t in TRUTHS if t.start <= place < t.end), None)


@given(st.integers(0, 300), st.lists(st.tuples(st.integers(4, 40), st.integers(0, 60)), max_size=20))
def test_whatever_is_lost_what_is_told_is_true(first: int, pieces: list[tuple[int, int]]) -> None:
    played, told = PlayedTruth(PLAYED, TRUTHS), []
    place, position, shift = first, 100, {}
    for size, lost in pieces:
        size = min(size, len(PLAYED) - place)
        if size < 4:
            break
        told += played.take(Samples(position, PLAYED[place : place + size]))
        shift |= {position + k: place + k for k in range(size)}
        place, position = place + size + lost, position + size + lost
        if lost:
            told += played.take(Gap(position - lost, lost, "a test"))
    told += played.end()
    assert list(played.end()) == []
    known: dict[int, str] = {}
    for truth in told:
        for at in range(truth.start, truth.end):
            assert at not in known  # told once
            known[at] = truth.name
    assert known == {at: name for at, k in shift.items() if (name := true_of(k)) is not None}


def test_a_window_is_known_if_all_of_it_was_found() -> None:
    played = PlayedTruth(PLAYED, TRUTHS)
    list(played.take(Samples(0, PLAYED[200:300])))
    list(played.take(Samples(100, PLAYED[300:400])))
    list(played.take(Samples(250, PLAYED[450:700])))
    assert played.of(0, 128) == "sit"
    assert played.of(90, 100) == "walk"
    assert played.of(150, 128) is None  # samples are missing in it
    assert played.of(300, 100) is None  # nothing is known of most of it
    assert played.of(10_000, 128) is None


def test_samples_of_somebody_else_are_nowhere() -> None:
    played = PlayedTruth(PLAYED, TRUTHS)
    assert list(played.take(Samples(0, PLAYED[:50] + 1))) == []
    assert list(played.take(Samples(50, PLAYED[:3]))) == []  # too few to be sure
    assert played.of(0, 50) is None
    list(played.take(Samples(53, PLAYED[500:550])))
    assert played.left == 450
    list(played.take(Samples(103, PLAYED[550:1000])))
    assert played.left == 0


def test_a_recording_that_is_played_once_more_is_not_over() -> None:
    played = PlayedTruth(PLAYED, TRUTHS)
    before = [*played.take(Samples(0, PLAYED[900:])), *played.end()]
    assert before == [Truth(0, 100, "run")] and played.left == 0
    again = PlayedTruth(PLAYED, TRUTHS)  # as for a resumed session
    for event in (Samples(0, PLAYED[900:]), *before):
        list(again.take(event))
    again.restart()
    assert again.left == len(PLAYED)
    assert list(again.take(Gap(100, 50, "nobody listened"))) == []  # it has been told
    assert list(again.take(Samples(150, PLAYED[:310]))) == [Truth(150, 450, "sit")]
    assert again.left == len(PLAYED) - 310 and again.of(10, 50) == "run"


def test_stillness_that_is_everywhere_is_not_guessed_at() -> None:
    still = np.zeros((500, 3), np.int16)
    still[400:, 0] = np.arange(100)
    played = PlayedTruth(still, [Truth(0, 500, "sit")])
    assert list(played.take(Samples(0, still[:50]))) == []
    assert played.of(0, 50) is None
    assert list(played.take(Samples(50, still[390:500]))) == [Truth(50, 160, "sit")]


def test_a_stream_without_samples_cannot_be_played() -> None:
    with pytest.raises(ValueError, match="there are no samples to play"):
        one_block([Gap(0, 5, "")])
