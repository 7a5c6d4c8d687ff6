"""The line to a board: what it answers, what it refuses, and that a session over it is the session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.events import (
    AddClass,
    Adopt,
    ChangeClass,
    Gap,
    Label,
    Origin,
    Prediction,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.core.fused import Fused
from odl.core.session import Session
from odl.model.profile import WearerProfile
from odl.wire import (
    IMAGE as IMAGE_AREA,
)
from odl.wire import (
    STATE,
    Compact,
    Data,
    Description,
    End,
    Hello,
    Info,
    Install,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Remember,
    Start,
    Status,
    Upload,
    cobs_encode,
    encode,
    frame,
)
from tests.helpers.core_link import CoreLine, configure, understood
from tests.helpers.images import random_image
from tests.helpers.streams import Script, config, configs, inputs, scripts

IMAGE = random_image(3, tree=True)
NOW = 2**64 - 1
COMMANDS = (Label, Teach, Undo, AddClass, Split, ChangeClass)
SOME = settings(max_examples=max(1, settings.default.max_examples // 8))
CONFIG = config("periodic")
BLOCK = np.arange(48 * 3, dtype=np.int16).reshape(48, 3)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CoreLine:
    return CoreLine(IMAGE, tmp_path_factory.mktemp("line"))


def conversation(session: Session, script: Script) -> tuple[list[Message], list[Message]]:
    """What a host would send for ``script`` as frames from 2 on, and what it would hear."""
    sent: list[Message] = []
    heard: list[Message] = []
    for event, outputs in inputs(script, session):
        assert not isinstance(event, Samples) or len(event.block) <= 100
        echo = [event] if isinstance(event, COMMANDS) else []
        heard += [*echo, *outputs, Ready(session.position, 768, 2 + len(sent))]
        sent.append(event)
    return sent, heard


@SOME
@given(configs(), scripts())
def test_a_session_over_the_line_is_the_session(line: CoreLine, choice: Any, script: Script) -> None:
    acts = [
        (kind, *([min(values[0], 100)] if kind == "samples" else values)) for kind, *values in script.acts
    ]
    session = Session(IMAGE, choice)
    sent, expected = conversation(session, Script(script.seed, acts))
    core = session._core
    assert isinstance(core, Fused)
    whole = session.snapshot()
    reads = [Read(STATE, at, min(500, len(whole) - at)) for at in range(0, len(whole), 500)]
    heard = line.exchange(Hello(), configure(choice), *sent, *reads)
    assert isinstance(heard[0], Info) and heard[0].state + heard[0].log == len(whole)
    assert heard[1] == Ready(0, 768, 1)
    told = heard[2 : 2 + len(expected)]
    assert told == expected
    assert heard[2 + len(expected) :] == [
        Data(STATE, at.offset, whole[at.offset : at.offset + at.size], 2 + len(sent) + i)
        for i, at in enumerate(reads)
    ]


def test_info_is_what_the_image_says(line: CoreLine) -> None:
    (info,) = line.exchange(Hello())
    core = Fused(IMAGE, CONFIG)
    assert info == Info(
        2, 0, 3, 40, 8, 768, 50_000, IMAGE.checksum, len(IMAGE.to_bytes()), 65536, core.state.nbytes,
        core.log.nbytes, 0, 0, 0, "host",
    )  # fmt: skip


def test_the_bytes_of_a_frame_are_those_that_python_writes(line: CoreLine) -> None:
    heard = line.say(frame(encode(Hello())) + frame(encode(configure(CONFIG))))
    info, description, ready = understood(heard)
    assert heard == frame(encode(info), 0) + frame(encode(description), 1) + frame(encode(ready), 2)


@pytest.mark.parametrize("size", [250, 251, 252, 253, 254, 255, 256, 507, 508, 509, 510])
def test_a_long_frame_is_cobs_as_python_writes_it(line: CoreLine, size: int) -> None:
    """State bytes around the sizes where a group is full."""
    heard = line.say(b"".join(frame(encode(m)) for m in (Hello(), configure(CONFIG), Read(STATE, 0, size))))
    *_, state = understood(heard)
    assert isinstance(state, Data) and len(state.data) == size
    assert heard.endswith(frame(encode(state), 3))


REFUSED = [
    ([Hello(3, 0)], (3, Refusal.VERSION)),
    ([Hello(1, 0)], (3, Refusal.VERSION)),
    ([Hello(0, 9)], (3, Refusal.VERSION)),
    ([configure(CONFIG)], (5, Refusal.HELLO)),
    ([Samples(0, BLOCK)], (16, Refusal.HELLO)),
    ([Hello(), Samples(0, BLOCK)], (16, Refusal.CONFIGURE)),
    ([Hello(), Undo(0)], (19, Refusal.CONFIGURE)),
    ([Hello(), Teach(0, 1)], (25, Refusal.CONFIGURE)),
    ([Hello(), Truth(0, 1, "a")], (22, Refusal.CONFIGURE)),
    ([Hello(), Read(STATE, 0, 65535)], (6, Refusal.PLACE)),
    ([Hello(), Read(IMAGE_AREA, 2**32 - 1, 2)], (6, Refusal.PLACE)),
    ([Hello(), Read(3, 0, 1)], (6, Refusal.PLACE)),
    ([Read(STATE, 0, 1)], (6, Refusal.HELLO)),
    ([Compact()], (14, Refusal.HELLO)),
    ([Hello(), Upload(65535, b"ab")], (12, Refusal.PLACE)),
    ([Hello(), Upload(2**32 - 1, b"ab")], (12, Refusal.PLACE)),
    ([Hello(), Install(8, 0)], (13, Refusal.IMAGE)),
    ([Hello(), Install(2**32 - 1, 0)], (13, Refusal.IMAGE)),
    ([Hello(), Status(0, 0, 0, 0, 0, 0)], (11, Refusal.MESSAGE)),
    ([Hello(), Description({}, {})], (10, Refusal.MESSAGE)),
    ([Hello(), Origin(0, "button", 0, 0)], (23, Refusal.MESSAGE)),
    ([Hello(), Adopt(0, 0, b"")], (24, Refusal.MESSAGE)),
    ([Hello(), End(0)], (2, Refusal.MESSAGE)),
    ([Hello(), Start({}, b"")], (1, Refusal.MESSAGE)),
    ([Hello(), Ready(0, 0, 0)], (8, Refusal.MESSAGE)),
    ([Hello(), Prediction(0, (), ())], (32, Refusal.MESSAGE)),
]
CONFIGURED = [
    (Samples(1, BLOCK), (16, Refusal.ORDER)),
    (Samples(0, BLOCK[:, :2]), (16, Refusal.MESSAGE)),
    (Gap(1, 5, ""), (17, Refusal.ORDER)),
    (Gap(0, 2**62, ""), (17, Refusal.ORDER)),
    (Gap(0, 2**64 - 1, ""), (17, Refusal.ORDER)),
    (Label(1, 0, 0), (18, Refusal.ORDER)),
    (Undo(2), (19, Refusal.ORDER)),
    (Teach(2, 1), (25, Refusal.ORDER)),
    (AddClass(3, 7, "a", 0), (20, Refusal.ORDER)),
    (Split(4, 0, 1), (21, Refusal.ORDER)),
    (ChangeClass(4, 0, 1, "a"), (26, Refusal.ORDER)),
]


@pytest.mark.parametrize(("messages", "answer"), REFUSED)
def test_refused(line: CoreLine, messages: list[Message], answer: tuple[int, Refusal]) -> None:
    assert line.exchange(*messages)[-1] == Refused(*answer, reply=len(messages) - 1)


def test_a_host_of_another_version_hears_which_version_the_board_speaks(line: CoreLine) -> None:
    """However its Hello goes on; and it is not greeted by that."""
    (info,) = line.exchange(Hello())
    for rest in (b"", b"\x00more"):
        heard = understood(line.say(frame(b"\x03\x01\x00" + rest, 5) + frame(encode(Compact()), 6)))
        assert heard == [info, Refused(3, Refusal.VERSION, 5), Refused(14, Refusal.HELLO, 6)]
    heard = understood(line.say(frame(b"\x03\x02\x00\x00", 5) + frame(encode(Compact()), 6)))
    assert heard == [info, Refused(3, Refusal.MESSAGE, 5), Refused(14, Refusal.HELLO, 6)]
    for message in (b"\x03", b"\x03\x01"):
        assert understood(line.say(frame(message, 5))) == [Refused(3, Refusal.MESSAGE, 5)]


@pytest.mark.parametrize(("message", "answer"), CONFIGURED)
def test_an_input_in_the_wrong_place_changes_nothing(
    line: CoreLine, message: Message, answer: tuple[int, Refusal]
) -> None:
    heard = line.exchange(Hello(), configure(CONFIG), message, Samples(0, BLOCK), Label(NOW, 3, None))
    outputs = Session(IMAGE, CONFIG).step(Samples(0, BLOCK))
    assert heard[2 : 4 + len(outputs)] == [Refused(*answer, reply=2), *outputs, Ready(48, 768, 3)]


@pytest.mark.parametrize(
    "changes",
    [{"rule": 255}, {"keep": 2}, {"hold": 2}, {"step": 0}, {"batch": 0}, {"batch": 200}, {"seed": 0},
     {"patience": 0}, {"patience": 2**64 - 1}, {"every": 2**31}, {"allowed": 2**32 - 1},
     {"period": 2**31}, {"change": 40000},
     {"scaling": ((2**31, 0, 0),) * 3}, {"scaling": ((1, 61, 0),) * 3}, {"session": 0}, {"issued": 2**31},
     {"position": 2**62}, {"position": 2**64 - 1}],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(line: CoreLine, changes: dict[str, Any]) -> None:
    bad = replace(configure(CONFIG), **changes)
    assert line.exchange(Hello(), bad)[-1] == Refused(5, Refusal.SETTINGS, 1)
    heard = line.exchange(Hello(), configure(CONFIG), Samples(0, BLOCK), bad, Samples(48, BLOCK))
    assert heard[-1] == Ready(96, 768, 4)  # what ran goes on


def test_settings_for_other_channels_are_no_message(line: CoreLine) -> None:
    two = replace(configure(CONFIG), scaling=((1, 0, 0),) * 2)
    assert line.exchange(Hello(), two)[-1] == Refused(5, Refusal.MESSAGE, 1)


def test_a_name_with_a_control_character_is_no_message(line: CoreLine) -> None:
    begin = b"".join(frame(encode(m), n) for n, m in enumerate((Hello(), configure(CONFIG))))
    for name in (b"", b"a\x1b", b"\x7f", b"a" * 33):
        message = b"\x14" + bytes(8) + b"\x07\x00" + bytes([len(name)]) + name
        assert understood(line.say(begin + frame(message, 2)))[-1] == Refused(20, Refusal.MESSAGE, 2)
    assert understood(line.say(begin + frame(encode(AddClass(0, 7, "Übung", 0)), 2)))[-1] == Ready(0, 768, 2)


def test_nothing_is_taught_without_a_class(line: CoreLine) -> None:
    begin = b"".join(frame(encode(m), n) for n, m in enumerate((Hello(), configure(CONFIG))))
    for message in (b"\x19" + bytes(8) + b"\xff", b"\x19" + bytes(8), b"\x19" + bytes(10)):
        assert understood(line.say(begin + frame(message, 2)))[-1] == Refused(25, Refusal.MESSAGE, 2)


def test_now_is_where_the_stream_stands(line: CoreLine) -> None:
    """And the board says where that was: its echo comes before what came of the command."""
    session = Session(IMAGE, CONFIG)
    expected: list[Message] = [*session.step(Samples(0, BLOCK))]
    commands = [
        Label(48, 0, 1),
        AddClass(48, 9, "nine", 0),
        Split(48, 9, 2),
        AddClass(48, 9, "again", 0),
        Teach(48, 9),
        Teach(48, 99),
        Undo(48),
        ChangeClass(48, 0, 1, "merged"),
        ChangeClass(48, 1, None, "gone"),
        ChangeClass(48, 99, None, "nobody"),
        Undo(48),
    ]
    for command in commands:
        expected += [command, *session.step(command)]
    heard = line.exchange(
        Hello(), configure(CONFIG), Samples(0, BLOCK), *(replace(command, at=NOW) for command in commands)
    )
    assert [m for m in heard[2:] if not isinstance(m, Ready)] == expected


def test_damage_is_answered_and_harms_nothing(line: CoreLine) -> None:
    hello, good = frame(encode(Hello())), frame(encode(configure(CONFIG)))
    hurt = bytearray(good)
    hurt[20] ^= 0x55
    assert hurt[20] != 0
    too_long = b"\0" + cobs_encode(bytes(range(1, 251)) * 4) + b"\0"
    short = b"\0" + cobs_encode(bytes(10)) + b"\0"
    cut = b"\0\x09abc\0"
    for noise in (bytes(hurt), too_long, short, cut, b"\0\x01\0", b"\0\xff\xff\xff\0"):
        heard = understood(line.say(noise + hello + noise + good))
        assert heard[0] == heard[3] == Refused(0, Refusal.DAMAGED, 0)
        assert isinstance(heard[1], Info) and heard[4] == Ready(0, 768, 0)
    assert len(understood(line.say(b"\0\0\0" + hello + b"\0\0"))) == 2  # meeting delimiters are no frame


def test_the_longest_frame_is_taken(line: CoreLine) -> None:
    most = (768 - 4 - 6 - 10) // 6
    block = np.full((most + 1, 3), 257, np.int16)
    begin = (Hello(), configure(CONFIG))
    assert line.exchange(*begin, Samples(0, block[:-1]))[-1] == Ready(most, 768, 2)
    assert line.exchange(*begin, Samples(0, block))[-1] == Refused(0, Refusal.DAMAGED, 0)


def test_keep_goes_on_from_the_log(line: CoreLine) -> None:
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
    heard = line.exchange(*begin, again, Read(STATE, 0, core.state.nbytes))
    assert (log["kind"] == 1).sum() >= 4
    ends = log["window"] + np.where(log["kind"] == 1, IMAGE.window, 0)
    assert heard[-2] == Ready(int(ends.max()), 768, len(begin))
    session.resume()
    assert core.state["refitting"] and not core.state["learned"]  # the heads are the image's until it is done
    assert heard[-1].data == core.state.tobytes()  # type: ignore[union-attr]
    heard = line.exchange(*begin, configure(often), Read(STATE, 0, core.state.nbytes))
    fresh = Fused(IMAGE, often).state
    assert heard[-1].data == fresh.tobytes()  # type: ignore[union-attr]


@SOME
@given(st.binary(max_size=400), st.integers(0, 2**32))
def test_noise_before_and_between_costs_nothing_but_itself(line: CoreLine, noise: bytes, seed: int) -> None:
    noise = noise + b"\0"
    heard = understood(line.say(noise + frame(encode(Hello())) + noise + frame(encode(configure(CONFIG)))))
    good = [message for message in heard if not isinstance(message, Refused)]
    assert [type(message) for message in good] == [Info, Description, Ready]


# --- retries ------------------------------------------------------------------------------


def test_a_frame_that_comes_again_is_answered_again_and_done_once(line: CoreLine) -> None:
    """Whatever answers Ready, and wherever the stream stands by the time of the retry."""
    config, data = config_often(), IMAGE.to_bytes()
    once = [
        Hello(), configure(config), AddClass(0, 9, "nine", 0), Samples(0, BLOCK), Label(NOW, 0, 1), Undo(NOW),
        Split(NOW, 9, 2), Gap(48, 5, ""), Truth(0, 9, "a"), Upload(0, data[:600]), Compact(),
        Install(len(data), IMAGE.checksum), configure(config, keep=True), Samples(48, BLOCK),
    ]  # fmt: skip
    plain = line.exchange(*once)
    twice = understood(line.say(b"".join(2 * frame(encode(m), n) for n, m in enumerate(once))))
    answers = [m for m in plain if isinstance(m, Ready | Refused)]
    assert [m.why for m in answers if isinstance(m, Refused)] == [Refusal.IMAGE]
    heard = [m for m in twice if not isinstance(m, Info | Description)]
    expected = []
    for message in plain[1:]:
        expected += 2 * [message] if isinstance(message, Ready | Refused) else [message]
    assert heard == expected


def config_often() -> Any:
    return config("periodic", allowed=40, batch=1, patience=30)


def test_a_retry_is_told_where_the_stream_stood(line: CoreLine) -> None:
    first, second = frame(encode(Samples(0, BLOCK)), 2), frame(encode(Samples(48, BLOCK)), 3)
    begin = frame(encode(Hello()), 0) + frame(encode(configure(CONFIG)), 1)
    heard = understood(line.say(begin + first + first + second + first))
    assert heard[-1] == Refused(16, Refusal.ORDER, 2)  # older than the last: it cannot be a retry
    assert [m for m in heard if isinstance(m, Ready)] == [
        Ready(0, 768, 1), Ready(48, 768, 2), Ready(48, 768, 2), Ready(96, 768, 3),
    ]  # fmt: skip


def test_hello_forgets_the_last_frame(line: CoreLine) -> None:
    frames = [frame(encode(m), n) for n, m in ((0, Hello()), (5, configure(CONFIG)), (6, Hello()))]
    heard = understood(line.say(b"".join(frames) + frame(encode(Samples(0, BLOCK)), 5)))
    assert heard[-1] == Ready(48, 768, 5)


# --- images, descriptions, sessions --------------------------------------------------------


def test_the_image_can_be_read_whole(line: CoreLine) -> None:
    data = IMAGE.to_bytes()
    reads = [Read(IMAGE_AREA, at, min(700, len(data) - at)) for at in range(0, len(data), 700)]
    parts = line.exchange(Hello(), *reads)[1:]
    assert b"".join(part.data for part in parts if isinstance(part, Data)) == data
    assert all(isinstance(part, Data) and part.area == IMAGE_AREA for part in parts)


def test_the_description_is_the_boards_and_the_card_of_the_image(line: CoreLine) -> None:
    heard = understood(line.say(frame(encode(Hello()))))
    description = heard[1]
    assert isinstance(description, Description)
    assert description.board == {"channels": None, "name": "host", "rate_hz": None, "sensor": "link"}
    assert {int(cls): name for cls, name in description.model["classes"].items()} == IMAGE.names
    assert [c["name"] for c in description.model["channels"]] == [c.name for c in IMAGE.channels]


def test_an_image_is_installed_when_it_is_whole(line: CoreLine) -> None:
    data = IMAGE.to_bytes()
    pieces = [Upload(at, data[at : at + 700]) for at in range(0, len(data), 700)]
    install = Install(len(data), IMAGE.checksum)
    assert isinstance(line.exchange(Hello(), *pieces, install)[-1], Ready)
    hurt = bytearray(data)
    hurt[len(data) // 2] ^= 1
    spoilt = [Upload(at, bytes(hurt[at : at + 700])) for at in range(0, len(data), 700)]
    for wrong in (
        [*pieces[:-1], install], [*spoilt, install], [*pieces, Install(len(data), 1)],
        [*pieces, Install(len(data) - 1, IMAGE.checksum)], [install],
    ):  # fmt: skip
        assert line.exchange(Hello(), *wrong)[-1] == Refused(13, Refusal.IMAGE, len(wrong))


def test_info_tells_the_session_and_how_many_frames_there_were(line: CoreLine) -> None:
    heard = understood(line.say(b"".join(
        frame(encode(m), n) for n, m in enumerate((Hello(), configure(CONFIG), Samples(0, BLOCK), Hello()))
    )))  # fmt: skip
    places = [n for n, m in enumerate(heard) if isinstance(m, Info)]
    infos = [m for m in heard if isinstance(m, Info)]
    assert [(info.session, info.frames, info.position) for info in infos] == [
        (0, places[0], 0), (77, places[1], 48),
    ]  # fmt: skip


def learned(line: CoreLine) -> tuple[Session, list[Message]]:
    """A session with labels, one of them undone, and what to send for it."""
    acts: list[tuple[Any, ...]] = [("class", 9, 0)]
    for n in range(12):
        acts += [("samples", 24), ("label", 0, (0, 9, 4)[n % 3])]
    session = Session(IMAGE, config_often())
    sent, _ = conversation(session, Script(3, [*acts, ("undo",)]))
    return session, [Hello(), configure(config_often()), *sent]


@pytest.mark.parametrize(
    ("position", "issued", "keep"), [(0, 0, True), (900, 3, True), (5, 40, False), (777, 2, False)]
)
@pytest.mark.parametrize("period", [0, 200])
def test_a_session_begins_where_the_host_says(
    line: CoreLine, position: int, issued: int, keep: bool, period: int
) -> None:
    session, begin = learned(line)
    other = replace(config_often(), period=period, in_samples=period > 0)
    twin = Session(IMAGE, other)
    twin.restore(session.snapshot())
    twin.resume(position, issued, keep)
    whole = twin.snapshot()
    expected: list[Message] = []
    more = [Samples(twin.position + 48 * n, BLOCK) for n in range(4)]
    start = twin.position
    for event in more:
        expected += twin.step(event)
    again = configure(other, keep, position, issued)
    heard = line.exchange(*begin, again, Read(STATE, 0, len(whole)), *more)
    at = heard.index(Ready(start, 768, len(begin)))
    assert heard[at + 1] == Data(STATE, 0, whole, len(begin) + 1)
    assert [m for m in heard[at + 2 :] if not isinstance(m, Ready)] == expected


def test_compacting_keeps_the_log_and_ends_the_session(line: CoreLine) -> None:
    session, begin = learned(line)
    core = session._core
    kept = core.log[: int(core.state["n_log"][0])]
    assert len(kept) and session.counts["undone"]
    read = Read(STATE, 0, len(session.snapshot()))
    heard = line.exchange(
        *begin, Compact(), Samples(session.position, BLOCK), configure(config_often(), True), read
    )
    assert heard[-3] == Refused(16, Refusal.CONFIGURE, len(begin) + 1)
    twin = Session(IMAGE, config_often())
    twin._core.log[: len(kept)] = kept
    twin._core.state["n_log"] = len(kept)
    twin.resume()
    assert heard[-1] == Data(STATE, 0, twin.snapshot(), len(begin) + 3)


def test_a_board_knows_what_another_session_was_taught(line: CoreLine) -> None:
    session, _ = learned(line)
    mine = WearerProfile.of(IMAGE, session.log)
    state, entries = mine.state(IMAGE, config_often()), [Remember(entry.tobytes()) for entry in mine.log]
    begin = [Hello(), configure(config_often()), Compact(), *entries]
    heard = line.exchange(
        *begin, configure(config_often(), True), entries[0], Read(STATE, 0, len(state)), Samples(0, BLOCK)
    )
    assert len(entries) > 1 and Refused(15, Refusal.ORDER, len(begin) + 1) in heard  # a session runs
    assert Data(STATE, 0, state, len(begin) + 2) in heard
    twin = Session(IMAGE, config_often())
    twin.restore(state)
    outputs = list(twin.step(Samples(0, BLOCK)))
    assert heard[-1 - len(outputs) : -1] == outputs


def test_what_can_be_no_entry_is_refused_and_a_full_log_too(line: CoreLine) -> None:
    session, _ = learned(line)
    good = WearerProfile.of(IMAGE, session.log).log[-1:]
    bad = []
    for field, value in (
        ("kind", 0), ("kind", 5), ("cls", 255), ("window", -2), ("window", 2**62), ("order", -1),
    ):  # fmt: skip
        bad.append(good.copy())
        bad[-1][field] = value
    wrong = [Remember(one.tobytes()) for one in bad] + [Remember(good.tobytes()[:-1]), Remember(b"")]
    begin = [Hello(), configure(config_often()), Compact()]
    heard = line.exchange(*begin, *wrong, *[Remember(good.tobytes())] * (IMAGE.max_log + 1))
    refused = [one for one in heard if isinstance(one, Refused)]
    assert [one.why for one in refused] == [Refusal.MESSAGE] * len(wrong) + [Refusal.STORE]
