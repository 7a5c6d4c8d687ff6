"""The label log in flash: what was committed is there after any power cut, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from firmware_sim.board_spec import LOGS
from firmware_sim.emulator import Emulator, PowerFailed
from odl.core.image import Image
from odl.core.state import Entry, log_dtype
from tests.helpers.firmware import ONLY_NUCLEO, Make, emulated

MODEL = 0x12345678  # an image's checksum
NOTHING = 0xFFFFFFFF  # -1
TEARS = (0, 0xFFFFFFFF, 0x00FF00FF, 0x80000001)


class Log:
    """The board's log, called from outside. ``entries`` is what ought to be in it."""

    def __init__(self, board: Emulator, image: Image) -> None:
        self.board, self.dtype = board, log_dtype(image.features)
        self.capacity = image.max_log
        self.base = board.spec.memory.flash_base
        unit = min(board.spec.units)
        # A bank may have several pages, which are erased one by one.
        self.units = 1 if board.spec.places[LOGS[0]][1] > board.spec.log_bank else board.spec.log_bank // unit
        self.banks = [board.spec.places[use][0] - self.base for use in LOGS]
        board.run()

    def open(self, model: int = MODEL) -> int:
        return self.board.call("board_log_open", model)

    def entry(self, number: int, kind: Entry = Entry.LABEL) -> bytes:
        rng = np.random.default_rng(number)
        entry = np.zeros(1, self.dtype)
        entry["window"], entry["order"] = 64 * number, number + 1
        entry["kind"], entry["cls"], entry["head"] = kind, number % 7, 0
        entry["features"] = rng.integers(0, 256, entry["features"].shape)
        return entry.tobytes()

    def append(self, entry: bytes) -> int:
        self.board.set_memory("given", entry)
        return self.board.call("odl_log_append", self.board.program.address("given"))

    def remove(self, index: int) -> int:
        return self.board.call("odl_log_remove", index)

    @property
    def places(self) -> int:
        """Records for which a bank has room."""
        return (self.board.spec.log_bank - 32) // (self.dtype.itemsize + 8)

    def in_use(self) -> int:
        """Where the bank begins that holds something."""
        return self.banks[1] if self.board.flash.memory[self.banks[1]] != 0xFF else self.banks[0]

    def at(self, index: int) -> bytes:
        return self.board.memory(self.board.call("odl_log_at", index), self.dtype.itemsize)

    def read(self, count: int) -> list[bytes]:
        return [self.at(i) for i in range(count)]

    def after_power_cut(self) -> list[bytes]:
        """Power off and on; what the log then holds."""
        self.board.power_cut()
        self.board.run()
        self.board.power_on()
        self.board.run()
        return self.read(self.open())


@pytest.fixture
def make(program: Make, image: Image) -> Callable[[], Log]:
    return lambda: Log(emulated(program("parts.c")), image)


@pytest.fixture
def log(make: Callable[[], Log]) -> Log:
    log = make()
    assert log.open() == 0
    return log


def test_entries_outlive_resets_and_power_cuts(program: Make, compiler: str, image: Image) -> None:
    log = Log(emulated(program("parts.c", compiler)), image)
    assert log.open() == 0
    entries = [log.entry(i, kind) for i, kind in enumerate([Entry.CLASS, *[Entry.LABEL] * 6, Entry.SPLIT])]
    assert [log.append(entry) for entry in entries] == [0] * len(entries)
    assert log.read(len(entries)) == entries
    log.board.reset()
    log.board.run()
    assert log.read(log.open()) == entries
    assert log.after_power_cut() == entries


def test_the_word_that_makes_a_record_count_is_written_last(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []
    store = log.board.flash.store
    monkeypatch.setattr(
        log.board.processor, "_store", lambda at, size, value: (places.append(at), store(at, size, value))
    )
    log.append(log.entry(0))
    assert places == sorted(places)
    assert len(places) == log.dtype.itemsize // 4 + 2


@ONLY_NUCLEO
def test_the_controller_is_left_locked_and_without_errors(log: Log) -> None:
    log.append(log.entry(0))
    assert log.board.flash.read(0x10) == 1 << 31
    assert log.board.flash.read(0x0C) == 0


def test_a_stray_store_to_flash_changes_nothing(log: Log) -> None:
    before = log.board.flash.memory.copy()
    log.board.call("memset", log.base + log.banks[0], 0, 64)
    assert np.array_equal(before, log.board.flash.memory)
    assert log.append(log.entry(1)) == 0  # errors of the past are no errors of this one
    assert log.after_power_cut() == [log.entry(1)]


@pytest.mark.parametrize("tear", TEARS)
def test_a_power_cut_at_any_word_of_an_append(make: Callable[[], Log], tear: int) -> None:
    log = make()
    log.open()
    first, second, third = (log.entry(i) for i in range(3))
    assert log.append(first) == 0
    start = log.board.flash.programmed
    assert log.append(second) == 0
    words = log.board.flash.programmed - start
    kept = [first, second]
    snapshot = log.board.flash.memory.copy()
    outcomes = set()
    for cut in range(words + 1):
        log.board.flash.memory[:] = snapshot
        log.board.power_cut()
        log.board.run()
        log.board.power_on()
        log.board.run()
        assert log.open() == 2
        log.board.flash.cut_power(cut, tear)
        if cut < words:
            with pytest.raises(PowerFailed):
                log.append(third)
        else:
            assert log.append(third) == 0
        found = log.after_power_cut()
        assert found in (kept, [*kept, third])
        # All of it is there only once its last word is.
        assert (len(found) == 3) == (cut == words or (cut == words - 1 and tear == 0xFFFFFFFF))
        outcomes.add(len(found))
        # Whatever the cut left behind, the log goes on.
        fourth = log.entry(9)
        assert log.append(fourth) == 0
        assert log.after_power_cut() == [*found, fourth]
    assert outcomes == {2, 3}


@pytest.mark.parametrize("tear", TEARS)
def test_a_power_cut_while_a_label_is_removed(make: Callable[[], Log], tear: int) -> None:
    log = make()
    log.open()
    entries = [log.entry(i) for i in range(3)]
    for entry in entries:
        log.append(entry)
    log.board.flash.cut_power(0, tear)
    with pytest.raises(PowerFailed):
        log.remove(1)
    left = [entries[0], entries[2]]
    found = log.after_power_cut()
    assert found in (entries, left)
    if found == entries:
        assert log.remove(1) == 0
    assert log.read(2) == left
    assert log.after_power_cut() == left


def test_many_torn_records_are_passed_over_and_cleared_away(make: Callable[[], Log]) -> None:
    log = make()
    log.open()
    kept: list[bytes] = []
    for round_ in range(20):
        log.board.flash.cut_power(round_ % 50, 0xFFFF)
        with pytest.raises(PowerFailed):
            log.append(log.entry(1000 + round_))
        assert log.after_power_cut() == kept
        entry = log.entry(round_)
        assert log.append(entry) == 0
        kept.append(entry)
    assert log.after_power_cut() == kept
    assert log.append(log.entry(50)) == 0
    assert log.after_power_cut() == [*kept, log.entry(50)]


def test_the_log_holds_what_the_image_says(log: Log) -> None:
    entries = [log.entry(i) for i in range(log.capacity)]
    assert [log.append(entry) for entry in entries] == [0] * log.capacity
    assert log.after_power_cut() == entries


def test_a_full_log_refuses(log: Log) -> None:
    for number in range(log.capacity):
        assert log.append(log.entry(number)) == 0
    steps = log.board.flash.programmed
    assert log.append(log.entry(999)) == NOTHING
    assert log.board.flash.programmed == steps
    assert len(log.after_power_cut()) == log.capacity


@pytest.mark.parametrize("which", ["first", "last", "any"])
def test_removing_moves_later_entries_up(log: Log, which: str) -> None:
    rng = np.random.default_rng(3)
    wanted: list[bytes] = []
    for number in range(90):
        if len(wanted) > 6 or (wanted and rng.random() < 0.3):
            place = {"first": 0, "last": len(wanted) - 1, "any": int(rng.integers(len(wanted)))}[which]
            assert log.remove(place) == 0
            del wanted[place]
        wanted.append(log.entry(number))
        assert log.append(wanted[-1]) == 0
        assert log.read(len(wanted)) == wanted
    assert log.after_power_cut() == wanted


def test_only_labels_can_be_removed_so_no_damage_looks_like_it(log: Log) -> None:
    """The bit that removing clears is the only one of a label's kind."""
    assert int(Entry.LABEL) == 1
    entries = [log.entry(0, Entry.CLASS), log.entry(1), log.entry(2, Entry.SPLIT)]
    for entry in entries:
        log.append(entry)
    assert log.remove(1) == 0
    kind = log.dtype.fields["kind"][1]  # type: ignore[index]
    start = int(log.board.call("odl_log_at", 0)) - log.base
    size = log.dtype.itemsize + 8
    assert [log.board.flash.memory[start + n * size + kind] for n in range(3)] == [2, 0, 3]
    log.board.flash.memory[start + 2 * size + kind] = 0  # no label ever: its CRC is that of a split
    assert log.after_power_cut() == entries[:1]


def full_of_removed(log: Log) -> list[bytes]:
    """Fill a bank to its last place; return what is in the log."""
    wanted: list[bytes] = []
    for number in range(log.places):
        if len(wanted) == log.capacity:
            assert log.remove(0) == 0
            del wanted[0]
        wanted.append(log.entry(number))
        assert log.append(wanted[-1]) == 0
    return wanted


def test_a_full_bank_is_written_into_the_other_one(log: Log) -> None:
    erased = log.board.flash.erased
    wanted = full_of_removed(log)
    assert log.board.flash.erased == erased and log.read(len(wanted)) == wanted
    long = 0
    for number in range(1000, 1300):  # twice through a bank, and back into the first
        began = log.board.seconds
        assert log.remove(5) == 0
        del wanted[5]
        wanted.append(log.entry(number))
        assert log.append(wanted[-1]) == 0
        long += log.board.seconds - began > 0.01
        assert log.board.seconds - began < 1.5
    assert (
        long == 4 and log.board.flash.erased == erased + 3 * log.units
    )  # the first bank that was moved to was blank
    assert log.read(len(wanted)) == wanted
    assert log.after_power_cut() == wanted


def test_a_thousand_answers_are_all_taken(log: Log) -> None:
    """And a sector is erased once in some two hundred of them; it is good for ten thousand times."""
    for number in range(1000):
        if number >= log.capacity:
            assert log.remove(0) == 0
        assert log.append(log.entry(number)) == 0
    assert log.after_power_cut() == [log.entry(n) for n in range(1000 - log.capacity, 1000)]
    assert log.board.flash.erased <= 9 * log.units


def test_a_power_cut_at_any_moment_of_a_move(make: Callable[[], Log]) -> None:
    """What the log holds is what it held before, or that and the new entry."""
    log = make()
    log.open()
    full_of_removed(log)
    while len(log.read(log.open())) > 4:  # most of them taken back, so that there are few moments
        assert log.remove(0) == 0
    left = log.read(4)
    new = log.entry(5000)
    snapshot = log.board.flash.memory.copy()
    start = log.board.flash.programmed + log.board.flash.erased
    assert log.append(new) == 0
    steps = log.board.flash.programmed + log.board.flash.erased - start
    assert steps > 5 * (log.dtype.itemsize // 4 + 2)
    seen = set()
    for cut in range(steps + 1):
        log.board.flash.memory[:] = snapshot
        assert log.after_power_cut() == left
        log.board.flash.cut_power(cut, tear=0x00FF00FF & 0xFFFF if cut else 40_000)
        if cut < steps:
            with pytest.raises(PowerFailed):
                log.append(new)
        else:
            assert log.append(new) == 0
        found = log.after_power_cut()
        assert found in (left, [*left, new])
        seen.add(len(found))
        assert log.append(log.entry(6)) == 0
        assert log.after_power_cut() == [*found, log.entry(6)]
    assert seen == {4, 5}


def test_a_full_bank_that_cannot_be_moved_refuses(log: Log) -> None:
    wanted = full_of_removed(log)
    assert log.remove(0) == 0
    log.board.flash.stuck = True
    assert log.append(log.entry(1)) == NOTHING
    log.board.flash.stuck = False
    assert log.read(len(wanted) - 1) == wanted[1:]
    assert log.append(log.entry(1)) == 0
    assert log.after_power_cut() == [*wanted[1:], log.entry(1)]


def test_a_move_keeps_damage_that_came_later_away(log: Log) -> None:
    """Nothing gives a damaged entry a checksum that fits."""
    wanted = full_of_removed(log)
    assert log.remove(0) == 0
    del wanted[0]
    at = int(log.board.call("odl_log_at", 7)) - log.base
    log.board.flash.memory[at + 60] ^= 8
    assert log.append(log.entry(1)) == 0
    assert log.after_power_cut() == [*wanted[:7], *wanted[8:], log.entry(1)]


def test_compacting_drops_what_was_removed_and_keeps_the_rest(log: Log) -> None:
    entries = [log.entry(i) for i in range(10)]
    for entry in entries:
        log.append(entry)
    for index in (9, 4, 0):
        assert log.remove(index) == 0
    left = [entry for i, entry in enumerate(entries) if i not in (0, 4, 9)]
    assert log.board.call("odl_board_compact") == len(left)
    assert log.read(len(left)) == left
    assert log.append(log.entry(77)) == 0
    assert log.after_power_cut() == [*left, log.entry(77)]


def test_a_power_cut_at_any_moment_of_compacting(make: Callable[[], Log]) -> None:
    log = make()
    log.open()
    entries = [log.entry(i) for i in range(4)]
    for entry in entries:
        log.append(entry)
    log.remove(2)
    left = [*entries[:2], entries[3]]
    # The other bank is in use already, so compacting has to erase it as well.
    log.board.call("odl_board_compact")
    log.board.call("odl_board_compact")
    log.board.call("odl_log_clear")
    for entry in entries:
        log.append(entry)
    log.remove(2)
    snapshot = log.board.flash.memory.copy()
    start = log.board.flash.programmed + log.board.flash.erased
    assert log.board.call("odl_board_compact") == 3
    steps = log.board.flash.programmed + log.board.flash.erased - start
    assert steps > 3 * 54
    generations = set()
    for cut in range(steps + 1):
        log.board.flash.memory[:] = snapshot
        assert log.after_power_cut() == left
        log.board.flash.cut_power(cut, tear=0x00FF00FF & 0xFFFF if cut else 40_000)
        if cut < steps:
            with pytest.raises(PowerFailed):
                log.board.call("odl_board_compact")
        else:
            log.board.call("odl_board_compact")
        found = log.after_power_cut()
        assert found == left
        generations.add(log.board.memory("bank")[0])
        assert log.append(log.entry(5)) == 0
        assert log.after_power_cut() == [*found, log.entry(5)]
    assert generations == {0, 1}


def test_clearing_forgets_and_an_empty_log_costs_no_erase(log: Log) -> None:
    erased, programmed = log.board.flash.erased, log.board.flash.programmed
    assert log.board.call("odl_log_clear") == 0
    assert (log.board.flash.erased, log.board.flash.programmed) == (erased, programmed)
    log.append(log.entry(1))
    assert log.board.call("odl_log_clear") == 0
    assert log.after_power_cut() == []


def test_another_images_log_is_not_ours_and_is_kept_once(log: Log) -> None:
    log.append(log.entry(1))
    assert log.open(MODEL + 1) == 0
    assert log.append(log.entry(2)) == 0
    assert log.read(log.open(MODEL + 1)) == [log.entry(2)]
    assert log.read(log.open(MODEL)) == [log.entry(1)]


@pytest.mark.parametrize("seed", range(8))
def test_any_damage_is_noticed(log: Log, seed: int) -> None:
    """A bit that flips in any committed record takes that record away and no other."""
    rng = np.random.default_rng(seed)
    entries = [log.entry(i) for i in range(6)]
    for entry in entries:
        log.append(entry)
    hit = int(rng.integers(6))
    base = log.in_use()
    at = base + 32 + hit * (log.dtype.itemsize + 8) + int(rng.integers(log.dtype.itemsize + 8))
    log.board.flash.memory[at] ^= 1 << int(rng.integers(8))
    assert log.after_power_cut() == entries[:hit] + entries[hit + 1 :]


def test_more_damage_than_can_be_noted_is_noticed_too(log: Log) -> None:
    entries = [log.entry(i) for i in range(40)]
    for entry in entries:
        log.append(entry)
    base = log.in_use()
    hurt = range(3, 33)
    for hit in hurt:
        log.board.flash.memory[base + 32 + hit * (log.dtype.itemsize + 8) + 50] ^= 4
    left = [entry for i, entry in enumerate(entries) if i not in hurt]
    assert log.after_power_cut() == left
    assert log.after_power_cut() == left


def test_a_bank_of_another_image_is_left_alone_if_no_other_can_be_had(log: Log) -> None:
    for model in (MODEL, MODEL + 1):  # one bank each
        assert log.open(model) == 0
        log.append(log.entry(model % 7))
    log.board.flash.stuck = True
    assert log.open(MODEL + 2) == 0
    log.board.flash.stuck = False
    before = log.board.flash.memory.copy()
    assert log.append(log.entry(3)) == NOTHING
    assert np.array_equal(log.board.flash.memory, before)
    assert log.board.call("odl_log_clear") == 0  # now there is one
    assert log.append(log.entry(3)) == 0
    assert log.read(log.open(MODEL + 2)) == [log.entry(3)]


def test_a_controller_that_never_finishes_is_given_up(log: Log) -> None:
    log.board.flash.stuck = True
    before = log.board.seconds
    assert log.append(log.entry(1)) == NOTHING
    assert log.board.seconds - before < 8  # within the watchdog's patience


def test_flash_takes_its_time(log: Log) -> None:
    before, words = log.board.seconds, log.board.flash.programmed
    log.append(log.entry(0))
    words = log.board.flash.programmed - words
    assert log.board.seconds - before >= words * 16e-6
    before = log.board.seconds
    log.board.call("odl_log_clear")
    log.append(log.entry(0))
    log.board.call("odl_log_clear")
    assert log.board.flash.erased >= 1
    assert log.board.seconds - before >= (0.5 if log.units == 1 else 0.085)  # a page has something


def test_no_word_is_written_a_third_time_before_an_erase(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Nordic's flash allows; others allow more."""
    flash, written = log.board.flash, np.zeros(len(log.board.flash.memory) // 4, np.int64)
    store, erase = flash.store, flash.erase

    def counted(at: int, size: int, value: int) -> None:
        store(at, size, value)
        written[at // 4] += 1
        assert written[at // 4] <= 2

    def forgotten(unit: int, time: int) -> None:
        erase(unit, time)
        written[flash.starts[unit] // 4 : flash.starts[unit + 1] // 4] = 0

    monkeypatch.setattr(log.board.processor, "_store", counted)
    monkeypatch.setattr(flash, "erase", forgotten)
    full_of_removed(log)
    for number in range(300):
        assert log.remove(number % 9) == 0
        assert log.append(log.entry(number)) == 0
    assert written.max() == 2 and flash.erased >= 2
