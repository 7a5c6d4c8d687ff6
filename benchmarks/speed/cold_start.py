"""From starting `odl demo` to its first prediction, with an empty cache of kernels and with a full one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def to_first_prediction(cache: Path, out: Path) -> float:
    """Seconds on the wall clock from starting Python to the first prediction of the demo."""
    start = time.time()
    done = subprocess.run([sys.executable, "-c", DEMO, str(out)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, env=environment(cache))  # fmt: skip
    return float(done.stdout) - start


def whole_demo(cache: Path, out: Path) -> float:
    """Seconds that `odl demo` takes, its report included."""
    start = time.time()
    words = [sys.executable, "-m", "odl", "demo", "--out", str(out)]
    subprocess.run(words, check=True, capture_output=True, env=environment(cache))
    return time.time() - start


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "ODL_CACHE_DIR": str(cache)}


def cold_start(runs: int) -> list[Figure]:
    """Four figures: first prediction and whole demo, with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder), Path(folder) / "out"
        first_cold = [to_first_prediction(root / f"cold-{run}", out) for run in range(runs)]
        cold = [whole_demo(root / f"full-{run}", out) for run in range(min(runs, 2))]
        first = [to_first_prediction(root / "full-0", out) for _ in range(runs)]
        full = [whole_demo(root / "full-0", out) for _ in range(runs)]
    named = {
        "odl demo to its first prediction, empty cache": first_cold,
        "odl demo to its first prediction, full cache": first,
        "odl demo to its end, empty cache": cold,
        "odl demo to its end, full cache": full,
    }
    return [Figure(name, "s", Spread.of(seconds)) for name, seconds in named.items()]
