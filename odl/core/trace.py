"""All that passed in a session, in order: its inputs, and its outputs as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, Dropped, Event, Input, Learned, Output, Prediction, Query, Samples
from odl.core.records import PREDICTION, QUERY, Outputs


class Step(NamedTuple):
    """An input and the outputs that came of it, or as many steps that were taken at once.

    Attributes
    ----------
    input : Input or None
        None for outputs whose input is unknown.
    outputs : sequence of Output
    window : int
        If samples stand for several steps: the length of a window. Each output belongs to the
        piece in which its window ends.
    ends : sequence of int
        Rows of the samples, in order, at which a piece ends; the last row is none of them.
    each : bool
        True if a piece ends with each window as well.
    """

    input: Input | None
    outputs: Sequence[Output]
    window: int = 0
    ends: Sequence[int] = ()
    each: bool = False

    @property
    def question(self) -> Query | None:
        """The question if the last output is one."""
        if isinstance(self.outputs, Outputs):
            return self.outputs.question
        last = self.outputs[-1:]
        return last[0] if last and isinstance(last[0], Query) else None

    def cuts(self) -> dict[int, int]:
        """The rows at which the pieces of the samples end, and how many outputs there are up to each."""
        assert isinstance(self.input, Samples)
        n, outputs = len(self.input.block), self.outputs
        if not self.window or not isinstance(outputs, Outputs):
            return {n: len(outputs)}
        records, behind = outputs.records, self.window - self.input.start
        kinds, windows = records["kind"].tolist(), records["window"].tolist()
        ends = {
            window + behind: i
            for i, (kind, window) in enumerate(zip(kinds, windows, strict=True), 1)
            if kind == PREDICTION or kind == QUERY  # the last output of a window is one of these
        }
        if not self.ends:
            return ends | {n: len(outputs)} if self.each else {n: len(outputs)}
        cuts, passed, own = {}, 0, {*self.ends, n}
        for row in sorted({*ends, *own}):
            passed = ends.get(row, passed)
            if self.each or row in own:
                cuts[row] = passed
        return cuts

    def pieces(self) -> Iterator[tuple[Input | None, int, int]]:
        """Each input, with the first of its outputs and one behind the last."""
        whole = self.input
        if not (self.window and isinstance(whole, Samples)):
            yield whole, 0, len(self.outputs)
            return
        at = first = 0
        for end, behind in self.cuts().items():
            yield Samples(whole.start + at, whole.block[at:end]), first, behind
            at, first = end, behind


class Trace:
    """A session's steps, in order; its events are a view of them.

    Parameters
    ----------
    steps : iterable of Step, optional
        The first ones; `append` adds more.

    Examples
    --------
    >>> from odl.core.events import Truth
    >>> trace = Trace.of([Truth(0, 96, "walk"), Prediction(0, (1,), (32768,)), Prediction(64, (0,), (9,))])
    >>> trace.predictions["window"].tolist(), len(trace), trace.events[0]
    ([0, 64], 3, Truth(start=0, end=96, name='walk'))
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = list(steps)

    @classmethod
    def of(cls, events: Iterable[Event] | Trace) -> Trace:
        """The trace that consists of ``events``."""
        if isinstance(events, Trace):
            return events
        trace, outputs = cls(), list[Output]()
        passed: Input | None = None
        for event in events:
            if isinstance(event, Prediction | Query | Learned | Dropped):
                outputs.append(event)
                continue
            if passed is not None or outputs:
                trace.append(Step(passed, outputs))
            passed, outputs = event, []
        if passed is not None or outputs:
            trace.append(Step(passed, outputs))
        return trace

    def append(self, step: Step) -> None:
        """Add the next step."""
        self.steps.append(step)
        self.__dict__.pop("outputs", None)
        self.__dict__.pop("events", None)

    @property
    def parts(self) -> list[Sequence[Output]]:
        """The outputs as few long sequences: one of records if the session is of the integer core."""
        parts = [step.outputs for step in self.steps if len(step.outputs)]
        return [self.outputs] if all(isinstance(part, Outputs) for part in parts) else parts

    @cached_property
    def outputs(self) -> Outputs:
        """The outputs: the trace in the narrow sense, of which a hash is taken."""
        return Outputs.joined([step.outputs for step in self.steps if len(step.outputs)])

    @property
    def records(self) -> NDArray[Any]:
        """The outputs as columns, of dtype `odl.core.kernels.net.out_dtype`."""
        return self.outputs.records

    @property
    def predictions(self) -> NDArray[Any]:
        """The predictions among `records`, a row per window."""
        outputs = self.outputs
        return outputs.at(np.flatnonzero(outputs.records["kind"] == PREDICTION)).records

    @property
    def unlearned(self) -> Trace:
        """What the image's heads said of each window by themselves, as the trace of a session of its own.

        For the trace of a running session of the integer core; a path has the last class only, and
        there are no scores.
        """
        said = self.predictions.copy()
        said["path"][:, 0], said["n_path"] = said["cls"], said["cls"] != NO_CLASS
        said["n_scores"], said["held"] = 0, NO_CLASS
        return Trace([Step(None, Outputs(said.tobytes(), self.outputs.layout))])

    @property
    def inputs(self) -> list[Input]:
        """The inputs, samples as they were handed to the session: not cut at windows."""
        return [step.input for step in self.steps if step.input is not None]

    @property
    def samples(self) -> int:
        """Number of samples, lost ones excluded."""
        return sum(len(event.block) for event in self.inputs if isinstance(event, Samples))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All events in order, samples cut where windows end if the session was asked window by window."""
        return tuple(self._passed())

    def _passed(self) -> Iterator[Event]:
        for step in self.steps:
            for event, first, behind in step.pieces():
                if event is not None:
                    yield event
                yield from step.outputs[first:behind]

    def notable(self) -> Iterator[Event]:
        """The events without samples, and without predictions apart from the newest before a question."""
        kinds = self.outputs.records["kind"]
        said = np.flatnonzero(kinds == PREDICTION)
        newest = np.searchsorted(said, np.flatnonzero(kinds == QUERY)) - 1
        kept = np.unique(np.concatenate([np.flatnonzero(kinds != PREDICTION), said[newest[newest >= 0]]]))
        outputs, at = self.outputs.at(kept), 0
        passed = np.cumsum([0, *(len(step.outputs) for step in self.steps)])
        for step, before in zip(self.steps, np.searchsorted(kept, passed).tolist(), strict=False):
            if step.input is not None and not isinstance(step.input, Samples):
                yield from outputs[at:before]
                yield step.input
                at = before
        yield from outputs[at:]

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)
