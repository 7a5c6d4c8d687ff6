"""Two places for a model image: whenever the power fails, the board starts with the old or the new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from firmware_sim import build
from firmware_sim.board_spec import MARKS, SLOTS
from firmware_sim.emulator import EmulatorError, PowerFailed
from odl.core.image import Image
from odl.core.image_layout import HEADER
from odl.wire.messages import Refusal
from tests.helpers.firmware import Make, emulated

MARK = 16
ROOM = 128 * 1024  # of a slot, on every board
PIECE = 512
TEARS = (0, 0xFFFFFFFF, 0x00FF00FF, 0x80000001)
PLACE, STORE, IMAGE = int(Refusal.PLACE), int(Refusal.STORE), int(Refusal.IMAGE)


class Slots:
    """The board's two slots, called from outside."""

    def __init__(self, firmware: build.Firmware) -> None:
        self.board = emulated(firmware)
        base, places = firmware.spec.memory.flash_base, firmware.spec.places
        self.starts = [places[use][0] - base for use in SLOTS]
        self.marks, self.marks_size = places[MARKS][0] - base, places[MARKS][1]
        self.board.run()
        assert self.open() == 0

    def open(self) -> int:
        return self.board.call("board_slots_open", self.board.program.address("session"))

    def in_use(self) -> int:
        return self.board.memory("slot")[0]

    def image(self) -> bytes:
        """The image that the session runs, by what it was opened from."""
        start = self.starts[self.in_use()]
        header = np.frombuffer(self.flash[start : start + HEADER.itemsize].tobytes(), HEADER)[0]
        return bytes(self.flash[start : start + int(header["total_size"])])

    @property
    def flash(self) -> np.ndarray:
        return self.board.flash.memory

    @property
    def steps(self) -> int:
        return self.board.flash.programmed + self.board.flash.erased

    def upload(self, offset: int, data: bytes) -> int:
        self.board.set_memory("piece", data)
        return self.board.call("odl_board_upload", offset, self.board.program.address("piece"), len(data))

    def send(self, data: bytes, until: int | None = None) -> None:
        for offset in range(0, len(data) if until is None else until, PIECE):
            assert self.upload(offset, data[offset : offset + PIECE]) == 0

    def install(self, data: bytes) -> int:
        return self.board.call("odl_board_install", len(data), int.from_bytes(data[4:8], "little"))

    def restart(self) -> int:
        self.board.reset()
        self.board.run()
        return self.open()

    def after_power_cut(self) -> bytes:
        self.board.power_cut()
        self.board.run()
        self.board.power_on()
        self.board.run()
        assert self.open() == 0
        return self.image()


@pytest.fixture(scope="module")
def images(image: Image) -> list[bytes]:
    """The image that is built in, and others of its sizes."""
    return [replace(image, seed=image.seed + n).to_bytes() for n in range(4)]


@pytest.fixture
def make(program: Make) -> Callable[[], Slots]:
    return lambda: Slots(program("parts.c"))


@pytest.fixture
def slots(make: Callable[[], Slots]) -> Slots:
    return make()


def test_a_fresh_board_uses_what_is_built_in(program: Make, compiler: str, images: list[bytes]) -> None:
    slots = Slots(program("parts.c", compiler))
    assert (slots.in_use(), slots.image()) == (0, images[0])
    assert slots.after_power_cut() == images[0]


def test_images_take_turns(program: Make, compiler: str, images: list[bytes]) -> None:
    slots = Slots(program("parts.c", compiler))
    for turn, data in enumerate((images[1], images[2], images[3], images[0], images[2])):
        slots.send(data)
        assert slots.install(data) == 0
        assert slots.restart() == 0
        assert (slots.in_use(), slots.image()) == (1 - turn % 2, data)
        assert slots.after_power_cut() == data


def test_the_same_twice_is_done_once(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    before = slots.steps
    slots.send(images[1])
    assert slots.steps == before
    assert slots.install(images[1]) == 0
    assert slots.install(images[1]) == 0
    assert slots.restart() == 0
    before = slots.steps
    assert slots.install(images[1]) == 0  # in use already
    assert slots.steps == before
    slots.board.call("board_slots_settle")  # so there is nothing to start afresh for


def test_it_starts_afresh_with_what_was_installed(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    slots.board.call("board_slots_settle")
    assert slots.install(images[1]) == 0
    with pytest.raises(EmulatorError, match="restarted"):
        slots.board.call("board_slots_settle")
    assert slots.board.resets[-1] == "software"
    assert slots.after_power_cut() == images[1]


def test_another_image_begins_with_an_erased_slot(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1], 8 * PIECE)
    erased = slots.board.flash.erased
    slots.send(images[2])
    assert slots.board.flash.erased == erased + 1
    assert slots.install(images[2]) == 0


def test_bytes_that_do_not_fit_over_others_are_refused(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    at = 4 * PIECE
    other = bytes(255 - byte for byte in images[1][at : at + PIECE])
    assert slots.upload(at, other) == STORE
    slots.send(images[1])
    assert slots.install(images[1]) == 0


@pytest.mark.parametrize("size", [PIECE, 1, 3, 5])
def test_zeros_over_uploaded_bytes_are_refused(slots: Slots, images: list[bytes], size: int) -> None:
    """The flash takes them, because they only clear bits, and the image would be spoilt."""
    new = images[1]
    slots.send(new)
    at = next(at for at in range(PIECE, len(new), 4) if any(new[at : at + size]))
    assert slots.upload(at, bytes(size)) == STORE
    slots.send(new)  # the rest is erased with the next upload of the same
    assert slots.install(new) == 0


def test_parts_of_other_sizes_carry_the_same_image(slots: Slots, images: list[bytes]) -> None:
    """Frames of any size, sent repeatedly, some of which end within a word."""
    new = images[1]
    for at, size in ((0, 101), (100, 203), (100, 60), (0, 303), (300, len(new) - 300), (300, 41)):
        assert slots.upload(at, new[at : at + size]) == 0
    assert slots.install(new) == 0


@pytest.mark.parametrize("bits", [1, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("piece", [0, 1, 20])
def test_a_word_that_went_wrong_goes_with_the_next_upload_of_the_same(
    slots: Slots, images: list[bytes], piece: int, bits: int
) -> None:
    at = piece * PIECE + 8
    while int.from_bytes(images[1][at : at + 4], "little") & bits == 0:
        at += 4
    slots.board.flash.spoilt[slots.starts[1] + at] = bits
    at -= at % PIECE
    slots.send(images[1], at)
    for _ in range(2 if piece else 1):  # sending a piece in the middle again does not mend it
        assert slots.upload(at, images[1][at : at + PIECE]) == STORE
    erased = slots.board.flash.erased
    slots.send(images[1])
    assert slots.board.flash.erased > erased
    steps = slots.steps
    slots.send(images[1])
    assert slots.steps == steps
    assert slots.install(images[1]) == 0
    assert slots.after_power_cut() == images[1]


def test_a_word_that_was_disturbed_later_goes_too(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    slots.flash[slots.starts[1] + 1000 : slots.starts[1] + 1004] = 0
    assert slots.install(images[1]) == IMAGE
    assert slots.upload(0, images[1][:PIECE]) == 0
    assert slots.upload(PIECE, images[1][PIECE : 2 * PIECE]) == STORE
    slots.send(images[1])
    assert slots.install(images[1]) == 0


@pytest.mark.parametrize("tear", [0, 4, PIECE, ROOM // 2])
@pytest.mark.parametrize("cut", [0, 1, 200])
def test_a_power_cut_while_a_spoilt_upload_begins_again(
    slots: Slots, images: list[bytes], cut: int, tear: int
) -> None:
    slots.send(images[1])
    slots.flash[slots.starts[1] + 1000 : slots.starts[1] + 1004] = 0
    assert slots.upload(PIECE, images[1][PIECE : 2 * PIECE]) == STORE
    slots.board.flash.cut_power(cut, tear)
    with pytest.raises(PowerFailed):
        slots.send(images[1])
    assert slots.after_power_cut() == images[0]
    if slots.upload(PIECE, images[1][PIECE : 2 * PIECE]) != 0:  # as a host meets it, that begins again
        slots.send(images[1])
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    assert slots.after_power_cut() == images[1]


@pytest.mark.parametrize("offset, size", [(2, 4), (ROOM + 4, 0), (ROOM - 4, 8), (0xFFFFFFFC, 8), (ROOM, 4)])
def test_nothing_is_written_outside_a_slot(slots: Slots, offset: int, size: int) -> None:
    before = slots.flash.copy()
    assert slots.upload(offset, bytes(size)) == PLACE
    assert np.array_equal(before, slots.flash)


def test_the_slot_in_use_is_never_touched(slots: Slots, images: list[bytes]) -> None:
    assert slots.upload(ROOM - 4, b"last") == 0
    slots.send(images[1])
    assert bytes(slots.flash[slots.starts[0] : slots.starts[0] + ROOM]).rstrip(b"\xff") == images[0].rstrip(
        b"\xff"
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_upload_is_not_installed(slots: Slots, images: list[bytes], seed: int) -> None:
    rng = np.random.default_rng(seed)
    hurt = bytearray(images[1])
    hurt[int(rng.integers(8, len(hurt)))] ^= 1 << int(rng.integers(8))
    slots.send(bytes(hurt))
    assert slots.install(images[1]) == IMAGE
    assert slots.restart() == 0
    assert slots.image() == images[0]


def test_what_this_firmware_cannot_run_is_not_installed(slots: Slots, image: Image) -> None:
    cases = [
        replace(image, max_pending=image.max_pending - 1),
        replace(image, max_rows=image.max_rows - 1),
        replace(image, max_log=image.max_log + 1),
        replace(image, stored=np.tile(image.stored, (3, 1)), owners=np.tile(image.owners, 3)),
    ]
    for other in cases:
        data = other.to_bytes()
        slots.send(data)
        assert slots.install(data) == IMAGE
    assert slots.install(b"ODLM" + b"\xff\xff\xff\xff") == IMAGE
    assert slots.board.call("odl_board_install", 0xFFFFFFFF, 0xFFFFFFFF) == IMAGE
    assert slots.restart() == 0
    assert slots.image() == image.to_bytes()


def test_half_an_image_is_not_installed(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1], 10 * PIECE)
    assert slots.install(images[1]) == IMAGE
    assert slots.after_power_cut() == images[0]


def test_a_check_leaves_the_running_session_alone(slots: Slots, images: list[bytes]) -> None:
    before = slots.board.memory("session")
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    assert slots.board.memory("session") == before


@pytest.mark.parametrize("tear", TEARS)
def test_a_power_cut_at_any_word_of_the_mark(slots: Slots, images: list[bytes], tear: int) -> None:
    slots.send(images[1])
    snapshot = slots.flash.copy()
    start = slots.steps
    assert slots.install(images[1]) == 0
    words = slots.steps - start
    assert words == MARK // 4
    for cut in range(words + 1):
        slots.flash[:] = snapshot
        assert slots.after_power_cut() == images[0]
        slots.board.flash.cut_power(cut, tear)
        if cut < words:
            with pytest.raises(PowerFailed):
                slots.install(images[1])
        else:
            assert slots.install(images[1]) == 0
        found = slots.after_power_cut()
        assert found in (images[0], images[1])
        assert (found == images[1]) == (cut == words or (cut == words - 1 and tear == 0xFFFFFFFF))
        # Whatever the cut left behind, the next one can be installed.
        slots.send(images[2])
        assert slots.install(images[2]) == 0
        assert slots.after_power_cut() == images[2]


@pytest.mark.parametrize("tear", TEARS)
def test_a_power_cut_at_any_word_of_an_upload(slots: Slots, images: list[bytes], tear: int) -> None:
    """Sampled over the whole image, beginning with an erase of the slot that is only half done."""
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    assert slots.after_power_cut() == images[1]  # slot 0 is the one to be overwritten now
    snapshot = slots.flash.copy()
    words = len(images[2]) // 4
    for cut in (0, 1, 2, 3, 100, words // 2, words - 1, words):
        slots.flash[:] = snapshot
        assert slots.after_power_cut() == images[1]
        slots.board.flash.cut_power(cut, tear if cut else tear % ROOM)
        with pytest.raises(PowerFailed):
            slots.send(images[2])
        assert slots.after_power_cut() == images[1]
        slots.upload(0, b"\xff" * 8)  # as a host does before it begins again
        slots.send(images[2])
        assert slots.install(images[2]) == 0
        assert slots.after_power_cut() == images[2]


def test_a_full_sector_of_marks_is_begun_again(make: Callable[[], Slots], images: list[bytes]) -> None:
    slots = make()
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    first = slots.flash[slots.marks : slots.marks + MARK].copy()
    for place in range(slots.marks, slots.marks + slots.marks_size, MARK):
        slots.flash[place : place + MARK] = first
    assert slots.after_power_cut() == images[1]
    slots.send(images[2])
    snapshot = slots.flash.copy()
    for cut in range(7):
        for tear in (0, 5000, 0x4000):
            slots.flash[:] = snapshot
            assert slots.after_power_cut() == images[1]
            slots.board.flash.cut_power(cut, tear)
            if cut < 5:
                with pytest.raises(PowerFailed):
                    slots.install(images[2])
                assert slots.after_power_cut() in (images[1], images[2])
            else:
                assert slots.install(images[2]) == 0
                assert slots.after_power_cut() == images[2]


def test_a_new_firmware_starts_with_its_own_image(
    slots: Slots, program: Make, image: Image, images: list[bytes]
) -> None:
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    assert slots.after_power_cut() == images[1]
    built = program("parts.c")
    slots.board.flash.load(built.program.flash)  # as the ST-LINK does, from the first byte on
    assert slots.after_power_cut() == images[0]


def test_marks_of_another_firmware_do_not_count(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    slots.flash[slots.marks] ^= 1  # the image that was built in, as the mark names it
    assert slots.after_power_cut() == images[0]


@pytest.mark.parametrize("hurt", [0, 1])
def test_where_one_image_is_damaged_the_other_is_used(slots: Slots, images: list[bytes], hurt: int) -> None:
    slots.send(images[1])
    assert slots.install(images[1]) == 0
    assert slots.after_power_cut() == images[1]
    slots.flash[slots.starts[hurt] + 1000] ^= 4
    assert slots.after_power_cut() == images[1 - hurt]


def test_without_any_image_it_says_so(slots: Slots) -> None:
    for start in slots.starts:
        slots.flash[start : start + ROOM] = 0xFF
    assert slots.restart() != 0


def test_a_controller_that_never_finishes_is_given_up(slots: Slots, images: list[bytes]) -> None:
    slots.send(images[1])
    slots.board.flash.stuck = True
    before = slots.board.seconds
    assert slots.install(images[1]) == STORE
    assert slots.upload(0, images[2][:PIECE]) == STORE
    assert slots.board.seconds - before < 16  # each within the watchdog's patience
