"""The line to a board: what it answers, what it refuses, and that a session over it is the session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import random_image
from line import Line, configure, understood
from streams import Script, config, configs, inputs, scripts

from odl.core import Fused
from odl.events import AddClass, Gap, Label, Output, Prediction, Samples, Split, Truth, Undo
from odl.session import Session
from odl.wire import (
    End,
    Hello,
    Info,
    Message,
    ReadState,
    Ready,
    Refusal,
    Refused,
    Start,
    StateBytes,
    cobs_encode,
    encode,
    frame,
)

IMAGE = random_image(3, tree=True)
NOW = 2**64 - 1
SOME = settings(max_examples=max(1, settings.default.max_examples // 8))
CONFIG = config("periodic")
BLOCK = np.arange(48 * 3, dtype=np.int16).reshape(48, 3)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    return Line(IMAGE, tmp_path_factory.mktemp("line"))


def conversation(session: Session, script: Script) -> tuple[list[Message], list[Message]]:
    """What a host would send for ``script``, and what it would hear."""
    sent: list[Message] = []
    heard: list[Message] = []
    for event, outputs in inputs(script, session):
        assert not isinstance(event, Samples) or len(event.block) <= 100
        sent.append(event)
        heard += [*outputs, Ready(session.position, 768)]
    return sent, heard


@SOME
@given(configs(), scripts())
def test_a_session_over_the_line_is_the_session(line: Line, choice: Any, script: Script) -> None:
    acts = [
        (kind, *([min(values[0], 100)] if kind == "samples" else values)) for kind, *values in script.acts
    ]
    session = Session(IMAGE, choice)
    sent, expected = conversation(session, Script(script.seed, acts))
    core = session._core
    assert isinstance(core, Fused)
    whole = session.snapshot()
    reads = [ReadState(at, min(500, len(whole) - at)) for at in range(0, len(whole), 500)]
    heard = line.tell(Hello(), configure(choice), *sent, *reads)
    assert isinstance(heard[0], Info) and heard[0].state + heard[0].log == len(whole)
    assert heard[1] == Ready(0, 768)
    told = heard[2 : 2 + len(expected)]
    assert told == expected
    assert heard[2 + len(expected) :] == [
        StateBytes(at.offset, whole[at.offset : at.offset + at.size]) for at in reads
    ]


def test_info_is_what_the_image_says(line: Line) -> None:
    (info,) = line.tell(Hello())
    core = Fused(IMAGE, CONFIG)
    assert info == Info(
        1, 0, 3, 40, 8, 768, 50_000, IMAGE.checksum, core.state.nbytes, core.log.nbytes, 0, "host"
    )  # fmt: skip


def test_the_bytes_of_a_frame_are_those_that_python_writes(line: Line) -> None:
    heard = line.say(frame(encode(Hello())) + frame(encode(configure(CONFIG))))
    info, ready = understood(heard)
    assert heard == frame(encode(info), 0) + frame(encode(ready), 1)


@pytest.mark.parametrize("size", [250, 251, 252, 253, 254, 255, 256, 507, 508, 509, 510])
def test_a_long_frame_is_cobs_as_python_writes_it(line: Line, size: int) -> None:
    """State bytes around the sizes where a group is full."""
    heard = line.say(b"".join(frame(encode(m)) for m in (Hello(), configure(CONFIG), ReadState(0, size))))
    *_, state = understood(heard)
    assert isinstance(state, StateBytes) and len(state.data) == size
    assert heard.endswith(frame(encode(state), 2))


REFUSED = [
    ([Hello(2, 0)], Refused(3, Refusal.VERSION)),
    ([Hello(0, 9)], Refused(3, Refusal.VERSION)),
    ([configure(CONFIG)], Refused(5, Refusal.HELLO)),
    ([Samples(0, BLOCK)], Refused(16, Refusal.HELLO)),
    ([Hello(), Samples(0, BLOCK)], Refused(16, Refusal.CONFIGURE)),
    ([Hello(), Undo(0)], Refused(19, Refusal.CONFIGURE)),
    ([Hello(), Truth(0, 1, "a")], Refused(22, Refusal.CONFIGURE)),
    ([Hello(), ReadState(0, 65535)], Refused(6, Refusal.PLACE)),
    ([Hello(), ReadState(2**32 - 1, 2)], Refused(6, Refusal.PLACE)),
    ([Hello(), End(0)], Refused(2, Refusal.MESSAGE)),
    ([Hello(), Start({}, b"")], Refused(1, Refusal.MESSAGE)),
    ([Hello(), Ready(0, 0)], Refused(8, Refusal.MESSAGE)),
    ([Hello(), Prediction(0, (), ())], Refused(32, Refusal.MESSAGE)),
]
CONFIGURED = [
    (Samples(1, BLOCK), Refused(16, Refusal.ORDER)),
    (Samples(0, BLOCK[:, :2]), Refused(16, Refusal.MESSAGE)),
    (Gap(1, 5, ""), Refused(17, Refusal.ORDER)),
    (Gap(0, 2**62, ""), Refused(17, Refusal.ORDER)),
    (Gap(0, 2**64 - 1, ""), Refused(17, Refusal.ORDER)),
    (Label(1, 0, 0), Refused(18, Refusal.ORDER)),
    (Undo(2), Refused(19, Refusal.ORDER)),
    (AddClass(3, 7, "a", 0), Refused(20, Refusal.ORDER)),
    (Split(4, 0, 1), Refused(21, Refusal.ORDER)),
]


@pytest.mark.parametrize(("messages", "answer"), REFUSED)
def test_refused(line: Line, messages: list[Message], answer: Refused) -> None:
    assert line.tell(*messages)[-1] == answer


@pytest.mark.parametrize(("message", "answer"), CONFIGURED)
def test_an_input_in_the_wrong_place_changes_nothing(line: Line, message: Message, answer: Refused) -> None:
    heard = line.tell(Hello(), configure(CONFIG), message, Samples(0, BLOCK), Label(NOW, 3, None))
    outputs = Session(IMAGE, CONFIG).step(Samples(0, BLOCK))
    assert heard[2 : 4 + len(outputs)] == [answer, *outputs, Ready(48, 768)]


@pytest.mark.parametrize(
    "changes",
    [{"rule": 9}, {"keep": 2}, {"hold": 2}, {"step": 0}, {"batch": 0}, {"batch": 200}, {"seed": 0},
     {"patience": 0}, {"patience": 2**64 - 1}, {"allowed": 2**32 - 1}, {"period": 2**31}, {"change": 40000},
     {"scaling": ((2**31, 0, 0),) * 3}, {"scaling": ((1, 61, 0),) * 3}],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(line: Line, changes: dict[str, Any]) -> None:
    bad = replace(configure(CONFIG), **changes)
    assert line.tell(Hello(), bad)[-1] == Refused(5, Refusal.SETTINGS)
    heard = line.tell(Hello(), configure(CONFIG), Samples(0, BLOCK), bad, Samples(48, BLOCK))
    assert heard[-1] == Ready(96, 768)  # what ran goes on


def test_settings_for_other_channels_are_no_message(line: Line) -> None:
    two = replace(configure(CONFIG), scaling=((1, 0, 0),) * 2)
    assert line.tell(Hello(), two)[-1] == Refused(5, Refusal.MESSAGE)


def test_a_name_with_a_control_character_is_no_message(line: Line) -> None:
    begin = b"".join(frame(encode(m)) for m in (Hello(), configure(CONFIG)))
    for name in (b"", b"a\x1b", b"\x7f", b"a" * 33):
        message = b"\x14" + bytes(8) + b"\x07\x00" + bytes([len(name)]) + name
        assert understood(line.say(begin + frame(message)))[-1] == Refused(20, Refusal.MESSAGE)
    assert understood(line.say(begin + frame(encode(AddClass(0, 7, "Übung", 0)))))[-1] == Ready(0, 768)


def test_now_is_where_the_stream_stands(line: Line) -> None:
    session = Session(IMAGE, CONFIG)
    expected = session.step(Samples(0, BLOCK))
    expected += [*session.step(Label(48, 0, 1)), *session.step(Undo(48))]
    heard = line.tell(Hello(), configure(CONFIG), Samples(0, BLOCK), Label(NOW, 0, 1), Undo(NOW))
    outputs: list[Output] = [m for m in heard[2:] if not isinstance(m, Ready)]  # type: ignore[misc]
    assert outputs == expected


def test_damage_is_answered_and_harms_nothing(line: Line) -> None:
    hello, good = frame(encode(Hello())), frame(encode(configure(CONFIG)))
    hurt = bytearray(good)
    hurt[20] ^= 0x55
    assert hurt[20] != 0
    too_long = b"\0" + cobs_encode(bytes(range(1, 251)) * 4) + b"\0"
    short = b"\0" + cobs_encode(bytes(10)) + b"\0"
    cut = b"\0\x09abc\0"
    for noise in (bytes(hurt), too_long, short, cut, b"\0\x01\0", b"\0\xff\xff\xff\0"):
        heard = understood(line.say(noise + hello + noise + good))
        assert heard[0] == heard[2] == Refused(0, Refusal.DAMAGED)
        assert isinstance(heard[1], Info) and heard[3] == Ready(0, 768)
    assert len(understood(line.say(b"\0\0\0" + hello + b"\0\0"))) == 1  # meeting delimiters are no frame


def test_the_longest_frame_is_taken(line: Line) -> None:
    most = (768 - 4 - 6 - 10) // 6
    block = np.full((most + 1, 3), 257, np.int16)
    begin = (Hello(), configure(CONFIG))
    assert line.tell(*begin, Samples(0, block[:-1]))[-1] == Ready(most, 768)
    assert line.tell(*begin, Samples(0, block))[-1] == Refused(0, Refusal.DAMAGED)


def test_keep_goes_on_from_the_log(line: Line) -> None:
    acts: list[tuple[Any, ...]] = [("class", 9, 0)]
    for n in range(12):
        acts += [("samples", 24), ("label", 0, (0, 9, 4)[n % 3])]
    often = config("periodic", allowed=40, batch=1, patience=30)
    session = Session(IMAGE, often)
    sent, _ = conversation(session, Script(3, acts))
    core = session._core
    log = core.log[: int(core.state["n_log"][0])]
    again = configure(often, keep=True)
    begin = [Hello(), configure(often), *sent]
    heard = line.tell(*begin, again, ReadState(0, core.state.nbytes))
    assert (log["kind"] == 1).sum() >= 4
    ends = log["window"] + np.where(log["kind"] <= 1, IMAGE.window, 0)
    assert heard[-2] == Ready(int(ends.max()), 768)
    kept = np.frombuffer(heard[-1].data, core.state.dtype)  # type: ignore[union-attr]
    assert np.array_equal(kept["weights"], core.state["weights"])
    assert np.array_equal(kept["n_log"], core.state["n_log"])
    heard = line.tell(*begin, configure(often), ReadState(0, core.state.nbytes))
    fresh = Fused(IMAGE, often).state
    assert heard[-1].data == fresh.tobytes()  # type: ignore[union-attr]


@SOME
@given(st.binary(max_size=400), st.integers(0, 2**32))
def test_noise_before_and_between_costs_nothing_but_itself(line: Line, noise: bytes, seed: int) -> None:
    noise = noise + b"\0"
    heard = understood(line.say(noise + frame(encode(Hello())) + noise + frame(encode(configure(CONFIG)))))
    good = [message for message in heard if not isinstance(message, Refused)]
    assert [type(message) for message in good] == [Info, Ready]
