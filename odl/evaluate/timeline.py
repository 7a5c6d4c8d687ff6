"""A session as rows, for evaluation and report.

A :class:`Timeline` has a row for each window and for each question, and the samples at which labels
were learned, classes added and samples lost. Times are sample indices since the session's start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from odl.core.answer_records import AdoptedState, AnswerRecord, QuestionOutcome, outcome_of
from odl.core.class_tree import ClassTree
from odl.core.events import Event, Prediction, Truth, Why
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory

StateReader = Callable[[bytes], AdoptedState]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window: its truth and predictions, as class names or None.

    ``persistence`` is the newest answer before the window's end that was not taken back by then.
    """

    window: int
    truth: str | None
    predicted: str
    held: str | None
    without: str | None
    persistence: str | None


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question about ``window``, asked at sample ``asked``; answered with class ``answer`` at ``at``."""

    window: int
    asked: int
    outcome: QuestionOutcome
    at: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session as rows; ``names`` maps class ids to names, in order of the ids.

    ``truths`` are (start, end, name), ``lessons`` (at, number of labels learned),
    ``added`` (at, name), ``gaps`` (start, lost); ``dropped`` counts by :class:`Why`.
    ``labels`` counts the answers that took effect, ``undone`` those taken back.
    """

    window: int
    hop: int
    end: int
    names: dict[int, str]
    rows: tuple[WindowRow, ...]
    truths: tuple[tuple[int, int, str], ...]
    questions: tuple[QuestionRow, ...]
    lessons: tuple[tuple[int, int], ...]
    added: tuple[tuple[int, str], ...]
    gaps: tuple[tuple[int, int], ...]
    dropped: dict[Why, int]
    labels: int
    skipped: int
    undone: int

    @property
    def standing(self) -> int:
        """Answers that took effect and were not taken back."""
        return self.labels - self.undone


def read_timeline(
    events: Sequence[Event],
    without: Sequence[Event],
    names: Mapping[int, str],
    *,
    window: int,
    read_state: StateReader | None = None,
) -> Timeline:
    """Collect the events of a whole session in a :class:`Timeline`.

    Parameters
    ----------
    events
        Inputs and outputs, in order.
    without
        The trace of the same stream without learning; empty if there is none.
    names
        The image's class ids and names, which ``AddClass`` and ``Adopt`` events extend.
    window
        Window length in samples, at least 1.
    read_state
        Reads a state that a session adopted (`odl.core.adopted_state.read_adopted_state`); without it an
        ``Adopt`` is a gap, and classes added in it have no name.

    Raises
    ------
    ValueError
        If ``window`` is below 1, or ``without`` has predictions, but not for every window.

    Examples
    --------
    >>> from odl.core.events import Prediction, Truth
    >>> stream = [Truth(0, 96, "walk"), Truth(96, 256, "sit"),
    ...           Prediction(0, (1,), ()), Prediction(64, (0,), ())]
    >>> line = read_timeline(stream, [], {0: "sit", 1: "walk"}, window=128)
    >>> [(row.window, row.truth, row.predicted) for row in line.rows]
    [(0, 'walk', 'walk'), (64, 'sit', 'sit')]
    """
    if window < 1:
        raise ValueError(f"the window is {window} samples long: give at least 1")
    history = _reduced(events, names, window, read_state)
    known = history.tree.names
    predictions = [e for e in events if isinstance(e, Prediction)]
    truths = tuple(sorted((t.start, t.end, t.name) for t in events if isinstance(t, Truth)))
    track = TruthTrack(t for t in events if isinstance(t, Truth))
    plain = _predicted(without, _reduced(without, known, window).tree.names)
    if plain and (missing := {p.window for p in predictions} - plain.keys()):
        raise ValueError(
            f"the trace without learning has no prediction for window {min(missing)}: "
            "replay the same stream with the policy 'none'"
        )
    moments, newest = _newest_answers(history.answers)
    rows = []
    for p in predictions:
        before = bisect_left(moments, p.window + window)  # answers with at < the window's end
        rows.append(
            WindowRow(
                window=p.window,
                truth=track.of(p.window, window),
                predicted=class_name(known, p.path[-1] if p.path else None),
                held=None if p.held is None else class_name(known, p.held),
                without=plain.get(p.window),
                persistence=newest[before - 1] if before else None,
            )
        )
    starting = sorted({p.window for p in predictions})
    steps = Counter(b - a for a, b in zip(starting, starting[1:], strict=False))
    return Timeline(
        window=window,
        hop=min(window, steps.most_common(1)[0][0] if steps else window),
        end=max([t[1] for t in truths] + [p.window + window for p in predictions], default=0),
        names=dict(sorted(known.items())),
        rows=tuple(rows),
        truths=truths,
        questions=_questions(history),
        lessons=tuple(sorted(history.lessons.items())),
        added=tuple(history.classes.added),
        gaps=tuple(history.gaps),
        dropped=dict(history.dropped),
        labels=history.labelled,
        skipped=history.skipped,
        undone=history.undone,
    )


def class_name(names: Mapping[int, str], cls: int | None) -> str:
    """Return the name of class ``cls``, or a stand-in for one that has none.

    >>> class_name({3: "row"}, 3), class_name({}, 9), class_name({}, None)
    ('row', 'class 9', 'no class')
    """
    return "no class" if cls is None else names.get(cls, f"class {cls}")


def _reduced(
    events: Iterable[Event], names: Mapping[int, str], window: int, read_state: StateReader | None = None
) -> SessionHistory:
    history = SessionHistory(ClassTree(names), window, read_state=read_state)
    for event in events:
        history.take(event)
    history.settle()
    return history


def _predicted(events: Iterable[Event], names: Mapping[int, str]) -> dict[int, str]:
    return {
        e.window: class_name(names, e.path[-1] if e.path else None)
        for e in events
        if isinstance(e, Prediction)
    }


def _newest_answers(answers: Iterable[AnswerRecord]) -> tuple[list[int], list[str | None]]:
    """Return the samples at which the newest known class changes, and its name from then on."""
    effective = [one for one in answers if one.effective and one.name is not None]
    changes = [(one.at or 0, False, i) for i, one in enumerate(effective)]
    changes += [(one.undone_at, True, i) for i, one in enumerate(effective) if one.undone_at is not None]
    known: list[int] = []
    moments, newest = [], []
    for at, undone, i in sorted(changes):
        if undone:
            known = [other for other in known if other != i]
        else:
            known.append(i)
        moments.append(at)
        newest.append(effective[known[-1]].name if known else None)
    return moments, newest


def _questions(history: SessionHistory) -> tuple[QuestionRow, ...]:
    answers = history.answers_by_window()
    rows = []
    for question in history.questions:
        outcome, answer = outcome_of(answers.get(question.window, ()))
        at, name = (None, None) if answer is None else (answer.at, answer.name)
        rows.append(QuestionRow(question.window, question.asked, outcome, at, name))
    return tuple(rows)
