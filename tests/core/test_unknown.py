"""Unknown windows: one rule for a prediction and for columns of them, cards as they may be, calibration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Prediction
from odl.core.image import Image
from odl.core.records import outputs_of
from odl.core.trace import Step, Trace
from odl.core.unknown import LEVELS, Rejection, least_scores
from odl.data.streams import load_model

HAPT = load_model("hapt")
LEAVES = [cls for cls in HAPT.row_class.tolist() if cls not in HAPT.parents]


def with_scores(entry: Any) -> Image:
    return replace(HAPT, card=HAPT.card | {"unknown": entry})


KNOWN = with_scores({HAPT.names[cls]: [1000 * cls + n for n in LEVELS] for cls in LEAVES if cls != 4})

predictions = st.builds(
    Prediction,
    st.integers(0, 2**40),
    st.one_of(
        st.just(()), st.sampled_from(LEAVES).map(lambda c: (c,)), st.tuples(st.just(12), st.integers(3, 5)),
        st.just((77,)),  # a class that a person added
    ),
    st.lists(st.integers(0, 32768), max_size=20).map(tuple),
    st.sampled_from([None, None, 3, 77]),
)  # fmt: skip


@given(st.lists(predictions, min_size=1, max_size=20), st.sampled_from(LEVELS))
def test_columns_and_predictions_agree(said: list[Prediction], level: int) -> None:
    rejection = Rejection(KNOWN, level)
    trace = Trace([Step(None, outputs_of(said))])
    assert rejection.of_records(trace.predictions).tolist() == [rejection.is_unknown(one) for one in said]


def test_the_score_of_the_class_that_is_named_counts() -> None:
    row = HAPT.row_class.tolist().index(5)
    for score, expected in ((5004, True), (5005, False)):
        scores = [32768] * len(HAPT.row_class)
        scores[row] = score
        one = Prediction(0, (12, 5), tuple(scores))
        assert Rejection(KNOWN).is_unknown(one) == expected
        assert not Rejection(KNOWN).is_unknown(replace(one, held=5))  # a person's own answer is shown
        assert not Rejection(with_scores(None)).is_unknown(one)  # an image without calibration
    low = tuple([0] * 40)
    assert not Rejection(KNOWN).is_unknown(Prediction(0, (77,), low))  # a person taught it
    assert not Rejection(KNOWN).is_unknown(Prediction(0, (12, 4), low))  # no least score


@pytest.mark.parametrize("entry", [
    None, 7, [1], "walk", {}, {"walk": 5}, {"walk": [1, 2]}, {"walk": [True] * 6}, {"walk": [-1] * 6},
    {"walk": [40000] * 6}, {"walk": ["a"] * 6}, {"walk": [0.5] * 6}, {"nobody": 7},
])  # fmt: skip
def test_a_card_that_says_nonsense_makes_nothing_unknown(entry: Any) -> None:
    image = with_scores(entry)
    assert least_scores(image) == {} and not Rejection(image).least.any()


def test_a_name_that_the_image_does_not_know_is_no_matter() -> None:
    assert not Rejection(with_scores({"nobody": [9] * 6})).least.any()


def test_no_other_level() -> None:
    with pytest.raises(ValueError, match="3 is not"):
        Rejection(KNOWN, 3)


def test_records_of_no_window() -> None:
    assert Rejection(KNOWN).of_records(Trace([]).predictions).tolist() == []
    assert Rejection(KNOWN).of_records(np.zeros(0, outputs_of([]).records.dtype)).shape == (0,)
