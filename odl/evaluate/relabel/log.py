"""The label log of a recording, and what a board's state that stands in it says of classes and questions."""

from __future__ import annotations

from odl.core.config import Config
from odl.core.image import ROOT, Image
from odl.core.session import Session
from odl.core.state import Entry
from odl.evaluate.recorded import Opened
from odl.labels.history import Found, History, read_history
from odl.labels.question import Tree, tree_of


def history_of(opened: Opened) -> History:
    """The label log of a recording.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.evaluate.recorded import open_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     history = history_of(open_recording(f"{folder}/shoulder-7.odl"))
    >>> [asked.told.state for asked in history.questions]
    ['learned', 'learned', 'learned']
    """
    image = opened.image
    return read_history(
        opened.recording.events, tree_of_image(image), image.window, image.rate_hz,
        opened.stream.channels or (), found=lambda state: found_in(image, opened.config, state),
    )  # fmt: skip


def found_in(image: Image, config: Config, state: bytes) -> Found:
    """What ``state``, a session's snapshot, says of its classes, questions and labels.

    Raises
    ------
    odl.core.snapshot.StateError
        If no session of ``image`` can have left it.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)
    >>> found_in(image, config, Session(image, config).snapshot())[1:]
    ((), (), 0)
    """
    session = Session(image, config)
    session.restore(state)
    labels = [entry for entry in session.log if entry["kind"] == Entry.LABEL]
    return Found(
        tree_of(session), session.open_questions,
        tuple((int(entry["window"]), int(entry["cls"])) for entry in labels),
        (session.samples_to_window() - image.window) % image.hop,
    )  # fmt: skip


def tree_of_image(image: Image) -> Tree:
    """Classes and tasks that ``image`` begins with."""
    tasks = tuple(None if parent == ROOT else parent for parent in image.parents.tolist())
    rows = tuple(zip(image.row_class.tolist(), image.row_head.tolist(), strict=True))
    return Tree(dict(image.names), tasks, rows)
