"""Pictures of finished sessions, for the output of a notebook cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import odl
from odl.evaluate.recorded import open_recording
from odl.evaluate.relabel import load_question_history
from odl.evaluate.report.figure import draw_png
from odl.evaluate.report.style import class_styles
from odl.evaluate.result import Result
from odl.notebook.pictures import Picture
from odl.notebook.question_card import AXIS


def timeline(result: Result | str | Path, person: int = 0) -> Any:
    """Draw one session: predictions, questions, lessons and accuracy.

    Parameters
    ----------
    result : Result or path
        The result of `odl.replay`, or a recording, which is replayed first.
    person : int
        Index of the person in the result, from 0.

    Returns
    -------
    IPython.display.Image
        A PNG; a cell that ends with it shows it.

    Raises
    ------
    IndexError
        If the result has no such person.

    Examples
    --------
    >>> timeline(odl.replay("shoulder", budget=5, subjects=[7])).format
    'png'
    """
    from IPython.display import Image

    if not isinstance(result, Result):
        result = odl.replay(result)
    evaluations = result.evaluations
    return Image(data=draw_png(evaluations[person], class_styles(evaluations)), format="png", embed=True)


def question(recording: str | Path, number: int = 0) -> Any:
    """Draw one question of a session: the signal of its window and a few seconds before it.

    Parameters
    ----------
    recording : path
        A recording, finished or not.
    number : int
        Index of the question, from 0.

    Returns
    -------
    IPython.display.Image

    Raises
    ------
    IndexError
        If there is no such question; the message says how many there are.
    """
    from IPython.display import Image

    opened = open_recording(recording)
    asked = load_question_history(opened).questions
    if not -len(asked) <= number < len(asked):
        raise IndexError(f"{recording} has {len(asked)} questions, counted from 0; there is no {number}")
    one = asked[number].question
    channels = [(name, unit) for name, unit, _ in opened.stream.channels or ()]
    picture = Picture(channels or [(c.name, "counts") for c in opened.image.channels], [], AXIS)
    picture.question(one, opened.image.rate_hz, f"answered: {asked[number].name or 'no answer'}")
    return Image(data=picture.png(), format="png", embed=True)
