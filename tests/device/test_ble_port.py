"""A port over Bluetooth: what the serial port's tests do not see of it (they run on it, too)."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import bleak
import pytest

from odl.cli.main import main
from odl.device.ble_port import BlePort
from odl.device.serial_line import SerialState
from odl.device.serial_port import SerialPort, SerialPortError
from tests.helpers.fake_peripheral import (
    MOST,
    NUS_TX,
    FakeBleakClient,
    FakeBleakScanner,
    PeripheralPort,
)


@pytest.fixture
def peripheral(fake_bleak: None) -> Iterator[PeripheralPort]:
    made = PeripheralPort()
    yield made
    made.close()


def test_long_data_goes_in_pieces_that_the_peripheral_takes(peripheral: PeripheralPort) -> None:
    data = bytes(range(256)) * 3
    port = BlePort("odl test")
    port.write(data)
    assert peripheral.read(0) == data
    assert max(peripheral.writes) == MOST and sum(peripheral.writes) == len(data)
    peripheral.write(data)
    found = b""
    while len(found) < len(data):
        found += port.read(5.0)
    assert found == data
    port.close()
    assert peripheral.client is None


def test_what_had_arrived_is_read_before_the_loss_is_told(peripheral: PeripheralPort) -> None:
    port = BlePort("odl test")
    peripheral.write(b"last words")
    peripheral.unplug()
    while not port._gone:
        pass
    assert port.read(1.0) == b"last words"
    with pytest.raises(OSError, match="odl test is gone"):
        port.read(1.0)
    with pytest.raises(OSError, match="not connected"):
        port.write(b"hello?")
    port.close()


def test_a_peripheral_that_is_not_there_is_an_error_that_says_what_to_do(fake_bleak: None) -> None:
    with pytest.raises(SerialPortError, match="no Bluetooth device called 'nobody' was found"):
        SerialPort("ble:nobody")


def test_a_computer_without_bluetooth_is_told_apart_from_a_missing_port(
    fake_bleak: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scan(name: str, timeout: float) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(FakeBleakScanner, "find_device_by_name", scan)
    with pytest.raises(SerialPortError, match="ble:wrist cannot be opened .this computer's Bluetooth"):
        SerialPort("ble:wrist")


def test_a_peripheral_without_a_uart_is_an_error_and_let_go(peripheral: PeripheralPort) -> None:
    peripheral.services.discard(NUS_TX)
    with pytest.raises(SerialPortError, match="no Nordic UART Service"):
        SerialPort(peripheral.name)
    assert peripheral.client is None


def test_a_peripheral_in_use_is_an_error(peripheral: PeripheralPort) -> None:
    with SerialPort(peripheral.name) as line, pytest.raises(SerialPortError, match="refused the connection"):
        assert line.state is SerialState.OPEN
        SerialPort(peripheral.name)


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    assert main(["push", "shoulder", "--port", "ble:wrist"]) == 2
    error = capsys.readouterr().err
    assert "bleak" in error and "[ble]" in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (bleak.BleakScanner.find_device_by_name, FakeBleakScanner.find_device_by_name),
        (bleak.BleakClient, FakeBleakClient),
        (bleak.BleakClient.connect, FakeBleakClient.connect),
        (bleak.BleakClient.disconnect, FakeBleakClient.disconnect),
        (bleak.BleakClient.start_notify, FakeBleakClient.start_notify),
        (bleak.BleakClient.write_gatt_char, FakeBleakClient.write_gatt_char),
    ],
)
def test_the_real_library_has_the_calls_of_the_fake_one(real: object, fake: object) -> None:
    """Positions and names, so that what works here is at least called rightly there."""
    theirs = list(inspect.signature(real).parameters.values())  # type: ignore[arg-type]
    ours = list(inspect.signature(fake).parameters.values())  # type: ignore[arg-type]
    for place, argument in enumerate(ours):
        if argument.kind is argument.KEYWORD_ONLY or argument.name in ("response", "timeout"):
            assert argument.name in [x.name for x in theirs]
        else:
            assert theirs[place].kind in (argument.POSITIONAL_OR_KEYWORD, argument.POSITIONAL_ONLY)
    assert issubclass(bleak.exc.BleakError, Exception)
