"""What is timed: the bundled recordings of people whom the shipped model has never seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.network import same_network
from odl import data
from odl.core.config import Config
from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import Image
from odl.data import Part
from odl.data.streams import load_model
from odl.evaluate.options import Options

DATASET = "shoulder"
QUESTIONS = 20


@dataclass(frozen=True)
class Material:
    """The model with the multipliers of a .tflite file, and people's recordings."""

    image: Image
    subjects: tuple[int, ...]
    people: tuple[tuple[Part, ...], ...]

    @classmethod
    def load(cls, subjects: tuple[int, ...] = (7, 8, 9, 10), parts: int | None = None) -> Material:
        """The people's recordings, or the first ``parts`` of each."""
        people = tuple(tuple(data.load_session(DATASET, subject))[:parts] for subject in subjects)
        return cls(same_network(load_model(DATASET)), subjects, people)

    @cached_property
    def scaling(self) -> Scaling:
        """From counts to the model's input."""
        sides = data.load_card(DATASET).channels, self.image.channels
        known, wanted = ([(c.name, c.unit, c.scale) for c in side] for side in sides)
        return input_scaling(known, wanted)

    @cached_property
    def samples(self) -> NDArray[np.int16]:
        """All recordings end to end, as one uninterrupted stream (n, channels)."""
        return np.concatenate([part.block for person in self.people for part in person])

    def scaled(self, block: NDArray[np.int16]) -> NDArray[np.int8]:
        """The model's input, as `docs/arithmetic.md` has it."""
        mult, shift, offset = (np.array(x, np.int64) for x in self.scaling)
        inputs = ((block.astype(np.int64) * mult + ((np.int64(1) << shift) >> 1)) >> shift) + offset
        return np.clip(inputs, -128, 127).astype(np.int8)

    def windows(self, hop: int) -> NDArray[np.int8]:
        """Every window of `samples`, scaled: (n, window, channels)."""
        inputs = self.scaled(self.samples)
        starts = np.arange(0, len(inputs) - self.image.window + 1, hop)
        return inputs[starts[:, None] + np.arange(self.image.window)]

    def at_hop(self, hop: int) -> Image:
        """The model at another hop."""
        return replace(self.image, hop=hop)

    def config(self, windows: int, questions: int = QUESTIONS) -> Config:
        """Settings that ask ``questions`` questions, all of them, in a session of so many windows."""
        options = Options(policy="tactile-inforv", budget=questions)  # the default leaves what is not needed
        return options.config(self.image.rate_hz, windows, 1, self.scaling)
