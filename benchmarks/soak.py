"""A live session with the emulated board for a long time: its memory, its losses, and its replay.

    python benchmarks/soak.py [--minutes 60]

`odl live` runs in a process of its own, in real time. An emulated board plays a person again and again,
and answers come from truth. The memory of both is read every five seconds, from /proc (Linux); the median of
each sixth of the time is printed. Afterwards the recording is replayed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

import odl
from odl.data import load_card, load_session

EVERY, RATE = 5.0, 50  # seconds between two looks, samples a second


def memory(number: int) -> int:
    """Resident bytes of a process and those that it started; 0 where it has ended."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    except OSError:
        return 0
    own = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return 1024 * int(own.split()[1]) + sum(memory(int(child)) for child in children)


def table(folder: Path, minutes: float) -> None:
    """A person's samples as a table, for so long and a minute more."""
    parts, card = load_session("shoulder", 8), load_card("shoulder")
    block = np.concatenate([part.block * [c.scale for c in card.channels] for part in parts])
    names = [part.truths[0][2] for part in parts for _ in part.block]
    folder.mkdir()
    with (folder / "person.csv").open("w") as file:
        file.write(f"time_s,{','.join(f'{c.name} [{c.unit}]' for c in card.channels)},label\n")
        for i in range(round(60 * RATE * (minutes + 1))):
            cells = ",".join(f"{value:.5f}" for value in block[i % len(block)])
            file.write(f"{i / RATE:.2f},{cells},{names[i % len(block)]}\n")


def main() -> None:
    """Run, watch, replay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        path, figures = Path(folder) / "soak.odl", Path(folder) / "soak.json"
        run = [sys.executable, "-m", "odl"]
        table(Path(folder) / "person", minutes)
        subprocess.run([*run, "init", f"{folder}/person"], check=True, stdout=subprocess.DEVNULL)
        words = [
            *(
                *run,
                "live",
                "--emulated",
                "--play",
                f"{folder}/person",
                "--model",
                "shoulder",
                "--budget",
                "12/h",
            ),
            *("--answers", "truth", "--learn", "both", "--seconds", f"{60 * minutes:g}"),
            *("--out", str(path), "--json", str(figures)),
        ]
        seen = list[int]()
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live:
            while live.poll() is None:
                time.sleep(EVERY)  # real time is what is tried here
                seen.append(memory(live.pid))
        said = json.loads(figures.read_text(encoding="utf-8"))
        seen = [one for one in seen if one]
        sixths = [f"{median(part):,.0f}" for part in np.array_split(seen, 6)]
        same = odl.replay(path).outcomes[0].same_trace
        size = path.stat().st_size
    print(f"{minutes:g} min; bytes of host and board in each sixth: {'; '.join(sixths)}")
    print(
        f"recording {size:,} bytes; {said['position']:,} samples, {said['lost']:,} lost, "
        f"{said['differences']} differences; replay's trace {'equal' if same else 'NOT EQUAL'}"
    )
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
