"""The most multiply-accumulates a second that one core can do with a tier's instruction.

A loop of independent instructions on registers, no memory: what convolutions are measured against.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir

from odl.core.kernels.tiers import Tier
from odl.core.kernels.tile import I64, multiplied, store, vector

CHAINS = 12  # more than a core's latency times what it can begin at once, and they fit into registers


def module_of(tier: Tier) -> ir.Module:
    """``peak(rounds, bytes)``: each round `CHAINS` instructions of ``tier``; operands come from memory."""
    module = ir.Module("peak")
    module.triple = llvm.get_process_triple()
    of = ir.FunctionType(ir.VoidType(), [I64, ir.IntType(8).as_pointer()])
    function = ir.Function(module, of, "peak")
    rounds, data = function.args
    entry, body, end = (function.append_basic_block(name) for name in ("entry", "body", "end"))
    b: Any = ir.IRBuilder(entry)
    whole = vector(ir.IntType(32), tier.lanes)
    size = 4 * tier.lanes
    operands = []
    for i in range(2):
        read = b.load(b.bitcast(b.gep(data, [I64(i * size)]), whole.as_pointer()))
        read.align = 1
        operands.append(read)
    b.branch(body)
    b.position_at_end(body)
    n = b.phi(I64)
    sums = [b.phi(whole) for _ in range(CHAINS)]
    n.add_incoming(I64(0), entry)
    inputs, weights = operands
    register = "w" if tier.name == "neon" else "x"
    hidden = ir.InlineAsm(ir.FunctionType(whole, [whole]), "", f"={register},0", side_effect=True)
    after = []
    for each in sums:
        weights = b.call(hidden, [weights])  # LLVM cannot know that nothing changed, and computes anew
        after.append(multiplied(b, tier, each, inputs, weights))
    for i, (each, new) in enumerate(zip(sums, after, strict=True)):
        each.add_incoming(ir.Constant(whole, [i + 1] * tier.lanes), entry)
        each.add_incoming(new, body)
    following = b.add(n, I64(1))
    n.add_incoming(following, body)
    b.cbranch(b.icmp_unsigned("<", following, rounds), body, end)
    b.position_at_end(end)
    for i, new in enumerate(after):
        store(b, new, b.gep(data, [I64((2 + i) * size)]))
    b.ret_void()
    return module


def peak(tier: Tier, rounds: int = 2_000_000, runs: int = 5) -> float:
    """Multiply-accumulates a second, of the best of several runs.

    Raises
    ------
    ValueError
        For a tier without vectors.
    """
    if not tier.lanes:
        raise ValueError(f"the tier {tier.name} has no vector instruction")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(str(module_of(tier)))
    # What the kernels are compiled for, so that LLVM makes the same instructions of it. For a processor with
    # VNNI it would make one of AVX2's two, multiply and add.
    features = numba.config.CPU_FEATURES
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=numba.config.CPU_NAME or llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten() if features is None else features, opt=3, jit=True,
    )  # fmt: skip
    with llvm.create_mcjit_compiler(module, machine) as engine:
        engine.finalize_object()
        run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(engine.get_function_address("peak"))
        data = (ctypes.c_uint8 * (4 * tier.lanes * (2 + CHAINS)))(*range(1, 100))
        run(rounds // 10, data)
        seconds = []
        for _ in range(runs):
            start = time.process_time()
            run(rounds, data)
            seconds.append(time.process_time() - start)
    return rounds * CHAINS * tier.lanes * tier.group / min(seconds)
