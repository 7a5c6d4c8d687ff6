"""A day's recording, 4.3 million samples: what each command takes of time and memory.

    python -m benchmarks.day [--hours 24]

A bundled person's stream is repeated until the day is full, with 12 questions an hour. Each command runs in a
process of its own; the memory is the most that it had, interpreter and compiler included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import odl
from benchmarks.measured import measure
from odl.data import load_card, load_session

RATE, STRETCH = 50, 90  # samples a second, and seconds of an activity
PERSON = 7
RESUME = "import sys; from odl.recording.resume import resume; resume(sys.argv[1]).writer.leave()"


def record(folder: Path, hours: float) -> Path:
    """The recording of so many hours."""
    samples = round(hours * 3600 * RATE)
    parts, card = load_session("shoulder", PERSON), load_card("shoulder")
    person = np.concatenate([part.block for part in parts])
    names = [name for part in parts for _, _, name in part.truths]
    day = np.resize(person, (samples, person.shape[1]))
    odl.replay(
        day, model="shoulder", rate_hz=RATE, budget="12/h", out=folder,
        units=[c.unit for c in card.channels], scale=[c.scale for c in card.channels],
        labels=np.resize(np.repeat(np.array(names), STRETCH * RATE), samples).tolist(),
    )  # fmt: skip
    return next(folder.glob("*.odl"))


def report(name: str, words: list[str]) -> None:
    """Run a command; print wall time, processor time and the most memory."""
    found = measure(words)
    if found.status:
        sys.exit(f"{name} failed:\n{found.said}")
    print(f"{name:20} {found.seconds:7.1f} s {found.processor:7.1f} s {found.memory:7.0f} MB", flush=True)


def main() -> None:
    """Record, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    hours = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = str(record(folder, hours))
        print(f"{hours:g} h, {hours * 3600 * RATE:,.0f} samples, {Path(path).stat().st_size / 1e6:.1f} MB")
        print(f"{'':20} {'time':>9} {'processor':>9} {'memory':>10}")
        run = [sys.executable, "-m", "odl"]
        for name, words in {
            "--version": [*run, "--version"],
            "info": [*run, "info", path],
            "replay": [*run, "replay", path],
            "report": [*run, "report", path, "--out", f"{made}/day.html"],
            "label": [*run, "label", path],
            "convert to Parquet": [*run, "convert", path, f"{made}/day.parquet"],
            "convert to CSV": [*run, "convert", path, f"{made}/day.csv"],
            "convert --redact": [*run, "convert", path, f"{made}/redacted.odl", "--redact"],
            "resume": [sys.executable, "-c", RESUME, path],
        }.items():
            report(name, words)


if __name__ == "__main__":
    main()
