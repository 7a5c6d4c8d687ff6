"""One recording through every twin: Python, the C core on this computer, the emulated board.

The inputs of a recording are stepped through each twin side by side. Each output event is
compared as it comes, and at the end the state blocks, logs included, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from firmware_sim.build import build
from firmware_sim.emulator import Emulator
from firmware_sim.headers import sizes_of
from firmware_sim.host import HostMachine
from firmware_sim.host import build as build_host
from firmware_sim.machine import TwinSession
from odl.core.config import Config
from odl.core.events import Adopt, Input, Output
from odl.core.image import Image
from odl.core.session import Session
from odl.evaluate.recorded import open_recording
from odl.recording import RecordingError
from odl.wire import TraceHash
from odl.wire.client import BoardClient

TWINS: Final = ("python", "host", "board")


class Twin(Protocol):
    """Something that takes a session's inputs."""

    def step(self, event: Input) -> list[Output]:
        """Take one input; what comes of it."""
        ...

    def snapshot(self) -> bytes:
        """State block and log."""
        ...


@dataclass(frozen=True, slots=True)
class StepDifference:
    """Where two twins first part: after which input, and what each of them said."""

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
    """What the comparison of a recording showed."""

    twins: tuple[str, ...]
    inputs: int
    outputs: int
    windows: int
    traces: dict[str, str]
    recorded: str | None  # the trace that the recording itself holds, where it is whole
    difference: StepDifference | None
    untraced: str = ""  # else why it has none

    @property
    def equal(self) -> bool:
        """Whether all twins and the recording agree."""
        return self.difference is None and (
            self.recorded is None or all(trace == self.recorded for trace in self.traces.values())
        )


def make(
    twin: str, image: Image, config: Config, compiler: str | None = None, asked: Iterable[int] | None = None
) -> Twin:
    """A fresh twin; ``board`` is the firmware that a user would flash, on the emulator.

    ``asked`` is as for `odl.core.session.Session`; no board can be told.

    Raises
    ------
    ValueError
        For a name that is none of `TWINS`.
    ToolError, BuildError
        If it cannot be built here.
    """
    if twin == "python":
        return Session(image, config, asked=asked)
    if twin == "host":
        return TwinSession(HostMachine(build_host(sizes_of(image))), image, config, asked)
    if twin == "board":
        board = Emulator(build(image, compiler=compiler).elf)
        client = BoardClient(board.write, board.run)
        client.hello()
        client.configure(config)
        return client
    raise _no_twin(twin)


def _no_twin(name: str) -> ValueError:
    return ValueError(f"there is no twin '{name}'; there are {', '.join(TWINS)}")


def verify(
    path: str | Path,
    twins: Sequence[str] = TWINS,
    *,
    compiler: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Verdict:
    """Compare ``twins`` on the recording at ``path``; Python is always the first of them.

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
    tell = progress or (lambda sentence: None)
    for name in twins:
        if name not in TWINS:
            raise _no_twin(name)
    opened = open_recording(path)
    if opened.host_only:
        raise RecordingError(
            f"{path}: it was recorded with {' and '.join(opened.host_only)}, which runs in Python only: "
            "there is no twin to compare"
        )
    asked = opened.stream.about.get("asked")
    names = ("python", *(t for t in twins if t != "python"))
    if "board" in names and any(isinstance(event, Adopt) for event in opened.recording.events):
        raise RecordingError(
            f"{path}: it takes over the state of another board, which no board can: "
            "verify it with --twins python,host"
        )
    if "board" in names and asked is not None:
        raise RecordingError(
            f"{path}: it asks what was asked before it was relabelled, which no board can be told: "
            "verify it with --twins python,host"
        )
    made: dict[str, Twin] = {}
    for name in names:
        tell(f"making the twin '{name}'")
        made[name] = make(name, opened.image, opened.config, compiler, asked)
    tell(f"stepping {len(names)} twins through {Path(path).name}")
    verdict = compare(made, opened.stream.inputs(), opened.trace)
    return replace(verdict, untraced=opened.untraced)


def compare(twins: dict[str, Twin], events: Iterable[Input], recorded: str | None = None) -> Verdict:
    """Step ``events`` through all ``twins``, the first of which is right by definition."""
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
