"""The loop that joins source, session and labeller."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from odl.core.adapters import DelayedAnswers, as_labeller, described
from odl.core.config import ConfigError
from odl.core.events import (
    NO_CLASS,
    AddClass,
    ChangeClass,
    Command,
    Event,
    Input,
    Label,
    Origin,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
)
from odl.core.protocols import Answer, ClassEdit, Labeller, Reaction, TakeBack, Taught
from odl.core.trace import Step

if TYPE_CHECKING:
    from odl.core.session import Session

_INPUTS = frozenset(get_args(Input))
TOGETHER = 8192  # samples that are joined, at most, apart from the last of them


def drive(session: Session, source: Iterable[Input], labeller: object = None) -> Iterator[Event]:
    """Run ``source`` through ``session``; yield all inputs and outputs in order.

    Each input is yielded before its step and its outputs after it, so a consumer that
    appends what it receives writes a recording that can be resumed at any point. Blocks
    are cut where a window ends or an answer falls due, so an answer takes effect at its
    own sample whatever the source's blocks. New names get their class ids here.

    A live source without new data yields ``Samples`` of no rows, so that answers are polled and the
    consumer of this generator regains control.

    Parameters
    ----------
    session : Session
    source : iterable of Input
        Samples in counts, gaps, truth, commands. For floats in physical units, see `odl.replay`.
    labeller : optional
        A function ``(query) -> class name or None``, or an object with the methods of
        `odl.core.protocols.Labeller`.

    Raises
    ------
    ConfigError
        If an argument has the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.events import Gap
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> block = np.zeros((image.window, 6), np.int16)
    >>> [type(e).__name__ for e in drive(session, [Samples(0, block), Gap(image.window, 9, "unplugged")])]
    ['Samples', 'Prediction', 'Gap']
    """
    _check(session, source)
    return _events(session, _checked(source), None if labeller is None else as_labeller(labeller))


def steps(session: Session, source: Iterable[Input], labeller: object = None) -> Iterator[Step]:
    """Run ``source`` through ``session`` as `drive` does, in blocks as long as possible.

    The events are those of `drive`, but a step may stand for many windows (`odl.core.trace.Step`): samples
    go to the session up to the next question or the next answer. A labeller that may answer before
    its ``next_due`` is polled after every window; those of `odl.labels`, and functions, never do.

    Parameters
    ----------
    session, source, labeller
        As for `drive`.

    Examples
    --------
    >>> import numpy as np
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> from odl.core.trace import Trace
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> trace = Trace(steps(session, [Samples(0, np.zeros((6400, 6), np.int16))], lambda query: "pendulum"))
    >>> len(trace.steps), len(trace.predictions)
    (1, 99)
    """
    _check(session, source)
    labels = None if labeller is None else as_labeller(labeller)
    together = session.takes_blocks and (labels is None or isinstance(labels, DelayedAnswers))
    return _steps(session, _checked(source), labels, together)


def _steps(
    session: Session, source: Iterator[Input], labeller: Labeller | None, together: bool
) -> Iterator[Step]:
    window = session.image.window
    for event, ends in joined(source) if together else ((event, ()) for event in source):
        if labeller is not None:
            yield from _taken(session, labeller)
        n = len(event.block) if isinstance(event, Samples) else 0
        if not isinstance(event, Samples) or labeller is None or n == 0:
            yield Step(event, session.step(event), window if ends else 0, ends)
            continue
        at = 0
        while at < n:
            size = n - at if together else min(n - at, session.samples_to_window())
            due = labeller.next_due()
            if due is not None:
                size = min(size, max(1, due - session.position))
            piece = event if size == n else Samples(event.start + at, event.block[at : at + size])
            step = session.step_to_question(piece)
            before, at = at, session.position - event.start
            inside = ends[bisect_right(ends, before) : bisect_left(ends, at)]
            yield step._replace(ends=[end - before for end in inside]) if inside else step
            if query := step.question:
                labeller.ask(query, session.position)
            due = labeller.next_due()
            if not together or (due is not None and due <= session.position):
                yield from _taken(session, labeller)


def joined(source: Iterable[Input]) -> Iterator[tuple[Input, Sequence[int]]]:
    """The inputs of ``source`` with samples that follow each other joined, and the rows at which those ended.

    Examples
    --------
    >>> import numpy as np
    >>> block = np.zeros((5, 3), np.int16)
    >>> [(len(event.block), ends) for event, ends in joined([Samples(0, block), Samples(5, block)])]
    [(10, [5])]
    """
    blocks: list[NDArray[np.int16]] = []  # joined so far, and where each starts
    starts: list[int] = []
    end = rows = 0
    alike: object = None  # what a block that can be joined to them has
    try:
        for event in source:
            if isinstance(event, Samples):
                start, block = event.start, event.block
                n = len(block)
                if (
                    blocks
                    and start == end
                    and n
                    and rows < TOGETHER
                    and (block.shape[1:], block.dtype) == alike
                ):
                    blocks.append(block)
                    starts.append(start)
                    end, rows = start + n, rows + n
                    continue
            if blocks:
                yield _joined(starts, blocks)
                blocks, starts = [], []
            if isinstance(event, Samples) and n and block.ndim == 2:
                blocks, starts, alike = [block], [start], (block.shape[1:], block.dtype)
                end, rows = start + n, n
            else:
                yield event, ()
    except Exception:  # of the source: what came before it failed still passes
        if blocks:
            yield _joined(starts, blocks)
        raise
    if blocks:
        yield _joined(starts, blocks)


def _joined(starts: list[int], blocks: list[NDArray[np.int16]]) -> tuple[Samples, Sequence[int]]:
    first = starts[0]
    if len(blocks) == 1:
        return Samples(first, blocks[0]), ()
    joined = np.concatenate(blocks)
    there = _where(blocks[0], blocks[-1], len(joined))
    # What the blocks are views of is kept in place of a copy.
    same = there is not None and np.array_equal(there, joined)
    return Samples(first, there if there is not None and same else joined), [
        start - first for start in starts[1:]
    ]


def _where(first: NDArray[np.int16], last: NDArray[np.int16], n: int) -> NDArray[np.int16] | None:
    """The ``n`` rows from ``first`` to ``last`` of the array that both are views of; None if there are none.

    >>> shelf = np.zeros((6, 2), np.int16)
    >>> _where(shelf[1:3], shelf[3:4], 3).base is shelf, _where(shelf[:1], shelf[2:], 2)
    (True, None)
    """
    base = first.base
    if not isinstance(base, np.ndarray) or last.base is not base or base.shape[1:] != first.shape[1:]:
        return None
    at, row = _address(first), base.strides[0]
    if (
        base.dtype != first.dtype
        or not first.flags.c_contiguous
        or _address(last) + last.nbytes != at + n * row
    ):
        return None
    start = (at - _address(base)) // row
    rows: NDArray[np.int16] = base[start : start + n]
    return rows


def _address(array: NDArray[np.int16]) -> int:
    return int(array.__array_interface__["data"][0])


def _taken(session: Session, labeller: Labeller) -> Iterator[Step]:
    for answer in labeller.poll(session.position):
        for command in commands(session, answer):
            yield Step(command, session.step(command))


def _check(session: Session, source: Iterable[Input]) -> None:
    from odl.core.session import Session  # brings Numba, which readers of files need not wait for

    if not isinstance(session, Session):
        raise ConfigError(f"session is {described(session)}; it can be an odl.Session")
    if isinstance(source, str | bytes) or not isinstance(source, Iterable):
        raise ConfigError(
            f"source is {described(source)}; it can be an iterable of events, such as odl.Samples"
        )


def _checked(source: Iterable[Input]) -> Iterator[Input]:
    for number, event in enumerate(source):
        if type(event) not in _INPUTS and not isinstance(event, Input):
            raise ConfigError(
                f"item {number} of the source is {described(event)}; it can be an event, such as odl.Samples"
            )
        yield event


def _events(session: Session, source: Iterator[Input], labeller: Labeller | None) -> Iterator[Event]:
    for event in source:
        if labeller is None:
            yield event
            yield from session.step(event)
            continue
        yield from _answers(session, labeller)
        if not isinstance(event, Samples):
            yield event
            yield from session.step(event)
            continue
        at, n = 0, len(event.block)
        if n == 0:
            yield event
        while at < n:
            size = min(n - at, session.samples_to_window())
            due = labeller.next_due()
            if due is not None:
                size = min(size, max(1, due - session.position))
            piece = Samples(event.start + at, event.block[at : at + size])
            yield piece
            for output in session.step(piece):
                yield output
                if isinstance(output, Query):
                    labeller.ask(output, session.position)
            at += size
            yield from _answers(session, labeller)


def _answers(session: Session, labeller: Labeller) -> Iterator[Event]:
    for answer in labeller.poll(session.position):
        for command in commands(session, answer):
            yield command
            yield from session.step(command)


def commands(session: Session, reaction: Reaction) -> Iterator[Command | Origin]:
    """Translate what a labeller gives into commands at the session's position; step each before the next.

    If it names an unknown class, the class is added first, under a new task if ``leaf`` asks for one. Without
    room for the class, or a free id, an answer becomes a skip, and a taught label has no effect.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> session = Session(Image.from_bytes(model_bytes("shoulder")), Config(mult=(1,) * 6,
    ...                   shift=(0,) * 6, offset=(0,) * 6))
    >>> for command in commands(session, Answer(0, "wave", by="terminal")):
    ...     print(command, session.step(command))
    Origin(at=0, by='terminal', took=0, clock=0) []
    AddClass(at=0, cls=5, name='wave', head=0) []
    Origin(at=0, by='terminal', took=0, clock=0) []
    Label(at=0, window=0, cls=5) [Dropped(at=0, window=0, why=<Why.UNKNOWN: 4>)]
    >>> from odl.core.protocols import Taught
    >>> list(commands(session, Taught("wave")))
    [Teach(at=0, cls=5)]
    """
    at = session.position
    for command in _commands(session, reaction, at):
        if reaction.by:
            yield Origin(at, reaction.by, reaction.took, reaction.clock)
        yield command


def _commands(session: Session, reaction: Reaction, at: int) -> Iterator[Command]:
    if isinstance(reaction, TakeBack):
        yield Undo(at)
        return
    tree = session.tree
    cls = None if reaction.name is None else tree.id_of(reaction.name)
    if isinstance(reaction, ClassEdit) and reaction.what != "add":
        into = None if reaction.into is None else tree.id_of(reaction.into)
        if cls is not None and reaction.what == "merge" and into is not None:
            yield _merging(session, at, cls, into)
        elif cls is not None and reaction.what == "rename" and reaction.into:
            yield ChangeClass(at, cls, tree.counts_as(cls), reaction.into)
        elif cls is not None and reaction.what == "remove":
            yield ChangeClass(at, cls, None, reaction.name or "")
        return
    free = None
    if cls is None and reaction.name is not None:
        free = next((number for number in range(NO_CLASS) if number not in tree.first_names), None)
    counts = None if cls is None else tree.counts_as(cls)
    if cls is not None and counts != cls and (counts is None or isinstance(reaction, ClassEdit)):
        # What was removed is wanted again, or what was merged a class of its own.
        yield ChangeClass(at, cls, cls, tree.name(cls))
    if reaction.name is not None and free is not None:
        head = reaction.head
        if reaction.leaf is not None:
            head = session.task_under(reaction.leaf)
            if head == len(session.tasks):
                yield Split(at, reaction.leaf, head)
        yield AddClass(at, free, reaction.name, head)
        cls = session.tree.id_of(reaction.name)
    if isinstance(reaction, Answer):
        yield Label(at, reaction.window, cls)
    elif isinstance(reaction, Taught) and (cls is not None or free is not None):
        yield Teach(at, free if cls is None else cls)  # type: ignore[arg-type]


def _merging(session: Session, at: int, cls: int, into: int) -> ChangeClass:
    """The merge of ``cls`` into ``into``; a class of the image stays, and takes over the other's name."""
    known, name = session.image.names, session.tree.name(cls)
    if cls in known and into not in known:
        return ChangeClass(at, into, cls, name)
    return ChangeClass(at, cls, into, name)
