"""Sessions at work for tests: their questions, answers and heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.events import Label, Output, Prediction, Samples
from odl.core.kernels.command import command
from odl.core.kernels.net import Act
from odl.core.running_policy import RunningPolicy
from odl.core.session import Session
from odl.core.state import Asked
from tests.helpers.streams import BUSY, IMAGE, VARIED, config, samples

BOTH = st.sampled_from([VARIED, BUSY])


def fused(chosen: Config, image: Any = IMAGE) -> Session:
    return Session(image, chosen)


def composed(chosen: Config, image: Any = IMAGE) -> Session:
    return Session(image, chosen, policy=RunningPolicy(image, chosen))


def at_rest(session: Session) -> Session:
    """The same session with its refit at an end."""
    twin = Session(session.image, session.config)
    twin.restore(session.snapshot())
    while twin._core.state["refitting"][0]:
        command(twin._core.block, Act.ADVANCE, 0, 0, 0)
    return twin


def weights(session: Session) -> NDArray[np.int32]:
    return at_rest(session)._core.state["weights"][0].copy()


def heads(session: Session) -> bytes:
    """The learned part of the state, as `Dendron.to_bytes` has it."""
    names = (
        "weights",
        "n_rows",
        "row_class",
        "row_head",
        "row_active",
        "n_heads",
        "head_parent",
        "head_format",
    )
    return b"".join(session._core.state[name].tobytes() for name in names)


def pending(session: Session) -> list[int]:
    """Windows whose questions are still kept."""
    state = session._core.state[0]
    return [int(w) for w in state["ask_window"][: state["n_ask"]]]


def still_open(session: Session) -> list[int]:
    """Windows whose questions wait for an answer at this very sample."""
    state = session._core.state[0]
    n = state["n_ask"]
    waiting = zip(state["ask_window"][:n], state["ask_status"][:n], state["ask_expires"][:n], strict=True)
    return [int(w) for w, status, end in waiting if status == Asked.OPEN and end > session.position]


def asked(image: Any = IMAGE, **changes: Any) -> Session:
    """A session that asks about every window until its questions are as many as allowed."""
    values = {"allowed": 4, "horizon": 1, "batch": 1, "patience": 1000} | changes
    session = fused(config("periodic", **values), image)
    session.step(Samples(0, samples(5, 40 + 8 * 5)))
    return session


def asked_windows(session: Session) -> list[int]:
    return pending(session)


def answer(session: Session, cls: int | None, which: int = 0) -> Sequence[Output]:
    """Answer the earliest open question (or a later one)."""
    return session.step(Label(session.position, still_open(session)[which], cls))


def more(session: Session, n: int = 200) -> list[Prediction]:
    """Predictions of what follows."""
    return more_of(session, samples(8, n))


def more_of(session: Session, block: NDArray[np.int16]) -> list[Prediction]:
    """Predictions while this follows."""
    outputs = session.step(Samples(session.position, block))
    return [output for output in outputs if isinstance(output, Prediction)]
