"""The examples of exported packages, compiled against stand-ins for their tools' headers; Arduino's runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_sim import export, host, model_source
from odl.core.config import Config
from odl.core.events import Gap, Label, Learned, Prediction, Query, Samples, Undo
from odl.core.image import Channel
from odl.core.session import Session
from odl.wire import Deframer, Held, Message, decode, is_output, open_envelope
from odl.wire.client import BoardClient
from tests.helpers.arduino import STAND_INS, SketchMachine, compile_sketch
from tests.helpers.images import random_image

IMAGE = random_image(3, tree=True)
CONFIG = Config(
    policy="periodic",
    allowed=90,
    period=45000,
    in_samples=True,
    patience=3000,
    **model_source.scaling_of(IMAGE)._asdict(),
)
BUTTON, LIGHT = 2, 13


@pytest.fixture(scope="module")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Arduino example, for a board with a file system."""
    folder = tmp_path_factory.mktemp("arduino")
    package = folder / "package"
    export.export(IMAGE, "arduino", package, CONFIG, "small", target=None)
    sources = [*(package / "src").glob("*.c"), *(package / "src/core").glob("*.c")]
    return compile_sketch(
        package / "examples/Wear/Wear.ino", folder, sources, [f"-I{package / 'src'}", "-DARDUINO_ARCH_RP2040"]
    )


def messages(data: bytes) -> list[Message]:
    """What the board sent."""
    return [decode(message) for _, _, message in map(open_envelope, Deframer(4096).feed(data))]


def motion(n: int) -> np.ndarray:  # type: ignore[type-arg]
    """Readings of a sensor in g and degrees a second."""
    rng = np.random.default_rng(6)
    level = np.repeat(rng.normal(0, 1.5, (n // 40 + 1, 6)), 40, axis=0)[:n]
    return (level + rng.normal(0, 0.3, level.shape)).astype(np.float32)


def play(machine: SketchMachine, readings: np.ndarray) -> None:  # type: ignore[type-arg]
    """One reading every 20 ms."""
    for values in readings:
        machine.imu(values.tolist())
        machine.run(20_000)


def test_the_arduino_example_runs_the_session_with_a_host(sketch: Path) -> None:
    """What it sends is what the Python session makes of the samples that it sends."""
    machine = SketchMachine(sketch)

    def read() -> bytes:
        machine.run(20_000)
        return machine.take()

    client = BoardClient(machine.send, read)
    assert client.hello().image == IMAGE.checksum
    client.configure(CONFIG)
    play(machine, motion(400))
    machine.press(BUTTON, 0.1)
    machine.run(700_000)
    play(machine, motion(100))
    machine.press(BUTTON, 1.0)
    machine.run(400_000)
    for _ in range(3):
        machine.press(BUTTON, 0.1)
        machine.run(100_000)
    machine.run(500_000)
    session, wanted, inputs = Session(IMAGE, CONFIG), [], []
    found = messages(machine.take())
    for message in found:
        if isinstance(message, Samples | Label | Undo):
            inputs.append(message)
            wanted += session.step(message)
    assert [m for m in found if is_output(m)] == wanted
    assert [type(m) for m in found if isinstance(m, Held | Undo)] == [Held, Undo]
    kinds = {type(m) for m in wanted}
    assert {Prediction, Query, Learned} <= kinds
    assert [type(m) for m in inputs if not isinstance(m, Samples)] == [Label, Undo]
    sent = np.concatenate([m.block for m in inputs if isinstance(m, Samples)])
    per_unit = [1 / c.scale for c in model_source.counts_of(IMAGE)]
    measured = np.rint(motion(400)[:, :3] * per_unit).clip(-32768, 32767)
    found_at = [np.abs(sent - row).max(axis=1).min() for row in measured[10:]]
    assert max(found_at) <= 1


def test_the_light_shows_a_question_and_the_file_keeps_the_answer(sketch: Path) -> None:
    machine = SketchMachine(sketch)
    empty = machine.file()
    assert len(empty) == model_source.sizes_of_package(IMAGE)["store"] and not any(empty)
    readings = motion(600)
    while not machine.lit(LIGHT):
        play(machine, readings[:10])
        readings = readings[10:]
    machine.press(BUTTON, 0.1)
    machine.run(100_000)
    machine.press(BUTTON, 0.1)  # twice: later
    machine.run(800_000)
    assert not machine.lit(LIGHT) and not any(machine.file())
    machine.run(30_000_000)
    assert machine.lit(LIGHT)
    machine.press(BUTTON, 0.1)
    machine.run(800_000)
    assert any(machine.file())
    again = SketchMachine(sketch, machine.file())
    client = BoardClient(again.send, lambda: (again.run(20_000), again.take())[1])
    client.hello()
    log = client.snapshot()
    assert np.frombuffer(log[-IMAGE.max_log * (24 + 32) :], np.uint8).any()


def sampling(sketch: Path) -> SketchMachine:
    """The sketch's board, configured, behind its first twenty samples."""
    machine = SketchMachine(sketch)
    client = BoardClient(machine.send, lambda: (machine.run(20_000), machine.take())[1])
    client.hello()
    client.configure(CONFIG)
    play(machine, motion(20))
    return machine


def test_a_sensor_that_is_late_or_silent_makes_a_gap(sketch: Path) -> None:
    machine = sampling(sketch)
    machine.run(200_000, step=200_000)  # the loop stood still for ten samples
    play(machine, motion(20))
    machine.imu([0.0] * 6, there=False)
    machine.run(100_000)
    play(machine, motion(20))
    machine.run(300_000)
    at, lost = 0, []
    for message in messages(machine.take()):
        if isinstance(message, Samples):
            assert message.start == at
            at += len(message.block)
        elif type(message).__name__ == "Gap":
            lost.append(message.lost)  # type: ignore[union-attr]
            at += lost[-1]
    assert lost == [9, 5]
    assert abs(at - machine.micros // 20_000) <= 20


def test_a_board_that_slept_for_an_hour_samples_again(sketch: Path) -> None:
    """And one whose clock was set back a minute, after that minute."""
    machine = sampling(sketch)
    machine.take()
    machine.run(3_600_000_000, step=3_600_000_000)
    play(machine, motion(20))
    found = messages(machine.take())
    (lost,) = (m.lost for m in found if isinstance(m, Gap))
    assert abs(lost - 180_000) <= 2
    assert sum(len(m.block) for m in found if isinstance(m, Samples)) >= 20
    machine.micros -= 60_000_000
    machine.run(60_500_000, step=10_000)
    assert sum(len(m.block) for m in messages(machine.take()) if isinstance(m, Samples)) >= 20


@pytest.mark.parametrize(
    ("kind", "source"), [("zephyr", "samples/wear/src/main.c"), ("espidf", "examples/wear/main/main.c")]
)
def test_examples_compile_against_stand_ins(kind: str, source: str, tmp_path: Path) -> None:
    names = ("ax", "ay", "az", "wx", "wy", "wz")
    channels = tuple(Channel(name, "g" if name[0] == "a" else "rad/s", 1 / 32) for name in names)
    image = random_image(channels=channels[:3])
    package = tmp_path / kind
    export.export(image, kind, package, CONFIG, "small", target=None)
    command = [*host.compiler(), "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    done = subprocess.run(
        [*command, f"-I{STAND_INS / kind}", f"-I{package / 'src'}", package / source],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
