"""Run one recording through every twin: Python, the C core on this computer, the emulated board.

The twins step through the inputs of a recording side by side. Each output event is
compared as it comes, and at the end the state blocks, logs included, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from firmware_sim import DEFAULT_BOARD
from firmware_sim.build import build
from firmware_sim.emulator import Emulator
from firmware_sim.headers import sizes_of
from firmware_sim.host import HostMachine
from firmware_sim.host import build as build_host
from firmware_sim.machine import TwinSession
from odl.core.config import Config
from odl.core.events import Adopt, Input, Output, Samples
from odl.core.image import Image
from odl.core.pace import Pace
from odl.core.session import Session
from odl.evaluate.load_kernels import load_kernels
from odl.evaluate.recorded import open_recording
from odl.recording import RecordingError, named
from odl.wire import TraceHash
from odl.wire.client import BoardClient

TWINS: Final = ("python", "host", "board")


class Twin(Protocol):
    """Something that takes a session's inputs."""

    def step(self, event: Input) -> Sequence[Output]:
        """Take one input; return its outputs."""
        ...

    def snapshot(self) -> bytes:
        """Return the state block and the label log."""
        ...


@dataclass(frozen=True, slots=True)
class StepDifference:
    """The first difference between two twins: after which input, and the output of each."""

    step: int
    event: str
    twin: str
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"{self.twin} parts from python at input {self.step} ({self.event}): "
            f"python says {self.expected}, {self.twin} says {self.got}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of comparing twins on a recording."""

    twins: tuple[str, ...]
    inputs: int
    outputs: int
    windows: int
    traces: dict[str, str]
    recorded: str | None  # the recording's own trace, if the recording is whole
    difference: StepDifference | None
    untraced: str = ""  # why ``recorded`` is None
    damage: str = ""  # what the recording has lost, as a sentence

    @property
    def equal(self) -> bool:
        """True if all twins and the recording agree."""
        return self.difference is None and (
            self.recorded is None or all(trace == self.recorded for trace in self.traces.values())
        )


def make(
    twin: str,
    image: Image,
    config: Config,
    compiler: str | None = None,
    asked: Iterable[int] | None = None,
    board: str = DEFAULT_BOARD,
) -> Twin:
    """Return a new twin; ``"board"`` is the firmware that a user would flash on ``board``, on the emulator.

    ``asked`` is as for `odl.core.session.Session`; a board cannot take it.

    Raises
    ------
    ValueError
        For a name that is none of `TWINS`.
    ToolError, BuildError
        If the twin cannot be built on this computer.
    """
    if twin == "python":
        return Session(image, config, asked=asked)
    if twin == "host":
        return TwinSession(HostMachine(build_host(sizes_of(image))), image, config, asked)
    if twin == "board":
        emulator = Emulator(build(image, board, compiler).elf, board=board)
        client = BoardClient(emulator.write, emulator.run)
        client.hello()
        client.configure(config)
        return client
    raise _no_twin(twin)


def _no_twin(name: str) -> ValueError:
    return ValueError(f"there is no twin '{name}'; `twins` can be {', '.join(TWINS)}")


def verify(
    path: str | Path,
    twins: Sequence[str] = TWINS,
    *,
    compiler: str | None = None,
    board: str = DEFAULT_BOARD,
    progress: Callable[[str], None] | None = None,
) -> Verdict:
    """Compare ``twins`` on the recording at ``path``; Python is always the first of them.

    ``board`` is the emulated board of the twin ``"board"``, a key of `firmware_sim.BOARDS`.

    Returns
    -------
    Verdict
        Equal, or the first event in which a twin differs.

    Raises
    ------
    ValueError
        For a name that is none of `TWINS`.
    RecordingError, ImageError
        If the recording cannot be used.
    """
    report = progress or (lambda sentence: None)
    for name in twins:
        if name not in TWINS:
            raise _no_twin(name)
    opened = open_recording(path)
    if opened.host_only:
        raise RecordingError(
            f"{path}: this recording needs {' and '.join(opened.host_only)}, which runs in Python only: "
            "there is no twin to compare"
        )
    asked = opened.stream.about.get("asked")
    names = ("python", *(t for t in twins if t != "python"))
    if "board" in names and any(isinstance(event, Adopt) for event in opened.recording.events):
        raise RecordingError(
            f"{path}: this recording takes over another board's state, which no board can do: "
            "verify it with `twins=python,host`"
        )
    if "board" in names and asked is not None:
        raise RecordingError(
            f"{path}: this recording repeats the questions of an earlier session, which no board can do: "
            "verify it with `twins=python,host`"
        )
    load_kernels(opened.image, report)
    chosen: dict[str, Twin] = {}
    for name in names:
        report(f"building the twin '{name}'")
        chosen[name] = make(name, opened.image, opened.config, compiler, asked, board)
    what = f"stepping {len(names)} twins through {Path(path).name}"
    report(what)
    with named(path):
        pace = Pace(progress, what, opened.stream.samples or None, "samples")
        verdict = compare(chosen, opened.stream.inputs(), opened.trace, pace)
    return replace(verdict, untraced=opened.untraced, damage=opened.damage)


def compare(
    twins: dict[str, Twin], events: Iterable[Input], recorded: str | None = None, pace: Pace | None = None
) -> Verdict:
    """Step ``events`` through all ``twins``; the first one is right by definition.

    ``pace`` is told how many samples are done.
    """
    names = tuple(twins)
    first = names[0]
    hashes = {name: TraceHash() for name in names}
    steps = outputs = windows = 0
    difference: StepDifference | None = None
    for steps, event in enumerate(events, 1):
        expected = twins[first].step(event)
        outputs += len(expected)
        windows += sum(type(e).__name__ == "Prediction" for e in expected)
        for name in names:
            got = expected if name == first else twins[name].step(event)
            for output in got:
                hashes[name].add(output)
            if got != expected:
                difference = _first(steps, event, name, expected, got)
        if difference:
            break
        if pace is not None and isinstance(event, Samples):
            pace.reach(event.start + len(event.block))
    if difference is None:
        block = twins[first].snapshot()
        for name in names[1:]:
            other = twins[name].snapshot()
            if other != block:
                at = next((i for i, (a, b) in enumerate(zip(block, other, strict=False)) if a != b), -1)
                difference = StepDifference(
                    steps, "end", name, f"{len(block)} bytes of state", f"another byte {at} of them"
                )
                break
    traces = {name: trace.hexdigest() for name, trace in hashes.items()}
    return Verdict(names, steps, outputs, windows, traces, recorded, difference)


def _first(
    step: int, event: Input, name: str, expected: Sequence[Output], got: Sequence[Output]
) -> StepDifference:
    for i in range(max(len(expected), len(got))):
        a = str(expected[i]) if i < len(expected) else "nothing"
        b = str(got[i]) if i < len(got) else "nothing"
        if a != b:
            return StepDifference(step, type(event).__name__, name, a, b)
    raise AssertionError("the outputs are equal")
