"""The report is one closed, well-formed page, whatever people and classes are called."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from odl._text import width
from odl.core.events import AddClass, Dropped, Event, Gap, Label, Learned, Prediction, Query, Truth, Undo, Why
from odl.evaluate import Evaluation, evaluate
from odl.evaluate.options import Options
from odl.evaluate.report import SessionView, headline, summary_text, write_report
from odl.evaluate.report.curves import draw_spent, sliding_accuracy
from odl.evaluate.report.figure import draw, figure_of
from odl.evaluate.report.sentences import comparison
from odl.evaluate.report.style import (
    HATCHES,
    PALETTE,
    RIGHT,
    WIDTH,
    ClassStyle,
    class_styles,
    stride,
    styles_for,
)
from odl.evaluate.report.timeline_plot import draw_timeline
from tests.helpers.synthetic import KNOWN, RATE_HZ, WINDOW, session

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects what the tests ask about and refuses tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def of(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def person(seed: int, **changes: int) -> Evaluation:
    events, without = session(seed, **changes)
    return evaluate(events, without, KNOWN, subject=str(seed), window=WINDOW, rate_hz=RATE_HZ, budget=20)


def report(folder: Path, people: list[Evaluation], **about: str) -> str:
    views = [SessionView(one, f"{one.subject}.odl") for one in people]
    path = write_report(
        folder / "report.html", views, title="Shoulder", about=about, memory={"state block": 14208}
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def four() -> list[Evaluation]:
    return [person(seed) for seed in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def html(four: list[Evaluation], tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(tmp_path_factory.mktemp("report"), four, policy="tactile-inforv", command="odl replay")


def test_one_closed_well_formed_page(html: str) -> None:
    page = Page(html)
    assert {"script", "link", "img", "iframe", "object", "use"} & set(page.tags) <= {"use"}
    assert not re.search(r"https?:|url\((?!#)|@import", html)
    assert page.of("src") == [] and all(link.startswith("#") for link in page.of("href"))
    ids, links = page.of("id"), [link[1:] for link in page.of("xlink:href")]
    assert len(ids) == len(set(ids)) and links and set(links) <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)
    assert len(html.encode()) < 3_000_000


def test_all_of_the_figures_are_there(html: str, four: list[Evaluation]) -> None:
    words = Page(html).words
    said = " ".join(words).replace("\N{NO-BREAK SPACE}", " ")
    assert headline(four) in said
    for one in four:
        assert one.score.accuracy_last_third is not None
        assert f"{100 * one.score.accuracy_last_third:.1f} %" in said
        assert f"{one.queries} of 20" in said
        for row in one.confusion:
            for count in row:
                assert f">{count}</td>" in html
    assert words.count("lowest") == 1
    for word in ("tactile-inforv", "odl replay", "14\u202f208", "state block", "PEN", "ROW"):
        assert word in said


def test_pictures_are_named_for_those_who_cannot_see_them(html: str) -> None:
    page = Page(html)
    assert page.of("role").count("img") == len([s for s in page.of("aria-label") if "learning" in s]) == 9
    assert page.of("aria-hidden") == ["true"] * 4
    assert page.of("lang") == ["en"]


def test_the_same_sessions_give_the_same_bytes(html: str, four: list[Evaluation], tmp_path: Path) -> None:
    assert report(tmp_path, four, policy="tactile-inforv", command="odl replay") == html


HOSTILE = [
    "<script>alert(1)</script>", "\x1b[2J\x07", "$x$ $\\frac", '"><b>&amp;', "\u202egnp", "漢字" * 8,
    "--><!--", "]]>", "", "\ud800",
]  # fmt: skip


def hostile_session() -> tuple[list[Event], list[Event]]:
    events: list[Event] = []
    without: list[Event] = []
    for i, name in enumerate(HOSTILE):
        start = i * 1000
        events += [Gap(start, 0, name), Truth(start, start + 1000, name), AddClass(start, 100 + i, name, 0)]
        for window in range(start, start + 1000 - WINDOW, 64):
            events.append(Prediction(window, (100 + i,), (), 100))
            without.append(Prediction(window, (i,), ()))
        events += [Query(start, 9, start + 900), Label(start + 600, start, 100 + i)]
        events.append(Learned(start + 600, start, 100 + i, 0))
    return events, without


@pytest.fixture(scope="module")
def hostile() -> Evaluation:
    events, without = hostile_session()
    names = {i: name + "!" for i, name in enumerate(HOSTILE)}
    return evaluate(events, without, names, subject=HOSTILE[0] + HOSTILE[1], window=WINDOW, rate_hz=50)


def test_hostile_names_stay_text(hostile: Evaluation, tmp_path: Path) -> None:
    views = [SessionView(hostile, name) for name in HOSTILE[:2]]
    path = write_report(
        tmp_path / "r.html", views, title=HOSTILE[0], people=HOSTILE[0],
        about={"command": HOSTILE[3], HOSTILE[0]: HOSTILE[1]}, memory={HOSTILE[0]: 1},
    )  # fmt: skip
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert "script" not in page.tags and "b" not in page.tags and "<!--" not in html
    assert not [c for c in html if ord(c) < 32 and c != "\n"] and "\u202e" not in html
    said = " ".join(page.words)
    assert "<script>alert(1)</script>" in said and "$x$ $\\frac" in said and '"><b>&amp;' in said
    assert all(name.isascii() and not name.startswith("on") for name, _ in page.attributes)


def test_hostile_names_in_the_terminal(hostile: Evaluation) -> None:
    text = summary_text([hostile, replace(hostile, subject="x\r\ny\x9b31m")], people="a\x1b[2Jb")
    assert not [c for c in text if c != "\n" and not c.isprintable()]
    assert "[2J" in text and "x y31m" in text


def test_summary_is_aligned(four: list[Evaluation]) -> None:
    lines = summary_text([*four, replace(four[0], subject="漢字")]).split("\n\n")[2].splitlines()
    assert len({width(line) for line in lines[1:]}) == 1
    assert lines[1].startswith("person") and lines[-1].startswith("mean")
    under = [lines[0][: match.end()].rstrip() for match in re.finditer(r"\S+", lines[0])]
    words = [(head.split()[-1], lines[1][: len(head)].split()[-1]) for head in under]
    assert words[:4] == [("whole", "with"), ("whole", "without"), ("third", "with"), ("third", "without")]


@pytest.mark.parametrize("subject", ["7", "a person with a long name", "漢字" * 30, "x" * 300])
@pytest.mark.parametrize("budget", [None, 20, 1440])
def test_summary_fits_a_terminal_of_80_columns(
    four: list[Evaluation], hostile: Evaluation, subject: str, budget: int | None
) -> None:
    one = replace(four[0], subject=subject, budget=budget)
    for people in [[one], [one, *four], [one, hostile]]:
        text = summary_text(people, people="people never seen in training")
        assert max(width(line) for line in text.splitlines()) < 80
        assert "whole stream, and its last third" in text
        assert "never asking and never changing" in text
        assert text == summary_text(people, people="people never seen in training")


def test_what_became_of_every_question_is_said(tmp_path: Path) -> None:
    events: list[Event] = [Truth(0, 999, "PEN")]
    for window in range(0, 320, 64):
        events += [Prediction(window, (0,), ()), Query(window, 9, 600)]
    events += [Label(400, 0, 0), Label(400, 64, None), Dropped(400, 64, Why.SKIPPED)]
    events += [Label(410, 128, 0), Undo(411), Dropped(600, 192, Why.EXPIRED)]
    one = evaluate(events, [], KNOWN, subject="1", window=WINDOW, rate_hz=RATE_HZ, budget=20)
    became = "1 answered, 1 skipped, 1 expired, 1 taken back, 1 open at the end"
    assert became in " ".join(summary_text([one]).split())
    said = " ".join(Page(report(tmp_path, [one])).words)
    assert said.count(became) == 2 and "5 of 20" in said and "of those allowed in the whole stream" in said
    assert one.to_json()["open"] == 1


def test_what_is_allowed_is_said_to_be_for_the_whole_stream(four: list[Evaluation]) -> None:
    figure = Figure(figsize=(WIDTH, 1))
    axes = figure.subplots()
    draw_spent(axes, replace(four[0], budget=1440), 1.0)
    texts = {text.get_text(): text for text in axes.texts}
    assert "allowed in all 1440" in texts
    room = (RIGHT - 7 / 72) * figure.dpi  # the margin less what stands between it and the text
    assert texts["allowed in all 1440"].get_window_extent(FigureCanvasAgg(figure).get_renderer()).width < room


# --- what there may be too much or too little of ----------------------------------------------


def test_nothing_to_score(tmp_path: Path) -> None:
    empty = evaluate([], [], {}, subject="1", window=WINDOW, rate_hz=50)
    events = [event for event in session(1, series=2)[0] if not isinstance(event, Truth)]
    unlabelled = evaluate(events, [], KNOWN, subject="2", window=WINDOW, rate_hz=50)
    html = report(tmp_path, [empty, unlabelled])
    assert "Nothing could be scored" in " ".join(Page(html).words)
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)
    assert "Nothing could be scored" in summary_text([empty, unlabelled])
    with pytest.raises(ValueError, match="at least one session"):
        write_report(tmp_path / "r.html", [], title="", about={}, memory={})


def test_many_people_leave_only_the_worst_open(tmp_path: Path) -> None:
    people = [person(seed, series=3, budget=4) for seed in range(6)]
    page = Page(report(tmp_path, people))
    assert page.tags.count("details") == 7  # one is about how to read the page
    assert [name for name, _ in page.attributes].count("open") == 1


def test_a_long_session_is_drawn_thinned_and_says_so(tmp_path: Path) -> None:
    words = (0, 1, 1, 0, 1)
    events: list[Event] = [Prediction(64 * i, (words[i % 5],), ()) for i in range(20_000)]
    one = evaluate([Truth(0, 64 * 20_001, "PEN"), *events], [], KNOWN, subject="1", window=WINDOW, rate_hz=50)
    assert stride(one) == 7
    html = report(tmp_path, [one])
    assert "one window in 7 is drawn" in html and len(html) < 1_000_000


def test_each_of_many_classes_looks_different() -> None:
    names = {i: f"class of some length {i}" for i in range(len(PALETTE) * len(HATCHES))}
    events: list[Event] = [Prediction(64 * i, (i,), ()) for i in names]
    events += [Truth(64 * i, 64 * i + 64, name) for i, name in names.items()]
    one = evaluate(events, [], names, subject="1", window=WINDOW, rate_hz=50)
    styles = class_styles([one])
    assert list(styles) == list(names.values()) and len(set(styles.values())) == len(styles)
    assert draw(one, styles, prefix="a").startswith("<svg")


def test_a_class_looks_the_same_in_another_report() -> None:
    """Whichever new class comes first, and whether another one comes at all."""

    def of(*new: str) -> dict[str, ClassStyle]:
        events: list[Event] = [AddClass(0, 5 + i, name, 0) for i, name in enumerate(new)]
        events += [Prediction(0, (5,), ()), Truth(0, 64, new[-1])]
        return class_styles([evaluate(events, [], KNOWN, subject="1", window=WINDOW, rate_hz=50)])

    both, other = of("upright row", "trapezius extension"), of("trapezius extension", "upright row")
    assert both == other
    for alone in ("upright row", "trapezius extension"):
        assert of(alone) == {name: one for name, one in both.items() if name in (*KNOWN.values(), alone)}
    assert [both[name].colour for name in KNOWN.values()] == list(PALETTE[: len(KNOWN)])
    many = styles_for(["a", "b", "c"], map(str, range(20)))
    plain = [one for one in many.values() if not one.hatch]
    assert len(set(plain)) == len(plain) == len(PALETTE)
    assert len(set(styles_for(["a", "b", "c"], map(str, range(29))).values())) == 32


def test_counts_of_lessons_lie_under_no_diamond() -> None:
    """One label at a time is the rule and needs no count; several do, where there is room."""

    def counts(*lessons: tuple[int, int]) -> list[str]:
        events: list[Event] = [Prediction(64 * i, (1,), ()) for i in range(200)]
        events += [Learned(at, 0, 1, 0) for at, n in lessons for _ in range(n)]
        one = evaluate(events, [], KNOWN, subject="1", window=WINDOW, rate_hz=50)
        figure = Figure(figsize=(WIDTH, 6))
        axes = figure.subplots()
        axes.set_xlim(0, 256)
        draw_timeline(axes, one, class_styles([one]), 1.0)
        return [text.get_text() for text in axes.texts if text.get_text().isdecimal()]

    assert counts((1000, 1), (1100, 1), (9000, 1)) == []
    assert counts((1000, 4), (9000, 12)) == ["4", "12"]
    assert counts((1000, 4), (1100, 3), (9000, 2)) == ["3", "2"]  # the next diamond lay on the first


def test_answers_taken_back_are_not_counted(tmp_path: Path) -> None:
    events: list[Event] = [Truth(0, 320, "PEN"), Prediction(0, (1,), ()), Query(0, 9, 999)]
    events += [Prediction(64, (1,), ()), Query(64, 9, 999), Label(192, 0, 0), Label(192, 64, 2)]
    events += [Prediction(128, (1,), ()), Undo(256), Undo(256)]
    plain = [e for e in events if isinstance(e, Prediction)]
    one = evaluate(events, plain, KNOWN, subject="1", window=WINDOW, rate_hz=50)
    assert (one.timeline.labels, one.timeline.undone, one.timeline.standing) == (2, 2, 0)
    assert headline([one]).startswith("With 0 answers, ")
    assert "2 taken back" in summary_text([one])
    assert summary_text([one]).splitlines()[6].split()[-2:] == ["2", "0"]  # asked, answers
    assert '<td class="n">2</td><td class="n">0</td>' in report(tmp_path, [one])


def test_settings_have_their_whole_names(tmp_path: Path) -> None:
    said = report(tmp_path, [person(1)], **Options().described())
    assert "a new class is shown until the stream changes</th>" in said


def test_headline_says_which_way_it_went(four: list[Evaluation]) -> None:
    assert "(4 people never seen)" in headline(four, "people never seen")
    assert re.search(r"rose from .* over the whole stream and from .* over its last third", headline(four))
    one = four[0]
    same = replace(one, baselines={**one.baselines, "no_learning": one.score})
    assert "stayed at" in headline([same])
    turned = replace(same, score=one.baselines["no_learning"])
    assert "fell from" in headline([turned])
    assert headline([same]).endswith("(person 1)")


def test_a_last_third_of_one_class_is_not_boasted_of() -> None:
    stream: list[Event] = [Truth(0, 640, "PEN"), *(Prediction(64 * i, (0,), ()) for i in range(9))]
    plain = [e for e in stream if isinstance(e, Prediction)]
    one = evaluate(stream, plain, KNOWN, subject="1", window=WINDOW, rate_hz=50)
    assert headline([one]) == "With 0 answers, accuracy stayed at 100 % over the whole stream (person 1)"
    assert "The last third of person 1 is one class alone, PEN: it shows only" in comparison([one])
    assert "one class alone" in " ".join(summary_text([one]).split())


def test_progress_has_a_rate_and_the_time_left(
    four: list[Evaluation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("odl.core.pace.INTERVAL", 0.0)  # else it speaks every two seconds
    views = [SessionView(one) for one in four[:3]]
    write_report(tmp_path / "r.html", views, title="", about={}, memory={}, progress=said.append)
    assert said[0] == "writing the report" and len(said) == 3
    assert re.fullmatch(r"report: 2 of 3 people, [\d.,]+ a (second|minute), \d+ (s|min) left", said[2])


@given(st.lists(st.booleans()), st.integers(1, 70))
def test_sliding_accuracy_against_the_reference(right: list[bool], size: int) -> None:
    ref = [sum(part) / len(part) for n in range(len(right)) for part in [right[max(0, n + 1 - size) : n + 1]]]
    assert sliding_accuracy(np.array(right, bool), size).tolist() == pytest.approx(ref)


def test_a_person_without_a_window_has_a_sentence_and_no_picture(tmp_path: Path) -> None:
    """A report of nothing spent most of its time on drawing three empty axes."""
    view = SessionView(evaluate([], [], {}, subject="7", window=128, rate_hz=50))
    file = write_report(tmp_path / "r.html", [view], title="t", about={}, memory={})
    html = file.read_text(encoding="utf-8")
    assert "the recording has no whole window" in html and "<figure" not in html


def test_a_thousand_answers_are_drawn_with_few_artists() -> None:
    """Each question, answer and gap had one of its own: a recording of 1 MB took 19 s."""
    events: list[Event] = []
    for at in range(0, 40_000, 40):
        events += [Prediction(at, (1,), (32768,)), Query(at, 9, at + 9, at), Label(at + 40, at, 1)]
        events += [Learned(at + 40, at, 1, 0), Gap(at + 40, 40 * (at % 80 > 0), "x")]
    one = evaluate(events, [], {1: "walk"}, subject="7", window=40, rate_hz=50)
    lanes = figure_of(one, class_styles([one])).axes[0]
    assert len(one.timeline.questions) == 1000 and len(lanes.collections) + len(lanes.lines) < 60
