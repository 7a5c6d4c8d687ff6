"""Kill live sessions at random moments and within a write, resume their recordings, replay them.

    python benchmarks/kill.py [--kills 200] [--torn 0] [--mixed 0] [--speed 20]

An emulated board plays a bundled person in a process of its own, faster than real time, and
outlives every kill. Each session is a forked child of this process, so that kernels are
compiled and modules imported already. The child reports each label that it has acknowledged.
After the kill the recording is resumed for a moment, closed, and replayed. The three modes of
learning take turns.

``--kills`` sessions get SIGKILL at a random moment, which hardly ever falls into a write. ``--torn`` more
may write up to a random byte only: there the system writes part of a frame and kills them (SIGXFSZ).

In ``--mixed`` more, this process also replaces, renames or deletes the recording half-way before the kill, or
tries to with odl's own commands, which ask for the file's lock. Each acknowledged answer has to be in some
recording of the folder afterwards. What was in a file that somebody deleted, in a session that was killed
before it could look after its file, is counted by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from odl.core.errors import OdlError
from odl.core.events import Label, Learned, Query
from odl.data.conversion.convert import redacted
from odl.data.streams import load_model
from odl.evaluate.load_kernels import load_kernels
from odl.evaluate.replay import replay
from odl.live import open_live
from odl.live.emulated import EmulatedBoard
from odl.recording import RecordingError, read
from odl.recording.redact import Source

LEARN = ("both", "host", "device")
LIVE = 0.8  # seconds within which a session is killed
AFTER = 5.0  # seconds of the stream for which a session is resumed
ROOM = 8000  # bytes behind Start that a session with limited room may write at most
WAIT = 20.0  # seconds for it to do so; the board may have played its whole recording
BOARD = 8  # sessions per board: its recording lasts so long at the default speed, on a busy machine too
HOW = ("convert", "replace", "rename", "delete", "nothing")  # what another process does to a recording
OPTIONS = {"policy": "periodic", "budget": "1800/h"}


def child(url: str, path: Path, learn: str, told: int, room: int | None) -> None:
    """A live session that answers each question, and reports the answer once it is safe."""
    with open_live(url, out=path, learn=learn, options=OPTIONS) as live:
        live.wait = 0.02
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room,) * 2)
        os.write(told, b"ready\n")
        for event in live:
            if isinstance(event, Label):
                os.write(told, f"{event.window} {event.cls} {time.monotonic()}\n".encode())
            for question in live.prompt.questions:
                live.prompt.answer(question.window, "wave" if question.window % 3 else "pendulum")


def killed(
    url: str, path: Path, learn: str, moment: float, room: int | None, act: Callable[[], None] | None = None
) -> list[tuple[int, int, float]]:
    """Run a session and kill it; the labels it acknowledged, and when (`time.monotonic`).

    ``moment`` seconds after it has begun, or when it has written ``room`` bytes, if that is given. With
    ``act``, which is done half-way, it may also end by itself.
    """
    listening, told = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(listening)
            child(url, path, learn, told, room)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(listening, "rb") as pipe:
        if pipe.readline() != b"ready\n":
            sys.exit("the session did not begin")
        began, gone, done = time.monotonic(), 0, act is None
        until = began + (moment if room is None else WAIT)
        while not gone and time.monotonic() < until:
            time.sleep(0.002)
            if not done and act is not None and time.monotonic() > (began + until) / 2:
                act()
                done = True
            gone, status = os.waitpid(process, os.WNOHANG)
        if not gone:
            os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status) and act is None:
            sys.exit(f"the session was not killed but ended with status {status}")
        lines = [line.split() for line in pipe.read().split(b"\n") if line.count(b" ") == 2]
    return [(int(window), int(cls), float(when)) for window, cls, when in lines]


def disturbed(url: str, folder: Path, learn: str, moment: float, how: str) -> tuple[int, int, int, int]:
    """A session whose recording another process treats so; acknowledged, lost, removed, refused."""
    path, refused, acted = folder / "walk.odl", list[str](), list[float]()

    def act() -> None:
        other = folder / "other"
        if how == "convert":
            try:
                redacted(Source(path, ("names",)), path, force=True)
            except (OdlError, OSError) as error:
                refused.append(str(error))
        elif how == "replace":
            other.write_bytes(b"other")
            other.replace(path)
        elif how == "rename":
            path.rename(folder / "moved.odl")
        elif how == "delete":
            path.unlink()
        acted.append(time.monotonic())

    safe = killed(url, path, learn, moment, None, act)
    there = set[tuple[int, int | None]]()
    for file in folder.glob("*.odl"):
        # One that another process put there, or that the session was killed in the middle of saving, is none.
        with suppress(RecordingError):
            there |= {(e.window, e.cls) for e in read(file).events if isinstance(e, Label)}
    missing = [when for window, cls, when in safe if (window, cls) not in there]
    removed = [when for when in missing if how in ("replace", "delete") and acted and when <= acted[0]]
    return len(safe), len(missing) - len(removed), len(removed), len(refused)


def mixed(kills: int, speed: float, chance: random.Random) -> int:
    """Kills while another process is at the recording; how many acknowledged answers are lost."""
    total = [0, 0, 0, 0]
    began = time.monotonic()
    for number, url in zip(range(kills), boards(speed), strict=False):
        how = HOW[number % len(HOW)]
        with tempfile.TemporaryDirectory() as folder:
            learn = LEARN[number // len(HOW) % len(LEARN)]
            counts = disturbed(url, Path(folder), learn, 2 * LIVE * (0.3 + chance.random()), how)
        total = [a + b for a, b in zip(total, counts, strict=True)]
        if (number + 1) % 50 == 0:
            print(f"... {number + 1} mixed kills, {total[1]} lost", file=sys.stderr, flush=True)
    print(f"{kills} mixed kills ({', '.join(HOW)}) in {time.monotonic() - began:.0f} s")
    print(f"answers acknowledged: {total[0]}, of them lost: {total[1]}")
    print(
        f"in files that were deleted or replaced just before the kill: {total[2]}; refused by odl: {total[3]}"
    )
    return total[1]


def boards(speed: float) -> Iterator[str]:
    """A board's port for each session, a fresh board now and then."""
    while True:
        with EmulatedBoard("--play", "shoulder", "--subject", "8", "--speed", f"{speed:g}") as board:
            for _ in range(BOARD):
                yield board.url


def main() -> None:
    """Kill, resume, replay, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--torn", type=int, default=0)
    parser.add_argument("--mixed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", metavar="DIR", help="folder for recordings whose replay differs")
    given = parser.parse_args()
    load_kernels(load_model("shoulder"), print)
    chance, began = random.Random(given.seed), time.monotonic()
    acknowledged = labels = learned = asked = twice = cut = whole = equal = lost = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, url in zip(range(given.kills + given.torn), boards(given.speed), strict=False):
            path, learn = Path(folder) / f"{number}.odl", LEARN[number % len(LEARN)]
            room = None if number < given.kills else chance.randrange(1, ROOM)
            safe = killed(url, path, learn, LIVE * chance.random(), room)
            before = read(path)
            cut += before.lost_bytes > 0
            with open_live(url, resume=path, seconds=AFTER) as live:
                for _ in live:
                    pass
            after = read(path)
            there = {(e.window, e.cls) for e in after.events if isinstance(e, Label)}
            windows = [e.window for e in after.events if isinstance(e, Query)]
            whole += after.complete and not after.problems
            outcome = replay(path).outcomes[0]
            # A session killed before its first window has an empty trace.
            same = outcome.trace_sha256 == after.trace_sha256
            if not same:
                print(f"{learn}: a replay of session {number} differs", file=sys.stderr)
                if given.keep:
                    (Path(given.keep) / path.name).write_bytes(path.read_bytes())
            equal += same
            lost += len({(window, cls) for window, cls, _ in safe} - there)
            acknowledged += len(safe)
            labels += len(there)
            learned += sum(isinstance(e, Learned) for e in after.events)
            asked, twice = asked + len(windows), twice + len(windows) - len(set(windows))
            if (number + 1) % 20 == 0:
                print(f"... {number + 1} kills, {equal} equal, {lost} lost", file=sys.stderr, flush=True)
    lost += mixed(given.mixed, given.speed, chance) if given.mixed else 0
    seconds = time.monotonic() - began
    print(f"killed {given.kills + given.torn} sessions in {seconds:.0f} s, {cut} within a frame")
    print(f"readable and whole after resuming: {whole}")
    print(f"equal traces on replay: {equal}")
    print(
        f"labels acknowledged before a kill: {acknowledged}, of them lost: {lost}; learned in all: {learned}"
    )
    print(f"questions: {asked}, asked twice: {twice}")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
