"""Fuzz the C core and the readers of odl, and say how far it came.

    python -m tests.fuzz                      each target for 10 s, two at a time
    python -m tests.fuzz line table           these alone
    python -m tests.fuzz --seconds 600        for longer
    python -m tests.fuzz --keep               also store new inputs among the seeds, as few as cover the same

The C targets need clang with its runtime (Debian: clang, libclang-rt-14-dev), those in Python the extra
"fuzz". A finding in Python ends with status 3, one in C with 4; its input lies where the line says.
`make test` runs all seeds.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import core
from tests.fuzz.seeds import read_seeds, write_seeds

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".fuzz"
PYTHON = ("archive", "card", "command", "dataset", "edits", "framing", "image_file", "line_of_host",
          "message", "recording", "state", "table", "tflite")  # fmt: skip
MOST = 2048  # bytes of an input
MEMORY = 2048  # MB


class Fuzzed(NamedTuple):
    """What came of a target."""

    name: str
    executions: int
    edges: int
    inputs: int
    seconds: float
    findings: tuple[Path, ...]
    log: Path


def command_of(name: str) -> list[str]:
    """How the target is started."""
    if name in core.TARGETS:
        return [str(core.build(name, WORK))]
    return [sys.executable, "-m", "tests.fuzz.python_target", name]


def fuzz(name: str, command: Sequence[str], seconds: int) -> Fuzzed:
    """Run one target for so long."""
    corpus, found, log = WORK / "corpus" / name, WORK / "findings" / name, WORK / f"{name}.log"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for n, seed in enumerate(read_seeds(name)):
        (corpus / f"seed-{n}").write_bytes(seed)
    before, start = set(found.iterdir()), time.monotonic()
    with log.open("wb") as said:
        subprocess.run(
            [*command, str(corpus), f"-max_total_time={seconds}", f"-max_len={MOST}", "-timeout=20",
             f"-rss_limit_mb={MEMORY}", "-print_final_stats=1", f"-artifact_prefix={found}/"],
            stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=ROOT, timeout=seconds + 300,
            env=os.environ | {"ODL_FUZZ_MODEL": str(WORK / "model.odlm")},
        )  # fmt: skip
    text = log.read_text(errors="replace")
    units = re.findall(r"^#(\d+)|stat::number_of_executed_units: *(\d+)", text, re.MULTILINE)
    edges = re.findall(r"cov: (\d+)", text)
    if not units or not edges:
        sys.exit(f"{name} did not run: see {log}\n{text[-2000:]}")
    executions = max(int(one or other) for one, other in units)
    new, inputs = tuple(sorted(set(found.iterdir()) - before)), sum(1 for _ in corpus.iterdir())
    return Fuzzed(name, executions, int(edges[-1]), inputs, time.monotonic() - start, new, log)


def keep(name: str, command: Sequence[str]) -> None:
    """Store the corpus; of C as few inputs as have the same coverage, which atheris cannot choose."""
    few = WORK / "few" / name if name in core.TARGETS else WORK / "corpus" / name
    if name in core.TARGETS:
        few.mkdir(parents=True, exist_ok=True)
        for old in few.iterdir():
            old.unlink()
        subprocess.run(
            [*command, "-merge=1", f"-max_len={MOST}", str(few), str(WORK / "corpus" / name)],
            cwd=ROOT, check=True, capture_output=True,
            env=os.environ | {"ODL_FUZZ_MODEL": str(WORK / "model.odlm")},
        )  # fmt: skip
    write_seeds(name, [path.read_bytes() for path in few.iterdir()])


def main() -> None:
    """Run the targets, print a table, fail on a finding."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join((*core.TARGETS, *PYTHON)))
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--keep", action="store_true", help="store new inputs among the seeds")
    args = parser.parse_args()
    names = args.targets or [*core.TARGETS, *PYTHON]
    if unknown := set(names) - {*core.TARGETS, *PYTHON}:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    WORK.mkdir(exist_ok=True)
    (WORK / "model.odlm").write_bytes(core.small_image().to_bytes())
    commands = {name: command_of(name) for name in names}
    with ThreadPoolExecutor(args.jobs) as pool:
        ran = list(pool.map(lambda name: fuzz(name, commands[name], args.seconds), names))
        if args.keep:
            list(pool.map(lambda name: keep(name, commands[name]), names))
    print(f"{'target':14} {'executions':>11} {'a second':>9} {'edges':>6} {'inputs':>7} {'findings':>9}")
    for one in ran:
        print(f"{one.name:14} {one.executions:>11,} {one.executions / one.seconds:>9,.0f} {one.edges:>6} "
              f"{one.inputs:>7} {len(one.findings):>9}")  # fmt: skip
    in_c = sum(one.executions for one in ran if one.name in core.TARGETS)
    total = sum(one.executions for one in ran)
    print(f"{in_c:,} executions in C under ASan and UBSan, {total - in_c:,} in Python")
    for one in ran:
        for finding in one.findings:
            print(f"{one.name}: {finding}\n{one.log.read_text(errors='replace')[-1500:]}")
    if any(one.findings for one in ran if one.name in core.TARGETS):
        sys.exit(4)
    sys.exit(3 if any(one.findings for one in ran) else 0)


if __name__ == "__main__":
    main()
