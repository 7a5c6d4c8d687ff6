"""The fault injector does what it says, as often as it says, and the same every time."""

from __future__ import annotations

import socket

import pytest

from firmware_sim.faults import Faults, FaultyPort, Kind, faulty
from firmware_sim.relay import Relay
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import LIMIT

FRAMES = [b"\0%c%c\0" % (1 + i // 200, 1 + i % 200) for i in range(4000)]
LINE = b"".join(FRAMES)


def test_nothing_happens_where_no_rate_is_given() -> None:
    for frames in (False, True):
        faults = Faults(1, frames=frames)
        assert faults.feed(LINE) + faults.flush() == LINE
        assert not faults.counts


@pytest.mark.parametrize("frames", [False, True])
def test_the_cutting_of_the_bytes_changes_nothing(frames: bool) -> None:
    rates = {"drop": 0.02, "flip": 0.02, "duplicate": 0.02, "cut": 0.001}
    whole, pieces = (Faults(7, frames=frames, **rates) for _ in range(2))
    expected = whole.feed(LINE)
    assert b"".join(pieces.feed(LINE[i : i + 7]) for i in range(0, len(LINE), 7)) == expected
    assert pieces.counts == whole.counts
    other = Faults(8, frames=frames, **rates)
    assert other.feed(LINE) != expected


@pytest.mark.parametrize("kind", ["drop", "flip", "duplicate", "cut"])
def test_each_kind_happens_as_often_as_asked(kind: str) -> None:
    faults = Faults(5, longest=1, **{kind: 0.1})
    faults.feed(LINE)
    assert set(faults.counts) - {"lost"} == {kind}
    assert 330 < faults.counts[kind] < 470  # 400 of 4000: within 3.7 standard deviations


def arrived(faults: Faults) -> list[bytes]:
    """The frames that come out when all of them are sent one by one."""
    return [frame for frame in map(faults.feed, FRAMES) if frame]


def test_a_dropped_frame_is_gone_and_the_others_are_whole() -> None:
    faults = Faults(2, drop=0.1)
    assert set(arrived(faults)) < set(FRAMES)
    assert len(FRAMES) - faults.counts["drop"] == len(arrived(Faults(2, drop=0.1)))


def test_a_cut_takes_what_follows() -> None:
    faults = Faults(2, cut=0.002, longest=50)
    left = [FRAMES.index(frame) for frame in arrived(faults)]
    holes = [b - a - 1 for a, b in zip([-1, *left], [*left, len(FRAMES)], strict=True) if b - a > 1]
    assert 0 < len(holes) <= faults.counts["cut"]
    assert sum(holes) == faults.counts["lost"]
    assert max(holes) > 10


def test_a_flip_changes_one_bit() -> None:
    faults = Faults(2, flip=1.0)
    for frame in FRAMES[:200]:
        hurt = faults.feed(frame)
        assert len(hurt) <= len(frame)  # a delimiter that was hit: the rest comes with the next
        if len(hurt) == len(frame):
            assert sum((a ^ b).bit_count() for a, b in zip(hurt, frame, strict=True)) == 1


def test_a_duplicate_comes_at_once() -> None:
    faults = Faults(2, duplicate=1.0)
    assert faults.feed(FRAMES[0] + FRAMES[1]) == FRAMES[0] * 2 + FRAMES[1] * 2


def test_a_delayed_frame_comes_after_those_behind_it() -> None:
    clock = VirtualClock(tick=0.0)
    faults = Faults(2, delay=0.3, late=1.0, clock=clock)
    first = faults.feed(LINE)
    clock.now = 0.99
    assert faults.feed() == b""
    clock.now = 1.0
    second = faults.feed()
    frames = [out[i : i + 4] for out in (first, second) for i in range(0, len(out), 4)]
    assert len(second) == 4 * faults.counts["delay"]
    assert sorted(frames) == sorted(FRAMES)
    assert faults.flush() == b""


def test_a_stall_holds_all_and_loses_nothing() -> None:
    clock = VirtualClock(tick=0.0)
    faults = Faults(2, stall=0.001, still=1.0, clock=clock)
    first = faults.feed(LINE)
    assert LINE.startswith(first) and len(first) < len(LINE)
    assert faults.feed(b"\0x\0") == b""
    clock.now = 1.0
    assert first + faults.feed() == LINE + b"\0x\0"


def test_bytes_without_any_delimiter_are_not_kept_forever() -> None:
    faults = Faults(1, drop=0.5)
    passed = sum(len(faults.feed(b"x" * 1000)) for _ in range(500))
    passed += len(faults.flush())
    assert 100_000 < passed < 500_000


@pytest.mark.parametrize("rates", [{"drop": -0.1}, {"drop": 0.6, "flip": 0.6}])
def test_rates_that_cannot_be_are_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rates of faults"):
        Faults(1, **rates)


def test_every_kind_is_a_parameter() -> None:
    for kind in Kind:
        faults = Faults(1, **{kind.value: 1.0})
        faults.feed(FRAMES[0])
        assert faults.counts[kind.value] == 1


class BytesPort:
    """A port whose other end is two byte strings."""

    def __init__(self, incoming: bytes) -> None:
        self.incoming, self.outgoing, self.baudrate = incoming, b"", 115200

    @property
    def in_waiting(self) -> int:
        return len(self.incoming)

    def read(self, size: int = 1) -> bytes:
        data, self.incoming = self.incoming[:size], self.incoming[size:]
        return data

    def write(self, data: bytes) -> int:
        self.outgoing += data
        return len(data)


def test_a_port_with_faults_both_ways() -> None:
    sent, received, third = (Faults(4, duplicate=0.2, drop=0.2) for _ in range(3))
    expected = third.feed(LINE)
    port = BytesPort(LINE)
    damaged = FaultyPort(port, sent=sent, received=received)
    assert damaged.write(LINE) == len(LINE)
    assert port.outgoing == expected
    assert damaged.baudrate == 115200
    got = b""
    while damaged.in_waiting:
        got += damaged.read(1000)
    assert got == expected


def test_reading_lets_out_what_was_held_on_the_way_out() -> None:
    clock = VirtualClock(tick=0.0)
    port = BytesPort(b"")
    write, read = faulty(port.write, port.read, sent=Faults(1, stall=1.0, still=1.0, clock=clock))
    write(FRAMES[0])
    assert port.outgoing == b""
    clock.now = 1.0
    assert read() == b""
    assert port.outgoing == FRAMES[0]


def test_a_relay_outlives_a_board_that_is_gone() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    number = listener.getsockname()[1]
    listener.close()
    with Relay(f"socket://127.0.0.1:{number}") as relay:
        place = "127.0.0.1", int(relay.url.rpartition(":")[2])
        with socket.create_connection(place, 60) as host:
            assert host.recv(1) == b""  # hung up
        with socket.create_server(("127.0.0.1", number)) as board:
            board.settimeout(LIMIT)
            with socket.create_connection(place, 60) as host, board.accept()[0] as there:
                there.sendall(b"back")
                assert host.recv(4) == b"back"
