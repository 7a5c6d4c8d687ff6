"""The golden sessions under each tier, with any number of threads, in blocks of any length: equal bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from odl.core.events import Event, Input, Samples, Truth
from odl.core.ground_truth import TruthTrack
from odl.core.loop import drive, steps
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.core.trace import Trace
from odl.data import load_card, load_session
from odl.data.streams import replay_parts
from odl.labels.oracle import Oracle
from tests.golden.sessions import HASHES, SESSIONS, Ran, image, run
from tests.helpers.tiers import HERE

ROOT = Path(__file__).resolve().parents[2]
SOME = [
    next(name for name, golden in SESSIONS.items() if golden.how == how) for how in ("scripted", "replay")
]
HASHED = json.loads(HASHES.read_text(encoding="utf-8"))["sessions"]
RUN = """
import json, sys
from tests.golden.sessions import SESSIONS, run
print(json.dumps([run(SESSIONS[name]).summary() for name in sys.argv[1:]]))
"""
PLACES = [(tier.name, threads) for tier in HERE for threads in (1, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(("tier", "threads"), PLACES)
def test_tiers_and_threads_make_no_difference(tier: str, threads: int) -> None:
    limits = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    done = subprocess.run(
        [sys.executable, "-c", RUN, *SOME], env=os.environ | limits | {"ODL_TIER": tier}, cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [HASHED[name] for name in SOME]


@pytest.mark.parametrize("size", [1, 63, 64, 1000, 10**6])
def test_blocks_make_no_difference(size: int) -> None:
    """One sample at a time, or all at once: by window, and in blocks as long as possible."""
    name = SOME[1]
    before = run(SESSIONS[name])
    stream: list[Input] = list(replay_parts(load_session("shoulder", 7), block=size))
    truths = TruthTrack([event for event in stream if isinstance(event, Truth)])

    def oracle() -> Oracle:
        classes, seed = load_card("shoulder").classes, seed_of(0, 1, *b"7")
        return Oracle(truths, image().window, classes, delay=500, seed=seed)

    session = Session(before.session.image, before.session.config)
    events: list[Event] = list(drive(session, stream, oracle()))
    assert Ran(events, session).summary() == HASHED[name]
    if size > 1:  # else the first way took as long as it takes
        again = Session(before.session.image, before.session.config)
        joined = Trace(steps(again, stream, oracle()))
        assert again.snapshot() == session.snapshot()
        assert joined.samples == sum(len(event.block) for event in stream if isinstance(event, Samples))
