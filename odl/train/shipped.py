"""From a dataset's card to a model image: folds by person, the final fit, the export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import ROOT, Channel, Image, Layer
from odl.data import Card, Series
from odl.train.net import INPUT_UNIT, Net, Recipe, fit, to_units
from odl.train.quantise import features, quantise, scale_raw

FORMAT = 20  # fractional bits of the logits
RANGE = 0.999  # share of the training people's samples that an int8 input can say
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned from whom: recordings of the training people, trained classes only."""

    card: Card
    series: tuple[Series, ...]
    trained: tuple[int, ...]
    held_out: tuple[int, ...]

    @property
    def people(self) -> tuple[int, ...]:
        """The training people, ascending."""
        return tuple(sorted({s.subject for s in self.series}))


def task_of(card: Card, series: Sequence[Series], held_out: int) -> Task:
    """The last ``held_out`` classes of the card are never shown; nor is anyone outside "train"."""
    n = len(card.classes) - held_out
    people = card.splits["train"]
    own = tuple(s for s in series if s.subject in people and s.cls < n)
    return Task(card, own, tuple(range(n)), tuple(range(n, len(card.classes))))


def folds_of(people: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """Neighbouring people together, each in one fold.

    >>> folds_of([1, 2, 3, 4, 5, 6], 3)
    [(1, 2), (3, 4), (5, 6)]
    """
    return [tuple(int(p) for p in part) for part in np.array_split(np.array(people), n)]


def real(series: Series, card: Card) -> NDArray[np.float32]:
    """The recording in the card's units."""
    scales = np.array([c.scale for c in card.channels], np.float32)
    return series.block.astype(np.float32) * scales


def input_scale(series: Sequence[Series], card: Card) -> NDArray[np.float32]:
    """Real value of one int8 step per channel, from the recordings' ``RANGE`` quantile."""
    sizes = np.abs(np.concatenate([real(s, card) for s in series]))
    return (np.quantile(sizes, RANGE, axis=0) / 127).astype(np.float32)


def windows(block: NDArray[Any], window: int, hop: int) -> NDArray[Any]:
    """All whole windows of ``block`` (n, channels) -> (windows, window, channels)."""
    starts = range(0, len(block) - window + 1, hop)
    return np.stack([block[a : a + window] for a in starts])


def scaling_of(card: Card, scale: NDArray[np.float32]) -> Scaling:
    """What the host will compute from the image's and the card's channels."""
    return input_scaling(
        [(c.name, c.unit, c.scale) for c in card.channels],
        [(c.name, c.unit, float(s)) for c, s in zip(card.channels, scale, strict=True)],
    )


def mirror_of(card: Card) -> NDArray[np.float32] | None:
    """The card's mirror signs, if it has any."""
    signs = card.about.get("mirror")
    return None if signs is None else np.array(signs, np.float32)


@dataclass(frozen=True, eq=False)
class Integer:
    """The integer extractor and head of a fitted net."""

    layers: tuple[Layer, ...]
    base: NDArray[np.int32]
    scaling: Scaling

    def features(self, raw: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Raw windows (n, window, channels) -> (n, features)."""
        return features(self.layers, scale_raw(raw, self.scaling))

    def classes(self, x: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The likeliest row for each feature vector."""
        base = self.base.astype(np.int64)
        logits = x.astype(np.int64) @ base[:, :-1].T + 128 * base[:, -1]
        return logits.argmax(1)


def to_integer(
    net: Net, series: Sequence[Series], card: Card, scale: NDArray[np.float32], recipe: Recipe
) -> Integer:
    """Quantise a net, its activation scales fixed on ``series``."""
    raw = np.concatenate([windows(s.block, recipe.window, recipe.hop) for s in series])
    return to_integer_on(net, raw, scaling_of(card, scale))


def to_integer_on(net: Net, raw: NDArray[np.int16], scaling: Scaling) -> Integer:
    """Quantise a net, its activation scales fixed on the counts ``raw`` (n, window, channels)."""
    plain = [
        (w.detach().numpy().astype(np.float64).transpose(0, 2, 1), b.detach().numpy().astype(np.float64))
        for w, b in net.plain()
    ]
    layers, step = quantise(plain, net.strides, scale_raw(raw, scaling), 1 / INPUT_UNIT)
    weights = net.head.weight.detach().numpy().astype(np.float64) * step
    bias = net.head.bias.detach().numpy().astype(np.float64) / 128
    base = np.concatenate([weights, bias[:, None]], 1) * 2**FORMAT
    return Integer(layers, np.rint(base).astype(np.int32), scaling)


def accuracy_float(
    net: Net, series: Sequence[Series], card: Card, scale: NDArray[np.float32], recipe: Recipe
) -> float:
    """Share of the windows of ``series`` that the float net gets right."""
    right = total = 0
    for one in series:
        x = to_units(windows(real(one, card), recipe.window, recipe.hop), scale)
        with torch.no_grad():
            guess = net(torch.from_numpy(x)).argmax(1).numpy()
        right, total = right + int((guess == one.cls).sum()), total + len(guess)
    return right / total


def accuracy_int(made: Integer, series: Sequence[Series], recipe: Recipe) -> float:
    """Share of the windows of ``series`` that the integer net gets right."""
    right = total = 0
    for one in series:
        guess = made.classes(made.features(windows(one.block, recipe.window, recipe.hop)))
        right, total = right + int((guess == one.cls).sum()), total + len(guess)
    return right / total


@dataclass(frozen=True)
class Folds:
    """What fitting without some of the training people shows about those people."""

    stop: int
    float_accuracy: float
    int8_accuracy: float


def cross_validate(task: Task, recipe: Recipe, seed: int, n: int, say: Say) -> Folds:
    """Choose where to stop, and measure float and int8 there, on held-out training people."""
    card, curves, ints = task.card, [], []
    for people in folds_of(task.people, n):
        train = [s for s in task.series if s.subject not in people]
        held = [s for s in task.series if s.subject in people]
        scale = input_scale(train, card)
        curve: dict[int, tuple[float, float]] = {}

        def note(
            step: int, net: Net, curve: dict[int, tuple[float, float]] = curve,
            train: list[Series] = train, held: list[Series] = held,
            scale: NDArray[np.float32] = scale,
        ) -> None:  # fmt: skip
            made = to_integer(net, train, card, scale, recipe)
            curve[step] = (
                accuracy_float(net, held, card, scale, recipe),
                accuracy_int(made, held, recipe),
            )

        _fit(train, task, scale, recipe, seed, None, note)
        steps = sorted(curve)
        curves.append([curve[s][0] for s in steps])
        ints.append([curve[s][1] for s in steps])
        last = steps[-1]
        say(f"without people {people}: {curve[last][0]:.1%} float, {curve[last][1]:.1%} int8")
    mean, mean_int = np.mean(curves, 0), np.mean(ints, 0)
    # The mean of three neighbours, so that one lucky point does not decide.
    smooth = np.convolve(np.pad(mean, 1, "edge"), np.ones(3) / 3, "valid")
    best = int(smooth.argmax())
    return Folds(steps[best], float(mean[best]), float(mean_int[best]))


def _fit(
    series: Sequence[Series], task: Task, scale: NDArray[np.float32], recipe: Recipe, seed: int,
    stop: int | None, progress: Callable[[int, Net], None],
) -> Net:  # fmt: skip
    blocks = [real(s, task.card) for s in series]
    targets = np.array([s.cls for s in series], np.int64)
    return fit(blocks, targets, scale, recipe, seed, mirror_of(task.card), stop, progress)


def stored_vectors(
    made: Integer, task: Task, recipe: Recipe, each: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """``each`` feature vectors per trained class, going round its recordings, and owners."""
    stored, owners = [], []
    for cls in task.trained:
        own = sorted((s for s in task.series if s.cls == cls), key=lambda s: (s.subject, s.side))
        for k in range(each):
            raw = windows(own[k % len(own)].block, recipe.window, recipe.hop)
            stored.append(made.features(raw[[rng.integers(len(raw))]])[0])
            owners.append(cls)
    return np.array(stored, np.uint8), np.array(owners, np.uint8)


def make_image(
    task: Task, recipe: Recipe, seed: int, n_folds: int, each: int, say: Say, command: str = ""
) -> Image:
    """Cross-validate, fit on all training people, quantise, and put together the image."""
    card = task.card
    folds = cross_validate(task, recipe, seed, n_folds, say)
    say(f"held-out people: {folds.float_accuracy:.1%} float, {folds.int8_accuracy:.1%} int8; "
        f"stopping at step {folds.stop} of {recipe.steps}")  # fmt: skip
    scale = input_scale(task.series, card)
    net = _fit(task.series, task, scale, recipe, seed, folds.stop, lambda step, net: None)
    made = to_integer(net, task.series, card, scale, recipe)
    stored, owners = stored_vectors(made, task, recipe, each, np.random.default_rng(seed))
    say(f"people trained on: {accuracy_int(made, task.series, recipe):.1%} int8")
    image = Image(
        channels=tuple(
            Channel(c.name, c.unit, float(s)) for c, s in zip(card.channels, scale, strict=True)
        ),
        rate_hz=card.rate_hz, window=recipe.window, hop=recipe.hop, layers=made.layers,
        parents=np.array([ROOT], np.uint8), formats=np.array([FORMAT], np.uint8),
        row_class=np.array(task.trained, np.uint8), row_head=np.zeros(len(task.trained), np.uint8),
        base=made.base, stored=stored, owners=owners,
        names={c: card.classes[c] for c in task.trained},
        epochs=4, rate_shift=11, imprint=16, seed=seed,
        card={
            "dataset": card.name,
            "trained_on": list(task.people),
            "held_out_classes": [card.classes[c] for c in task.held_out],
            "held_out_people": {
                "folds": [list(p) for p in folds_of(task.people, n_folds)],
                "float_accuracy": round(folds.float_accuracy, 4),
                "int8_accuracy": round(folds.int8_accuracy, 4),
            },
            "licence": card.licence,
            "origin": card.origin,
            "seed": seed,
            "steps": folds.stop,
            "torch": torch.__version__,
            "command": command,
        },
    )  # fmt: skip
    image.check()
    return image
