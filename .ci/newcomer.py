"""The first hour of a newcomer: walked in a fresh clone, with nothing but the README.

    python .ci/newcomer.py FOLDER        the clone and all that is made go into FOLDER, which is new

A heading of the README is a step, and its commands are taken from there. The times are printed beside what a
newcomer may expect on two idle cores; a slow machine fails nothing. What is checked is that each step gives
what it promises.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONG = 3600  # seconds after which a step is taken for stuck
QUESTION = "What were you doing"


def readme_block(heading: str, fence: bool = False) -> str:
    """The commands under a heading of the README, or its Python."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = re.split(r"^## ", text.split(f"\n## {heading}\n", 1)[1], flags=re.MULTILINE)[0]
    if fence:
        return part.split("```python\n")[1].split("```")[0]
    return "".join(line[4:] + "\n" for line in part.splitlines() if line.startswith("    "))


def made_up_tables() -> str:
    """The script in the page of the six minutes that writes two activities of four people."""
    return (
        (ROOT / "docs" / "six-minutes.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    )


class Walk:
    """Runs what the README says in a clone, and notes how long it takes."""

    def __init__(self, clone: Path) -> None:
        self.clone, self.lines = clone, list[str]()

    def shell(self, commands: str) -> float:
        """Run commands as typed into one shell, in the environment that the README activates; the seconds."""
        start, activate = time.monotonic(), self.clone / ".venv" / "bin" / "activate"
        known = f". {activate}\n" if activate.exists() else ""
        print("$ " + "\n$ ".join(commands.strip().splitlines()), flush=True)
        subprocess.run(["bash", "-ec", known + commands], cwd=self.clone, check=True, timeout=LONG)
        return time.monotonic() - start

    def answered_question(self, command: str) -> float:
        """Run a live session in a terminal, answer its first question; the seconds until it was answered."""
        start, (own, theirs) = time.monotonic(), pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
        run = subprocess.Popen(
            ["bash", "-c", f". .venv/bin/activate; exec {command} --out first.odl"],
            cwd=self.clone, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)
        shown, answered, keys = "", 0.0, iter(["1", "q", "q"])
        try:
            while run.poll() is None and time.monotonic() - start < LONG:
                if select.select([own], [], [], 0.5)[0]:
                    try:
                        shown += os.read(own, 65536).decode("utf-8", "replace")
                    except OSError:  # the other end is closed
                        break
                elif QUESTION in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown) and (key := next(keys, "")):
                    os.write(own, key.encode())
                    answered = answered or time.monotonic() - start
            if run.wait(60) or not answered:
                raise SystemExit(f"no question was answered:\n{shown[-3000:]}")
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
            os.close(own)
        events = "{type(event).__name__ for event in odl.read_recording('first.odl').events}"
        self.shell(f"python -c \"import odl; assert {{'Label', 'Learned'}} <= {events}\"")
        return answered

    def note(self, what: str, seconds: float, limit: float) -> None:
        line = f"{what}: {seconds:.0f} s (expected on two idle cores: {limit:.0f} s)"
        print(line, flush=True)
        self.lines.append(line)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    clone = folder / "odl"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    walk = Walk(clone)

    installing = walk.shell("make .venv/.installed")
    first = walk.shell(readme_block("First result"))
    assert (clone / "odl-demo" / "report.html").stat().st_size > 10_000
    walk.note("installing, before anything else", installing, 120)
    walk.note("first result, once installed", first, 60)

    install, *rest = readme_block("Your CSV on a board").splitlines(keepends=True)
    walk.note("the extras for training and firmware", walk.shell(install), 120)
    (clone / "tables.py").write_text(made_up_tables(), encoding="utf-8")
    walk.shell("python tables.py")
    walk.note("from labelled tables to a firmware image", walk.shell("".join(rest)), 360)
    image = clone / "odl-mine-nucleo_f401re.bin"
    assert image.stat().st_size > 20_000

    command = readme_block("A live question").splitlines()[0].split("#")[0].strip()
    walk.note("a live question, answered", walk.answered_question(command), 60)

    program = readme_block("Your own policy, compared with random", fence=True)
    assert len([line for line in program.splitlines() if line.strip()]) <= 15
    (clone / "policy.py").write_text(program, encoding="utf-8")
    walk.note("an own policy against random, in 15 lines", walk.shell("python policy.py"), 60)

    print("\nthe walk:", *walk.lines, sep="\n  ")


if __name__ == "__main__":
    main()
