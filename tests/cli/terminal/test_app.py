"""The view of a live session in a terminal: keys become answers."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import DummyOutput

from odl.cli.live import stopped_by_signals
from odl.cli.terminal.app import drawable, run
from odl.cli.terminal.view import TerminalView
from odl.core.events import AddClass, Event, Gap, Label, Learned, Origin, Split, Teach, Undo
from tests.helpers.prompts import Played, PromptHarness
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import LIMIT, let_others_run

Script = list[tuple[Callable[[PromptHarness, TerminalView], object], str]]


def unhurried() -> VirtualClock:
    """A clock that reads a second later each time, so that no key comes too soon."""
    return VirtualClock(tick=1.0)


def play(script: Script, stage: PromptHarness | None = None) -> tuple[PromptHarness, TerminalView]:
    """A person at the view: when a condition holds, the keys are pressed; then the next."""
    stage, end = stage or PromptHarness(), time.monotonic() + LIMIT
    with create_pipe_input() as pipe:
        view: TerminalView

        def turn(i: int) -> object:
            if not script or time.monotonic() > end:
                return StopIteration
            holds, keys = script[0]
            if holds(stage, view):
                script.pop(0)
                pipe.send_text(keys)
            let_others_run()
            return None

        live = Played(stage, turn, turns=10**9)
        view = TerminalView(live, list, pipe, DummyOutput(), unhurried())
        view.run()
    assert not script, f"{len(script)} steps were not reached"
    assert live.closed
    return stage, view


def asked(stage: PromptHarness, view: TerminalView) -> bool:
    """A question is on the screen; the stream runs until it is."""
    if not stage.prompt.questions:
        stage.run(8)
    return view._drawn in [q.window for q in stage.prompt.questions]


def learned(stage: PromptHarness, view: TerminalView) -> bool:
    return bool(stage.prompt.answers) and stage.prompt.answers[0].state in ("learned", "skipped", "undone")


def answered(n: int) -> Callable[[PromptHarness, TerminalView], bool]:
    """So many answers have reached the session, and it has run on since."""
    return lambda stage, view: len(of(stage, Label)) >= n and learned(stage, view)


def typing(kind: str) -> Callable[[PromptHarness, TerminalView], bool]:
    return lambda stage, view: view.mode.kind == kind


def of(stage: PromptHarness, *kinds: type) -> list[Event]:
    return [event for event in stage.events if isinstance(event, kinds)]


# --- keys ---------------------------------------------------------------------------------


def test_a_key_is_an_answer_and_is_learned() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    second = stage.prompt.questions[0].likely[1].name
    play([(asked, "2"), (learned, "qq")], stage)
    (label,) = of(stage, Label)
    assert (label.window, stage.session.names[label.cls]) == (window, second)
    assert len(of(stage, Learned)) == 1
    assert stage.prompt.answers[0].by == "terminal"


def test_skip_same_and_undo() -> None:
    stage, _ = play(
        [(asked, "3"), (answered(1), ""), (asked, "s"), (answered(2), ""), (asked, "="), (answered(3), "u"),
         (lambda stage, view: of(stage, Undo), "qq")]
    )  # fmt: skip
    names = [None if e.cls is None else stage.session.names[e.cls] for e in of(stage, Label)]
    assert names[1] is None and names[0] == names[2] is not None
    assert stage.session.counts["undone"] == 1


def test_a_new_class_is_typed_and_hung_under_another() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "stx\x7fairs 2\r"), (typing("place"), "2"), (learned, "qq")]
    )
    (added,) = of(stage, AddClass)
    assert (added.name, stage.session.tasks[added.head]) == ("stairs 2", 0)
    assert [e.leaf for e in of(stage, Split)] == [0]
    assert [e.cls for e in of(stage, Learned)] == [added.cls]


def test_enter_hangs_a_new_class_at_the_top_and_a_known_name_needs_no_place() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "hop\r"), (typing("place"), "\r"), (answered(1), ""),
         (asked, "n"), (typing("name"), "hop\r"), (lambda stage, view: len(of(stage, Learned)) == 2, "qq")]
    )  # fmt: skip
    assert [(e.name, e.head) for e in of(stage, AddClass)] == [("hop", 0)]
    assert len({e.cls for e in of(stage, Learned)}) == 1


def test_a_key_teaches_what_is_done_now_known_or_new() -> None:
    """Two stretches are taught: one by a key, one by a new name with its place; no question is spent."""
    stage = PromptHarness(policy="none")
    stage.run(int(stage.prompt.rate_hz * 20))
    first = stage.prompt.likely[0].name

    def later(stage: PromptHarness, view: TerminalView) -> bool:
        """Another window has begun since the first label."""
        stage.run(int(stage.prompt.rate_hz))
        return len(of(stage, Learned)) == 1 and learned(stage, view)

    play([(lambda *_: True, "t"), (typing("teach"), "1"), (later, "t"), (typing("teach"), "n"),
          (typing("name"), "row\r"), (typing("place"), "\r"),
          (lambda stage, view: len(of(stage, Learned)) == 2, "qq")], stage)  # fmt: skip
    assert [stage.session.names[e.cls] for e in of(stage, Teach)] == [first, "row"]
    assert stage.session.counts["taught"] == 2 and stage.session.counts["queries"] == 0


def test_a_held_button_of_the_board_opens_the_choice() -> None:
    """A key then says what is done now; an undo opens nothing."""
    stage = PromptHarness(policy="none")
    stage.run(int(stage.prompt.rate_hz * 20))

    def held(stage: PromptHarness, view: TerminalView) -> bool:
        at = stage.session.position
        if stage.prompt.held == 0:
            stage.put(Origin(at, "button", 0, 0), Undo(at))
            assert stage.prompt.held == 0
            stage.prompt.hold()
        return view.mode.kind == "teach"

    play([(held, "1"), (lambda stage, view: of(stage, Teach), "qq")], stage)
    assert len(of(stage, Teach)) == 1 and stage.prompt.held == 1


def test_escape_and_a_wrong_key_teach_nothing() -> None:
    stage, view = play([(asked, "t"), (typing("teach"), "?"), (typing("help"), "\x1b"), (typing("keys"), "t"),
                        (typing("teach"), "z"), (lambda stage, view: "'z' is no class's key" in
                        stage.prompt.sentence, "\x1b"), (typing("keys"), "qq")])  # fmt: skip
    assert of(stage, Teach, Label) == [] and view.mode.kind == "keys"


def test_a_key_without_a_question_says_so() -> None:
    """So does a key that means nothing for the question on the screen."""
    none = "no question is open for '1'; t teaches what you are doing now"
    stage, _ = play(
        [(lambda *_: True, "1"), (lambda stage, view: stage.prompt.sentence == none, "d"),
         (typing("details"), "d"), (typing("keys"), "qq")], PromptHarness(policy="none"),
    )  # fmt: skip
    assert of(stage, Label, Teach) == []
    play([(asked, "z"), (lambda stage, view: "'z' means nothing here" in stage.prompt.sentence, "qq")])


def test_escape_leaves_a_name_and_the_help() -> None:
    stage, view = play(
        [(asked, "n"), (typing("name"), "abc\x1b"), (typing("keys"), "?"), (typing("help"), "\x1b"),
         (typing("keys"), "qq")]
    )  # fmt: skip
    assert of(stage, Label, AddClass) == [] and view.mode.typed == ""


def test_a_pasted_name_is_cleaned() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "\x1b[200~a\x07b\ncd\x1b[201~"),
         (lambda stage, view: view.mode.typed, "\r"), (typing("place"), "\r"), (learned, "qq")]
    )  # fmt: skip
    assert [e.name for e in of(stage, AddClass)] == ["ab cd"]


@pytest.mark.parametrize("keys", ["é" * 50, "\x1b[200~" + "é" * 50 + "\x1b[201~"])
def test_a_name_grows_no_longer_than_a_class_name_can_be(keys: str) -> None:
    stage, view = play(
        [(asked, "n"), (typing("name"), keys), (lambda stage, view: len(view.mode.typed) >= 16, "\x04")]
    )
    assert view.mode.typed == "é" * 16
    assert stage.prompt.sentence == "a class's name has at most 32 bytes"


def test_arrows_and_other_keys_that_are_no_text_are_not_typed() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "h\x1b[A\x1b[3~\x1b[15~\x01\x1bOPop\r"), (typing("place"), "\r"),
         (learned, "qq")]
    )  # fmt: skip
    assert [e.name for e in of(stage, AddClass)] == ["hop"]


def test_ctrl_c_leaves_what_is_being_typed_and_not_the_session() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "abc\x03"), (typing("keys"), "?"), (typing("help"), "\x03"),
         (typing("keys"), "1"), (learned, "\x03")]
    )  # fmt: skip
    assert len(of(stage, Learned)) == 1 and not of(stage, AddClass)


def test_backspace_leads_back_from_the_place_to_the_name() -> None:
    stage, _ = play(
        [(asked, "n"), (typing("name"), "hops\r"), (typing("place"), "\x7f"), (typing("name"), "\x7f\r"),
         (typing("place"), "\r"), (learned, "qq")]
    )  # fmt: skip
    assert [e.name for e in of(stage, AddClass)] == ["hop"]


def test_a_question_that_ends_while_its_class_is_typed_says_so_and_no_letter_answers_another() -> None:
    stage = PromptHarness(patience=30)
    window = stage.until_asked()
    with create_pipe_input() as pipe:
        view = TerminalView(Played(stage, lambda i: None), list, pipe, DummyOutput(), unhurried())
        view._text()
        view.press("n")
        view.press("w")
        stage.put(Gap(stage.session.position, 200, "unplugged"))
        stage.until_asked()
        picture = "".join(part for _, part, *_ in view._text())
        assert "that question has ended" in picture and "What were you doing" not in picture
        view.press("s")
        assert (view.mode.typed, view.mode.window) == ("ws", window)
        view._answer_typed(None)
        assert stage.put() == [] and stage.prompt.sentence == "this question has expired"
        assert "What were you doing" in "".join(part for _, part, *_ in view._text())


def test_the_next_card_is_the_one_behind_that_which_was_answered() -> None:
    stage = PromptHarness(patience=2**40)
    windows = [stage.until_asked() for _ in range(4)]
    with create_pipe_input() as pipe:
        view = TerminalView(Played(stage, lambda i: None), list, pipe, DummyOutput(), unhurried())
        seen = []
        for press in ("", "tab", "1", "back", "1", "1", "1"):
            if press in ("tab", "back"):
                view._next(1 if press == "tab" else -1)
            elif press:
                view.press(press)
            view._text()
            seen.append(None if view._drawn is None else windows.index(view._drawn))
    assert seen == [0, 1, 2, 0, 2, 3, None]


def test_tab_goes_to_the_next_question_and_the_key_means_that_one() -> None:
    stage = PromptHarness()
    one, two = stage.until_asked(), stage.until_asked()
    play(
        [(lambda stage, view: view._drawn == one, "\t"), (lambda stage, view: view._drawn == two, "1"),
         (learned, "qq")], stage
    )  # fmt: skip
    assert [e.window for e in of(stage, Label)] == [two]
    assert [q.window for q in stage.prompt.questions] == [one]


def test_a_key_for_a_question_that_expired_is_not_taken_for_the_next() -> None:
    stage = PromptHarness(patience=30)
    window = stage.until_asked()
    with create_pipe_input() as pipe:
        view = TerminalView(Played(stage, lambda i: None), list, pipe, DummyOutput(), unhurried())
        view._text()
        assert view._drawn == window
        stage.put(Gap(stage.session.position, 200, "unplugged"))
        other = stage.until_asked()  # the first has expired, its card is still on the screen
        view.press("1")
        stage.put()
        assert of(stage, Label) == [] and stage.prompt.sentence == "this question has expired"
        view._text()
        view.press("1")
        stage.put()
        assert [e.window for e in of(stage, Label)] == [other]


def test_a_key_in_the_moment_in_which_a_question_comes_up_does_not_count() -> None:
    stage = PromptHarness()
    stage.until_asked()
    with create_pipe_input() as pipe:
        clock = VirtualClock(tick=0.0)
        view = TerminalView(Played(stage, lambda i: None), list, pipe, DummyOutput(), clock)
        view._text()
        clock.now += 0.1
        view.press("1")
        assert stage.prompt.sentence == "this question has only just appeared; press again"
        clock.now += 0.3
        view.press("1")
        assert [e.cls is not None for e in stage.put() if isinstance(e, Label)] == [True]


def test_a_name_begun_as_its_question_goes_is_typed_to_its_end_and_harms_no_other() -> None:
    stage = PromptHarness()
    first, second = stage.until_asked(), stage.until_asked()
    with create_pipe_input() as pipe:
        clock = VirtualClock(tick=0.0)
        view = TerminalView(Played(stage, lambda i: None), list, pipe, DummyOutput(), clock)
        view._text()
        view.press("n")  # no card was here before it: it can be meant for this one only
        assert view.mode.window == first
        view._leave()
        clock.now += 1
        view.press("1")
        stage.put()
        view._text()
        assert view._drawn == second
        for key in "nsquat":
            view.press(key)
        assert (view.mode.kind, view.mode.window, view.mode.typed) == ("name", first, "squat")
        assert not view._stop.is_set()
        view._answer_typed(None)
        assert stage.put() == [] and stage.prompt.sentence == "this question is answered already"


def test_without_a_question_keys_do_nothing() -> None:
    stage, _ = play(
        [(lambda stage, view: True, "1sn=z"), (typing("keys"), "qq")], PromptHarness(policy="none")
    )
    assert of(stage, Label) == []


def test_a_q_that_slips_in_ends_nothing() -> None:
    stage, _ = play([(asked, "q"), (asked, "1q"), (learned, "q")])
    assert len(of(stage, Learned)) == 1


# --- the end ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [Keys.Tab, Keys.BackTab, Keys.Escape, Keys.Enter, Keys.Backspace])
def test_a_q_before_another_key_is_not_the_first_of_two(key: Keys) -> None:
    with create_pipe_input() as pipe:
        view = TerminalView(Played(PromptHarness(), lambda i: None), list, pipe, DummyOutput(), unhurried())
        bound = {binding.keys: binding.handler for binding in view._bindings().bindings}
        view.press("q")
        bound[(key,)](None)
        view.press("q")
        assert not view._stop.is_set()
        view.press("q")
        assert view._stop.is_set()


@pytest.mark.parametrize("keys", ["qq", "\x03", "\x04"])
def test_leaving_ends_the_session_cleanly(keys: str) -> None:
    _, view = play([(lambda stage, view: True, keys)])
    assert view._stop.is_set() and view._error is None


def test_the_session_s_own_end_closes_the_view() -> None:
    with create_pipe_input() as pipe:
        live = Played(PromptHarness(), lambda i: None, turns=3)
        TerminalView(live, list, pipe, DummyOutput()).run()
        assert live.closed


def test_what_goes_wrong_in_the_session_is_raised_by_the_view() -> None:
    def turn(i: int) -> None:
        if i == 3:
            raise OSError("the port is gone")

    with create_pipe_input() as pipe, pytest.raises(OSError, match="the port is gone"):
        TerminalView(Played(PromptHarness(), turn), list, pipe, DummyOutput()).run()


def test_a_cut_line_to_the_person_ends_the_session_cleanly() -> None:
    with create_pipe_input() as pipe:
        live = Played(PromptHarness(), lambda i: pipe.close() if i == 5 else let_others_run())
        TerminalView(live, list, pipe, DummyOutput()).run()
        assert live.closed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_terminal_that_goes_away_ends_the_session_cleanly_and_under_nohup_nothing() -> None:
    """As where ssh is cut: the system says so with a signal before it closes the line."""
    stopped: list[str] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests themselves run under
    try:
        with stopped_by_signals(lambda: stopped.append("stopped")):
            os.kill(os.getpid(), signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with stopped_by_signals(lambda: stopped.append("stopped again")):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stopped == ["stopped"]


# --- a terminal ---------------------------------------------------------------------------

SCRIPT = """
from odl.cli.terminal.app import run
from tests.helpers.prompts import Played, PromptHarness
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import let_others_run

stage = PromptHarness()
window = stage.until_asked()

def turn(i):
    let_others_run()
    return StopIteration if stage.session.counts["answered"] else None

run(Played(stage, turn, 10**9), clock=VirtualClock(tick=1.0))  # no key comes too soon
print("learned", stage.session.counts["answered"])
"""


@pytest.mark.parametrize(
    ("term", "tty", "drawn"), [("xterm", True, True), ("dumb", True, False), ("xterm", False, False)]
)
def test_a_view_is_drawn_where_a_terminal_can_be_drawn_in(
    term: str, tty: bool, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return tty

    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdin", Stream("q\n"))
    monkeypatch.setattr(sys, "stdout", Stream())
    assert drawable() == drawn
    if not drawn:
        live = Played(PromptHarness(policy="none"), lambda i: let_others_run(), turns=60_000 if tty else 5)
        run(live)  # where there is a keyboard, its line ends it
        assert live.closed and "ttyACM0: connected" in sys.stdout.getvalue()  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_in_a_real_terminal_keys_answer_and_the_picture_follows_its_size(root: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    env = os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
    ) as child:  # fmt: skip
        os.close(theirs)
        seen = b""

        def until(words: bytes, seconds: float = LIMIT) -> bytes:
            """All that was written since, up to ``words``."""
            nonlocal seen
            end = time.monotonic() + seconds
            while words not in seen and time.monotonic() < end:
                if not select.select([ours], [], [], 0.2)[0]:
                    continue
                try:
                    found = os.read(ours, 65536)
                except OSError as error:  # Linux says so when the other end is closed
                    assert error.errno == errno.EIO
                    break
                seen += found
                if b"\x1b[6n" in found:  # where is the cursor? a terminal answers
                    os.write(ours, b"\x1b[1;1R")
            assert words in seen, seen[-2000:]
            found, seen = seen, b""
            return found

        try:
            until(b"What were you doing")
            until(b"quit")
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
            child.send_signal(signal.SIGWINCH)
            until(b"What were you doing")
            os.write(ours, b"2")
            until(b"learned 1")
            assert child.wait(LIMIT) == 0
        finally:
            child.kill()
            os.close(ours)
