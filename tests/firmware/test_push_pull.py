"""Model images to an emulated board and back, with what it learned; by hand and by command."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.emulator import Emulator
from firmware_sim.faults import Faults
from firmware_sim.qemu import QemuBoard
from firmware_sim.serve import open_port, serve
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import AddClass, Label, Prediction, Query, Samples
from odl.core.image import Image
from odl.core.session import Session
from odl.core.state import state_dtype_of
from odl.device.serial_port import SerialPort
from odl.live import connected
from odl.live.board_image import pull_image, push_image
from odl.model.checkpoint import checkpoint, log_of
from odl.wire.client import BoardClient, BoardError
from odl.wire.messages import Refusal
from tests.helpers.firmware import ONLY_NUCLEO, MakeFirmware, emulated, need
from tests.helpers.images import random_image
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.virtual_port import open_line, printing


@pytest.fixture
def board(firmware: MakeFirmware) -> Emulator:
    return emulated(firmware())


@pytest.fixture
def client(board: Emulator) -> BoardClient:
    return greeted(board)


def greeted(board: Emulator) -> BoardClient:
    client = BoardClient(board.write, board.run, limit=3, clock=VirtualClock(tick=0.01))
    client.hello()
    return client


@pytest.fixture(scope="module")
def other(image: Image) -> Image:
    """Of the same sizes."""
    return replace(image, seed=image.seed + 1, base=image.base[::-1].copy())


def config(image: Image, **changes: object) -> Config:
    n = len(image.channels)
    return Config(mult=(1 << 14,) * n, shift=(20,) * n, offset=(0,) * n, **changes)  # type: ignore[arg-type]


def block(image: Image, n: int, seed: int = 3) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(0, 4000, (n // 200 + 1, len(image.channels))), 200, axis=0)[:n]
    return (level + rng.normal(0, 1500, level.shape)).clip(-32768, 32767).astype(np.int16)


def teach(board: BoardClient, image: Image) -> int:
    """A session in which every question is answered, one class of them new; how many were."""
    board.configure(config(image, policy="periodic", allowed=6, horizon=24, patience=5000, seed=5))
    board.step(AddClass(0, 30, "waving", 0))
    asked = [e.window for e in board.step(Samples(0, block(image, 1600))) if isinstance(e, Query)]
    for i, window in enumerate(asked):
        board.step(Label(board.position, window, (30, 0, 2)[i % 3]))
    return len(asked)


def predictions(steps: BoardClient | Session, at: int, image: Image) -> list[Prediction]:
    events = steps.step(Samples(at, block(image, 1000, seed=9)))
    return [replace(e, window=e.window - at) for e in events if isinstance(e, Prediction)]


def test_what_is_pushed_runs_and_comes_back(
    firmware: MakeFirmware, compiler: str, image: Image, other: Image
) -> None:
    board = emulated(firmware(compiler))
    client = greeted(board)
    assert client.read_image() == image.to_bytes()
    assert push_image(client, other, "other.odlm")
    assert client.hello().image == other.checksum
    assert client.read_image() == other.to_bytes()
    assert board.resets == ["power", "software"]
    client.configure(config(other))
    assert predictions(client, 0, other) == predictions(Session(other, config(other)), 0, other)
    board.power_cut()
    board.run()
    board.power_on()
    assert greeted(board).info.image == other.checksum  # type: ignore[union-attr]


def test_pushed_twice_is_done_once(board: Emulator, client: BoardClient, image: Image, other: Image) -> None:
    assert not push_image(client, image, "it")
    assert push_image(client, other, "it")
    programmed = board.flash.programmed
    assert not push_image(client, other, "it")
    assert board.flash.programmed == programmed
    assert push_image(client, image, "it")
    assert client.read_image() == image.to_bytes()


def test_progress_is_told_in_quarters(client: BoardClient, other: Image) -> None:
    told: list[str] = []
    push_image(client, other, "it", told.append)
    assert [line.split()[1] for line in told] == ["25", "50", "75", "100"]


def test_a_damaged_upload_is_refused(
    board: Emulator, client: BoardClient, image: Image, other: Image
) -> None:
    hurt = bytearray(other.to_bytes())
    hurt[20_000] ^= 1
    client.upload(bytes(hurt))
    with pytest.raises(BoardError) as refused:
        client.install()
    assert refused.value.why is Refusal.IMAGE
    assert board.resets == ["power"]
    assert client.hello().image == image.checksum
    assert push_image(client, other, "it")  # over what is there


def test_an_interrupted_upload_leaves_the_old_one(
    board: Emulator, client: BoardClient, image: Image, other: Image
) -> None:
    client.upload(other.to_bytes()[:9000])
    board.power_cut()
    board.run()
    board.power_on()
    again = greeted(board)
    assert again.info is not None and again.info.image == image.checksum
    assert push_image(again, other, "it")


def test_remains_of_an_upload_that_are_in_the_way_are_cleared(client: BoardClient, other: Image) -> None:
    data = other.to_bytes()
    client.upload(data[:4000] + bytes(len(data) - 4000))
    told: list[str] = []
    assert push_image(client, other, "it", told.append)
    assert any("in the way" in line for line in told)
    assert client.read_image() == data


def test_another_models_sizes_are_refused_before_anything_is_sent(
    board: Emulator, client: BoardClient, image: Image
) -> None:
    programmed = board.flash.programmed
    for strange in (random_image(3), replace(image, max_pending=4)):
        with pytest.raises(BoardError, match="odl firmware build --model strange.odlm"):
            push_image(client, strange, "strange.odlm")
    assert board.flash.programmed == programmed


def test_more_stored_vectors_than_the_board_has_room_for_are_refused(
    board: Emulator, client: BoardClient, image: Image
) -> None:
    big = replace(image, stored=np.tile(image.stored, (3, 1)), owners=np.tile(image.owners, 3))
    programmed = board.flash.programmed
    assert client.description is not None
    said = client.description.board["items"]
    with pytest.raises(BoardError, match=f"big.odlm .*, {said} is on the board"):
        push_image(client, big, "big.odlm")
    assert board.flash.programmed == programmed
    client.description.board.pop("items")  # a board that does not say so refuses by itself
    with pytest.raises(BoardError, match="cannot run it"):
        push_image(client, big, "big.odlm")
    assert client.hello().image == image.checksum


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_a_line_that_damages_what_passes(board: Emulator, other: Image, seed: int) -> None:
    there, back = (Faults(seed + side, drop=0.02, flip=0.04, duplicate=0.05) for side in (0, 10))
    client = BoardClient(
        lambda data: board.write(there.feed(data)),
        lambda: back.feed(board.run()),
        limit=1,
        clock=VirtualClock(tick=0.01),
    )
    client.hello()
    assert push_image(client, other, "it")
    assert (there.counts + back.counts).total() > 4
    assert greeted(board).read_image() == other.to_bytes()


@ONLY_NUCLEO
def test_a_board_without_a_flash_controller_says_that_it_cannot(
    firmware: MakeFirmware, image: Image, other: Image
) -> None:
    need("qemu-system-arm")
    with QemuBoard(firmware().elf) as board:
        client = BoardClient(board.write, board.run, limit=60)
        client.hello()
        with pytest.raises(BoardError, match="could not keep it"):
            push_image(client, other, "it")
        assert pull_image(client)[1].to_bytes() == image.to_bytes()


def test_what_the_board_learned_is_pulled(board: Emulator, client: BoardClient, image: Image) -> None:
    assert teach(client, image) >= 4
    base, made = pull_image(client)
    assert base.to_bytes() == image.to_bytes()
    assert made.names[30] == "waving" and made.card["learned"]["labels"] >= 4
    assert made.to_bytes() == checkpoint(image, log_of(image, client.snapshot())).to_bytes()
    # Once its refit is done, the board's own heads are those of the checkpoint.
    predictions(client, client.position, image)
    state = np.frombuffer(client.snapshot(), state_dtype_of(image), 1)[0]
    assert state["learned"] == 1 and state["refitting"] == 0
    rows = np.flatnonzero(state["row_active"][: int(state["n_rows"])])
    assert np.array_equal(state["weights"][rows], made.base)
    _, without = pull_image(client, vectors=False)
    assert without.stored.tobytes() == image.stored.tobytes()
    assert np.array_equal(without.base, made.base)
    assert pull_image(client, learned=False)[1].to_bytes() == image.to_bytes()


def test_kernels_are_loaded_before_a_pulled_image_is_fitted(
    client: BoardClient, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling them takes long, and `load_kernels` says so."""
    said: list[str] = []
    monkeypatch.setattr("odl.live.board_image.load_kernels", lambda image, progress: progress("loading"))
    pull_image(client, progress=said.append)
    assert said[-1] == "loading"


def test_it_is_pulled_after_a_reset_too_and_leaves_the_board_as_it_was(
    board: Emulator, client: BoardClient, image: Image
) -> None:
    teach(client, image)
    _, made = pull_image(client)
    board.power_cut()
    board.run()
    board.power_on()
    again = greeted(board)
    assert pull_image(again)[1].to_bytes() == made.to_bytes()
    assert again.hello().session == 0


def test_a_checkpoint_runs_on_the_board_that_it_is_from(client: BoardClient, image: Image) -> None:
    teach(client, image)
    _, made = pull_image(client)
    assert push_image(client, made, "made.odlm")
    client.configure(config(made))
    assert predictions(client, 0, made) == predictions(Session(made, config(made)), 0, made)
    assert len(pull_image(client)[1].names) == len(image.names) + 1


def test_going_back_to_an_image_finds_what_it_had_learned(
    client: BoardClient, image: Image, other: Image
) -> None:
    teach(client, image)
    _, made = pull_image(client)
    assert push_image(client, other, "other.odlm")
    client.configure(config(other))  # a session that begins anew, with a log of its own
    assert pull_image(client)[1].to_bytes() == other.to_bytes()
    assert push_image(client, image, "first.odlm")
    assert pull_image(client)[1].to_bytes() == made.to_bytes()


@pytest.mark.parametrize("cut", [0, 1, 3000, -5, -4, -1])
def test_power_that_fails_during_a_push(board: Emulator, image: Image, other: Image, cut: int) -> None:
    """Before so many words of the image and the four of its mark were written, or so many before the end."""
    data = other.to_bytes()
    words = np.frombuffer(data + b"\xff" * (-len(data) % 4), "<u4")
    cut %= int((words != 0xFFFFFFFF).sum()) + 4
    client = BoardClient(board.write, board.run, limit=0.3, clock=VirtualClock(tick=0.01))
    client.hello()
    board.flash.cut_power(cut, tear=0xFFFF0000)
    with pytest.raises(BoardError, match="did not answer"):
        push_image(client, other, "it")
    board.power_on()
    again = greeted(board)
    assert again.info is not None and again.info.image == image.checksum
    assert push_image(again, other, "it")
    assert again.read_image() == other.to_bytes()


# --- by command --------------------------------------------------------------------------


@pytest.fixture(params=["pty", "socket"])
def port(request: pytest.FixtureRequest, board: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(connected, "GREETING", 300.0)  # an emulator can be slower than any board
    if request.param == "pty" and sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    end, opened = threading.Event(), open_port(None if request.param == "pty" else 0)
    thread = threading.Thread(target=serve, args=(board, opened), kwargs={"speed": 20, "until": end.is_set})
    thread.start()
    yield opened.name
    end.set()
    thread.join()
    opened.close()


def test_push_and_pull_by_command(
    port: str, tmp_path: Path, image: Image, other: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, back = tmp_path / "mine.odlm", tmp_path / "back.odlm"
    mine.write_bytes(other.to_bytes())
    assert main(["push", "--port", port, str(mine)]) == 0
    assert f"the board runs mine.odlm: {other.checksum:08x}" in capsys.readouterr().out
    assert main(["push", "--port", port, str(mine), "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["pushed"] is False and facts["image"] == f"{other.checksum:08x}"
    assert main(["pull", "--port", port, str(back)]) == 0
    assert "nothing learned" in capsys.readouterr().out
    assert back.read_bytes() == mine.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert main(["pull", "--port", port, "--base", str(back)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["pull", "--port", port, "--base", "--force", "--json", "-", str(back)]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == 0
    small = tmp_path / "small.odlm"
    small.write_bytes(random_image(1).to_bytes())
    assert main(["push", "--port", port, str(small)]) == 2
    assert "firmware build" in capsys.readouterr().err


def test_ports_tells_a_board_from_what_is_none(
    port: str, image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ports", port, "loop://", "--json", "-"]) == 0
    board, echo = json.loads(capsys.readouterr().out)
    assert board["port"] == port and board["board"]["image"] == f"{image.checksum:08x}"
    assert echo["board"] is None and echo["problem"]
    assert main(["ports", port]) == 0
    assert f"model {image.checksum:08x}" in capsys.readouterr().out
    assert main(["ports", "--list", port]) == 0
    assert capsys.readouterr().out.strip() == port


def test_a_port_is_found_by_itself(
    port: str, image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from odl.device import discovery

    monkeypatch.setattr(discovery, "list_ports", lambda: [discovery.Port("loop://"), discovery.Port(port)])
    assert main(["push", "shoulder"]) == 0
    assert "runs already shoulder" in capsys.readouterr().out
    monkeypatch.setattr(discovery, "list_ports", lambda: [discovery.Port("loop://")])
    assert main(["push", "shoulder"]) == 2
    assert "no board answers on any port: loop://" in capsys.readouterr().err


def test_what_was_learned_is_pulled_by_command(
    firmware: MakeFirmware, image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = emulated(firmware())
    teach(greeted(board), image)
    out, end, opened = tmp_path / "mine.odlm", threading.Event(), open_port(0)
    thread = threading.Thread(target=serve, args=(board, opened), kwargs={"speed": 20, "until": end.is_set})
    thread.start()
    try:
        assert main(["pull", "--port", opened.name, "--without-vectors", "--json", "-", str(out)]) == 0
    finally:
        end.set()
        thread.join()
        opened.close()
    facts = json.loads(capsys.readouterr().out)
    assert facts["labels"] >= 4 and facts["vectors"] == 0 and "waving" in facts["classes"]
    made = Image.from_bytes(out.read_bytes())
    assert f"{made.checksum:08x}" == facts["image"] and 30 in made.names


@pytest.mark.parametrize(
    "words, said",
    [
        ("push --port loop:// shoulder", "no board answers"),
        ("push --port socket://127.0.0.1:1 shoulder", "127.0.0.1:1"),
        ("push --port loop:// nothing.odlm", "nothing.odlm"),
        ("pull --port loop:// out.bin", "ends in .odlm"),
        ("pull --port loop:// --base --without-vectors out.odlm", "--without-vectors"),
    ],
)
def test_refusals_are_one_sentence(
    words: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "odl.device.serial_port.SerialPort", lambda url: SerialPort(url, clock=VirtualClock(tick=0.5))
    )
    assert main(words.split()) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("odl: ") and said in lines[-1]
    assert not list(tmp_path.iterdir())


def test_a_host_does_not_begin_where_the_last_one_did(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that missed the greeting takes no first request for the last host's."""
    seen: list[int] = []

    def push(board: BoardClient, *rest: object) -> bool:
        seen.append(board._requests._seq)
        return True

    monkeypatch.setattr(os, "urandom", lambda n: bytes([7, len(seen)])[:n])
    monkeypatch.setattr("odl.live.board_image.push_image", push)
    for _ in range(2):
        assert main(["push", "--port", port, "shoulder"]) == 0
    assert (seen[1] - seen[0]) % 65536 == 256


@pytest.mark.parametrize("words", ["push shoulder", "pull out.odlm"])
def test_a_sketch_that_prints_without_end_is_no_board(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("odl.device.serial_port.SerialPort", open_line)
    with printing(lambda k: "0.1,0.2,0.3,1,2,3") as port:
        assert main([*words.split(), "--port", port]) == 2
    told = capsys.readouterr().err.splitlines()
    assert "looking for a board" in told[0]
    assert "no board answers there; it prints lines" in told[-1]
    assert not list(tmp_path.iterdir())
