"""A board in this process: a processor, its peripherals, and time.

Instructions are counted natively, each as one cycle. Time passes by itself while the
processor sleeps. So every run is identical. An invalid instruction or access is a HardFault.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Final

from firmware_sim import DEFAULT_BOARD, elf
from firmware_sim.board_spec import spec_of
from firmware_sim.counter import Counter
from firmware_sim.peripherals import NEVER
from firmware_sim.processor import Processor, StopReason
from firmware_sim.sensor import Sensor
from odl.core.errors import OdlError

HARD_FAULT: Final = 3
PAINT: Final = b"\xc5\xc5\xc5\xc5"
NAP: Final = 20_000  # most microseconds of sleep at a time


class EmulatorError(OdlError, RuntimeError):
    """The firmware is in a state from which the processor cannot recover."""


class PowerFailed(EmulatorError):
    """The power failed during a call."""


class Emulator:
    """A board with ``firmware`` in its flash, powered.

    Parameters
    ----------
    firmware : bytes
        The .elf or the .bin.
    sensor : Sensor, optional
        An LSM6DSO on the I2C bus; default: no sensor.
    paced : bool
        The serial line runs at 115200 baud. Otherwise it is as fast as the firmware and loses nothing.
    board : str
        A key of `firmware_sim.BOARDS`.

    Attributes
    ----------
    spec : BoardSpec
        The board's.
    chip : Chip
        Its peripherals.
    resets : list of str
        Causes of the resets since power-on, in order.

    Examples
    --------
    A board from power-on to power-off::

        board = Emulator(Path("firmware.elf").read_bytes())
        board.run()                      # runs until the firmware sleeps
        board.write(frame); answer = board.run()
        board.power_cut()
    """

    def __init__(
        self, firmware: bytes, sensor: Sensor | None = None, paced: bool = False, board: str = DEFAULT_BOARD
    ) -> None:
        self.spec = spec_of(board)
        self.mhz = self.spec.mhz
        self.program = elf.read(firmware, self.spec.memory)
        self.resets: list[str] = []
        self._asleep = 0  # cycles without an instruction
        self._cause: str | None = None
        self._counter = Counter(self.spec.memory)
        self.chip = chip = self.spec.chip(self, self._counter.flash, sensor, paced)
        self.core, self.serial, self.watchdog, self.flash = chip.core, chip.serial, chip.watchdog, chip.flash
        self._presses: deque[tuple[int, bool]] = deque()  # (time, button is down)
        self._tick_until = 0
        self.powered = False
        self.flash.load(self.program.flash)
        self._counter.forget_code()
        target = self.spec.target
        self.processor = Processor(self._counter, self.flash.store, self.flash.settle, target)
        for base, size, bits in chip.spans:
            self.processor.map_devices(base, size, chip.devices, bits)
        self.power_on()

    # --- running -------------------------------------------------------------------------

    def _pending(self) -> int:
        """The number of the pending exception; 0 if none."""
        for device in self.chip.timed:
            exception = device.pending()
            if exception and self.core.enabled(exception):
                return exception
        return 0

    def _go(self, until: int) -> bool:
        """Run up to time ``until``; True if the firmware sleeps before it."""
        processor, count = self.processor, self._counter
        while True:
            if self._cause is not None:
                self._reset()
                if not self.powered:
                    return False
            later = False
            if not processor.handling and (exception := self._pending()):
                later = not processor.interruptible()
                if not later:
                    self._enter(exception)
            now = self.cycles
            if now >= self.watchdog.deadline:
                self.request_reset("watchdog")
                continue
            if now >= until and not processor.handling:
                return False
            soonest = self.watchdog.deadline
            if not processor.handling:
                soonest = min(until, *(device.next_event() for device in self.chip.timed))
            # Run at least one block, so that time advances.
            if self._ended(
                processor.run(count.count + 1 if later else max(count.count + 1, soonest - self._asleep))
            ):
                return True

    def _ended(self, end: StopReason) -> bool:
        """Handle the end of a run; True if the processor sleeps."""
        processor = self.processor
        if end is StopReason.RETURNED and processor.handling:
            processor.leave()
        elif end in (StopReason.FAULT, StopReason.RETURNED):
            if processor.handling == HARD_FAULT:
                self._lock_up()
            else:
                self._enter(HARD_FAULT)
        elif end is StopReason.ASLEEP and self._cause is None:
            if processor.handling:
                raise EmulatorError("the firmware sleeps in an exception handler")
            return True
        return False

    def _enter(self, exception: int) -> None:
        if not self.processor.vector(exception) & 1:
            raise EmulatorError(f"exception {exception} has no handler")
        self.processor.enter(exception)
        self.core.taken(exception)

    def _lock_up(self) -> None:
        """A fault in the fault handler: the processor stops until the watchdog resets it."""
        if self.watchdog.deadline == NEVER:
            at = self.processor.pc
            raise EmulatorError(f"lock-up: a fault within the fault handler at {at:#x}, and no watchdog")
        self._asleep += max(0, self.watchdog.deadline - self.cycles)

    # --- for the devices ---------------------------------------------------------------

    @property
    def cycles(self) -> int:
        """Cycles since the board was created."""
        return self._counter.count + self._asleep

    def skip(self, cycles: int) -> None:
        """Let time pass while the processor is stopped."""
        self._asleep += cycles
        self._counter.sooner(cycles)

    def request_reset(self, cause: str) -> None:
        """Reset at the next basic block."""
        self._cause = cause
        self._counter.stop()

    def attend(self) -> None:
        """Check for exceptions at the next basic block."""
        self._counter.stop()

    # --- power -------------------------------------------------------------------------

    def power_on(self) -> None:
        """Turn power on: RAM holds noise, flash is unchanged."""
        memory = self.spec.memory
        noise = random.Random(self.cycles).randbytes(memory.ram_size)
        self.processor.write(memory.ram_base, noise)
        self.chip.power_on()
        self.resets.clear()
        self.powered = True
        self._cause = "power"
        self._reset()

    def power_cut(self) -> None:
        """Cut the power at once. `flash.cut_power` plans a cut within a write."""
        self.request_reset("power")
        self.powered = False

    def reset(self, cause: str = "pin") -> None:
        """Press the reset button: everything except RAM and flash is as after power-on."""
        self.request_reset(cause)

    def _reset(self) -> None:
        cause, self._cause = self._cause or "pin", None
        if self.flash.dead:
            self.powered = False
        if not self.powered:
            return
        self.resets.append(cause)
        for device in self.chip.devices.values():
            device.reset()
        self.chip.was_reset(cause)
        self.processor.reset()

    # --- what a test or a port does ----------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes to the board's serial line, for the next `run`."""
        self.serial.feed(data)

    def run(self, seconds: float | None = None) -> bytes:
        """Let the board run.

        Parameters
        ----------
        seconds : float, optional
            Duration in the board's time. Default: until the firmware sleeps and only its clock is
            going to wake it.

        Returns
        -------
        bytes
            The bytes that it sent over the serial line.
        """
        until = NEVER if seconds is None else self.cycles + round(seconds * 1e6 * self.mhz)
        while self.powered and self._go(until) and self._wake(until):
            pass
        sent = bytes(self.serial.sent)
        self.serial.sent.clear()
        return sent

    def _wake(self, until: int) -> bool:
        """Let a sleeping processor's time pass to its next exception; False if that is after ``until``."""
        while True:
            self._move_button()
            self.serial.offer()
            if self._pending():
                return True
            now = self.cycles
            events = [when for when, _ in self._presses]
            if (arrival := self.serial.next_event()) > now:
                events.append(arrival)
            if now < self._tick_until:
                events.append(self.chip.tick.next_event())
            soonest = min([until, *events])
            if now >= until or soonest == NEVER:
                return False
            self._asleep += min(soonest - now, NAP * self.mhz)

    def _move_button(self) -> None:
        while self._presses and self._presses[0][0] <= self.cycles:
            self.chip.hold_button(self._presses.popleft()[1])
            self._tick_until = self.cycles + 1_000_000 * self.mhz

    def press(self, times: int = 1, hold: float = 0.1, pause: float = 0.2) -> None:
        """Press the button ``times`` times, each for ``hold`` seconds, starting now."""
        at = self._presses[-1][0] if self._presses else self.cycles
        for _ in range(times):
            for down, seconds in ((True, pause), (False, hold)):
                at += round(seconds * 1e6 * self.mhz)
                self._presses.append((at, down))

    @property
    def led(self) -> bool:
        """True if the light is on that tells of a question."""
        return self.chip.led

    @property
    def instructions(self) -> int:
        """Instructions executed since the board was created."""
        return self._counter.count

    def profile(self) -> dict[str, int]:
        """Instructions executed so far by function, most first; for an .elf only."""
        done, base, size = self._counter.done, self.spec.memory.flash_base, self.spec.memory.flash_size
        sums = {
            name: int(done[symbol.address - base >> 1 : symbol.address + symbol.size - base + 1 >> 1].sum())
            for name, symbol in self.program.symbols.items()
            if base <= symbol.address < base + size
        }
        return dict(sorted(((n, c) for n, c in sums.items() if c), key=lambda item: -item[1]))

    def entered(self, function: str) -> int:
        """How often ``function`` was called so far."""
        return self._counter.entries(self.program.address(function))

    @property
    def seconds(self) -> float:
        """The board's time since its creation: one cycle per instruction, and sleep."""
        return self.cycles / (self.mhz * 1e6)

    @property
    def stack_used(self) -> int:
        """Largest use of the stack since the last reset in bytes, from the remaining paint."""
        top = self.processor.vector(0)
        base = self.spec.memory.ram_base
        room = self.memory(base, top - base)
        free = 0
        while room[free : free + 4] == PAINT:
            free += 4
        return len(room) - free

    def memory(self, place: int | str, size: int | None = None) -> bytes:
        """Bytes at an address, or of a symbol (whole, without ``size``)."""
        if isinstance(place, str):
            name, place = place, self.program.address(place)
            size = self.program.symbols[name].size if size is None else size
        return self.processor.read(place, size or 0)

    def set_memory(self, place: int | str, data: bytes) -> None:
        """Write RAM."""
        self.processor.write(self.program.address(place) if isinstance(place, str) else place, data)

    def call(self, function: str, *arguments: int) -> int:
        """Call a C function of the firmware while it sleeps.

        Parameters
        ----------
        arguments : up to four numbers or addresses, as 32-bit words.

        Returns
        -------
        int
            The result as an unsigned word (the lower one of a 64-bit result).
        """
        if len(arguments) > 4:
            raise ValueError("a call takes at most four arguments")
        saved = self.processor.call(self.program.address(function), arguments)
        while (end := self.processor.run(NEVER)) is StopReason.STOPPED or self._cause is not None:
            if self._cause is not None:
                self._reset()
                if self.powered:
                    raise EmulatorError(f"{function} restarted the processor")
                raise PowerFailed(f"{function} did not return")
        if end is not StopReason.RETURNED:
            raise EmulatorError(f"{function} was ended {end.value} at {self.processor.pc:#x}")
        return self.processor.restore(saved)
