"""The fused core: integer kernels on one state block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import WithMemory, memory_of, net_of
from odl.core.config import Config, rule_of
from odl.core.events import NO_CLASS, Output
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.kernels.block import OUT, POSITION
from odl.core.kernels.command import command
from odl.core.kernels.extract import restart
from odl.core.kernels.grow import add_class, change_class, regrow, split
from odl.core.kernels.jit import Int, passed
from odl.core.kernels.net import SETTINGS, Act
from odl.core.kernels.plain import plain, seldom
from odl.core.kernels.rules import Rule
from odl.core.kernels.run import run
from odl.core.records import QUERY, Outputs, RecordLayout
from odl.core.state import Count, Entry

_RUN: Any = run
_ADD_CLASS, _SPLIT, _CHANGE_CLASS = seldom(add_class), seldom(split), seldom(change_class)


def settings_of(config: Config) -> NDArray[Any]:
    """The settings as the kernels read them, shape (1,)."""
    settings = np.zeros(1, SETTINGS)
    settings["rule"] = rule_of(config.policy)
    for name in ("allowed", "period", "in_samples", "horizon", "batch", "patience", "step",
                 "hold", "change", "every", "floor"):  # fmt: skip
        settings[name] = getattr(config, name)
    return settings


def settings_forcing(config: Config, state: NDArray[Any], end: int, ask: bool) -> NDArray[Any]:
    """Settings to ask about the window that ends at ``end``, or not, whatever the policy says.

    The budget still counts: its period starts anew in ``state`` when due (as the kernel
    `odl.core.kernels.decide.windows_left` does), and spending it closes batches. But the period is set
    to end with this window, so that everything left may be spent on it.
    """
    if config.period:
        passed = end - 1 if config.in_samples else int(state["counts"][0, Count.WINDOWS])
        if state["period"][0] != passed // config.period:
            state["period"], state["issued"] = passed // config.period, 0
    settings = settings_of(config)
    settings["rule"] = Rule.PERIODIC if ask else Rule.NONE
    settings["period"], settings["horizon"] = 0, 1
    return settings


class KernelCore(WithMemory):
    """A session's memory and the inputs that need neither learner nor policy."""

    def __init__(self, image: Image, config: Config) -> None:
        self.image, self.config = image, config
        self.net = net_of(image, Scaling(config.mult, config.shift, config.offset))
        self.memory = memory_of(image, self.net, config.seed)
        self.memory.settings[:] = settings_of(config)
        self.layout = RecordLayout(self.memory.out.dtype)
        self._first, self._size = int(self.block.q[OUT]), self.layout.dtype.itemsize

    def gap(self, lost: int) -> None:
        """Skip ``lost`` missing samples."""
        plain(restart)(self.block, lost)

    def add_class(self, at: int, cls: int, head: int, name: str) -> Sequence[Output]:
        """Add class ``cls`` to task ``head``."""
        text = np.frombuffer(name.encode(), np.uint8)
        return self._events(_ADD_CLASS(self.block, at, cls, head, text, 0))

    def split(self, at: int, leaf: int, head: int) -> Sequence[Output]:
        """Add task ``head`` under class ``leaf``."""
        return self._events(_SPLIT(self.block, at, leaf, head, 0))

    def change_class(self, at: int, cls: int, into: int | None, name: str) -> Sequence[Output]:
        """Class ``cls`` is called ``name`` and counts as ``into``."""
        text, target = np.frombuffer(name.encode(), np.uint8), NO_CLASS if into is None else into
        return self._events(_CHANGE_CLASS(self.block, at, cls, target, text, 0))

    def _events(self, n: Int) -> Outputs:
        """The first ``n`` records that the kernels left."""
        return Outputs(self._records(n), self.layout)

    def _records(self, n: Int) -> bytes:
        return self.memory.block.b[self._first : self._first + n * self._size].tobytes()


class Stage:
    """Hands blocks of samples to compiled code; short ones through memory that stays at one address.

    Looking up a block's own address takes longer than copying a short block. Copies and pickles have
    memory of their own.
    """

    ROWS = 256

    def __init__(self, channels: int) -> None:
        self._rows = np.empty((self.ROWS, channels), np.int16)
        self._passed = passed(self._rows)
        self._longest = 0 if isinstance(self._passed, np.ndarray) else self.ROWS

    def take(self, block: NDArray[np.int16]) -> Any:
        """A block (n, channels) as a kernel's ``code`` takes it."""
        n = len(block)
        if n > self._longest:
            return passed(block if block.flags.c_contiguous else np.ascontiguousarray(block))
        self._rows[:n] = block
        self._passed.n = block.size
        return self._passed

    def __reduce__(self) -> tuple[Any, ...]:
        return Stage, (self._rows.shape[1],)


class Fused(KernelCore):
    """Process each input with integer kernels alone.

    Every method returns the output events; ``state`` and ``log`` are the whole state.
    """

    def __init__(self, image: Image, config: Config) -> None:
        super().__init__(image, config)
        self._stage = Stage(len(image.channels))

    def use(self, settings: NDArray[Any]) -> None:
        """Replace the settings (see `settings_of`)."""
        self.memory.settings[:] = settings

    def samples(self, block: NDArray[np.int16]) -> Outputs:
        """Consume a block (n, channels)."""
        return self.run(block, False)[1]

    def run(self, block: NDArray[np.int16], stop_at_question: bool) -> tuple[int, Outputs]:
        """Consume a block (n, channels), or its first rows up to a window that a question is asked about.

        Returns the number of rows consumed, and the outputs.
        """
        memory, code, raw, rows = self.memory, _RUN.code, self._stage.take(block), len(block)
        at: Int = 0
        settled = asked = False
        parts = []
        while (at < rows or settled) and not asked:
            at, n, settled = code(memory.block, raw, at, settled, stop_at_question)
            if n:
                parts.append(self._records(n))
                asked = stop_at_question and parts[-1][self.layout.kind_at - self._size] == QUERY
            if settled:
                n = command(memory.block, Act.SETTLE, memory.block.q[POSITION], 0, 0)
                parts.append(self._records(n))
        return int(at), Outputs(parts[0] if len(parts) == 1 else b"".join(parts), self.layout)

    def label(self, at: int, window: int, cls: int) -> Outputs:
        """An answer; 255 is a skip."""
        return self._events(command(self.block, Act.LABEL, at, window, cls))

    def teach(self, at: int, cls: int) -> Outputs:
        """The present segment is of class ``cls``."""
        return self._events(command(self.block, Act.TEACH, at, 0, cls))

    def undo(self, at: int) -> Outputs:
        """Take back the answer given last."""
        return self._events(command(self.block, Act.UNDO, at, 0, 0))

    def resume(self, position: int = 0, issued: int = 0, keep: bool = True) -> None:
        """Reset the state as `Configure` does on a board, and begin to refit the heads from the log.

        The stream continues at ``position``, or behind the last log entry if that is later;
        ``issued`` questions of that budget period are spent. Without ``keep`` the log is emptied first.
        """
        if not keep:
            self.log[:] = 0
        log = self.log[: int(self.state["n_log"][0]) if keep else 0]
        self.state[:] = memory_of(self.image, self.net, self.config.seed).state
        ends = log["window"] + np.where(log["kind"] == Entry.LABEL, self.net.window, 0)
        ends[log["window"] < 0] = 0  # labels of an earlier session
        at = max(position, int(ends.max(initial=0)))
        self.state["n_log"] = len(log)
        self.state["answers"] = log["order"].max(initial=0)
        self.state["position"] = at
        self.state["issued"] = issued
        if self.config.in_samples and self.config.period:
            self.state["period"] = max(at - 1, 0) // self.config.period
        plain(regrow)(self.block)
        command(self.block, Act.START_REFIT, 0, 0, 0)
