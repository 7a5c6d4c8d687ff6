"""How a model is trained: sizes of the net, length of the fit, augmentation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from odl.data import Card, DataError

# Of each convolution: output channels, kernel, stride; 0 channels: each channel on its own (depthwise). A
# depthwise convolution and one with kernel 1 behind it take less than one of all channels over time (Howard
# et al., "MobileNets", 2017).
SIZES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "small": ((16, 5, 2), (0, 5, 2), (24, 1, 1), (0, 3, 1), (32, 1, 1)),
    "medium": ((16, 5, 2), (32, 5, 2), (64, 3, 1)),
    "large": ((24, 5, 2), (48, 5, 2), (64, 3, 1)),
}
TUNABLE = ("steps", "spacing", "rotation", "stretch", "noise", "balance")  # what a card's "training" may set


@dataclass(frozen=True)
class Plan:
    """Everything that decides a fit beside data, seed and version of torch.

    Attributes
    ----------
    sizes : (out channels, kernel, stride) of each convolution; 0 channels: depthwise, neither the first
        nor the last.
    window, hop : samples of a window, and between the windows that are scored.
    steps : gradient steps of a whole fit.
    batch : windows per step.
    rate : highest learning rate of the cycle.
    decay : weight decay of AdamW.
    dropout : share of the features that are dropped while fitting.
    smoothing : share of a target that is spread over all classes.
    rotation : standard deviation of the random rotation's angle, rad.
    stretch : standard deviation of the logarithm of the random factor per triple of channels.
    noise : standard deviation of white noise, in net units.
    balance : a class is drawn in proportion to its windows to this power: 1 takes windows as they
        come, 0 every class alike.
    spacing : samples between the windows that training draws from.
    weights : of the tasks' losses, in the order of the heads; tasks beyond them weigh 1.
    threads : of torch; another number may give other bytes.
    """

    sizes: tuple[tuple[int, int, int], ...] = SIZES["medium"]
    window: int = 128
    hop: int = 64
    steps: int = 4000
    batch: int = 128
    rate: float = 3e-3
    decay: float = 1e-2
    dropout: float = 0.3
    smoothing: float = 0.05
    rotation: float = 0.3
    stretch: float = 0.1
    noise: float = 0.05
    balance: float = 0.5
    spacing: int = 8
    weights: tuple[float, ...] = ()
    threads: int = 1


def plan_for(card: Card, plan: Plan | None = None, size: str | None = None) -> Plan:
    """``plan`` with the card's window and hop, the hop a multiple of the extractor's stride.

    Without ``plan``, what the card's entry ``training`` sets takes the place of the defaults. ``size``, a
    name of `SIZES`, takes the place of the plan's sizes.

    Raises
    ------
    DataError
        If the entry ``training`` is not as it should be.
    ValueError
        If there is no such size.

    Examples
    --------
    >>> from odl.data import load_card
    >>> plan = plan_for(load_card("shoulder"))
    >>> plan.window, plan.hop
    (128, 64)
    """
    plan = replace(Plan(), **_training_of(card)) if plan is None else plan
    if size is not None:
        if size not in SIZES:
            raise ValueError(f"size is {size!r}; it can be {', '.join(SIZES)}")
        plan = replace(plan, sizes=SIZES[size])
    stride = prod(size[2] for size in plan.sizes)
    window = plan.window if card.window_s is None else round(card.window_s * card.rate_hz)
    hop = plan.hop if card.hop_s is None else max(1, round(card.hop_s * card.rate_hz / stride)) * stride
    return replace(plan, window=window, hop=hop)


def _training_of(card: Card) -> dict[str, Any]:
    """The card's entry ``training``, checked."""
    written = card.about.get("training", {})
    if not isinstance(written, dict):
        raise DataError(f"card of '{card.name}': training: this has to be a group of entries")
    for name, value in written.items():
        if name not in TUNABLE:
            raise DataError(f"card of '{card.name}': training: no entry '{name}'; {', '.join(TUNABLE)}")
        whole = name in ("steps", "spacing")
        if type(value) not in (int, float) or not whole <= value <= 1e6 or whole and value % 1:
            raise DataError(f"card of '{card.name}': training: {name} is {value!r}; it has to be a number")
    return {name: type(getattr(Plan, name))(value) for name, value in written.items()}
