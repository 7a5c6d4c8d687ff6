"""The settings of a session: everything its trace depends on apart from image and input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from odl.core.errors import OdlError
from odl.core.kernels.rules import POLICIES, Rule

# Smallest and largest value of each number, for Python and C alike.
BOUNDS = {
    "allowed": (1, 2**31 - 1),  # from 0 with policy "none"
    "period": (0, 2**31 - 1),
    "horizon": (0, 2**31 - 1),
    "batch": (1, 255),
    "patience": (1, 2**40),
    "step": (1, 16),
    "change": (0, 32768),
    "every": (0, 2**31 - 1),
    "floor": (0, 65535),
    "seed": (1, 2**64 - 1),
}


class ConfigError(OdlError, ValueError):
    """A setting or argument is invalid; the message names the allowed values."""


def rule_of(policy: str) -> Rule:
    """The rule of the policy named ``policy``.

    Raises
    ------
    ConfigError
        If the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> rule_of("tactile-inforv")
    <Rule.INFORV: 1>
    >>> rule_of("tactile-infor")
    Traceback (most recent call last):
        ...
    odl.core.config.ConfigError: there is no policy 'tactile-infor'; choose from none, ...
    """
    for rule in Rule:
        if rule.policy == policy:
            return rule
    close = get_close_matches(policy, POLICIES, 1) if isinstance(policy, str) else []
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise ConfigError(f"there is no policy '{policy}'; choose from {', '.join(POLICIES)}{hint}")


def check_number(name: str, value: object, low: int | None = None) -> None:
    """Refuse a number outside `BOUNDS`; ``low`` replaces the smallest value."""
    smallest, largest = BOUNDS[name]
    smallest = smallest if low is None else low
    if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
        raise ConfigError(f"{name} is {value!r}; it can be {smallest} to {largest}")


@dataclass(frozen=True)
class Config:
    """Settings of one session, as a recording's Start carries them.

    Parameters
    ----------
    policy : str
        Name of the policy (see `odl.policies`).
    allowed, period, in_samples
        The budget (see `odl.policies.budget.Budget`); ``period`` 0 is the whole session.
    horizon : int
        Expected number of windows in the session; required if ``period`` is 0.
    batch : int
        Questions that are learned from together, at least 1 (TActiLE's b).
    patience : int
        Samples until a question expires.
    step : int
        TActiLE's reference values move by ``2**-step`` of the full range, 1 to 16.
    hold : bool
        True if an answer with a class that the image does not know is shown until the stream changes.
    change : int
        Distance (Q15) of a window's features from their mean in the segment that begins a new segment.
    every : int
        Least distance of two questions in samples.
    floor : int
        Lowest score for which novel-segments asks.
    seed : int
        State of the policy's generator, 1 to 2**64 - 1.
    mult, shift, offset : tuple of int
        Input scaling per channel (see `odl.core.fixed_point.Scaling`).

    Raises
    ------
    ConfigError
        If a setting is out of range; the message names it, its value and the range.

    Examples
    --------
    >>> Config(policy="random", allowed=20, horizon=400, mult=(16384,), shift=(21,), offset=(0,)).batch
    1
    """

    policy: str = "none"
    allowed: int = 0
    period: int = 0
    in_samples: bool = False
    horizon: int = 0
    batch: int = 1
    patience: int = 3000
    step: int = 4
    hold: bool = True
    change: int = 1200
    every: int = 0
    floor: int = 60
    seed: int = 1
    mult: tuple[int, ...] = ()
    shift: tuple[int, ...] = ()
    offset: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        asks = rule_of(self.policy) is not Rule.NONE
        for name in BOUNDS:
            check_number(name, getattr(self, name), 0 if name == "allowed" and not asks else None)
        if asks and self.period == 0 and self.horizon == 0:
            raise ConfigError(
                "a budget for the whole session needs its length; give a budget such as 12/h or 2%"
            )
        limits = {"mult": (0, 2**31 - 1), "shift": (0, 60), "offset": (-32768, 32767)}
        for name, (low, high) in limits.items():
            if not all(isinstance(v, int) and low <= v <= high for v in getattr(self, name)):
                raise ConfigError(f"input scaling: {name} holds a value outside {low} to {high}")
        if not len(self.mult) == len(self.shift) == len(self.offset):
            raise ConfigError("input scaling: mult, shift and offset differ in length")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Inverse of `to_dict`; raises `ConfigError` for unknown or missing settings."""
        names = set(cls.__dataclass_fields__)
        if set(values) != names:
            odd = ", ".join(sorted(set(values) ^ names))
            raise ConfigError(f"settings of a session do not fit this version: {odd}")
        tuples = {}
        for name in ("mult", "shift", "offset"):
            if not isinstance(values[name], list):
                raise ConfigError(f"input scaling: {name} is not a list")
            tuples[name] = tuple(values[name])
        for name in ("in_samples", "hold"):
            if not isinstance(values[name], bool):
                raise ConfigError(f"{name} is {values[name]!r}; it can be true or false")
        return cls(**{**values, **tuples})
