"""A Bluetooth Low Energy peripheral as a port: bytes over the Nordic UART Service (extra ``ble``).

Source: Nordic Semiconductor, nRF Connect SDK, "Nordic UART Service (NUS)": the host writes to the RX
characteristic and is notified by the TX characteristic.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final

PREFIX: Final = "ble:"
NUS_RX: Final = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"  # the host writes
NUS_TX: Final = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"  # the peripheral notifies
FIND: Final = 10.0  # seconds to find the peripheral and to connect, each
_WRITE: Final = 5.0  # seconds after which a write that does not move is given up
_SHORTEST: Final = 20  # bytes that every peripheral takes in one write


class BlePort:
    """A connection to the peripheral called ``name``, with the calls that a serial port has.

    Parameters
    ----------
    name : str
        The name that the peripheral advertises.

    Raises
    ------
    OSError
        If no such peripheral is found, the connection fails, or it has no UART service.
    ModuleNotFoundError
        If the package ``bleak`` is missing.

    Examples
    --------
    ::

        port = BlePort("odl-wrist")
        port.write(b"ping")
        port.read(0.1)
    """

    def __init__(self, name: str) -> None:
        import bleak

        self._bleak = bleak
        self._name = name
        self._arrived: deque[bytes] = deque()
        self._ready = threading.Condition()
        self._gone = False
        self._client: Any = None
        self._rx: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"ble {name}", daemon=True)
        self._thread.start()
        try:
            self._do(self._connect(), 3 * FIND)
        except BaseException:
            self.close()
            raise

    def read(self, wait: float) -> bytes:
        """Return the bytes that have arrived, after at most ``wait`` seconds without any.

        Raises
        ------
        OSError
            If the peripheral is gone, and all that it sent has been read.
        """
        with self._ready:
            if not self._arrived and not self._gone:
                self._ready.wait(wait)
            data = b"".join(self._arrived)
            self._arrived.clear()
            if not data and self._gone:
                raise OSError(f"{self._name} is gone")
            return data

    def write(self, data: bytes) -> None:
        """Send ``data``, in pieces that the peripheral takes.

        Raises
        ------
        OSError
            If the peripheral is gone, or takes nothing.
        """
        self._do(self._write(data), _WRITE)

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(OSError):
            self._do(self._disconnect(), FIND)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(FIND)
        if not self._thread.is_alive():
            self._loop.close()

    # --- in the loop's thread ------------------------------------------------------------

    async def _connect(self) -> None:
        device = await self._bleak.BleakScanner.find_device_by_name(self._name, timeout=FIND)
        if device is None:
            raise OSError(
                f"no Bluetooth device called {self._name!r} was found within {FIND:g} s: is it on, near, and "
                "connected to nothing else?"
            )
        self._client = self._bleak.BleakClient(device, disconnected_callback=self._lost, timeout=FIND)
        await self._client.connect()
        self._rx = self._client.services.get_characteristic(NUS_RX)
        if self._rx is None or self._client.services.get_characteristic(NUS_TX) is None:
            raise OSError(f"{self._name!r} has no Nordic UART Service")
        await self._client.start_notify(NUS_TX, self._take)

    async def _write(self, data: bytes) -> None:
        size = max(_SHORTEST, self._rx.max_write_without_response_size)
        for start in range(0, len(data), size):
            await self._client.write_gatt_char(self._rx, data[start : start + size], response=False)

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.disconnect()

    def _take(self, characteristic: Any, data: bytearray) -> None:
        with self._ready:
            self._arrived.append(bytes(data))
            self._ready.notify_all()

    def _lost(self, client: Any) -> None:
        with self._ready:
            self._gone = True
            self._ready.notify_all()

    # --- between the threads -------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None], limit: float) -> None:
        """Run ``work`` in the loop and wait for it; errors of Bluetooth become `OSError`."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            future.result(limit)
        except TimeoutError:
            future.cancel()
            raise OSError(f"{self._name} did not answer within {limit:g} s") from None
        except self._bleak.exc.BleakError as error:
            raise OSError(str(error)) from None
        except OSError as error:
            if error.errno is None:
                raise
            raise OSError(f"this computer's Bluetooth does not answer: {error}") from None
