"""Policies: which windows a session asks about, within its budget.

A policy is given to a session by its name or as an object with settings. `by_name` returns the
class of a name. The classes are loaded when they are first used.

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odl.core.config import rule_of
from odl.core.kernels.rules import Rule

if TYPE_CHECKING:
    from odl.core.rule_policy import RulePolicy
    from odl.policies.rules import *  # noqa: F403


def table() -> str:
    """All policies as a Markdown table, written from the registry.

    Examples
    --------
    >>> print(table().splitlines()[2])
    | `none` | `Never` | no window |  | 0 |
    """
    lines = ["| name | class | what is asked about | batch | number |", "| --- | --- | --- | --- | --- |"]
    for rule in Rule:
        batch = "" if rule is Rule.NONE else rule.batch
        lines.append(f"| `{rule.policy}` | `{rule.public}` | {rule.asks} | {batch} | {int(rule)} |")
    return "\n".join(lines)


def by_name(name: str) -> type[RulePolicy]:
    """The class of the policy named ``name``.

    Raises
    ------
    ConfigError
        If the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> by_name("tactile-dualrv")(batch=8)
    DualRV(batch=8, step=4)
    """
    return __getattr__(rule_of(name).public)


def __getattr__(name: str) -> type[RulePolicy]:
    if any(name == rule.public for rule in Rule):
        from odl.policies import rules

        found: type[RulePolicy] = getattr(rules, name)
        return found
    raise AttributeError(f"module 'odl.policies' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(["by_name", "table", *(rule.public for rule in Rule)])


__doc__ += table()
