"""Base class of the integer core's policies: a rule and its settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from odl.core.config import Config, check_number
from odl.core.kernels.rules import Rule

if TYPE_CHECKING:
    from odl.core.image import Image
    from odl.core.running_policy import RunningPolicy


@dataclass(frozen=True, kw_only=True)
class RulePolicy:
    """Base of the classes in `odl.policies`. It holds settings and no state.

    A session with such a policy runs in integer kernels alone, as a board does.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.
    """

    rule: ClassVar[Rule]

    def __post_init__(self) -> None:
        for name, value in self.settings.items():
            check_number(name, value)

    @property
    def name(self) -> str:
        """The name that recordings and the command line use."""
        return self.rule.policy

    @property
    def settings(self) -> dict[str, int]:
        """The settings by their names in `odl.core.config.Config`."""
        return asdict(self)

    def configured(self, config: Config) -> Config:
        """``config`` with this policy and its settings."""
        return replace(config, policy=self.name, **self.settings)  # type: ignore[arg-type]

    def start(self, image: Image, config: Config) -> RunningPolicy:
        """Start a policy that decides window by window, with budget and seed of ``config``."""
        from odl.core.running_policy import RunningPolicy

        return RunningPolicy(image, self.configured(config))
