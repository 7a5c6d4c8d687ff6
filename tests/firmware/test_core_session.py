"""Whole sessions in C: the same events as in Python, and the same state block after each input."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from firmware_sim import headers, host
from firmware_sim.machine import CoreSession, TwinSession
from odl.core.arrays import net_of
from odl.core.config import Config
from odl.core.events import (
    AddClass,
    ChangeClass,
    Gap,
    Input,
    Label,
    Output,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
)
from odl.core.fused import Fused, settings_of
from odl.core.image import Image
from odl.core.image_layout import ImageError
from odl.core.kernels.command import command
from odl.core.kernels.grow import regrow
from odl.core.kernels.net import Act
from odl.core.kernels.plain import plain
from odl.core.kernels.rules import POLICIES, Rule
from odl.core.session import Session
from odl.core.state import Asked, Count, Entry
from odl.data import model_bytes
from tests.helpers.images import operated_image, random_image
from tests.helpers.streams import BUSY, Script, config, configs, inputs, samples, scripts
from tests.helpers.twins import MACHINES, machine

IMAGES = {
    "flat": random_image(1), "tree": random_image(3, tree=True), "busy": BUSY,
    "operations": operated_image(2), "whole windows": operated_image(4, whole=True, tree=True),
}  # fmt: skip
EXAMPLES = settings.default.max_examples
SOME = settings(max_examples=max(1, EXAMPLES // 4))
FEW = settings(max_examples=max(1, EXAMPLES // 12))


@cache
def image_named(name: str) -> Image:
    return Image.from_bytes(model_bytes(name)) if name == "shoulder" else IMAGES[name]


def twin(kind: str, name: str, config: Config) -> TwinSession:
    image = image_named(name)
    return TwinSession(machine(kind, headers.sizes_of(image)), image, config)


class Both:
    """Python and C, stepped together and compared to the byte after every input."""

    def __init__(self, image: Image, config: Config, other: TwinSession) -> None:
        self.python, self.c = Session(image, config), other
        self.seen: Counter[str] = Counter()

    @property
    def position(self) -> int:
        return self.python.position

    def step(self, event: Input) -> list[Output]:
        mine, its = self.python.step(event), self.c.step(event)
        assert mine == its
        a, b = self.python._core, self.c._core
        for field in a.state.dtype.names:
            assert np.array_equal(a.state[field], b.state[field]), field
        assert self.python.snapshot() == self.c.snapshot()
        assert self.python.names == self.c.names
        self.seen[type(event).__name__] += 1
        self.seen.update(type(output).__name__ for output in mine)
        return mine


def compare(kind: str, name: str, config: Config, script: Script, cuts: int | None = None) -> Both:
    both = Both(image_named(name), config, twin(kind, name, config))
    for _ in inputs(script, both, cuts):
        pass
    return both


@pytest.mark.parametrize("name", IMAGES)
@SOME
@given(configs(), scripts())
def test_host_equals_python(name: str, config: Config, script: Script) -> None:
    both = compare("host", name, config, script, cuts=script.seed)
    assert both.python.snapshot() == both.c.snapshot()


@pytest.mark.parametrize("name", ["tree", "operations", "whole windows"])
@pytest.mark.parametrize("kind", [kind for kind in MACHINES if kind != "host"])
@FEW
@given(configs(), scripts())
def test_others_equal_python(kind: str, name: str, config: Config, script: Script) -> None:
    both = compare(kind, name, config, script)
    assert both.python.snapshot() == both.c.snapshot()


def of_status(session: Session, status: Asked) -> list[int]:
    """Windows whose questions stand so."""
    state = session._core.state[0]
    n = int(state["n_ask"])
    return [
        int(w)
        for w, is_now in zip(state["ask_window"][:n], state["ask_status"], strict=False)
        if is_now == status
    ]


def commands(n: int, session: Session, classes: int) -> list[tuple[Any, ...]]:
    """What a person does in round ``n``, as arguments of an event behind its ``at``."""
    todo: list[tuple[Any, ...]] = [(Label, window, 0) for window in of_status(session, Asked.EXPIRED)]
    for window in of_status(session, Asked.OPEN)[: n % 3]:  # in every third round nobody answers
        answer = None if n % 7 == 4 else (20, 21, 22)[n % 3] if n > 12 else n % classes
        todo += [(Label, window, answer), *([(Label, window, 1)] if n % 2 else [])]
    todo += {
        5: [(AddClass, 20, "a new one", 0)], 9: [(Split, 0, 1), (AddClass, 21, "left", 1)],
        10: [(AddClass, 22, "right", 1)], 8: [(Undo,)], 16: [(Undo,), (Undo,)],
        12: [(Teach, 21)], 20: [(Teach, 22), (Teach, 22)], 24: [(Teach, 1)], 33: [(Teach, 200)],
        14: [(ChangeClass, 22, 21, "right")], 27: [(Undo,)],
        18: [(ChangeClass, 1, 0, "merged"), (ChangeClass, 0, 0, "both")],
        22: [(ChangeClass, 20, None, "a new one"), (ChangeClass, 200, None, "nobody")],
        28: [(ChangeClass, 2, None, "gone")],
        30: [(ChangeClass, 2, 2, "back"), (ChangeClass, 22, 22, "right")],
    }.get(n, [])  # fmt: skip
    return todo


@pytest.mark.parametrize("policy", POLICIES[1:])
@pytest.mark.parametrize("kind", ["host", "sanitised", "cortex-m4"])
def test_a_person_with_the_shipped_model(kind: str, policy: str) -> None:
    image = image_named("shoulder")
    n = len(image.channels)
    config = Config(policy=policy, allowed=60, horizon=230, batch=3, patience=900,
                    mult=(16384,) * n, shift=(21,) * n, offset=(0,) * n, seed=11)  # fmt: skip
    both = Both(image, config, twin(kind, "shoulder", config))
    rng = np.random.default_rng(5)
    raw = rng.integers(-9000, 9000, (40, n)).repeat(500, 0) + rng.integers(-3000, 3000, (20_000, n))
    raw, taken = raw.astype(np.int16), 0
    for round_ in range(40):
        length = 1100 if round_ % 11 == 7 else 300
        both.step(Samples(both.position, raw[taken : taken + length]))
        taken += length
        for kind_of, *values in commands(round_, both.python, len(image.row_class)):
            both.step(kind_of(both.position, *values))
        if round_ in (7, 23):
            both.step(Gap(both.position, 40 * round_, "a test"))
    counts = both.python.counts
    assert both.seen["Query"] >= 20 and both.seen["Learned"] >= 10 and counts["refits"] >= 8
    for name in ("expired", "late", "repeated", "skipped", "undone", "gaps", "taught"):
        assert counts[name] > 0, (name, counts)
    assert {20, 21, 22} <= set(both.python.names)


def test_a_log_that_is_full_and_questions_that_come_late() -> None:
    config = Config(policy="periodic", allowed=120, horizon=130, batch=4, patience=60, mult=(16384,) * 3,
                    shift=(20,) * 3, offset=(0,) * 3)  # fmt: skip
    both = Both(IMAGES["flat"], config, twin("host", "flat", config))
    raw = samples(2, 2400)
    for n in range(100):
        both.step(Samples(both.position, raw[24 * n : 24 * n + 24]))
        for window in [*of_status(both.python, Asked.EXPIRED), *of_status(both.python, Asked.OPEN)[: n % 3]]:
            both.step(Label(both.position, window, n % 3))
    counts = both.python.counts
    assert counts["gave_way"] > 0 and counts["full"] == 0 and counts["late"] > 0
    assert both.python._core.state["n_log"][0] == IMAGES["flat"].max_log


@pytest.mark.parametrize("kind", ["host", "sanitised", "cortex-m4"])
def test_a_new_task_is_learned_over_many_hops(kind: str) -> None:
    """Both phases of a refit, begun anew by each label, and a held answer; then the hops that it needs."""
    config = Config(policy="periodic", allowed=60, horizon=400, patience=2000, mult=(16384,) * 3,
                    shift=(20,) * 3, offset=(0,) * 3)  # fmt: skip
    both = Both(BUSY, config, twin(kind, "busy", config))
    acts: list[tuple[Any, ...]] = [("samples", 64), ("split", 0, 2), ("class", 9, 2), ("class", 10, 2)]
    for n in range(8):
        acts += [("samples", 24), ("label", 0, (0, 9, 10)[n % 3]), ("teach", (10, 9, 2)[n % 3])]
    seen, held = Counter[int](), 0
    for _ in inputs(Script(5, [*acts, *[("samples", 8)] * 300]), both):
        state = both.python._core.state[0]
        seen[int(state["refitting"])] += 1
        held += int(state["held"]) != 255
    assert min(seen[0], seen[1], seen[2]) > 20 and held > 0 and both.python._core.state["learned"] == 1


TAUGHT = Config(policy="periodic", allowed=60, horizon=100, batch=2, patience=200, mult=(16384,) * 3,
                shift=(20,) * 3, offset=(0,) * 3)  # fmt: skip


def taught(kind: str) -> TwinSession:
    """A session with labels, new classes, a split and something undone in its log."""
    session = twin(kind, "tree", TAUGHT)
    acts: list[tuple[Any, ...]] = [("class", 9, 0), ("split", 2, 2)]
    for n in range(20):
        acts += [("samples", 24), ("label", 0, (0, 9, 4)[n % 3])]
    for _ in inputs(Script(3, [*acts, ("undo",)]), session):
        pass
    return session


BUDGETS: list[dict[str, Any]] = [{}, {"period": 30}, {"period": 700, "in_samples": True}]


@pytest.mark.parametrize("kind", ["host", "sanitised", "cortex-m4"])
@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize(
    ("position", "issued", "keep"),
    [(0, 0, True), (1, 5, True), (7000, 3, True), (2**62 - 1000, 60, True), (0, 0, False), (1401, 2, False)],
)
def test_resume_is_what_the_log_has_taught(
    kind: str, budget: dict[str, Any], position: int, issued: int, keep: bool
) -> None:
    image = IMAGES["tree"]
    config = replace(TAUGHT, allowed=6, horizon=0, **budget) if budget else TAUGHT
    session = taught(kind)
    core = session._core
    assert isinstance(core, CoreSession)
    log = core.log[: int(core.state["n_log"][0])].copy()
    assert {int(Entry.LABEL), int(Entry.CLASS), int(Entry.SPLIT)} == set(log["kind"].tolist())
    core.settings[:] = settings_of(config)
    core.resume(position, issued, keep)

    fresh = Fused(image, config)
    if keep:
        fresh.log[: len(log)] = log
        fresh.state["n_log"], fresh.state["answers"] = len(log), log["order"].max()
        ends = log["window"] + np.where(log["kind"] == Entry.LABEL, image.window, 0)
        position = max(position, int(ends.max()))
    fresh.state["position"], fresh.state["issued"] = position, issued
    if config.in_samples:
        fresh.state["period"] = max(0, position - 1) // config.period
    plain(regrow)(fresh.block)
    command(fresh.block, Act.START_REFIT, 0, 0, 0)
    python = Session(image, config)
    python._core.log[: len(log)], python._core.state["n_log"] = log, len(log)
    python.resume(position, issued, keep)
    assert python.snapshot() == session.snapshot()
    assert core.state.tobytes() == fresh.state.tobytes()
    assert core.log.tobytes() == fresh.log.tobytes()
    raw = samples(1, 900)
    said = core.samples(raw)
    assert said == fresh.samples(raw)
    assert core.state.tobytes() == fresh.state.tobytes()
    if issued >= config.allowed and not budget:
        assert not [event for event in said if isinstance(event, Query)]  # what was spent is spent


@pytest.mark.parametrize(("position", "issued"), [(-1, 0), (2**62, 0), (0, -1), (0, 2**31)])
def test_nonsense_is_no_place_to_go_on(position: int, issued: int) -> None:
    session = Session(IMAGES["flat"], Config(mult=(1,) * 3, shift=(0,) * 3, offset=(0,) * 3))
    with pytest.raises(ValueError, match="can be 0 to|it can at 0 to"):
        session.resume(position, issued)


def test_the_doubt_of_a_segment_of_days_has_more_than_32_bits() -> None:
    settings = config("novel-segments", allowed=9, horizon=90, batch=1, change=32768)
    both = Both(IMAGES["flat"], settings, twin("host", "flat", settings))
    stream, hop = samples(4, 2000), both.python.image.hop
    both.step(Samples(0, stream[:1000]))
    for session in (both.python, both.c):
        state = session._core.state
        state["age"], state["doubt"], state["asked"] = 2**20, 2**20 * 30000, 0
    before = int(both.python._core.state["recent_at"][0])
    both.step(Samples(1000, stream[1000 : 1000 + 30 * hop]))
    assert int(both.python._core.state["recent_at"][0]) != before


def test_weights_at_the_limit_are_held_back() -> None:
    """A refit that could leave the range takes the careful steps; the others show that it matters."""
    image = random_image(1)
    base = image.base.copy()
    base[0, :] = 2**30
    base[2, :12], base[2, 12:] = 2**30, -(2**30)  # loses to row 0, so its labels push it up
    image = replace(image, base=base, rate_shift=1, formats=np.full(1, 28, np.uint8))
    config = Config(policy="periodic", allowed=60, horizon=100, batch=2, patience=400, mult=(16384,) * 3,
                    shift=(20,) * 3, offset=(0,) * 3)  # fmt: skip
    other = TwinSession(machine("host", headers.sizes_of(image)), image, config)
    both = Both(image, config, other)
    acts: list[tuple[Any, ...]] = []
    for n in range(12):
        acts += [("samples", 24), ("label", 0, n % 3)]
    for _ in inputs(Script(4, acts), both):
        pass
    weights = np.abs(both.python._core.state["weights"].astype(np.int64))
    assert weights.max() == 2**30 and both.python.counts["refits"] >= 1


# --- what the core refuses --------------------------------------------------------------


def corrupt(image: Image, **changes: Any) -> bytes:
    """The image's bytes with another header, and a checksum that fits."""
    import zlib

    from odl.core.image_layout import HEADER

    data = bytearray(image.to_bytes())
    header = np.frombuffer(bytes(data[: HEADER.itemsize]), HEADER).copy()
    for name, value in changes.items():
        header[name] = value
    data[: HEADER.itemsize] = header.tobytes()
    data[4:8] = zlib.crc32(data[8:]).to_bytes(4, "little")
    return bytes(data)


def opened(data: bytes, name: str = "flat") -> int:
    core = host.HostMachine(host.build(headers.sizes_of(IMAGES[name])))
    session, room = core.room(core.call("odl_host_session_size")), core.room(len(data))
    room.bytes[:] = np.frombuffer(data, np.uint8)
    return core.call("odl_open", session.address, room.address, len(data))


BAD = [
    ({"major": 1}, 2),
    ({"major": 3}, 2),
    ({"off_weights": 2**31 + 8}, 4),
    ({"off_base": 12}, 4),
    ({"off_stored": 2**32 - 8}, 4),
    ({"off_layers": 0}, 4),
    ({"features": 21}, 5),
    ({"max_rows": 9}, 5),
    ({"max_pending": 7}, 5),
    ({"max_log": 41}, 5),
    ({"max_log": 12}, 5),
    ({"max_log": 0}, 5),
    ({"n_layers": 4}, 5),
    ({"channels": 4}, 5),
    ({"n_stored": 60000}, 5),
    ({"window": 44}, 5),
    ({"window": 4}, 6),
    ({"hop": 6}, 6),
    ({"hop": 0}, 6),
    ({"hop": 80}, 6),
    ({"n_rows": 1}, 7),
    ({"n_rows": 9}, 7),
    ({"n_heads": 0}, 7),
    ({"rate_shift": 0}, 7),
    ({"rate_shift": 25}, 7),
    ({"seed": 0}, 7),
    ({"epochs": 0}, 7),
    ({"rate_mhz": 0}, 7),
]


@pytest.mark.parametrize(("changes", "wrong"), BAD)
def test_an_image_that_cannot_be_used_is_refused(changes: dict[str, Any], wrong: int) -> None:
    assert opened(corrupt(IMAGES["flat"])) == 0
    assert opened(corrupt(IMAGES["flat"], **changes)) == wrong


@pytest.mark.parametrize("name", ["flat", "operations", "whole windows"])
def test_whatever_image_python_refuses_the_core_refuses(name: str) -> None:
    """Each byte of the sections set to 0 and to 255: never accepted by the core alone."""
    import zlib

    whole, layers = IMAGES[name].to_bytes(), IMAGES[name].layers if name != "flat" else ()
    end = len(whole) - int.from_bytes(whole[92:96], "little")
    rng = np.random.default_rng(0)
    refused = 0
    first = int.from_bytes(whole[48:52], "little")
    places = range(first, first + 12 * len(layers))
    for at in [*range(8, 96), *places, *rng.integers(96, end, 150).tolist()]:
        for value in (0, 1, 127, 255):
            data = bytearray(whole)
            data[at] = value
            data[4:8] = zlib.crc32(data[8:]).to_bytes(4, "little")
            try:
                Image.from_bytes(bytes(data))
            except ImageError as error:
                # The core reads no names and no rate. It counts no inputs that wait, and loses those beyond
                # their room; padding that is never used changes a mean. Neither leaves its memory.
                passed = "card", "class names", "sampling rate", "inputs where", "are never used"
                if any(text in str(error) for text in passed):
                    continue
                assert opened(bytes(data), name) != 0, (at, value, str(error))
                refused += 1
    assert refused > 50


def test_a_damaged_or_short_image_is_refused() -> None:
    whole = IMAGES["flat"].to_bytes()
    assert opened(b"odlm" + whole[4:]) == 1
    assert opened(whole[:40]) == 1
    assert opened(whole[:-1]) == 1
    assert opened(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": len(Rule)}, {"allowed": 0}, {"allowed": 2**31}, {"period": -1}, {"horizon": 2**31},
        {"in_samples": 2}, {"batch": 0}, {"batch": 7}, {"patience": 0}, {"patience": 2**40 + 1},
        {"step": 0}, {"step": 17},
        {"hold": 2}, {"change": 32769}, {"horizon": 0}, {"every": -1}, {"every": 2**31}, {"floor": -1},
        {"floor": 65536},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(changes: dict[str, int]) -> None:
    config = Config(policy="random", allowed=5, horizon=50, mult=(1,) * 3, shift=(0,) * 3, offset=(0,) * 3)
    core = twin("host", "flat", config)._core
    assert isinstance(core, CoreSession)
    check = lambda seed: core.machine.call(  # noqa: E731
        "odl_settings_bad", core._settings, seed, core._scaling
    )
    assert check(1) == 0 and check(0) == 1
    for name, value in changes.items():
        core.settings[name] = value
    assert check(1) == 1


def test_the_table_of_counters_is_the_one_in_python() -> None:
    text = headers.state_header(headers.sizes_of(IMAGES["flat"]))
    for name, kind in (("COUNT", Count), ("ASKED", Asked), ("ENTRY", Entry)):
        for member in kind:
            assert f"ODL_{name}_{member.name} = {int(member)}" in text


def test_net_of_is_still_what_the_core_reads() -> None:
    """The core reads the image; Python unpacks it: no field of one that the other lacks."""
    fields = set(net_of(IMAGES["flat"])._fields)
    assert fields == {
        "plan", "weights", "biases", "mults", "shifts", "scale_mult", "scale_shift", "scale_offset", "base",
        "row_class", "row_head", "head_parent", "head_format", "stored", "owners", "learning", "window",
        "hop",
    }  # fmt: skip
