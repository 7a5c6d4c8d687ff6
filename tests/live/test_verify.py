"""The twin rule: one recording through Python, the C core here, and the emulated board."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import odl
from firmware_sim import build, host
from firmware_sim.headers import CORE
from odl import data
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import (
    AddClass,
    Adopt,
    Event,
    Gap,
    Input,
    Label,
    Learned,
    Origin,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
    Why,
)
from odl.core.fixed_point import input_scaling
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.rng import Chance
from odl.core.session import Session
from odl.data.streams import replay_parts
from odl.live import verify
from odl.recording import RecordingError, Writer, inputs, read
from odl.wire import Start


def shoulder() -> tuple[Image, Config]:
    image = Image.from_bytes(data.model_bytes("shoulder"))
    scaling = input_scaling(
        [(c.name, c.unit, c.scale) for c in data.load_card("shoulder").channels],
        [(c.name, c.unit, c.scale) for c in image.channels],
    )
    return image, Config(
        policy="tactile-inforv", allowed=50, horizon=380, batch=2, patience=700, seed=11, hold=True,
        mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
    )  # fmt: skip


def eventful(subject: int, image: Image, config: Config, path: Path) -> list[Event]:
    """A whole person's session in which everything happens that can, as a recording."""
    session, chance, events = Session(image, config), Chance(subject), []
    due: list[tuple[int, int, int | None]] = []
    answered: list[int] = []
    raw = list(replay_parts(data.load_session("shoulder", subject)))
    track = TruthTrack(e for e in raw if isinstance(e, Truth))
    shifted = 0  # by how much gaps have moved the stream on

    def step(event: Input, writer: Writer) -> None:
        writer.write(event)
        events.append(event)
        for output in session.step(event):
            writer.write(output)
            events.append(output)
            if isinstance(output, Query):
                name = track.of(output.window - shifted, image.window)
                cls = next((c for c, n in session.names.items() if n == name), None)
                due.append((session.position + 300 + chance.below(600), output.window, cls))

    about = {"config": config.to_dict(), "session": {"subject": str(subject), "rate_hz": 50}}
    with Writer(path, Start(about, image.to_bytes())) as writer:
        step(AddClass(0, 5, "trapezius extension", 0), writer)
        step(AddClass(0, 6, "upright row", 0), writer)
        for number, event in enumerate(raw):
            at = session.position
            if number == 20:
                step(Split(at, 0, 1), writer)
                step(AddClass(at, 7, "pendulum, slow", 1), writer)
                step(AddClass(at, 8, "pendulum, fast", 1), writer)
            if number == 26:
                step(Gap(at, 333, "unplugged"), writer)
                shifted += 333
            if number in (24, 33, 34):
                step(Undo(session.position), writer)
            if isinstance(event, Gap):
                step(Gap(session.position, 0, event.why), writer)
            if not isinstance(event, Samples):
                continue
            for a in range(0, len(event.block), 100):
                step(Samples(session.position, event.block[a : a + 100]), writer)
                for when, window, cls in [d for d in due if d[0] <= session.position]:
                    due.remove((when, window, cls))
                    if cls == 0 and chance.below(2):
                        cls = 7 + chance.below(2)  # below the split
                    if chance.below(8) == 0:
                        cls = (None, 99)[chance.below(2)]  # a skip; a class that is none
                    step(Origin(session.position, "terminal:anna", 1500, 0), writer)
                    step(Label(session.position, window, cls), writer)
                    answered.append(window)
                    if chance.below(6) == 0:
                        step(Label(session.position, answered[chance.below(len(answered))], 1), writer)
                        step(Label(session.position, 12345, 1), writer)
    return events


@pytest.mark.parametrize("subject", [3, 8])
def test_a_whole_session_is_equal_on_every_twin(subject: int, tmp_path: Path) -> None:
    image, config = shoulder()
    path = tmp_path / "eventful.odl"
    events = eventful(subject, image, config, path)
    kinds = Counter(type(e).__name__ for e in events)
    why = Counter(e.why for e in events if type(e).__name__ == "Dropped")  # type: ignore[union-attr]
    assert kinds["Query"] >= 20 and kinds["Learned"] >= 5 and kinds["Undo"] == 3
    assert kinds["Split"] == 1 and kinds["AddClass"] == 4
    assert {Why.EXPIRED, Why.REPEATED, Why.UNKNOWN} <= set(why)
    assert why[Why.LATE] + why[Why.SKIPPED] + why[Why.NO_SUCH_CLASS] > 0
    assert any(e.lost for e in events if isinstance(e, Gap))
    verdict = verify.verify(path)
    assert verdict.difference is None
    assert verdict.equal
    assert set(verdict.traces) == {"python", "host", "board"}
    assert verdict.recorded == read(path).trace_sha256


def mutated(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the core's sources with one place changed."""
    folder = tmp_path / "boards_and_core" / "core"
    shutil.copytree(CORE.parent / "boards", folder.parent / "boards")
    shutil.copytree(CORE, folder)
    source = (folder / file).read_text()
    assert source.count(old) >= 1
    (folder / file).write_text(source.replace(old, new, 1))
    return folder


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image, config = shoulder()
    path = tmp_path_factory.mktemp("verify") / "session.odl"
    eventful(9, image, config, path)
    return path


@pytest.mark.parametrize("twin", ["host", "board"])
def test_one_rounding_changed_is_found(
    twin: str, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The softmax's half is left out: probabilities move by one unit."""
    core = mutated(tmp_path, "softmax.c", "total / 2", "0")
    if twin == "host":
        plain: Callable[..., Path] = host.build
        monkeypatch.setattr(verify, "build_host", lambda sizes: plain(sizes, core=core))
    else:
        monkeypatch.setattr(build, "CORE", core)
    verdict = verify.verify(recording, ["python", twin])
    assert not verdict.equal
    assert verdict.difference is not None
    assert verdict.difference.twin == twin and verdict.difference.event == "Samples"
    assert "Prediction" in verdict.difference.expected
    assert verdict.difference.expected != verdict.difference.got


@pytest.mark.parametrize("twin", ["python", "host", "board"])
def test_one_weight_changed_is_found(twin: str, recording: Path) -> None:
    image, config = shoulder()
    weights = image.layers[1].weights.copy()
    weights[3, 2, 1] += 1 if weights[3, 2, 1] < 127 else -1
    other = replace(
        image, layers=(image.layers[0], replace(image.layers[1], weights=weights), image.layers[2])
    )
    twins = {"right": verify.make("python", image, config), twin: verify.make(twin, other, config)}
    verdict = verify.compare(twins, inputs(read(recording)))
    assert verdict.difference is not None and verdict.difference.twin == twin
    assert verdict.inputs < 200  # at the first window or soon after, not at the end


def test_what_the_recording_says_counts_too(recording: Path, tmp_path: Path) -> None:
    """A recording whose outputs were tampered with agrees with no twin."""
    events = read(recording).events
    lied = tmp_path / "lied.odl"
    with Writer(lied, read(recording).start) as writer:
        for event in events:
            if isinstance(event, Learned):
                event = replace(event, head=7)
            writer.write(event)
    verdict = verify.verify(lied, ["python", "host"])
    assert verdict.difference is None and not verdict.equal


def test_a_reset_on_every_twin(recording: Path) -> None:
    """After a reset only the log is left; each twin goes on from it in the same way."""
    image, config = shoulder()
    twins = {name: verify.make(name, image, config) for name in ("python", "host", "board")}
    events = list(inputs(read(recording)))
    half = next(i for i, e in enumerate(events) if isinstance(e, Samples) and e.start > 15000)
    first = verify.compare(twins, events[:half])
    assert first.difference is None and first.outputs > 20
    python, other, board = twins["python"], twins["host"], twins["board"]
    assert isinstance(python, Session) and isinstance(other, Session)
    python.resume()
    other.resume()
    board.configure(config, keep=True)  # type: ignore[attr-defined]
    assert python.position == board.position  # type: ignore[attr-defined]
    block = np.concatenate([e.block for e in events[half:] if isinstance(e, Samples)])[:6000]
    rest = [Samples(python.position + a, block[a : a + 100]) for a in range(0, len(block), 100)]
    second = verify.compare(twins, rest)
    assert second.difference is None and second.windows > 50


def test_a_state_taken_over_from_a_board(recording: Path, tmp_path: Path) -> None:
    """The C core on this computer goes on from it as Python does; a board cannot be given one."""
    image, config = shoulder()
    there, writes = Session(image, config), Session(image, config)
    events = list(inputs(read(recording)))
    path, start = tmp_path / "taken.odl", read(recording).start
    with Writer(path, start) as writer:
        for number, event in enumerate(events[:250]):
            there.step(event)
            if number < 150 or number > 200:
                writer.write(event)
                for output in writes.step(event):
                    writer.write(output)
            elif number == 200:
                taken = Adopt(writes.position, there.position - writes.position, there.snapshot())
                assert taken.lost > 1000
                writer.write(taken)
                writes.step(taken)
    verdict = verify.verify(path, ["python", "host"])
    assert verdict.equal and verdict.recorded is not None and verdict.windows > 20
    with pytest.raises(RecordingError, match="another board's state.* .twins=python,host."):
        verify.verify(path)


def test_a_recording_without_outputs_is_not_called_damaged(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read(recording)
    only, cut, partly = tmp_path / "only.odl", tmp_path / "cut.odl", tmp_path / "partly.odl"
    with Writer(only, found.start) as writer:
        for event in found.events:
            if isinstance(event, Samples):
                writer.write(event)
    cut.write_bytes(recording.read_bytes()[:-20])
    redacted = {**found.start.config, "session": {"redacted": {"left_out": ["vectors"], "same_trace": False}}}
    with Writer(partly, replace(found.start, config=redacted)) as writer:
        for event in found.events:
            writer.write(event)
    for path, says in ((only, "holds no outputs"), (cut, "is damaged"), (partly, "were removed")):
        assert main(["verify", str(path), "--twins", "python"]) == (path is cut)
        said = capsys.readouterr().out
        assert says in said and "python: " in said and "recording's own trace" not in said
        assert ("damaged" in said) is (path is cut)


def test_the_command(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(recording), "--twins", "python,host"]) == 0
    assert "equal: python, host and the recording's own trace" in capsys.readouterr().out
    assert main(["verify", str(recording), "--twins", "host, martian"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "no twin 'martian'" in told[0]  # nothing was made in vain


def test_a_recording_of_a_policy_in_python_only_is_refused_with_that_reason(tmp_path: Path) -> None:
    made = odl.replay("shoulder", subjects=["8"], policy=lambda window, scores: True, budget=2, out=tmp_path)
    file = made.outcomes[0].file
    assert file is not None
    with pytest.raises(odl.OdlError, match="needs policy <lambda>, which runs in Python only"):
        verify.verify(file, ["python"])


def test_kernels_are_loaded_before_twins_are_stepped(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling them takes long, and `load_kernels` says so."""
    said: list[str] = []
    monkeypatch.setattr(verify, "load_kernels", lambda image, progress: progress("loading"))
    verify.verify(recording, ["python"], progress=said.append)
    assert said[0] == "loading" and said[-1].startswith("stepping")
