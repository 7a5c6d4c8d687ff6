"""How a policy chooses from a stream of images: at once and for good, or with swaps until a batch is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.kernels.rules import POLICIES
from odl.core.protocols import Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.state import Asked, state_dtype_of
from odl.evaluate.named_parts import named_policy
from odl.policies import by_name
from odl.policies.preemption import Preemption
from odl.study.description import StudyPart

ONE = 32768  # 1.0 in Q15
SWAPPING = ("preemption", "informativeness")
FIELDS = {  # of the state block, that the rule alone needs
    "random": ("generator",),
    "tactile-inforv": ("rv_u", "n_warm", "warm"),
    "tactile-dualrv": ("rv_u", "n_warm", "warm", "rv_d", "n_far"),
}
NUMBER = 8  # bytes


class Chooser(Protocol):
    """Chooses from a stream of images; counts the time that its decisions take."""

    times: list[int]  # nanoseconds, a decision each

    def see(self, features: NDArray[np.uint8], shares: Sequence[float]) -> tuple[int, ...]:
        """Take in the next image; the numbers of a batch that is due now, else none."""
        ...


def chooser_of(part: StudyPart, labels: int, batch: int, stream: int, seed: int, features: int) -> Chooser:
    """What a study names, with its exact budget of ``labels`` from ``stream`` images."""
    settings: dict[str, Any] = dict(part.settings)
    if part.name in SWAPPING:
        own: dict[str, Any] = {"diversity": 0, "swap": 0} if part.name == "informativeness" else {}
        return Swapping(Preemption(batch, **own, **settings), stream * batch // labels)
    config = Config(
        policy="random", allowed=labels, horizon=stream, batch=batch, seed=seed + 1,
        mult=(1,), shift=(0,), offset=(0,),
    )  # fmt: skip
    image = placeholder(features)
    if part.name in POLICIES:
        return AtOnce(by_name(part.name)(**{"batch": batch, **settings}).start(image, config), batch)
    policy: Any = named_policy(part.name, settings)
    return AtOnce(policy.start(image, config), batch)


def placeholder(features: int) -> Image:
    """An image for a policy to start from: it has the length of the features, and no extractor of use."""
    outputs = features // 3
    layer = Layer(
        np.ones((outputs, 1, 1), np.int8), np.zeros(outputs, np.int32), np.full(outputs, 2**30, np.int32),
        np.full(outputs, 31, np.uint8), 1,
    )  # fmt: skip
    return Image(
        channels=(Channel("pixel", "1", 1.0),), rate_hz=1.0, window=2, hop=1, layers=(layer,),
        parents=np.array([ROOT], np.uint8), formats=np.array([20], np.uint8),
        row_class=np.arange(2, dtype=np.uint8), row_head=np.zeros(2, np.uint8),
        base=np.zeros((2, features + 1), np.int32), stored=np.zeros((0, features), np.uint8),
        owners=np.zeros(0, np.uint8), names={0: "a", 1: "b"}, max_pending=16,
    )  # fmt: skip


class AtOnce:
    """A policy of a session: what it asks about joins the batch for good, which is due when it is full."""

    def __init__(self, policy: Any, batch: int) -> None:
        self._policy, self._batch = policy, batch
        self._seen, self._members = 0, list[int]()
        self.times: list[int] = []

    def see(self, features: NDArray[np.uint8], shares: Sequence[float]) -> tuple[int, ...]:
        """Decide about the next image."""
        number = self._seen
        first, second = sorted(shares)[:-3:-1]
        scores = Scores((), tuple(round(ONE * p) for p in shares), round(ONE * (1 - (first - second))))
        window = Window(number, number + 2, features, NO_SAMPLES)
        if isinstance(self._policy, RunningPolicy):
            self._policy.gap()  # images do not follow from one another
        began = time.perf_counter_ns()
        asked = self._policy.decide(window, scores).ask
        self.times.append(time.perf_counter_ns() - began)
        self._seen += 1
        if asked:
            self._members.append(number)
        if len(self._members) < self._batch:
            return ()
        due, self._members = tuple(self._members), []
        for member in due:
            self._policy.settle(member, Asked.ANSWERED)
        return due


class Swapping:
    """Preemption: the batch may change until its part of the stream, of equal length each, is over."""

    def __init__(self, kept: Preemption, length: int) -> None:
        self._kept, self._length, self._seen = kept, length, 0
        self.times: list[int] = []

    def see(self, features: NDArray[np.uint8], shares: Sequence[float]) -> tuple[int, ...]:
        """Offer the next image."""
        began = time.perf_counter_ns()
        self._kept.offer(self._seen, features, shares)
        self.times.append(time.perf_counter_ns() - began)
        self._seen += 1
        return self._kept.take() if self._seen % self._length == 0 else ()


NO_SAMPLES = np.zeros((2, 1))


def bytes_kept(part: StudyPart, batch: int, stream: int, features: int) -> int:
    """What the rule keeps from one image to the next, without the features of the batch, which all need.

    For a rule of the integer core the fields of the state block; InfoRV with hybrid has the largest distance
    besides. Preemption has a worth for each member and for the batch, with diversity their cosines too. The
    highest utilities so far are one number an image.
    """
    name = part.name.removesuffix("-host")
    if name in FIELDS:
        state = state_dtype_of(placeholder(features))
        more = NUMBER if dict(part.settings).get("informativeness") == "hybrid" else 0
        return sum(state[field].itemsize for field in FIELDS[name]) + more
    if name in SWAPPING:
        pairs = batch * (batch - 1) // 2 if name == "preemption" else 0
        return NUMBER * (batch + 1 + pairs)
    return NUMBER * stream + (NUMBER if name == "hybrid" else 0)
