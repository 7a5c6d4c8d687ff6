"""Off-device training of extractor and heads to a model image (extra ``train``: torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odl.train.deploy import train as train


def __getattr__(name: str) -> Any:
    """`train` is imported, and torch with it, when it is first used."""
    if name == "train":
        from odl.train.deploy import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
