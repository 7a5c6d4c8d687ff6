"""From starting `odl demo` to its first prediction, with an empty cache of kernels and with a full one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.speed.paired import Figure, Spread

DEMO = """
import os, sys, time
import odl.evaluate.run_stream as run_stream

class FirstPrediction:
    '''The steps of a replay, until one predicts.'''
    def __init__(self, steps):
        self.steps = steps
    def __call__(self, *args):
        for step in self.steps(*args):
            if len(step.outputs):
                print(time.time(), flush=True)
                os._exit(0)
            yield step

run_stream.steps = FirstPrediction(run_stream.steps)
sys.argv = ["odl", "demo", "--out", sys.argv[1]]
from odl.cli.main import main
sys.exit(main())
"""

LAST = "frames.put_frames"  # the kernel that the second process compiles last


class Took(NamedTuple):
    """Seconds on the wall clock, and of processor time."""

    wall: float
    processor: float


def to_first_prediction(cache: Path, out: Path) -> Took:
    """From starting Python to the first prediction of the demo."""
    before, start = spent(), time.time()
    done = subprocess.run([sys.executable, "-c", DEMO, str(out)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, env=environment(cache))  # fmt: skip
    took = Took(float(done.stdout) - start, spent() - before)
    deadline = time.time() + 120
    while not any(cache.glob(f"kernels/{LAST}-*.nbi")) and time.time() < deadline:
        time.sleep(0.1)  # the second process still compiles, and would slow down what is timed next
    return took


def whole_demo(cache: Path, out: Path) -> Took:
    """All that `odl demo` does, its report included."""
    before, start = spent(), time.time()
    words = [sys.executable, "-m", "odl", "demo", "--out", str(out)]
    subprocess.run(words, check=True, capture_output=True, env=environment(cache))
    return Took(time.time() - start, spent() - before)


def spent() -> float:
    """Processor time of this process's children so far."""
    times = os.times()
    return times.children_user + times.children_system


def environment(cache: Path) -> dict[str, str]:
    """This process's, with another folder for compiled kernels."""
    return {**os.environ, "ODL_CACHE_DIR": str(cache)}


def cold_start(runs: int) -> list[Figure]:
    """Four figures: first prediction and whole demo, with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder), Path(folder) / "out"
        took = {
            "odl demo to its first prediction, empty cache":
                [to_first_prediction(root / f"cold-{run}", out) for run in range(runs)],
            "odl demo to its end, empty cache":
                [whole_demo(root / f"full-{run}", out) for run in range(min(runs, 2))],
            "odl demo to its first prediction, full cache":
                [to_first_prediction(root / "full-0", out) for _ in range(runs)],
            "odl demo to its end, full cache": [whole_demo(root / "full-0", out) for _ in range(runs)],
        }  # fmt: skip
    return [
        Figure(
            name, f"s ({Spread.of([one.processor for one in all_runs]).median:.2f} s of processor time)",
            Spread.of([one.wall for one in all_runs]),
        )
        for name, all_runs in took.items()
    ]  # fmt: skip
