"""One rounding or one weight changed shows: at an event of the trace, or at least in the state block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from firmware_sim import headers, host
from firmware_sim.machine import TwinSession
from odl.core.config import Config
from odl.core.events import Output
from odl.core.image import Image
from odl.core.session import Session
from tests.helpers.streams import IMAGE, Script, config, inputs

CONFIG = config("tactile-dualrv", allowed=40, horizon=90, batch=2, patience=300, hold=True)


def script() -> Script:
    """A session that asks, is answered, grows and takes back."""
    acts: list[tuple[object, ...]] = [("samples", 200)]
    for n in range(30):
        acts += [("samples", 24), ("label", 0, (0, 2, 3, 9 if n > 10 else 4)[n % 4]), ("label", 1, 3)]
        acts += {10: [("class", 9, 0), ("label", 0, 9)], 15: [("split", 0, 2)], 20: [("undo",)]}.get(n, [])
    return Script(3, acts)


def trace_and_states(session: Session) -> tuple[list[Output], list[bytes]]:
    """All outputs, and the snapshot after each input."""
    trace, states = [], []
    for _, outputs in inputs(script(), session):
        trace += outputs
        states.append(session.snapshot())
    return trace, states


def first_difference(core: Path, image: Image = IMAGE, settings: Config = CONFIG) -> str | None:
    """Where a build of ``core`` first differs from Python: an event of the trace, else a state block."""
    library = host.build(headers.sizes_of(image), core=core, flags=("-Wno-error",))
    mine, my_states = trace_and_states(Session(IMAGE, CONFIG))
    its, its_states = trace_and_states(TwinSession(host.HostMachine(library), image, settings))
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
    assert first_difference(copy_of_core(tmp_path)) is None


# Each takes away or shifts one rounding, one limit or one order.
MUTANTS = [
    ("requantise.c", " + ((uint64_t)1 << (shift - 1))", ""),
    ("pool.c", "(sum + n / 2) / n", "sum / n"),
    ("pool.c", "p < half", "p <= half"),
    ("softmax.c", "ODL_ONE + total / 2", "ODL_ONE"),
    ("softmax.c", "product + ((uint32_t)1 << 29)", "product"),
    ("score.c", "* above + 16384", "* above"),
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
    ("refit.c", "net->epochs", "net->epochs - 1u"),
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
    assert first_difference(core) is not None


@pytest.mark.parametrize("layer", [0, 1])
def test_a_changed_weight_is_found_out(layer: int) -> None:
    weights = IMAGE.layers[layer].weights.copy()
    weights[2, 1, 0] ^= 1
    layers = list(IMAGE.layers)
    layers[layer] = replace(layers[layer], weights=weights)
    assert first_difference(host.CORE, replace(IMAGE, layers=tuple(layers))) is not None


def test_a_changed_head_a_stored_vector_and_a_setting_are_found_out() -> None:
    base = IMAGE.base.copy()
    base[0, 3] += 64
    assert first_difference(host.CORE, replace(IMAGE, base=base)) is not None
    stored = IMAGE.stored.copy()
    stored[4, 4] ^= 1
    assert first_difference(host.CORE, replace(IMAGE, stored=stored)) is not None
    assert first_difference(host.CORE, settings=replace(CONFIG, step=CONFIG.step + 1)) is not None
