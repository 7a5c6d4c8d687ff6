"""A policy of the integer core for use with any learner."""

from __future__ import annotations

from odl.core.arrays import WithMemory, memory_of, net_of
from odl.core.config import Config
from odl.core.fused import settings_of
from odl.core.image import Image
from odl.core.kernels.ask import ask, collect, settled_batch, taught
from odl.core.kernels.decide import decide
from odl.core.kernels.log import remove_entry
from odl.core.kernels.plain import plain
from odl.core.kernels.segment import end_segment, notice
from odl.core.protocols import Decision, Scores, Window
from odl.core.state import Asked, Count


class RunningPolicy(WithMemory):
    """Asks by the rule ``config.policy`` and never more than the budget of ``config``.

    It implements `odl.core.protocols.Policy` with a state block of its own. ``start`` of a class in
    `odl.policies` returns one.

    Parameters
    ----------
    image : Image
        Gives hop, feature length and capacities.
    config : Config
        Policy, budget, batch, seed.

    Examples
    --------
    >>> import numpy as np
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> config = Config(policy="periodic", allowed=1, period=2, mult=(), shift=(), offset=())
    >>> policy, scores = RunningPolicy(image, config), Scores((0,), (32768,), 0)
    >>> windows = [Window(w, w + 128, image.stored[0], np.zeros((128, 6))) for w in (0, 64, 128, 192)]
    >>> [policy.decide(window, scores).ask for window in windows]
    [False, True, False, True]
    """

    def __init__(self, image: Image, config: Config) -> None:
        self._hop = image.hop
        self.memory = memory_of(image, net_of(image), config.seed)
        self.memory.settings[:] = settings_of(config)

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Whether to ask about ``window``."""
        block, end, utility = self.block, window.end, scores.uncertainty
        notice(block, window.features, window.start)
        wanted = bool(decide(block, window.features, utility, end, self._hop))
        if wanted:
            ask(block, window.start, end, utility, 0)
        self.state["counts"][0, Count.WINDOWS] += 1
        return Decision(wanted, utility)

    def gap(self) -> None:
        """The stream has a gap: a new segment begins."""
        plain(end_segment)(self.block)

    def settle(self, window: int, outcome: Asked) -> None:
        """Record how the question about ``window`` ended, and free the places of settled batches.

        What was answered stays in a log of its own, as what is known: for a rule that asks about
        what is new. A window that nobody asked about is the present segment, which was taught.
        """
        state = self.state
        n, cls = int(state["n_ask"][0]), int(state["row_class"][0, 0])
        asked = state["ask_window"][0, :n] == window
        if outcome is Asked.ANSWERED:
            state["answers"] += 1
            state["ask_class"][0, :n][asked], state["ask_order"][0, :n][asked] = cls, state["answers"][0]
            if not asked.any():
                plain(taught)(self.block, 0, cls, 0)
        elif labelled_at := [i for i in range(int(state["n_log"][0])) if self.log["window"][i] == window]:
            plain(remove_entry)(self.block, labelled_at[0])
            if window >= state["since"][0]:  # as `undo` does: the present segment may be asked about again
                state["asked"] = 0
        state["ask_status"][0, :n][asked] = outcome
        while (batch := settled_batch(self.block)) >= 0:
            collect(self.block, batch, 0, 0)
