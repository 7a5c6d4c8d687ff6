"""A session as rows, for evaluation and report.

A :class:`Timeline` has a row for each window and for each question, and the samples at which labels
were learned, classes added and samples lost. Times are sample indices since the session's start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from odl.core.answer_records import AdoptedState, AnswerRecord, QuestionOutcome, outcome_of
from odl.core.class_tree import ClassTree
from odl.core.events import NO_CLASS, Event, Truth, Why
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.core.trace import Trace

StateReader = Callable[[bytes], AdoptedState]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window: its truth and predictions, as class names or None.

    ``predicted`` is what the person is shown: ``held``, an answer that still stands, or what the ``model``
    says. ``persistence`` is the newest answer before the window's end that was not taken back by then.
    """

    window: int
    truth: str | None
    predicted: str
    model: str
    held: str | None
    without: str | None
    persistence: str | None


class WindowRows(Sequence[WindowRow]):
    """The windows of a session as columns; a `WindowRow` is made where somebody looks at one.

    Attributes
    ----------
    window : int64 array, (n,)
        First sample of each window.
    truth, predicted, model, held, without, persistence : int64 array, (n,)
        Classes as places in ``names``; -1 stands for None.
    names : tuple of str
        Class names, each once.

    Examples
    --------
    >>> from odl.core.events import Prediction
    >>> rows = read_timeline([Prediction(0, (1,), ())], [], {1: "walk"}, window=128).rows
    >>> rows.predicted, rows.classes("predicted"), rows[0].predicted
    (array([0]), ['walk'], 'walk')
    """

    def __init__(self, names: Iterable[str], window: NDArray[np.int64], **classes: NDArray[np.int64]) -> None:
        self.names = tuple(names)
        self.window = window
        self.truth, self.predicted, self.model = classes["truth"], classes["predicted"], classes["model"]
        self.held, self.without = classes["held"], classes["without"]
        self.persistence = classes["persistence"]

    def named(self, column: str) -> list[str | None]:
        """One column of classes as names."""
        names = np.array([*self.names, None], object)
        return list(names[getattr(self, column)])

    def classes(self, column: str) -> list[str]:
        """The names that occur in a column, in the order in which they first do."""
        values, first = np.unique(getattr(self, column), return_index=True)
        return [self.names[i] for i in values[np.argsort(first)] if i >= 0]

    def where(self, chosen: Any) -> WindowRows:
        """The rows that an index array, a mask or a slice selects."""
        columns = {name: getattr(self, name)[chosen] for name in _COLUMNS}
        return WindowRows(self.names, self.window[chosen], **columns)

    def __len__(self) -> int:
        return len(self.window)

    @overload
    def __getitem__(self, index: int) -> WindowRow: ...
    @overload
    def __getitem__(self, index: slice) -> WindowRows: ...
    def __getitem__(self, index: int | slice) -> WindowRow | WindowRows:
        if isinstance(index, slice):
            return self.where(index)
        return next(iter(self.where([range(len(self))[index]])))

    def __iter__(self) -> Iterator[WindowRow]:
        return map(WindowRow, self.window.tolist(), *map(self.named, _COLUMNS))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, WindowRows) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<WindowRows of {len(self)} windows>"


_COLUMNS = ("truth", "predicted", "model", "held", "without", "persistence")


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question, asked at sample ``asked``; answered with class ``answer`` at ``at``.

    It is about everything from sample ``since`` to the end of ``window``; ``truth`` is the window's, None
    if it has none.
    """

    window: int
    since: int
    asked: int
    truth: str | None
    outcome: QuestionOutcome
    at: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session as rows; ``names`` maps class ids to names, in order of the ids.

    ``rows`` are columns with an entry per window (`WindowRows`).

    ``truths`` are (start, end, name), ``lessons`` (at, number of labels learned),
    ``added`` (at, name), ``gaps`` (start, lost); ``dropped`` counts by :class:`Why`.
    ``labels`` counts the answers that took effect, ``undone`` those taken back; ``taught`` those that
    nobody had asked for and that were not taken back.
    """

    window: int
    hop: int
    end: int
    names: dict[int, str]
    rows: WindowRows
    truths: tuple[tuple[int, int, str], ...]
    questions: tuple[QuestionRow, ...]
    lessons: tuple[tuple[int, int], ...]
    added: tuple[tuple[int, str], ...]
    gaps: tuple[tuple[int, int], ...]
    dropped: dict[Why, int]
    labels: int
    skipped: int
    undone: int
    taught: int

    @property
    def standing(self) -> int:
        """Answers to questions that took effect and were not taken back."""
        return self.labels - self.undone - self.taught

    @property
    def without_truth(self) -> int | None:
        """Questions about windows without a truth; None if no window has one."""
        known = (self.rows.truth >= 0).any()
        return sum(question.truth is None for question in self.questions) if known else None


def read_timeline(
    events: Trace | Sequence[Event],
    without: Trace | Sequence[Event],
    names: Mapping[int, str],
    *,
    window: int,
    read_state: StateReader | None = None,
) -> Timeline:
    """Collect the events of a whole session in a :class:`Timeline`.

    Parameters
    ----------
    events
        Inputs and outputs in order, or a session's `odl.core.trace.Trace`.
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
    trace, plain = Trace.of(events), Trace.of(without)
    history = _reduced(trace, names, window, read_state)
    known = history.tree.names
    own = [event for event in trace.inputs if isinstance(event, Truth)]
    truths = tuple(sorted((t.start, t.end, t.name) for t in own))
    track = TruthTrack(own)
    rows = _windows(trace, plain, history, track, window)
    starting = np.unique(rows.window)
    steps = Counter(np.diff(starting).tolist())
    return Timeline(
        window=window,
        hop=min(window, steps.most_common(1)[0][0] if steps else window),
        end=max([end for _, end, _ in truths] + [int(at) + window for at in starting[-1:]], default=0),
        names=dict(sorted(known.items())),
        rows=rows,
        truths=truths,
        questions=_questions(history, track, window),
        lessons=tuple(sorted(history.lessons.items())),
        added=tuple(history.classes.added),
        gaps=tuple(history.gaps),
        dropped=dict(history.dropped),
        labels=history.labelled,
        skipped=history.skipped,
        undone=history.undone,
        taught=history.taught,
    )


def class_name(names: Mapping[int, str], cls: int | None) -> str:
    """Return the name of class ``cls``, or a stand-in for one that has none.

    >>> class_name({3: "row"}, 3), class_name({}, 9), class_name({}, None)
    ('row', 'class 9', 'no class')
    """
    return "no class" if cls is None else names.get(cls, f"class {cls}")


def _reduced(
    trace: Trace, names: Mapping[int, str], window: int, read_state: StateReader | None = None
) -> SessionHistory:
    history = SessionHistory(ClassTree(names), window, read_state=read_state)
    for event in trace.notable():
        history.take(event)
    history.settle()
    return history


def _windows(
    trace: Trace, plain: Trace, history: SessionHistory, track: TruthTrack, window: int
) -> WindowRows:
    """Columns of all windows; class ids, names of the truth and of answers become places in one list."""
    place: dict[str, int] = {}
    said, known = trace.predictions, history.tree.names
    starts = said["window"].astype(np.int64)
    model = _places(_leaves(said), known, place)
    held = np.where(said["held"] == NO_CLASS, -1, _places(said["held"].astype(np.int64), known, place))
    told = plain.predictions
    without = np.full(len(starts), -1)
    if len(told):
        names = _reduced(plain, known, window).tree.names
        order = np.argsort(told["window"], kind="stable")
        at = np.searchsorted(told["window"][order], starts, side="right") - 1
        found = order[np.maximum(at, 0)]
        if len(missing := starts[(at < 0) | (told["window"][found] != starts)]):
            raise ValueError(
                f"the trace without learning has no prediction for window {missing.min()}: "
                "replay the same stream with the policy 'none'"
            )
        without = _places(_leaves(told), names, place)[found]
    true = np.array([*(place.setdefault(name, len(place)) for name in track.names), -1])
    moments, newest = _newest_answers(history.answers)
    answers = [-1 if name is None else place.setdefault(name, len(place)) for name in (None, *newest)]
    before = np.searchsorted(moments, starts + window)  # answers with at < the window's end
    return WindowRows(
        place, starts, truth=true[track.of_all(starts, window)], predicted=np.where(held < 0, model, held),
        model=model, held=held, without=without, persistence=np.array(answers)[before],
    )  # fmt: skip


def _leaves(predictions: NDArray[Any]) -> NDArray[np.int64]:
    """The class ids at the end of the paths, -1 for an empty one."""
    length = predictions["n_path"].astype(np.int64)
    last = np.take_along_axis(predictions["path"], np.maximum(length - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(length > 0, last.astype(np.int64), -1)


def _places(ids: NDArray[np.int64], names: Mapping[int, str], place: dict[str, int]) -> NDArray[np.int64]:
    """Class ids, -1 for no class, as places of their names in ``place``, which is extended."""
    table = np.full(NO_CLASS + 2, -1)
    for cls in np.unique(ids).tolist():
        name = class_name(names, None if cls < 0 else cls)
        table[cls] = place.setdefault(name, len(place))
    return table[ids]


def _newest_answers(answers: Iterable[AnswerRecord]) -> tuple[list[int], list[str | None]]:
    """Return the samples at which the newest known class changes, and its name from then on."""
    effective = [one for one in answers if one.effective and one.name is not None]
    changes = [(one.at or 0, False, i) for i, one in enumerate(effective)]
    changes += [(one.undone_at, True, i) for i, one in enumerate(effective) if one.undone_at is not None]
    known: dict[int, None] = {}  # in the order of the answers
    moments, newest = [], []
    for at, undone, i in sorted(changes):
        if undone:
            known.pop(i, None)
        else:
            known[i] = None
        moments.append(at)
        newest.append(effective[next(reversed(known))].name if known else None)
    return moments, newest


def _questions(history: SessionHistory, track: TruthTrack, window: int) -> tuple[QuestionRow, ...]:
    answers = history.answers_by_window()
    rows = []
    for question in history.questions:
        outcome, answer = outcome_of(answers.get(question.window, ()))
        at, name = (None, None) if answer is None else (answer.at, answer.name)
        truth = track.of(question.window, window)
        rows.append(QuestionRow(question.window, question.since, question.asked, truth, outcome, at, name))
    return tuple(rows)
