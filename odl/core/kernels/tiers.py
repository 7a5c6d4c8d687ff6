"""The instruction sets that convolutions are written for, and which of them is used.

A `Tier` is one row: how many accumulators a vector holds, how many neighbouring inputs one instruction
multiplies and adds, and which instruction that is. `odl.core.kernels.tile` makes machine code of a row,
`odl.core.kernels.packing` lays the weights out for it. ``plain`` is the kernel `conv` in loops and runs
on any processor, and without a compiler.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

import numba
from llvmlite import binding

from odl.core.errors import OdlError


class Tier(NamedTuple):
    """One instruction set.

    Attributes
    ----------
    name : str
        What ``ODL_TIER`` calls it.
    needs : tuple of str
        Sets of processor features in LLVM's names; one whole set is enough.
    lanes : int
        int32 accumulators in a vector; 0: no vectors.
    group : int
        Neighbouring inputs that one instruction multiplies and adds into one accumulator.
    size : int
        Bytes of a stored input: 1, uint8 (a signed one is stored plus 128), or 2, int16.
    dot : str
        LLVM's name of the instruction.
    tiles : tuple of (int, int)
        Positions and vectors whose accumulators stay in registers together, the widest tile first.
    order : tuple of int
        In which order requantising puts four neighbouring lanes, whose products are made two and two: the one
        that the processor has a fast instruction for.
    """

    name: str
    needs: tuple[str, ...]
    lanes: int = 0
    group: int = 1
    size: int = 2
    dot: str = ""
    tiles: tuple[tuple[int, int], ...] = ()
    order: tuple[int, ...] = (0, 1, 2, 3)


PLAIN = Tier("plain", ("",))
# The best first. A tile's positions times its vectors is a multiple of four.
TIERS = (
    Tier(
        "avx512vnni", ("avx512f avx512bw avx512vnni",), 16, 4, 1,
        "x86.avx512.vpdpbusd.512", ((4, 4), (8, 2), (16, 1)), (0, 2, 1, 3),
    ),
    Tier(
        "avxvnni", ("avx2 avxvnni", "avx2 avx512vl avx512vnni"), 8, 4, 1,
        "x86.avx512.vpdpbusd.256", ((6, 2),),
    ),
    Tier("avx2", ("avx2",), 8, 2, 2, "x86.avx2.pmadd.wd", ((6, 2),)),
    Tier("neon", ("neon i8mm",), 4, 4, 1, "aarch64.neon.usdot.v4i32.v16i8", ((4, 4),)),
    PLAIN,
)  # fmt: skip
V3 = "avx2"
V4 = "avx2 avx512f avx512bw avx512vl"
# Features of processors that NUMBA_CPU_NAME may name, of those that a tier needs.
NAMED = {
    **dict.fromkeys(["x86-64-v3", "haswell", "broadwell", "skylake", "znver1", "znver2", "znver3"], V3),
    **dict.fromkeys(["x86-64-v4", "skylake-avx512"], V4),
    **dict.fromkeys(
        ["cascadelake", "icelake-client", "icelake-server", "sapphirerapids", "znver4", "znver5"],
        V4 + " avx512vnni",
    ),
    **dict.fromkeys(["alderlake", "raptorlake", "meteorlake"], V3 + " avxvnni"),
}


class TierError(OdlError, ValueError):
    """``ODL_TIER`` names an instruction set that is unknown or that this machine lacks."""


@cache
def _own_features() -> frozenset[str]:
    return frozenset(feature for feature, has in binding.get_host_cpu_features().items() if has)


def processor_features() -> frozenset[str]:
    """What compiled code may use: this processor's features, or what Numba's variables say.

    ``NUMBA_CPU_NAME`` without ``NUMBA_CPU_FEATURES`` stands for the features of that processor.
    """
    name, listed = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    if name in (None, "host") or name == binding.get_host_cpu_name():
        features = set(_own_features())
        if listed is not None and name in (None, "host"):
            features = set()
    else:
        features = set(NAMED.get(name, "").split())
    for word in (listed or "").split(","):
        if word.startswith("+"):
            features.add(word[1:])
        else:
            features.discard(word[1:])
    return frozenset(features)


def runnable(features: frozenset[str]) -> tuple[Tier, ...]:
    """The tiers that a processor with these features can run, the best first."""
    return tuple(t for t in TIERS if any(features.issuperset(need.split()) for need in t.needs))


def chosen(wanted: str, features: frozenset[str]) -> Tier:
    """The tier called ``wanted``, or the best one if that is empty.

    Raises
    ------
    TierError
        If there is no such tier, or the processor lacks it; the message names those that run.

    Examples
    --------
    >>> chosen("", frozenset({"avx2"})).name, chosen("plain", frozenset({"avx2"})).name
    ('avx2', 'plain')
    """
    able = runnable(features)
    for tier in able:
        if wanted in ("", tier.name):
            return tier
    known = wanted in (tier.name for tier in TIERS)
    raise TierError(
        f"ODL_TIER={wanted}: {'this machine cannot run it' if known else 'there is no such tier'}; "
        f"it can run {', '.join(tier.name for tier in able)}"
    )


def compiled_tier() -> Tier:
    """`tier`, for modules to read as they are imported: plain if ``ODL_TIER`` cannot be used.

    A session then raises the error, where somebody sees it.
    """
    try:
        return tier()
    except TierError:
        return PLAIN


def described() -> str:
    """The tier in use and the others that this machine can run, for people.

    Raises
    ------
    TierError
        As `chosen`.
    """
    used = tier()
    others = [one.name for one in runnable(processor_features()) if one is not used]
    return f"{used.name}; ODL_TIER can also be {', '.join(others)}" if others else used.name


def tier() -> Tier:
    """The tier that this process uses: ``ODL_TIER``, or the best that the processor has."""
    if numba.config.DISABLE_JIT:
        return PLAIN
    return chosen(os.environ.get("ODL_TIER", ""), processor_features())
