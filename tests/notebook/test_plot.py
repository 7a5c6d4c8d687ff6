"""Plots: units on the axes, told apart without colour, names as text, nothing left behind."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib import image as images

from odl.evaluate.report.style import styles_for
from odl.labels.question import Question
from odl.notebook import pictures
from odl.notebook.pictures import Picture

CHANNELS = [("ax", "g"), ("wx", "rad/s"), ("ay", "g"), ("az", "g"), ("wy", "rad/s")]


def picture() -> Picture:
    made = Picture(CHANNELS, ["predicted", "truth"], "time (s)")
    made.signal(np.random.default_rng(0).normal(size=(300, 5)), np.arange(300) / 50)
    return made


def pixels(made: Picture) -> Any:
    return images.imread(io.BytesIO(made.png()), format="png")


def test_an_axis_for_each_unit_with_its_name() -> None:
    axes = picture()._figure.axes
    assert [ax.get_ylabel() for ax in axes] == ["g", "rad/s", ""]
    assert axes[-1].get_xlabel() == "time (s)"
    assert [len(ax.lines) // 2 for ax in axes[:2]] == [3, 2]  # a curve and its entry in the key


def test_curves_of_one_axis_differ_in_stroke_and_in_lightness() -> None:
    strokes = [str(stroke) for _, stroke in pictures._STROKES]
    assert len(set(strokes)) == len(strokes)
    light = sorted(
        0.299 * int(c[1:3], 16) + 0.587 * int(c[3:5], 16) + 0.114 * int(c[5:], 16)
        for c, _ in pictures._STROKES
    )
    assert min(b - a for a, b in zip(light, light[1:], strict=False)) > 25


@pytest.mark.parametrize(
    "name", ["$\\frac{1}{2}$", "<svg onload=x>", "\x1b[31mred", "\u202egnp.exe", "漢字" * 9]
)
def test_a_name_is_drawn_as_it_is_or_shortened(name: str) -> None:
    made = Picture([(name, name)], ["predicted"], "time (s)")
    made.signal(np.zeros((50, 1)), np.arange(50) / 50)
    made.strip("predicted", [(0.0, 0.9, name)], styles_for([name], []))
    made.band(0.1, 0.5, name)
    assert pixels(made).shape[2] == 4
    texts = [t.get_text() for ax in made._figure.axes for t in [*ax.texts, ax.yaxis.label]]
    assert not any("\x1b" in text or "\u202e" in text for text in texts)


@pytest.mark.parametrize("values", [np.nan, np.inf, 0.0, 1e-30, 1e30, 12345.0])
@pytest.mark.filterwarnings("error")
def test_any_values_can_be_shown(values: float) -> None:
    made = Picture(CHANNELS, [], "time (s)")
    made.signal(np.full((10, 5), values), np.arange(10.0))
    assert len(made.png()) > 1000
    for few in (0, 1):
        made.signal(np.full((few, 5), values), np.zeros(few))
        assert len(made.png()) > 1000


def test_a_gap_is_a_hole_in_the_curve() -> None:
    signal = np.zeros((100, 5))
    signal[40:60] = np.nan
    made = Picture(CHANNELS, [], "time (s)")
    made.signal(signal, np.arange(100.0))
    line = made._columns[0][2]
    assert np.isnan(line.get_ydata()[40:60]).all() and np.isfinite(line.get_ydata()[:40]).all()


def test_what_was_drawn_once_is_gone_from_the_next_picture() -> None:
    made = picture()
    before, count = pixels(made), sum(len(ax.get_children()) for ax in made._figure.axes)
    for i in range(20):
        made.strip("truth", [(0, i, "walk"), (i, 6, "sit")], styles_for(["walk", "sit"], []))
        made.band(1, 2, "question")
        made.note("nothing")
        assert not np.array_equal(pixels(made), before)
    assert sum(len(ax.get_children()) for ax in made._figure.axes) == count
    assert np.array_equal(pixels(made), before)


def test_the_word_of_a_band_stands_where_the_band_is_seen() -> None:
    made = picture()  # from 0 to 6 s
    made.band(-2.0, 3.0, "question")
    made.band(5.9, 9.0, "question")
    made.band(-9.0, -5.0, "question")
    words = [text for text in made._figure.axes[0].texts if text.get_text() == "question"]
    assert [text.get_position()[0] for text in words] == [1.5]


def test_a_question_without_signal_is_said() -> None:
    made = picture()
    question = Question(64, 200, 900, 64, (), (), 0, np.full((300, 5), np.nan, np.float32))
    made.question(question, 50.0, "what was this?")
    assert [text.get_text() for text in made._figure.texts] == ["the signal of this question was not stored"]
