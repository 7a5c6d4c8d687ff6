"""The firmware under measurement: an emulated board whose functions are counted.

Executed instructions are counted by function; the C file that defines a function tells to which part
of the firmware it belongs.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim import BOARDS, build
from firmware_sim.emulator import Emulator
from odl.core.config import Config
from odl.core.events import AddClass, Gap, Input, Label, Learned, Output, Query, Samples, Split, Teach, Undo
from odl.core.image import ROOT, Image
from odl.core.kernels.rules import Rule
from odl.core.layer_spans import spans
from odl.core.pace import Pace
from odl.core.state import Count, Entry, log_dtype, state_dtype_of
from odl.wire.client import BoardClient

RULES: Final = tuple(f"rule_{rule.name.lower()}" for rule in Rule if rule is not Rule.NONE)
PARTS: Final = {  # parts of the firmware, with their C files; all others are the board's
    "convolution": ("conv", "conv_dsp", "requantise", "operations", "requantise_zero"),
    "scaling and rings": ("scale_input", "extract"),
    "pooling": ("pool",),
    "heads": ("heads", "score", "gate", "dense", "dense_dsp", "softmax"),
    "policy and log": (
        "ask",
        "changes",
        "decide",
        *RULES,
        "distance",
        "generator",
        "grow",
        "hold",
        "log",
        "quantile",
        "quotient",
        "run",
        "segment",
    ),
    "line": ("crc32", "dispatch", "emit", "frame_out", "line", "link", "link_out", "uart"),
    "memcpy and memset": ("memory",),
    "board": (),
}
_MEMORY: Final = re.compile(r"mem(cpy|set|clr|move)\d*$")
_DEFINITION: Final = re.compile(r"^(?!typedef|enum|struct)[a-z][\w \t*]*?[ *](\w+)\([^;{}]*\)\s*\{", re.M)


@cache
def file_of_functions() -> Mapping[str, str]:
    """For each C function of core and board, the file that defines it, without suffix."""
    found = {}
    for folder in (*BOARDS.values(), build.SHARED, build.BARE, build.CORE):
        for path in sorted(folder.glob("*.c")):
            found.update(dict.fromkeys(_DEFINITION.findall(path.read_text(encoding="utf-8")), path.stem))
    return found


def part_of(function: str) -> str:
    """The part of the firmware that a function belongs to: a key of ``PARTS``.

    Examples
    --------
    >>> part_of("odl_conv"), part_of("odl_run.part.0"), part_of("__aeabi_memcpy4")
    ('convolution', 'policy and log', 'memcpy and memset')
    """
    if _MEMORY.search(function):
        return "memcpy and memset"
    file = file_of_functions().get(function.split(".")[0])  # GCC adds suffixes to parts of functions
    return next((part for part, files in PARTS.items() if file in files), "board")


def by_part(counts: Mapping[str, int]) -> dict[str, int]:
    """Sum a profile by parts of the firmware."""
    parts = dict.fromkeys(PARTS, 0)
    for function, count in counts.items():
        parts[part_of(function)] += count
    return parts


def macs_of(image: Image, samples: int) -> int:
    """Multiply-accumulates for ``samples`` without a gap, as they come.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> macs_of(image, image.window) == image.macs
    True
    """
    if image.windowed:
        return max(0, (samples - image.window) // image.hop + 1) * image.macs
    lengths = (max(0, span.length) for span in spans(image.layers, samples))
    return sum(n * layer.macs for n, layer in zip(lengths, image.layers, strict=True))


@dataclass(frozen=True, slots=True)
class Learning:
    """What was learned: a profile, gradient steps (one item through one task), and refits that began."""

    profile: Counter[str]
    steps: int
    begun: int = 0


NOTHING: Final = Learning(Counter(), 0)


class Bench:
    """An emulated board that runs ``firmware``, with access to its state."""

    def __init__(self, image: Image, firmware: build.Firmware) -> None:
        self.image, self.program = image, firmware.program
        self.board = Emulator(firmware.elf, board=firmware.board)
        self.client = self._greet()
        self.session = self.program.address("session")
        self._state = state_dtype_of(image)
        # RAM above all that the firmware uses, for arguments of calls.
        self._memory = firmware.spec.memory
        self._spare = self._memory.ram_base + -(-firmware.ram_bytes // 8) * 8

    def _greet(self) -> BoardClient:
        self.board.run()  # its line loses bytes sent before it has started
        client = BoardClient(self.board.write, self.board.run, limit=60.0)
        client.hello()
        return client

    def state(self) -> Any:
        """The state block, one record."""
        return np.frombuffer(self.board.memory(self.session, self._state.itemsize), self._state)[0]

    def entries(self) -> NDArray[Any]:
        """The label log."""
        dtype = log_dtype(self.image.features)
        places = [self.board.call("odl_log_at", i) for i in range(int(self.state()["n_log"]))]
        return np.frombuffer(b"".join(self.board.memory(at, dtype.itemsize) for at in places), dtype)

    def profile(self) -> Counter[str]:
        """Instructions so far by function; an address with several names counts once."""
        names: dict[int, tuple[str, int]] = {}
        for name, count in self.board.profile().items():
            names.setdefault(self.program.symbols[name].address, (name, count))
        return Counter(dict(names.values()))

    # --- a session ---------------------------------------------------------------------

    def run(self, config: Config, events: Sequence[Input], pace: Pace | None = None) -> dict[str, Any]:
        """Step the board through ``events`` and return counts.

        If the events hold no answers, questions are answered here. What a refit does in a step is done
        twice, from the same state, to be counted. ``pace`` counts samples.

        Returns
        -------
        dict
            ``windows``, ``samples``, ``macs``, ``refits``, ``gradient_steps``, ``rows`` at the end,
            ``seconds``, ``stack_bytes``; ``learning`` and ``other``, each a profile.
        """
        self.client.configure(config)
        answered = any(isinstance(event, Label) for event in events)
        seen = Counter(dict.fromkeys(("windows", "samples", "macs", "refits", "gradient_steps"), 0))
        learning: Counter[str] = Counter()
        stretch, seconds, queue = 0, 0.0, [*reversed(events)]
        began = self.profile()
        while queue:
            event = self._piece(queue)
            outputs, learned, took = self._counted_step(event)
            seconds += took
            learning += learned.profile
            seen["refits"] += learned.begun
            seen["gradient_steps"] += learned.steps
            if isinstance(event, Samples):
                stretch += len(event.block)
                seen["samples"] += len(event.block)
                if pace is not None:
                    pace.reach(seen["samples"])
            elif isinstance(event, Gap):
                seen["macs"] += macs_of(self.image, stretch)
                stretch = 0
            seen["windows"] += sum(type(output).__name__ == "Prediction" for output in outputs)
            if not answered:
                queue += self._answers(outputs, seen["windows"])
        seen["macs"] += macs_of(self.image, stretch)
        other = self.profile()
        for twice in (began, learning, learning):
            other.subtract(twice)
        seen["rows"] = int(self.state()["row_active"].sum())
        seen["stack_bytes"] = self.board.stack_used
        return {**seen, "seconds": seconds, "learning": learning, "other": other}

    def _answers(self, outputs: Iterable[Output], seed: int) -> list[Input]:
        classes = self.image.row_class
        cls = int(classes[seed % len(classes)])
        return [Label(self.client.position, o.window, cls) for o in outputs if isinstance(o, Query)]

    # --- learning ----------------------------------------------------------------------

    def _to_window_end(self) -> int:
        phase, window, hop = int(self.state()["phase"]), self.image.window, self.image.hop
        return window - phase if phase < window else hop - (phase - window) % hop

    def _piece(self, queue: list[Input]) -> Input:
        """Take the next event, of samples at most as many as complete a window."""
        event = queue.pop()
        if isinstance(event, Samples) and len(event.block) > (n := self._to_window_end()):
            queue.append(Samples(event.start + n, event.block[n:]))
            event = Samples(event.start, event.block[:n])
        return event

    def _counted_step(self, event: Input) -> tuple[list[Output], Learning, float]:
        """Step the board; return the outputs, what was learned in the step, and its seconds."""
        ends = isinstance(event, Samples) and len(event.block) == self._to_window_end()
        hop = ("odl_advance", self.session, self.image.refit_items)
        before, learned = self.state(), NOTHING
        if ends and before["refitting"]:
            learned = self.put_back(hop)
        since = time.monotonic()
        outputs = self.client.step(event)
        took = time.monotonic() - since
        if begun := int(self.state()["counts"][Count.REFITS] - before["counts"][Count.REFITS]):
            learned = self.put_back(("odl_start_refit", self.session), *([hop] if ends else []))
            learned = replace(learned, begun=begun)
        return outputs, learned, took

    def put_back(self, *calls: tuple[Any, ...]) -> Learning:
        """Call functions of the board and put its session back as it was."""
        session = self.board.memory("session")
        before, steps = self.profile(), self._steps()
        for name, *arguments in calls:
            self.board.call(name, *arguments)
        learned = Learning(self.profile() - before, self._steps() - steps)
        self.board.set_memory("session", session)
        return learned

    def _steps(self) -> int:
        """Gradient steps and scores of tasks so far: each calls the softmax once."""
        return self.board.entered("odl_head_probabilities")

    def learn_late(self, config: Config) -> int:
        """Learn within the step of a sample, the deepest call; return bytes of stack used since the start.

        One question of a batch of two is answered, the other expires at a window's end. Then a label comes
        that nobody asked for.

        Raises
        ------
        RuntimeError
            If nothing was learned.
        """
        window, hop = self.image.window, self.image.hop
        late = replace(config, policy="periodic", allowed=2, horizon=4, batch=2, patience=hop,
                       period=0, in_samples=False)  # fmt: skip
        self.client.configure(late)
        raw = np.zeros((window + 4 * hop, len(self.image.channels)), np.int16)
        outputs: list[Output] = []
        for end in range(window, len(raw) + 1, hop):
            at = self.client.position
            outputs = self.client.step(Samples(at, raw[at:end]))
            for answer in self._answers(outputs, 0) if end < window + 2 * hop else ():
                self.client.step(answer)
        if not any(isinstance(output, Learned) for output in outputs):
            raise RuntimeError("no question of a batch expired at a window's end")
        self.client.step(Samples(self.client.position, raw[:hop]))
        taught = self.client.step(Teach(self.client.position, int(self.image.row_class[0])))
        if not any(isinstance(output, Learned) for output in taught):
            raise RuntimeError("nothing could be taught")
        return self.board.stack_used

    # --- the extractor on its own ------------------------------------------------------

    @property
    def samples_at_once(self) -> int:
        """How many samples `extract` has room for."""
        return (self._memory.ram_base + self._memory.ram_size - self._spare) // (2 * len(self.image.channels))

    def extract(self, raw: NDArray[np.int16]) -> int:
        """Run the extractor on ``raw`` (n, channels) up to the rings; return the instructions."""
        self.board.set_memory(self._spare, raw.tobytes())
        before, at = self.board.instructions, 0
        while at < len(raw):
            at = self.board.call("odl_extract", self.session, self._spare, len(raw), at)
        return self.board.instructions - before

    def restart(self) -> int:
        """Empty the rings, as a gap does; return the instructions."""
        before = self.board.instructions
        self.board.call("odl_gap", self.session, 0, 0, 0)  # `lost` is 64 bits wide: registers 2 and 3
        return self.board.instructions - before

    def ring(self) -> bytes:
        """The last layer's outputs of the window that has just ended, oldest first."""
        state = self.state()
        return np.roll(state["ring"], -int(state["ring_at"]), axis=0).tobytes()

    def streaming(self, raw: NDArray[np.int16], hop: int, windows: int = 16) -> dict[str, float]:
        """Instructions per window every ``hop`` samples: streamed, and each window on its own.

        Without the pooling, which both need; ``..._convolution`` is ``odl_conv`` alone.

        Raises
        ------
        RuntimeError
            If the outputs of a window differ.
        """
        length = self.image.window
        starts = range(hop, min(len(raw) - length, windows * hop) + 1, hop)
        profiles = []
        self.restart()
        self.extract(raw[:length])
        profiles.append(self.profile())
        streamed, rings = 0, []
        for start in starts:
            streamed += self.extract(raw[start + length - hop : start + length])
            rings.append(self.ring())
        profiles.append(self.profile())
        windowed = 0
        for start, ring in zip(starts, rings, strict=True):
            windowed += self.restart() + self.extract(raw[start : start + length])
            if self.ring() != ring:
                raise RuntimeError(f"the window at {start} has different outputs when streamed")
        profiles.append(self.profile())
        conv = [by_part(profiles[i + 1] - profiles[i])["convolution"] for i in (0, 1)]
        n = len(starts)
        return {
            "windows": n, "streamed": streamed / n, "windowed": windowed / n,
            "saved": 1 - streamed / windowed, "streamed_convolution": conv[0] / n,
            "windowed_convolution": conv[1] / n, "saved_convolution": 1 - conv[0] / conv[1],
        }  # fmt: skip

    # --- the worst refit ---------------------------------------------------------------

    def worst_refit(self, config: Config, splits: bool = False) -> dict[str, Any]:
        """Fill rows and log with the worst case, refit at each hop of a stream of noise, and count.

        New classes hang under the root, so that each item is a step over every row; with ``splits``
        there are as many heads as fit instead, each below the other. Every class has one label, which
        is repeated most often, and the last class has the rest of the log. Windows are in descending
        order, the worst for sorting. All labels have the same vector: they contradict each other, so
        that almost every step changes every row.

        Returns
        -------
        dict
            ``instructions`` and ``gradient_steps`` of the whole refit, ``hops`` that it takes;
            ``longest_hop``, the instructions of the longest of them with its samples, its prediction and
            the beginning of the refit; ``rows``, ``heads``, ``entries``, ``stack_bytes``; ``most``, the
            instructions of the functions that have most of them.
        """
        self.client.configure(config)
        self._grow(splits)
        self._fill_log()
        self.board.reset()
        self.client = self._greet()
        self.client.configure(config, keep=True)  # as after a reset: a refit from the log begins
        entries = int(self.state()["n_log"])
        begin = self.put_back(("odl_start_refit", self.session))
        whole = self.put_back(("odl_start_refit", self.session), ("odl_advance", self.session, 2**32 - 1))
        rng, hops = np.random.default_rng(1), []
        while self.state()["refitting"]:
            raw = rng.integers(-9000, 9000, (self._to_window_end(), len(self.image.channels)))
            before = self.board.instructions
            self.client.step(Samples(self.client.position, raw.astype(np.int16)))
            hops.append(self.board.instructions - before)
        state = self.state()
        self.client.step(Undo(self.client.position))
        return {
            "instructions": sum(whole.profile.values()), "gradient_steps": whole.steps, "hops": len(hops),
            "longest_hop": max(hops[1:] or hops) + sum(begin.profile.values()),
            "rows": int(state["row_active"].sum()), "heads": int(state["n_heads"]),
            "entries": entries, "stack_bytes": self.board.stack_used,
            "most": dict(whole.profile.most_common(5)),
        }  # fmt: skip

    def full_bank(self, slowness: int = 1) -> dict[str, float]:
        """Log labels, one for each that gives way, until both banks of the log have been full.

        Returns
        -------
        dict
            ``seconds`` of the longest call, which moves the labels into the other bank, with a flash
            that is slower by ``slowness``; ``labels`` that are logged from one such call to the next.
        """
        board, moves, longest, n = self.board, list[int](), 0.0, 0
        board.flash.slowness = slowness
        board.call("odl_log_clear")
        entry = np.zeros(1, log_dtype(self.image.features))
        entry["kind"] = Entry.LABEL
        board.set_memory(self._spare, entry.tobytes())
        while len(moves) < 3:
            if n >= self.image.max_log and board.call("odl_log_remove", 0):
                raise RuntimeError("the board's flash did not remove a label")
            began, erased = board.seconds, board.flash.erased
            if board.call("odl_log_append", self._spare):
                raise RuntimeError(f"the board's flash did not take label {n}")
            longest = max(longest, board.seconds - began)
            if board.flash.erased > erased:
                moves.append(n)
            n += 1
        board.flash.slowness = 1
        return {"seconds": longest, "labels": moves[-1] - moves[-2]}

    def _grow(self, splits: bool) -> None:
        """Add classes, and with ``splits`` heads, up to capacity."""
        image = self.image
        unused = (cls for cls in range(ROOT) if cls not in image.row_class)
        rows, heads = len(image.row_class), len(image.parents)
        leaf, head = int(image.row_class[-1]), 0
        while rows < image.max_rows:
            pair = splits and image.max_rows - rows >= 2
            if pair and heads < image.max_heads:
                self._step(Split(self.client.position, leaf, heads))
                head, heads = heads, heads + 1
            for _ in range(2 if pair else 1):
                leaf, rows = next(unused), rows + 1
                self._step(AddClass(self.client.position, leaf, f"class {leaf}", head))

    def _step(self, event: Input) -> None:
        if outputs := self.client.step(event):
            raise RuntimeError(f"the board did not take {event}: {outputs[0]}")

    def _fill_log(self) -> None:
        """Fill the log with labels through the board's own function."""
        state, image = self.state(), self.image
        classes = state["row_class"][: state["n_rows"]].tolist()
        room = image.max_log - int(state["n_log"])
        entry = np.zeros(1, log_dtype(image.features))
        if len(image.stored):
            entry["features"][0, : image.features] = image.stored[0]
        for i in range(room):
            row = min(i, len(classes) - 1)
            entry["window"], entry["order"] = image.hop * (room - i), i + 1
            entry["kind"], entry["cls"], entry["head"] = Entry.LABEL, classes[row], state["row_head"][row]
            self.board.set_memory(self._spare, entry.tobytes())
            if self.board.call("odl_log_append", self._spare):
                raise RuntimeError(f"the board's flash did not take label {i} of {room}")
