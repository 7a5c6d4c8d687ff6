"""What happened in a session, gathered from its events and from nothing else.

:class:`Timeline` is what evaluation scores and the report draws: a row for each window,
a question for each query with its outcome, and the moments at which something was learned,
announced or lost. Times are sample indices since the session's start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Truth,
    Undo,
    Why,
)
from odl.core.ground_truth import TruthTrack

# An answer for which one of these is reported had no effect. FULL is not among them: the
# learner had no room left for it, but somebody knew the class.
_REFUSED = (Why.LATE, Why.REPEATED, Why.UNKNOWN, Why.NO_SUCH_CLASS)


class Outcome(Enum):
    """How a question ended."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    UNDONE = "undone"  # the answer was taken back, and no other came
    OPEN = "open"  # the stream ended before an answer and before the expiry


@dataclass(frozen=True, slots=True)
class Row:
    """One window: its truth and what was said of it. Names, or None where there is none.

    ``persistence`` is the answer given last before the window's end and not taken back by then.
    """

    window: int
    truth: str | None
    predicted: str
    held: str | None
    without: str | None
    persistence: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A query: asked at ``asked`` about ``window``; ``answer`` came at ``at`` (a class name)."""

    window: int
    asked: int
    outcome: Outcome
    at: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session as rows and moments; ``names`` maps class ids, in order of the ids.

    ``truths`` are (start, end, name), ``lessons`` (at, number of labels learned there),
    ``added`` (at, name), ``gaps`` (start, lost); ``dropped`` counts by :class:`Why`.
    ``labels`` counts the answers that took effect, ``undone`` those taken back again.
    """

    window: int
    hop: int
    end: int
    names: dict[int, str]
    rows: tuple[Row, ...]
    truths: tuple[tuple[int, int, str], ...]
    questions: tuple[Question, ...]
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
    events: Sequence[Event], without: Sequence[Event], names: Mapping[int, str], *, window: int
) -> Timeline:
    """Gather ``events`` of a whole session into a :class:`Timeline`.

    Parameters
    ----------
    events
        Inputs and outputs in their order.
    without
        The trace of the same stream without learning; empty if there is none.
    names
        The image's class ids and names, which ``AddClass`` events extend.
    window
        Window length in samples, at least 1.

    Raises
    ------
    ValueError
        ``window`` is below 1, or ``without`` has predictions but not for all of the windows.

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
    known, added = _classes(events, names)
    predictions = [e for e in events if isinstance(e, Prediction)]
    truths = tuple(sorted((t.start, t.end, t.name) for t in events if isinstance(t, Truth)))
    track = TruthTrack(t for t in events if isinstance(t, Truth))
    plain = _predicted([e for e in without if isinstance(e, Prediction)], _classes(without, known)[0])
    if plain and (missing := {p.window for p in predictions} - plain.keys()):
        raise ValueError(
            f"the trace without learning says nothing of window {min(missing)}: "
            "replay the same stream with the policy 'none'"
        )
    answers, undone = _effective(events)
    moments, last = _last_answers(events, answers, undone, known)
    rows = []
    for p in predictions:
        before = bisect_left(moments, p.window + window)  # answers with at < the window's end
        rows.append(
            Row(
                window=p.window,
                truth=track.of(p.window, window),
                predicted=class_name(known, p.path[-1] if p.path else None),
                held=None if p.held is None else class_name(known, p.held),
                without=plain.get(p.window),
                persistence=last[before - 1] if before else None,
            )
        )
    starting = sorted({p.window for p in predictions})
    steps = Counter(b - a for a, b in zip(starting, starting[1:], strict=False))
    learned = Counter(e.at for e in events if isinstance(e, Learned))
    return Timeline(
        window=window,
        hop=min(window, steps.most_common(1)[0][0] if steps else window),
        end=max([t[1] for t in truths] + [p.window + window for p in predictions], default=0),
        names=dict(sorted(known.items())),
        rows=tuple(rows),
        truths=truths,
        questions=_questions(events, answers, undone.values(), known, window),
        lessons=tuple(sorted(learned.items())),
        added=added,
        gaps=tuple((e.start, e.lost) for e in events if isinstance(e, Gap | Adopt)),
        dropped=dict(Counter(e.why for e in events if isinstance(e, Dropped))),
        labels=sum(label.cls is not None for label in answers.values()),
        skipped=sum(label.cls is None for label in answers.values()),
        undone=len(undone),
    )


def class_name(names: Mapping[int, str], cls: int | None) -> str:
    """The name of class ``cls``, or a plain stand-in for one that has none.

    >>> class_name({3: "row"}, 3), class_name({}, 9), class_name({}, None)
    ('row', 'class 9', 'no class')
    """
    return "no class" if cls is None else names.get(cls, f"class {cls}")


def _predicted(predictions: Sequence[Prediction], names: Mapping[int, str]) -> dict[int, str]:
    return {p.window: class_name(names, p.path[-1] if p.path else None) for p in predictions}


def _classes(
    events: Sequence[Event], names: Mapping[int, str]
) -> tuple[dict[int, str], tuple[tuple[int, str], ...]]:
    """All class names, and those that were announced on the way and not refused."""
    added: list[AddClass] = []
    cause: Event | None = None  # the input that the outputs come of
    for event in events:
        if not isinstance(event, Output):
            cause = event
        if isinstance(event, AddClass):
            added.append(event)
        elif (
            isinstance(event, Dropped)
            and event.window == NO_WINDOW
            and event.why in (Why.FULL, Why.NO_SUCH_CLASS)
            and added
            and added[-1] is cause
        ):
            added.pop()
    return {**{e.cls: e.name for e in added}, **names}, tuple((e.at, e.name) for e in added)


def _effective(events: Sequence[Event]) -> tuple[dict[int, Label], dict[int, int]]:
    """The answers (skips included) that were not refused, by position; and what each undo,
    by position, took back: the newest answer that was learned from or still can be.
    """  # fmt: skip
    answers: dict[int, Label] = {}
    undone: dict[int, int] = {}
    standing: list[int] = []  # what an undo can take back
    for position, event in _undo_last(events):
        if isinstance(event, Label):
            answers[position] = event
            standing += [position] * (event.cls is not None)
        elif isinstance(event, Undo):
            if standing:
                undone[position] = standing.pop()
        elif isinstance(event, Dropped) and event.why in (*_REFUSED, Why.FULL):
            among = standing if event.why is Why.FULL else list(answers)
            about = next((i for i in reversed(among) if answers[i].window == event.window), None)
            if about is None:
                continue
            standing = [i for i in standing if i != about]
            if event.why is not Why.FULL:
                del answers[about]
    return answers, {undo: answer for undo, answer in undone.items() if answer in answers}


def _undo_last(events: Sequence[Event]) -> Iterator[tuple[int, Event]]:
    """The events with their positions, an undo after what its step settles before it; an
    undo that had no effect is left out.
    """  # fmt: skip
    waiting: tuple[int, Undo] | None = None
    for position, event in enumerate(events):
        if waiting and not (isinstance(event, Dropped | Learned) and event.at == waiting[1].at):
            yield waiting
            waiting = None
        if isinstance(event, Undo):
            waiting = position, event
            continue
        if isinstance(event, Dropped) and event.why is Why.NOTHING_TO_UNDO:
            waiting = None
        yield position, event
    if waiting:
        yield waiting


def _last_answers(
    events: Sequence[Event],
    answers: Mapping[int, Label],
    undone: Mapping[int, int],
    names: Mapping[int, str],
) -> tuple[list[int], list[str | None]]:
    """The moments at which the last known class changes, and what it is from then on."""
    moves = [(e.at, i) for i, e in enumerate(events) if isinstance(e, Label | Undo)]
    known: list[int] = []
    moments, last = [], []
    for at, position in sorted(moves):
        if position in undone:
            known = [i for i in known if i != undone[position]]
        elif position in answers and answers[position].cls is not None:
            known.append(position)
        else:
            continue
        moments.append(at)
        last.append(class_name(names, answers[known[-1]].cls) if known else None)
    return moments, last


def _questions(
    events: Sequence[Event],
    answers: Mapping[int, Label],
    undone: Collection[int],
    names: Mapping[int, str],
    window: int,
) -> tuple[Question, ...]:
    answer = {label.window: label for position, label in answers.items() if position not in undone}
    taken_back = {answers[position].window for position in undone}
    ended = {e.window for e in events if isinstance(e, Dropped) and e.why is Why.EXPIRED}
    questions = []
    now = 0  # the end of the newest window: a question may be put later than its own window
    for event in events:
        if isinstance(event, Prediction):
            now = event.window + window
        if not isinstance(event, Query):
            continue
        at = name = None
        if (label := answer.get(event.window)) is not None:
            at, outcome = label.at, Outcome.SKIPPED
            if label.cls is not None:
                outcome, name = Outcome.ANSWERED, class_name(names, label.cls)
        elif event.window in ended:
            outcome = Outcome.EXPIRED
        else:
            outcome = Outcome.UNDONE if event.window in taken_back else Outcome.OPEN
        asked = max(now, event.window + window)
        questions.append(Question(event.window, asked, outcome, at, name))
    return tuple(questions)
