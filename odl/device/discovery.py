"""Find serial ports and the boards on them that speak this protocol."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from odl.core.errors import OdlError
from odl.device.board import Board
from odl.device.description import BoardDescription, shown
from odl.device.serial_line import SerialLine
from odl.device.serial_port import SerialPort, SerialPortError
from odl.wire import Info
from odl.wire.client import BoardError

LIMIT: Final = 2.5  # seconds in which a board answers, even after a reset when its port opens
_LISTEN: Final = 0.5  # seconds in which a sketch prints a line
_AT_ONCE: Final = 8


class PortError(OdlError, RuntimeError):
    """No port, or more than one, where one is needed; the message lists all ports."""


@dataclass(frozen=True)
class Port:
    """A serial port: its name for pyserial, the system's description, and USB's vendor:product."""

    name: str
    description: str = ""
    usb: str = ""


@dataclass(frozen=True)
class ProbeResult:
    """The result of probing a port.

    Attributes
    ----------
    port : Port
    board : BoardDescription or None
        The board that speaks our protocol, if one does.
    info : Info or None
        The board's Info.
    lines : bool
        True if the port sends lines of text, as a sketch does.
    problem : str
        Why there is no board, in one sentence; otherwise empty.
    """

    port: Port
    board: BoardDescription | None = None
    info: Info | None = None
    lines: bool = False
    problem: str = ""

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON."""
        facts: dict[str, Any] = facts_of(self.port) | {"board": None, "lines": self.lines}
        if self.board is not None and self.info is not None:
            facts["board"] = {
                "name": self.board.name, "sensor": self.board.sensor, "rate_hz": self.board.rate_hz,
                "firmware": self.board.version, "image": f"{self.info.image:08x}",
                "runs_session": self.info.session != 0,
            }  # fmt: skip
        return facts | {"problem": self.problem}


def list_ports() -> list[Port]:
    """Return the serial ports of this machine, in order of their names, without serial numbers.

    >>> all(isinstance(port, Port) for port in list_ports())
    True
    """
    from serial.tools.list_ports import comports

    return [
        Port(
            found.device,
            "" if found.description in (None, "n/a") else shown(found.description),
            f"{found.vid:04x}:{found.pid:04x}" if found.vid is not None and found.pid is not None else "",
        )
        for found in sorted(comports(), key=lambda found: str(found.device))
    ]


def probe(port: Port | str, limit: float = LIMIT) -> ProbeResult:
    """Open a port, send Hello, and return what answers within ``limit`` seconds.

    >>> probe("/dev/not-there").board is None
    True
    """
    if isinstance(port, str):
        port = Port(port)
    try:
        with SerialPort(port.name) as line:
            board = Board(line)
            try:
                described = board.greet(limit)
            except BoardError as error:
                return ProbeResult(port, lines=_prints_lines(line), problem=str(error))
            return ProbeResult(port, described, board.info)
    except SerialPortError as error:
        return ProbeResult(port, problem=str(error))


def _prints_lines(line: SerialLine) -> bool:
    text, until = b"", line.clock.monotonic() + _LISTEN
    while len(text) < 200 and (left := until - line.clock.monotonic()) > 0:
        chunk = line.get(left)
        text += b"" if chunk is None else chunk.data
    plain = sum(byte in b"\t\r\n" or 32 <= byte < 127 for byte in text)
    return b"\n" in text and plain >= 0.95 * len(text)


def probe_all(ports: Sequence[Port], limit: float = LIMIT) -> list[ProbeResult]:
    """`probe` each port, in parallel."""
    if not ports:
        return []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda port: probe(port, limit), ports))


def auto(limit: float = LIMIT) -> str:
    """Return the name of the one port with a board.

    Raises
    ------
    PortError
        If no port or more than one has a board; the message lists all ports.
    """
    found = probe_all(list_ports(), limit)
    boards = [one for one in found if one.board is not None]
    if len(boards) == 1:
        return boards[0].port.name
    if boards:
        listed = ", ".join(f"{one.port.name} ({one.board.name})" for one in boards if one.board)
        raise PortError(f"{len(boards)} boards are plugged in: {listed}; say which with `port`")
    if not found:
        raise PortError("no serial port is there: plug a board in, or try without one: `emulated=True`")
    listed = ", ".join(_in_words(one) for one in found)
    raise PortError(f"no board answers on any port: {listed}")


def _in_words(one: ProbeResult) -> str:
    what = "prints lines: `format='csv'`?" if one.lines else one.port.description or "silent"
    return f"{one.port.name} ({what})"


def facts_of(port: Port) -> dict[str, Any]:
    """Plain values for JSON."""
    return {"port": port.name, "description": port.description, "usb": port.usb}


def as_text(found: Sequence[Port | ProbeResult]) -> str:
    """Return a line for each port, as `odl ports` prints them.

    >>> print(as_text([Port("COM3", "STLink", "0483:374b"), ProbeResult(Port("COM4"), lines=True)]))
    COM3  0483:374b  STLink
    COM4             prints lines, as a sketch does: `format='csv'`
    """
    rows = []
    for one in found:
        port = one if isinstance(one, Port) else one.port
        rows.append((port.name, port.usb, port.description if isinstance(one, Port) else _about(one)))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = (f"{name:{widths[0]}}  {usb:{widths[1]}}  {what}".rstrip() for name, usb, what in rows)
    return "\n".join(lines) or "no serial port is there"


def _about(one: ProbeResult) -> str:
    if one.board is not None and one.info is not None:
        rate = "" if one.board.rate_hz is None else f" at {one.board.rate_hz:g} Hz"
        running = "; a session runs" if one.info.session else ""
        return (
            f"{one.board.name}: {one.board.sensor}{rate}, model {one.info.image:08x}, "
            f"firmware {one.board.version}{running}"
        )
    if one.lines:
        return "prints lines, as a sketch does: `format='csv'`"
    return f"{one.port.description}: {one.problem}" if one.port.description else one.problem
