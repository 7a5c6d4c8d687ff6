"""Fixed-point formats: conversion between real scales and integer multipliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from odl.core.config import ConfigError

# Kind of quantity and factor to its base unit; source and model may use any two units of one kind.
UNITS = {
    "g": ("acceleration", 9.80665),
    "m/s2": ("acceleration", 1.0),
    "m/s^2": ("acceleration", 1.0),
    "mg": ("acceleration", 9.80665e-3),
    "rad/s": ("turn rate", 1.0),
    "deg/s": ("turn rate", math.pi / 180),
    "dps": ("turn rate", math.pi / 180),
    "mdps": ("turn rate", math.pi / 180e3),
}


class Scaling(NamedTuple):
    """Raw counts to int8 per channel: ``round(raw * mult / 2**shift) + offset``."""

    mult: tuple[int, ...]
    shift: tuple[int, ...]
    offset: tuple[int, ...]


def multiplier(ratio: float) -> tuple[int, int]:
    """``(mult, shift)`` with ``ratio ~ mult / 2**shift`` and mult in [2**14, 2**15).

    A 15-bit multiplier keeps ``int16 * mult`` inside int32, and its error, below 2**-15,
    is far under the step of an int8 input.

    Parameters
    ----------
    ratio : float
        Positive, from 2**-46 up to 2**14.

    Raises
    ------
    ConfigError
        If no shift from 0 to 60 fits.

    Examples
    --------
    >>> multiplier(1 / 128)
    (16384, 21)
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise ConfigError(f"a scale ratio must be positive and finite, not {ratio}")
    fraction, exponent = math.frexp(ratio)
    mult, shift = round(fraction * 2**15), 15 - exponent
    if mult == 2**15:
        mult, shift = 2**14, shift - 1
    if not 0 <= shift <= 60:
        raise ConfigError(f"a scale ratio of {ratio:g} is outside 2**-46 to 2**14")
    return mult, shift


def unit_ratio(name: str, unit: str, model_unit: str) -> float:
    """How many of ``model_unit`` one ``unit`` of the channel ``name`` is.

    Raises
    ------
    ConfigError
        If the units are of different kinds.

    >>> unit_ratio("ax", "mg", "g")
    0.001
    """
    size, model_size = _sizes(name, unit, model_unit)
    return size / model_size


def _sizes(name: str, unit: str, model_unit: str) -> tuple[float, float]:
    kind, size = UNITS.get(unit, (unit, 1.0))
    model_kind, model_size = UNITS.get(model_unit, (model_unit, 1.0))
    if kind != model_kind:
        raise ConfigError(f"channel {name} is in {unit}, but the model wants {model_unit}")
    return size, model_size


def input_scaling(
    source: Sequence[tuple[str, str, float]],
    model: Sequence[tuple[str, str, float]],
    zeros: Sequence[int] = (),
) -> Scaling:
    """Integer scaling from a source's counts to a model's int8 input.

    Parameters
    ----------
    source, model : sequence of (name, unit, scale)
        A real value is a count times ``scale``, in ``unit``; one entry per channel, in
        the order in which the samples hold them.
    zeros : sequence of int, optional
        The model's inputs that stand for a real 0; default: 0.

    Raises
    ------
    ConfigError
        If names, their order, or kinds of unit differ; the message shows both sides.

    Examples
    --------
    >>> input_scaling([("ax", "g", 1 / 4096)], [("ax", "g", 1 / 32)])
    Scaling(mult=(16384,), shift=(21,), offset=(0,))
    """
    have, want = [c[0] for c in source], [c[0] for c in model]
    if have != want:
        raise ConfigError(f"the source has channels {have}, but the model wants {want}")
    mults, shifts = [], []
    for (name, unit, scale), (_, model_unit, model_scale) in zip(source, model, strict=True):
        size, model_size = _sizes(name, unit, model_unit)
        mult, shift = multiplier(scale * size / (model_scale * model_size))
        mults.append(mult)
        shifts.append(shift)
    return Scaling(tuple(mults), tuple(shifts), tuple(zeros) or (0,) * len(mults))
