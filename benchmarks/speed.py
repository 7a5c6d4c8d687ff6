"""The speed of replay with learning, of the start and of the import. Medians of several runs.

    python benchmarks/speed.py [--runs 7] [--json FILE]

Kernels are compiled before anything is timed. Replay uses one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import odl

IMPORT = "import time; t = time.perf_counter(); import odl; print(time.perf_counter() - t)"
FIRST = """
from odl import data
from odl.core.config import Config
from odl.core.loop import drive
from odl.core.events import Prediction
from odl.core.fixed_point import input_scaling
from odl.core.session import Session
from odl.data.streams import replay_parts
from odl.data.streams import load_model
image = load_model(data.model_path("shoulder"))
source = data.load_card("shoulder").channels
sides = [[(c.name, c.unit, c.scale) for c in x] for x in (source, image.channels)]
scaling = input_scaling(*sides)
session = Session(image, Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset))
inputs = replay_parts(data.load_session("shoulder", 7))
print(next(e for e in drive(session, inputs) if isinstance(e, Prediction)))
"""


def whole_process(code: str, runs: int) -> tuple[float, str]:
    """Median seconds from starting Python to its end, and what it printed last."""
    seconds, said = [], ""
    for _ in range(runs):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        seconds.append(time.perf_counter() - began)
        said = done.stdout
    return statistics.median(seconds), said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    odl.replay("shoulder", subjects=[7])  # compiles, or loads what was compiled
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, out in (("replay", None), ("replay and record", folder)):
            runs = [odl.replay("shoulder", out=out) for _ in range(given.runs)]
            rates[name] = statistics.median(r.samples_per_second for r in runs)
    rate_hz = runs[0].image.rate_hz
    figures = {f"{name}: samples per second": rate for name, rate in rates.items()}
    figures |= {f"{name}: times real time": rate / rate_hz for name, rate in rates.items()}
    imports = []
    for _ in range(given.runs):
        done = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
        imports.append(float(done.stdout))
    figures["import odl: seconds"] = statistics.median(imports)
    figures["start of Python to first prediction: seconds"] = whole_process(FIRST, given.runs)[0]
    for name, value in figures.items():
        print(f"{name:48} {value:12,.3f}" if value < 100 else f"{name:48} {value:12,.0f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
