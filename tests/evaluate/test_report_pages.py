"""The page of a replay as a user gets it: questions, new classes, next steps, recordings side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.core.events import Gap, Prediction, Query, Samples
from odl.evaluate import evaluate
from odl.evaluate.as_recorded import recorded_result
from odl.evaluate.report.asked import HEIGHT, MOST, WIDTH, cards_of
from odl.evaluate.report.sentences import next_steps
from odl.evaluate.report.training import write_curves
from odl.evaluate.result import Result
from tests.helpers.jupyter import WHY_NOT, browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return odl.replay("shoulder", subjects=[7], budget=12, out=folder)


@pytest.fixture(scope="module")
def page(result: Result, folder: Path) -> str:
    return result.report(folder / "page.html").read_text(encoding="utf-8")


def test_each_question_has_a_card_with_its_signal_and_answer(result: Result, page: str) -> None:
    (evaluation,) = result.evaluations
    asked = page.split('<ol class="asked">')[1].split("</ol>")[0]
    assert asked.count("<li>") == evaluation.queries > 3
    for question in evaluation.timeline.questions:
        assert question.answer is not None and f"<strong>{question.answer}</strong>" in asked
    numbers = [float(x) for x in re.findall(r"[M ](\d+),", asked)]
    assert min(numbers) >= 0 and max(numbers) == WIDTH
    assert asked.count("<svg") == 2 * evaluation.queries  # g and rad/s


def test_a_card_shows_the_samples_that_were_asked_about(result: Result) -> None:
    (one,), (view,) = result.outcomes, result.views()
    card = cards_of(view.evaluation, one.trace.inputs, view.channels)[0]
    question = view.evaluation.timeline.questions[0]
    whole = np.concatenate([e.block for e in one.trace.inputs if isinstance(e, Samples)])
    end = question.window + result.image.window
    start = max(question.since, end - round(10 * result.image.rate_hz))
    assert card.seconds == pytest.approx((end - start) / result.image.rate_hz)
    drawn = [float(y) for y in re.findall(r",([\d.]+)", card.curves[0][1][0])]
    signal = whole[start:end, 0].astype(float)
    step = round(len(signal) / len(drawn))
    assert abs(np.corrcoef(drawn, signal[::step][: len(drawn)])[0, 1]) > 0.999


def test_a_line_breaks_where_samples_are_missing() -> None:
    block = np.zeros((60, 1), np.int16)
    events = [Samples(0, block), Gap(60, 40, "lost"), Samples(100, block), Prediction(32, (0,), ())]
    events.append(Query(32, 9, 900, since=0))
    one = evaluate(events, [], {0: "sit"}, subject="7", window=128, rate_hz=50)
    (card,) = cards_of(one, events, [("ax", "g")])
    ((_, (path,)),) = card.curves
    assert path.count("M") == 2 and f"M{WIDTH * 100 / 159:.0f},{HEIGHT}" in path


def test_more_questions_than_fit_are_told(tmp_path: Path) -> None:
    events: list[object] = []
    for i in range(MOST + 5):
        events += [Prediction(64 * i, (0,), ()), Query(64 * i, 9, 64 * i + 200)]
    one = evaluate(events, [], {0: "sit"}, subject="7", window=128, rate_hz=50)  # type: ignore[arg-type]
    assert len(cards_of(one, [], [])) == MOST


def test_new_classes_are_named_and_marked(page: str) -> None:
    assert "new, learned from answers alone:" in page.replace("\N{NO-BREAK SPACE}", " ")
    legend = page.split('aria-label="classes">')[1].split("</ul>")[0]
    assert re.search(r'trapezius extension<span class="tag">new</span>', legend)
    assert re.search(r"pendulum</li>", legend)


def test_the_page_says_how_to_read_it_and_what_to_do_next(page: str) -> None:
    assert "How to read this page" in page and "<code>odl label shoulder-7.odl</code>" in page


def test_next_steps_quote_a_hostile_name() -> None:
    commands = [command for _, command in next_steps(["a; rm -rf x\x1b.odl"])]
    assert commands[0] == "odl label 'a; rm -rf x.odl'"


def test_two_recordings_stand_beside_each_other(
    result: Result, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odl.replay("shoulder", subjects=[7], budget=3, out=folder / "few")
    few = folder / "few" / "shoulder-7.odl"
    few = few.rename(folder / "few.odl")
    assert main(["report", str(folder / "shoulder-7.odl"), str(few)]) == 0
    written = folder / "shoulder-7-few.html"
    assert str(written) in capsys.readouterr().out
    html = written.read_text(encoding="utf-8")
    assert "Accuracy over the whole stream" in html and "different people" not in html
    assert re.search(
        r'class="worst"><th scope="row">budget</th><td class="n">12</td><td class="n">3</td>', html
    )
    assert re.search(r'<tr><th scope="row">seed</th>', html)
    assert html.count('<ol class="asked">') == 2
    assert not re.search(r"https?:|url\((?!#)|@import", html)


def test_recordings_of_one_name_are_told_apart_by_their_folders(result: Result, folder: Path) -> None:
    """Two policies on one person: both replays name their recording after the person."""
    odl.replay("shoulder", subjects=[7], budget=3, out=folder / "random", policy="random")
    files = [folder / "shoulder-7.odl", folder / "random" / "shoulder-7.odl"]
    assert main(["report", *map(str, files)]) == 0
    html = (folder / "shoulder-7-shoulder-7.html").read_text(encoding="utf-8")
    heads = re.findall(r'<th scope="col" class="n">([^<]*)</th>', html)
    assert heads[:2] == [f"{folder.name}/shoulder-7.odl", "random/shoulder-7.odl"]
    assert str(folder.parent) not in html


def test_one_recording_twice_is_refused(
    result: Result, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(folder / "shoulder-7.odl")
    assert main(["report", file, file]) == 2
    assert "named twice" in capsys.readouterr().err


def test_a_comparison_never_overwrites_what_it_reads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odl.replay("shoulder", subjects=[8], budget=3, out=folder)
    files = [str(folder / f"shoulder-{n}.odl") for n in (7, 8)]
    before = Path(files[1]).read_bytes()
    assert main(["report", *files, "--out", files[1]]) == 2
    assert "overwrite" in capsys.readouterr().err and Path(files[1]).read_bytes() == before


def test_people_who_differ_are_told(folder: Path) -> None:
    from odl.evaluate.report.side_by_side import Compared, write_comparison

    one = odl.replay("shoulder", subjects=[7], budget=3)
    (view,) = one.views()
    other = replace(view, evaluation=replace(view.evaluation, subject="8\x1b"))
    pair = [Compared("a.odl", view, one.about), Compared("b<b>.odl", other, one.about)]
    html = write_comparison(folder / "pair.html", pair).read_text(encoding="utf-8")
    assert "different people (7 and 8)" in html and "<b>" not in html and "\x1b" not in html


@pytest.mark.parametrize(("right", "floor"), [([0.63, 0.8], 60), ([1.0, 1.0], 90), ([0.94, 0.97], 90)])
@pytest.mark.filterwarnings("error")
def test_training_curves_reach_to_a_hundred(
    right: list[float], floor: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))[1])
    curves = {"steps": [50, 100], "loss": [2.0, 1.0], "held_out_accuracy": right}
    write_curves(tmp_path / "c.png", curves, stop=100)
    (figure,) = drawn
    assert figure.axes[0].get_ylim() == (floor, 100) and "step 100" in figure.get_suptitle()


@pytest.mark.browser
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_no_page_is_wider_than_a_phone_and_each_persons_figures_are_in_sight(
    result: Result, tmp_path: Path
) -> None:
    found = odl.compare("shoulder", policies=["novel-segments", "random"], subjects=[7, 8], workers=1)
    pages = [result.report(tmp_path / "replay.html"), found.report(tmp_path / "study")]
    with browser() as shown:
        shown.set_viewport_size({"width": 375, "height": 800})
        for one in pages:
            shown.goto(one.as_uri())
            assert shown.evaluate("document.documentElement.scrollWidth") <= 375
        shown.goto(pages[0].as_uri())
        box = shown.locator("table.wide tbody td.strong").first.bounding_box()
    assert box["x"] + box["width"] < 375


@pytest.mark.parametrize("parts", [{"learner": "ridge"}, {"policy": "entropy"}])
def test_a_session_with_parts_that_run_in_python_only_is_reported_as_recorded(
    parts: dict[str, str], tmp_path: Path
) -> None:
    result = odl.replay("shoulder", subjects=[7], budget=4, out=tmp_path, **parts)
    found = recorded_result(tmp_path / "shoulder-7.odl")
    (one,), (other,) = found.evaluations, result.evaluations
    assert (one.score, one.model, one.baselines, one.queries) == (
        other.score, other.model, other.baselines, other.queries,
    )  # fmt: skip
    assert found.about.items() <= result.about.items() and found.host_only == result.host_only
    assert any("what was recorded, not a replay" in note for note in found.notes())
    assert main(["report", str(tmp_path / "shoulder-7.odl"), "--out", str(tmp_path / "r.html")]) == 0
