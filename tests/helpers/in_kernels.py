"""The kernels on plain Python values: what the table's callables put in and take out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import memory_for
from odl.core.config import rule_of
from odl.core.kernels.ask import ask, collect, settled_batch
from odl.core.kernels.block import BASE_SAYS, MIX_SAYS, Memory
from odl.core.kernels.command import command
from odl.core.kernels.conv import conv
from odl.core.kernels.decide import decide
from odl.core.kernels.extract import restart
from odl.core.kernels.generator import shuffle
from odl.core.kernels.grow import regrow
from odl.core.kernels.imprint import imprint
from odl.core.kernels.join import added
from odl.core.kernels.log import make_room
from odl.core.kernels.net import SETTINGS, Act, Net
from odl.core.kernels.operations import average, conv_zero, depthwise, largest, lookup
from odl.core.kernels.plain import plain
from odl.core.kernels.pool import pool
from odl.core.kernels.refit import advance
from odl.core.kernels.score import score, uncertainty
from odl.core.kernels.segment import notice, segment_mean
from odl.core.kernels.sgd import sgd
from odl.core.kernels.softmax import softmax
from odl.core.state import Asked, Count, state_dtype
from odl.core.state import Entry as Kind
from tests.helpers.kernel_arguments import LAST, MAX_HEADS, MAX_LOG, MAX_PENDING, MAX_ROWS, SIZE
from tests.helpers.reference_heads import Entry, Head, Learner, Row, Scores, Trained, changes

KINDS = {"label": Kind.LABEL, "class": Kind.CLASS, "split": Kind.SPLIT, "change": Kind.CHANGE}
NOTHING = Trained([Head(255, 8)], [Row(0, 0, True, [0] * (SIZE + 1))], [], [], 1, 1, 1, 1)


def u8(values: Any) -> NDArray[np.uint8]:
    """As bytes."""
    return np.array(values, np.uint8)


_Arrays = tuple[Any, Any, Any, Any, Any]


def _channels(weights: Any, biases: Any, mults: Any, shifts: Any, taps: Any) -> _Arrays:
    """The caller's arrays, with the types that the extractor uses."""
    flat = np.array(weights, np.int16).reshape(-1)
    return flat, np.array(biases, np.int32), np.array(mults, np.int32), u8(shifts), np.array(taps, np.int16)


def kernel_conv_zero(*arguments: Any) -> list[int]:
    """A position of a convolution around a zero point."""
    *numbers, zero, twice = arguments
    out = np.zeros(len(numbers[1]), np.uint8)
    conv_zero(*_channels(*numbers), np.int64(zero), np.int64(twice), out)
    return out.tolist()


def kernel_depthwise(*arguments: Any) -> list[int]:
    """A position of a depthwise convolution."""
    *numbers, zero = arguments
    out = np.zeros(len(numbers[1]), np.uint8)
    depthwise(*_channels(*numbers), np.int64(zero), out)
    return out.tolist()


def kernel_largest(taps: Any, channels: int, more: int) -> list[int]:
    """A position's maxima."""
    out = np.zeros(channels, np.uint8)
    largest(np.array(taps, np.int16), np.int64(more), out)
    return out.tolist()


def kernel_lookup(tables: Any, taps: Any, more: int) -> list[int]:
    """A position's outputs from tables."""
    out = np.zeros(len(taps), np.uint8)
    lookup(np.array(tables, np.int16).reshape(-1), np.array(taps, np.int16), np.int64(more), out)
    return out.tolist()


def kernel_average(taps: Any, channels: int, more: int) -> list[int]:
    """A position's means."""
    out = np.zeros(channels, np.uint8)
    average(np.array(taps, np.int16), np.int64(more), out)
    return out.tolist()


def kernel_added(one: Any, other: Any, zeros: Any, mults: Any, shifts: Any, zero: int) -> list[int]:
    """A position's sums."""
    out = np.zeros(len(one), np.uint8)
    numbers = np.array(zeros, np.int32), np.array(mults, np.int32), u8(shifts)
    added(u8(one), u8(other), *numbers, np.int64(zero), out)
    return out.tolist()


def kernel_conv(weights: Any, biases: Any, mults: Any, shifts: Any, taps: Any) -> list[int]:
    """The caller's arrays, with the types that the extractor uses."""
    out = np.zeros(len(weights), np.uint8)
    conv(
        np.array(weights, np.int16).reshape(-1), np.array(biases, np.int32), np.array(mults, np.int32),
        u8(shifts), np.array(taps, np.int16), out,
    )  # fmt: skip
    return out.tolist()


def kernel_pool(ring: Any, first: int) -> list[int]:
    """Features of a ring."""
    features, rows = np.zeros(3 * len(ring[0]), np.uint8), u8(ring[first:] + ring[:first]).reshape(-1)
    rows = np.concatenate([rows, np.full(64, 255, np.uint8)])
    pool(rows, len(ring[0]), len(ring), np.zeros(128, np.int32), np.zeros(128, np.uint8), features)
    return features.tolist()


def kernel_softmax(logits: list[int], fmt: int) -> list[int]:
    """Probabilities, in an array that has more room than is used."""
    out = np.full(MAX_ROWS + 20, -1, np.int64)
    padded = np.array([*logits, *[2**62] * 3], np.int64)
    softmax(padded, len(logits), np.uint8(fmt), out)
    assert np.all(out[len(logits) :] == -1)
    return out[: len(logits)].tolist()


def kernel_sgd(row: list[int], features: list[int], error: int, shift: int) -> list[int]:
    """The row after a step."""
    weights = np.array(row, np.int32)
    sgd(weights, u8(features), np.int64(error), np.int64(shift))
    return weights.tolist()


def kernel_shuffle(order: list[int], state: int) -> tuple[list[int], int]:
    """Order and generator after a shuffle; places of 16 bits stand for the values."""
    places = np.arange(len(order), dtype=np.uint16)
    after = shuffle(places, len(order), np.uint64(state))
    return [order[place] for place in places], int(after)


def kernel_imprint(features: list[int], centre: list[int], gain: int) -> list[int]:
    """A new row."""
    row = np.zeros(len(features) + 1, np.int32)
    imprint(row, u8(features), u8(centre), np.uint64(gain))
    return row.tolist()


# --- heads and log ----------------------------------------------------------------------


def net_of(trained: Trained) -> Net:
    """What a session reads of an image's heads."""
    size = len(trained.rows[0].weights) - 1
    nothing = np.zeros(0, np.int32)
    return Net(
        plan=np.zeros((0, 7), np.int64), weights=np.zeros(0, np.int16), biases=nothing, mults=nothing,
        shifts=u8([]), scale_mult=nothing, scale_shift=u8([]), scale_offset=np.zeros(0, np.int16),
        base=np.array([row.weights for row in trained.rows], np.int32),
        row_class=u8([row.cls for row in trained.rows]), row_head=u8([row.head for row in trained.rows]),
        head_parent=u8([head.parent for head in trained.heads]),
        head_format=u8([head.fmt for head in trained.heads]),
        stored=u8(trained.stored).reshape(-1, size), owners=u8(trained.owners),
        learning=np.array([trained.epochs, trained.rate_shift, trained.gain, trained.seed, 1], np.uint64),
        window=128, hop=64,
    )  # fmt: skip


def memory_with(trained: Trained, log: list[Entry], max_log: int = MAX_LOG, seed: int = LAST) -> Memory:
    """Memory of an image whose layers do not matter, with this log; the heads are the image's."""
    layout = state_dtype(
        features=len(trained.rows[0].weights) - 1, positions=1, outputs=1, taps=0, layers=0,
        max_heads=MAX_HEADS, max_rows=MAX_ROWS, max_pending=MAX_PENDING, items=200,
    )  # fmt: skip
    memory = memory_for(net_of(trained), layout, max_log, seed)
    memory.state["n_log"] = len(log)
    for place, entry in zip(memory.log, log, strict=False):
        put_entry(place, entry)
    return memory


def put_entry(place: Any, entry: Entry) -> None:
    """Write an entry into its place in a log."""
    place["kind"], place["window"], place["cls"] = KINDS[entry.kind], entry.window, entry.cls
    place["head"], place["base"], place["mixed"] = entry.head, entry.base, entry.mixed
    place["features"][: len(entry.features)] = entry.features


def use(state: NDArray[Any], learner: Learner) -> None:
    """Put heads into the state block."""
    s = state[0]
    s["n_heads"], s["n_rows"], s["learned"] = len(learner.heads), len(learner.rows), learner.learned
    for n, head in enumerate(learner.heads):
        s["head_parent"][n], s["head_format"][n] = head
    for n, row in enumerate(learner.rows):
        s["row_class"][n], s["row_head"][n], s["row_active"][n] = row.cls, row.head, row.active
        s["weights"][n] = row.weights


def heads_of(
    state: NDArray[Any], log: Sequence[Entry] = (), weights: str = "weights", active: str = "row_active"
) -> Learner:
    """The heads in a state block, in use or (``next``, ``next_active``) being learned; changes by the log."""
    s = state[0]
    heads = [Head(int(s["head_parent"][n]), int(s["head_format"][n])) for n in range(s["n_heads"])]
    rows = [
        Row(int(s["row_class"][n]), int(s["row_head"][n]), bool(s[active][n]), s[weights][n].tolist())
        for n in range(s["n_rows"])
    ]
    return Learner(heads, rows, bool(s["learned"]), changes(log))


def log_of(state: NDArray[Any], log: NDArray[Any]) -> list[Entry]:
    """The log; what stands of a class or split in place of features is left out."""
    names = {kind: name for name, kind in KINDS.items()}
    size = state["sums"].shape[1]
    return [
        Entry(
            names[Kind(int(e["kind"]))], int(e["window"]), int(e["cls"]), int(e["head"]),
            e["features"][:size].tolist() if e["kind"] == Kind.LABEL else (),
            *((int(e["base"]), int(e["mixed"])) if e["kind"] == Kind.LABEL else ()),
        )
        for e in log[: int(state["n_log"][0])]
    ]  # fmt: skip


def kernel_score(trained: Trained, learner: Learner, log: list[Entry], features: list[int]) -> Scores:
    """What is shown, from a state block."""
    state, _, _, _, block = memory_with(trained, log)
    use(state, learner)
    scores, path = np.full(MAX_ROWS, 7, np.uint16), np.zeros(MAX_HEADS, np.uint8)
    length = score(block, u8(features), scores, path)
    said = int(block.q[BASE_SAYS]), int(block.q[MIX_SAYS])
    figures = tuple(scores[: len(learner.rows)].tolist())
    return Scores(tuple(path[:length].tolist()), figures, int(uncertainty(block, scores)), *said)


def kernel_refit(trained: Trained, log: list[Entry]) -> Learner:
    """Heads after a whole refit that starts from a state block full of something else."""
    state, _, _, _, block = memory_with(trained, log, len(log) + 2)
    plain(regrow)(block)
    state["weights"], state["row_active"] = 99, 1
    state["next"], state["next_active"], state["epoch"], state["place"] = 98, 1, 7, 3
    command(block, Act.REFIT, 0, 0, 0)
    return heads_of(state, log)


def kernel_hops(trained: Trained, log: list[Entry], hops: list[int]) -> list[tuple[Learner, Any]]:
    """Heads in use after each hop of a refit, and those being learned."""
    state, _, _, _, block = memory_with(trained, log)
    plain(regrow)(block)
    command(block, Act.START_REFIT, 0, 0, 0)
    found = []
    for lessons in hops:
        advance(block, lessons)
        learning = heads_of(state, (), "next", "next_active").rows if state["refitting"][0] else None
        found.append((heads_of(state, log), learning))
    return found


def kernel_make_room(trained: Trained, learner: Learner, log: list[Entry]) -> list[Entry] | None:
    """A full log after it made room, None if it cannot."""
    state, entries, _, _, block = memory_with(trained, log, len(log))
    use(state, learner)
    return log_of(state, entries) if plain(make_room)(block) else None


# --- windows ----------------------------------------------------------------------------


def kernel_segment(change: int, steps: list[Any]) -> list[tuple[Any, ...]]:
    """Number, first sample, last window, age, mean and whether it was asked about, after each step."""
    state, _, chosen, _, block = memory_with(NOTHING, [])
    chosen["change"] = change
    found: list[tuple[Any, ...]] = []
    s = state[0]
    for n, features in enumerate(steps):
        if features is None:
            plain(restart)(block, 3)
            found.append((int(s["segment"]), int(s["age"])))
            continue
        notice(block, u8(features), 8 * n)
        place = int(s["segment"]), int(s["since"]), int(s["last"]), int(s["age"])
        found.append((*place, plain(segment_mean)(block).tolist()))
    return found


def kernel_asker(settings: dict[str, Any], windows: list[Any]) -> tuple[Any, ...]:
    """Whether each window is asked about, and the policy's state afterwards."""
    state, _, chosen, _, block = memory_with(NOTHING, [], seed=settings["seed"])
    chosen["rule"], chosen["patience"] = rule_of(settings["rule"]), 10**6
    for name in set(SETTINGS.fields or ()) & set(settings) - {"rule"}:
        chosen[name] = settings[name]
    s = state[0]
    asked, end = [], 128
    for pause, utility, features, gap, fate in windows:
        end += pause
        if gap:
            plain(restart)(block, 0)
        if fate:
            s["ask_status"][: s["n_ask"]] = Asked.SKIPPED if fate == "settled" else Asked.ANSWERED
            s["ask_class"] = 0
            while (batch := settled_batch(block)) >= 0:
                collect(block, batch, end, 0)
        notice(block, u8(features), end - 128)
        wanted = bool(decide(block, u8(features), np.int64(utility), np.int64(end), settings["hop"]))
        asked.append(wanted)
        if wanted:
            ask(block, end - 128, np.int64(end), np.int64(utility), 0)
        s["counts"][Count.WINDOWS] += 1
    recent = np.roll(s["recent"][: s["n_recent"]], -int(s["recent_at"]) if s["n_recent"] == 64 else 0)
    return (
        asked, int(s["issued"]), int(s["period"]), int(s["generator"]), int(s["rv_u"]), int(s["rv_d"]),
        s["warm"][: s["n_warm"]].tolist(), int(s["counts"][Count.BLOCKED]), int(s["asked_at"]),
        int(s["points"]), recent.tolist(),
    )  # fmt: skip
