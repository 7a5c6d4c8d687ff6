"""Device and host learning side by side over a whole person's recording, on a good line and a bad one.

    python benchmarks/twin.py [--data DIR] [--dataset hapt] [--subject N] [--speed 15]

The emulated board's sensor plays the person; the board asks, learns from the true answers
and is followed by a session here, window by window (``odl live --learn both``). Then the
same again with one frame in a thousand lost, both ways.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from firmware_sim.faults import Faults
from firmware_sim.relay import Relay
from odl.api import load_kernels, replay
from odl.bridge import open_live
from odl.bridge.emulated import EmulatedBoard
from odl.data import open_dataset
from odl.events import Learned
from odl.label.played import PlayedTruth, one_block
from odl.streams import dataset_streams, load_model

BUDGET = "60/h"
DELAY = 10.0  # seconds until an answer


def side_by_side(given: argparse.Namespace, drop: float, folder: Path) -> bool:
    """One run; prints what came of it. Whether there was no difference."""
    dataset = open_dataset(given.dataset, given.data)
    person = given.subject or dataset.subjects[0]
    stream = dataset_streams(dataset, [person], 0)[0]
    truth = PlayedTruth(*one_block(stream.inputs()))
    words = ["--play", given.dataset, "--model", given.dataset, "--subject", str(person)]
    words += ["--data", given.data] if given.data else []
    to_board, to_host = Faults(1, drop=drop), Faults(2, drop=drop)
    path, began, learned, told = folder / f"{drop:g}.odl", time.monotonic(), 0, 0.0
    answers: list[tuple[int, int]] = []  # due, window
    with (
        EmulatedBoard(*words, "--speed", f"{given.speed:g}") as board,
        Relay(board.url, to_board=to_board, to_host=to_host) as relay,
        open_live(relay.url, out=path, learn="both", options={"budget": BUDGET}, who=str(person)) as live,
    ):
        rate = live.image.rate_hz
        for event in live:
            for _ in truth.take(event):
                pass
            learned += isinstance(event, Learned)
            asked = {window for _, window in answers}
            answers += [(q.asked + round(DELAY * rate), q.window) for q in live.prompt.questions
                        if q.window not in asked]  # fmt: skip
            while answers and answers[0][0] <= live.session.position:
                window = answers.pop(0)[1]
                live.prompt.answer(window, truth.of(window, live.image.window), by="truth")
            for sentence in live.notices():
                if "differ" in sentence:
                    print(sentence, file=sys.stderr)
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(f"... {live.session.position / rate:.0f} s of {stream.samples / rate:.0f}",
                      file=sys.stderr, flush=True)  # fmt: skip
            if truth.finished or live.session.position >= stream.samples:
                break
        status = live.status()
        board_lost = live._way.board.lost_frames  # type: ignore[attr-defined]
    compared, skipped = status.compared or 0, status.skipped or 0
    print(f"person {person} of {given.dataset}, {status.position / rate:.0f} s in "
          f"{time.monotonic() - began:.0f} s, {100 * drop:g} % of frames lost:")  # fmt: skip
    print(f"  {status.windows} windows, {compared} compared ({100 * compared / (compared + skipped):.2f} %), "
          f"{skipped} not; {status.differences} differences")  # fmt: skip
    print(f"  {live.session.counts['queries']} questions, {learned} labels learned, {board_lost} frames and "
          f"{status.lost} samples lost, {to_board.counts['drop']} requests lost")  # fmt: skip
    same = replay(path).outcomes[0].same_trace
    print(f"  a replay of the recording has {'an equal' if same else 'ANOTHER'} trace", flush=True)
    return status.differences == 0 and same is True


def main() -> None:
    """A good line, then a bad one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="hapt")
    parser.add_argument("--data", help="where the files of a dataset like hapt lie")
    parser.add_argument("--subject", type=int)
    parser.add_argument("--speed", type=float, default=15.0)
    parser.add_argument("--drop", type=float, nargs="*", default=[0.0, 0.001])
    given = parser.parse_args()
    load_kernels(load_model(given.dataset), print)
    with tempfile.TemporaryDirectory() as folder:
        good = [side_by_side(given, drop, Path(folder)) for drop in given.drop]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
