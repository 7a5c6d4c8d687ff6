"""The label log of an opened recording."""

from __future__ import annotations

from functools import partial

from odl.core.adopted_state import read_adopted_state
from odl.core.class_tree import tree_of_image
from odl.evaluate.recorded import RecordedSession
from odl.labels.question_history import QuestionHistory, read_question_history
from odl.recording import named


def load_question_history(opened: RecordedSession) -> QuestionHistory:
    """Return the questions and answers of a recording.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.evaluate.recorded import open_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     history = load_question_history(open_recording(f"{folder}/shoulder-7.odl"))
    >>> [asked.newest.state for asked in history.questions]
    ['learned', 'learned', 'learned']
    """
    image = opened.image
    with named(opened.stream.name):
        return read_question_history(
            opened.recording.events, tree_of_image(image), image.window, image.rate_hz,
            opened.stream.channels or (), read_state=partial(read_adopted_state, image, opened.config),
            max_log=image.max_log,
        )  # fmt: skip
