"""A line on ptys, sockets and loop://: bytes, turns, loss, unplugging."""

from __future__ import annotations

import threading
import time

import pytest

from odl.device.serial_line import SerialState
from odl.device.serial_port import SerialPort, SerialPortError
from tests.helpers.fake_board import Port, PtyPort, SocketPort
from tests.helpers.waiting import LIMIT, wait_until


def states_and_bytes(line: SerialPort, enough: int, limit: float = LIMIT) -> tuple[list[SerialState], bytes]:
    """Fetch until so many bytes have come."""
    states, data = [], b""
    until = time.monotonic() + limit
    while len(data) < enough and time.monotonic() < until:
        chunk = line.get(0.05)
        if chunk is not None:
            states += [chunk.state] if chunk.state else []
            data += chunk.data
    return states, data


def wait_for(line: SerialPort, state: SerialState, limit: float = LIMIT) -> None:
    until = time.monotonic() + limit
    while time.monotonic() < until:
        chunk = line.get(0.05)
        if chunk is not None and chunk.state is state:
            return
    raise AssertionError(f"the line did not become {state}; it is {line.state}")


def test_bytes_pass_both_ways(device: Port) -> None:
    said = bytes(range(256)) * 40
    with SerialPort(device.name) as line:
        assert line.state is SerialState.OPEN
        device.read(0.5)  # a socket takes the call
        sender = threading.Thread(target=device.write, args=(said,))
        sender.start()
        states, heard = states_and_bytes(line, len(said))
        sender.join()
        assert (states, heard) == ([SerialState.OPEN], said)
        assert line.write(b"\0answer\xff")
        assert device.read(LIMIT) == b"\0answer\xff"
    assert line.state is SerialState.CLOSED
    assert line.write(b"more") is False


def test_a_loop_gives_back_what_it_is_sent() -> None:
    with SerialPort("loop://") as line:
        assert line.write(b"abc\0def")
        assert states_and_bytes(line, 7)[1] == b"abc\0def"


def test_chunks_carry_the_time_when_they_were_read() -> None:
    with SerialPort("loop://") as line:
        before = time.monotonic()
        line.write(b"x")
        while not (chunk := line.get(1.0)) or not chunk.data:
            pass
        assert before <= chunk.time <= time.monotonic()


def test_a_port_that_was_unplugged_is_opened_again(device: Port) -> None:
    with SerialPort(device.name, pause=0.01) as line:
        device.read(0.5)
        for turn in range(3):
            device.write(b"before")
            assert states_and_bytes(line, 6)[1] == b"before"
            device.unplug()
            wait_for(line, SerialState.LOST)
            assert line.write(b"nobody") is False
            device.plug()
            wait_for(line, SerialState.OPEN)
            device.read(0.5)
            assert line.reopened == turn + 1
        device.write(b"after")
        assert states_and_bytes(line, 5) == ([], b"after")


def test_what_nobody_fetches_is_dropped_and_counted() -> None:
    port = SocketPort()
    with SerialPort(port.name, room=1000) as line:
        port.read(0.5)
        sent = 0
        while line.lost < 4000:
            port.write(bytes(100))
            sent += 100
            wait_until(lambda sent=sent: line.lost + line._held == sent)  # type: ignore[misc]
        chunks = []
        while (chunk := line.get(0)) is not None:
            chunks.append(chunk)
        port.write(b"end")
        assert states_and_bytes(line, 3)[1] == b"end"
    port.close()
    got = sum(len(p.data) for p in chunks)
    assert 0 < got <= 1000
    assert line.lost == sent - got == sum(p.lost for p in chunks) == 4000


def test_waking_ends_a_wait() -> None:
    with SerialPort("loop://") as line:
        while line.get(0.01) is not None:
            pass
        got = [b"never"]
        waiting = threading.Thread(target=lambda: got.append(line.get(600.0)), daemon=True)
        waiting.start()
        line.wake()
        waiting.join(LIMIT)
        assert not waiting.is_alive() and got[-1] is None


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(SerialPortError, match="there is no port /dev/not-there; 'odl ports'"):
        SerialPort("/dev/not-there")
    with pytest.raises(SerialPortError, match="cannot be opened"):
        SerialPort("nonsense://x")
    listener = SocketPort()
    listener.close()
    with pytest.raises(SerialPortError, match="cannot be opened"):
        SerialPort(listener.name)


def test_a_device_is_opened_once_only(device: Port) -> None:
    if not isinstance(device, PtyPort):
        return  # a socket is shared by nature
    with SerialPort(device.name), pytest.raises(SerialPortError, match="in use by another program"):
        SerialPort(device.name)


def test_closing_while_the_port_is_gone(device: Port) -> None:
    line = SerialPort(device.name, pause=0.01)
    device.unplug()
    wait_for(line, SerialState.LOST)
    line.close()
    assert line.state is SerialState.CLOSED
    assert line.get(0) is None or line.get(0) is None
    device.plug()


def test_a_device_comes_back_under_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    class Found:
        def __init__(self, device: str, serial_number: str) -> None:
            self.device, self.vid, self.pid, self.serial_number = device, 1, 2, serial_number

    port, place = PtyPort(f"{tmp_path}/ttyACM0"), []
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Found(name, s) for name, s in place])
    place[:] = [(port.name, "A")]
    with SerialPort(port.name, pause=0.01) as line:
        port.unplug()
        wait_for(line, SerialState.LOST)
        port.name = f"{tmp_path}/ttyACM1"
        place[:] = [(f"{tmp_path}/ttyACM7", "B"), (port.name, "A")]
        port.plug()
        wait_for(line, SerialState.OPEN)
        port.write(b"hello")
        assert states_and_bytes(line, 5)[1] == b"hello"
    port.close()
