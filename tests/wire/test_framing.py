"""COBS against an obvious reference, frames against every kind of damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Samples
from odl.wire import (
    Deframer,
    Fault,
    FrameError,
    cobs_decode,
    cobs_encode,
    encode,
    frame,
    open_envelope,
    unframe,
)
from tests.helpers.memory import peak


def reference_encode(data: bytes) -> bytes:
    """COBS byte by byte, as the paper's figure has it."""
    out, group = bytearray(), bytearray()
    for i, byte in enumerate(data):
        if byte:
            group.append(byte)
        if byte == 0 or len(group) == 254:
            out += bytes([len(group) + 1]) + group
            group.clear()
            if byte and i == len(data) - 1:
                return bytes(out)  # a full group ends the data
    return bytes(out + bytes([len(group) + 1]) + group)


def reference_crc(data: bytes) -> int:
    """CRC-32 bit by bit (reflected polynomial 0xEDB88320)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# Runs of every length about the group size of 254, zeros alone and in rows.
runs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 100, 252, 253, 254, 255, 256, 507, 508, 509, 762]), st.integers(0, 3)
    ),
    max_size=8,
).map(lambda parts: b"".join(b"\xff" * n + bytes(zeros) for n, zeros in parts))
stuffings = st.binary(max_size=700) | runs
payloads = st.lists(st.binary(min_size=1, max_size=400), max_size=6)


@given(stuffings)
def test_cobs_equals_its_reference(data: bytes) -> None:
    coded = cobs_encode(data)
    assert coded == reference_encode(data)
    assert 0 not in coded
    assert len(coded) <= len(data) + 1 + len(data) // 254
    assert cobs_decode(coded) == data


def test_cobs_of_every_run_length_up_to_three_groups() -> None:
    for n in range(770):
        for tail in (b"", b"\0", b"\0\0\x05"):
            data = b"\x07" * n + tail
            assert cobs_encode(data) == reference_encode(data)
            assert cobs_decode(cobs_encode(data)) == data


def test_cobs_takes_the_longer_form_of_a_full_last_group() -> None:
    full = b"\x09" * 254
    assert cobs_encode(full) == b"\xff" + full
    assert cobs_decode(b"\xff" + full + b"\x01") == full


@pytest.mark.parametrize("data", [b"", b"\0", b"\x01\0", b"\x02", b"\x03\x01", b"\xff" * 254])
def test_cobs_refuses(data: bytes) -> None:
    with pytest.raises(FrameError) as error:
        cobs_decode(data)
    assert error.value.fault is Fault.COBS


@given(stuffings)
def test_cobs_decoding_is_total(data: bytes) -> None:
    try:
        plain = cobs_decode(data)
    except FrameError:
        return
    assert cobs_encode(plain) in (data, data[:-1])


def test_a_frame_is_built_as_written_down() -> None:
    payload = bytes.fromhex("feff 04030201 13 0201000000000000")
    coded = reference_encode(payload + reference_crc(payload).to_bytes(4, "little"))
    whole = frame(payload[6:], seq=3 * 65536 + 0xFFFE, time=2**32 + 0x01020304)
    assert whole == b"\0" + coded + b"\0"
    assert open_envelope(unframe(coded)) == (0xFFFE, 0x01020304, payload[6:])


@pytest.mark.parametrize("fill", [0, 1, -1, 255, 256, 257])
def test_ten_six_axis_samples_cost_at_most_14_4_bytes_each(fill: int) -> None:
    block = np.full((10, 6), fill, np.int16)
    whole = frame(encode(Samples(2**63 + 0x0101010101010101, block)), seq=0x0101, time=0x01010101)
    assert len(whole) <= 144


@given(payloads, st.data())
def test_the_cutting_changes_nothing(messages: list[bytes], data: st.DataObject) -> None:
    noise = st.binary(max_size=5)
    line = b"".join(data.draw(noise) + frame(m, i) for i, m in enumerate(messages)) + data.draw(noise)
    whole, pieces = Deframer(limit=300), Deframer(limit=300)
    expected = whole.scan(line)
    found = []
    at = 0
    while at < len(line):
        n = data.draw(st.integers(1, 50))
        found += pieces.scan(line[at : at + n])
        at += n
    assert found == expected
    for name in ("frames", "bad_cobs", "bad_crc", "oversize", "lost_bytes", "pending"):
        assert getattr(pieces, name) == getattr(whole, name), name


def test_byte_by_byte_with_garbage_before_between_and_after() -> None:
    deframer = Deframer()
    line = b"boot\r\n" + frame(b"\x13one", 1) + b"garbage" + frame(b"\x13two", 2) + b"\0\0tail"
    found = [payload for i in range(len(line)) for payload in deframer.feed(line[i : i + 1])]
    assert [open_envelope(payload) for payload in found] == [(1, 0, b"\x13one"), (2, 0, b"\x13two")]
    assert (deframer.frames, deframer.lost_bytes, deframer.pending) == (2, 13, 4)
    assert deframer.bad_cobs + deframer.bad_crc == 2


def test_scan_tells_where_frames_and_damage_are() -> None:
    good = frame(b"\x13")
    line = b"xx" + good + good
    (a, b, bad), (c, d, first), (e, f, second) = Deframer().scan(line)
    assert (line[a:b], bad) == (b"xx\0", Fault.COBS)
    assert line[c:d] == line[e:f] == good[1:]
    assert first == second == unframe(good[1:-1])
    assert f == len(line)


def test_what_is_too_long_is_skipped_in_bounded_memory() -> None:
    deframer = Deframer(limit=100)
    for _ in range(50):
        assert deframer.feed(b"\x01" * 30) == []
        assert len(deframer._tail) <= 130
    assert deframer.pending == 1500
    assert len(deframer.feed(frame(b"\x13"))) == 1
    assert (deframer.oversize, deframer.lost_bytes, deframer.pending) == (1, 1500, 0)


def test_a_frame_of_exactly_the_limit_passes() -> None:
    whole = frame(b"\x13" * 50)
    for limit, passed in ((len(whole) - 2, 1), (len(whole) - 3, 0)):
        deframer = Deframer(limit)
        assert len(deframer.feed(whole)) == passed
        assert deframer.oversize == 1 - passed


def test_no_flip_of_one_bit_is_accepted() -> None:
    whole = frame(bytes(range(60)), 7, 9)
    for bit in range(8, 8 * (len(whole) - 1)):
        hurt = bytearray(whole)
        hurt[bit // 8] ^= 1 << bit % 8
        assert Deframer().feed(bytes(hurt)) == []


@given(payloads.filter(bool), st.data())
def test_damage_never_makes_a_wrong_payload(messages: list[bytes], data: st.DataObject) -> None:
    frames = [frame(m, i) for i, m in enumerate(messages)]
    sent = {unframe(f[1:-1]) for f in frames}
    line = bytearray(b"".join(frames))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(line)))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if kind == "flip" and at < len(line):
            line[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del line[at : at + data.draw(st.integers(1, 20))]
        elif kind == "insert":
            line[at:at] = data.draw(st.binary(max_size=20))
        elif kind == "repeat":
            line[at:at] = line[at : at + 30]
    deframer = Deframer()
    assert set(deframer.feed(bytes(line))) <= sent
    assert deframer.lost_bytes + deframer.pending <= len(line)


def test_damage_costs_no_more_than_the_frames_it_touches() -> None:
    frames = [frame(bytes([0x13, i]) * 20, i) for i in range(5)]
    for at in range(len(frames[2])):
        hurt = bytearray(frames[2])
        hurt[at] ^= 0x55
        found = Deframer().feed(b"".join([*frames[:2], bytes(hurt), *frames[3:]]))
        assert {open_envelope(p)[0] for p in found} >= {0, 1, 3, 4}


@pytest.mark.parametrize("seed", range(20))
def test_many_frames_at_once_are_the_same_as_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = bytearray()
    for i in range(300):
        message = rng.integers(0, rng.choice([2, 256]), int(rng.choice([1, 9, 140, 243, 244, 245, 600])))
        line += frame(message.astype(np.uint8).tobytes(), i)
    for at in rng.integers(0, len(line), 60):
        line[at] = int(rng.choice([0, 1, 254, 255]))
    data = b"boot" + bytes(line) + b"\xff"
    whole, pieces = Deframer(limit=400), Deframer(limit=400)
    assert data.count(b"\0") > 600
    expected = [found for i in range(0, len(data), 97) for found in pieces.scan(data[i : i + 97])]
    assert whole.scan(data) == expected
    assert {type(found) for _, _, found in expected} == {bytes, Fault}
    assert Deframer().scan(bytes(500)) == []
    for name in ("frames", "bad_cobs", "bad_crc", "oversize", "lost_bytes", "pending"):
        assert getattr(pieces, name) == getattr(whole, name) > 0, name


def test_a_long_frame_of_zeros_among_many_costs_no_more_than_others() -> None:
    """Each of its zeros is a group; what is done for all frames at once must not be done so often."""
    frames = [frame(b"\x13%c" % (i + 1), i) for i in range(200)]
    frames[100] = frame(b"\x07" + bytes(60_000), 100)
    line = b"".join(frames)
    assert Deframer().feed(line) == [unframe(each[1:-1]) for each in frames]
    assert peak(lambda: Deframer().feed(line), times=3) < 100 * len(line)


@pytest.mark.parametrize(
    "chunk", [b"\x03\0", b"\x01\0", b"\xff\0", b"\x02\x03\0", b"\xfe\x01\0", b"\x05\x01\x01\x09\0"]
)
def test_a_million_damaged_stretches_take_memory_by_their_bytes(chunk: bytes) -> None:
    """Steps out of half a million stretches took 3 GB in all, for 976 KB."""
    line = chunk * (2**18 // len(chunk))
    deframer = Deframer()
    found = deframer.scan(line)
    assert len(found) == line.count(b"\0") == deframer.bad_cobs + deframer.bad_crc
    assert peak(lambda: Deframer().scan(line)) < 200 * len(line)


@pytest.mark.parametrize("seed", range(40))
def test_any_stretches_are_judged_together_as_alone(seed: int) -> None:
    """Each with codes that lead out of it, into others, to their ends."""
    rng = np.random.default_rng(seed)
    largest = int(rng.choice([3, 9, 256]))
    lengths = rng.choice([0, 1, 2, 3, 9, 30, 250, 254, 255, 256, 258, 259, 262], 120)
    stretches = [rng.integers(1, largest, n, dtype=np.uint8).tobytes() for n in lengths]
    stretches += [b"\xff" + b"a" * n + bytes([int(rng.integers(1, 4))]) for n in (252, 253, 254, 255)]
    stretches += [frame(bytes([0x13, i]) * 9, i)[1:-1] for i in range(9)]
    line = b"\0".join(stretches[i] for i in rng.permutation(len(stretches))) + b"\0"
    whole, pieces = Deframer(limit=258), Deframer(limit=258)
    assert whole.scan(line) == [found for i in range(len(line)) for found in pieces.scan(line[i : i + 1])]
    assert (whole.bad_cobs, whole.bad_crc, whole.lost_bytes) == (
        pieces.bad_cobs, pieces.bad_crc, pieces.lost_bytes
    )  # fmt: skip


def test_a_step_out_of_a_damaged_frame_hurts_no_other() -> None:
    good = [frame(bytes([0x13, 0, i, 0]) * 10, i) for i in range(200)]
    for code in (3, 60, 100, 200, 254, 255):
        hurt = list(good)
        hurt[100] = b"\0" + bytes([code]) + good[100][2:]
        hurt[199] = b"\0" + bytes([code]) + good[199][2:]
        found = [open_envelope(payload)[0] for payload in Deframer().feed(b"".join(hurt))]
        assert found == [i for i in range(200) if i not in (100, 199)]
