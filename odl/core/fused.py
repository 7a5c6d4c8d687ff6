"""The fused core: kernels on one state block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import WithMemory, memory_of, net_of
from odl.core.config import Config, rule_of
from odl.core.events import NO_CLASS, Dropped, Learned, Output, Prediction, Query, Why
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.kernels.extract import restart
from odl.core.kernels.grow import add_class, split
from odl.core.kernels.jit import Int
from odl.core.kernels.net import SETTINGS, Emit
from odl.core.kernels.refit import refit
from odl.core.kernels.rules import Rule
from odl.core.kernels.run import command_label, command_undo, run
from odl.core.state import Count, Entry

_U64 = 2**64 - 1
_WHY = {int(w): w for w in Why}
PREDICTION, QUERY, LEARNED = int(Emit.PREDICTION), int(Emit.QUERY), int(Emit.LEARNED)


def settings_of(config: Config) -> NDArray[Any]:
    """The settings as the kernels read them, shape (1,)."""
    settings = np.zeros(1, SETTINGS)
    settings["rule"] = rule_of(config.policy)
    for name in ("allowed", "period", "in_samples", "horizon", "batch", "patience", "step",
                 "hold", "change"):  # fmt: skip
        settings[name] = getattr(config, name)
    return settings


def start_period(state: NDArray[Any], config: Config, end: int) -> None:
    """Begin the budget's next period in ``state`` if the window that ends at ``end`` lies in it.

    `odl.core.kernels.decide.windows_left` does the same as a kernel.
    """
    if config.period == 0:
        return
    passed = end - 1 if config.in_samples else int(state["counts"][0, Count.WINDOWS])
    if state["period"][0] != passed // config.period:
        state["period"], state["issued"] = passed // config.period, 0


def settings_forcing(config: Config, state: NDArray[Any], end: int, ask: bool) -> NDArray[Any]:
    """The settings under which the window that ends at ``end`` is asked about, or is not, come what may.

    The budget stays: its period begins anew in ``state`` if the time has come, what is spent stays
    spent and closes batches. But the period is said to end with this window, so whatever is left
    may go into it.
    """
    start_period(state, config, end)
    settings = settings_of(config)
    settings["rule"] = Rule.PERIODIC if ask else Rule.NONE
    settings["period"], settings["horizon"] = 0, 1
    return settings


class Fused(WithMemory):
    """What a session does with each input, in integer kernels alone.

    Every method returns the output events; ``state`` and ``log`` hold all there is to know.
    """

    def __init__(self, image: Image, config: Config) -> None:
        self.image, self.config = image, config
        self.net = net_of(image, Scaling(config.mult, config.shift, config.offset))
        self.memory = memory_of(image, self.net, config.seed)
        self.memory.settings[:] = settings_of(config)

    def use(self, settings: NDArray[Any]) -> None:
        """From now on go by ``settings`` (see `settings_of`)."""
        self.memory.settings[:] = settings

    def samples(self, block: NDArray[np.int16]) -> list[Output]:
        """Consume a block (n, channels)."""
        outputs: list[Output] = []
        at: Int = 0
        while at < len(block):
            at, n = run(self.block, block, at)
            if n:
                outputs += self._events(n)
        return outputs

    def gap(self, lost: int) -> None:
        """Samples are missing."""
        restart(self.block, lost)

    def label(self, at: int, window: int, cls: int) -> list[Output]:
        """An answer; 255 is a skip."""
        return self._events(command_label(self.block, at, window, cls))

    def undo(self, at: int) -> list[Output]:
        """Take back the answer given last."""
        return self._events(command_undo(self.block, at))

    def add_class(self, at: int, cls: int, head: int, name: str) -> list[Output]:
        """A new class."""
        text = np.frombuffer(name.encode(), np.uint8)
        return self._events(add_class(self.block, at, cls, head, text, 0))

    def split(self, at: int, leaf: int, head: int) -> list[Output]:
        """A task under a leaf."""
        return self._events(split(self.block, at, leaf, head, 0))

    def resume(self, position: int = 0, issued: int = 0, keep: bool = True) -> None:
        """As a board that is configured: a fresh state, and the heads that the log has taught.

        The stream goes on at ``position``, or at the earliest one that comes after all that is in
        the log; ``issued`` questions have been spent of the budget's period there. Without
        ``keep`` the log is forgotten first.
        """
        if not keep:
            self.log[:] = 0
        log = self.log[: int(self.state["n_log"][0]) if keep else 0]
        self.state[:] = memory_of(self.image, self.net, self.config.seed).state
        ends = log["window"] + np.where(log["kind"] <= Entry.LABEL, self.net.window, 0)
        at = max(position, int(ends.max(initial=0)))
        self.state["n_log"] = len(log)
        self.state["answers"] = log["order"].max(initial=0)
        self.state["position"] = at
        self.state["issued"] = issued
        if self.config.in_samples and self.config.period:
            self.state["period"] = max(at - 1, 0) // self.config.period
        refit(self.block)

    def _events(self, n: Int) -> list[Output]:
        return [event_of(self.memory.out[i]) for i in range(n)]


def event_of(record: Any) -> Output:
    """One output record of the kernels as an event."""
    kind = record["kind"]
    window = int(record["window"]) & _U64
    if kind == PREDICTION:
        held = int(record["held"])
        return Prediction(
            window,
            tuple(record["path"][: record["n_path"]].tolist()),
            tuple(record["scores"][: record["n_scores"]].tolist()),
            None if held == NO_CLASS else held,
        )
    if kind == QUERY:
        return Query(window, int(record["value"]), int(record["expires"]))
    if kind == LEARNED:
        return Learned(int(record["at"]), window, int(record["cls"]), int(record["head"]))
    return Dropped(int(record["at"]), window, _WHY[int(record["why"])])
