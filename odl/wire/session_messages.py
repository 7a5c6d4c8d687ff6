"""Convert a session's settings and samples to messages for a board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from odl.core.config import Config, rule_of
from odl.core.events import Samples
from odl.wire.codec import encode
from odl.wire.messages import Configure

LONGEST_READ: Final = 65535  # bytes that one Read can ask for
ENVELOPE: Final = 10  # bytes of a frame beside its message: sequence number, time, checksum


def configure_message(
    config: Config, session: int, *, keep: bool = False, position: int = 0, issued: int = 0
) -> Configure:
    """A session's settings as a `Configure` message.

    Parameters
    ----------
    config : Config
        The settings.
    session : int
        The number that names the session, 1 to 2**32 - 1.
    keep : bool
        Continue with the board's label log; otherwise it is emptied.
    position, issued : int
        First sample, and the questions already spent of the budget period there.
    """
    return Configure(
        rule=int(rule_of(config.policy)), in_samples=int(config.in_samples), hold=int(config.hold),
        keep=int(keep), batch=config.batch, step=config.step, change=config.change,
        floor=config.floor, allowed=config.allowed, period=config.period, horizon=config.horizon,
        every=config.every, session=session, issued=issued, patience=config.patience, seed=config.seed,
        position=position,
        scaling=tuple(zip(config.mult, config.shift, config.offset, strict=True)),
    )  # fmt: skip


def split_samples(event: Samples, frame: int) -> Iterator[Samples]:
    """Split ``event`` into parts that fit into frames of ``frame`` bytes.

    Examples
    --------
    >>> import numpy as np
    >>> [len(part.block) for part in split_samples(Samples(0, np.zeros((100, 6), np.int16)), 768)]
    [62, 38]
    """
    overhead = len(encode(Samples(0, event.block[:0]))) + ENVELOPE
    rows = max(1, (frame - overhead) // (2 * event.block.shape[1]))
    for at in range(0, len(event.block), rows):
        yield Samples(event.start + at, event.block[at : at + rows])
