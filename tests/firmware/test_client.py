"""The client: retries that do nothing twice, long answers, and sentences for what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from firmware_sim.emulator import Emulator
from odl.core.config import Config
from odl.core.events import AddClass, Label, Samples, Split, Undo
from odl.core.image import Image
from odl.core.session import Session
from odl.data import model_bytes
from odl.live.find import image_on
from odl.wire import Info, Refusal, Status, encode, frame
from odl.wire.client import BoardClient, BoardError
from tests.helpers.firmware import MakeFirmware, emulated
from tests.helpers.virtual_clock import VirtualClock


@pytest.fixture(scope="module")
def config(image: Image) -> Config:
    n = len(image.channels)
    return Config(policy="periodic", allowed=20, horizon=10, patience=9000, seed=7,
                  mult=(1 << 14,) * n, shift=(20,) * n, offset=(0,) * n)  # fmt: skip


@pytest.fixture
def board(firmware: MakeFirmware) -> Emulator:
    return emulated(firmware())


def losing(read: Callable[[], bytes], seed: int) -> Callable[[], bytes]:
    """``read``, but a quarter of what it gave is lost."""
    chance = random.Random(seed)

    def lossy() -> bytes:
        data = read()
        return b"" if data and chance.random() < 1 / 4 else data

    return lossy


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_done_is_not_done_again_when_its_answer_is_lost(
    board: Emulator, image: Image, config: Config, seed: int
) -> None:
    client = BoardClient(board.write, losing(board.run, seed), limit=0.5, clock=VirtualClock(tick=0.01))
    session = Session(image, config)
    client.hello()
    client.configure(config)
    raw = np.random.default_rng(2).integers(-9000, 9000, (600, len(image.channels))).astype(np.int16)
    commands = [AddClass(0, 40, "waving", 0), Split(0, 1, 1), AddClass(0, 41, "slowly", 1)]
    events: list[Samples | AddClass | Split | Label | Undo] = [*commands]
    for at in range(0, 600, 60):
        events += [Samples(at, raw[at : at + 60]), Label(at + 60, 0, 40), Label(at + 60, 64 * (at // 60), 2)]
    for event in [*events, Undo(600)]:
        session.step(event)
        client.step(event)
    assert client.position == session.position
    assert session.counts["repeated"] > 0 and session.counts["answered"] > 0
    assert client.snapshot() == session.snapshot()


def test_a_hello_before_the_board_is_up(board: Emulator, image: Image, config: Config) -> None:
    """The line is not on yet, and what the board says at its start is no answer to it."""
    client = BoardClient(board.write, board.run)
    assert client.hello().image == image.checksum
    client.configure(config)
    assert client.position == 0
    assert client.description is not None and client.description.model["dataset"] == "shoulder"


def test_what_a_board_says_by_itself_does_not_put_off_the_next_try() -> None:
    """It comes in pieces, so some frame is always under way."""
    about = Info(2, 0, 6, 128, 64, 768, 50_000, 0, 0, 0, 0, 0, 0, 0, 0, "new")
    chatter = frame(encode(Status(1, 0, 0, 0, 0, 0)))
    written: list[bytes] = []
    pieces = iter([])  # type: ignore[var-annotated]
    reads, clock = 0, VirtualClock()

    def read() -> bytes:
        nonlocal pieces, reads
        reads += 1
        clock.sleep(0.01)
        if written.count(written[0]) == 2:
            return frame(encode(about))
        piece = next(pieces, b"")
        if not piece:
            pieces = iter([chatter[:9], chatter[9:18], chatter[18:]])
        return piece

    BoardClient(written.append, read, limit=0.5, clock=clock).hello()
    assert written == [written[0]] * 2
    assert reads < 80  # a fifth of the limit for the first try, as long for the description


def test_an_answer_that_is_there_is_read_however_slow_this_machine_is(board: Emulator, image: Image) -> None:
    client = BoardClient(board.write, board.run, limit=0)  # time is always up
    assert client.hello().image == image.checksum
    assert client.read_image() == image.to_bytes()


def test_a_board_of_another_version_is_named_with_both_versions() -> None:
    """Its Info can be read here, and it does not get as far as to refuse."""
    info = Info(3, 7, 6, 128, 64, 768, 50_000, 0, 0, 0, 0, 0, 0, 0, 0, "new")
    client = BoardClient(lambda data: None, lambda: frame(encode(info)), clock=VirtualClock(tick=0.01))
    with pytest.raises(BoardError, match=r"protocol 3\.7 and this odl 2\.0") as caught:
        client.hello()
    assert caught.value.why is Refusal.VERSION and client.info is None


def test_no_more_is_read_than_a_model_image_can_have() -> None:
    """`odl pull` took 4 GB from a board that claimed as much."""
    sent: list[bytes] = []
    client = BoardClient(sent.append, lambda: b"", clock=VirtualClock(tick=0.01))
    client.info = Info(2, 0, 6, 128, 64, 768, 50_000, 7, 2**32 - 1, 131072, 2**31, 30, 0, 0, 0, "1")
    with pytest.raises(BoardError, match="a model image of 4294967295 bytes, but none has more than 4194304"):
        client.read_image()
    with pytest.raises(BoardError, match="claims a state of 2147483648 bytes"):
        client.snapshot()
    assert sent == []


def test_a_board_that_sends_another_image_than_it_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    client = BoardClient(lambda data: None, lambda: b"", clock=VirtualClock(tick=0.01))
    data = model_bytes("shoulder")
    client.info = Info(2, 0, 6, 128, 64, 768, 50_000, 0xDEADBEEF, len(data), 0, 20016, 30, 0, 0, 0, "1")
    monkeypatch.setattr(client, "read_image", lambda report: data)
    with pytest.raises(BoardError, match="runs the model image deadbeef, but it sent e5600048"):
        image_on(client)


def test_a_board_that_was_restarted_takes_nothing_before_it_is_configured(
    board: Emulator, image: Image, config: Config
) -> None:
    client = BoardClient(board.write, board.run)
    client.hello()
    client.configure(config)
    board.reset()
    board.run()
    with pytest.raises(BoardError, match="refuses Undo: configure") as refused:
        client.step(Undo(0))
    assert refused.value.why is Refusal.CONFIGURE


def test_what_goes_wrong_is_said(board: Emulator, image: Image, config: Config) -> None:
    client = BoardClient(board.write, board.run)
    with pytest.raises(BoardError, match="has not been greeted"):
        client.snapshot()
    client.hello()
    with pytest.raises(BoardError, match="no uploaded image to install"):
        client.install()
    with pytest.raises(BoardError, match="room for 131072"):
        client.upload(bytes(131073))
    with pytest.raises(BoardError, match="settings"):
        client.configure(config, session=0)
    deaf = BoardClient(lambda data: None, lambda: b"", clock=VirtualClock(tick=0.01))
    with pytest.raises(BoardError, match="did not answer Hello"):
        deaf.hello()


def test_the_image_comes_back_as_it_was_built_in(board: Emulator, image: Image) -> None:
    client, told = BoardClient(board.write, board.run), list[tuple[int, int]]()
    client.hello()
    assert client.read_image(lambda done, of: told.append((done, of))) == image.to_bytes()
    assert told[-1] == (len(image.to_bytes()),) * 2 and len(told) > 1


def test_an_image_is_put_on_the_board(board: Emulator, image: Image, config: Config) -> None:
    other = replace(image, epochs=image.epochs + 1)
    client, told = BoardClient(board.write, board.run), list[tuple[int, int]]()
    client.hello()
    client.configure(config)
    client.upload(other.to_bytes(), lambda done, of: told.append((done, of)))
    assert told[-1] == (len(other.to_bytes()),) * 2
    info = client.install()
    assert (info.image, info.session) == (other.checksum, 0)
    assert client.read_image() == other.to_bytes()
    client.configure(config)
    client.compact()
    with pytest.raises(BoardError, match="configure"):
        client.step(Undo(0))
