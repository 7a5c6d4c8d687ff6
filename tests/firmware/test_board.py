"""The board's own code: start-up, time, serial line, button, LED, watchdog, faults."""

from __future__ import annotations

import re

import pytest

from firmware_sim import BOARDS
from firmware_sim.emulator import Emulator, EmulatorError
from tests.helpers.firmware import ONLY_NUCLEO, Make, emulated

CAUSE, STORE_TO_NOWHERE, HANG, RESTART, WAIT, BUTTON, LED_ON, DEEP, DEEPER, LOST = range(1, 11)
POWER, PIN, SOFTWARE, WATCHDOG, FAULT = range(1, 6)


def order(board: Emulator, command: int) -> list[int]:
    """The numbers that the echo program answers a command with."""
    board.write(bytes([command]))
    answer = board.run()
    return [int(answer[i : i + 8], 16) for i in range(0, len(answer), 8)]


@pytest.fixture
def board(program: Make, compiler: str) -> Emulator:
    board = emulated(program("echo.c", compiler))
    assert board.run() == b"up"
    return board


def test_data_is_copied_and_bss_is_zero_whatever_ram_held(board: Emulator) -> None:
    for section, value in (("raw", b"\1"), ("received_in", bytes(4))):
        assert board.memory(section)[: len(value)] == value


def test_what_comes_goes_back(board: Emulator) -> None:
    text = bytes(range(16, 256)) * 40
    board.write(text)
    assert board.run() == text
    assert order(board, LOST) == [0]


def test_elf_and_bin_are_the_same_board(program: Make) -> None:
    built = program("echo.c")
    board = Emulator(built.bin, board=built.board)
    assert board.run() == b"up"
    assert board.program.checksum == built.program.checksum


def test_each_kind_of_reset_is_told_apart(board: Emulator) -> None:
    assert order(board, CAUSE) == [POWER, 0]
    board.reset()
    assert board.run() == b"up"
    assert order(board, CAUSE) == [PIN, 0]
    board.write(bytes([RESTART]))
    assert board.run() == b"up"
    assert order(board, CAUSE) == [SOFTWARE, 0]
    board.power_cut()
    assert board.run() == b""
    board.power_on()
    assert board.run() == b"up"
    assert order(board, CAUSE) == [POWER, 0]


def test_the_watchdog_ends_a_hang_after_eight_seconds(board: Emulator) -> None:
    before = board.seconds
    board.write(bytes([HANG]))
    assert board.run() == b"up"
    assert 8.1 < board.seconds - before < 8.3
    assert order(board, CAUSE) == [WATCHDOG, 0]


def test_the_watchdog_leaves_an_idle_board_alone(board: Emulator) -> None:
    assert board.run(30.0) == b""
    assert board.resets == ["power"]


def test_a_fault_restarts_and_is_found_again(board: Emulator) -> None:
    board.write(bytes([STORE_TO_NOWHERE]))
    assert board.run() == b"up"
    cause, address = order(board, CAUSE)
    symbols = board.program.symbols.values()
    inside = [s for s in symbols if s.size and s.address <= address < s.address + s.size]
    assert cause == FAULT
    assert inside  # the address is one of code
    assert order(board, CAUSE)[0] == FAULT  # until the next start
    board.reset()
    assert board.run() == b"up"
    assert order(board, CAUSE) == [PIN, 0]


def test_running_out_of_stack_is_a_fault_and_spoils_no_data(board: Emulator) -> None:
    board.write(bytes([DEEPER]))
    assert board.run() == b"up"
    assert order(board, CAUSE)[0] == FAULT


def test_stack_use_is_read_off_the_paint(board: Emulator) -> None:
    before = board.stack_used
    assert order(board, DEEP) == [4 + 3 + 2 + 1]
    assert board.stack_used - before >= 2 * 16 * 4  # some of the five frames, with an array each


def test_time_passes_as_waited(board: Emulator) -> None:
    (waited,) = order(board, WAIT)
    assert 1000 <= waited <= 1003


def test_what_gets_a_clock_is_not_written_at_once() -> None:
    """The chip ignores it, and no emulator does."""
    switched = 0
    for path in sorted(BOARDS["nucleo_f401re"].glob("*.c")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for line, following in zip(lines, lines[1:], strict=False):
            if re.search(r"RCC_A[HP]B1ENR \|=", line):
                switched += 1
                assert re.search(r"RCC_A[HP]B1ENR \|=|AFTER_CLOCK_ON\(\);", following), (path.name, line)
    assert switched >= 6


@ONLY_NUCLEO
def test_a_clock_without_pll_is_not_waited_for(program: Make) -> None:
    board = emulated(program("echo.c"))
    board.chip.clocks.pll_works = False
    assert board.run() == b"up"
    assert board.seconds < 0.01
    assert board.serial.words[0x08] == round(16_000_000 / 115200)


@pytest.mark.parametrize(
    ("times", "hold", "pattern"), [(1, 0.1, [1, 0]), (2, 0.1, [2, 0]), (3, 0.05, [3, 0]), (1, 1.0, [1, 1])]
)
def test_press_patterns_are_counted(board: Emulator, times: int, hold: float, pattern: list[int]) -> None:
    board.run(0.1)  # seen released
    board.press(times, hold)
    board.run(3.0)
    assert order(board, BUTTON) == pattern
    assert order(board, BUTTON)[0] == 0  # taken


def test_a_bouncing_or_stuck_button_is_no_press(program: Make) -> None:
    board = emulated(program("echo.c"))
    board.chip.hold_button(True)  # reads pressed from the beginning on
    board.run(3.0)
    assert order(board, BUTTON)[0] == 0
    board.chip.hold_button(False)
    board.run(1.0)
    board.press(5, hold=0.005, pause=0.005)  # shorter than a finger's
    board.run(2.0)
    assert order(board, BUTTON)[0] == 0


def test_the_led_lights(board: Emulator) -> None:
    assert not board.led
    board.write(bytes([LED_ON]))
    board.run()
    assert board.led


def test_a_paced_line_takes_its_time_both_ways(program: Make, compiler: str) -> None:
    board = emulated(program("echo.c", compiler), paced=True)
    assert board.run(0.01) == b"up"
    text = bytes(range(32, 232))
    board.write(text)
    begun = board.seconds
    assert board.run() == text  # the transmit interrupt has sent what the ring held
    assert board.seconds - begun >= len(text) * 10 / 115200
    assert order(board, LOST) == [0]


def test_bytes_that_find_no_room_are_counted(program: Make) -> None:
    board = emulated(program("echo.c"), paced=True)
    board.run(0.01)
    board.write(bytes([WAIT]) * 40 + b"." * 800)  # 40 ms away from the line, that brings 460 bytes
    answer = board.run()
    (lost,) = order(board, LOST)
    assert lost > 0
    assert answer.count(b".") + lost == 800


def test_a_program_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no vector table"):
        Emulator(b"\x7fnot an ELF")


def test_a_fault_without_a_watchdog_is_reported(program: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    built = program("echo.c")
    flash = bytearray(built.bin)
    erased = built.spec.memory.flash_base + len(flash) + 64
    flash[4 * 3 : 4 * 4] = (erased | 1).to_bytes(4, "little")  # a handler there
    board = Emulator(bytes(flash), board=built.board)
    monkeypatch.setattr(board.watchdog, "write", lambda at, value: None)
    board.run()
    board.write(bytes([STORE_TO_NOWHERE]))
    with pytest.raises(EmulatorError, match="lock-up"):
        board.run()
