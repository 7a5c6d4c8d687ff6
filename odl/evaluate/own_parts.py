"""Policy, learner and labeller that a caller of `odl.replay` passes, as names or objects."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from odl.core.adapters import as_labeller, as_policy, described, name_of
from odl.core.config import ConfigError
from odl.core.kernels.rules import DEFAULT, POLICIES, Rule
from odl.core.protocols import Labeller
from odl.core.rule_policy import RulePolicy
from odl.evaluate.named_parts import named_learner, named_policy


@dataclass(frozen=True)
class OwnParts:
    """Objects that replace a session's parts; None for a part that is not replaced.

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
        """Split the arguments into objects, and options set by a name or an object of `odl.policies`.

        Raises
        ------
        ConfigError
            If an argument cannot be such a part.
        """
        options: dict[str, Any] = {}
        if isinstance(policy, str) and policy not in POLICIES:
            policy = named_policy(policy)
        if isinstance(policy, str):
            options, policy = {"policy": policy}, None
        elif isinstance(policy, RulePolicy):
            options, policy = {"policy": policy.name, **policy.settings}, None
        elif policy is not None:
            as_policy(policy)
            # Where a recording asked nothing or in batches, the own policy gets a budget and the usual batch.
            options = {"policy": DEFAULT.policy}
            rule = getattr(policy, "rule", None)
            if isinstance(rule, Rule):  # a rule of the core with something of its own on the host
                options["batch"] = rule.batch
        learner = named_learner(learner) if isinstance(learner, str) else learner
        learner = None if isinstance(learner, str) else learner
        labeller = _unless_named(labeller, "labeller", "oracle")
        if labeller is not None:
            as_labeller(labeller)
        return cls(policy, learner, labeller), options

    @property
    def any(self) -> bool:
        """True if any part is replaced."""
        return bool(self.settings())

    def for_session(self) -> dict[str, Any]:
        """Copies of learner and policy, so that every session starts from the passed state."""
        return {"learner": copy.deepcopy(self.learner), "policy": copy.deepcopy(self.policy)}

    def labeller_of(self, people: Sequence[object], delay: int) -> Labeller | None:
        """The labeller; answers of a function are ``delay`` samples late."""
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
        """Names of the parts that run in Python only."""
        own = {"learner": self.learner, "policy": self.policy}
        return tuple(f"{name} {name_of(part)}" for name, part in own.items() if part is not None)

    def settings(self) -> dict[str, str]:
        """The names of the parts, for a result's settings."""
        parts = {"policy": self.policy, "learner": self.learner, "labeller": self.labeller}
        return {name: name_of(part) for name, part in parts.items() if part is not None}


def _unless_named(part: object, argument: str, name: str) -> object:
    if isinstance(part, str) and part != name:
        raise ConfigError(f"{argument} is {described(part)}; it can be '{name}' or an object")
    return None if isinstance(part, str) else part
