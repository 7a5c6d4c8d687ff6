"""A person at JupyterLab: a browser clicks and types, the learner learns, the predictions change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odl.core.events import Event, Label, Learned, Origin, Prediction, Undo
from odl.core.session import Session
from odl.evaluate.recorded import RecordedSession, open_recording
from odl.wire import is_output
from tests.helpers import jupyter
from tests.helpers.jupyter import shot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(jupyter.WHY_NOT), reason=jupyter.WHY_NOT),
]

# A question every twelve seconds of the stream, which no model can put off: three seconds here.
LIVE = """import odl.notebook
session = odl.notebook.live("shoulder", subject=8, speed=4, policy="periodic", budget="300/h",
                            patience=6000, batch=1)"""
STATE = """import json, time
card = session._view._card
print(json.dumps({"calm": card.current and time.monotonic() - card._since > 0.4,
                  "learned": session.live.session.counts["answered"], "names": session.live.names,
                  "open": [q.window for q in session.prompt.questions],
                  "likely": [one.name for one in session.prompt.questions[0].likely]
                            if session.prompt.questions else [],
                  "told": [(t.window, t.name, t.state, t.by, t.took) for t in session.prompt.answers],
                  "recording": str(session.live.recording), "ended": session.ended,
                  "compared": session.live.status().compared,
                  "differences": session.live.status().differences}))"""
BOARD = """import odl.notebook
session = odl.notebook.live("shoulder", subject=8, emulated=True, speed=2, policy="periodic",
                            budget="600/h", patience=6000)"""
EVIL = "<img src=x onerror=evil=1>$x^2$"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[tuple[str, Any]]:
    """The server's address, and a browser's page."""
    jupyter.write_notebook(folder / "live.ipynb", [jupyter.LONGER + LIVE, STATE])
    jupyter.write_notebook(folder / "board.ipynb", [BOARD, STATE])
    with jupyter.lab(folder) as address, jupyter.browser() as page:
        yield address, page
        shot(page, "end")


@pytest.fixture(scope="module")
def page(desk: tuple[str, Any]) -> Any:
    address, page = desk
    jupyter.open_notebook(page, address, "live.ipynb")
    return page


def state(page: Any) -> Any:
    jupyter.run_cell(page, 1)
    text = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output pre").first.inner_text()
    return json.loads(text)


def wait_for_question(page: Any) -> Any:
    """Wait for a question that has stood there as long as anybody needs to look at it; the state."""
    page.get_by_text("What were you doing").wait_for()
    return jupyter.until(page, lambda: state(page), lambda found: found["calm"])


def wait_until_learned(page: Any, count: int) -> None:
    page.get_by_text(re.compile(rf"\b{count} answered")).wait_for()
    page.get_by_text("has been learned").first.wait_for()


def keys(page: Any) -> Any:
    return page.get_by_label("keys", exact=True)


def test_a_click_a_key_and_a_new_class_reach_the_learner(page: Any, folder: Path) -> None:
    jupyter.run_cell(page, 0)
    before = wait_for_question(page)
    shot(page, "question")
    page.get_by_role("img", name="The last 10 seconds: ax, ay, az in g").wait_for()
    second = before["likely"][1]
    page.get_by_role("button", name=f"2 {second}").click()
    wait_until_learned(page, 1)
    after = state(page)
    assert after["learned"] == 1
    window, name, how, by, took = after["told"][-1]
    assert [window, name, how, by] == [before["open"][0], second, "learned", "notebook"]
    assert took > 300

    asked = wait_for_question(page)
    keys(page).click()
    page.keyboard.press("1")
    wait_until_learned(page, 2)
    assert [t[:3] for t in state(page)["told"]][0] == [asked["open"][0], asked["likely"][0], "learned"]

    wait_for_question(page)
    keys(page).click()
    page.keyboard.type("nupright row")
    shot(page, "new-class")
    page.keyboard.press("Enter")
    wait_until_learned(page, 3)
    known = state(page)
    assert "upright row" in known["names"].values()
    assert known["told"][0][1:3] == ["upright row", "learned"]

    wait_for_question(page)
    keys(page).click()
    page.keyboard.press("=")
    wait_until_learned(page, 4)
    page.keyboard.press("u")
    page.get_by_text("was taken back").first.wait_for()
    shot(page, "undone")
    assert state(page)["told"][0][1:3] == ["upright row", "undone"]
    assert page.errors == []


def test_a_cell_run_again_shows_the_same_session(page: Any) -> None:
    before = state(page)
    jupyter.run_cell(page, 0)
    page.get_by_text("accuracy", exact=True).wait_for()
    after = state(page)
    assert after["recording"] == before["recording"]
    assert after["told"][-3:] == before["told"][-3:]


def test_a_restarted_kernel_goes_on_from_the_recording(page: Any) -> None:
    before = state(page)
    jupyter.restart_kernel(page)
    jupyter.run_cell(page, 0)
    after = wait_for_question(page)
    assert after["recording"] == before["recording"]
    assert after["learned"] == before["learned"]
    assert "upright row" in after["names"].values()


def test_a_hostile_name_is_only_text(page: Any, folder: Path) -> None:
    count = wait_for_question(page)["learned"]
    page.get_by_label("new class", exact=True).fill(EVIL)
    page.get_by_role("button", name="add (Enter)").click()
    wait_until_learned(page, count + 1)
    page.locator(f"button:visible:has-text('{EVIL[:9]}')").first.wait_for()
    shot(page, "hostile")
    assert page.evaluate("() => window.evil") is None
    assert page.locator(".jp-OutputArea-output img[src=x]").count() == 0
    assert page.locator(".jp-OutputArea-output mjx-container, .jp-OutputArea-output .MathJax").count() == 0
    now = state(page)
    assert EVIL in now["names"].values() and now["learned"] == count + 1


def test_the_recording_holds_who_answered_and_each_answer_changed_a_prediction(
    page: Any, folder: Path
) -> None:
    page.get_by_role("button", name="stop the session").click()
    page.get_by_text("Stopped.").wait_for()
    page.get_by_text("The session has ended").wait_for()
    opened = open_recording(folder / state(page)["recording"])
    events = opened.recording.events
    assert opened.recording.complete
    assert {e.by for e in events if isinstance(e, Origin)} == {"notebook"}
    assert sum(isinstance(e, Learned) for e in events) >= 5 and any(isinstance(e, Undo) for e in events)
    first = next(i for i, e in enumerate(events) if isinstance(e, Label))
    assert predictions(opened, events, first, leave_out=None) != predictions(
        opened, events, first, leave_out=first
    )


def test_a_board_learns_what_was_clicked_here(desk: tuple[str, Any], folder: Path) -> None:
    address, page = desk
    jupyter.open_notebook(page, address, "board.ipynb")
    jupyter.run_cell(page, 0)
    before = wait_for_question(page)
    shot(page, "board")
    page.get_by_role("button", name=f"2 {before['likely'][1]}").click()
    wait_until_learned(page, 1)
    after = jupyter.until(page, lambda: state(page), lambda found: found["compared"] > before["compared"])
    assert after["told"][0][:4] == [before["open"][0], before["likely"][1], "learned", "notebook"]
    assert before["compared"] > 0 and after["differences"] == 0
    page.get_by_role("button", name="stop the session").click()
    page.get_by_text("Stopped.").wait_for()
    events = open_recording(folder / after["recording"]).recording.events
    assert sum(isinstance(e, Learned) for e in events) == 1
    assert page.errors == []


def test_the_shipped_notebook_runs_as_it_is(desk: tuple[str, Any], folder: Path) -> None:
    """All cells of `notebooks/2-live.ipynb`, byte for byte as shipped; a robot answers its card."""
    address, page = desk
    shipped = jupyter.ROOT / "notebooks" / "2-live.ipynb"
    (folder / shipped.name).write_bytes(shipped.read_bytes())
    jupyter.open_notebook(page, address, shipped.name)
    jupyter.run_cell(page, 0)
    cell = page.locator(".jp-CodeCell").nth(0).locator(".jp-OutputArea")
    cell.get_by_text("What were you doing").first.wait_for()
    answered = cell.get_by_text(re.compile(r"\b[1-9]\d* answered"))

    def answer() -> int:
        page.wait_for_timeout(1000)  # a card takes no answer before anybody can have looked at it
        first = cell.get_by_role("button", name=re.compile("^1 "))
        if not answered.count() and first.count():
            first.first.click()
        return int(answered.count())

    jupyter.until(page, answer, bool)
    cell.get_by_text("has been learned").first.wait_for()
    cell.get_by_role("button", name="stop the session").click()
    cell.get_by_text("Stopped.").wait_for()
    shot(page, "shipped")
    for number in (1, 2):
        jupyter.run_cell(page, number)
    outputs = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output pre")
    assert "has been learned" in outputs.first.inner_text() and "by notebook" in outputs.first.inner_text()
    page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output img").wait_for()
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0


def predictions(
    opened: RecordedSession, events: list[Event], after: int, leave_out: int | None
) -> list[Prediction]:
    """What the session says after event number ``after``, with or without one event."""
    session, said = Session(opened.image, opened.config), []
    for i, event in enumerate(events):
        if i != leave_out and not is_output(event):
            outputs = session.step(event)
            said += [output for output in outputs if i > after and isinstance(output, Prediction)]
    return said
