"""The link: one table of messages and bytes, both ways; what was lost; what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults import Faults
from odl.core.events import Adopt, Origin, Samples, Truth, Undo
from odl.core.retry import LINK, RetryPolicy
from odl.wire import (
    STATE,
    TABLE,
    CodecError,
    Compact,
    Configure,
    Data,
    Deframer,
    End,
    Failure,
    Hello,
    Info,
    Link,
    LinkError,
    Message,
    Read,
    Ready,
    Received,
    Refusal,
    Refused,
    Request,
    Start,
    Status,
    decode,
    encode,
    frame,
    open_envelope,
    open_messages,
)
from odl.wire.requests import ROOM
from tests.helpers.golden_frames import BOARD, HOST
from tests.helpers.virtual_clock import VirtualClock
from tests.wire.test_framing import reference_crc, reference_encode

ABOUT = Info(2, 0, 6, 128, 64, 768, 50_000, 1, 2, 3, 4, 5, session=0, frames=0, position=0, version="")
DOING = Status(session=7, frames=0, dropped=0, damaged=0, missed=0, position=0)
BOARD_LINE = [bytes.fromhex(text) for _, text in BOARD]
SAID = [Received(message, 300 + i, 1000 * i) for i, (message, _) in enumerate(BOARD)]


def about(frames: int, session: int = 0) -> bytes:
    """The frame of an Info."""
    return frame(encode(replace(ABOUT, frames=frames, session=session)), frames, 1000 * frames)


def doing(frames: int, session: int = 7) -> bytes:
    """The frame of a Status."""
    return frame(encode(replace(DOING, frames=frames, session=session)), frames, 1000 * frames)


def undo(number: int) -> bytes:
    """Frame ``number`` of a board, which says its own number."""
    return frame(encode(Undo(number)), number)


def numbers(received: list[Received]) -> list[int]:
    """What those of `undo` say."""
    return [each.message.at for each in received if isinstance(each.message, Undo)]


# --- one table, both ways -------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "text", "seq", "time"),
    [(m, text, (65530 + i) & 0xFFFF, 0) for i, (m, text) in enumerate(HOST)]
    + [(m, text, 300 + i, 1000 * i) for i, (m, text) in enumerate(BOARD)],
)
def test_golden_frames_are_as_written_down(message: Message, text: str, seq: int, time: int) -> None:
    payload = seq.to_bytes(2, "little") + time.to_bytes(4, "little") + encode(message)
    checked = payload + reference_crc(payload).to_bytes(4, "little")
    assert bytes.fromhex(text) == b"\0" + reference_encode(checked) + b"\0"
    assert bytes.fromhex(text) == frame(encode(message), seq, time)


def test_the_golden_frames_show_every_message_of_the_line() -> None:
    kinds = {type(message) for message, _ in HOST + BOARD}
    assert kinds == {row.event for row in TABLE} - {Start, End, Adopt, Origin}


def test_read_whole() -> None:
    assert Link().receive(b"".join(BOARD_LINE)) == SAID


def test_read_one_byte_at_a_time() -> None:
    link = Link()
    line = b"".join(BOARD_LINE)
    assert [each for i in range(len(line)) for each in link.receive(line[i : i + 1])] == SAID


@pytest.mark.parametrize("garbage", [b"boot\r\n", b"\0", b"\0\0\0", b"\x01\xff\xff", bytes(range(256))])
def test_read_with_garbage_before_between_and_after(garbage: bytes) -> None:
    link = Link()
    assert link.receive(garbage + garbage.join(BOARD_LINE) + garbage) == SAID
    assert link.counters.lost == link.counters.duplicates == 0
    stretches = len([part for part in garbage.split(b"\0") if part])
    # What stands behind the last delimiter may still become a frame.
    unfinished = not garbage.endswith(b"\0")
    assert link.counters.damaged == stretches * (len(SAID) + 1) - unfinished


@given(st.data())
def test_any_cutting_and_any_garbage(data: st.DataObject) -> None:
    garbage = st.binary(max_size=8)
    line = b"".join(data.draw(garbage) + each for each in BOARD_LINE)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=20)))
    link = Link()
    parts = [line[a:b] for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]
    assert [each for part in parts for each in link.receive(part)] == SAID
    assert link.counters.bytes == len(line)


def test_a_line_that_is_cut_anywhere_is_understood_from_the_next_delimiter() -> None:
    line = b"".join(BOARD_LINE)
    ends = np.cumsum([len(each) for each in BOARD_LINE])
    for cut in range(len(line)):
        first = int(np.searchsorted(ends - [len(each) for each in BOARD_LINE], cut - 1, "right"))
        heard = Link().receive(line[cut:])
        # A frame whose opening delimiter alone is missing is whole too.
        assert [each.message for each in heard] in (
            [each.message for each in SAID[first:]], [each.message for each in SAID[first - 1 :]]
        )  # fmt: skip
        assert len(heard) >= len(SAID) - first


def test_what_a_host_says() -> None:
    link = Link(seq=65530, retry=RetryPolicy(timeout=1.0))
    for i, (message, text) in enumerate(HOST):
        request = link.send(message)
        assert link.due(now=0.0) == bytes.fromhex(text)
        assert link.next_due == 1.0
        [payload] = Deframer().feed(bytes.fromhex(text))
        seq, _, said = open_envelope(payload)
        assert decode(said) == message
        [received] = link.receive(frame(encode(answer_to(message, seq)), i))
        assert received.request is request
        assert request.answer == received.message
        assert request.done and request.failure is None
    assert link.counters.retries == 0


def answer_to(message: Message, seq: int) -> Message:
    """What a board says to ``message``, its ``frames`` aside."""
    if isinstance(message, Hello):
        return ABOUT
    if isinstance(message, Read):
        return Data(message.area, message.offset, bytes(message.size), seq)
    return Ready(0, 768, seq)


@given(st.lists(st.binary(max_size=60) | st.binary(min_size=1, max_size=60).map(frame), max_size=8))
def test_whatever_comes_nothing_is_raised(pieces: list[bytes]) -> None:
    link = Link()
    link.send(Hello())
    link.due(0.0)
    for piece in pieces:
        link.receive(piece)
    assert link.counters.bytes == sum(map(len, pieces))


def test_what_is_not_known_is_counted_and_takes_its_place() -> None:
    link = Link()
    line = undo(0) + frame(b"\x7fnew", 1) + frame(b"\x13short", 2) + undo(3) + frame(b"\x7f", 5) + undo(6)
    received = link.receive(line)
    assert [(each.seq, each.lost) for each in received] == [(0, 0), (3, 0), (6, 1)]
    counters = link.counters
    assert (counters.unknown, counters.malformed, counters.lost, counters.frames) == (2, 1, 1, 6)


def test_damage_is_counted_by_its_fault() -> None:
    link = Link()
    hurt = bytearray(undo(1))
    hurt[-2] ^= 0x55  # of the checksum
    link.receive(undo(0) + bytes(hurt) + b"\xff\xff\0" + b"x" * 200_000 + b"\0" + undo(2))
    counters = link.counters
    assert (counters.crc, counters.cobs, counters.oversize, counters.damaged) == (1, 1, 1, 3)
    assert (counters.lost, counters.lost_bytes) == (1, len(hurt) - 2 + 2 + 200_000)


# --- what was lost --------------------------------------------------------------------

# What comes, numbers of frames: for each its losses, or None where it is not handed on.
SEQUENCES = [
    ([0, 1, 2], [0, 0, 0]),
    ([5, 6], [0, 0]),  # what came before the first is not ours
    ([0, 3, 4], [0, 2, 0]),
    ([0, 0, 1, 1, 1, 2], [0, None, 0, None, None, 0]),
    ([0, 2, 1, 3], [0, 1, None, 0]),  # 1 came late
    ([65534, 65535, 65536, 65537], [0, 0, 0, 0]),
    ([65534, 65538], [0, 3]),
    ([65536, 65535, 65537], [0, None, 0]),
    ([0, 32768], [0, 32767]),
    ([0, 32769, 1], [0, None, 0]),  # too far to be told from an old one
]


@pytest.mark.parametrize(("sent", "expected"), SEQUENCES)
def test_sequences(sent: list[int], expected: list[int | None]) -> None:
    link = Link()
    outcome = []
    for number in sent:
        received = link.receive(undo(number))
        outcome.append(received[0].lost if received else None)
    assert outcome == expected
    assert link.counters.lost == sum(lost or 0 for lost in expected)
    assert link.counters.duplicates == expected.count(None)


@given(st.integers(0, 2**20), st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 99))
def test_every_loss_is_counted_once_the_totals_came(first: int, fates: list[int], tail: int) -> None:
    """Frames from ``first`` on are lost (0 to 2), come twice (3) or once; every 20th is a Status."""
    link = Link()
    link.receive(doing(first))
    heard = []
    for number, fate in enumerate(fates, first + 1):
        if fate > 2:
            data = doing(number) if number % 20 == 0 else undo(number)
            heard += link.receive(data)
            if fate == 3:
                assert link.receive(data) == []
    end = first + 1 + len(fates) + tail
    heard += link.receive(doing(end))
    lost = sum(fate <= 2 for fate in fates) + tail
    assert link.counters.lost == sum(each.lost for each in heard) == lost
    assert link.counters.duplicates == fates.count(3)
    assert link.counters.restarts == 0


@pytest.mark.parametrize("lost", [0, 1, 32767, 32768, 65535, 65536, 65537, 1_000_000])
@pytest.mark.parametrize("total", [about, doing])
def test_any_number_of_lost_frames_in_a_row_is_settled(lost: int, total: Callable[[int, int], bytes]) -> None:
    link = Link()
    link.receive(about(0) + doing(1, session=7))
    [received] = link.receive(total(2 + lost, 7))
    assert received.lost == link.counters.lost == lost
    assert not received.restart
    assert link.receive(undo(3 + lost))[0].lost == 0


def test_frames_that_look_old_after_a_long_loss_are_lost_but_the_count_is_right() -> None:
    link = Link()
    link.receive(doing(0))
    assert link.receive(undo(40_000)) == []
    assert link.receive(doing(40_001))[0].lost == 40_000
    assert numbers(link.receive(undo(40_002))) == [40_002]


def test_the_first_totals_settle_what_was_heard_before() -> None:
    link = Link()
    link.receive(undo(200_000) + undo(200_003))
    [received] = link.receive(doing(200_010))
    assert (received.lost, link.counters.lost, link.counters.restarts) == (6, 8, 0)


def test_totals_that_do_not_fit_their_own_number_are_not_believed() -> None:
    link = Link()
    link.receive(doing(0))
    [received] = link.receive(frame(encode(replace(DOING, frames=5000)), 1))
    assert (received.lost, link.counters.lost, link.counters.restarts) == (0, 0, 0)


# --- a board that starts anew ---------------------------------------------------------


@pytest.mark.parametrize("before", [4, 5, 50, 5000, 40_000, 70_000])
def test_a_restart_is_noticed_and_the_count_begins_again(before: int) -> None:
    link = Link()
    link.receive(about(0) + doing(1))
    link.receive(doing(before + 1))
    lost = link.counters.lost
    first, second, third = link.receive(about(0) + undo(1) + undo(4))
    assert (first.restart, second.restart, third.lost) == (True, False, 2)
    assert (link.counters.restarts, link.counters.lost, link.session) == (1, lost + 2, 0)
    assert link.counters.duplicates == 0


def test_a_restart_without_its_first_frames() -> None:
    link = Link()
    link.receive(about(0) + doing(1) + doing(5000))
    lost = link.counters.lost
    [received] = link.receive(about(40))
    assert received.restart
    assert link.counters.lost == lost + 40


@pytest.mark.parametrize("first", [1, 3, 40])
@pytest.mark.parametrize("before", [10, 5000, 30_000, 50_000, 65_000])
def test_frames_of_the_new_run_before_its_first_totals_count_right(before: int, first: int) -> None:
    """Seen from the old run, they are old (and dropped, so lost) or far ahead (and no losses)."""
    link = Link()
    link.receive(about(0) + doing(1) + doing(before))
    lost = link.counters.lost
    heard = numbers(link.receive(undo(first) + undo(first + 1) + undo(first + 3)))
    assert link.receive(about(first + 6))[0].restart
    assert link.counters.lost == lost + first + 6 - len(heard)


def test_a_restart_while_nobody_listened_is_seen_by_the_session() -> None:
    link = Link()
    link.receive(about(0) + doing(1))
    [received] = link.receive(about(100))
    assert received.restart
    assert link.counters.lost == 100


@pytest.mark.parametrize("late", [0, 1, 20])
def test_late_copies_of_totals_are_no_restart(late: int) -> None:
    copies = [about(0), doing(1), about(2, session=7)]
    others = [undo(3 + i) for i in range(late)]
    for copy in copies[late > 1 :]:  # of those before a session only early ones are known
        link = Link()
        link.receive(b"".join(copies + others))
        assert link.receive(copy) == []
        assert (link.counters.restarts, link.counters.duplicates, link.counters.lost) == (0, 1, 0)


def test_a_late_status_that_was_thought_lost_is_no_restart() -> None:
    link = Link()
    link.receive(about(0) + doing(1) + undo(2) + undo(4))
    assert link.receive(doing(3)) == []
    assert (link.counters.restarts, link.counters.duplicates) == (0, 1)


def test_a_restart_before_any_totals() -> None:
    link = Link()
    link.receive(undo(65_500) + undo(65_501))
    [received] = link.receive(about(10))  # fewer frames than were heard
    assert (received.restart, link.counters.lost) == (True, 10)


def test_compacting_ends_a_session_without_a_restart() -> None:
    link = Link()
    link.receive(about(0) + doing(1))
    link.send(Compact())
    link.due(0.0)
    link.receive(frame(encode(Ready(0, 768, 0)), 2))
    [received] = link.receive(about(3, session=0))
    assert not received.restart
    assert (link.counters.lost, link.counters.restarts, link.session) == (0, 0, 0)


def test_a_new_session_is_no_restart() -> None:
    link = Link()
    link.receive(about(0) + doing(1, session=7) + doing(2, session=8))
    assert (link.counters.restarts, link.session) == (0, 8)


# --- requests -------------------------------------------------------------------------


def asked(message: Message, retry: RetryPolicy = LINK) -> tuple[Link, Request, bytes]:
    """A link that has sent ``message`` at time 0, as frame 9."""
    link = Link(9, retry=retry)
    request = link.send(message)
    return link, request, link.due(0.0)


def test_one_request_at_a_time_in_order() -> None:
    link = Link()
    first, second = link.send(Undo(1)), link.send(Undo(2))
    assert link.next_due == float("-inf")
    assert link.due(0.0) == frame(encode(Undo(1)), 0)
    assert link.due(0.0) == b""
    link.receive(frame(encode(Ready(0, 768, 0)), 0))
    assert (first.done, second.done, link.next_due) == (True, False, float("-inf"))
    assert link.due(0.0) == frame(encode(Undo(2)), 1)
    link.receive(frame(encode(Ready(0, 768, 1)), 1))
    assert second.done and link.next_due is None and link.due(99.0) == b""


def test_without_an_answer_the_same_frame_goes_out_again_and_slower() -> None:
    link, request, sent = asked(Undo(1), RetryPolicy(timeout=1.0, attempts=5))
    times = []
    now = 0.0
    while request.failure is None:
        assert link.next_due is not None
        now = link.next_due
        assert link.due(now - 0.001) == b""
        if again := link.due(now):
            assert again == sent
            times.append(now)
    assert times == [1.0, 3.0, 7.0, 11.0]
    assert (now, request.failure, request.tries) == (15.0, Failure.SILENT, 5)
    assert request.problem.startswith("the board did not answer Undo, sent 5 times")
    assert (link.counters.retries, link.next_due) == (4, None)


def test_after_a_failure_the_next_request_goes_out() -> None:
    link, request, _ = asked(Undo(1), RetryPolicy(attempts=1))
    link.send(Undo(2))
    assert link.due(1.0) == frame(encode(Undo(2)), 10)
    assert request.failure is Failure.SILENT


def test_an_answer_that_comes_late_still_counts() -> None:
    link, request, _ = asked(Undo(1))
    assert link.due(1.0)
    [received] = link.receive(frame(encode(Ready(64, 768, 9)), 0))
    assert received.request is request
    assert request.answer == Ready(64, 768, 9)


def test_the_answer_to_the_second_try_is_not_taken_for_the_next_request() -> None:
    link, first, _ = asked(Undo(1))
    link.due(1.0)
    ready = Ready(64, 768, 9)
    link.receive(frame(encode(ready), 0))
    second = link.send(Undo(2))
    link.due(1.1)
    [received] = link.receive(frame(encode(ready), 1))
    assert (received.request, second.done, link.counters.strays) == (None, False, 1)
    assert link.receive(frame(encode(Ready(64, 768, 10)), 2))[0].request is second


def test_a_duplicated_answer_is_dropped() -> None:
    link, request, _ = asked(Undo(1))
    data = frame(encode(Ready(64, 768, 9)), 0)
    assert len(link.receive(data + data)) == 1
    assert request.done and link.counters.strays == 0


def test_damage_on_the_way_there_sends_it_again_at_once() -> None:
    link, request, sent = asked(Undo(1), RetryPolicy(attempts=3))
    for i in range(2):
        [received] = link.receive(frame(encode(Refused(0, Refusal.DAMAGED, 0)), i))
        assert received.request is None
        assert link.next_due == float("-inf")
        assert link.due(0.0) == sent
    link.receive(frame(encode(Refused(0, Refusal.DAMAGED, 0)), 2))
    assert link.due(0.0) == b""
    assert request.failure is Failure.DAMAGED
    assert "damaged each of 3 times" in request.problem


def test_noise_that_a_board_hears_while_nothing_is_asked_does_nothing() -> None:
    link = Link()
    link.receive(frame(encode(Refused(0, Refusal.DAMAGED, 0)), 0))
    assert link.due(0.0) == b""


@pytest.mark.parametrize("why", [Refusal.SETTINGS, Refusal.ORDER, Refusal.STORE, Refusal.IMAGE])
def test_a_refusal_is_an_answer_and_a_named_failure(why: Refusal) -> None:
    link, request, _ = asked(Undo(1))
    assert link.receive(frame(encode(Refused(19, why, 8)), 0))[0].request is None  # another one's
    [received] = link.receive(frame(encode(Refused(19, why, 9)), 1))
    assert received.request is request
    assert request.answer == Refused(19, why, 9)
    assert (request.failure, request.problem) == (
        Failure.REFUSED, f"the board refuses Undo: {why.name.lower()}"
    )  # fmt: skip
    assert link.next_due is None


def test_data_answers_only_what_was_read() -> None:
    link, request, _ = asked(Read(STATE, 512, 3))
    wrong = [
        Data(STATE, 0, b"abc", 9), Data(1, 512, b"abc", 9), Data(STATE, 512, b"ab", 9), Ready(0, 768, 8),
        Data(STATE, 512, b"abc", 8),  # the late copy of an earlier answer, with what was there then
    ]  # fmt: skip
    for i, message in enumerate(wrong):
        assert link.receive(frame(encode(message), i))[0].request is None
    assert link.counters.strays == 5
    assert link.receive(frame(encode(Data(STATE, 512, b"abc", 9)), 5))[0].request is request


def test_a_board_that_heard_no_hello_is_greeted_again() -> None:
    link = Link()
    hello, configure = link.send(Hello()), link.send(Undo(5))
    link.due(0.0)
    link.receive(about(0))  # it would have been said anyway
    assert hello.done
    link.due(0.0)
    assert link.receive(frame(encode(Refused(19, Refusal.HELLO, 1)), 1))[0].request is None
    assert link.due(0.0) == frame(encode(Hello()), 2)
    link.receive(about(2))
    assert link.due(0.0) == frame(encode(Undo(5)), 3)
    link.receive(frame(encode(Ready(0, 768, 3)), 3))
    assert isinstance(configure.answer, Ready)


def test_a_board_that_never_hears_hello_is_given_up() -> None:
    link = Link(retry=RetryPolicy(attempts=2))
    request = link.send(Undo(5))
    said = []
    while out := link.due(0.0):
        [(seq, _, message)] = open_messages(Deframer().feed(out))
        said.append(type(message))
        greeted = isinstance(message, Hello)  # by an Info that it would have sent anyway
        number = len(said)
        link.receive(about(number) if greeted else frame(encode(Refused(19, Refusal.HELLO, seq)), number))
    assert said == [Undo, Hello, Undo]
    assert request.failure is Failure.REFUSED


@pytest.mark.parametrize("whole", [True, False])
def test_another_major_version_is_refused_and_both_are_named(whole: bool) -> None:
    link, hello, _ = asked(Hello())
    after = link.send(Undo(1))
    about = encode(replace(ABOUT, major=3, minor=1))
    # Whatever else another version's Info holds, it begins with its version.
    received = link.receive(frame(about if whole else about[:3] + b"new", 0))
    assert len(received) == whole
    assert hello.failure is after.failure is Failure.VERSION
    assert "protocol 3.1" in hello.problem and "odl 2.0" in hello.problem
    assert (link.version, link.due(0.0)) == ((3, 1), b"")


def test_a_board_that_refuses_the_version_without_its_own_is_asked_again() -> None:
    link, hello, _ = asked(Hello())
    number = 0
    while link.receive(frame(encode(Refused(3, Refusal.VERSION, 9)), number))[0].request is None:
        assert not hello.done
        assert link.due(0.0) == frame(encode(Hello()), 9)
        number += 1
    assert number == hello.tries - 1 > 0
    assert hello.failure is Failure.VERSION and link.due(0.0) == b""
    assert "another version" in hello.problem and "2.0" in hello.problem


def test_a_version_that_got_lost_comes_with_the_next_refusal() -> None:
    link, hello, _ = asked(Hello())
    link.receive(frame(encode(Refused(3, Refusal.VERSION, 9)), 1))
    assert link.due(0.0) == frame(encode(Hello()), 9)
    link.receive(frame(encode(replace(ABOUT, major=1, frames=2)), 2))
    assert hello.failure is Failure.VERSION and "protocol 1.0" in hello.problem
    assert link.receive(frame(encode(Refused(3, Refusal.VERSION, 9)), 3))[0].request is None


def test_another_minor_version_is_fine() -> None:
    link, hello, _ = asked(Hello())
    link.receive(frame(encode(replace(ABOUT, minor=9)), 0))
    assert hello.done and hello.failure is None
    assert link.version == (2, 9)


def test_a_restart_ends_what_was_asked_but_not_hello() -> None:
    link = Link()
    link.receive(about(0) + doing(1) + doing(99))
    out, waiting, hello = link.send(Undo(1)), link.send(Undo(2)), link.send(Hello())
    link.due(0.0)
    assert link.receive(about(0))[0].restart
    assert out.failure is waiting.failure is Failure.RESTART
    assert "restarted before it answered Undo" in out.problem
    assert link.due(0.0) and not hello.done
    link.receive(about(1))
    assert hello.answer is not None


def test_the_queue_is_bounded_and_what_has_no_bytes_is_refused_at_once() -> None:
    link = Link()
    with pytest.raises(CodecError):
        link.send(Undo(-1))
    for _ in range(ROOM):
        link.send(Undo(1))
    with pytest.raises(LinkError, match="256 requests wait"):
        link.send(Undo(1))


# --- two ends -------------------------------------------------------------------------


@dataclass
class Peer:
    """A board as docs/protocol.md has it: says what it does, and does no frame twice."""

    done: list[Message] = field(default_factory=list)
    frames: int = 0
    session: int = 0
    last: int | None = None
    deframer: Deframer = field(default_factory=lambda: Deframer(2000))

    def say(self, message: Message) -> bytes:
        if isinstance(message, Info | Status):
            message = replace(message, frames=self.frames, session=self.session)
        data = frame(encode(message), self.frames, 1000 * self.frames)
        self.frames += 1
        return data

    def take(self, data: bytes) -> bytes:
        said = b""
        for _, _, found in self.deframer.scan(data):
            if not isinstance(found, bytes):
                said += self.say(Refused(0, Refusal.DAMAGED, 0))
                continue
            seq, _, body = open_envelope(found)
            message = decode(body)
            if isinstance(message, Hello):
                self.last = None
                said += self.say(ABOUT)
            elif isinstance(message, Read):
                said += self.say(Data(message.area, message.offset, bytes(message.size), seq))
            else:
                if seq != self.last:
                    self.last = seq
                    self.done.append(message)
                    if isinstance(message, Configure):
                        self.session = message.session
                    said += self.say(message)
                said += self.say(Ready(len(self.done), 768, seq))
        return said


WISHES = [Configure(1, 0, 1, 0, 2, 4, 983, 0, 20, 0, 300, 0, 77, 0, 3000, 1, 0, ())] + [
    Undo(i) for i in range(30)
]


@pytest.mark.parametrize("seed", range(20))
def test_two_ends_over_a_bad_line(seed: int) -> None:
    """All that was asked is done once and in order, whatever the line does."""
    clock = VirtualClock(tick=0.0)
    rates = {"drop": 0.05, "flip": 0.05, "duplicate": 0.05, "delay": 0.03, "stall": 0.02, "cut": 0.02}
    there, back = (Faults(seed + k, clock=clock, longest=4, **rates) for k in (0, 1000))
    link, peer = Link(seed * 5000, retry=RetryPolicy(0.4, 20)), Peer()
    for _ in range(2):  # said before anybody listened
        peer.say(ABOUT)
    requests = [link.send(message) for message in (Hello(), *WISHES, Read(STATE, 0, 40))]
    heard, status = [], 0.0
    while not all(request.done for request in requests):
        assert clock.now < 600
        said = peer.take(there.feed(link.due(clock.now)))
        if peer.session and clock.now >= status:
            said, status = said + peer.say(DOING), clock.now + 1.0
        heard += link.receive(back.feed(said))
        clock.sleep(0.02)
    assert [request.problem for request in requests] == [""] * len(requests)
    assert peer.done == WISHES
    assert numbers(heard) == sorted(set(numbers(heard)))
    # The last totals settle what the line has lost.
    begun = heard[0].seq
    heard += link.receive(back.flush() + peer.say(DOING))
    counters = link.counters
    assert counters.restarts == 0
    assert counters.lost == peer.frames - begun - len(heard)
    assert counters.retries > 0 and there.counts and back.counts


def test_truth_and_samples_are_requests_like_all_others() -> None:
    block = np.zeros((4, 3), np.int16)
    link, peer = Link(), Peer()
    requests = [link.send(m) for m in (Hello(), Samples(0, block), Truth(0, 4, "walk"))]
    while not all(request.done for request in requests):
        link.receive(peer.take(link.due(0.0)))
    assert peer.done == [Samples(0, block), Truth(0, 4, "walk")]
