"""How a replay is to go: what a person chooses, with the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from odl.core.config import Config, ConfigError, check_number, rule_of
from odl.core.fixed_point import Scaling
from odl.core.kernels.rules import DEFAULT, Rule
from odl.policies.budget import Budget, parse_budget

_LONGEST = 1e6  # seconds
_OF_TRUTH = ("answers after", "refused, wrong answers")


@dataclass(frozen=True)
class Options:
    """See `odl.replay`, whose keywords these are; times in seconds.

    Raises
    ------
    ConfigError
        With the option's name, its value and what it can be.

    Examples
    --------
    >>> Options(policy="tactile-dualrv").questions_together
    4
    """

    policy: str = DEFAULT.policy
    budget: str | int = 20
    seed: int = 0
    batch: int | None = None
    delay: float = 10.0
    patience: float = 60.0
    refuse: float = 0.0
    error: float = 0.0
    hold: bool = False
    step: int = 4

    def __post_init__(self) -> None:
        def need(good: bool, name: str, can: str) -> None:
            if not good:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it can be {can}")

        def number(value: object, low: float, high: float) -> bool:
            return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

        rule_of(self.policy)
        need(isinstance(self.budget, str | int | float), "budget", "20, '12/h' or '2%'")
        need(isinstance(self.seed, int) and number(self.seed, 0, 2**63), "seed", "0 to 2**63")
        if self.batch is not None:
            check_number("batch", self.batch)
        need(number(self.delay, 0, _LONGEST), "delay", f"0 to {_LONGEST:.0f} seconds")
        need(number(self.patience, 0, _LONGEST), "patience", f"above 0, to {_LONGEST:.0f} seconds")
        for name in ("refuse", "error"):
            need(number(getattr(self, name), 0, 1), name, "a share from 0 to 1")
        need(isinstance(self.hold, bool), "hold", "true or false")
        check_number("step", self.step)
        parse_budget(self.budget, 1.0)

    def changed(self, given: Mapping[str, Any]) -> Options:
        """These options with what was given (None: not given) put in.

        Nobody can answer without any patience; older recordings say so all the same.
        """
        if given.get("patience") == 0:
            raise ConfigError(
                f"patience is {given['patience']!r}; it can be above 0, to {_LONGEST:.0f} seconds"
            )
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def questions_together(self) -> int:
        """The batch, its default filled in."""
        return rule_of(self.policy).batch if self.batch is None else self.batch

    def config(self, rate_hz: float, windows: int, seed: int, scaling: Scaling) -> Config:
        """A session's settings, in samples, for a stream of ``windows`` windows."""
        asks = rule_of(self.policy) is not Rule.NONE
        budget = parse_budget(self.budget, rate_hz) if asks else Budget(0, 0, False)
        return Config(
            policy=self.policy, allowed=budget.allowed, period=budget.period,
            in_samples=budget.in_samples, horizon=max(1, windows), batch=self.questions_together,
            patience=max(1, round(self.patience * rate_hz)), step=self.step, hold=self.hold, seed=seed,
            mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a recording's Start."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> Options:
        """Read back `to_dict`; what is missing has its default, what is unknown is refused."""
        if not isinstance(values, dict) or not set(values) <= set(cls.__dataclass_fields__):
            raise ConfigError("the recording's options do not fit this version of odl")
        return cls(**values)

    def described(self, from_truth: bool = True) -> dict[str, str]:
        """For people; how truth answers only where it does."""
        about = {
            "policy": self.policy,
            "budget": str(self.budget) if self.policy != "none" else "none",
            "answers learned from together": str(self.questions_together),
            "answers after": f"{self.delay:g} s",
            "questions expire after": f"{self.patience:g} s",
            "refused, wrong answers": f"{self.refuse:g}, {self.error:g}",
            "an answer stands until the stream changes": "yes" if self.hold else "no",
            "seed": str(self.seed),
        }
        return {k: v for k, v in about.items() if from_truth or k not in _OF_TRUTH}
