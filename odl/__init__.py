"""Learning on the device: replay a stream, ask for few labels, learn as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odl.evaluate.replay import replay as replay

__version__ = "0.1.0"
__all__ = ["__version__", "replay"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: importing odl must not wait for Numba.
    if name == "replay":
        from odl.evaluate.replay import replay

        return replay
    raise AttributeError(f"module 'odl' has no attribute '{name}'")
