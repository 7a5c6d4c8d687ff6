"""One rounding or one weight changed shows: at an event of the trace, or at least in the state block."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from firmware_sim import headers, host
from firmware_sim.machine import TwinSession
from odl.core.config import Config
from odl.core.events import Output
from odl.core.image import Image
from odl.core.session import Session
from tests.helpers.streams import IMAGE, Script, config, inputs

CONFIG = config("tactile-dualrv", allowed=40, horizon=90, batch=2, patience=300, every=24)
# A log that is full soon, refits over many hops, questions that may come at every fourth window.
SMALL = replace(IMAGE, max_log=14, rate_hz=400.0)
SEGMENTS = config("novel-segments", allowed=20, horizon=120, batch=1, every=32, change=803)


class Trial(NamedTuple):
    """A session."""

    image: Image
    config: Config
    script: Script


def growing() -> Script:
    """A session that asks, is answered, grows and takes back."""
    acts: list[tuple[object, ...]] = [("samples", 200)]
    for n in range(30):
        acts += [("samples", 24), ("label", 0, (0, 2, 3, 9 if n > 10 else 4)[n % 4]), ("label", 1, 3)]
        acts += {10: [("class", 9, 0), ("label", 0, 9)], 15: [("split", 0, 2)], 20: [("undo",)]}.get(n, [])
    return Script(3, acts)


def taught(seed: int = 2) -> Script:
    """A session in which a new task is learned from answers, and from labels that nobody asked for."""
    chance = random.Random(seed)
    acts: list[tuple[object, ...]] = [("samples", 100), ("split", 2, 2), ("class", 9, 2), ("class", 10, 2)]
    for _ in range(60):
        acts += [("samples", 24)]
        acts += [("label", 0, chance.choice([0, 1, 2, 3, 9, 10]))] * (chance.random() < 0.5)
        acts += [("teach", chance.choice([0, 2, 3, 9, 10]))] * (chance.random() < 0.3)
        acts += [("undo",)] * (chance.random() < 0.05)
    return Script(seed, [*acts, ("samples", 1600)])


GROWING, TAUGHT = Trial(IMAGE, CONFIG, growing()), Trial(SMALL, SEGMENTS, taught())


def trace_and_states(session: Session, script: Script) -> tuple[list[Output], list[bytes]]:
    """All outputs, and the snapshot after each input."""
    trace, states = [], []
    for _, outputs in inputs(script, session):
        trace += outputs
        states.append(session.snapshot())
    return trace, states


def first_difference(core: Path, trial: Trial = GROWING, other: Trial | None = None) -> str | None:
    """Where a build of ``core`` first differs from Python: an event of the trace, else a state block.

    ``other`` has what the build runs in place of the trial's image or settings.
    """
    there = other or trial
    library = host.build(headers.sizes_of(there.image), core=core, flags=("-Wno-error",))
    mine, my_states = trace_and_states(Session(trial.image, trial.config), trial.script)
    its, its_states = trace_and_states(
        TwinSession(host.HostMachine(library), there.image, there.config), trial.script
    )
    for what, one, other in (("event", mine, its), ("state", my_states, its_states)):
        for place, (a, b) in enumerate(zip(one, other, strict=False)):
            if a != b:
                return f"{what} {place}"
        if len(one) != len(other):
            return f"{what} {min(len(one), len(other))}"
    return None


def copy_of_core(folder: Path) -> Path:
    """The core's sources, to be changed."""
    core = folder / "core"
    core.mkdir()
    for path in host.CORE.iterdir():
        (core / path.name).write_bytes(path.read_bytes())
    return core


def test_an_unchanged_copy_gives_the_same_trace(tmp_path: Path) -> None:
    core = copy_of_core(tmp_path)
    assert first_difference(core) is None and first_difference(core, TAUGHT) is None


# Each takes away or shifts one rounding, one limit or one order.
MUTANTS = [
    ("requantise.c", " + ((uint64_t)1 << (shift - 1))", ""),
    ("pool.c", "(sum + n / 2) / n", "sum / n"),
    ("pool.c", "p < half", "p <= half"),
    ("softmax.c", "ODL_ONE + total / 2", "ODL_ONE"),
    ("softmax.c", "product + ((uint32_t)1 << 29)", "product"),
    ("heads.c", "* above + 16384", "* above"),
    ("score.c", "+ 16384) >> 15) + 1) >> 1", "+ 16384) >> 15)) >> 1"),
    ("score.c", "rest * base[r] + 16384", "rest * base[r]"),
    ("gate.c", "return balance >= 0;", "return balance > 0;"),
    ("gate.c", "return balance >= 1 ||", "return balance >= 0 ||"),
    ("gate.c", "for_mixed >= 2", "for_mixed >= 3"),
    ("segment.c", "s->sums[k] + n / 2", "s->sums[k]"),
    ("segment.c", "change * change * (n + 1)", "change * change * n"),
    ("hold.c", "&& said != s->held_said", ""),
    ("log.c", "labels[r] > labels[most]", "labels[r] >= labels[most]"),
    ("rule_novel_segments.c", "FIRST = 6", "FIRST = 7"),
    ("rule_novel_segments.c", "LEAST + doubt", "doubt"),
    ("decide.c", "end - s->asked_at < set->every", "end - s->asked_at <= set->every"),
    ("score.c", "ODL_ONE - (first - second)", "ODL_ONE - first"),
    ("scale_input.c", "odl_round_shift(", "odl_floor_shift("),
    ("imprint.c", "total + n_stored / 2", "total"),
    (
        "sgd.c",
        "error * features[k], shift);\n    row[n] -=",
        "error * features[k], shift + 1);\n    row[n] -=",
    ),
    ("generator.c", "state >> 7", "state >> 9"),
    ("quantile.c", "odl_round_shift(above - rate, step)", "odl_floor_shift(above - rate, step)"),
    ("distance.c", "/ (255 * n)", "/ (256 * n)"),
    ("refit.c", "epochs = session->net.epochs;", "epochs = session->net.epochs - 1;"),
    ("refit.c", "MORE = 4000", "MORE = 3900"),
    ("refit.c", "->window > entry->window", "->window < entry->window"),
    ("grow.c", "e->order > latest", "e->order < latest"),
    ("extract.c", "k + step < size", "k + step + 1 < size"),
    ("dense.c", "* ODL_BIAS", "* (ODL_BIAS - 1)"),
]


@pytest.mark.parametrize(("file", "old", "new"), MUTANTS)
def test_a_changed_core_is_found_out(tmp_path: Path, file: str, old: str, new: str) -> None:
    core = copy_of_core(tmp_path)
    text = (core / file).read_text()
    assert old in text
    (core / file).write_text(text.replace(old, new))
    assert first_difference(core) or first_difference(core, TAUGHT)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_changed_weight_is_found_out(layer: int) -> None:
    weights = IMAGE.layers[layer].weights.copy()
    weights[2, 1, 0] ^= 1
    layers = list(IMAGE.layers)
    layers[layer] = replace(layers[layer], weights=weights)
    other = GROWING._replace(image=replace(IMAGE, layers=tuple(layers)))
    assert first_difference(host.CORE, other=other) is not None


def test_a_changed_head_a_stored_vector_and_a_setting_are_found_out() -> None:
    base = IMAGE.base.copy()
    base[0, 3] += 64
    assert first_difference(host.CORE, other=GROWING._replace(image=replace(IMAGE, base=base))) is not None
    stored = IMAGE.stored.copy()
    stored[4, 4] ^= 1
    other = GROWING._replace(image=replace(IMAGE, stored=stored))
    assert first_difference(host.CORE, other=other) is not None
    other = GROWING._replace(config=replace(CONFIG, step=CONFIG.step + 1))
    assert first_difference(host.CORE, other=other) is not None
