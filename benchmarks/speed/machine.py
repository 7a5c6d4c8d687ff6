"""The processor that figures are measured on, and how to have less of it used."""

from __future__ import annotations

import os
from pathlib import Path

import llvmlite.binding as llvm

WIDER = ("avx512", "avxvnni", "avx10", "amx", "evex512", "gfni", "vaes", "vpclmulqdq")  # than AVX2


def cpu_name() -> str:
    """The processor's own name, with the numbers that tell versions of it apart."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return str(llvm.get_host_cpu_name())
    about: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        about.setdefault(key.strip(), value.strip())
    name, family, model = (about.get(key, "?") for key in ("model name", "cpu family", "model"))
    return f"{name} (family {family}, model {model}; LLVM: {llvm.get_host_cpu_name()})"


def has(feature: str) -> bool:
    """Whether the processor has what LLVM calls ``feature``."""
    return bool(llvm.get_host_cpu_features().get(feature, False))


def avx2_only() -> dict[str, str]:
    """The environment of a process whose kernels use nothing beyond AVX2.

    LLVM is told that the processor is a Haswell, and which features it has.
    """
    features = llvm.get_host_cpu_features()
    for name in features:
        if name.startswith(WIDER):
            features[name] = False
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features.flatten(), "ODL_TIER": "avx2"}
    return {**os.environ, **narrow}
