"""Session histories that read a board's state where the session adopts it."""

from __future__ import annotations

from functools import partial

from odl.core.answer_records import AdoptedState
from odl.core.class_tree import tree_of_image
from odl.core.config import Config
from odl.core.history import SessionHistory
from odl.core.image import Image
from odl.core.session import Session
from odl.core.state import Entry


def read_adopted_state(image: Image, config: Config, state: bytes) -> AdoptedState:
    """Return the classes, questions and answers in ``state``, a session's snapshot.

    Raises
    ------
    odl.core.snapshot.StateError
        If ``state`` is not a valid state of ``image``.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)
    >>> read_adopted_state(image, config, Session(image, config).snapshot())[1:]
    ((), (), frozenset(), 0, ())
    """
    session = Session(image, config)
    session.restore(state)
    return AdoptedState(
        session.tree,
        session.open_questions,
        session.undoable,
        frozenset(int(entry["window"]) for entry in session.log if entry["kind"] == Entry.LABEL),
        (session.samples_to_window() - image.window) % image.hop,
        session.entries,
    )


def new_history(image: Image, config: Config) -> SessionHistory:
    """Return an empty history for a session of ``image`` that reads the states of its `Adopt` events.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> new_history(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)).tree.path(0)
    ('pendulum',)
    """
    return SessionHistory(
        tree_of_image(image),
        image.window,
        read_state=partial(read_adopted_state, image, config),
        max_log=image.max_log,
    )
