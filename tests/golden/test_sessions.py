"""Sessions, a recording and an image of 0.2.0: today's code makes of them what 0.2.0 made."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import odl
from firmware_sim import host
from firmware_sim.headers import sizes_of
from firmware_sim.machine import TwinSession
from odl.core.config import Config
from odl.core.events import AddClass, Gap, Label, Prediction, Query, Split, Teach, Undo, Why
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.session import Session
from odl.recording import Writer, inputs, read
from tests.golden.sessions import HASHES, IMAGE, RECORDING, SESSIONS, Ran, image, run, short, trace_of, write

SCRIPTED = [name for name, golden in SESSIONS.items() if golden.how == "scripted"]
REPLAYS = [name for name, golden in SESSIONS.items() if golden.how == "replay"]


@cache
def hashes() -> dict[str, Any]:
    return dict(json.loads(HASHES.read_text(encoding="utf-8")))


@cache
def ran(name: str) -> Ran:
    return run(SESSIONS[name])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def c_session(model: Image, config: Config) -> Session:
    return TwinSession(host.HostMachine(host.build(sizes_of(model))), model, config)


def test_every_session_has_its_hashes_and_no_two_the_same() -> None:
    sessions = hashes()["sessions"]
    assert list(sessions) == list(SESSIONS)
    for what in ("trace", "snapshot"):
        assert len({session[what] for session in sessions.values()}) == len(SESSIONS)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_is_what_it_was(name: str) -> None:
    assert ran(name).summary() == hashes()["sessions"][name]


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_scripted_session_has_all_that_it_claims(name: str) -> None:
    events = ran(name).events
    assert ran(name).dropped == {why.name for why in Why}
    assert {type(event) for event in events} >= {Label, Teach, Undo, AddClass, Split, Gap}
    lost = [event.lost for event in events if isinstance(event, Gap)]
    assert 0 in lost and max(lost) > 0
    counts, session = ran(name).session.counts, ran(name).session
    assert counts["undone"] > 0 and counts["answered"] > 3
    assert len(session.rows) == session.image.max_rows and len(session.tasks) == session.image.max_heads
    # A class of the script under the root, and one under a leaf, were learned and are predicted with.
    shipped = set(session.image.names)
    learned = {cls for _, cls in session.answers} - shipped
    homes = {session.tasks[task] for cls, task in session.rows if cls in learned}
    assert None in homes and len(homes) > 1
    widths = {len(event.scores) for event in events if isinstance(event, Prediction)}
    assert len(widths) > 2


@pytest.mark.parametrize("name", REPLAYS)
def test_a_replay_has_all_that_it_claims(name: str) -> None:
    changes, counts, events = SESSIONS[name].changes, ran(name).session.counts, ran(name).events
    assert 10 <= counts["queries"] <= changes.get("allowed", 20) and counts["answered"] > 5
    assert bool(counts["skipped"]) >= ("refuse" in changes)
    held = [event.held for event in events if isinstance(event, Prediction)]
    assert any(cls is not None for cls in held) <= changes.get("hold", True)
    assert any(isinstance(event, AddClass) for event in events)
    assert bool(counts["gave_way"]) == ("max_log" in changes)


def test_answers_are_held_and_labels_are_taught() -> None:
    held = [name for name in SESSIONS if any(isinstance(e, Prediction) and e.held is not None
                                             for e in ran(name).events)]  # fmt: skip
    taught = [name for name in SCRIPTED if ran(name).session.counts["taught"]]
    assert len(held) > len(SESSIONS) // 2 and len(taught) > len(SCRIPTED) // 2


def test_odl_replay_gives_the_trace_of_the_session_by_hand() -> None:
    result = odl.replay("shoulder", subjects=[7], model=IMAGE)
    assert result.outcomes[0].trace_sha256 == hashes()["sessions"]["replay-novel-segments-1"]["trace"]


def test_the_image_has_the_same_bytes_when_written_again() -> None:
    assert sha256(IMAGE) == hashes()["image"]
    assert image().to_bytes() == IMAGE.read_bytes()


def test_the_recording_replayed_gives_its_own_trace() -> None:
    recording, want = read(RECORDING), hashes()["recording"]
    assert sha256(RECORDING) == want["file"] and RECORDING.stat().st_size < 300_000
    assert recording.complete and not recording.problems
    assert recording.trace_sha256 == want["trace"]
    model = Image.from_bytes(recording.start.image)
    assert model.to_bytes() == recording.start.image == IMAGE.read_bytes()
    session = Session(model, Config.from_dict(recording.start.config["config"]))
    again = Ran(list(drive(session, inputs(recording))), session)
    assert again.events == recording.events
    assert again.summary() == {name: value for name, value in want.items() if name != "file"}
    outcome = odl.replay(RECORDING).outcomes[0]
    assert outcome.same_trace and outcome.trace_sha256 == want["trace"]


def test_the_recording_has_all_that_it_claims() -> None:
    events = read(RECORDING).events
    assert {type(event) for event in events} >= {Label, Teach, Undo, AddClass, Split, Gap, Query, Prediction}
    assert trace_of(events) == hashes()["recording"]["trace"]


def test_the_recording_has_the_same_bytes_when_written_again(tmp_path: Path) -> None:
    recording = read(RECORDING)
    with Writer(tmp_path / "again.odl", recording.start) as writer:
        for event in recording.events:
            writer.write(event)
    assert (tmp_path / "again.odl").read_bytes() == RECORDING.read_bytes()


def test_the_recording_has_the_same_bytes_when_made_again(tmp_path: Path) -> None:
    write(tmp_path / "anew.odl", short())
    assert (tmp_path / "anew.odl").read_bytes() == RECORDING.read_bytes()


@pytest.mark.parametrize(
    "name", ["scripted-novel-segments-4", "scripted-tactile-dualrv-4", "replay-random-1"]
)
def test_the_c_core_gives_the_same(name: str) -> None:
    assert run(SESSIONS[name], c_session).summary() == hashes()["sessions"][name]
