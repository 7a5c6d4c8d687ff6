"""What a board does without being asked: its button, its sensor's losses, what it says of itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim import build
from firmware_sim.emulator import Emulator
from firmware_sim.headers import room_of
from firmware_sim.sensor import Lsm6dso
from odl.core.config import Config
from odl.core.events import Dropped, Gap, Label, Learned, Query, Samples, Undo, Why
from odl.core.image import Channel, Image
from odl.core.kernels.score import score
from odl.core.session import Session
from odl.core.state import Entry, log_dtype
from odl.wire import (
    Compact,
    Deframer,
    Description,
    Held,
    Info,
    Ready,
    Refusal,
    Refused,
    Status,
    decode,
    encode,
    frame,
    open_envelope,
)
from odl.wire.client import BoardClient
from tests.helpers.core_link import configure
from tests.helpers.firmware import ONLY_NUCLEO, MakeFirmware, emulated
from tests.helpers.following import Follower


def stream(image: Image, n: int) -> np.ndarray:  # type: ignore[type-arg]
    """Counts whose character changes every few seconds."""
    rng = np.random.default_rng(3)
    level = np.repeat(rng.normal(0, 4000, (n // 200 + 1, len(image.channels))), 200, axis=0)[:n]
    return (level + rng.normal(0, 1500, level.shape)).clip(-32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def config(image: Image) -> Config:
    n = len(image.channels)
    return Config(policy="periodic", allowed=40, horizon=120, batch=1, patience=3000, seed=7,
                  mult=(1 << 14,) * n, shift=(20,) * n, offset=(0,) * n)  # fmt: skip


@pytest.fixture
def sensing(firmware: MakeFirmware, image: Image, config: Config) -> Follower:
    """A board with a sensor of its own, configured, its sensor's memory just emptied."""
    board = emulated(firmware("zig", "lsm6dso"), sensor=Lsm6dso(stream(image, 12_000)))
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config, session=5)
    return Follower(board, Session(image, config))


# --- the button ---------------------------------------------------------------------------


def test_one_press_agrees_with_what_the_heads_say(sensing: Follower) -> None:
    board, session = sensing.board, sensing.session
    assert not board.led
    for _ in range(4):
        sensing.run_until(Query)
        assert board.led
        question = session.open_questions[0]
        core = session._core
        i = core.state["ask_window"][0].tolist().index(question.window)
        scores, path = np.zeros(20, np.uint16), np.zeros(8, np.uint8)
        length = score(core.block, core.state["ask_features"][0, i], scores, path)
        board.press()
        label = sensing.run_until(Label, 2.0)
        assert label == Label(label.at, question.window, int(path[length - 1]))
        sensing.run(0.3)
        assert not board.led or session.open_questions
        assert sensing.messages_of(Learned)[-1].window == question.window
    assert sensing.path_of(sensing.messages_of(Label)[0].window)[-1] == sensing.messages_of(Label)[0].cls
    sensing.compare()


def test_two_presses_put_the_question_off(sensing: Follower) -> None:
    board, session = sensing.board, sensing.session
    query = sensing.run_until(Query)
    assert board.led
    board.press(2)
    sensing.run(1.5)
    assert not board.led
    sensing.run(28.0)
    assert not board.led
    assert query.window in [question.window for question in session.open_questions]
    sensing.run(3.0)
    assert board.led
    assert sensing.messages_of(Label) == sensing.messages_of(Undo) == []
    board.press()
    assert sensing.run_until(Label, 2.0).window == query.window  # the one that has waited longest
    sensing.compare()


def test_three_presses_take_the_last_answer_back(sensing: Follower) -> None:
    board, session = sensing.board, sensing.session
    board.press(3)
    assert sensing.run_until(Dropped, 3.0).why is Why.NOTHING_TO_UNDO
    sensing.run_until(Query)
    base = session._core.state["weights"].copy()
    board.press()
    sensing.run_until(Learned, 3.0)
    sensing.run(8.0)  # the refit takes some hops
    assert (session._core.state["weights"] != base).any()
    board.press(3)
    sensing.run_until(Undo, 3.0)
    assert (session._core.state["weights"] == base).all()
    assert session.counts["undone"] == 1
    sensing.compare()


def test_of_a_long_press_the_host_hears_and_nothing_is_taken_back(sensing: Follower) -> None:
    sensing.run_until(Query)
    sensing.board.press()
    sensing.run_until(Learned, 3.0)
    sensing.board.press(hold=1.0)
    sensing.run_until(Held, 3.0)
    sensing.run(3.0)
    assert len(sensing.messages_of(Held)) == 1 and sensing.messages_of(Undo) == []
    assert sensing.session.counts["undone"] == 0
    sensing.compare()


def test_a_press_without_a_question_is_nothing(sensing: Follower, firmware: MakeFirmware) -> None:
    for times in (1, 2, 4):
        sensing.board.press(times)
        sensing.run(2.5)
    assert sensing.messages_of(Label) == sensing.messages_of(Undo) == []
    waiting = emulated(firmware())
    waiting.run(0.1)
    waiting.press(hold=1.0)
    assert len(waiting.run(3.0)) == 0  # nobody has configured it


# --- what the sensor loses ----------------------------------------------------------------


@pytest.mark.parametrize("stall", [5.3, 6.5])
def test_what_the_full_fifo_drops_is_a_gap(sensing: Follower, stall: float) -> None:
    sensor = sensing.board.chip.i2c.sensor
    assert isinstance(sensor, Lsm6dso)
    sensing.run(4.0)
    sensing.board.skip(round(stall * sensing.board.mhz * 1e6))  # longer than the 4.9 s that it holds
    sensing.run(4.0)
    assert sensor.lost > 0
    (gap,) = sensing.messages_of(Gap)
    assert abs(gap.lost - sensor.lost) <= 1
    assert gap.why == "the sensor's memory was full"
    ends = [m.start + len(m.block) for m in sensing.messages_of(Samples)]
    assert gap.start in ends
    assert sensing.messages_of(Status)[-1].dropped == gap.lost
    assert sensing.compared > 5
    sensing.compare()


def test_a_stall_that_the_fifo_bridges_is_none(sensing: Follower) -> None:
    sensing.run(2.0)
    sensing.board.skip(round(4.5 * sensing.board.mhz * 1e6))
    sensing.run(3.0)
    assert sensing.messages_of(Gap) == [] and sensing.messages_of(Status)[-1].dropped == 0


SPARE = 0x20010000  # RAM that the firmware does not use


def full_bank(board: Emulator, image: Image) -> None:
    """Leave the board with a full log, in a bank of flash that has no place left."""
    entry = np.zeros(1, log_dtype(image.features))
    entry["kind"] = Entry.LABEL
    assert board.call("odl_log_clear") == 0
    for n in range((board.spec.log_bank - 32) // (entry.itemsize + 8)):
        entry["window"], entry["order"], entry["cls"] = 64 * n, n + 1, image.row_class[n % 2]
        entry["features"][0, : image.features] = image.stored[n % len(image.stored)]
        board.set_memory(SPARE, entry.tobytes())
        if n >= image.max_log:
            assert board.call("odl_log_remove", 0) == 0
        assert board.call("odl_log_append", SPARE) == 0


@pytest.mark.parametrize(("slowness", "lost"), [(2, False), (9, True)])
def test_an_answer_that_moves_the_log_loses_no_sample_untold(
    firmware: MakeFirmware, image: Image, config: Config, slowness: int, lost: bool
) -> None:
    """The sensor keeps what comes in the longest time that the flash can need; more would be a gap."""
    board = emulated(firmware("zig", "lsm6dso"), sensor=Lsm6dso(stream(image, 12_000)))
    for _ in range(2):  # both banks are in use then
        board.run(0.1)
        full_bank(board, image)
        board.reset()
    board.run(0.1)
    client = BoardClient(board.write, lambda: board.run(0.001))  # or it would hear samples after the snapshot
    client.hello()
    client.configure(config, keep=True, session=5)
    session = Session(image, config)
    session.restore(client.snapshot())
    sensing = Follower(board, session)
    sensing.run_until(Query)
    board.flash.slowness, erased = slowness, board.flash.erased
    board.press()
    sensing.run_until(Learned, 20.0)
    sensing.run(6.0)
    assert board.flash.erased > erased and session.counts["gave_way"] == 1
    gaps = sensing.messages_of(Gap)
    assert (sum(gap.lost for gap in gaps) > 0) == lost
    assert sensing.messages_of(Status)[-1].dropped == sum(gap.lost for gap in gaps)
    sensing.compare()


def test_a_session_begins_with_samples_of_its_own_time(
    sensing: Follower, image: Image, config: Config
) -> None:
    board, sensor = sensing.board, sensing.board.chip.i2c.sensor
    assert isinstance(sensor, Lsm6dso)
    sensing.run(3.0)
    board.skip(round(3.0 * board.mhz * 1e6))
    sensor.read(0x3A, board.cycles * 1000 // board.mhz)  # up to now
    before = sensor.played
    client = BoardClient(board.write, lambda: board.run(0.001))
    client.hello()
    client.configure(config, session=6, position=500)
    later = Follower(board, Session(image, config))
    later.session.resume(500, keep=False)
    later.run(1.0)
    first = later.messages_of(Samples)[0]
    raw = stream(image, 12_000)
    (at,) = [i for i in range(1000) if np.array_equal(raw[i : i + len(first.block)], first.block)]
    assert first.start == 500 and before <= at <= before + 8
    later.run(8.0)
    later.compare()


def test_a_session_that_compacting_ended_is_over(sensing: Follower) -> None:
    """Its last samples, not handed over yet, are nobody's, and nobody is asked any more."""
    board = sensing.board
    sensing.run_until(Query)
    sensing.run_until(Samples, step=0.02)
    sensing.run(0.05)  # the next ones wait in the board
    assert board.led
    board.write(frame(encode(Compact()), 9))
    sensing.run_until(Ready, 1.0, step=0.02)
    heard = len(sensing.heard)
    sensing.run(2.0)
    assert {type(message) for message in sensing.heard[heard:]} <= {Info, Description}
    assert not board.led


def test_a_session_that_could_not_begin_leaves_the_running_one_alone(
    sensing: Follower, config: Config
) -> None:
    """The flash takes nothing, so the old labels cannot be forgotten."""
    board = sensing.board
    sensing.run_until(Query)
    board.press()
    sensing.run_until(Learned, 3.0)
    board.flash.stuck = True
    begin = replace(configure(config), keep=0, session=6, position=9000)
    board.write(frame(encode(begin), 9))
    assert sensing.run_until(Refused, 20.0, step=0.02) == Refused(5, Refusal.STORE, 9)
    board.flash.stuck = False
    sensing.run(3.0)
    assert sensing.messages_of(Status)[-1].session == 5
    sensing.compare()


@ONLY_NUCLEO  # whose sectors take so long
def test_the_watchdog_sleeps_through_the_slowest_erases(firmware: MakeFirmware, config: Config) -> None:
    """Each as long as the data sheet allows, one after the other, and the dog's clock at its fastest."""
    board = emulated(firmware())
    board.watchdog.hertz, board.flash.slowness = 47_000, 2
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    for _ in range(2):  # both banks are in use from now on
        client.compact()
    began, erased = board.seconds, board.flash.erased
    board.write(b"".join(frame(encode(Compact()), seq) for seq in range(100, 104)))
    ready = [message for _, _, message in envelopes(board.run()) if isinstance(message, Ready)]
    assert [message.reply for message in ready] == [100, 101, 102, 103]
    assert board.flash.erased == erased + 4
    assert board.seconds - began > 4096 * 64 / 47_000
    assert board.resets == ["power"]


# --- what it says of itself -----------------------------------------------------------------


def envelopes(data: bytes) -> list[tuple[int, int, object]]:
    """Number, microseconds and message of each frame."""
    return [(seq, at, decode(message)) for seq, at, message in map(open_envelope, Deframer().feed(data))]


def test_info_and_description_come_every_five_seconds(
    firmware: MakeFirmware, image: Image, board_name: str
) -> None:
    board = emulated(firmware())
    heard = envelopes(board.run(16.0))
    assert [type(message) for _, _, message in heard] == [Info, Description] * 4
    for (seq, at, info), (_, _, description), n in zip(heard[::2], heard[1::2], range(4), strict=True):
        assert isinstance(info, Info) and isinstance(description, Description)
        assert abs(at - 5_000_000 * n) < 100_000
        assert info.frames == seq and info.session == 0 and info.image == image.checksum
        assert info.image_size == len(image.to_bytes()) and info.image_room == 131072
        own = {"channels": None, "name": board_name, "rate_hz": None, "sensor": "link"}
        assert description.board == own | room_of(image)
        assert description.model["classes"] == {str(cls): name for cls, name in image.names.items()}


def test_info_waits_while_the_host_is_sending(firmware: MakeFirmware) -> None:
    """And goes on coming after a host that went away within a frame."""
    board, heard = emulated(firmware()), b""
    board.run(4.9)
    while board.seconds < 5.5:
        board.write(b"\x09abc")  # never a whole frame
        heard += board.run(0.02)
    assert heard == b""
    assert [type(message) for _, _, message in envelopes(board.run(1.0))] == [Info, Description]


def test_status_comes_every_second_of_a_session(firmware: MakeFirmware, config: Config) -> None:
    board = emulated(firmware())
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config, session=0xFEEDBEEF)
    heard = [(seq, message) for seq, _, message in envelopes(board.run(4.5)) if isinstance(message, Status)]
    assert len(heard) in (4, 5)
    for seq, status in heard:
        assert status == Status(0xFEEDBEEF, seq, 0, 0, 0, 0)


def test_a_board_with_a_sensor_says_what_a_count_is(sensing: Follower, image: Image) -> None:
    description = sensing.run_until(Description, 6.0)
    assert description.board["rate_hz"] == 52.0 and description.board["sensor"] == "lsm6dso"
    assert description.board["channels"] == [
        ["ax", "mg", 0.122], ["ay", "mg", 0.122], ["az", "mg", 0.122],
        ["wx", "mdps", 70.0], ["wy", "mdps", 70.0], ["wz", "mdps", 70.0],
    ]  # fmt: skip
    other = build.description("nucleo_f401re", "lsm6dso", image.channels, 50.0)
    assert '"rate_hz":50.0' in other and image.channels[0].name in other


def test_a_channel_may_have_any_name(image: Image, compiler: str) -> None:
    names = ["a??/", "b\\", '"c', "d??=e", "\u00e9", "%s"]
    counts = [Channel(name, "??!", 1.0) for name in names]
    board = emulated(build.build(image, compiler=compiler, sensor="lsm6dso", counts=counts))
    client = BoardClient(board.write, board.run)
    client.hello()
    assert client.description is not None
    assert client.description.board["channels"] == [[name, "??!", 1.0] for name in names]


def test_what_the_line_loses_is_counted_and_sent_again(
    firmware: MakeFirmware, image: Image, config: Config
) -> None:
    """A long frame that comes while the board describes itself finds its buffer full."""
    board, heard = emulated(firmware(), paced=True), bytearray()

    def listen(seconds: float = 0.02) -> bytes:
        data = board.run(seconds)
        heard.extend(data)
        return data

    client, session = BoardClient(board.write, listen, limit=9.0), Session(image, config)
    client.hello()
    client.configure(config)
    del heard[:]
    while b"odl " not in heard:  # Info, with the firmware's name; its Description is under way
        assert board.seconds < 7
        listen(0.001)
    samples = Samples(0, stream(image, 120))
    assert client.step(samples) == session.step(samples)
    listen(1.2)
    status = [m for _, _, m in envelopes(bytes(heard)) if isinstance(m, Status)][-1]
    assert status.missed > 0 and status.damaged > 0 and status.dropped == 0
    samples = Samples(120, stream(image, 128))
    assert client.step(samples) == session.step(samples) != []


def test_a_frame_that_comes_damaged_is_counted(firmware: MakeFirmware, config: Config) -> None:
    board = emulated(firmware())
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    hurt = bytearray(frame(encode(Undo(0)), 99))
    hurt[8] ^= 0x55
    board.write(bytes(hurt))
    board.run()
    statuses = [m for _, _, m in envelopes(board.run(1.5)) if isinstance(m, Status)]
    assert statuses[-1].damaged == 1 and statuses[-1].missed == 0
