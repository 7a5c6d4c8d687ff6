"""The real firmware, with its session inside: on the emulated board and on QEMU."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim.bench import Bench
from firmware_sim.build import STACK, Firmware
from firmware_sim.emulator import Emulator
from firmware_sim.footprint import LIMITS
from firmware_sim.qemu import QemuBoard
from firmware_sim.sensor import Lsm6dso
from odl.core.config import Config
from odl.core.events import AddClass, Gap, Input, Label, Output, Query, Samples, Undo
from odl.core.fixed_point import Scaling
from odl.core.fused import Fused
from odl.core.image import Image
from odl.core.session import Session
from odl.wire import Deframer, decode, is_output, open_envelope
from odl.wire.client import BoardClient
from tests.helpers.firmware import ONLY_NUCLEO, MakeFirmware, emulated, need


@pytest.fixture(scope="module")
def config(image: Image) -> Config:
    n = len(image.channels)
    scaling = Scaling((1 << 14,) * n, (20,) * n, (0,) * n)
    return Config(
        policy="periodic", allowed=6, horizon=30, batch=1, patience=3000, seed=7,
        mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
    )  # fmt: skip


def stream(image: Image, n: int, seed: int = 3) -> np.ndarray:  # type: ignore[type-arg]
    """Counts whose character changes every few seconds."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(0, 4000, (n // 200 + 1, len(image.channels))), 200, axis=0)[:n]
    return (level + rng.normal(0, 1500, level.shape)).clip(-32768, 32767).astype(np.int16)


def script(image: Image, n: int) -> list[Input]:
    """Samples in blocks of odd sizes, a gap, a new class and an undo; answers come from `play`."""
    raw, events, at, i = stream(image, n), [], 0, 0
    while at < n:
        size = (7, 64, 31, 128)[i % 4]
        events.append(Samples(at, raw[at : at + size]))
        at, i = min(at + size, n), i + 1
        if i == 12:
            events.append(AddClass(at, 40, "waving", 0))
    return [*events, Gap(n, 17, "test"), Undo(n + 17)]


def play(steps: BoardClient | Session, events: list[Input]) -> list[Output]:
    """All outputs; every question is answered at once, with one class after the other."""
    outputs: list[Output] = []
    answered = 0
    for event in events:
        outputs += steps.step(event)
        for query in [x for x in outputs if isinstance(x, Query)][answered:]:
            answered += 1
            cls = (0, 1, 40, 2)[answered % 4]
            outputs += steps.step(Label(steps.position, query.window, cls))
    return outputs


@pytest.fixture(scope="module")
def expected(image: Image, config: Config) -> tuple[list[Output], bytes]:
    session = Session(image, config)
    outputs = play(session, script(image, 2000))
    assert len([x for x in outputs if isinstance(x, Query)]) >= 4
    return outputs, session.snapshot()


def test_the_emulated_board_is_the_python_session(
    firmware: MakeFirmware, compiler: str, image: Image, config: Config, expected: tuple[list[Output], bytes]
) -> None:
    board = emulated(firmware(compiler))
    client = BoardClient(board.write, board.run)
    info = client.hello()
    assert info.image == image.checksum
    client.configure(config)
    assert play(client, script(image, 2000)) == expected[0]
    assert client.snapshot() == expected[1]
    assert board.resets == ["power"]


def test_at_the_pace_of_a_real_line(firmware: MakeFirmware, image: Image, config: Config) -> None:
    board = Emulator(firmware().bin, paced=True, board=firmware().board)
    client = BoardClient(board.write, lambda: board.run(0.01))
    client.hello()
    client.configure(config)
    begun = board.seconds
    assert play(client, script(image, 600)) == play(Session(image, config), script(image, 600))
    assert board.seconds - begun > 600 * 12 / 11520  # what the samples alone take on the line


@ONLY_NUCLEO
def test_qemu_is_the_python_session(
    firmware: MakeFirmware, compiler: str, image: Image, config: Config, expected: tuple[list[Output], bytes]
) -> None:
    need("qemu-system-arm")
    with QemuBoard(firmware(compiler).elf) as board:
        client = BoardClient(board.write, board.run, limit=60)
        assert client.hello().image == image.checksum
        client.configure(config)
        assert play(client, script(image, 2000)) == expected[0]
        assert client.snapshot() == expected[1]


def test_it_keeps_to_its_budgets(firmware: MakeFirmware, compiler: str, image: Image, config: Config) -> None:
    built: Firmware = firmware(compiler)
    assert built.ram_bytes <= LIMITS["ram_bytes"]
    assert built.code_bytes <= LIMITS["code_bytes"]
    bench = Bench(image, built)
    bench.client.configure(config)
    play(bench.client, script(image, 2000))
    before = bench.board.stack_used
    deepest = bench.learn_late(config)
    assert before <= deepest <= STACK - 128  # room for an interrupt at the deepest moment


@pytest.mark.parametrize("how", ["reset", "power cut", "watchdog"])
def test_what_was_learned_survives(firmware: MakeFirmware, image: Image, config: Config, how: str) -> None:
    board = emulated(firmware())
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    play(client, script(image, 2000))
    hops = np.split(stream(image, image.window + 6 * image.hop), 4)  # enough to end a refit
    for block in hops:
        client.step(Samples(client.position, block))
    before = client.snapshot()
    session = Session(image, config)
    session.restore(before)
    learned = session._core.state["weights"].copy(), session._core.log.copy()  # type: ignore[union-attr]
    assert (learned[0] != Session(image, config)._core.state["weights"]).any()  # type: ignore[union-attr]
    if how == "power cut":
        board.power_cut()
        board.run()
        board.power_on()
    else:
        board.reset("watchdog" if how == "watchdog" else "pin")
    board.run()
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config, keep=True)
    session.restore(client.snapshot())
    core = session._core
    assert isinstance(core, Fused)
    assert (core.log == learned[1]).all()
    assert core.state["refitting"][0] and not core.state["learned"][0]
    for block in hops:
        event = Samples(client.position, block)
        assert client.step(event) == session.step(event)
    assert client.snapshot() == session.snapshot()
    assert (core.state["weights"] == learned[0]).all()


def test_a_record_that_went_bad_is_gone_after_compacting(
    firmware: MakeFirmware, image: Image, config: Config
) -> None:
    """And board and session go on to agree on where the others are."""
    bench = Bench(image, firmware())
    bench.client.configure(config)
    play(bench.client, script(image, 2000))
    before = bench.entries()
    bench.board.flash.memory[bench.board.call("odl_log_at", 1) - bench.board.spec.memory.flash_base + 60] ^= 1
    bench.client.compact()
    bench.client.configure(config, keep=True)
    kept = [i for i in range(len(before)) if i != 1]
    assert (bench.entries() == before[kept]).all() and len(kept) >= 3
    bench.client.step(AddClass(bench.client.position, 41, "after", 0))
    assert bench.entries()[-1]["cls"] == 41 and len(bench.entries()) == len(kept) + 1


def test_a_sensor_of_its_own(firmware: MakeFirmware, compiler: str, image: Image, config: Config) -> None:
    """The board samples, predicts and asks by itself; what it sends replays to the same outputs."""
    raw = stream(image, 1500)
    sensor = Lsm6dso(raw, rate_hz=50.0)
    board = emulated(firmware(compiler, "lsm6dso"), sensor=sensor)
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    deframer, session = Deframer(), Session(image, config)
    played, first, outputs, wanted = 0, 0, [], []
    for _ in range(40):
        for payload in deframer.feed(board.run(1.0)):
            message = decode(open_envelope(payload)[2])
            if isinstance(message, Samples):
                assert message.start == played
                first = first_sample(raw, message) if played == 0 else first
                assert np.array_equal(message.block, raw[first + played :][: len(message.block)])
                played += len(message.block)
                wanted += session.step(message)
            elif is_output(message):
                outputs.append(message)
    assert sensor.exhausted
    assert sensor.lost == 0
    assert played > 1450  # it slept through the first few, before it was configured
    assert outputs == wanted
    assert len(outputs) > 20


def first_sample(raw: np.ndarray, message: Samples) -> int:  # type: ignore[type-arg]
    """Where in the recording the board's stream begins."""
    same = [i for i in range(100) if np.array_equal(raw[i : i + len(message.block)], message.block)]
    assert len(same) == 1
    return same[0]


def test_noise_on_the_line_is_survived(firmware: MakeFirmware, image: Image, config: Config) -> None:
    board = emulated(firmware())
    board.run()
    rng = np.random.default_rng(4)
    for size in (1, 5, 300, 5000):
        board.write(rng.integers(0, 256, size, np.uint8).tobytes() + b"\0")
        board.run()
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    assert len(client.step(Samples(0, stream(image, image.window)))) >= 1
    assert board.resets == ["power"]
