"""The table of speed: extractor, streaming, replay, selection and learning, beside what others offer.

    python -m benchmarks.speed [--runs 7] [--json FILE] [--no-avx2] [--no-start]

One thread, processor time, medians of runs in which both sides take turns; in brackets the quartiles of
the ratio. A ratio stands only where both sides were found to compute the same thing, and the command fails
where they did not. On a processor with AVX-512 the table is measured a second time with AVX2 alone; that
restricts this project only, since XNNPACK chooses its instructions by the processor and has no switch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed import cold_start, machine, peers, replays, rows
from benchmarks.speed.material import QUESTIONS, Material
from benchmarks.speed.paired import Figure
from benchmarks.speed.table import table
from odl.data.streams import load_model
from odl.evaluate.load_kernels import load_kernels

AVX2, AVX512 = "AVX2", "AVX-512 VNNI"
HOURLY = 7  # questions in the whole material at 12 an hour, the budget of a live session
AVX2_HERE = "AVX2 (LLVM restricted to haswell on this CPU)"


def figures(material: Material, runs: int) -> list[Figure]:
    """Every row but the cold start."""
    made: list[Callable[[], Figure]] = [
        lambda: rows.extractor(material, runs),
        *(lambda hop=hop: rows.streaming(material, hop, runs) for hop in (64, 16, 8)),
        lambda: replays.replay(material, runs),
        lambda: replays.replay(material, runs, questions=HOURLY, joined=True),
        lambda: rows.selection(material, runs),
        *(
            lambda budget=budget, recording=recording: replays.bulk_replay(material, recording, runs, budget)
            for budget in (str(QUESTIONS), "12/h")
            for recording in (False, True)
        ),
        lambda: rows.share_of_peak(material, runs),
        lambda: rows.learning_step(runs),
        lambda: rows.longest_refit(runs),
    ]
    found = []
    for make in made:
        found.append(make())
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def restricted(runs: int) -> list[dict[str, Any]]:
    """The rows as a process measures them that uses AVX2 alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "avx2.json"
        words = [sys.executable, "-m", "benchmarks.speed", "--runs", str(runs), "--json", str(path),
                 "--no-avx2", "--no-start"]  # fmt: skip
        subprocess.run(words, env=machine.avx2_only(), stdout=subprocess.DEVNULL, check=False)
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-avx2", action="store_true", help="measure with this CPU's instructions only")
    parser.add_argument("--no-start", action="store_true", help="leave the cold start out")
    given = parser.parse_args()
    load_kernels(load_model("shoulder"), lambda sentence: print(sentence, file=sys.stderr))
    wide = machine.has("avx512vnni") and os.environ.get("NUMBA_CPU_NAME") != "haswell"
    before = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    found = figures(Material.load(), given.runs)
    start = [] if given.no_start else cold_start.cold_start(min(given.runs, 5))
    print(f"{machine.cpu_name()}, one thread, load {before:.1f} before; peers: {peers.describe()}\n")
    print(f"{AVX512 if wide else AVX2}\n\n{table([*found, *start])}", flush=True)
    out: dict[str, Any] = {
        "cpu": machine.cpu_name(), "load": before, "peers": peers.describe(),
        "instructions": AVX512 if wide else AVX2, "rows": [figure.to_dict() for figure in [*found, *start]],
    }  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps(out, indent=1), encoding="utf-8")
    narrow: list[Figure] = []
    if wide and not given.no_avx2:
        out["rows with AVX2"] = restricted(given.runs)
        narrow = [Figure.from_dict(row) for row in out["rows with AVX2"]]
        print(f"\n{AVX2_HERE}; the peers use all of the CPU\n\n{table(narrow)}")
        if given.json:
            given.json.write_text(json.dumps(out, indent=1), encoding="utf-8")
    return int(any(figure.refused for figure in [*found, *narrow]))


if __name__ == "__main__":
    sys.exit(main())
