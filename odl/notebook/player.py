"""Steps a live session from the kernel's event loop, in short turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Event, Samples
from odl.live import LiveSession

TURN = 0.01  # seconds of stepping until the kernel has its turn
IDLE = 0.02  # seconds of sleep where there is nothing to step


class Player:
    """Plays ``live`` as a task of the running event loop.

    An answer wakes the player, so it is learned at once. The player never waits for a view: views read
    ``live.prompt``, ``recent`` and ``ended`` as often as they like.

    Examples
    --------
    >>> import tempfile
    >>> from odl.live.playback import played
    >>> async def play(record):
    ...     player = Player(played("shoulder", 7, record=record, speed=1e4, answers="truth"))
    ...     player.start()
    ...     await player.done()
    ...     return player.recent.learned > 10, player.ended
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(play(f"{folder}/7.odl"))
    (True, 'The stream has ended.')
    """

    def __init__(self, live: LiveSession, clock: Clock = SYSTEM_CLOCK) -> None:
        self.live, self._clock = live, clock
        self.recent = live.recent
        self.ended = ""  # why the session ended, as a sentence
        self.listen: Callable[[Event], None] | None = None
        self._stop = False
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """True while the stream runs."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Start the session; needs a running event loop."""
        loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self.live.wait = 0.0
        other = self.live.prompt.wake  # of a line that waits for bytes, perhaps

        def wake() -> None:
            if other is not None:
                other()
            with contextlib.suppress(RuntimeError):  # the kernel is shutting down
                loop.call_soon_threadsafe(self._woken.set)

        self.live.prompt.wake = wake
        self._task = loop.create_task(self._run())

    def stop(self) -> None:
        """End the session soon; any thread may call this."""
        self._stop = True
        if self.live.prompt.wake is not None:
            self.live.prompt.wake()

    async def done(self) -> None:
        """Wait until the session has ended."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            self.ended = await self._play()
        except Exception as error:
            self.ended = f"The session broke off: {error}"
        # Not in a ``finally``: a kernel that shuts down leaves a recording that can be resumed.
        try:
            self.live.close()
        except Exception as error:
            self.ended = f"The session broke off: {error}"

    async def _play(self) -> str:
        """Step until the session ends; return why it ended."""
        events = iter(self.live)
        while not self._stop:
            until, idle = self._clock.monotonic() + TURN, False
            while not idle and not self._stop and self._clock.monotonic() < until:
                event = next(events, None)
                if event is None:
                    return "The stream has ended."
                if self.listen is not None:
                    self.listen(event)
                idle = isinstance(event, Samples) and len(event.block) == 0
            await self._sleep(IDLE if idle else 0)
        return "Stopped."

    async def _sleep(self, seconds: float) -> None:
        if seconds and not self._woken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)
        else:
            await asyncio.sleep(0)
        self._woken.clear()
