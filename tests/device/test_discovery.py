"""What is plugged in: listed without serial numbers, probed, picked when there is exactly one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from odl.cli.main import main
from odl.device import discovery
from tests.helpers.fake_board import SHOULDER, BoardHarness, FakeBoard, Port, virtual_bench


@dataclass
class Found:
    """What pyserial says of a port."""

    device: str
    description: str = "n/a"
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    hwid: str = "n/a"


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    there: list[Found] = []
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(there))
    return there


def test_the_list_has_no_serial_numbers_and_no_escapes(plugged: list[Found]) -> None:
    plugged += [
        Found("/dev/ttyACM1", "\x1b[31mST-Link\n", 0x0483, 0x374B, "SECRET", "USB VID:PID SER=SECRET"),
        Found("/dev/ttyACM0"),
    ]
    listed = discovery.list_ports()
    assert listed == [
        discovery.Port("/dev/ttyACM0"), discovery.Port("/dev/ttyACM1", "[31mST-Link", "0483:374b")
    ]  # fmt: skip
    assert "SECRET" not in discovery.as_text(listed) and "\x1b" not in discovery.as_text(listed)


def test_a_board_is_found_and_described(bench: BoardHarness) -> None:
    probed = discovery.probe(bench.port.name)
    assert probed.board is not None and probed.problem == ""
    facts = probed.facts()
    assert facts["board"]["name"] == "fake" and facts["board"]["sensor"] == "imu"
    assert json.loads(json.dumps(facts)) == facts
    assert f"fake: imu at 50 Hz, model {SHOULDER.checksum:08x}, firmware 0.0" in discovery.as_text([probed])


def test_a_sketch_is_recognised_by_its_lines(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBoard, "receive", lambda self, data: self.out.extend(b"0.1,-0.2,9.81\r\n"))
    sketch = FakeBoard()
    sketch.out.clear()
    bench = BoardHarness(port, sketch)
    probed = discovery.probe(port.name)
    bench.close()
    assert probed.board is None and probed.lines
    assert "`format='csv'`" in discovery.as_text([probed])


def test_a_silent_port_and_none(port: Port) -> None:
    probed = discovery.probe(port.name)
    assert not probed.lines and "nothing answers" in probed.problem
    assert "there is no port" in discovery.probe("/dev/not-there").problem


def test_auto_takes_the_only_board(bench: BoardHarness, plugged: list[Found]) -> None:
    other = virtual_bench(FakeBoard(major=3))
    plugged += [Found(other.port.name), Found(bench.port.name), Found("/dev/not-there")]
    assert discovery.auto() == bench.port.name
    other.close()


def test_auto_lists_two_boards_and_stops(bench: BoardHarness, plugged: list[Found]) -> None:
    second = virtual_bench()
    second.board.board["name"] = "second\x1b[2J"
    second.board.say_hello()
    plugged += [Found(second.port.name), Found(bench.port.name)]
    with pytest.raises(discovery.PortError, match="2 boards are plugged in") as caught:
        discovery.auto()
    assert bench.port.name in str(caught.value) and second.port.name in str(caught.value)
    assert "\x1b" not in str(caught.value)
    second.close()


def test_auto_without_a_board_lists_what_there_is(port: Port, plugged: list[Found], tmp_path: Path) -> None:
    with pytest.raises(discovery.PortError, match="no serial port is there"):
        discovery.auto()
    plugged.append(Found(port.name, "CP2102"))
    with pytest.raises(discovery.PortError, match=r"no board answers on any port: .*\(CP2102\)"):
        discovery.auto()


def test_the_command(
    bench: BoardHarness,
    plugged: list[Found],
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugged += [Found(bench.port.name, "ST-Link\x1b[2J", 0x0483, 0x374B, "SECRET")]
    assert main(["ports"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{bench.port.name}  0483:374b  fake: imu at 50 Hz") and "\x1b" not in said
    assert main(["ports", "--list", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"port": bench.port.name, "description": "ST-Link[2J", "usb": "0483:374b"}
    ]
    plugged.clear()
    assert main(["ports"]) == 0
    assert capsys.readouterr().out == "no serial port is there\n"
