"""The self-test: on a package of this machine, on the emulated board, and on boards with faults."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_sim import BOARDS
from firmware_sim.build import build as build_firmware
from firmware_sim.emulator import Emulator
from odl.cli.main import main
from odl.cli.selftest import ask_for_a_cut
from odl.core.events import Label, Output, Prediction, Query, Samples
from odl.core.image import Image
from odl.data import model_bytes
from odl.device.selftest import STEPS, SelfTest, SelfTestError
from odl.device.selftest_report import SelfTestReport
from odl.device.selftest_stream import golden_config, golden_stream
from odl.wire.client import BoardClient
from tests.helpers.exported import ExportedDevice, Store, build
from tests.helpers.firmware import need
from tests.helpers.images import random_image
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.virtual_port import VirtualPort, open_line

IMAGE = random_image(3, tree=True)
STORE = 65536


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(IMAGE, golden_config(IMAGE, policy="none"), tmp_path_factory.mktemp("library"))


class Bench:
    """A package on this machine, whose power can be cut."""

    def __init__(self, library: Path, fed_by_host: bool = True) -> None:
        self.library, self.store, self.fed = library, Store(STORE), fed_by_host
        self.clock = VirtualClock(tick=0.001)
        self.client: type[BoardClient] = BoardClient
        self.connections = 0
        self.start()

    def start(self) -> None:
        """Power on."""
        self.device = ExportedDevice(self.library, self.store, self.fed)

    def write(self, data: bytes) -> None:
        """To the board."""
        self.device.receive(data)

    def read(self) -> bytes:
        """From the board, which stores what it learns."""
        self.device.save()
        return self.device.reply()

    def connect(self) -> BoardClient:
        """A greeted client."""
        self.connections += 1
        client = self.client(self.write, self.read, 3.0, 1000 * self.connections, self.clock)
        client.hello()
        return client

    def cut(self) -> bool:
        """A person cuts the power."""
        self.start()
        return True

    def report(self, cut: Callable[[], bool] | None = None, erase: bool = False) -> SelfTestReport:
        """A whole test."""
        test = SelfTest(self.connect, self.write, cut or self.cut, clock=self.clock, erase=erase)
        return test.run()


def outcomes(report: SelfTestReport) -> dict[str, str]:
    """By step."""
    return {step.name: step.outcome for step in report.steps}


def test_a_sound_board_passes_every_step(library: Path) -> None:
    report = Bench(library).report()
    assert outcomes(report) == dict.fromkeys(STEPS, "passed"), report.as_text()
    figures = {step.name: step.figures for step in report.steps}
    assert figures["golden vectors"]["windows"] == 30
    assert figures["session"]["labels"] >= 4 and figures["power cut by hand"]["labels"] >= 3
    assert figures["damaged frames"]["counted"] >= figures["damaged frames"]["sent"] == 36
    assert len(figures["session"]["trace_sha256"]) == 64
    assert json.loads(json.dumps(report.facts()))["passed"] is True


def test_the_golden_stream_never_changes() -> None:
    """Reports of different people are compared by the hash of what came out."""
    import hashlib

    stream = golden_stream(Image.from_bytes(model_bytes("shoulder")))
    assert stream.shape == (1984, 6) and stream.min() == -32768 and stream.max() == 32767
    assert hashlib.sha256(stream.tobytes()).hexdigest()[:16] == "afd463baa581197a"


@pytest.mark.parametrize("name", BOARDS)
def test_the_emulated_board_passes(name: str) -> None:
    need("unicorn")
    board = Emulator(build_firmware(IMAGE, name).elf, board=name)
    clock, numbers = VirtualClock(tick=0.01), iter(range(1, 99))

    def connect() -> BoardClient:
        client = BoardClient(board.write, lambda: board.run(0.05), 3.0, 1000 * next(numbers), clock)
        client.hello()
        return client

    def cut() -> bool:
        board.power_cut()
        board.run()
        board.power_on()
        return True

    report = SelfTest(connect, board.write, cut, clock=clock).run()
    assert outcomes(report) == dict.fromkeys(STEPS, "passed"), report.as_text()


def test_a_wrong_prediction_is_found_and_named(library: Path) -> None:
    class Wrong(BoardClient):
        def step(self, event: object) -> list[Output]:  # type: ignore[override]
            found = super().step(event)  # type: ignore[arg-type]
            first = isinstance(event, Samples) and event.start < 50 and found
            return [
                replace(x, scores=(1, *x.scores[1:])) if isinstance(x, Prediction) and first else x
                for x in found
            ]

    bench = Bench(library)
    bench.client = Wrong
    report = bench.report()
    assert not report.passed and outcomes(report)["golden vectors"] == "failed"
    detail = next(s.detail for s in report.steps if s.name == "golden vectors")
    assert "after Samples" in detail and "scores=(1," in detail


def test_a_board_that_kept_its_power_or_lost_its_labels_fails(library: Path) -> None:
    bench = Bench(library)
    step = {s.name: s for s in bench.report(cut=lambda: True).steps}["power cut by hand"]
    assert step.outcome == "failed" and "still runs its session" in step.detail

    def forget() -> bool:
        bench.store.bytes[40:60] = bytes(20)
        bench.store.bytes[len(bench.store.bytes) // 2 :] = bytes(len(bench.store.bytes) // 2)
        for at in range(0, STORE, 64):
            bench.store.bytes[at] ^= 1
        return bench.cut()

    bench = Bench(library)
    step = {s.name: s for s in bench.report(cut=forget).steps}["power cut by hand"]
    assert step.outcome == "failed" and "state differs" in step.detail


def test_frames_that_the_board_did_not_count_are_a_failure(library: Path) -> None:
    bench = Bench(library)
    report = SelfTest(bench.connect, lambda data: None, bench.cut, clock=bench.clock).run()
    assert outcomes(report)["damaged frames"] == "failed"


def test_what_nobody_does_is_left_out(library: Path) -> None:
    report = Bench(library).report(cut=lambda: False)
    assert outcomes(report)["power cut by hand"] == "left out" and report.passed


def test_a_board_with_a_sensor_of_its_own_is_not_compared(library: Path) -> None:
    report = Bench(library, fed_by_host=False).report()
    left = [step for step in report.steps if step.outcome == "left out"]
    assert [step.name for step in left] == list(STEPS[2:])
    assert all("sensor `link`" in step.detail for step in left)


def teach(bench: Bench) -> None:
    """A session of somebody, with a label."""
    client, at = bench.connect(), 0
    client.configure(golden_config(IMAGE, policy="periodic", allowed=8, horizon=30))
    asked: list[Query] = []
    while not asked:
        asked = [
            x for x in client.step(Samples(at, golden_stream(IMAGE)[at : at + 40])) if isinstance(x, Query)
        ]
        at += 40
    client.step(Label(at, asked[0].window, 0))
    bench.read()


def test_a_board_that_has_learned_is_not_erased_unasked(library: Path) -> None:
    bench = Bench(library)
    teach(bench)
    bench.start()
    with pytest.raises(SelfTestError, match="would erase"):
        bench.report()
    assert bench.report(erase=True).passed


def test_the_command_writes_a_report_without_names(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("odl.device.serial_port.SerialPort", open_line)
    port, bench = VirtualPort(), Bench(library)

    def serve() -> None:
        bench.write(port.read(0))
        port.write(bench.read())

    port.serve = serve
    assert main(["selftest", "--port", port.name, "--unattended"]) == 0
    printed = capsys.readouterr().out
    assert "passed    golden vectors" in printed and "left out  power cut by hand" in printed
    text = (tmp_path / "odl-selftest-cmake.json").read_text()
    assert (
        json.loads(text)["machine"]["line"] == "url" and str(tmp_path) not in text and port.name not in text
    )
    assert main(["selftest", "--port", port.name, "--unattended", "--out", "odl-selftest-cmake.json"]) == 2
    assert main(["selftest", "--port", port.name, "--unattended"]) == 0
    assert (tmp_path / "odl-selftest-cmake-2.json").is_file()
    teach(bench)
    assert main(["selftest", "--port", port.name, "--unattended"]) == 2
    assert "--erase" in capsys.readouterr().err
    port.close()


@pytest.mark.parametrize(("typed", "done"), [("\n", True), ("  \n", True), ("n\n", False), ("", False)])
def test_the_person_says_whether_the_power_was_cut(
    typed: str, done: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert ask_for_a_cut() is done
    assert "pull its cable" in capsys.readouterr().err
