"""A relay between a host and a board's socket that damages bytes, for tests."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType

from firmware_sim.faults import Faults


class Relay:
    """Listens on this computer and forwards to ``url``, with faults in either direction.

    Parameters
    ----------
    url : str
        The board's ``socket://host:port``.
    to_board, to_host : Faults, optional
        Faults in each direction.

    Attributes
    ----------
    url : str
        Address for the host.
    """

    def __init__(self, url: str, *, to_board: Faults | None = None, to_host: Faults | None = None) -> None:
        host, number = url.removeprefix("socket://").rsplit(":", 1)
        self._board, self._faults = (host, int(number)), (to_board, to_host)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            here, _ = self._listener.accept()
            # If the board is gone, the host is disconnected and may connect again.
            with here, contextlib.suppress(OSError), socket.create_connection(self._board) as there:
                for end in (here, there):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pass_on(here, there)

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        ways = {here: (there, self._faults[0]), there: (here, self._faults[1])}
        while not self._ending.is_set():
            ready = select.select([here, there], [], [], 0.02)[0]
            for end, (other, faults) in ways.items():
                data = end.recv(65536) if end in ready else b""
                if end in ready and not data:
                    return
                other.sendall(faults.feed(data) if faults else data)

    def close(self) -> None:
        """Stop forwarding."""
        self._ending.set()
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
