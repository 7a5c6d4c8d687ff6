"""Device and host learning side by side over a whole person's recording, on a good line and a bad one.

    python benchmarks/twin.py [--data DIR] [--dataset hapt] [--subject N] [--speed 20]

This runs ``odl live --learn both`` with an emulated board in a process of its own. First the host feeds
the board the whole recording. Then the board's sensor plays it, faster than real time, and the board
asks and learns by itself. The third run is the second with one frame in a thousand lost, in both
directions. Truth answers the questions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from firmware_sim.faults import Faults
from firmware_sim.relay import Relay
from odl.core.events import Learned, Samples
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams, load_model
from odl.evaluate.load_kernels import load_kernels
from odl.evaluate.replay import replay
from odl.labels.played_truth import PlayedTruth, one_block
from odl.live import LiveSession, open_live
from odl.live.emulated import EmulatedBoard

OPTIONS = {"budget": "60/h"}
DELAY = 10.0  # seconds until an answer, as by default


class FromTruth:
    """Answers the board's questions from the recording's truth, some seconds later."""

    def __init__(self, live: LiveSession, stream: Stream) -> None:
        self.live, self.truth = live, PlayedTruth(*one_block(stream.inputs()))
        self._due: dict[int, int] = {}

    def look(self) -> None:
        """Send the answers that are due."""
        live, delay = self.live, round(DELAY * self.live.image.rate_hz)
        for question in live.prompt.questions:
            if live.session.position >= self._due.setdefault(question.window, question.asked + delay):
                name = self.truth.of(question.window, live.image.window)
                live.prompt.answer(question.window, name, by="truth")


def fed(given: argparse.Namespace, stream: Stream, path: Path) -> bool:
    """The host feeds the board."""
    began = time.monotonic()
    with open_live(
        emulated=True, feed=given.dataset, subject=stream.subject, data=given.data, answers="truth",
        out=path, options=OPTIONS,
    ) as live:  # fmt: skip
        learned = sum(isinstance(event, Learned) for event in live)
    return told(f"fed the whole recording in {time.monotonic() - began:.0f} s", live, learned, path)


def played(given: argparse.Namespace, stream: Stream, path: Path, drop: float) -> bool:
    """The board's sensor plays."""
    words = ["--play", given.dataset, "--model", given.dataset, "--subject", stream.subject]
    words += ["--data", given.data] if given.data else []
    to_board, to_host = Faults(1, drop=drop), Faults(2, drop=drop)
    began, last, learned, idle = time.monotonic(), 0.0, 0, 0
    with (
        EmulatedBoard(*words, "--speed", f"{given.speed:g}") as board,
        Relay(board.url, to_board=to_board, to_host=to_host) as relay,
        open_live(relay.url, out=path, learn="both", options=OPTIONS) as live,
    ):
        answers = FromTruth(live, stream)
        for event in live:
            for _ in answers.truth.take(event):
                pass
            answers.look()
            learned += isinstance(event, Learned)
            for sentence in live.notices():
                if "differ" in sentence:
                    print(sentence, file=sys.stderr)
            if time.monotonic() - last > 20:
                last = time.monotonic()
                print(f"... sample {live.session.position} of {stream.samples}", file=sys.stderr, flush=True)
            idle = 0 if not isinstance(event, Samples) or len(event.block) else idle + 1
            if not answers.truth.left or (answers.truth.left < 64 and idle > 20):
                live.stop()
    frames = live._mode.board.lost_frames  # type: ignore[attr-defined]
    head = (
        f"played at {given.speed:g} times real time in {time.monotonic() - began:.0f} s, "
        f"{100 * drop:g} % of frames lost: {frames} from the board, {to_board.counts['drop']} to it"
    )
    return told(head, live, learned, path)


def told(head: str, live: LiveSession, learned: int, path: Path) -> bool:
    """Print the result of a run; True if everything was equal."""
    status = live.status()
    compared, skipped = status.compared or 0, status.skipped or 0
    same = replay(path).outcomes[0].same_trace
    print(head)
    share = 100 * compared / max(1, compared + skipped)
    trace = "an equal" if same else "ANOTHER"
    print(f"  {compared + skipped} windows of the board, {compared} compared ({share:.2f} %)")
    print(f"  {status.differences} differences, {status.lost} samples lost")
    asked = live.session.counts["queries"]
    print(f"  {asked} questions, {learned} labels learned; a replay has {trace} trace", flush=True)
    return status.differences == 0 and same is True


def main() -> None:
    """Fed, played, played over a bad line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="hapt")
    parser.add_argument("--data", help="where the files of a dataset like hapt lie")
    parser.add_argument("--subject")
    parser.add_argument("--speed", type=float, default=20.0)
    given = parser.parse_args()
    dataset = open_dataset(given.dataset, given.data)
    stream = dataset_streams(dataset, [given.subject or dataset.subjects[0]], 0)[0]
    load_kernels(load_model(given.dataset), print)
    print(f"person {stream.subject} of {given.dataset}, {stream.samples} samples")
    with tempfile.TemporaryDirectory() as folder:
        good = [fed(given, stream, Path(folder) / "fed.odl")]
        for drop in (0.0, 0.001):
            good.append(played(given, stream, Path(folder) / f"{drop}.odl", drop))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
