"""Scripts of a session: a stream with gaps, answers good and bad, teaching, undo, growth.

A script is plain values, drawn before anything runs; `play` makes events of it, because an
answer needs a window that was really asked about. The same script can be played whole or cut.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.events import (
    AddClass,
    ChangeClass,
    Gap,
    Input,
    Label,
    Output,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
)
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from tests.helpers import reference
from tests.helpers.images import layers_of, random_image

IMAGE = random_image(3, tree=True)
CHANNELS = len(IMAGE.channels)
ASKING = POLICIES[1:]
# Where nothing is worth asking, novel-segments leaves the rest of its budget; the others spend all.
SPENDING = tuple(policy for policy in ASKING if policy != "novel-segments")
SCALING: dict[str, Any] = {"mult": (16384,) * CHANNELS, "shift": (21,) * CHANNELS, "offset": (0,) * CHANNELS}


class Stepper(Protocol):
    """What can be played: a session, or a reference of one."""

    @property
    def position(self) -> int: ...

    def step(self, event: Input) -> Sequence[Output]: ...


class Script(NamedTuple):
    """What happens, in order.

    ``("samples", n)``, ``("gap", lost)``, ``("undo",)``, ``("class", cls, head)``,
    ``("split", leaf, head)``, ``("change", cls, into)``, ``("teach", cls)`` and ``("label", which, cls)``,
    the answer to the question asked so many ago (0: the last), or about window 1 where that is none.
    """

    seed: int
    acts: list[tuple[Any, ...]]


def samples(seed: int, n: int) -> NDArray[np.int16]:
    """A person's stream: stretches that differ, some of it beyond the model's range."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(20, 120, n // 20 + 1)
    kinds = rng.integers(0, 5, len(lengths))
    levels, noise = rng.normal(0, 9000, (5, CHANNELS)), rng.choice([0, 500, 4000, 12000], (5, 1))
    kind = np.repeat(kinds, lengths)[:n]
    values = levels[kind] + noise[kind] * rng.normal(size=(n, CHANNELS))
    return np.clip(values, -32768, 32767).astype(np.int16)


def varied(image: Image) -> Image:
    """The image with heads that say now this and now that of such streams: their logits are 0 in between."""
    layers = layers_of(image)
    scaling = list(zip(SCALING["mult"], SCALING["shift"], SCALING["offset"], strict=True))
    found = []
    for seed in range(9):
        window = [reference.scale_sample(row, scaling)[0] for row in samples(seed, image.window).tolist()]
        found.append(reference.extract(layers, window))
    base = image.base.copy()
    base[:, -1] = -np.rint(base[:, :-1] @ np.mean(found, axis=0) / 128)
    return replace(image, base=base)


VARIED = varied(IMAGE)
# As many samples a second leave time for few of a refit's items at each hop.
BUSY = replace(VARIED, rate_hz=800.0)


def inputs(
    script: Script, stepper: Stepper, cuts: int | None = None
) -> Iterator[tuple[Input, Sequence[Output]]]:
    """Each input and what came of it; with ``cuts`` the samples are cut by that seed."""
    raw = samples(script.seed, sum(act[1] for act in script.acts if act[0] == "samples"))
    rng = np.random.default_rng(cuts)
    taken, asked = 0, list[int]()
    event: Input
    for kind, *values in script.acts:
        at = stepper.position
        if kind == "samples":
            left = values[0]
            while left:
                size = left if cuts is None else min(left, int(rng.choice([1, 2, 7, 8, 40, 100])))
                event = Samples(stepper.position, raw[taken : taken + size])
                outputs = stepper.step(event)
                asked += [output.window for output in outputs if isinstance(output, Query)]
                yield event, outputs
                taken, left = taken + size, left - size
            continue
        if kind == "gap":
            event = Gap(at, values[0], "a test")
        elif kind == "label":
            which, cls = values
            event = Label(at, asked[-1 - which] if which < len(asked) else 1, cls)
        elif kind == "teach":
            event = Teach(at, *values)
        elif kind == "undo":
            event = Undo(at)
        elif kind == "class":
            event = AddClass(at, values[0], f"class {values[0]}", values[1])
        elif kind == "change":
            event = ChangeClass(at, values[0], values[1], f"class {values[0]}")
        else:
            event = Split(at, *values)
        yield event, stepper.step(event)


def play(script: Script, stepper: Stepper, cuts: int | None = None) -> list[Output]:
    """The trace."""
    return [output for _, outputs in inputs(script, stepper, cuts) for output in outputs]


@st.composite
def budgets(draw: Any) -> dict[str, Any]:
    """A budget of each form, small enough to be spent."""
    form = draw(st.sampled_from(["session", "samples", "windows"]))
    if form == "session":
        return {"allowed": draw(st.integers(1, 25)), "horizon": draw(st.integers(1, 60))}
    return {
        "allowed": draw(st.integers(1, 5)),
        "period": draw(st.integers(1, 200 if form == "samples" else 20)),
        "in_samples": form == "samples",
    }


@st.composite
def configs(draw: Any, policies: tuple[str, ...] = POLICIES) -> Config:
    """Any policy, a budget of any form, questions that live long or not."""
    return Config(
        policy=draw(st.sampled_from(policies)),
        batch=draw(st.sampled_from([1, 2, 3, IMAGE.max_pending])),
        patience=draw(st.sampled_from([100_000, 100_000, 400, 80, 20, 1])),
        step=draw(st.integers(1, 8)),
        hold=draw(st.booleans()),
        change=draw(st.sampled_from([0, 400, 800, 1200, 1400, 32768])),
        every=draw(st.sampled_from([0, 0, 0, 1, 30, 100])),
        floor=draw(st.sampled_from([0, 0, 0, 300, 2000, 65535])),
        seed=draw(st.integers(1, 2**64 - 1)),
        **draw(budgets()),
        **SCALING,
    )


def act(chance: random.Random, new: list[int]) -> tuple[Any, ...]:
    """Any one thing that can happen; ``new`` are the classes that were added."""
    kind = chance.choices(
        ["samples", "label", "teach", "undo", "gap", "class", "split", "change"], [40, 32, 8, 6, 3, 7, 5, 5]
    )[0]
    cls = chance.choice([0, 1, 2, 3, 4, 5, 6, 7, 9])
    if kind in ("label", "teach") and new and chance.random() < 0.6:
        cls = chance.choice(new)
    if kind == "samples":
        return kind, chance.choice([1, 5, 8, 8, 16, 24, 40])
    if kind == "label":
        return kind, chance.choice([0, 0, 0, 0, 1, 1, 2, 3, 5, 99]), chance.choice([cls] * 12 + [None, 200])
    if kind == "teach":
        return kind, cls
    if kind == "gap":
        return kind, chance.choice([0, 1, 50])
    if kind == "change":
        return kind, cls, chance.choice([cls, None, None, 0, 1, 2, 3, *new])
    if kind == "class":
        new.append(cls)
        return kind, cls, chance.choice([0, 0, 0, 1, 2, 2, 2, 7])
    return (kind, cls, chance.choice([1, 2, 2, 3, 4])) if kind == "split" else (kind,)


# Drawn from a seed: Hypothesis alone seldom brings a question and its answer together. A
# failure shrinks to the shortest script of its seed.
@st.composite
def scripts(draw: Any, most: int = 90) -> Script:
    """Anything may follow anything."""
    seed, n = draw(st.integers(0, 2**32)), draw(st.integers(most // 6, most))
    chance, new = random.Random(seed), list[int]()
    acts = [act(chance, new) for _ in range(n)]
    return Script(seed, [("samples", chance.choice([40, 200])), *acts, ("samples", 50)])


def config(policy: str = "random", **changes: Any) -> Config:
    """An everyday configuration."""
    values: dict[str, Any] = (
        {"policy": policy, "allowed": 6, "horizon": 60, "batch": 2, "patience": 400} | SCALING | changes
    )
    return Config(**values)
