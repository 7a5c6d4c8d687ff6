"""The only loop: source to session to labeller and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from odl.events import NO_CLASS, AddClass, Event, Input, Label, Query, Samples
from odl.label.protocol import Answer, Labeller
from odl.session import Session


def drive(session: Session, source: Iterable[Input], labeller: Labeller | None = None) -> Iterator[Event]:
    """Run ``source`` through ``session``; yield all that passes, in order.

    Each input is yielded before its step and its outputs after it, so a consumer that
    appends what it receives writes a recording that can be resumed at any point. Blocks
    are cut where a window ends or an answer falls due, so an answer takes effect at its
    own sample whatever the source's blocks. Class ids of new names are given here.

    Examples
    --------
    >>> import numpy as np
    >>> from odl.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.events import Gap
    >>> from odl.nn.image import Image
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> block = np.zeros((image.window, 6), np.int16)
    >>> [type(e).__name__ for e in drive(session, [Samples(0, block), Gap(image.window, 9, "unplugged")])]
    ['Samples', 'Prediction', 'Gap']
    """
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
        yield from _apply(session, answer)


def _apply(session: Session, answer: Answer) -> Iterator[Event]:
    """The answer as a label; a name that is new becomes a class first.

    Where there is no room for another class, or no id left, the answer counts as a skip.
    """
    at, cls = session.position, None
    if answer.name is not None:
        names = session.names
        cls = next((c for c, name in names.items() if name == answer.name), None)
        free = next((c for c in range(NO_CLASS) if c not in names), None)
        if cls is None and free is not None:
            added = AddClass(at, free, answer.name, answer.head)
            yield added
            outputs = session.step(added)
            yield from outputs
            cls = None if outputs else free
    label = Label(at, answer.window, cls)
    yield label
    yield from session.step(label)
