"""What a model will take on a board, before there is one: sizes are exact, instructions an estimate.

The factors were fitted to counted instructions of extractors of ``odl train`` on a Cortex-M4
(`odl footprint`, Zig 0.17), plain and depthwise separable; learning and the line are left out. The
estimates were low by 1 to 6 %; other networks can differ by a third.
"""

from __future__ import annotations

from typing import Final

from firmware_sim import DEFAULT_BOARD
from firmware_sim.board_spec import spec_of
from firmware_sim.capacity import OTHER_RAM, ram_of
from odl.core.image import Image
from odl.core.image_layout import Op
from odl.core.layer import MULTIPLYING
from odl.core.layer_spans import spans

# Instructions for each multiply-accumulate, for each output, for each input that moves on.
_FACTORS: Final = {Op.DEPTHWISE: (8.0, 40.0)}
_USUAL: Final = (1.65, 30.0)
_OTHER: Final = (8.0, 15.0)
_MOVED: Final = 5.0
_POOLED: Final = 4.6  # for each output of the last layer in a window
_EVERY_WINDOW: Final = 16_000  # heads, policy and log
_EVERY_SAMPLE: Final = 250  # scaling, and what calls all this


def instructions_of(image: Image) -> int:
    """Instructions of one hop on a Cortex-M4, an estimate: extractor, heads and policy, no learning.

    >>> from odl.data.streams import load_model
    >>> round(instructions_of(load_model("shoulder")), -4)
    380000
    """
    total = float(_EVERY_WINDOW + _EVERY_SAMPLE * image.hop)
    for layer, span in zip(image.layers, spans(image.layers, image.window), strict=True):
        often = span.length if image.windowed else image.hop / span.stride
        per_mac, per_output = _FACTORS.get(layer.op, _USUAL if layer.op in MULTIPLYING else _OTHER)
        work = layer.macs if layer.op in MULTIPLYING else layer.taps
        total += often * (per_mac * work + per_output * layer.outputs + _MOVED * layer.taps)
    if image.positions > 1:
        total += _POOLED * image.positions * image.layers[-1].outputs
    return round(total)


def forecast(image: Image) -> str:
    """Flash, RAM and instructions of ``image`` in a sentence.

    >>> from odl.data.streams import load_model
    >>> forecast(load_model("shoulder")).split(" of flash")[0]
    'on a board: 27,815 bytes'
    """
    count = instructions_of(image)
    clock = spec_of(DEFAULT_BOARD).power.clock_hz
    share = 100 * count / clock / (image.hop / image.rate_hz)
    return (
        f"on a board: {len(image.to_bytes()):,} bytes of flash beside the code, about "
        f"{ram_of(image) + OTHER_RAM:,} bytes of RAM, {image.macs:,} multiply-accumulates a window; about "
        f"{count:,} instructions a hop on a Cortex-M4, {1e3 * count / clock:.1f} ms at "
        f"{clock / 1e6:.0f} MHz, {share:.1f} % of the time"
    )
