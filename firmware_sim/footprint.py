"""Memory and instruction counts of the firmware.

The firmware that a user flashes is built and run on the emulated board. Bytes and instructions are
counted and equal in every run. Time and energy depend on more than instructions, so they are
estimates and named so.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim import DEFAULT_BOARD, build, toolchain
from firmware_sim.bench import Bench, by_part
from firmware_sim.board_spec import FIRMWARE, FREE, MARKS, SLOTS, BoardSpec, spec_of
from firmware_sim.energy import PowerSheet, energy, energy_text
from odl.core.config import Config
from odl.core.events import Input, Samples
from odl.core.image import Image
from odl.core.pace import Pace
from odl.core.state import state_dtype_of

CYCLES: Final = (1.0, 2.0)  # per instruction: assumed, and pessimistic
QUESTIONS: Final = 20
HOPS: Final = (64, 16)  # for comparing streaming with windows
LIMITS: Final = {  # the project's own upper bounds, which its tests hold the shipped models to
    "ram_bytes": 40 * 1024,
    "code_bytes": 32 * 1024,
    "instructions_per_mac": 2.3,
    "longest_hop": 0.9,
}
Progress = Callable[[str], None]
Played = tuple[Config, list[Input], str]  # settings, inputs, and their description


def estimate_of(power: PowerSheet) -> str:
    """What the estimates of time and energy assume, in a sentence."""
    return (
        f"Estimates, not measurements: one cycle an instruction at {power.clock_hz / 1e6:g} MHz "
        f"({CYCLES[1]:g} for a pessimist: flash wait states, branches, loads); "
        f"{power.run * 1e12:g} uA/MHz (typical, the data "
        f"sheet's) at {power.volt:g} V while instructions run; sleep and sensor not counted."
    )


def milliseconds(instructions: float, power: PowerSheet) -> float:
    """Estimated duration of ``instructions`` on the real board."""
    return instructions * CYCLES[0] * 1e3 / power.clock_hz


def microjoules(instructions: float, power: PowerSheet) -> float:
    """Estimated energy of ``instructions`` on the real board."""
    return instructions * CYCLES[0] * power.run * power.volt * 1e6


def footprint(
    image: Image,
    session: Played | None = None,
    *,
    compiler: str | None = None,
    board: str = DEFAULT_BOARD,
    battery_mah: float | None = None,
    sleep_ua: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build the firmware for ``image``, run it on the emulated board, and count.

    Parameters
    ----------
    image : Image
        The model.
    session : (Config, list of Input, str), optional
        The session to run, and a short description. Default: seeded noise.
    compiler : "zig" or "gcc", optional
        See `firmware_sim.toolchain.compiler`.
    board : str
        A key of `firmware_sim.BOARDS`.
    battery_mah, sleep_ua : float, optional
        See `firmware_sim.energy.energy`.
    progress : callable, optional
        Called with a short sentence about each step.

    Returns
    -------
    dict
        Plain values for JSON. Bytes:

        - ``ram_bytes``: all RAM, stack included; ``ram_map``: its uses
        - ``flash_bytes``: all used sectors, whole; ``sector_map``: their uses
        - ``code_bytes``, ``image_bytes``: code and constants; the model image
        - ``stack_bytes``: largest use of the stack, from its remaining paint

        Instructions, of the session unless stated otherwise:

        - ``instructions_per_mac``: of the convolutions, requantising included, per
          multiply-accumulate of streaming
        - ``instructions_per_sample``: scaling, rings and convolutions, in a running stream
        - ``instructions_per_window``: everything, the serial line and learning included;
          ``..._without_learning``; ``..._by_part``
        - ``instructions_per_refit``: of a refit, which begins with each answer and takes several hops
        - ``instructions_per_learning_step``: of a refit, per gradient step, which is one item
          through one head, forwards and back; ``rows`` is the number of rows at the end
        - ``longest_hop``: everything in a hop in which the worst refit goes on, as a share of the hop's
          time, at one cycle per instruction; ``..._pessimistic``; ``worst_refit``: its counts
        - ``streaming_saves``: by hop, see `firmware_sim.bench.Bench.streaming`

        ``ms_...`` and ``uj_...`` are estimates, explained in ``estimate``, and so is ``energy``, of a window
        and a day, with the shares of extractor, heads, policy and learner. ``room`` is what the board has
        for RAM and code, ``missed`` names the figures above the project's own ``LIMITS``. ``full_log`` and
        ``full_log_at_most`` say in seconds how long the board stands still when a bank of its log is full,
        with the data sheet's typical times of the flash and its longest, and
        after how many ``labels`` it does so again. ``times_real_time``, the speed of the emulator,
        differs from run to run.

    Raises
    ------
    ToolError
        If there is no compiler, or it fails.

    Examples
    --------
    ::

        print(as_text(footprint(image)))
    """
    report = progress or (lambda sentence: None)
    report("building the firmware")
    spec, firmware = spec_of(board), build.build(image, board, compiler)
    power = spec.power
    config, events, source = session or _noise(image)
    bench = Bench(image, firmware)
    raw = _beginning(events, bench.samples_at_once)
    what = f"running it on the emulated board ({source})"
    report(what)
    samples = sum(len(event.block) for event in events if isinstance(event, Samples))
    run = bench.run(config, events, Pace(progress, what, samples, "samples"))
    report("comparing streaming with windows")
    per_sample = _per_sample(bench, raw)
    hops = [hop for hop in HOPS if hop % image.stride == 0 and hop <= image.window]
    streaming = {str(hop): bench.streaming(raw, hop) for hop in hops}
    report("learning from a full log")
    deepest = bench.learn_late(config)
    refits = [bench.worst_refit(config, splits) for splits in (False, True)]
    worst = max(refits, key=lambda refit: refit["longest_hop"])
    full_log, slowest = bench.full_bank(), bench.full_bank(spec.slowest_erase)
    report("done")

    learning, parts = sum(run["learning"].values()), by_part(run["other"])
    parts["learning"] = learning
    everything, windows = sum(parts.values()), run["windows"]
    per_window, per_refit = everything / windows, learning / max(1, run["refits"])
    longest_hop = worst["longest_hop"] / (image.hop / image.rate_hz * power.clock_hz)
    sectors = sector_map(firmware)
    figures = {
        "board": spec.title,
        "compiler": firmware.compiler,
        "flags": _flags(compiler, spec),
        "source": source,
        **{name: run[name] for name in ("windows", "samples", "macs", "refits", "rows")},
        "ram_bytes": firmware.ram_bytes,
        "flash_bytes": sum(sector["size"] for sector in sectors),
        "code_bytes": firmware.code_bytes,
        "image_bytes": firmware.image_bytes,
        "stack_bytes": max(deepest, run["stack_bytes"], *(refit["stack_bytes"] for refit in refits)),
        "instructions_per_mac": parts["convolution"] / run["macs"],
        "instructions_per_sample": per_sample,
        "instructions_per_window": per_window,
        "instructions_per_window_without_learning": (everything - learning) / windows,
        "instructions_per_window_by_part": {part: n / windows for part, n in parts.items()},
        "instructions_per_refit": per_refit,
        "instructions_per_learning_step": learning / max(1, run["gradient_steps"]),
        "worst_refit": worst,
        "longest_hop": longest_hop,
        "longest_hop_pessimistic": longest_hop * CYCLES[1],
        "full_log": full_log,
        "full_log_at_most": slowest,
        "streaming_saves": streaming,
        "ms_per_sample": milliseconds(per_sample, power),
        "ms_per_window": milliseconds(per_window, power),
        "ms_per_refit": milliseconds(per_refit, power),
        "ms_per_refit_worst": milliseconds(worst["instructions"], power),
        "uj_per_window": microjoules(per_window, power),
        "uj_per_refit": microjoules(per_refit, power),
        "uj_per_refit_worst": microjoules(worst["instructions"], power),
        "energy": energy(
            {part: n / windows for part, n in parts.items()},
            image.hop / image.rate_hz,
            power,
            battery_mah=battery_mah,
            sleep_ua=sleep_ua,
        ),
        "each": {"ms": milliseconds(1, power), "uj": microjoules(1, power)},
        "estimate": estimate_of(power),
        "times_real_time": run["samples"] / image.rate_hz / run["seconds"],
        "ram_map": ram_map(image, firmware),
        "sector_map": sectors,
    }
    figures["room"] = firmware.room
    figures["missed"] = [name for name, limit in LIMITS.items() if figures[name] > limit]
    return figures


def _noise(image: Image, windows: int = 200) -> Played:
    """A session of noise, for models without data."""
    n = len(image.channels)
    config = Config(
        policy="periodic", allowed=QUESTIONS, horizon=windows, patience=10**6,
        mult=(1 << 30,) * n, shift=(30,) * n, offset=(0,) * n,
    )  # fmt: skip
    length = image.window + (windows - 1) * image.hop
    raw = np.random.default_rng(1).integers(-128, 128, (length, n)).astype(np.int16)
    events = [Samples(start, raw[start : start + image.hop]) for start in range(0, length, image.hop)]
    return config, [*events], f"seeded noise, {QUESTIONS} questions by {config.policy}"


def _beginning(events: list[Input], most: int) -> NDArray[np.int16]:
    """The first ``most`` samples of the stream."""
    blocks = [event.block for event in events if isinstance(event, Samples)]
    return np.ascontiguousarray(np.concatenate(blocks)[:most])


def _per_sample(bench: Bench, raw: NDArray[np.int16]) -> float:
    """Instructions of a sample once the rings are full, over whole hops."""
    window, hop = bench.image.window, bench.image.hop
    bench.restart()
    bench.extract(raw[:window])
    rest = raw[window : window + (len(raw) - window) // hop * hop]
    return bench.extract(rest) / len(rest)


def _flags(compiler: str | None, spec: BoardSpec) -> str:
    """The compiler flags of every source, without warnings."""
    chosen = toolchain.compiler(compiler, spec.target)
    target: tuple[str, ...] = getattr(toolchain.TARGETS[chosen.target], chosen.name)
    return " ".join((*target, *(flag for flag in chosen.flags if not flag.startswith("-W"))))


def ram_map(image: Image, firmware: build.Firmware) -> list[dict[str, Any]]:
    """The uses of RAM: ``name`` and ``bytes``, which add up to ``firmware.ram_bytes``."""
    state, symbols = state_dtype_of(image), firmware.program.symbols

    def fields(start: str) -> int:
        return sum(state[name].itemsize for name in state.names or () if name.startswith(start))

    of_state = {
        f"head weights, {image.max_rows} rows of {image.features + 1}": fields("weights"),
        "the same of a refit that goes on": fields("next") - fields("next_"),
        f"pending questions, {image.max_pending}": fields("ask_"),
        "ring of the last layer's outputs": fields("ring") - fields("ring_"),
        "rings of the layers' inputs": fields("taps"),
        "order of a refit's items": fields("items"),
        "sums of the segment's features": fields("sums"),
    }
    sizes = of_state | {
        "stack": firmware.program.sections[".stack"][1],
        "frames from and to the host": symbols["link"].size,
        "rings of the serial line": symbols["received"].size + symbols["sending"].size,
        "samples of the board's own sensor": symbols["samples"].size,
    }
    sizes["rest of the state block"] = state.itemsize - sum(of_state.values())
    sizes["settings, scaling, places in the image"] = symbols["session"].size - state.itemsize
    sizes["places of the label log's entries"] = symbols["slots"].size
    sizes["board: clock, button, log, faults"] = firmware.ram_bytes - sum(sizes.values())
    return [{"name": name, "bytes": size} for name, size in sorted(sizes.items(), key=lambda item: -item[1])]


def sector_map(firmware: build.Firmware) -> list[dict[str, Any]]:
    """The flash by ``use``: ``units``, the first and the last, ``address``, ``size``, ``used`` bytes."""
    spec, rows, first = firmware.spec, list[dict[str, Any]](), 0
    used = {FIRMWARE: firmware.code_bytes, SLOTS[0]: firmware.image_bytes, MARKS: 0, SLOTS[1]: 0}
    for use, n in spec.uses:
        address, size = spec.places[use]
        if use != FREE:
            place = {"units": [first, first + n - 1], "address": f"0x{address:08x}", "size": size}
            rows.append({**place, "used": used.get(use, spec.log_bank), "use": use})
        first += n
    return rows


def as_text(figures: dict[str, Any]) -> str:
    """The figures of `footprint` as text."""
    f, worst = figures, figures["worst_refit"]
    learner = (
        f"{worst['entries']} log entries, {worst['rows']} rows, {worst['gradient_steps']:,} gradient steps"
    )
    longest = (
        f"{f['longest_hop']:.2f} of its time, {f['longest_hop_pessimistic']:.2f} for a pessimist; "
        f"the refit takes {worst['hops']} hops"
    )
    full, slow = f["full_log"], f["full_log_at_most"]
    per_mac = f["instructions_per_mac"]
    lines = [
        f"{f['board']}, {f['compiler']}",
        *textwrap.wrap(f["flags"], 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False),
        f"{f['source']}: {f['windows']} windows, {f['samples']:,} samples, {f['refits']} refits",
        "",
        *(_size(f, name, what) for name, what in _SIZES.items()),
        *textwrap.wrap(_BOUNDS, 100),
        "",
        "instructions",
        f"  per MAC of the convolutions {per_mac:>12.2f}{_met(f, 'instructions_per_mac')}",
        _cost(f, "per sample", f["instructions_per_sample"]),
        _cost(f, "per window, everything", f["instructions_per_window"]),
        _cost(f, "  without learning", f["instructions_per_window_without_learning"]),
        *(_cost(f, f"    {part}", n) for part, n in f["instructions_per_window_by_part"].items()),
        _cost(f, "per learning step", f["instructions_per_learning_step"]),
        _cost(f, "per refit", f["instructions_per_refit"]),
        _cost(f, "longest refit", worst["instructions"]),
        f"    {learner}",
        _cost(f, "longest hop, with this refit", worst["longest_hop"]),
        f"    {longest}{_met(f, 'longest_hop')}",
        "",
        *textwrap.wrap(
            f"A full bank of the label log is moved in {full['seconds']:.1f} s ({slow['seconds']:.1f} s with "
            f"the data sheet's longest times of the flash), once in {full['labels']} labels.",
            100,
        ),
        "",
        "streaming against each window on its own, instructions a window up to the pooling",
        *(
            f"  hop {hop:>3}  {s['streamed']:>10,.0f} against {s['windowed']:>10,.0f}: saves {s['saved']:.1%}"
            for hop, s in f["streaming_saves"].items()
        ),
        "",
        "RAM by use",
        *(f"  {row['bytes']:>7,}  {row['name']}" for row in f["ram_map"]),
        "",
        "flash by sectors or pages",
        *(_sector(row) for row in f["sector_map"]),
        "",
        *energy_text(f["energy"]),
        *textwrap.wrap(f"{f['energy']['assumes']}. {f['energy']['source']}.", 100),
        "",
        f"emulated at {f['times_real_time']:.0f} times real time",
        *textwrap.wrap(f["estimate"], 100),
    ]
    return "\n".join(lines)


_BOUNDS: Final = (
    "The board's room decides whether a model fits. odl's own bounds are narrower: its tests hold the "
    "bundled models to them, so that these leave room on this board and fit smaller ones."
)
_SIZES: Final = {
    "ram_bytes": "RAM, stack included",
    "stack_bytes": "stack, deepest use",
    "code_bytes": "code and constants",
    "image_bytes": "model image",
    "flash_bytes": "flash, whole sectors",
}


def _met(figures: dict[str, Any], name: str) -> str:
    if name not in LIMITS:
        return ""
    return f"   {'ABOVE' if name in figures['missed'] else 'within'} odl's own bound of {LIMITS[name]:,}"


def _size(figures: dict[str, Any], name: str, what: str) -> str:
    room = figures["room"].get(name)
    there = f"of {room:>7,} of the board" if room else ""
    return f"{what:<21} {figures[name]:>9,} bytes {there}{_met(figures, name)}".rstrip()


def _cost(figures: dict[str, Any], what: str, instructions: float) -> str:
    each = figures["each"]
    estimate = f"about {instructions * each['ms']:.3g} ms, {instructions * each['uj']:,.3g} uJ"
    return f"  {what:<27} {instructions:>12,.0f}   {estimate}"


def _sector(row: dict[str, Any]) -> str:
    used = f"{row['used']:>7,} bytes used"
    first, last = row["units"]
    units = str(first) if first == last else f"{first} - {last}"
    return f"  {units:<9} {row['address']}  {row['size'] // 1024:>4} KB, {used}  {row['use']}"
