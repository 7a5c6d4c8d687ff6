"""Sessions played from the event loop: resumed, taken over, shown to nobody, relabelled."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

import odl
from odl.core.config import ConfigError
from odl.core.events import Event, Gap, Learned, Prediction, Query, Samples, Truth
from odl.core.ground_truth import TruthTrack
from odl.evaluate.recorded import open_recording
from odl.live.playback import played
from odl.live.recent_windows import RecentWindows
from odl.live.recordings import recordings, unfinished
from odl.notebook import session as cells
from odl.notebook.live_view import NotebookView
from odl.notebook.open import start_session
from odl.notebook.plain_input import ask_plainly
from odl.notebook.player import TURN, Player
from odl.notebook.relabel import RelabelSession, relabel
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import eventually

FAST = float("inf")


def test_a_session_that_was_cut_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.odl", tmp_path / "cut.odl"
    settings: dict[str, Any] = {"speed": FAST, "answers": "truth", "options": {"budget": 15}}
    with played("shoulder", 8, record=whole, **settings) as live:
        assert sum(1 for _ in live) > 100
    for stop in (3, 400, 700):  # the kernel is killed: nothing is closed
        live = played("shoulder", 8, record=cut, **settings)
        for i, _ in enumerate(live):
            if i == stop:
                break
        live._writer.leave()
        assert unfinished(cut)
    with played("shoulder", 8, record=cut, **settings) as live:
        for _ in live:
            pass
    one, other = open_recording(whole), open_recording(cut)
    assert one.recording.complete and other.recording.complete
    assert one.trace == other.trace
    tracks = [TruthTrack(e for e in x.recording.events if isinstance(e, Truth)) for x in (one, other)]
    windows = range(0, one.stream.samples, 64)
    assert [tracks[0].of(w, 128) for w in windows] == [tracks[1].of(w, 128) for w in windows]
    gaps = [[e for e in x.recording.events if isinstance(e, Gap)] for x in (one, other)]
    assert gaps[0] == gaps[1]


def test_a_disk_that_fails_when_a_session_resumes_leaves_its_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "a.odl"
    live = played("shoulder", 8, record=path, speed=FAST)
    next(event for event in live if isinstance(event, Prediction))
    live._writer.leave()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            played("shoulder", 8, record=path, speed=FAST)
    with played("shoulder", 8, record=path, speed=FAST) as live:  # it is there, and no one holds it
        assert live.resumed and live.history.windows >= 1
    assert open_recording(path).recording.complete


def test_a_recording_of_another_session_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.odl"
    live = played("shoulder", 8, record=path, speed=FAST)
    next(iter(live))
    live._writer.leave()
    with pytest.raises(ConfigError, match="this recording has other settings"):
        played("shoulder", 7, record=path, speed=FAST)
    with played("shoulder", 8, record=path, speed=FAST):
        pass
    with pytest.raises(ConfigError, match="this recording is finished"):
        played("shoulder", 8, record=path, speed=FAST)


def test_recordings_are_numbered_and_only_the_newest_may_go_on(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"source": "shoulder", "subject": 8, "speed": FAST}
    first = start_session(dict(given), fresh=False, progress=lambda line: None)
    next(iter(first))
    first._writer.leave()
    again = start_session(dict(given), fresh=False, progress=lambda line: None)
    assert again.recording == first.recording == Path("recordings/shoulder-8.odl")
    again.close()
    other = start_session(dict(given), fresh=False, progress=lambda line: None)
    assert other.recording == Path("recordings/shoulder-8-2.odl")
    other._writer.leave()
    changed = start_session({**given, "budget": 3}, fresh=False, progress=lambda line: None)
    assert changed.recording == Path("recordings/shoulder-8-3.odl")
    changed.close()
    assert recordings("shoulder-8")[1] == Path("recordings/shoulder-8-4.odl")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give a dataset's name"),
        ({"source": "shoulder", "colour": 1}, "no setting 'colour'"),
        ({"source": "shoulder", "subject": 8, "speed": 0}, "`speed` is 0"),
        ({"source": "shoulder", "subject": 99}, "no subject 99"),
        ({"source": "shoulder", "policy": "best"}, "no policy 'best'"),
        ({"source": "shoulder", "answers": "me"}, "`answers` is 'me'"),
        ({"source": "shoulder", "by": "me", "emulated": True}, "no setting 'by'"),
        ({"emulated": True}, "add `play='shoulder'`"),
        ({"port": "loop://", "budget": 20}, "needs its length, `seconds`; or give a budget such as 12/h"),
    ],
)
def test_what_cannot_be_used_is_named(given: Any, words: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        start_session(given, fresh=False)
    assert not list(tmp_path.rglob("*.odl"))


def test_the_loop_stays_free_and_an_answer_wakes_it(tmp_path: Path) -> None:
    async def person() -> tuple[int, int, int, bool]:
        live = played("shoulder", 8, record=tmp_path / "8.odl", speed=200, options={"patience": 600})
        player = Player(live, VirtualClock(tick=TURN / 10))
        stepped: list[Event] = []
        player.listen = stepped.append
        player.start()
        answered, longest, before = 0, 0, 0
        while player.running and answered < 5:
            await asyncio.sleep(0)
            longest, before = max(longest, len(stepped) - before), len(stepped)
            for question in live.prompt.questions:
                answered += live.prompt.answer(question.window, question.likely[0].name).taken
        await eventually(lambda: not player.running or player.recent.learned >= answered)
        player.stop()
        await player.done()
        return answered, player.recent.learned, longest, live.status().state == "ended"

    answered, learned, longest, ended = asyncio.run(person())
    assert answered == learned >= 5 and ended  # several questions may open at once
    assert 0 < longest <= 10  # steps of a tenth of a turn each
    assert open_recording(tmp_path / "8.odl").recording.complete


def test_an_error_is_said_and_the_recording_closed(tmp_path: Path) -> None:
    live = played("shoulder", 8, record=tmp_path / "8.odl", speed=FAST)

    def broken() -> Any:
        raise RuntimeError("the line <b>went</b>")
        yield

    live._events = broken()
    player = Player(live)

    async def play() -> str:
        player.start()
        view = NotebookView(player)
        view.start()
        await player.done()
        await view._task
        text = str(view._head.value)
        view.close()
        return text

    text = asyncio.run(play())
    assert "The session broke off: the line &lt;b&gt;went&lt;/b&gt;" in text
    assert unfinished(tmp_path / "8.odl") or open_recording(tmp_path / "8.odl").recording.complete


def test_a_page_that_is_closed_gets_no_pictures_and_an_open_one_does(tmp_path: Path) -> None:
    async def play() -> tuple[list[int], bytes]:
        player = Player(played("shoulder", 8, record=tmp_path / "8.odl", speed=5))
        player.start()
        clock = VirtualClock(tick=0.05)
        view = NotebookView(player, clock)
        first, sent = view._stream.value, []
        view._stream.observe(lambda change: sent.append(len(change["new"])), "value")
        view.start()
        await eventually(lambda: clock.now > 60 and player.recent.position > 100)
        nobody = len(sent)

        def beat() -> bool:
            view._heartbeat.widget.value += 1  # the browser's sign
            return bool(sent)

        await eventually(beat)
        somebody = len(sent)
        player.stop()
        await player.done()
        await view._task
        view.close()
        return [nobody, somebody], first

    counts, first = asyncio.run(play())
    assert counts[0] == 0 and counts[1] > 0 and first[1:4] == b"PNG"


def test_a_cell_that_is_run_again_takes_the_session_over(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {"subject": 8, "speed": 20, "widgets": True}

    async def person() -> None:
        first = cells.live("shoulder", **given)
        assert first is not None
        await eventually(lambda: first.recent.position > 0)
        before = len(_instances)
        old = first._view
        again = cells.live("shoulder", **given)
        assert again is first and first._view is not old
        assert "shown in another cell" in old.box.children[0].value
        assert len(_instances) <= before + 5  # the old view's box with its sentence
        other = cells.live("shoulder", budget=5, **given)
        assert other is not None and other is not first
        await first.done()
        assert first.ended and other.live.recording == Path("recordings/shoulder-8-2.odl")
        other.stop()
        await other.done()

    asyncio.run(person())


def test_a_setting_that_does_not_exist_ends_no_session(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    async def person() -> None:
        first = cells.live("shoulder", subject=7, speed=5, widgets=True)
        assert first is not None
        for wrong, words in (({"colour": 1}, "no setting"), ({"policy": "best"}, "no policy")):
            with pytest.raises(ConfigError, match=words):
                cells.live("shoulder", subject=7, speed=5, widgets=True, **wrong)
        assert cells.live("shoulder", speed=5, widgets=True) is first  # 7 is the first one for testing
        assert first._player.running
        first.stop()
        await first.done()

    asyncio.run(person())


def test_a_recording_that_cannot_be_gone_on_with_is_left_alone(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"source": "shoulder", "subject": 8, "speed": FAST}
    told: list[str] = []
    first = start_session(dict(given), fresh=False, progress=told.append)  # another notebook has it
    next(iter(first))
    second = start_session(dict(given), fresh=False, progress=told.append)
    assert second.recording == Path("recordings/shoulder-8-2.odl")
    assert "another writer has this file open" in told[-1] and "a new recording starts" in told[-1]
    first._writer.leave()
    begun = second.recording.stat().st_size
    for _ in zip(range(400), second, strict=False):
        pass
    second._writer.leave()
    with second.recording.open("r+b") as file:  # damaged in its middle
        file.seek((begun + second.recording.stat().st_size) // 2)
        file.write(bytes(64))
    before = second.recording.read_bytes()
    third = start_session(dict(given), fresh=False, progress=told.append)
    assert third.recording == Path("recordings/shoulder-8-3.odl")
    assert told[-1].startswith("recordings/shoulder-8-2.odl: ") and "cannot be resumed" in told[-1]
    assert second.recording.read_bytes() == before
    third.close()


def test_a_kernel_that_goes_down_leaves_the_recording_open(tmp_path: Path) -> None:
    async def kernel() -> None:
        player = Player(played("shoulder", 8, record=tmp_path / "8.odl", speed=5))
        player.start()
        await eventually(lambda: player.recent.position)
        assert player._task is not None
        player._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await player.done()
        player.live._writer.leave()  # type: ignore[attr-defined]

    asyncio.run(kernel())
    assert unfinished(tmp_path / "8.odl")


def test_the_live_picture_has_words(tmp_path: Path) -> None:
    async def play() -> list[str]:
        options, clock = {"budget": 20, "patience": 600}, VirtualClock(tick=1.0)
        player = Player(played("shoulder", 8, record=tmp_path / "8.odl", options=options, clock=clock))

        def stop_time(event: Event) -> None:
            if isinstance(event, Query):
                clock.tick = 0.0

        player.listen = stop_time
        player.start()
        view = NotebookView(player)
        view.start()
        words: list[str] = []
        view._stream.observe(lambda change: words.append(change["new"]), "tooltip")

        def beat() -> bool:
            view._heartbeat.widget.value += 1
            return bool(words) and "0 questions" not in words[-1]

        await eventually(beat)
        player.stop()
        await player.done()
        await view._task
        assert "has ended" in view._card.head.value
        view.close()
        return words

    words = asyncio.run(play())
    assert words[-1].startswith("The last 10 seconds: ax, ay, az in g; wx, wy, wz in rad/s; below,")
    assert re.search(
        r"The model says: [a-z ,;]+\. \d+ questions? (is|are) open, [12] of them shaded; \d+ more may",
        words[-1],
    )


def test_plain_questions_are_answered_by_typing(tmp_path: Path) -> None:
    typed = iter(["1", "99", "2", "a new one", "u", "=", "s", "<b>no</b>" * 9, "1", "1", "q"])
    said: list[str] = []
    live = played("shoulder", 8, record=tmp_path / "8.odl", speed=300, options={"patience": 600})
    ask_plainly(live, lambda text: next(typed, "q"), said.append)
    assert "a new one" in live.names.values()
    assert any("a class needs a name" in line for line in said)
    assert "  99 is no number of a class" in said and "99" not in live.names.values()
    assert open_recording(tmp_path / "8.odl").recording.complete
    assert not any("\x1b" in line for line in said)


def test_seen_waits_for_a_truth_that_comes_later() -> None:
    recent = RecentWindows(100, 50)
    recent.take(Prediction(0, (1,), ()), {1: "walk"})
    assert recent.accuracy is None
    recent.take(Truth(0, 90, "walk"), {})
    recent.take(Truth(90, 400, "sit"), {})
    recent.take(Prediction(100, (1,), ()), {1: "walk"})
    assert recent.accuracy == 0.5 and recent.scored == 2


def test_relabelling_keeps_each_edit_and_learns_again(tmp_path: Path) -> None:
    odl.replay("shoulder", subjects=[8], budget=6, out=tmp_path)
    path = tmp_path / "shoulder-8.odl"
    before = path.read_bytes()

    async def person() -> str:
        clock = VirtualClock()
        sitting = RelabelSession(path, clock=clock)
        sitting.start()
        await eventually(lambda: "answered" in sitting._card.beside.value)
        clock.sleep(1.0)  # no click is taken in the moment in which a card comes up
        button = sitting._card._row._buttons[-1 + len(sitting.review.questions[0].likely)]
        assert button.layout.display == ""
        name = button.description.split("  ")[1]
        button.click()
        await eventually(lambda: sitting.review.answers)
        sitting._learn.click()
        await eventually(lambda: sitting.result)
        sitting.close()
        assert sitting.result is not None
        assert sitting.result.edits == 1
        return name

    name = asyncio.run(person())
    edits = [json.loads(line) for line in (tmp_path / "shoulder-8.edits.jsonl").read_text().splitlines()]
    assert edits[1]["name"] == name and path.read_bytes() == before
    assert (tmp_path / "shoulder-8-relabelled.odl").exists()


def test_an_edit_that_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    odl.replay("shoulder", subjects=[8], budget=3, out=tmp_path)

    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("odl.evaluate.relabel.edit.append_edits", full)

    async def person() -> None:
        sitting = RelabelSession(tmp_path / "shoulder-8.odl")
        sitting.start()
        one = sitting.review.questions[0]
        other = next(
            likely.name for likely in one.likely if f"'{likely.name}'" not in sitting.review.about(one)
        )
        sitting.review.answer(one.window, other)
        await eventually(lambda: "No space left on device" in sitting._card.said.value)
        assert not sitting.review.answers
        assert one.window in [question.window for question in sitting.review.questions]
        sitting.close()

    asyncio.run(person())


def test_relabelling_once_more_takes_the_first_one_away(tmp_path: Path, monkeypatch: Any) -> None:
    odl.replay("shoulder", subjects=[8], budget=3, out=tmp_path)
    monkeypatch.chdir(tmp_path)

    async def person() -> None:
        first = relabel("shoulder-8.odl")
        await asyncio.sleep(0)
        before = len(_instances)
        again = relabel(tmp_path / "shoulder-8.odl")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(_instances) == before and all(task.done() for task in first._tasks)
        again.close()

    asyncio.run(person())


def test_widgets_are_plain_ones(tmp_path: Path) -> None:
    """No front end but that of ipywidgets is needed."""
    player = Player(played("shoulder", 8, record=tmp_path / "8.odl", speed=FAST))
    view = NotebookView(player)
    seen, todo = set(), [view.box]
    while todo:
        widget = todo.pop()
        seen.add(type(widget).__module__.split(".")[0])
        todo += getattr(widget, "children", ())
    assert seen == {"ipywidgets"} and isinstance(view.box, ipywidgets.VBox)
    view.close()
    player.live.close()
    assert [
        e for e in open_recording(tmp_path / "8.odl").recording.events if isinstance(e, Samples | Learned)
    ] == []


def test_a_button_teaches_what_is_done_now(tmp_path: Path) -> None:
    """A name in the field and a click, without a question; the field is empty again and knows the class."""

    async def person() -> tuple[int, int, list[str], str]:
        live = played("shoulder", 8, record=tmp_path / "8.odl", speed=20, options={"policy": "none"})
        player = Player(live)
        player.start()
        view = NotebookView(player)
        view.start()
        row = view._teach
        row.button.click()
        await eventually(lambda: "type or choose first" in live.prompt.sentence)
        await eventually(lambda: live.session.counts["windows"] > 3)
        row.name.value = " rowing "
        row.button.click()
        await eventually(lambda: live.history.taught == 1)
        await eventually(lambda: row.name.value == "" and "rowing" in row.name.options)
        figures = dict(view._figures(live.status()))
        player.stop()
        await player.done()
        await eventually(lambda: row.button.disabled)
        view.close()
        asked, taught = live.session.counts["queries"], live.history.taught
        return asked, taught, list(live.names.values()), figures["answers"]

    asked, taught, names, answers = asyncio.run(person())
    assert asked == 0 and taught == 1 and "rowing" in names and answers.endswith("1 taught")
