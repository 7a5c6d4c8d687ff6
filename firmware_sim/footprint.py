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

from firmware_sim import build, toolchain
from firmware_sim.bench import Bench, by_part
from firmware_sim.elf import FLASH_BASE
from firmware_sim.energy import SHEETS, energy, energy_text
from firmware_sim.flash import SECTORS
from odl.core.arrays import state_dtype_of
from odl.core.config import Config
from odl.core.events import Input, Samples
from odl.core.image import Image

CLOCK_HZ: Final = 84_000_000
CYCLES: Final = (1.0, 2.0)  # per instruction: assumed, and pessimistic
AMPERE_PER_HZ: Final = 146e-12  # data sheet DS10086 (STM32F401xD/E), first page: run, peripherals off
VOLT: Final = 3.3
QUESTIONS: Final = 20
HOPS: Final = (64, 16)  # for comparing streaming with windows
LIMITS: Final = {  # upper bounds of this firmware
    "ram_bytes": 40 * 1024,
    "code_bytes": 32 * 1024,
    "instructions_per_mac": 2.3,
    "longest_hop": 0.9,
}
MARKS, SECOND = "which image is in use", "model image, slot 1"
SECTOR_USE: Final = (
    *3 * ["firmware"], MARKS, "label log, bank 0", "model image", SECOND, "label log, bank 1",
)  # fmt: skip
LOG_BANK: Final = build.LOG_BANK
ESTIMATE: Final = (
    f"Estimates, not measurements: one cycle an instruction at {CLOCK_HZ / 1e6:g} MHz ({CYCLES[1]:g} for a "
    f"pessimist: flash wait states, branches, loads); {AMPERE_PER_HZ * 1e12:g} uA/MHz (typical, the data "
    f"sheet's) at {VOLT:g} V while instructions run; sleep and sensor not counted."
)
Progress = Callable[[str], None]
Played = tuple[Config, list[Input], str]  # settings, inputs, and their description


def milliseconds(instructions: float, cycles: float = CYCLES[0]) -> float:
    """Estimated duration of ``instructions`` on the real board."""
    return instructions * cycles * 1e3 / CLOCK_HZ


def microjoules(instructions: float, cycles: float = CYCLES[0]) -> float:
    """Estimated energy of ``instructions`` on the real board."""
    return instructions * cycles * AMPERE_PER_HZ * VOLT * 1e6


def footprint(
    image: Image,
    session: Played | None = None,
    *,
    compiler: str | None = None,
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
        and a day, with the shares of extractor, heads, policy and learner. ``missed`` names the figures
        above ``LIMITS``. ``full_log`` and ``full_log_at_most`` say in seconds how long the board stands still
        when a bank of its log is full, with the data sheet's typical times of the flash and its longest, and
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
    firmware = build.build(image, compiler=compiler)
    config, events, source = session or _noise(image)
    bench = Bench(image, firmware)
    raw = _beginning(events, bench.samples_at_once)
    report(f"running it on the emulated board ({source})")
    run = bench.run(config, events)
    report("comparing streaming with windows")
    per_sample = _per_sample(bench, raw)
    hops = [hop for hop in HOPS if hop % image.stride == 0 and hop <= image.window]
    streaming = {str(hop): bench.streaming(raw, hop) for hop in hops}
    report("learning from a full log")
    deepest = bench.learn_late(config)
    refits = [bench.worst_refit(config, splits) for splits in (False, True)]
    worst = max(refits, key=lambda refit: refit["longest_hop"])
    full_log, slowest = bench.full_bank(), bench.full_bank(slowness=2)
    report("done")

    learning, parts = sum(run["learning"].values()), by_part(run["other"])
    parts["learning"] = learning
    everything, windows = sum(parts.values()), run["windows"]
    per_window, per_refit = everything / windows, learning / max(1, run["refits"])
    longest_hop = worst["longest_hop"] / (image.hop / image.rate_hz * CLOCK_HZ)
    sectors = sector_map(firmware)
    figures = {
        "compiler": firmware.compiler,
        "flags": _flags(compiler),
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
        "ms_per_sample": milliseconds(per_sample),
        "ms_per_window": milliseconds(per_window),
        "ms_per_refit": milliseconds(per_refit),
        "ms_per_refit_worst": milliseconds(worst["instructions"]),
        "uj_per_window": microjoules(per_window),
        "uj_per_refit": microjoules(per_refit),
        "uj_per_refit_worst": microjoules(worst["instructions"]),
        "energy": energy(
            {part: n / windows for part, n in parts.items()},
            image.hop / image.rate_hz,
            SHEETS["nucleo_f401re"],
            battery_mah=battery_mah,
            sleep_ua=sleep_ua,
        ),
        "estimate": ESTIMATE,
        "times_real_time": run["samples"] / image.rate_hz / run["seconds"],
        "ram_map": ram_map(image, firmware),
        "sector_map": sectors,
    }
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


def _flags(compiler: str | None) -> str:
    """The compiler flags of every source, without warnings."""
    chosen = toolchain.compiler(compiler)
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
    """The sectors of flash: ``sector``, ``address``, ``size``, ``used`` bytes, and ``use``."""
    left = {"firmware": firmware.code_bytes, "model image": firmware.image_bytes, MARKS: 0, SECOND: 0}
    sectors, address = [], FLASH_BASE
    for sector, (kilobytes, use) in enumerate(zip(SECTORS, SECTOR_USE, strict=True)):
        size = 1024 * kilobytes
        used = min(size, left.get(use, LOG_BANK))
        if use in left:
            left[use] -= used
        place = {"sector": sector, "address": f"0x{address:08x}", "size": size}
        sectors.append({**place, "used": used, "use": use})
        address += size
    return sectors


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
        f["compiler"],
        *textwrap.wrap(f["flags"], 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False),
        f"{f['source']}: {f['windows']} windows, {f['samples']:,} samples, {f['refits']} refits",
        "",
        *(_size(f, name, what) for name, what in _SIZES.items()),
        "",
        "instructions",
        f"  per MAC of the convolutions {per_mac:>12.2f}{_met(f, 'instructions_per_mac')}",
        _cost("per sample", f["instructions_per_sample"]),
        _cost("per window, everything", f["instructions_per_window"]),
        _cost("  without learning", f["instructions_per_window_without_learning"]),
        *(_cost(f"    {part}", n) for part, n in f["instructions_per_window_by_part"].items()),
        _cost("per learning step", f["instructions_per_learning_step"]),
        _cost("per refit", f["instructions_per_refit"]),
        _cost("longest refit", worst["instructions"]),
        f"    {learner}",
        _cost("longest hop, with this refit", worst["longest_hop"]),
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
        "flash by sector",
        *(_sector(row) for row in f["sector_map"]),
        "",
        *energy_text(f["energy"]),
        *textwrap.wrap(f"{f['energy']['assumes']}. {f['energy']['source']}.", 100),
        "",
        f"emulated at {f['times_real_time']:.0f} times real time",
        *textwrap.wrap(f["estimate"], 100),
    ]
    return "\n".join(lines)


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
    return f"   {'MISSES the' if name in figures['missed'] else 'within the'} limit of {LIMITS[name]:,}"


def _size(figures: dict[str, Any], name: str, what: str) -> str:
    return f"{what:<21} {figures[name]:>9,} bytes{_met(figures, name)}"


def _cost(what: str, instructions: float) -> str:
    estimate = f"about {milliseconds(instructions):.3g} ms, {microjoules(instructions):,.3g} uJ"
    return f"  {what:<27} {instructions:>12,.0f}   {estimate}"


def _sector(row: dict[str, Any]) -> str:
    used = f"{row['used']:>7,} bytes used"
    return f"  {row['sector']}  {row['address']}  {row['size'] // 1024:>4} KB, {used}  {row['use']}"
