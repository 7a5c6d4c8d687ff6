"""Compare a converted image with LiteRT, output for output (package ``ai-edge-litert``)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.kernels.score import score
from odl.model.features import features_of
from odl.model.tflite.convert import ConvertedNetwork
from odl.model.tflite.flat_tables import TfliteError

_PACKAGE = "ai-edge-litert"


@dataclass(frozen=True)
class NetworkComparison:
    """How many windows were equal, and which other implementation said so."""

    windows: int
    features: int  # values of each
    different: int  # windows in which any feature differs
    classes: int | None  # windows of the same class, None without a head
    ties: int  # windows whose two best classes the reference gives the same number
    reference: str

    @property
    def text(self) -> str:
        """One sentence or two.

        >>> NetworkComparison(100, 64, 0, 99, 1, "LiteRT 2.3.0").text
        'equal to LiteRT 2.3.0: 100 windows, 64 features each; the same class in 99 of 99 without a tie'
        """
        equal = "equal to" if not self.different else f"{self.different} windows DIFFER from"
        text = f"{equal} {self.reference}: {self.windows} windows, {self.features} features each"
        if self.classes is not None:
            text += f"; the same class in {self.classes} of {self.windows - self.ties} without a tie"
        return text


def compare(
    data: bytes, converted: ConvertedNetwork, windows: int = 1000, seed: int = 0
) -> NetworkComparison:
    """Run ``data`` in LiteRT's reference kernels and the image in ours, on drawn windows.

    Half of the windows are noise, half a walk with steps of any size, so that values near each
    other and at both ends occur.

    Raises
    ------
    ModuleNotFoundError
        If LiteRT is not installed.
    TfliteError
        If LiteRT refuses the file.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    image, network = converted.image, converted.network
    first = _input_of_samples(converted)
    with _refusals():
        interpreter = Interpreter(
            model_content=data, experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )  # fmt: skip
        interpreter.allocate_tensors()
    samples = drawn_windows(windows, image.window, len(image.channels), seed)
    features = features_of(image, samples.astype(np.int16))
    wanted = np.zeros_like(features)
    outputs = []
    given = network.inputs[0]
    for i, window in enumerate(samples):
        flat = np.zeros(window.size, np.int8)
        flat[converted.order] = window.reshape(-1)
        values = _as_given(flat.reshape(given.shape), given.kind, first)
        with _refusals():
            interpreter.set_tensor(given.number, values)
            interpreter.invoke()
        found = interpreter.get_tensor(converted.features.number).astype(np.int64) + 128
        if found.size != (size := math.prod(converted.features.shape)):
            raise TfliteError(f"LiteRT gives {found.size} values where the file says {size}")
        wanted[i] = found.reshape(-1) if found.size == image.features else _pooled(found, converted)
        outputs.append(interpreter.get_tensor(network.outputs[0].number).reshape(-1).astype(float))
    different = int(np.count_nonzero((features != wanted).any(1)))
    classes, ties = _classes(converted, features, np.array(outputs))
    name = f"the reference kernels of LiteRT {metadata.version(_PACKAGE)}"
    return NetworkComparison(windows, image.features, different, classes, ties, name)


@contextmanager
def _refusals() -> Iterator[None]:
    """What LiteRT says of a file that it cannot run, as one sentence."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise TfliteError(f"LiteRT cannot run it: {' '.join(str(error).split())}") from None


def _pooled(outputs: NDArray[np.int64], converted: ConvertedNetwork) -> NDArray[np.int64]:
    """Outputs of all positions as an image pools them: means of both halves, and maxima."""
    width = converted.image.features // 3
    apart = outputs.reshape(converted.rows, -1, width // converted.rows)
    rows = apart.swapaxes(0, 1).reshape(-1, width)
    halves = np.split(rows, [len(rows) // 2])
    means = [(part.sum(0) + len(part) // 2) // len(part) for part in halves]
    return np.concatenate([*means, rows.max(0)])


def drawn_windows(n: int, window: int, channels: int, seed: int) -> NDArray[np.int8]:
    """Windows of int8 samples, (n, window, channels)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (n, window, channels)) * rng.uniform(1, 100, (n, 1, channels))
    walk = np.cumsum(rng.normal(0, 1, (n, window, channels)), axis=1) * rng.uniform(0.1, 20, (n, 1, channels))
    middle = rng.uniform(-100, 100, (n, 1, channels))
    mixed = np.where((np.arange(n) % 2 == 0)[:, None, None], noise, walk) + middle
    return np.clip(np.round(mixed), -128, 127).astype(np.int8)


def _input_of_samples(converted: ConvertedNetwork) -> Any:
    """The int8 tensor that the samples are: the network's input, or what it is quantised to."""
    operator, given = converted.network.operators[0], converted.network.inputs[0]
    return operator.output if operator.name == "QUANTIZE" and given.kind != "int8" else given


def _as_given(window: NDArray[np.int8], kind: str, first: Any) -> NDArray[Any]:
    """int8 samples as the network takes them, so that its own quantisation gives the same."""
    if kind == "float32":
        return np.asarray((window.astype(np.float64) - first.zero) * first.scale, np.float32)
    if kind == "uint8":
        return (window.astype(np.int16) + 128).astype(np.uint8)
    return window


def _classes(
    converted: ConvertedNetwork, features: NDArray[np.uint8], outputs: NDArray[np.float64]
) -> tuple[int | None, int]:  # fmt: skip
    """Windows of the same class, and those in which the reference's best two are equal."""
    if converted.classifier is None:
        return None, 0
    image = converted.image
    block = memory_of(image, net_of(image)).block
    scores, path = np.zeros(image.max_rows, np.uint16), np.zeros(image.max_heads, np.uint8)
    same = ties = 0
    for x, output in zip(features, outputs, strict=True):
        score(block, x, scores, path)
        if converted.classifier.logistic:
            half = (converted.network.outputs[0].zero + 128 / 1) if output.min() < 0 else 0.5
            tie, best = bool(output[0] == half), int(output[0] > half)
        else:
            top = np.sort(output)
            tie, best = bool(top[-1] == top[-2]), int(output.argmax())
        ties += tie
        same += not tie and int(path[0]) == best
    return same, ties
