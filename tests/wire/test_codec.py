"""One table of (message, bytes) in both directions; nothing else gets through."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from odl.core.events import (
    AddClass,
    Adopt,
    Dropped,
    Gap,
    Label,
    Learned,
    Origin,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.wire import (
    TABLE,
    CodecError,
    Configure,
    Data,
    Deframer,
    Description,
    End,
    Message,
    Problem,
    Ready,
    Refused,
    Start,
    TraceHash,
    decode,
    encode,
    frame,
    is_output,
    open_envelope,
    open_messages,
)
from tests.helpers.messages import GOLDENS, messages, outputs

U64 = 2**64 - 1
ONE = "0100000000000000"
LAST = "ffffffffffffffff"


def test_the_goldens_show_every_message() -> None:
    assert {type(message) for message, _ in GOLDENS} == {row.event for row in TABLE}


@pytest.mark.parametrize(("message", "text"), GOLDENS)
def test_goldens_both_ways(message: Message, text: str) -> None:
    data = bytes.fromhex(text)
    assert encode(message) == data
    assert decode(data) == message


@pytest.mark.parametrize(("message", "text"), GOLDENS)
def test_no_cut_and_no_byte_more_is_accepted(message: Message, text: str) -> None:
    data = bytes.fromhex(text)
    with pytest.raises(CodecError) as error:
        decode(data + b"\0")
    assert error.value.problem is Problem.LENGTH
    for n in range(len(data)):
        try:
            shorter = decode(data[:n])
        except CodecError:
            continue
        # Only a block says nothing of its length: a cut between two samples is a shorter one.
        assert isinstance(message, Samples) and isinstance(shorter, Samples)
        assert np.array_equal(shorter.block, message.block[: len(shorter.block)])


@given(messages)
def test_round_trip(message: Message) -> None:
    data = encode(message)
    again = decode(data)
    assert again == message
    assert type(again) is type(message)
    assert encode(again) == data


@given(st.lists(messages, max_size=5))
def test_round_trip_over_a_line(sent: list[Message]) -> None:
    line = b"".join(frame(encode(message), seq, 1000 * seq) for seq, message in enumerate(sent))
    received = [open_envelope(payload) for payload in Deframer().feed(line)]
    assert [decode(data) for _, _, data in received] == sent
    assert [(seq, time) for seq, time, _ in received] == [(i, 1000 * i) for i in range(len(sent))]


@given(st.binary(max_size=80) | st.tuples(st.sampled_from(TABLE), st.binary(max_size=60)).map(
    lambda pair: bytes([pair[0].number]) + pair[1]))  # fmt: skip
def test_any_bytes_give_a_message_or_a_typed_error(data: bytes) -> None:
    try:
        message = decode(data)
    except CodecError as error:
        assert isinstance(error.problem, Problem)
        return
    assert isinstance(message, Start | Description) or encode(message) == data


@given(st.binary(min_size=6, max_size=6), st.integers(0, 9), st.integers(0, U64), st.binary(max_size=60))
@example(bytes(6), 1, U64, b"ab")
@example(bytes(6), 1, U64 - 1, b"ab")
@example(bytes(6), 0, 5, b"ab")
@example(bytes(6), 3, 5, b"")
def test_samples_open_by_the_short_way_as_by_the_long_one(
    envelope: bytes, channels: int, start: int, block: bytes
) -> None:
    message = b"\x10" + start.to_bytes(8, "little") + bytes([channels]) + block
    expected: Message | None = None
    with suppress(CodecError):
        expected = decode(message)
    seq, time, opened = open_envelope(envelope + message)
    [(*found, got)] = open_messages([envelope + message])
    assert (found, opened) == ([seq, time], message)
    if expected is None:
        assert isinstance(got, CodecError) and got.data == message
    else:
        assert got == expected and isinstance(got, Samples)
        assert got.block.dtype == np.int16 and not got.block.flags.writeable


@given(messages, st.data())
def test_a_changed_message_is_refused_or_is_its_own_message(message: Message, data: st.DataObject) -> None:
    hurt = bytearray(encode(message))
    hurt[data.draw(st.integers(0, len(hurt) - 1))] = data.draw(st.integers(0, 255))
    try:
        other = decode(bytes(hurt))
    except CodecError:
        return
    assert isinstance(other, Start | Description) or encode(other) == hurt


REFUSED = [
    ("", Problem.LENGTH),
    ("00", Problem.TYPE),
    ("31" + ONE, Problem.TYPE),
    ("ff", Problem.TYPE),
    ("13", Problem.LENGTH),
    ("10" + ONE + "00", Problem.LENGTH),  # no channels
    ("10" + ONE, Problem.LENGTH),
    ("10" + ONE + "020102030405", Problem.LENGTH),  # a sample and a half
    ("10" + LAST + "010000", Problem.RANGE),  # ends beyond the last index
    ("11" + ONE + LAST + "00", Problem.RANGE),
    ("11" + ONE + ONE + "02c328", Problem.TEXT),
    ("11" + ONE + ONE + "0541", Problem.LENGTH),
    ("14" + ONE + "ff000161", Problem.RANGE),  # 255 is no class
    ("14" + ONE + "010000", Problem.NAME),
    ("14" + ONE + "0100021b5b", Problem.NAME),
    ("14" + ONE + "010021" + "61" * 33, Problem.NAME),
    ("15" + ONE + "ff01", Problem.RANGE),
    ("19" + ONE + "ff", Problem.RANGE),
    ("21" + ONE + "ffff" + ONE, Problem.LENGTH),  # of version 1
    ("16" + LAST + ONE + "0161", Problem.RANGE),  # ends before it starts
    ("16" + ONE + LAST + "0109", Problem.NAME),
    ("20" + ONE + "ff01ff00", Problem.RANGE),
    ("20" + ONE + "ff00010180", Problem.RANGE),  # a score above one
    ("20" + ONE + "ff000201", Problem.LENGTH),
    ("22" + ONE + ONE + "ff00", Problem.RANGE),
    ("23" + ONE + ONE + "00", Problem.RANGE),  # no such reason
    ("23" + ONE + ONE + "09", Problem.RANGE),
    ("01" + "05000000" + b"[1,0]".hex() + "00000000", Problem.JSON),
    ("01" + "07000000" + b'{"a":1,'.hex() + "00000000", Problem.JSON),
    ("01" + "09000000" + b'{"a":NaN}'.hex() + "00000000", Problem.JSON),
    ("01" + "0b000000" + b'{"a":1e999}'.hex() + "00000000", Problem.JSON),
    ("01" + "02000000" + "fffe" + "00000000", Problem.JSON),
    ("01" + "02000000" + b"{}".hex() + "01000000", Problem.LENGTH),
    ("01" + "ffffffff" + b"{}".hex(), Problem.LENGTH),
    ("09" + "1000" + "0000", Problem.RANGE),  # no such refusal
    ("09" + "100b" + "0000", Problem.RANGE),
    ("05" + "00" * 58 + "01" + "00" * 6, Problem.LENGTH),  # a channel cut short
    ("07" + "00" + "00000000" + "02000000" + "00", Problem.LENGTH),
    ("0a" + "02000000" + b"[]".hex() + "02000000" + b"{}".hex(), Problem.JSON),
    ("0c" + "00000000" + "02000000" + "00", Problem.LENGTH),
    ("0e" + "00", Problem.LENGTH),
    ("18" + LAST + ONE + "00000000", Problem.RANGE),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_decode_refuses(text: str, problem: Problem) -> None:
    with pytest.raises(CodecError) as error:
        decode(bytes.fromhex(text))
    assert error.value.problem is problem


def test_json_that_is_nested_without_end_is_refused() -> None:
    text = b'{"a":' + b"[" * 200_000
    with pytest.raises(CodecError) as error:
        decode(b"\x01" + len(text).to_bytes(4, "little") + text + bytes(4))
    assert error.value.problem is Problem.JSON


BLOCK = np.zeros((2, 3), np.int16)
UNENCODABLE: list[tuple[Any, Problem]] = [
    ("text", Problem.TYPE),
    (Undo(-1), Problem.RANGE),
    (Undo(U64 + 1), Problem.RANGE),
    (Undo(1.5), Problem.RANGE),  # type: ignore[arg-type]
    (Teach(0, 255), Problem.RANGE),
    (Teach(0, None), Problem.RANGE),  # type: ignore[arg-type]
    (End(-1), Problem.RANGE),
    (Samples(0, BLOCK.astype(np.int32)), Problem.RANGE),  # type: ignore[arg-type]
    (Samples(0, BLOCK[0]), Problem.RANGE),
    (Samples(0, BLOCK[:, :0]), Problem.RANGE),
    (Samples(0, [[1, 2]]), Problem.RANGE),  # type: ignore[arg-type]
    (Samples(U64, BLOCK), Problem.RANGE),
    (Gap(1, U64, ""), Problem.RANGE),
    (Gap(0, 1, "x" * 256), Problem.LENGTH),
    (Gap(0, 1, "\ud800"), Problem.TEXT),
    (Label(0, 0, 255), Problem.RANGE),
    (Label(0, 0, 256), Problem.RANGE),
    (AddClass(0, 255, "a", 0), Problem.RANGE),
    (AddClass(0, 1, "", 0), Problem.NAME),
    (AddClass(0, 1, "\x1b[2J", 0), Problem.NAME),
    (AddClass(0, 1, "ü" * 17, 0), Problem.NAME),
    (Split(0, 255, 1), Problem.RANGE),
    (Truth(2, 1, "a"), Problem.RANGE),
    (Truth(1, 2, "a\n"), Problem.NAME),
    (Prediction(0, (255,), ()), Problem.RANGE),
    (Prediction(0, (256,), ()), Problem.RANGE),
    (Prediction(0, 3, ()), Problem.RANGE),  # type: ignore[arg-type]
    (Prediction(0, (), (32769,)), Problem.RANGE),
    (Prediction(0, (), (-1,)), Problem.RANGE),
    (Prediction(0, (), (0,) * 256), Problem.RANGE),
    (Prediction(0, (), (), 255), Problem.RANGE),
    (Query(0, 65536, 0), Problem.RANGE),
    (Learned(0, 0, 255, 0), Problem.RANGE),
    (Dropped(0, 0, 99), Problem.RANGE),  # type: ignore[arg-type]
    (Ready(0, 65536, 0), Problem.RANGE),
    (Ready(0, 0, 65536), Problem.RANGE),
    (Refused(0, 99, 0), Problem.RANGE),  # type: ignore[arg-type]
    (Data(0, 2**32, b""), Problem.RANGE),
    (Configure(*(0,) * 17, ((2**32, 0, 0),)), Problem.RANGE),
    (Configure(*(0,) * 17, ((0, 0),)), Problem.RANGE),  # type: ignore[arg-type]
    (Description({}, []), Problem.JSON),  # type: ignore[arg-type]
    (Adopt(1, U64, b""), Problem.RANGE),
    (Origin(0, "x" * 256, 0, 0), Problem.LENGTH),
    (Start({"a": float("nan")}, b""), Problem.JSON),
    (Start({"a": object()}, b""), Problem.JSON),
    (Start([1], b""), Problem.JSON),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("message", "problem"), UNENCODABLE)
def test_encode_refuses_what_decode_would(message: Any, problem: Problem) -> None:
    with pytest.raises(CodecError) as error:
        encode(message)
    assert error.value.problem is problem


def test_blocks_are_views_that_cannot_be_written_to() -> None:
    samples = decode(encode(Samples(0, BLOCK)))
    assert isinstance(samples, Samples)
    assert samples.block.dtype == np.int16
    assert not samples.block.flags.writeable
    assert not samples.block.flags.owndata


def test_a_block_of_any_layout_has_the_same_bytes() -> None:
    block = np.arange(12, dtype=np.int16).reshape(4, 3)
    expected = encode(Samples(0, block))
    assert encode(Samples(0, np.asfortranarray(block))) == expected
    assert encode(Samples(0, np.repeat(block, 2, axis=0)[::2])) == expected


def test_configuration_has_one_byte_form() -> None:
    one = Start({"b": [1, 2.5], "a": {"d": None, "c": "ü"}}, b"")
    other = Start({"a": {"c": "ü", "d": None}, "b": [1, 2.5]}, b"")
    assert encode(one) == encode(other)
    assert json.dumps(one.config, sort_keys=True, separators=(",", ":")).encode() in encode(one)


@given(st.lists(outputs, max_size=6))
def test_trace_hash(events: list[Output]) -> None:
    from_events, from_bytes, plain = TraceHash(), TraceHash(), hashlib.sha256()
    for event in events:
        data = encode(event)
        from_events.add(event)
        from_bytes.add(data)
        plain.update(len(data).to_bytes(4, "little"))
        plain.update(data)
    assert from_events.hexdigest() == from_bytes.hexdigest() == plain.hexdigest()
    assert from_events.count == len(events)


def test_outputs_are_what_a_session_says() -> None:
    said = {type(message) for message, _ in GOLDENS if is_output(message)}
    assert said == {Prediction, Query, Learned, Dropped}
