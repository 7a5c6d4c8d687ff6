"""A NUCLEO-F401RE in this process: Unicorn carries out the instructions, this the rest.

What Unicorn lacks is added here. Interrupts: an exception is entered and left as the ARMv7-M
manual (B1.5.6 to B1.5.8) says, registers stacked in its order with the stack aligned to 8,
between two basic blocks. Time: instructions are counted natively, each taken as a cycle of 84 MHz,
and passes by itself while the processor sleeps; every run is the same run. Faults: what Unicorn
refuses becomes a HardFault.
"""

from __future__ import annotations

import ctypes
import random
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_WRITE_PROT, UC_MODE_MCLASS, UC_MODE_THUMB
from unicorn import UC_PROT_EXEC, UC_PROT_READ, Uc, UcError
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import MMIO_READ_CFUNC, MMIO_WRITE_CFUNC, uclib

from firmware_sim import elf
from firmware_sim.counter import NEVER, Counter
from firmware_sim.flash import Flash
from firmware_sim.peripherals import MHZ, Clocks, Core, Device, Pins, Serial, Timer, Watchdog
from firmware_sim.sensor import I2C, Sensor

RETURN: Final = 0xFFFFFFF8  # what a handler jumps to: EXC_RETURN without its Thumb bit
NOWHERE: Final = 0xFFFFFFFF  # where emulation is not to end
HARD_FAULT: Final = 3
PAINT: Final = b"\xc5\xc5\xc5\xc5"
IN_IT_BLOCK: Final = 0x0600FC00  # bits of the status register
NAP: Final = 20_000 * MHZ  # cycles that a sleeping processor is let sleep at most
_WORDS: Final = struct.Struct("<8I")
_FRAME: Final = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3,
                 arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR,
                 arm.UC_ARM_REG_SP)  # fmt: skip


class Registers:
    """Some registers of a processor, read or written in one call: interrupts need them often."""

    def __init__(self, uc: Any, numbers: Sequence[int]) -> None:
        self._uc, self._count = uc, ctypes.c_int(len(numbers))
        self._numbers = (ctypes.c_int * len(numbers))(*numbers)
        self.values = (ctypes.c_uint64 * len(numbers))()
        base = ctypes.addressof(self.values)
        self._places = (ctypes.c_void_p * len(numbers))(*(base + 8 * i for i in range(len(numbers))))

    def read(self) -> list[int]:
        """Their values."""
        uclib.uc_reg_read_batch(self._uc._uch, self._numbers, self._places, self._count)
        return list(self.values)

    def write(self, values: Sequence[int]) -> None:
        """Set them."""
        self.values[:] = values
        uclib.uc_reg_write_batch(self._uc._uch, self._numbers, self._places, self._count)


class EmulatorError(RuntimeError):
    """The firmware did something from which no processor comes back."""


class PowerFailed(EmulatorError):
    """The power failed during a call."""


class Emulator:
    """A board with ``firmware`` in its flash, powered.

    Parameters
    ----------
    firmware : bytes
        The .elf or the .bin.
    sensor : Sensor, optional
        An LSM6DSO on the I2C bus; without one nothing answers there.
    paced : bool
        Serial bytes take their time at 115200 baud. Otherwise the line is as fast as the
        firmware and loses nothing.

    Attributes
    ----------
    resets : list of str
        Why the processor was reset since power came on, in order.

    Examples
    --------
    The whole life of a board::

        board = Emulator(Path("firmware.elf").read_bytes())
        board.run()                      # starts up, comes to rest
        board.write(frame); answer = board.run()
        board.power_cut()
    """

    def __init__(self, firmware: bytes, sensor: Sensor | None = None, paced: bool = False) -> None:
        self.program = elf.read(firmware)
        self.resets: list[str] = []
        self._asleep = 0  # cycles that no instruction took
        self._cause: str | None = None
        self._handling = self._pc = 0
        self._error: BaseException | None = None
        self._kept: list[Any] = []
        self._retry = False
        self._counter = Counter()
        self.clocks, self.core, self.timer = Clocks(self), Core(self), Timer(self)
        self.serial, self.watchdog = Serial(self, paced), Watchdog(self)
        self.port_a, self.port_b, self.port_c = Pins(self), Pins(self), Pins(self)
        self.i2c = I2C(self, sensor)
        self.flash = Flash(self, self._counter.flash)
        self._presses: deque[tuple[int, bool]] = deque()  # when, and whether down
        self._tick_until = 0
        self.powered = False
        self._devices: dict[int, Device] = {
            0x40000000: self.timer, 0x40003000: self.watchdog, 0x40004400: self.serial,
            0x40005400: self.i2c, 0x40007000: Device(self), 0x40020000: self.port_a,
            0x40020400: self.port_b, 0x40020800: self.port_c, 0x40023800: self.clocks,
            0x40023C00: self.flash, 0xE000E000: self.core,
        }  # fmt: skip
        self._timed = (self.core, self.serial, self.watchdog)
        self.flash.load(self.program.flash)
        self._counter.forget_code()
        self._uc = self._new_processor()
        self._frame = Registers(self._uc, _FRAME)
        self._entry = Registers(self._uc, (arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR))
        self._masks = Registers(self._uc, (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_XPSR))
        self.power_on()

    # --- the processor -----------------------------------------------------------------

    def _new_processor(self) -> Any:
        uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        flash = self._counter.flash
        uc.mem_map_ptr(elf.FLASH_BASE, elf.FLASH_SIZE, UC_PROT_READ | UC_PROT_EXEC, flash.ctypes.data)
        uc.mem_map(elf.RAM_BASE, elf.RAM_SIZE)
        for base, size in ((0x40000000, 0x8000), (0x40020000, 0x4000), (0xE000E000, 0x1000)):
            self._map_registers(uc, base, size)
        uc.hook_add(UC_HOOK_MEM_WRITE_PROT, self._flash_store)
        self._counter.attach(uc)
        return uc

    def _map_registers(self, uc: Any, base: int, size: int) -> None:
        """Registers at ``base``. Unicorn's own wrapper around these two costs as much as they do."""
        bits = 12 if base == 0xE000E000 else 10
        mask = (1 << bits) - 1
        places: list[Device | None] = [None] * (size >> bits)
        for at, device in self._devices.items():
            if base <= at < base + size:
                places[at - base >> bits] = device

        def read(_uc: Any, offset: int, _size: int, _data: Any) -> int:
            try:
                device = places[offset >> bits]
                return device.read(offset & mask) if device else 0
            except BaseException as error:
                return self._broke(error)

        def write(_uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
            try:
                device = places[offset >> bits]
                if device:
                    device.write(offset & mask, value)
            except BaseException as error:
                self._broke(error)

        callbacks = MMIO_READ_CFUNC(read), MMIO_WRITE_CFUNC(write)
        self._kept.append(callbacks)  # for as long as Unicorn may call them
        status = uclib.uc_mmio_map(
            uc._uch, ctypes.c_uint64(base), ctypes.c_size_t(size), callbacks[0], None, callbacks[1], None
        )
        if status:
            raise RuntimeError(f"unicorn refused registers at {base:#x} (error {status})")

    def _broke(self, error: BaseException) -> int:
        """A device raised ``error``: to be raised where the board is run."""
        self._error = self._error or error
        self._counter.stop()
        return 0

    def _flash_store(self, _uc: Any, _access: int, address: int, size: int, value: int, _data: Any) -> bool:
        at = address - elf.FLASH_BASE
        if not 0 <= at < elf.FLASH_SIZE:
            return False
        self.flash.store(at, size, value)
        return True

    def _enter(self, exception: int) -> None:
        """Exception entry: stack eight words, go to the handler."""
        *registers, sp = self._frame.read()
        registers[6] = self._pc
        frame = (sp - 32) & ~7
        registers[7] = registers[7] & ~(0x1FF | 1 << 9) | 1 << 24 | (1 << 9 if (sp - 32) & 4 else 0)
        try:
            self._uc.mem_write(frame, _WORDS.pack(*registers))
        except UcError:
            pass  # no stack left; the handler of a fault must do without
        vector = int.from_bytes(self.flash.memory[4 * exception : 4 * exception + 4].tobytes(), "little")
        if not vector & 1:
            raise EmulatorError(f"exception {exception} has no handler")
        self._pc = vector & ~1
        self._entry.write((frame, RETURN | 1))
        self._handling = exception
        self.core.taken(exception)

    def _leave(self) -> None:
        """Exception return: everything back as it was."""
        sp = self._frame.read()[8]
        words = _WORDS.unpack(self._uc.mem_read(sp, 32))
        status = words[7] & ~(1 << 9)
        self._frame.write((*words[:7], status, sp + (36 if words[7] & 1 << 9 else 32)))
        self._pc = words[6]
        self._handling = 0

    def _due(self) -> int:
        """The exception to take now; 0 if there is none, or it may not be taken yet."""
        exception = self._pending()
        if exception:
            masked, status = self._masks.read()
            if masked & 1 or status & IN_IT_BLOCK:
                self._retry = True
                return 0
        return exception

    def _pending(self) -> int:
        exception = self.serial.pending()
        if exception and self.core.enabled(exception):
            return exception
        return self.core.pending()

    def _go(self, until: int) -> bool:
        """Run up to time ``until``; whether the firmware went to sleep before it."""
        while True:
            if self._cause is not None:
                self._reset()
                if not self.powered:
                    return False
            self._retry = False
            if not self._handling:
                exception = self._due()
                if exception:
                    self._enter(exception)
            now = self.cycles
            if now >= self.watchdog.deadline:
                self.request_reset("watchdog")
                continue
            if now >= until and not self._handling:
                return False
            soonest = self.watchdog.deadline
            if not self._handling:
                soonest = min(until, *(device.next_event() for device in self._timed))
            count = self._counter.count  # at least one block, or time would stand still
            self._counter.until(count + 1 if self._retry else max(count + 1, soonest - self._asleep))
            if self._run_blocks():
                return True

    def _run_blocks(self) -> bool:
        """Run until the counter stops it or the processor sleeps; whether it sleeps."""
        fault: UcError | None = None
        try:
            self._uc.emu_start(self._pc | 1, NOWHERE)
        except UcError as error:
            fault = error
        self._after()
        self._pc = pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        if self._handling and pc & ~1 == RETURN:  # Unicorn knows no handler mode and finds no code there
            self._leave()
            return False
        if fault is not None:
            if self._handling == HARD_FAULT:
                self._lock_up(pc)
            else:
                self._enter(HARD_FAULT)
            return False
        if self._counter.take_stop() or self._cause is not None:
            return False
        if self._handling:
            raise EmulatorError("the firmware sleeps in an exception handler")
        return True

    def _after(self) -> None:
        """What must be put right each time that Unicorn stops."""
        self.flash.settle()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _lock_up(self, pc: int) -> None:
        """A fault within the fault handler: the processor stands still until the watchdog bites."""
        if self.watchdog.deadline == NEVER:
            raise EmulatorError(f"lock-up: a fault within the fault handler at {pc:#x}, and no watchdog")
        self._asleep += max(0, self.watchdog.deadline - self.cycles)

    # --- for the devices ---------------------------------------------------------------

    @property
    def cycles(self) -> int:
        """Cycles of 84 MHz since power came on."""
        return self._counter.count + self._asleep

    def skip(self, cycles: int) -> None:
        """Let time pass while the processor stands still."""
        self._asleep += cycles
        self._counter.sooner(cycles)

    def request_reset(self, cause: str) -> None:
        """Reset at the next basic block."""
        self._cause = cause
        self._counter.stop()

    def attend(self) -> None:
        """Look for exceptions at the next basic block."""
        self._counter.stop()

    # --- power -------------------------------------------------------------------------

    def power_on(self) -> None:
        """Power comes on: RAM holds anything, flash what it held."""
        noise = random.Random(self.cycles).randbytes(elf.RAM_SIZE)
        self._uc.mem_write(elf.RAM_BASE, noise)
        self.flash.power_on()
        self.i2c.power_on()
        self.resets.clear()
        self.powered = True
        self._cause = "power"
        self._reset()

    def power_cut(self) -> None:
        """Power goes, at once. `flash.cut_power` plans it for a moment within a write."""
        self.request_reset("power")
        self.powered = False

    def reset(self, cause: str = "pin") -> None:
        """The reset button: everything but RAM and flash as after power came on."""
        self.request_reset(cause)

    def _reset(self) -> None:
        cause, self._cause = self._cause or "pin", None
        self._counter.take_stop()
        if self.flash.dead:
            self.powered = False
        if not self.powered:
            return
        self.resets.append(cause)
        for device in self._devices.values():
            device.reset()
        self.clocks.flags |= self.clocks.FLAGS[cause]
        self._handling = 0
        stack, start = (int.from_bytes(self.flash.memory[i : i + 4].tobytes(), "little") for i in (0, 4))
        self._masks.write((0, 1 << 24))
        self._entry.write((stack, 0xFFFFFFFF))
        self._pc = start & ~1

    # --- what a test or a port does ----------------------------------------------------

    def write(self, data: bytes) -> None:
        """Bytes to the board's serial line; taken in by the next ``run``."""
        self.serial.feed(data)

    def run(self, seconds: float | None = None) -> bytes:
        """Let the board work.

        Parameters
        ----------
        seconds : float, optional
            How long, in the board's time. Without it, until the firmware sleeps and nothing is
            under way to wake it but its clock.

        Returns
        -------
        bytes
            What it sent over the serial line.
        """
        until = NEVER if seconds is None else self.cycles + round(seconds * 1e6 * MHZ)
        while self.powered and self._go(until) and self._wake(until):
            pass
        sent = bytes(self.serial.sent)
        self.serial.sent.clear()
        return sent

    def _wake(self, until: int) -> bool:
        """The processor sleeps: let time pass up to its next exception; False if that is too late."""
        while True:
            self._move_button()
            self.serial.offer()
            if self._pending():
                return True
            now = self.cycles
            events = [e for e in (self.serial.next_event(),) if e > now]
            events += [when for when, _ in self._presses]
            if now < self._tick_until:
                events.append(self.core.next_event())
            soonest = min([until, *events])
            if now >= until or soonest == NEVER:
                return False
            self._asleep += min(soonest - now, NAP)

    def _move_button(self) -> None:
        while self._presses and self._presses[0][0] <= self.cycles:
            down = self._presses.popleft()[1]
            self.port_c.inputs = self.port_c.inputs & ~(1 << 13) | (0 if down else 1 << 13)
            self._tick_until = self.cycles + 1_000_000 * MHZ

    def press(self, times: int = 1, hold: float = 0.1, pause: float = 0.2) -> None:
        """Press the blue button ``times`` times, each ``hold`` seconds long, from now on."""
        at = self._presses[-1][0] if self._presses else self.cycles
        for _ in range(times):
            for down, seconds in ((True, pause), (False, hold)):
                at += round(seconds * 1e6 * MHZ)
                self._presses.append((at, down))

    @property
    def led(self) -> bool:
        """Whether the green LED is on."""
        return bool(self.port_a.outputs >> 5 & 1)

    @property
    def instructions(self) -> int:
        """Instructions carried out since the board was made."""
        return self._counter.count

    def profile(self) -> dict[str, int]:
        """Instructions carried out so far by each function, most first; for an .elf only."""
        done, base = self._counter.done, elf.FLASH_BASE
        sums = {
            name: int(done[symbol.address - base >> 1 : symbol.address + symbol.size - base + 1 >> 1].sum())
            for name, symbol in self.program.symbols.items()
            if base <= symbol.address < base + elf.FLASH_SIZE
        }
        return dict(sorted(((n, c) for n, c in sums.items() if c), key=lambda item: -item[1]))

    @property
    def seconds(self) -> float:
        """The board's own time since it was made: one cycle an instruction, and its sleep."""
        return self.cycles / (MHZ * 1e6)

    @property
    def stack_used(self) -> int:
        """Bytes of stack that were ever in use since the last reset, by what is left of the paint."""
        top = int.from_bytes(self.flash.memory[:4].tobytes(), "little")
        room = self.memory(elf.RAM_BASE, top - elf.RAM_BASE)
        free = 0
        while room[free : free + 4] == PAINT:
            free += 4
        return len(room) - free

    def memory(self, place: int | str, size: int | None = None) -> bytes:
        """Bytes at an address, or of a symbol (whole, without ``size``)."""
        if isinstance(place, str):
            name, place = place, self.program.address(place)
            size = self.program.symbols[name].size if size is None else size
        return bytes(self._uc.mem_read(place, size or 0))

    def set_memory(self, place: int | str, data: bytes) -> None:
        """Write RAM."""
        self._uc.mem_write(self.program.address(place) if isinstance(place, str) else place, data)

    def call(self, function: str, *arguments: int) -> int:
        """Call a C function of the firmware while the board is at rest.

        Parameters
        ----------
        arguments : up to four numbers or addresses, as 32-bit words.

        Returns
        -------
        int
            What it returned, as an unsigned word (the lower one of a 64-bit result).
        """
        if len(arguments) > 4:
            raise ValueError("at most four arguments travel in registers")
        saved = self._frame.read()
        for register, value in zip(_FRAME, arguments, strict=False):
            self._uc.reg_write(register, value & 0xFFFFFFFF)
        self._uc.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        resting, self._pc = self._pc, self.program.address(function)
        while not self._returned(function):
            if self._cause is not None:
                self._reset()
                raise PowerFailed(f"{function} did not return") if not self.powered else EmulatorError(
                    f"{function} restarted the processor"
                )
        result = self._uc.reg_read(arm.UC_ARM_REG_R0)
        self._frame.write(saved)
        self._pc = resting
        return int(result)

    def _returned(self, function: str) -> bool:
        """Go on with a called function; False if a device stopped it on the way."""
        fault: UcError | None = None
        self._counter.until(NEVER)
        try:
            self._uc.emu_start(self._pc | 1, NOWHERE)
        except UcError as error:
            fault = error
        self._after()
        self._pc = pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        if pc & ~1 == RETURN:
            return True
        if fault is not None:
            raise EmulatorError(f"{function} faulted at {pc:#x}: {fault}")
        if not self._counter.take_stop() and self._cause is None:
            raise EmulatorError(f"{function} fell asleep at {pc:#x}")
        return False
