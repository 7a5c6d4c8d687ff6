"""What others offer for the same work, each run in the fastest way that its documentation shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from river.active import EntropySampler
from river.linear_model import SoftmaxRegression
from skactiveml.base import BudgetManager
from skactiveml.stream.budgetmanager import BalancedIncrementalQuantileFilter

from odl.core.image import Image

BATCH = 128  # windows at once: more are no faster, and all of them stay in the cache


class LiteRT:
    """A .tflite extractor on one thread, by XNNPACK (LiteRT's default) or by its built-in kernels."""

    def __init__(self, model: bytes, batch: int = 1, xnnpack: bool = True) -> None:
        kernels = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._run = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=kernels)
        given, made = self._run.get_input_details()[0], self._run.get_output_details()[0]
        self._in, self._out, self._batch = given["index"], made["index"], batch
        if batch > 1:
            self._run.resize_tensor_input(self._in, [batch, *given["shape"][1:]])
        self._run.allocate_tensors()

    def one(self, window: NDArray[np.int8]) -> NDArray[np.int8]:
        """Outputs of one window (1, window, 1, channels)."""
        self._run.set_tensor(self._in, window)
        self._run.invoke()
        made: NDArray[np.int8] = self._run.get_tensor(self._out)
        return made

    def all(self, windows: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        """Outputs of windows (n, window, 1, channels), batch by batch; n is a multiple of the batch."""
        return [self.one(windows[i : i + self._batch]) for i in range(0, len(windows), self._batch)]


def values(outputs: Sequence[NDArray[np.int8]]) -> NDArray[np.int64]:
    """The image's outputs (n, positions, channels) from what LiteRT stores of them."""
    return np.concatenate(outputs)[:, :, 0].astype(np.int64) + 128


class Purse:
    """A budget of questions that is spent exactly: when as many are left as windows, all are asked."""

    def __init__(self, questions: int, windows: int) -> None:
        self.left, self.windows = questions, windows

    def takes(self, wanted: bool) -> bool:
        """Whether the next window is asked about, if the rule wants to or not."""
        asked = self.left > 0 and (wanted or self.left >= self.windows)
        self.left -= asked
        self.windows -= 1
        return asked


class Replayed(NamedTuple):
    """What a replay did: the class predicted for each window, and the windows asked about."""

    predicted: list[int | None]
    asked: list[int]


class RiverHead:
    """river's softmax regression behind its entropy sampler.

    It starts from the vectors that the model image stores, as this project's heads do from the image.
    """

    def __init__(self, image: Image) -> None:
        self._names = list(range(image.features))
        self._model = EntropySampler(SoftmaxRegression(), seed=1)
        for features, cls in zip(image.stored, image.owners.tolist(), strict=True):
            self._model.learn_one(self._inputs(features.tolist()), cls)

    def _inputs(self, features: list[int]) -> dict[int, float]:
        return {name: value / 255 for name, value in zip(self._names, features, strict=True)}

    def replay(
        self, features: Iterable[list[int]], windows: int, questions: int, truth: Callable[[int], int]
    ) -> Replayed:
        """Predict each window, ask within the budget, learn from each answer."""
        purse = Purse(questions, windows)
        predicted: list[int | None] = []
        asked: list[int] = []
        for window, made in enumerate(features):
            x = self._inputs(made)
            cls, wanted = self._model.predict_one(x)
            predicted.append(cls)
            if purse.takes(wanted):
                asked.append(window)
                self._model.learn_one(x, truth(window))
        return Replayed(predicted, asked)


def quantile_filter(questions: int, windows: int) -> BudgetManager:
    """scikit-activeml's rule nearest to this project's: a moving quantile of the utilities."""
    return BalancedIncrementalQuantileFilter(budget=questions / windows)


def selected(manager: BudgetManager, utilities: NDArray[np.float64], questions: int) -> NDArray[np.intp]:
    """The windows that the budget manager asks about, all utilities handed to it at once.

    Its budget is a share that it keeps on average; `Purse` makes it exact.
    """
    wanted = set(manager.query_by_utility(utilities))
    purse = Purse(questions, len(utilities))
    return np.array([i for i in range(len(utilities)) if purse.takes(i in wanted)])


def describe() -> dict[str, Any]:
    """The versions of the peers."""
    from importlib.metadata import version

    return {name: version(name) for name in ("ai-edge-litert", "river", "scikit-activeml")}
