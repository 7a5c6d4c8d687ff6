"""Options of a session: how it asks and learns, in seconds and shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from odl.core.config import Config, ConfigError, rule_of
from odl.core.fixed_point import Scaling
from odl.core.kernels.rules import Rule
from odl.evaluate.option_table import OPTIONS, SESSION_OPTIONS
from odl.evaluate.policy_settings import check_settings
from odl.policies.budget import Budget, parse_budget

_OF_TRUTH = ("answers after", "refused, wrong answers")


@dataclass(frozen=True)
class Options:
    """Options of a session; `odl.replay` describes them, its keywords.

    Raises
    ------
    ConfigError
        If an option is invalid; the message names it, its value and the allowed values.

    Examples
    --------
    >>> Options(policy="tactile-dualrv").questions_together
    4
    """

    policy: str = OPTIONS["policy"].default
    budget: str | int = OPTIONS["budget"].default
    every: float = OPTIONS["every"].default
    floor: int = OPTIONS["floor"].default
    seed: int = OPTIONS["seed"].default
    batch: int | None = OPTIONS["batch"].default
    delay: float = OPTIONS["delay"].default
    patience: float = OPTIONS["patience"].default
    refuse: float = OPTIONS["refuse"].default
    error: float = OPTIONS["error"].default
    hold: bool = OPTIONS["hold"].default
    step: int = OPTIONS["step"].default

    def __post_init__(self) -> None:
        for name in SESSION_OPTIONS:
            value = getattr(self, name)
            if name == "patience" and value == 0 and not isinstance(value, bool):
                continue  # recordings of version 0.1.0 may hold it
            if value is None and name != "batch":
                raise ConfigError(f"`{name}` is None; it can be {OPTIONS[name].allowed}")
            OPTIONS[name].check(value)

    def changed(self, keywords: Mapping[str, Any], own: object = None) -> Options:
        """These options with those in ``keywords`` replaced, except by None.

        ``own`` is a policy of the caller's in place of the named one.

        Raises
        ------
        ConfigError
            If one is invalid, or of no use to the policy.
        """
        for name, value in keywords.items():
            OPTIONS[name].check(value)
        given = {name: value for name, value in keywords.items() if value is not None}
        made = replace(self, **given)
        new = [name for name, value in given.items() if value != getattr(self, name)]
        check_settings(new, [made.policy if own is None else own])
        return made

    @property
    def questions_together(self) -> int:
        """The batch, with the policy's default if it is None."""
        return rule_of(self.policy).batch if self.batch is None else self.batch

    def config(self, rate_hz: float, windows: int, seed: int, scaling: Scaling) -> Config:
        """A session's settings, in samples, for a stream of ``windows`` windows."""
        asks = rule_of(self.policy) is not Rule.NONE
        budget = parse_budget(self.budget, rate_hz) if asks else Budget(0, 0, False)
        return Config(
            policy=self.policy, allowed=budget.allowed, period=budget.period,
            in_samples=budget.in_samples, horizon=max(1, windows), batch=self.questions_together,
            every=round(self.every * rate_hz), floor=self.floor,
            patience=max(1, round(self.patience * rate_hz)), step=self.step, hold=self.hold, seed=seed,
            **scaling._asdict(),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a recording's Start."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> Options:
        """Inverse of `to_dict`; missing options get defaults, unknown ones raise `ConfigError`."""
        if not isinstance(values, dict) or not set(values) <= set(cls.__dataclass_fields__):
            raise ConfigError("the recording's options do not fit this version of odl")
        return cls(**values)

    def described(self, from_truth: bool = True) -> dict[str, str]:
        """The options as text; those of the oracle only with ``from_truth``."""
        about = {
            "policy": self.policy,
            "budget": str(self.budget) if self.policy != "none" else "none",
            **({"seconds between questions": f"{self.every:g} or more"} if self.every else {}),
            **(
                {"lowest score asked about": str(self.floor)}
                if self.floor != OPTIONS["floor"].default
                else {}
            ),
            "answers learned from together": str(self.questions_together),
            "answers after": f"{self.delay:g} s",
            "questions expire after": f"{self.patience:g} s",
            "refused, wrong answers": f"{self.refuse:g}, {self.error:g}",
            "a new class is shown until the stream changes": "yes" if self.hold else "no",
            "seed": str(self.seed),
        }
        return {k: v for k, v in about.items() if from_truth or k not in _OF_TRUTH}
