"""A Bluetooth peripheral with the Nordic UART Service, and as much of ``bleak`` as reaches it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

NUS_RX, NUS_TX = (f"6e40000{n}-b5a3-f393-e0a9-e50e24dcca9e" for n in (2, 3))
MOST = 20  # bytes of a write or a notification, as with the smallest ATT_MTU
PERIPHERALS: dict[str, PeripheralPort] = {}


class FakeBleakError(Exception):
    """An error of the library."""


class PeripheralPort:
    """The peripheral's end: it advertises a name, can go out of range and come back.

    It has the calls of `tests.helpers.fake_board.PtyPort`.
    """

    def __init__(self, name: str = "odl test") -> None:
        self.name, self._called = f"ble:{name}", name
        self.services = {NUS_RX, NUS_TX}
        self.client: FakeBleakClient | None = None
        self.writes: list[int] = []  # sizes
        self._sent = bytearray()
        self._arrived = threading.Condition()
        self.plug()

    def plug(self) -> None:
        """Advertise."""
        PERIPHERALS[self._called] = self

    def unplug(self) -> None:
        """Go out of range."""
        PERIPHERALS.pop(self._called, None)
        client, self.client = self.client, None
        if client is not None:
            client.loop.call_soon_threadsafe(client.lose)

    def take(self, data: bytes) -> None:
        """The host wrote."""
        with self._arrived:
            self.writes.append(len(data))
            self._sent += data
            self._arrived.notify_all()

    def read(self, wait: float) -> bytes:
        """What the host sent."""
        with self._arrived:
            if not self._sent:
                self._arrived.wait(wait)
            data = bytes(self._sent)
            self._sent.clear()
            return data

    def write(self, data: bytes) -> None:
        """Notify the host, if it is connected."""
        client = self.client
        for start in range(0, len(data), MOST):
            if client is not None and client.notified is not None:
                piece = bytearray(data[start : start + MOST])
                client.loop.call_soon_threadsafe(client.notified, NUS_TX, piece)

    def close(self) -> None:
        """For good."""
        self.unplug()


class FakeBleakScanner:
    """Finds what advertises."""

    @classmethod
    async def find_device_by_name(cls, name: str, timeout: float = 10.0) -> PeripheralPort | None:
        """As bleak's, but it does not wait."""
        return PERIPHERALS.get(name)


class FakeBleakClient:
    """A connection."""

    def __init__(
        self,
        device: PeripheralPort,
        disconnected_callback: Callable[[FakeBleakClient], None] | None = None,
        *,
        timeout: float = 10.0,
    ) -> None:
        self.device, self._disconnected = device, disconnected_callback
        self.notified: Callable[[Any, bytearray], None] | None = None
        self.loop = asyncio.get_running_loop()
        self.services = SimpleNamespace(get_characteristic=self._characteristic)
        self._connected = False

    def _characteristic(self, uuid: str) -> Any:
        there = uuid in self.device.services
        return SimpleNamespace(uuid=uuid, max_write_without_response_size=MOST) if there else None

    async def connect(self) -> None:
        """Connect, if it still advertises."""
        if self.device not in PERIPHERALS.values() or self.device.client is not None:
            raise FakeBleakError("the device refused the connection")
        self.device.client, self._connected = self, True

    async def disconnect(self) -> None:
        """Hang up."""
        if self._connected:
            self.device.client = None
            self.lose()

    def lose(self) -> None:
        """The connection has ended."""
        self._connected, self.notified = False, None
        if self._disconnected is not None:
            self._disconnected(self)

    async def start_notify(self, uuid: str, callback: Callable[[Any, bytearray], None]) -> None:
        """Subscribe."""
        assert uuid == NUS_TX
        self.notified = callback

    async def write_gatt_char(self, characteristic: Any, data: bytes, response: bool | None = None) -> None:
        """Write without a response."""
        if not self._connected:
            raise FakeBleakError("not connected")
        assert characteristic.uuid == NUS_RX and response is False and 0 < len(data) <= MOST
        self.device.take(data)


BLEAK = SimpleNamespace(
    BleakScanner=FakeBleakScanner, BleakClient=FakeBleakClient, exc=SimpleNamespace(BleakError=FakeBleakError)
)
