"""Extractor, streaming, selection and learning: rows of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.material import Material
from benchmarks.speed.network import convolved, pooled, tflite_of
from benchmarks.speed.paired import US, Figure, alone, paired, require
from benchmarks.speed.peak import peak
from benchmarks.speed.peers import BATCH, LiteRT, quantile_filter, selected, values
from odl.core.arrays import memory_of, net_of
from odl.core.events import Samples
from odl.core.fused import settings_of
from odl.core.image import Image
from odl.core.kernels.ask import ask
from odl.core.kernels.block import (
    COUNTS,
    ITEMS,
    LAYERS,
    N_ITEMS,
    NEXT,
    NEXT_ACTIVE,
    OWNERS,
    PLAN,
    STEPS,
    Block,
)
from odl.core.kernels.command import settle
from odl.core.kernels.decide import decide
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.layers import positions_of
from odl.core.kernels.learn import learn_items
from odl.core.kernels.outputs import outputs
from odl.core.kernels.packing import CHUNK, INPUT, OUTPUT, PLAN_WORDS, ROW
from odl.core.kernels.refit import base_weights
from odl.core.kernels.segment import notice
from odl.core.kernels.tiers import tier
from odl.core.session import Session
from odl.core.state import Count
from odl.core.trace import Trace
from odl.data.streams import load_model
from odl.model.dendron import Dendron
from odl.model.features import features_of

WINDOWS = COUNTS + int(Count.WINDOWS)


def whole_batches(windows: NDArray[np.int8]) -> NDArray[np.int8]:
    """As many windows as fill batches."""
    return windows[: max(1, len(windows) // BATCH) * BATCH]


# --- extractor ----------------------------------------------------------------------------------


def same_extractor(image: Image, windows: NDArray[np.int16], ours: NDArray[Any], theirs: NDArray[Any]) -> str:
    """Check that features of ours and convolutions of XNNPACK are those of one network."""
    exact = convolved(image, windows, roundings=1)
    require(np.array_equal(ours, pooled(exact)), "this project's features are not those of the network")
    twice = convolved(image, windows, roundings=2)
    built_in = LiteRT(tflite_of(image, pool=False), xnnpack=False)
    found = values([built_in.one(window[None, :, None].astype(np.int8)) for window in windows])
    require(np.array_equal(found, twice), "LiteRT's built-in kernels do not compute the network in the file")
    apart = np.abs(theirs - exact)
    require(apart.max() <= 1, f"XNNPACK is {apart.max()} units away")
    different = int(apart.reshape(len(apart), -1).any(1).sum())
    return (
        f"{len(windows)} windows: ours equals the network rounded once, LiteRT's built-in kernels equal it "
        f"rounded twice, XNNPACK is within one unit of ours (apart in {different} windows)"
    )


def extractor(material: Material, runs: int) -> Figure:
    """Full windows, each on its own, in bulk on both sides; ours also pools them to features."""
    windows = whole_batches(material.windows(material.image.stride * 4))
    ours, theirs = windows.astype(np.int16), windows[:, :, None]
    peer = LiteRT(tflite_of(material.image, pool=False), batch=min(BATCH, len(windows)))
    return paired(
        "extractor, full window", "us per window",
        lambda: features_of(material.image, ours), "XNNPACK", lambda: peer.all(theirs),
        lambda a, b: same_extractor(material.image, ours, a, values(b)),
        per=len(windows) * US, runs=runs,
    )  # fmt: skip


# --- streaming ----------------------------------------------------------------------------------


def streaming(material: Material, hop: int, runs: int) -> Figure:
    """A stream with prediction and selection, against XNNPACK's convolutions of the same windows."""
    image = material.at_hop(hop)
    windows = whole_batches(material.windows(hop))
    n = (len(windows) - 1) * hop + image.window
    block, theirs = np.ascontiguousarray(material.samples[:n]), windows[:, :, None]
    peer = LiteRT(tflite_of(image, pool=False), batch=min(BATCH, len(windows)))

    sessions = [Session(image, material.config(len(windows))) for _ in range(runs + 1)]

    def ours() -> Any:
        return sessions.pop().step(Samples(0, block))

    def check(outputs: Any, convolutions: list[NDArray[np.int8]]) -> str:
        trace = Trace.of(outputs)
        found, dendron = trace.predictions["scores"], Dendron(image)
        require(len(found) == len(windows), f"{len(found)} windows predicted, not {len(windows)}")
        some = np.linspace(0, len(windows) - 1, min(len(windows), 512)).astype(int)
        features = features_of(image, windows[some].astype(np.int16))
        for scores, x in zip(found[some], features, strict=True):
            wanted = dendron.scores_one(x).scores
            require(tuple(scores[: len(wanted)]) == wanted, "the stream predicts otherwise than its windows")
        same = same_extractor(image, windows[some].astype(np.int16), features, values(convolutions)[some])
        return f"predictions of the stream equal those of {same}"

    return paired(
        f"streaming, prediction, selection; hop {hop}", "us per window", ours,
        "XNNPACK, extractor alone", lambda: peer.all(theirs), check, per=len(windows) * US, runs=runs,
    )  # fmt: skip


# --- selection ----------------------------------------------------------------------------------


@jit
def select(s: Block, features: NDArray[np.uint8], utilities: NDArray[np.int32], asked: NDArray[np.uint8],
           size: Int, hop: Int) -> Int:  # fmt: skip
    """Decide on each window as a session does."""
    n = np.int64(0)
    for i in range(len(utilities)):
        end = np.int64(size + i * hop)
        settle(s, end, np.int64(0))
        notice(s, features, np.int64(end - size))
        if decide(s, features, np.int64(utilities[i]), end, hop):
            ask(s, np.int64(end - size), end, np.int64(utilities[i]), np.int64(0))
            asked[i] = np.uint8(1)
            n += 1
        s.q[WINDOWS] += 1
    return n


def selection(material: Material, runs: int, repeats: int = 4) -> Figure:
    """Which windows are asked about, from the uncertainty of each."""
    image = material.image
    dendron = Dendron(image)
    vectors = features_of(image, material.windows(image.hop).astype(np.int16))
    utilities = np.tile([dendron.scores_one(x).uncertainty for x in vectors], repeats).astype(np.int32)
    questions = len(utilities) // 20
    config = material.config(len(utilities), questions)
    shares = utilities / 32768

    memory = memory_of(image, net_of(image), config.seed)
    memory.settings[:] = settings_of(config)
    memory.settings["patience"] = 1  # nobody answers
    fresh = memory.state.copy()

    def ours() -> NDArray[np.intp]:
        memory.state[:] = fresh
        asked = np.zeros(len(utilities), np.uint8)
        select(memory.block, vectors[0], utilities, asked, image.window, image.hop)
        return np.flatnonzero(asked)

    def check(a: NDArray[np.intp], b: NDArray[np.intp]) -> str:
        require(len(a) == len(b) == questions, f"{len(a)} and {len(b)} windows asked about, of {questions}")
        return f"{len(utilities)} windows, {questions} questions asked exactly by both; the rules differ"

    return paired(
        "selection alone", "us per window", ours, "scikit-activeml, quantile filter",
        lambda: selected(quantile_filter(questions, len(utilities)), shares, questions), check,
        per=len(utilities) * US, runs=runs,
    )  # fmt: skip


# --- convolutions beside the processor ----------------------------------------------------------


@jit
def convolve_often(s: Block, samples: Int, times: Int) -> Int:
    """The outputs of all layers for a chunk of samples, again and again."""
    at = s.q
    for _ in range(times):
        new: Int = np.int64(samples)
        for layer in range(at[LAYERS]):
            plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
            new = positions_of(new, at[plan + 2], at[plan + 3])
            outputs(s, layer, at[row + INPUT], at[row + OUTPUT], new)
    return times


def share_of_peak(material: Material, runs: int, times: int = 200) -> Figure:
    """Multiply-accumulates of the convolutions, of those that the tier's instruction could do."""
    image, used = material.image, tier()
    block = memory_of(image, net_of(image)).block
    macs, size = 0, CHUNK
    for layer in image.layers:
        size = (size - layer.weights.shape[1]) // layer.stride + 1
        macs += size * layer.weights.size
    most = peak(used)
    name = f"convolutions, share of the peak of {used.name} ({most / 1e9:.0f} GMAC/s)"
    return alone(name, "%", lambda: convolve_often(block, CHUNK, times),
                 lambda seconds: 100 * macs * times / seconds / most, runs)  # fmt: skip


# --- without a peer -----------------------------------------------------------------------------


@jit
def learn_often(s: Block, epochs: Int) -> Int:
    """Pass over the items of the refit that is set up so often, from the image's heads."""
    base_weights(s, s.q[NEXT], s.q[NEXT_ACTIVE])
    for _ in range(epochs):
        learn_items(s, np.int64(0), np.int64(s.d[s.q[N_ITEMS]]))
    return epochs


def learning_step(runs: int, steps: int = 4000) -> Figure:
    """One gradient step of HAPT's head of six transitions, of as many as a new task takes."""
    image = load_model("hapt")
    head = int(np.argmax(np.bincount(image.row_head)))
    rows = image.row_class[image.row_head == head]
    chosen = np.flatnonzero(np.isin(image.owners, rows))
    memory = memory_of(image, net_of(image))
    block, n = memory.block, len(chosen)
    # Chance decides on the classes: what can be learned is learned soon, and then no row moves any more.
    block.b[int(block.q[OWNERS]) + chosen] = np.random.default_rng(1).choice(rows, n)
    block.u[int(block.q[ITEMS]) :][:n] = image.max_log + chosen
    memory.state["n_items"], memory.state["touched"][0, head] = n, 1
    return alone(
        f"one learning step ({image.features} features, {len(rows)} rows)", "us",
        lambda: learn_often(block, steps // n), lambda seconds: seconds / (steps // n * n) / US, runs,
    )  # fmt: skip


def longest_refit(runs: int, times: int = 3) -> Figure:
    """A refit with every row and every log entry in use."""
    image = load_model("hapt")
    dendron = Dendron(image)
    for cls in range(len(image.row_class), image.max_rows):
        require(dendron.add_class(0, 100 + cls, 0, f"class {cls}"), "there is no room for a class")
    rows = dendron.state["row_class"][0, : image.max_rows]
    leaves = [int(cls) for cls in rows if cls not in dendron.state["head_parent"][0]]
    n = image.max_log - int(dendron.state["n_log"][0])
    chosen = np.random.default_rng(1).integers(0, len(image.stored), n)
    dendron.learn_many(
        image.stored[chosen], [leaves[i % len(leaves)] for i in range(n)], list(range(0, 64 * n, 64))
    )

    def often() -> None:
        for _ in range(times):
            dendron.forget(-1)  # there is no such window: the heads are refitted, and the log stays

    return alone(f"refit on the longest log ({image.max_log} entries), {image.max_rows} rows", "ms", often,
                 lambda seconds: seconds / times * 1e3, runs)  # fmt: skip
