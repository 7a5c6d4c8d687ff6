"""What a recording takes of memory when it is replayed: its samples are held once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import odl
from odl.core.config import Config
from odl.core.events import Gap, Samples
from odl.core.loop import joined
from odl.data import model_bytes
from odl.recording import Writer, inputs, read
from odl.wire import Start
from tests.helpers.memory import peak
from tests.helpers.recordings import SESSION, write

FRAMES, ROWS = 3000, 64
SIZE = FRAMES * ROWS * 6 * 2  # bytes of all samples


def written(path: Path, frames: int) -> Path:
    """A recording as a board sends it."""
    config = Config(mult=(16384,) * 6, shift=(21,) * 6, offset=(0,) * 6).to_dict()
    start = Start({"format": [2, 0], "config": config, "session": {}}, model_bytes("shoulder"))
    draw = np.random.default_rng(1)
    with Writer(path, start) as writer:
        for n in range(frames):
            writer.write(Samples(n * ROWS, draw.integers(-9000, 9000, (ROWS, 6)).astype(np.int16)))
    return path


def test_a_replay_holds_the_samples_once(tmp_path: Path) -> None:
    """A day took 364 MB: frames, joined samples and outputs beside each other."""
    short, long = written(tmp_path / "short.odl", FRAMES), written(tmp_path / "long.odl", 3 * FRAMES)
    odl.replay(short)  # modules and kernels are loaded now
    more = peak(lambda: odl.replay(long), times=3) - peak(lambda: odl.replay(short), times=3)
    assert more < 2.3 * (2 * SIZE)  # 1.8: the samples, and 0.8 for their events and outputs


def test_samples_that_follow_each_other_are_rows_of_one_array(tmp_path: Path) -> None:
    path = written(tmp_path / "hour.odl", FRAMES)
    blocks = [event.block for event in read(path).events if isinstance(event, Samples)]
    assert len(blocks) == FRAMES and len({id(block.base) for block in blocks}) < FRAMES / 100
    assert not blocks[7].flags.writeable
    whole = np.concatenate(blocks)
    found = [event for event, _ in joined(inputs(read(path)))]
    assert all(isinstance(event, Samples) and event.block.base is not None for event in found)
    assert np.array_equal(np.concatenate([event.block for event in found]), whole)  # type: ignore[union-attr]


def test_without_outputs_the_inputs_are_the_same(tmp_path: Path) -> None:
    write(tmp_path / "walk.odl", SESSION)
    whole, part = read(tmp_path / "walk.odl"), read(tmp_path / "walk.odl", outputs=False)
    assert part.events == [event for event in whole.events if event not in whole.outputs]
    assert part.trace_sha256 == whole.trace_sha256 and part.has_outputs and whole.has_outputs
    write(tmp_path / "inputs.odl", part.events)
    assert not read(tmp_path / "inputs.odl").has_outputs


@pytest.mark.parametrize("between", [[], [Gap(40, 0, "a seam")], [Gap(40, 9, "lost")]])
def test_blocks_of_any_lengths_come_back(tmp_path: Path, between: list[Gap]) -> None:
    blocks = [np.arange(3 * n, dtype=np.int16).reshape(n, 3) for n in (1, 0, 39, 7, 9000, 1)]
    events, at = list[Samples | Gap](), 0
    for n, block in enumerate(blocks):
        if n == 3:
            events += between
            at += sum(gap.lost for gap in between)
        events.append(Samples(at, block))
        at += len(block)
    write(tmp_path / "walk.odl", list(events))
    assert read(tmp_path / "walk.odl").events == events
