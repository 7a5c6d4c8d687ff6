"""Each tier gives the literal integers over the whole range of weights, inputs, multipliers and shifts.

What this machine cannot run is skipped by name, and its code is at least made for a processor that has it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import binding, ir

from odl.core.events import Samples
from odl.core.image import Layer
from odl.core.kernels import tiers
from odl.core.kernels.packing import CHUNK, MIN_SHIFT, pack, width_of
from odl.core.kernels.tiers import PLAIN, TIERS, Tier, TierError, chosen, runnable, tier
from odl.core.kernels.tile import tile_function
from odl.core.session import Session
from tests.helpers.images import random_image
from tests.helpers.literal import outputs
from tests.helpers.streams import config
from tests.helpers.tiers import HERE, WRITTEN, outputs_under

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="without JIT the plain tier runs alone"),
]
RUN = [
    pytest.param(
        tier, id=tier.name,
        marks=() if tier in HERE else pytest.mark.skip(f"this machine cannot run the tier {tier.name}"),
    )
    for tier in WRITTEN
]  # fmt: skip
ROOT = Path(__file__).parents[3]


def test_the_tiers_of_this_machine_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    names = [one.name for one in HERE]
    with capsys.disabled():
        print(f" [tiers run here: {', '.join(names)}; not run: "
              f"{', '.join(one.name for one in TIERS if one not in HERE) or 'none'}] ", end="")  # fmt: skip
    assert names[-1] == "plain" and tier() in HERE


@st.composite
def cases(draw: Any) -> tuple[Layer, Any, int, bool]:
    """A layer whose accumulators the image's check lets through, its inputs, and how many positions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cin, out, kernel = draw(st.integers(1, 12)), draw(st.integers(1, 64)), draw(st.integers(1, 9))
    stride, positions = draw(st.integers(1, kernel)), draw(st.integers(1, 40))
    signed = draw(st.booleans())
    low, high = (-128, 127) if signed else (0, 255)

    def values(bounds: tuple[int, int], shape: tuple[int, ...]) -> Any:
        if draw(st.booleans()):
            return rng.choice(bounds, shape)
        return rng.integers(bounds[0], bounds[1] + 1, shape)

    weights = values((-127, 127), (out, kernel, cin)).astype(np.int8)
    room = 2**31 - 1 - 255 * np.abs(weights.astype(np.int64)).sum((1, 2))
    # Biases near zero, anywhere, and such that their sum with the rest is at int32's bounds.
    bias = np.select(
        [rng.random(out) < 0.4, rng.random(out) < 0.4],
        [rng.integers(-5000, 5000, out), rng.choice([-1, 1], out) * room], rng.integers(-room, room),
    )  # fmt: skip
    shifts = draw(st.sampled_from([(31, 62), (31, 34), (33, 45), (61, 62)]))
    mults = values((2**30, 2**31 - 1), (out,))
    layer = Layer(
        weights, np.clip(bias, -room, room).astype(np.int32), mults.astype(np.int32),
        rng.integers(shifts[0], shifts[1] + 1, out).astype(np.uint8), stride,
    )  # fmt: skip
    return layer, values((low, high), ((positions - 1) * stride + kernel, cin)), positions, signed


def literal(case: tuple[Layer, Any, int, bool]) -> list[list[int]]:
    """A layer's outputs, one position at a time."""
    layer, inputs, positions, _ = case
    kernel, stride = layer.weights.shape[1], layer.stride
    return [outputs(layer, inputs[p * stride : p * stride + kernel].reshape(-1)) for p in range(positions)]


@pytest.mark.parametrize("one", RUN)
@given(case=cases())
def test_a_layer_is_the_literal_one(one: Tier, case: tuple[Layer, Any, int, bool]) -> None:
    assert outputs_under(one, *case).tolist() == literal(case)


@pytest.mark.parametrize("one", RUN)
@pytest.mark.parametrize("shift", [31, 32, 33, 34, 39, 61, 62])
def test_every_step_of_requantising_is_where_it_is(one: Tier, shift: int) -> None:
    # One input of 1 times a weight of 1, and the bias runs over both sides of every output's first sum.
    for mult in (2**30, 2**30 + 1, 1518500249, 2**31 - 1):
        firsts = [-(-(k * 2**shift - 2 ** (shift - 1)) // mult) for k in range(1, 257)]
        sums = sorted({s + d for s in firsts for d in (-1, 0)} | {-(2**31) + 1000, -1, 0, 1, 2**31 - 1000})
        sums = [s for s in sums if abs(s) < 2**31 - 300]
        for at in range(0, len(sums), 64):
            part = np.array(sums[at : at + 64])
            n = len(part)
            layer = Layer(
                np.ones((n, 1, 1), np.int8), (part - 1).astype(np.int32), np.full(n, mult, np.int32),
                np.full(n, shift, np.uint8), 1,
            )  # fmt: skip
            case = layer, np.ones((3, 1), np.int64), 3, False
            assert outputs_under(one, *case).tolist() == literal(case)


@pytest.mark.parametrize("one", RUN)
def test_a_small_shift_beside_a_large_bias(one: Tier) -> None:
    # Channels with a shift of 31 see their inputs four times; those beside them must not.
    rng = np.random.default_rng(3)
    layer = Layer(
        rng.integers(-127, 128, (5, 3, 4)).astype(np.int8),
        np.array([2**31 - 10**6, 700, -300, -(2**31) + 10**6, 2**30], np.int32),
        np.full(5, 2**31 - 1, np.int32), np.array([31, 32, 31, 31, 55], np.uint8), 1,
    )  # fmt: skip
    case = layer, rng.integers(0, 4, (30, 4)), 28, False
    assert outputs_under(one, *case).tolist() == literal(case)


@pytest.mark.parametrize("one", WRITTEN, ids=[one.name for one in WRITTEN])
def test_a_packed_layer_holds_every_weight(one: Tier) -> None:
    rng = np.random.default_rng(1)
    weights = rng.integers(1, 128, (19, 3, 5)).astype(np.int8)
    packed = pack(
        one, weights, np.zeros(19, np.int32), np.full(19, 2**30, np.int32), np.full(19, 40), 7, False
    )
    tiles = packed.data.reshape(-1, packed.part)
    vectors = next(v for _, v in one.tiles if width_of(one, 19) % (v * one.lanes) == 0)
    rest = tiles[:, 3 * 4 * one.lanes * vectors :].reshape(-1).view(np.int8 if one.size == 1 else np.int16)
    assert sorted(rest[rest != 0].tolist()) == sorted(weights.reshape(-1).tolist())
    assert packed.groups == -(-21 // one.group) and MIN_SHIFT == 33 and CHUNK > 0


@pytest.mark.parametrize(
    ("name", "triple", "cpu", "features", "instruction"),
    [
        ("avx512vnni", "x86_64-linux-gnu", "cascadelake", "", "vpdpbusd"),
        ("avxvnni", "x86_64-linux-gnu", "alderlake", "", "vpdpbusd"),
        ("avx2", "x86_64-linux-gnu", "haswell", "", "vpmaddwd"),
        ("neon", "aarch64-linux-gnu", "", "+neon,+i8mm", "usdot"),
    ],
)
def test_a_tile_keeps_its_accumulators_in_registers(
    name: str, triple: str, cpu: str, features: str, instruction: str
) -> None:
    # For processors that this one is not, too: one instruction for each position and vector, and with
    # each group only loads.
    (one,) = (one for one in WRITTEN if one.name == name)
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    for twice, (positions, vectors) in product((False, True), one.tiles):
        module = ir.Module("tile")
        module.triple = triple
        tile_function(module, one, positions, vectors, twice).linkage = "external"
        machine = binding.Target.from_triple(triple).create_target_machine(cpu, features, 2)
        lines = machine.emit_assembly(binding.parse_assembly(str(module))).splitlines()
        at = [n for n, line in enumerate(lines) if f"\t{instruction}\t" in line]
        assert len(at) == positions * vectors
        body = [line for line in lines[at[0] : at[-1]] if "sp" in line]
        assert body == [], "an accumulator went to the stack"


# --- which one is used ---------------------------------------------------------------------


def test_the_best_tier_that_a_processor_has_is_chosen() -> None:
    every = [(features, runnable(frozenset(features.split()))[0].name) for features in (
        "avx2 avx512f avx512bw avx512vl avx512vnni", "avx2 avxvnni", "avx2", "neon i8mm", "neon", "",
    )]  # fmt: skip
    assert [name for _, name in every] == ["avx512vnni", "avxvnni", "avx2", "neon", "plain", "plain"]


@pytest.mark.parametrize(
    ("wanted", "what"),
    [("avx512vnni", "this machine cannot run it"), ("AVX2", "there is no such tier")],
)
def test_a_tier_that_cannot_be_used_is_refused(wanted: str, what: str) -> None:
    with pytest.raises(TierError, match=f"^ODL_TIER={wanted}: {what}; it can run avx2, plain$"):
        chosen(wanted, frozenset({"avx2", "sse2"}))


@pytest.mark.parametrize(
    ("name", "features", "has", "lacks"),
    [
        ("haswell", None, "avx2", "avx512f"),
        ("haswell", "-avx2", "", "avx2"),
        ("generic", None, "", "avx2"),
        ("generic", "+avx2,-avx512f", "avx2", "avx512f"),
        (None, "+sse4.2", "sse4.2", "avx2"),
    ],
)
def test_numbas_variables_say_what_may_be_used(
    monkeypatch: pytest.MonkeyPatch, name: str | None, features: str | None, has: str, lacks: str
) -> None:
    monkeypatch.setattr(numba.config, "CPU_NAME", name)
    monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
    found = tiers.processor_features()
    assert found >= set(has.split()) and lacks not in found


def ran(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own prints."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_the_command_line_says_which_tier_is_used() -> None:
    code = "from odl.cli.main import main; raise SystemExit(main(['{}']))"
    done = ran(code.format("doctor"), ODL_TIER="plain")
    said = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("  kernels ")]
    assert said[0].startswith("plain; ODL_TIER can also be ") or HERE == (PLAIN,)
    for command in ("doctor", "demo"):
        done = ran(code.format(command), ODL_TIER="sse")
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "ODL_TIER=sse: there is no such tier; it can run" in done.stderr.splitlines()[-1]


FROM_A_PICKLE = """
import pickle, sys, numpy as np
from odl.core.events import Samples
session = pickle.loads(sys.stdin.buffer.read())
block = np.random.default_rng(2).integers(-3000, 3000, (90, 3)).astype(np.int16)
print(list(session.step(Samples(session.position, block))), session.snapshot().hex())
"""


def test_a_pickled_session_goes_on_under_another_tier() -> None:
    session = Session(random_image(), config())
    rng = np.random.default_rng(2)
    session.step(Samples(0, rng.integers(-3000, 3000, (77, 3)).astype(np.int16)))
    stored = pickle.dumps(session)
    block = np.random.default_rng(2).integers(-3000, 3000, (90, 3)).astype(np.int16)
    wanted = f"{list(session.step(Samples(77, block)))} {session.snapshot().hex()}\n".encode()
    for one in HERE[0], PLAIN:
        done = subprocess.run(
            [sys.executable, "-c", FROM_A_PICKLE], cwd=ROOT, env=os.environ | {"ODL_TIER": one.name},
            input=stored, capture_output=True, check=False,
        )  # fmt: skip
        assert done.stdout == wanted, done.stderr.decode()


REPLAY = """
from odl.core.kernels.tiers import tier
from tests.golden.sessions import SESSIONS, run
print(tier().name, [run(SESSIONS[name]).summary() for name in {names}])
"""


@pytest.mark.slow
@pytest.mark.parametrize("one", [one.name for one in HERE])
def test_golden_sessions_are_the_same_under_every_tier(one: str) -> None:
    from tests.golden.test_sessions import SESSIONS, hashes

    done = ran(REPLAY.format(names=list(SESSIONS)), ODL_TIER=one)
    assert done.stdout == f"{one} {[hashes()['sessions'][name] for name in SESSIONS]}\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("one", [one.name for one in HERE if one is not PLAIN or len(HERE) > 1])
def test_streams_are_the_same_under_every_tier(one: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/core/kernels/test_streaming.py"],
        cwd=ROOT, env=os.environ | {"ODL_TIER": one}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
