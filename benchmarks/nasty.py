"""Files of 1 MB that were made to cost much, through the commands of a user: time and memory.

    python -m benchmarks.nasty [--only info,init]

The files are those of tests/recording/test_nasty_files.py, a table, a card and a zip like them. Each command
runs in a process of its own. What is worst is printed last; the memory includes interpreter and compiler.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measured import Measured, measure
from tests.fuzz.seeds import read_seeds
from tests.recording.test_nasty_files import nasty

WANTED = 1_000_000  # bytes
RECORDINGS = (
    "stretches",
    "undos",
    "taught",
    "answers",
    "changes",
    "labels",
    "truths",
    "empty blocks",
    "noise",
    "starts",
)
OF_RECORDINGS = ("info", "replay", "report", "label", "convert")


def bomb(path: Path) -> None:
    """A zip of a table that unpacks to a thousand times as much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.csv", b"0" * (600 * WANTED))


def many(path: Path) -> None:
    """A zip of so many files that their names are all it holds."""
    with zipfile.ZipFile(path, "w") as packed:
        for n in range(WANTED // 105):
            packed.writestr(f"{n}.csv", b"")


def folder_of(text: Callable[[], bytes], name: str) -> Callable[[Path], None]:
    """A folder with one file."""

    def make(path: Path) -> None:
        path.mkdir()
        (path / name).write_bytes(text())

    return make


OTHERS: dict[str, Callable[[Path], None]] = {
    "zip bomb": bomb,
    "zip of many": many,
    "one long line": folder_of(lambda: b"1," * (WANTED // 2), "a.csv"),
    "short lines": folder_of(lambda: b"t,a\n" + b"1\n" * (WANTED // 2), "a.csv"),
    "nested JSON": folder_of(lambda: b"[" * WANTED, "a.json"),
    # The longest of the fuzzer's inputs, behind the byte that chooses its format.
    "HDF5 that hangs": folder_of(lambda: max(read_seeds("table"), key=len)[1:], "a.h5"),
    "six stars": folder_of(
        lambda: b'{"table": {"files": ["' + b"*a" * 6 + b'b"]}, "name": "' + b"a" * WANTED + b'"}',
        "card.json",
    ),
}


def run(words: list[str]) -> Measured:
    """Run a command, which has to end with a sentence."""
    found = measure(words)
    if found.status not in (0, 1, 2) or "Traceback" in found.said:
        sys.exit(f"{words} failed:\n{found.said[-3000:]}")
    return found


def main() -> None:
    """Every file, every command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="commands, with commas", default="")
    only = parser.parse_args().only.split(",")
    found = dict[str, Measured]()
    odl = [sys.executable, "-m", "odl"]
    with tempfile.TemporaryDirectory() as made:
        for i, kind in enumerate(RECORDINGS):
            path = Path(made) / f"{i}.odl"
            path.write_bytes(nasty(kind, WANTED))
            for command in OF_RECORDINGS:
                more = {"report": ["--out", f"{made}/r.html"], "convert": [f"{made}/{i}.csv", "--force"]}
                if only == [""] or command in only:
                    found[f"{command} of {kind}"] = run([*odl, command, str(path), *more.get(command, [])])
        for i, (kind, make) in enumerate(OTHERS.items()):
            path = Path(made) / (f"other{i}.zip" if kind.startswith("zip") else f"other{i}")
            make(path)
            for command in ("init", "check"):
                if only == [""] or command in only:
                    found[f"{command} of {kind}"] = run([*odl, command, str(path)])
    found["--version"] = run([*odl, "--version"])
    for what, one in sorted(found.items(), key=lambda pair: pair[1].memory):
        print(f"{what:28} {one.seconds:6.1f} s {one.processor:6.1f} s of processor {one.memory:6.0f} MB")
    slowest, largest = (max(getattr(one, by) for one in found.values()) for by in ("processor", "memory"))
    print(f"{len(found)} commands, each with a sentence and no traceback")
    print(f"the slowest took {slowest:.1f} s of processor, the largest {largest:.0f} MB")


if __name__ == "__main__":
    main()
