"""The picture of a live session as lines of text: what stands in it, what goes where there is no room."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl._text import width
from odl.cli.terminal.braille import braille, plotted
from odl.cli.terminal.keys import HELP, KEYS, KeyMode, Line, keyed
from odl.cli.terminal.lines import LineView
from odl.cli.terminal.screen import details, figures, frame
from odl.core.events import Truth
from odl.core.ground_truth import TruthTrack
from odl.labels.question import Question
from tests.helpers.images import random_image
from tests.helpers.prompts import STATUS, Played, PromptHarness
from tests.helpers.streams import IMAGE

RATE = IMAGE.rate_hz


def text(lines: list[Line]) -> list[str]:
    return ["".join(part for _, part in line) for line in lines]


def shot(
    stage: PromptHarness, mode: KeyMode | None = None, columns: int = 80, rows: int = 40, **how: bool
) -> str:
    status = replace(STATUS, position=stage.session.position)
    return "\n".join(text(frame(figures(status), stage.prompt, mode or KeyMode(), 0, columns, rows, **how)))


def test_the_picture_has_state_prediction_card_keys_and_answers() -> None:
    stage = PromptHarness()
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(8)
    stage.until_asked()
    question = stage.prompt.questions[0]
    picture = shot(stage)
    for words in ("ttyACM0", "connected", "49.98 of 50 Hz", "lost 0", "questions left 20",
                  "recording walk.odl", "now  " + " > ".join(stage.prompt.path), "What were you doing",
                  f"{stage.prompt.left(question):.0f} s left", "'run' has been learned", " n  new class",
                  " =  same: run", " u  undo", " q  quit"):  # fmt: skip
        assert words in picture, words
    for key, one in zip(KEYS, question.likely, strict=False):
        assert f" {key}  {' > '.join(one.path)} {one.score:.2f}" in picture


def test_help_and_places_are_shown() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    assert all(line in shot(stage, KeyMode("help"), columns=100) for line in HELP)
    narrow = shot(stage, KeyMode("help"), columns=50).split()
    assert "…" not in narrow and all(word in narrow for line in HELP for word in line.split())
    assert "name of the class: hop_" in shot(stage, KeyMode("name", window, "hop"))
    picture = shot(stage, KeyMode("place", window, "hop", stage.prompt.places))
    assert "the place of 'hop' in the tree:" in picture
    assert "1  at the top" in picture and "3  under walk" in picture and "4  under up" in picture


def test_without_a_question_the_picture_says_so_and_counters_of_twins_are_details() -> None:
    stage = PromptHarness(policy="none")
    assert "no question is open; the next one appears here\n" in shot(stage)
    status = replace(STATUS, compared=12, skipped=3, differences=0, damaged=4, rate=None, recording=None)
    picture = "\n".join(text(frame(figures(status), stage.prompt, KeyMode(), 0, 80, 40)))
    assert not any(word in picture for word in ("compared", "skipped", "differ", "damaged", "jitter"))
    assert "– of 50 Hz" in picture and "recording" not in picture
    assert "board and host differed once" not in picture
    assert "board and host differed 1 time" in figures(replace(status, differences=1))
    for drift, words in ((-8.2, "8 ppm slower than"), (12.4, "12 ppm faster than")):
        assert f"{words} this computer's" in dict(details(replace(status, drift=drift)))["clock"]
    shown = details(replace(status, drift=1e6, problem="a flat sensor\x1b[2J"))
    picture = "\n".join(text(frame([], stage.prompt, KeyMode("details"), 0, 80, 40, details=shown)))
    for words in ("compared     12 windows of board and host", "skipped      3 windows", "differences  0",
                  "damaged      4", "2.0 times real time", "jitter       0.8 ms", "a flat sensor",
                  "d or esc: back"):  # fmt: skip
        assert words in picture, words
    assert "\x1b" not in picture


def test_one_window_is_one_and_a_skip_has_no_time() -> None:
    assert [figures(replace(STATUS, windows=n))[3] for n in (0, 1, 2)] == [
        "0:00, 0 windows", "0:00, 1 window", "0:00, 2 windows",
    ]  # fmt: skip
    stage = PromptHarness()
    window = stage.until_asked()
    stage.prompt.shown(window)
    stage.clock.now += 4.4
    stage.prompt.skip(window)
    stage.run(8)
    assert "skipped" in shot(stage) and "answered in" not in shot(stage)


def test_the_title_says_how_long_ago_it_was_where_there_is_room() -> None:
    stage = PromptHarness(patience=100_000)
    stage.until_asked()
    assert " ago" not in shot(stage)
    stage.run(int(RATE * 48))
    assert re.search(r"What were you doing in the \d+ s up to 0:0\d, 4[78] s ago\?", shot(stage))
    assert " ago" not in shot(stage, columns=40)
    stage.run(int(RATE * 240))
    assert "5 min ago?" in shot(stage)


@given(st.integers(1, 200), st.integers(1, 60),
       st.sampled_from(["keys", "help", "details", "teach", "name", "place"]),
       st.booleans())  # fmt: skip
def test_the_picture_fits_whatever_the_size(columns: int, rows: int, kind: str, plain: bool) -> None:
    stage = SHARED
    mode = KeyMode(kind, stage.prompt.questions[0].window, "漢字" * 5, stage.prompt.places)
    lines = text(frame(figures(STATUS), stage.prompt, mode, 0, columns, rows, plain=plain))
    assert 0 < len(lines) <= rows
    assert all(width(line) <= max(20, columns) for line in lines)


def _shared() -> PromptHarness:
    stage = PromptHarness(
        random_image(3, tree=True, names={0: "sit", 1: "漢字漢字", 2: "e\u0301" * 8, 3: "u", 4: "d"})
    )
    stage.until_asked()
    stage.until_asked()
    return stage


SHARED = _shared()


def test_what_matters_least_goes_first_on_a_small_screen() -> None:
    whole, small = shot(SHARED).splitlines(), shot(SHARED, rows=10).splitlines()
    plot = [line for line in whole if any("\u2800" <= c <= "\u28ff" for c in line)]
    assert len(plot) == 3 and not set(plot) & set(small)
    assert any("What were you doing" in line for line in small) and any("new class" in line for line in small)


@pytest.mark.parametrize(("columns", "rows"), [(40, 11), (40, 9), (80, 7), (30, 12)])
def test_on_a_small_screen_the_keys_and_the_classes_stay(columns: int, rows: int) -> None:
    """As on a terminal of 12 rows and 40 columns, of which the view leaves one free."""
    stage = SHARED
    picture = shot(stage, columns=columns, rows=rows)
    lines = picture.splitlines()
    assert len(lines) <= rows
    for key in "ns=u?q":
        assert f" {key}  " in picture, key
    for key, one in zip(KEYS, stage.prompt.questions[0].likely, strict=False):
        assert any(f" {key}  {one.path[0][:4]}" in line for line in lines), key
    assert f"{stage.prompt.left(stage.prompt.questions[0]):.0f} s left" in picture
    helped = shot(stage, KeyMode("help"), columns=columns, rows=11).splitlines()
    assert all(any(line.startswith(words[:15]) for line in helped) for words in HELP)


def test_what_cannot_be_shown_at_all_goes_from_the_end() -> None:
    lines = shot(SHARED, columns=40, rows=5).splitlines()
    assert lines[0].startswith(" 1 ") and lines[1].strip() == "... more: n and the name"
    assert "q  quit" in lines[-1]
    assert all("q  quit" not in line for line in shot(SHARED, columns=40, rows=1).splitlines())


def test_where_a_path_has_no_room_its_end_is_shown() -> None:
    names = {0: "sitting on something soft", 1: "moving about on one's feet", 3: "up", 4: "down"}
    stage = PromptHarness(random_image(3, tree=True, names=names | {2: "running"}))
    stage.until_asked()
    picture = shot(stage, columns=34)
    for key, one in zip(KEYS, stage.prompt.questions[0].likely, strict=False):
        assert f" {key}  {one.name[:20]}" in picture
    assert "moving about on one's f… > up 0." in shot(stage, columns=80)


def test_what_stands_under_the_plot_fits_whatever_the_part_before_the_window() -> None:
    stage = PromptHarness(patience=60)
    stage.run(int(RATE * 6))
    window = stage.until_asked()
    assert stage.prompt.questions[-1].start == window - int(RATE * 4)
    for columns in (50, 60, 100):
        picture = text(frame([], stage.prompt, KeyMode(), -1, columns, 40))
        line = next(line for line in picture if "|asked" in line)
        assert line.startswith("before") and "…" not in line
        assert any("counts" in line and "…" not in line for line in picture)


UNITS = (("ax", "g", 0.001), ("ay", "g", 0.001), ("az", "g", 0.001), ("wx", "deg/s", 0.1))


@pytest.mark.parametrize(("columns", "beside"), [(110, True), (80, True), (60, False)])
def test_each_sensor_has_a_plot_with_its_unit(columns: int, beside: bool) -> None:
    signal = np.stack([np.sin(np.arange(300) / k) * k for k in (1, 2, 3, 500)], axis=1).astype(np.float32)
    asked = Question(100, 300, 900, 100, (), ("walk",), 0, signal)
    lines = plotted(asked, UNITS, columns)
    heads = [line for line in lines if "ax ay az, -3 to 3 g" in line or "wx, 0 to 281 deg/s" in line]
    assert len(heads) == (1 if beside else 2) and len(lines) == (5 if beside else 10)
    assert all(width(line) <= columns for line in lines)
    assert sum(line.count("|asked") for line in lines) == 2
    flat = Question(100, 300, 900, 100, (), ("walk",), 0, signal * np.float32([1, 1, 1, np.nan]))
    assert "wx, no samples" in " ".join(plotted(flat, UNITS, columns))


def test_a_played_persons_truth_and_accuracy_are_shown() -> None:
    stage = PromptHarness(truth=TruthTrack([Truth(0, 10**6, "\x1b[2Jwalk")]))
    stage.until_asked()
    picture = shot(stage)
    assert "   truth  [2Jwalk" in picture and "The recording says: [2Jwalk" in picture
    assert "accuracy 71 % of 24 windows" in figures(replace(STATUS, accuracy=0.71, scored=24))
    assert "truth" not in shot(SHARED) and "The recording says" not in shot(SHARED)


def test_where_the_model_knows_nothing_like_it_a_new_class_is_offered() -> None:
    every = {IMAGE.names[cls]: [32768] * 6 for cls in IMAGE.row_class.tolist()}
    stage = PromptHarness(replace(IMAGE, card=dict(IMAGE.card) | {"unknown": every}))
    stage.until_asked()
    offer = "Perhaps something new: n and its name adds it as a class."
    picture = shot(stage)
    assert offer in picture and "now  unknown, perhaps something new; most like" in picture
    assert offer not in shot(SHARED)


def test_teaching_shows_the_classes_with_keys_and_no_question() -> None:
    stage = PromptHarness()
    stage.until_asked()
    picture = shot(stage, KeyMode("teach", choices=tuple(stage.prompt.likely)))
    assert "What are you doing now? This costs no question." in picture
    assert "What were you doing" not in picture and " n  new class  esc: teach nothing" in picture
    for key, one in zip(KEYS, stage.prompt.likely, strict=False):
        assert f" {key}  {' > '.join(one.path)}" in picture


def test_plain_is_without_blocks_and_braille() -> None:
    assert all(c < "\u2500" or c > "\u2bff" for c in shot(SHARED, plain=True))


HOSTILE = "\x1b[2J\x1b]0;owned\x07a\u202eb\r\n\x9b31m"


def test_hostile_names_reach_the_screen_as_plain_text() -> None:
    image = random_image(3, tree=True)
    object.__setattr__(image, "names", dict.fromkeys(range(5), HOSTILE))
    stage = PromptHarness(image)
    window = stage.until_asked()
    status = replace(STATUS, port=HOSTILE, state=HOSTILE, recording=HOSTILE)
    stage.prompt.note("note " + HOSTILE)
    for kind in ("keys", "help", "details", "teach", "name", "place"):
        mode = KeyMode(kind, window, HOSTILE, stage.prompt.places, tuple(stage.prompt.likely))
        for line in text(frame(figures(status), stage.prompt, mode, 0, 120, 60)):
            assert line.isprintable(), line
    target = io.StringIO()
    live = Played(stage, lambda i: stage.run(8), turns=30)
    live.figures = status
    live.said = [HOSTILE]
    LineView(live, target).run()
    assert all(c.isprintable() or c == "\n" for c in target.getvalue())
    assert "owned" in target.getvalue()


def test_keys_are_distinct_and_none_means_something_else() -> None:
    assert len(set(KEYS)) == len(KEYS) and not set(KEYS) & set("nsuqtd?=")
    assert list(keyed(SHARED.prompt.questions[0].likely)) == list("12345")


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**32))
def test_braille_has_a_dot_for_every_sample(n: int, across: int, rows: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(n, 1)).astype(np.float32)
    values[draw.random(n) < 0.2] = np.nan
    lines = braille(values, across, rows)
    assert [len(line) for line in lines] == [across] * rows
    dots = np.zeros((4 * rows, 2 * across), bool)
    for y, line in enumerate(lines):
        for x, cell in enumerate(line):
            for bit, (dy, dx) in enumerate([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]):
                dots[4 * y + dy, 2 * x + dx] = (ord(cell) - 0x2800) >> bit & 1
    finite = values[np.isfinite(values)]
    for i, (value,) in enumerate(values.tolist()):
        if np.isfinite(value):
            span = float(finite.max() - finite.min()) or 1.0
            height = round((value - float(finite.min())) / span * (4 * rows - 1))
            near = dots[max(0, 4 * rows - 2 - height) : 4 * rows + 1 - height, i * 2 * across // n]
            assert near.any()
