"""The machines that the C core is held to Python on, and the kernels of the table on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from firmware_sim import bare, host
from firmware_sim.headers import sizes_of
from firmware_sim.machine import CoreSession, Machine
from odl.core.config import Config
from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.image_layout import Op
from odl.core.state import Asked, Count
from tests.helpers import sanitised
from tests.helpers.in_kernels import heads_of, log_of, put_entry, use
from tests.helpers.kernel_arguments import MAX_HEADS, MAX_LOG, MAX_PENDING, MAX_ROWS
from tests.helpers.reference_heads import Entry, Head, Learner, Row, Scores, Trained

MACHINES = ("host", "sanitised", "cortex-m4", "cortex-m4-plain")
ROOM = MAX_LOG  # entries of the log, more than any lesson of the table has
MOST_STORED = 6


@cache
def program(kind: str, sizes: tuple[tuple[str, int], ...]) -> Any:
    """A build for ``sizes``: the library's path, or the ELF."""
    if kind == "host":
        return host.build(dict(sizes))
    if kind == "sanitised":
        return sanitised.build(sizes)
    return bare.build(dict(sizes), defines=("ODL_PLAIN",) if kind.endswith("plain") else ())


def machine(kind: str, sizes: dict[str, int]) -> Machine:
    """A machine of this kind, fresh, with the core built for ``sizes``."""
    made = program(kind, tuple(sizes.items()))
    if kind == "host":
        return host.HostMachine(made)
    return sanitised.SanitisedMachine(made) if kind == "sanitised" else bare.BareMachine(made)


def session(kind: str, image: Image, config: Config) -> CoreSession:
    """A session in C on a machine of this kind."""
    return CoreSession(machine(kind, sizes_of(image)), image, config)


# --- an image for the table's lessons ---------------------------------------------------


def image_of(trained: Trained) -> Image:
    """A model image that says what ``trained`` does; its extractor is the simplest there is."""
    size = len(trained.rows[0].weights) - 1
    layer = Layer(
        np.zeros((size // 3, 1, 1), np.int8), np.zeros(size // 3, np.int32),
        np.full(size // 3, 2**30, np.int32), np.full(size // 3, 40, np.uint8), 1,
    )  # fmt: skip
    u8 = lambda values: np.array(values, np.uint8)  # noqa: E731
    return Image(
        channels=(Channel("x", "g", 1.0),), rate_hz=50.0, window=4, hop=1, layers=(layer,),
        parents=u8([head.parent for head in trained.heads]), formats=u8([head.fmt for head in trained.heads]),
        row_class=u8([row.cls for row in trained.rows]), row_head=u8([row.head for row in trained.rows]),
        base=np.array([row.weights for row in trained.rows], np.int32),
        stored=u8(trained.stored).reshape(-1, size), owners=u8(trained.owners),
        names={row.cls: f"class {row.cls}" for row in trained.rows},
        epochs=trained.epochs, rate_shift=trained.rate_shift, imprint=trained.gain, seed=trained.seed,
        max_heads=MAX_HEADS, max_rows=MAX_ROWS, max_pending=MAX_PENDING, max_log=ROOM,
    )  # fmt: skip


def plain_trained(size: int) -> Trained:
    """Two classes, nothing stored: an image where only the state block's sizes matter."""
    rows = [Row(cls, 0, True, [0] * (size + 1)) for cls in (0, 1)]
    return Trained([Head(ROOT, 20)], rows, [], [], 1, 12, 16, 1)


def table_sizes(size: int) -> dict[str, int]:
    """The core's sizes for every lesson of the table with ``size`` features."""
    sizes = sizes_of(image_of(plain_trained(size)))
    # Every operation is in, so that each can be called; no window is taken whole.
    operations = sum(1 << op for op in Op if op != Op.WINDOW)
    items = ROOM + MOST_STORED * MAX_ROWS + MOST_STORED
    return sizes | {"operations": operations, "max_items": items}


CONFIG = Config(mult=(1,), shift=(0,), offset=(0,))


class Kernels:
    """The table's kernels in C: plain values in and out, as `table.Case.kernel` has them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._machines: dict[int, Machine] = {}
        self.run = self._on(6)

    def _on(self, size: int) -> Machine:
        """The machine whose core has ``size`` features."""
        if size not in self._machines:
            self._machines[size] = machine(self.kind, table_sizes(size))
        return self._machines[size]

    def named(self, name: str) -> Callable[..., Any]:
        """The kernel called ``name`` in the table, memory taken back after each call."""

        def call(*arguments: Any) -> Any:
            marks = {size: machine.mark() for size, machine in self._machines.items()}
            try:
                return getattr(self, name.split()[0])(*arguments)
            finally:
                for size, mark in marks.items():
                    self._machines[size].rewind(mark)

        return call

    def put(self, values: Any, dtype: Any) -> tuple[int, Any]:
        """Address and view of ``values`` in the machine's memory; there may be none."""
        array = np.array(values, dtype).ravel()
        room = self.run.room(max(array.nbytes, 1))
        view = room.bytes[: array.nbytes].view(dtype)
        view[:] = array
        return room.address, view

    def round_shift(self, value: int, shift: int) -> int:
        return self.run.call("odl_host_round_shift", value, shift)

    def round_shift32(self, value: int, shift: int) -> int:
        return self.run.call("odl_host_round_shift32", value, shift)

    def root(self, value: int) -> int:
        return self.run.call("odl_host_root", value)

    def quotient(self, dividend: int, divisor: int) -> int:
        return self.run.call("odl_quotient", dividend, divisor)

    def scale_input(self, raw: int, mult: int, shift: int, offset: int) -> int:
        return self.run.call("odl_scale_input", raw, mult, shift, offset)

    def requantise(self, acc: int, mult: int, shift: int) -> int:
        return self.run.call("odl_requantise_relu_u8", acc, mult, shift)

    def conv(self, weights: Any, biases: Any, mults: Any, shifts: Any, taps: Any) -> list[int]:
        return self._convolved(weights, biases, mults, shifts, taps, Op.CONV, 0)

    def conv_zero(self, *arguments: Any) -> list[int]:
        *numbers, zero, twice = arguments
        return self._convolved(*numbers, Op.CONV_TWICE if twice else Op.DENSE, zero)

    def _convolved(self, *arguments: Any) -> list[int]:
        # Once for each channel alone and once with all of them four times over: the faster
        # variant takes four at a time.
        weights, biases, mults, shifts, taps, op, zero = arguments
        out = []
        for copies in (1, 4):
            many = [row for row in weights for _ in range(copies)]
            at = [self.put(many, np.int8)[0]]
            for values, dtype in ((biases, np.int32), (mults, np.int32), (shifts, np.uint8)):
                at.append(self.put(np.repeat(np.array(values, dtype), copies), dtype)[0])
            tap_at, _ = self.put(taps, np.int16)
            to, outputs = self.put([-1] * (len(many) + 1), np.int16)
            self.run.call("odl_conv", *at, tap_at, len(taps), len(many), int(op), zero, to)
            assert outputs[-1] == -1
            out.append(outputs[:-1].tolist()[::copies])
            assert outputs[:-1].tolist() == np.repeat(out[0], copies).tolist()
        return out[0]

    def requantise_zero(self, acc: int, mult: int, shift: int, zero: int, twice: int) -> int:
        return self.run.call("odl_requantise_zero", acc, mult, shift, zero, twice)

    def depthwise(self, *arguments: Any) -> list[int]:
        *numbers, taps, zero = arguments
        channels = len(numbers[1])
        return self._operate("odl_depthwise", numbers, taps, [len(taps) // channels, channels, zero])

    def largest(self, taps: Any, channels: int, more: int) -> list[int]:
        return self._operate("odl_largest", [], taps, [len(taps) // channels, channels, more])

    def average(self, taps: Any, channels: int, more: int) -> list[int]:
        return self._operate("odl_average", [], taps, [len(taps) // channels, channels, more])

    def added(self, one: Any, other: Any, zeros: Any, mults: Any, shifts: Any, zero: int) -> list[int]:
        first, second = self.put(one, np.int16)[0], self.put(other, np.int16)[0]
        kinds = (zeros, np.int32), (mults, np.int32), (shifts, np.uint8)
        at = [self.put(values, kind)[0] for values, kind in kinds]
        to, outputs = self.put([-1] * len(one), np.int16)
        self.run.call("odl_add", first, second, len(one), *at, zero, to)
        return [int(x) for x in outputs]

    def lookup(self, tables: Any, taps: Any, more: int) -> list[int]:
        return self._operate("odl_lookup", [tables], taps, [len(taps), more])

    def _operate(self, name: str, numbers: Any, taps: Any, sizes: list[int]) -> list[int]:
        """An operation of weights, biases, multipliers and shifts, or none; ``sizes`` follow the taps."""
        kinds = (np.int8, np.int32, np.int32, np.uint8)
        at = [self.put(values, kind)[0] for values, kind in zip(numbers, kinds, strict=False)]
        tap_at, _ = self.put(taps, np.int16)
        channels = sizes[0] if name == "odl_lookup" else sizes[1]
        to, outputs = self.put([-1] * (channels + 1), np.int16)
        self.run.call(name, *at, tap_at, *sizes, to)
        assert outputs[-1] == -1
        return outputs[:-1].tolist()

    def pool(self, ring: Any, first: int) -> list[int]:
        # Once as it is and once with the channels four times over, as for `conv`.
        found = []
        for copies in (1, 4):
            wide = np.repeat(np.array(ring, np.uint8), copies, axis=1)
            at, _ = self.put(wide, np.uint8)
            to, features = self.put([0] * (3 * wide.shape[1]), np.uint8)
            self.run.call("odl_pool", at, *wide.shape, first, to)
            found.append(features.reshape(3, -1)[:, ::copies].ravel().tolist())
        assert found[0] == found[1]
        return found[0]

    def dense(self, row: Any, features: Any) -> int:
        at, _ = self.put(row, np.int32)
        return self.run.call("odl_dense", at, self.put(features, np.uint8)[0], len(features))

    def exp_q15(self, below: int, fmt: int) -> int:
        return self.run.call("odl_exp_q15", below, fmt)

    def softmax(self, logits: Any, fmt: int) -> list[int]:
        at, _ = self.put(logits, np.int64)
        to, out = self.put([-1] * (len(logits) + 1), np.int32)
        self.run.call("odl_softmax", at, len(logits), fmt, to)
        assert out[-1] == -1
        return out[:-1].tolist()

    def sgd(self, row: Any, features: Any, error: int, shift: int) -> list[int]:
        at, weights = self.put(row, np.int32)
        inside, same = self.put(row, np.int32)
        x, _ = self.put(features, np.uint8)
        self.run.call("odl_sgd", at, x, len(features), error, shift)
        if max(map(abs, row)) < 2**30 - 2**23:  # the step cannot reach the limit
            self.run.call("odl_sgd_inside", inside, x, len(features), error, shift)
            assert same.tolist() == weights.tolist()
        return weights.tolist()

    def distance(self, a: Any, b: Any) -> int:
        first, _ = self.put(a, np.uint8)
        return self.run.call("odl_distance", first, self.put(b, np.uint8)[0], len(a))

    def track_quantile(self, reference: int, score: int, rate: int, step: int) -> int:
        return self.run.call("odl_track_quantile", reference, score, rate, step)

    def next_state(self, state: int) -> int:
        return self.run.call("odl_next_state", state)

    def below(self, state: int, n: int) -> int:
        return self.run.call("odl_below", state, n)

    def shuffle(self, order: Any, state: int) -> tuple[list[int], int]:
        # The core's items are 16 bits: places stand for the values.
        at, places = self.put(range(len(order)), np.uint16)
        after = self.run.call("odl_shuffle", at, len(order), state)
        return [order[place] for place in places], after

    def imprint(self, features: Any, centre: Any, gain: int) -> list[int]:
        at, row = self.put([0] * (len(features) + 1), np.int32)
        x, c = self.put(features, np.uint8)[0], self.put(centre, np.uint8)[0]
        self.run.call("odl_imprint", at, x, c, len(features), gain)
        return row.tolist()

    # --- those that need a session ---

    def _session(self, trained: Trained, log: list[Entry], config: Config = CONFIG) -> CoreSession:
        self.run = self._on(len(trained.rows[0].weights) - 1)
        core = CoreSession(self.run, image_of(trained), config)
        core.state["n_log"] = len(log)
        for place, entry in zip(core.log, log, strict=False):
            put_entry(place, entry)
        core.use_log()
        return core

    def score(self, trained: Trained, learner: Learner, log: list[Entry], features: Any) -> Scores:
        core = self._session(trained, log)
        use(core.state, learner)
        x, _ = self.put(features, np.uint8)
        score_at, scores = self.put([7] * MAX_ROWS, np.uint16)
        path_at, path = self.put([0] * MAX_HEADS, np.uint8)
        leaves_at, leaves = self.put([0, 0], np.uint8)
        length = self.run.call("odl_score", core.session, x, score_at, path_at, leaves_at)
        uncertainty = self.run.call("odl_uncertainty", core.session, score_at)
        figures = tuple(scores[: len(learner.rows)].tolist())
        return Scores(tuple(path[:length].tolist()), figures, uncertainty, *leaves.tolist())

    def refit(self, trained: Trained, log: list[Entry]) -> Learner:
        core = self._session(trained, log)
        self.run.call("odl_rebuild", core.session)
        core.state["weights"], core.state["row_active"] = 99, 1
        core.state["next"], core.state["next_active"] = 98, 1
        core.state["epoch"], core.state["place"] = 7, 3
        self.run.call("odl_start_refit", core.session)
        self.run.call("odl_advance", core.session, 2**32 - 1)
        return heads_of(core.state, log)

    def hops(self, trained: Trained, log: list[Entry], hops: list[int]) -> list[tuple[Learner, Any]]:
        core = self._session(trained, log)
        self.run.call("odl_rebuild", core.session)
        self.run.call("odl_start_refit", core.session)
        found = []
        for lessons in hops:
            self.run.call("odl_advance", core.session, lessons)
            going = core.state["refitting"][0]
            found.append(
                (
                    heads_of(core.state, log),
                    heads_of(core.state, (), "next", "next_active").rows if going else None,
                )
            )
        return found

    def make_room(self, trained: Trained, learner: Learner, log: list[Entry]) -> list[Entry] | None:
        # The core makes room when it logs a label; entries that nobody looks at fill the log up.
        core = self._session(trained, log + [Entry("class", 0, 0, 0)] * (ROOM - len(log)))
        use(core.state, learner)
        at, label = self.put([0] * core.log.dtype.itemsize, np.uint8)
        label.view(core.log.dtype)["cls"] = learner.rows[0].cls
        if self.run.call("odl_learn", core.session, 0, at) == 0:
            return None
        return log_of(core.state, core.log)[: len(log) - 1]

    def segment(self, change: int, steps: list[Any]) -> list[tuple[Any, ...]]:
        core = self._session(plain_trained(6), [], replace(CONFIG, change=change))
        s = core.state[0]
        found: list[tuple[Any, ...]] = []
        for n, features in enumerate(steps):
            if features is None:
                self.run.call("odl_gap", core.session, 3)
                found.append((int(s["segment"]), int(s["age"])))
                continue
            self.run.call("odl_segment", core.session, self.put(features, np.uint8)[0], 8 * n)
            to, mean = self.put(features, np.uint8)
            self.run.call("odl_segment_mean", core.session, to)
            place = int(s["segment"]), int(s["since"]), int(s["last"]), int(s["age"])
            found.append((*place, mean.tolist()))
        return found

    def decide(self, settings: dict[str, Any], windows: list[Any]) -> tuple[Any, ...]:
        chosen = {name: value for name, value in settings.items() if name not in ("rule", "hop")}
        config = replace(CONFIG, policy=settings["rule"], patience=10**6, **chosen)
        core = self._session(plain_trained(6), [], config)
        s = core.state[0]
        asked, end = [], 128
        for pause, uncertainty, features, gap, fate in windows:
            end += pause
            if gap:
                self.run.call("odl_gap", core.session, 0)
            if fate:
                s["ask_status"][: s["n_ask"]] = Asked.SKIPPED if fate == "settled" else Asked.ANSWERED
                s["ask_class"] = 0
                while (batch := self.run.call("odl_settled_batch", core.session)) >= 0:
                    self.run.call("odl_collect", core.session, batch, end)
            x, _ = self.put(features, np.uint8)
            self.run.call("odl_segment", core.session, x, end - 128)
            wanted = bool(self.run.call("odl_decide", core.session, x, uncertainty, end, settings["hop"]))
            asked.append(wanted)
            if wanted:
                self.run.call("odl_ask", core.session, end - 128, end, uncertainty)
            s["counts"][Count.WINDOWS] += 1
        recent = np.roll(s["recent"][: s["n_recent"]], -int(s["recent_at"]) if s["n_recent"] == 64 else 0)
        return (
            asked, int(s["issued"]), int(s["period"]), int(s["generator"]), int(s["rv_u"]), int(s["rv_d"]),
            s["warm"][: s["n_warm"]].tolist(), int(s["counts"][Count.BLOCKED]), int(s["asked_at"]),
            int(s["points"]), recent.tolist(),
        )  # fmt: skip
