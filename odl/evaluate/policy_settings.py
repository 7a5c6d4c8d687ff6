"""The settings of a session that are a policy's own; one that has no use for them refuses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from odl.core.adapters import name_of
from odl.core.config import ConfigError
from odl.core.kernels.rules import Rule
from odl.policies import by_name

OF_POLICIES: Final = ("batch", "step", "floor")


def settings_of(policy: object) -> tuple[str, ...]:
    """Those of `OF_POLICIES` that a policy, named or an object, has a use for.

    An object that is started with the session's settings may use any.

    Examples
    --------
    >>> settings_of("novel-segments"), settings_of(lambda window, scores: True)
    (('batch', 'floor'), ('batch',))
    """
    rule = getattr(policy, "rule", None)  # of the core, or one that the host alone has
    name = rule.policy if isinstance(rule, Rule) else policy
    if isinstance(name, str):
        return tuple(field for field in by_name(name).__dataclass_fields__ if field in OF_POLICIES)
    ours = type(policy).__module__.startswith("odl.policies.")
    return OF_POLICIES if hasattr(policy, "start") and not ours else ("batch",)


def check_settings(options: Iterable[str], policies: Iterable[object]) -> None:
    """Refuse a setting that none of the policies uses.

    Parameters
    ----------
    options : iterable of str
        Names of those that were given.
    policies : iterable of str or object
        As `odl.replay` takes them.

    Raises
    ------
    ConfigError
        The message names the setting, the policies and what they have instead.

    Examples
    --------
    >>> check_settings(["floor"], ["tactile-inforv"])
    Traceback (most recent call last):
    ...
    odl.core.config.ConfigError: `floor` is a setting of novel-segments; the policy tactile-inforv has ...
    """
    used = {_name(policy): settings_of(policy) for policy in policies}
    for setting in options:
        if setting not in OF_POLICIES or any(setting in has for has in used.values()):
            continue
        names = [rule.policy for rule in Rule if setting in settings_of(rule.policy)]
        where = f"`{setting}` is a setting of {', '.join(names)}"
        if len(used) > 1:
            raise ConfigError(f"{where}, and has no effect with {', '.join(used)}")
        ((name, has),) = used.items()
        there = f"the setting{'s' * (len(has) > 1)} {' and '.join(f'`{one}`' for one in has)}"
        raise ConfigError(f"{where}; the policy {name} has {there if has else 'no settings'}")


def without_use(options: Iterable[str], policies: Mapping[str, object]) -> list[str]:
    """A sentence for each setting that some of the policies, by their names, have no use for."""
    said = []
    for setting in options:
        without = [name for name, policy in policies.items() if setting not in settings_of(policy)]
        if setting in OF_POLICIES and without:
            said.append(f"`{setting}` has no effect with {', '.join(without)}")
    return said


def _name(policy: object) -> str:
    return str(getattr(policy, "name", policy if isinstance(policy, str) else name_of(policy)))
