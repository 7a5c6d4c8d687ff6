"""The parts that a caller of `odl.replay` brings: policy, learner and labeller, as names or objects."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from odl.core.adapters import as_labeller, as_policy, described, name_of
from odl.core.config import ConfigError
from odl.core.protocols import Labeller
from odl.core.rule_policy import RulePolicy


@dataclass(frozen=True)
class OwnParts:
    """Objects that stand in for a session's own parts; None where the session has its own.

    Examples
    --------
    >>> parts, options = OwnParts.read(policy="random", learner="dendron")
    >>> parts, options
    (OwnParts(policy=None, learner=None, labeller=None), {'policy': 'random'})
    """

    policy: Any = None
    learner: Any = None
    labeller: Any = None

    @classmethod
    def read(
        cls, policy: object = None, learner: object = None, labeller: object = None
    ) -> tuple[OwnParts, dict[str, Any]]:
        """The parts that are objects, and the options that a name, or an object of `odl.policies`, sets.

        Raises
        ------
        ConfigError
            If an argument can be no such part.
        """
        options: dict[str, Any] = {}
        if isinstance(policy, str):
            options, policy = {"policy": policy}, None
        elif isinstance(policy, RulePolicy):
            options, policy = {"policy": policy.name, **policy.settings}, None
        elif policy is not None:
            as_policy(policy)
        learner = _unless_named(learner, "learner", "dendron")
        labeller = _unless_named(labeller, "labeller", "oracle")
        if labeller is not None:
            as_labeller(labeller)
        return cls(policy, learner, labeller), options

    @property
    def any(self) -> bool:
        """Whether any part is the caller's own."""
        return bool(self.settings())

    def for_session(self) -> dict[str, Any]:
        """Copies of learner and policy, so that each person's session starts with what was handed in."""
        return {"learner": copy.deepcopy(self.learner), "policy": copy.deepcopy(self.policy)}

    def labeller_of(self, people: Sequence[object], delay: int) -> Labeller | None:
        """The labeller, whose answers come ``delay`` samples late if it is a function."""
        if self.labeller is None:
            return None
        made = as_labeller(self.labeller, delay)
        if made is self.labeller and len(people) > 1:
            raise ConfigError(
                f"labeller is one {name_of(made)}, but there are {len(people)} people; name one in subjects, "
                "or give a function"
            )
        return made

    def host_only(self) -> tuple[str, ...]:
        """The parts that run in Python only, by name."""
        own = {"learner": self.learner, "policy": self.policy}
        return tuple(f"{name} {name_of(part)}" for name, part in own.items() if part is not None)

    def settings(self) -> dict[str, str]:
        """What to say of the parts among a result's settings."""
        parts = {"policy": self.policy, "learner": self.learner, "labeller": self.labeller}
        return {name: name_of(part) for name, part in parts.items() if part is not None}


def _unless_named(part: object, argument: str, name: str) -> object:
    if isinstance(part, str) and part != name:
        raise ConfigError(f"{argument} is {described(part)}; it can be '{name}' or an object")
    return None if isinstance(part, str) else part
