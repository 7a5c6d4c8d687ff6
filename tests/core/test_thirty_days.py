"""Thirty days at twelve questions an hour: none too many, no answer lost, a log that never overflows."""

from __future__ import annotations

import numpy as np
import pytest

from odl.core.events import Query, Samples, Truth
from odl.core.fixed_point import input_scaling
from odl.core.ground_truth import TruthTrack
from odl.core.loop import steps
from odl.core.session import Session
from odl.data import load_card, load_session
from odl.data.streams import load_model
from odl.evaluate.options import Options
from odl.labels.oracle import Oracle

HOURS = 30 * 24
DELAY = 500  # samples until an answer comes, 10 s


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["random", "novel-segments"])
def test_thirty_days_at_twelve_an_hour(policy: str) -> None:
    image = load_model("shoulder")
    parts = load_session("shoulder", 7)
    person = np.concatenate([part.block for part in parts])
    hour = round(3600 * image.rate_hz)
    day = np.resize(person, (hour, person.shape[1]))
    names = [name for part in parts for _, _, name in part.truths]
    truths = [Truth(h * hour, (h + 1) * hour, names[h % len(names)]) for h in range(HOURS)]
    channels = (
        [(c.name, c.unit, c.scale) for c in side] for side in (load_card("shoulder").channels, image.channels)
    )
    config = Options(policy=policy, budget="12/h").config(image.rate_hz, 0, 1, input_scaling(*channels))
    session = Session(image, config)
    oracle = Oracle(TruthTrack(truths), image.window, sorted(set(names)), delay=DELAY)
    asked = np.zeros(HOURS, int)
    for step in steps(session, (Samples(h * hour, day) for h in range(HOURS)), oracle):
        for output in step.outputs:
            if isinstance(output, Query):
                asked[(output.window + image.window - 1) // hour] += 1
    counts = session.counts
    assert asked.max() <= 12 and (policy != "random" or (asked == 12).all())
    late = counts["queries"] - counts["answered"]
    assert late <= 1  # the last question's answer may still be on its way
    assert counts["full"] == counts["expired"] == counts["late"] == 0
    kept = int((session.log["kind"] == 1).sum())
    assert counts["answered"] == kept + counts["gave_way"] + counts["skipped"]
    assert policy != "random" or counts["gave_way"] > 8000
