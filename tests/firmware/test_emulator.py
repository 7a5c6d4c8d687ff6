"""The emulator: exact counts, exceptions that leave no trace, the same run every time."""

from __future__ import annotations

import pytest

from firmware_sim import elf
from firmware_sim.board_spec import spec_of
from firmware_sim.elf import ElfError
from firmware_sim.emulator import Emulator, EmulatorError
from firmware_sim.qemu import QemuBoard
from tests.helpers.firmware import ONLY_NUCLEO, Make, emulated, need

pytestmark = ONLY_NUCLEO  # the processor is measured with its timer and SysTick

MEASURE, QUIET, FLAGS = b"\x0b", b"\x0c", b"\x0d"


def work(n: int) -> int:
    """What ``work`` of echo.c computes."""
    state, total, table = 88172645463325252, 0, [0] * 16
    for _ in range(n):
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        table[state & 15] += state >> 40
        table[state & 15] &= 0xFFFFFFFF
        if state & 64:
            total = total + table[state >> 5 & 15] & 0xFFFFFFFF
        else:
            total ^= state & 0xFFFFFFFF
    return total


def numbers(answer: bytes) -> list[int]:
    return [int(answer[i : i + 8], 16) for i in range(0, len(answer), 8)]


def test_interrupts_leave_no_trace(program: Make, compiler: str) -> None:
    """The same work with a tick every 1000 to 1100 cycles, so at ever other places, and with none."""
    expected = work(20000)
    for period in (0, 997, 1009, 1103):
        board = emulated(program("echo.c measure.c", compiler))
        board.run()
        board.core.write(0x10, 0)
        if period:
            board.core.write(0x14, period - 1)
            board.core.write(0x10, 7)
        board.write(MEASURE)
        cycles, result = numbers(board.run())
        assert result == expected
        board.write(FLAGS)
        assert numbers(board.run()) == [30000]
        if period:
            ticks = board.profile()["board_systick"]
            assert ticks > cycles / period  # at least an instruction each: they were taken


def test_a_handler_finds_the_frame_that_the_manual_describes(program: Make) -> None:
    board = emulated(program("echo.c measure.c"))
    board.run()
    seen = []
    processor = board.processor
    enter = processor.enter

    def watch(exception: int) -> None:
        *before, sp = processor._frame.read()
        enter(exception)
        *_, frame = processor._frame.read()
        words = [int.from_bytes(board.memory(frame + 4 * i, 4), "little") for i in range(8)]
        seen.append(exception)
        assert words[:6] == before[:6]  # r0 to r3, r12, lr
        assert words[6] == before[6] & ~1
        assert words[7] >> 24 & 1  # Thumb
        assert frame % 8 == 0
        assert sp - frame == 32 + 4 * (words[7] >> 9 & 1)
        assert processor._entry.read() == [frame, 0xFFFFFFF9]

    processor.enter = watch  # type: ignore[method-assign]
    board.write(b"hello")
    assert board.run() == b"hello"
    assert 54 in seen
    board.run(0.1)
    assert 15 in seen


def test_every_run_is_the_same_run(program: Make) -> None:
    boards = [emulated(program("echo.c measure.c")) for _ in range(2)]
    for board in boards:
        board.run()
        board.write(bytes(range(32, 127)) + MEASURE)
        board.run(0.25)
    assert boards[0].instructions == boards[1].instructions
    assert boards[0].seconds == boards[1].seconds


def test_instructions_are_counted_as_qemu_counts_them(program: Make, compiler: str) -> None:
    """QEMU with -icount makes a tick of its timer of every instruction; ours counts whole blocks."""
    need("qemu-system-arm")
    built = program("echo.c measure.c", compiler)
    board = emulated(built)
    board.run()
    board.write(QUIET + MEASURE)
    ours, result = numbers(board.run())
    with QemuBoard(built.elf, count_instructions=True) as qemu:
        assert qemu.read_until(lambda said: said == b"up", limit=60.0) == b"up"
        qemu.write(QUIET + MEASURE)
        answer = qemu.read_until(lambda said: len(said) == 16, limit=60.0)
    theirs, same = numbers(answer)
    assert result == same
    assert ours > 400_000
    assert abs(ours - theirs) <= 20, (ours, theirs)


def test_functions_can_be_called_and_counted(program: Make) -> None:
    board = emulated(program("echo.c measure.c"))
    board.run()
    before = board.instructions
    assert board.call("work", 100) == work(100)
    assert board.profile()["work"] == board.instructions - before
    with pytest.raises(EmulatorError, match="board_idle was ended at WFI"):
        board.call("board_idle")
    with pytest.raises(EmulatorError, match="restarted the processor"):
        board.call("board_restart")


def test_it_runs_as_long_as_it_is_told(program: Make) -> None:
    board = emulated(program("echo.c measure.c"))
    for seconds in (0.001, 0.5, 3.0):
        before = board.seconds
        board.run(seconds)
        assert seconds <= board.seconds - before < seconds + 0.0001


def test_an_elf_for_another_machine_is_refused(program: Make) -> None:
    data = bytearray(program("echo.c measure.c").elf)
    data[18] = 62  # x86-64
    with pytest.raises(ElfError, match="not a linked ARM program"):
        elf.read(bytes(data), spec_of("nucleo_f401re").memory)


def test_a_symbol_that_is_not_there_is_named(program: Make) -> None:
    built = program("echo.c measure.c")
    with pytest.raises(ElfError, match="no symbol 'odl_nothing'"):
        emulated(built).memory("odl_nothing")
    with pytest.raises(ElfError, match=r"a \.bin has none"):
        Emulator(built.bin, board=built.board).program.address("main")
