"""Score a model image without learning or questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from odl._text import aligned, clean, counted, percent, wrapped
from odl.core.config import Config, ConfigError
from odl.core.events import Truth
from odl.core.image import Image
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.trace import Step, Trace
from odl.data.streams import Stream
from odl.evaluate.metrics import SCORES, Confusion, Score, confusion_of, recall_of, score_of, shown_at
from odl.evaluate.timeline import read_timeline
from odl.model.restrict import leaves, restrict


def _shown(score: Score) -> dict[str, float | None]:
    return {metric.name: score[metric.name] for metric in shown_at("model", SCORES)}


@dataclass(frozen=True, slots=True)
class PersonScore:
    """The scores of one person's windows.

    ``learned_from`` is true if the image's card lists the person as a training subject. ``same_as_before`` is
    the share of scored windows whose true class is that of the scored window before.
    """

    subject: str
    windows: int
    scored: int
    score: Score
    learned_from: bool = False
    same_as_before: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "subject": self.subject,
            "windows": self.windows,
            "scored": self.scored,
            **_shown(self.score),
            "same_as_before": self.same_as_before,
            "learned_from": self.learned_from,
        }


@dataclass(frozen=True, slots=True)
class ModelScore:
    """The scores of an image; ``score`` is over all scored windows of all people together.

    ``confusion[i][j]`` counts windows of ``classes[i]`` that were called ``classes[j]``.
    ``float_accuracy`` is the accuracy of the floating-point model on people held out of training, from the
    image's card. It is None if the card does not hold it, or is of another dataset, or only some classes are
    scored. ``restricted`` are the requested classes, None for all; ``unknown`` are the scored
    classes that the image does not know.
    """

    score: Score
    float_accuracy: float | None
    subjects: tuple[PersonScore, ...]
    classes: tuple[str, ...]
    confusion: Confusion
    recall: dict[str, float | None]
    restricted: tuple[str, ...] | None = None
    unknown: tuple[str, ...] = ()

    @property
    def scored(self) -> int:
        """Windows that were scored."""
        return sum(one.scored for one in self.subjects)

    @property
    def worst(self) -> PersonScore | None:
        """The person with the lowest accuracy, the first of equals; None if nobody has one."""
        scored = [one for one in self.subjects if one.score.accuracy is not None]
        return min(scored, key=lambda one: one.score.accuracy or 0.0, default=None)

    def notes(self) -> list[str]:
        """Notes on the figures."""
        notes = []
        if self.unknown:
            names = ", ".join(self.unknown)
            notes.append(f"the model does not know {names}: their windows count as wrong")
        if trained_on := [one.subject for one in self.subjects if one.learned_from]:
            people = ", ".join(trained_on)
            notes.append(f"the model was trained on person {people}: expect lower figures for other people")
        return notes

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        worst = self.worst
        return {
            **_shown(self.score),
            "float_accuracy": self.float_accuracy,
            "windows": sum(one.windows for one in self.subjects),
            "scored": self.scored,
            "subjects": [one.to_json() for one in self.subjects],
            "worst": None if worst is None else worst.to_json(),
            "classes": list(self.classes),
            "recall": dict(self.recall),
            "confusion": [list(row) for row in self.confusion],
            "restricted_to": None if self.restricted is None else list(self.restricted),
            "notes": self.notes(),
        }


def score_model(
    image: Image,
    streams: Iterable[Stream],
    classes: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> ModelScore:
    """Run the image over each person's stream in its integer kernels and compare with the truth.

    A window's truth is the class of at least half of its samples (`odl.core.ground_truth.TruthTrack`), as in
    a replay; other windows are not scored. A class that the image does not know counts as wrong.

    Parameters
    ----------
    image : Image
    streams : iterable of Stream
        One per person, see `odl.data.streams`.
    classes : sequence of str, optional
        Score only windows of these classes, and restrict the image to those of them that it knows
        (`odl.model.restrict`).
    progress : callable, optional
        Called with a short sentence before each person.

    Raises
    ------
    ConfigError
        If the image knows none of the streams' classes, neither image nor streams know one of
        ``classes``, or the image knows fewer than two of them.
    ValueError
        If a stream's channels or rate do not fit the image; the message names both.

    Examples
    --------
    >>> from odl.data import model_path
    >>> from odl.data.streams import dataset_streams, load_model
    >>> streams = dataset_streams("shoulder", [7], 0)
    >>> result = score_model(load_model(model_path("shoulder")), streams, ["pendulum", "abduction"])
    >>> result.classes, result.scored, result.score.accuracy > 0.9
    (('pendulum', 'abduction'), 108, True)
    """
    streams = list(streams)
    only = None if classes is None else tuple(dict.fromkeys(classes))
    _comparable(image, streams)
    chosen = image if only is None else _choice(image, streams, only)
    trained_on = _trained_on(image, streams)
    truth: list[str] = []
    predicted: list[str] = []
    people = []
    for stream in streams:
        if progress is not None:
            for sentence in (f"person {stream.subject}", *stream.notes):
                progress(sentence)
        rows = _windows(chosen, stream)
        scored = [(true, name) for true, name in rows if true and (only is None or true in only)]
        true, said = [true for true, _ in scored], [name for _, name in scored]
        before = score_of(true[1:], true[:-1]).accuracy
        known = stream.subject in trained_on
        people.append(
            PersonScore(stream.subject, len(rows), len(scored), score_of(true, said), known, before)
        )
        truth += true
        predicted += said
    found, confusion = confusion_of([image.names[c] for c in sorted(image.names)], truth, predicted)
    return ModelScore(
        score=score_of(truth, predicted),
        float_accuracy=_float_accuracy(image, streams) if chosen is image else None,
        subjects=tuple(people),
        classes=found,
        confusion=confusion,
        recall=recall_of(found, confusion),
        restricted=only,
        unknown=tuple(name for name in found if name in set(truth).difference(image.names.values())),
    )


def _comparable(image: Image, streams: Sequence[Stream]) -> None:
    known = leaves(image)
    told = dict.fromkeys(name for stream in streams for name in stream.classes)
    if told and not set(told) & set(known):
        raise ConfigError(
            f"the model knows {', '.join(known)}, and the data have {', '.join(told)}: "
            "no class is in both, so there is nothing to compare"
        )


def _choice(image: Image, streams: Sequence[Stream], only: Sequence[str]) -> Image:
    known = leaves(image)
    told = dict.fromkeys([*known, *(name for stream in streams for name in stream.classes)])
    if strange := [name for name in only if name not in told]:
        raise ConfigError(f"there is no class '{strange[0]}' to score; there are {', '.join(told)}")
    if len(among := [name for name in only if name in known]) < 2:
        raise ConfigError(
            f"a choice needs two classes that the model knows, and of these it knows "
            f"{', '.join(among) or 'none'}; it knows {', '.join(known)}"
        )
    return restrict(image, among)


def _windows(image: Image, stream: Stream) -> list[tuple[str | None, str]]:
    """The truth, None where there is none, and the prediction for every window of the stream."""
    session = Session(image, Config(**stream.scaling(image)._asdict()))
    trace = Trace(step for step in steps(session, stream.inputs()) if not isinstance(step.input, Truth))
    trace.steps = [*(Step(truth, ()) for truth in stream.truths), *trace.steps]
    rows = read_timeline(trace, (), image.names, window=image.window).rows
    return list(zip(rows.named("truth"), rows.named("predicted"), strict=True))  # type: ignore[arg-type]


def _same_dataset(image: Image, streams: Sequence[Stream]) -> bool:
    return all(stream.about.get("dataset") == image.card.get("dataset") for stream in streams)


def _float_accuracy(image: Image, streams: Sequence[Stream]) -> float | None:
    held_out = image.card.get("held_out_people")
    figure = held_out.get("float_accuracy") if isinstance(held_out, dict) else None
    told = isinstance(figure, int | float) and _same_dataset(image, streams)
    return float(figure) if told and figure is not None else None


def _trained_on(image: Image, streams: Sequence[Stream]) -> set[str]:
    people = image.card.get("trained_on")
    told = isinstance(people, list) and _same_dataset(image, streams)
    return {str(person) for person in people} if told and people else set()


def score_text(score: ModelScore) -> str:
    """The figures for a terminal: headline, people, classes with their confusion.

    Names are cleaned and cut to fit.

    Examples
    --------
    >>> score = score_of(["sit", "sit", "sit", "walk"], ["sit", "sit", "walk", "walk"])
    >>> one, counts = PersonScore("7", windows=5, scored=4, score=score), ((2, 1), (0, 1))
    >>> recall = {"sit": 2 / 3, "walk": 1.0}
    >>> text = score_text(ModelScore(score, None, (one,), ("sit", "walk"), counts, recall))
    >>> print(text.split("\\n\\n")[-1])
    true \\ predicted   recall  a  b
    a sit              66.7 %  2  1
    b walk            100.0 %  0  1
    """
    if not score.scored:
        return "No window could be scored: no class is known for half of the samples of any window."
    metrics = shown_at("model", SCORES)
    figures = ", ".join(f"{metric.label} {metric.text(score.score)}" for metric in metrics)
    headline = f"{figures} over {counted(score.scored, 'scored window')}"
    if score.float_accuracy is not None:
        in_float = percent(score.float_accuracy, 1)
        headline += f"\nfloating-point accuracy on people held out of training, from the card: {in_float}"
    people = [["person", "windows", "scored", *(metric.label for metric in metrics), "same as before"]] + [
        [clean(one.subject, 30), str(one.windows), str(one.scored), *(m.text(one.score) for m in metrics),
         percent(one.same_as_before, 1)]
        for one in score.subjects
    ]  # fmt: skip
    letters = [chr(ord("a") + i) if i < 26 else str(i) for i in range(len(score.classes))]
    table = [["true \\ predicted", "recall", *letters]] + [
        [f"{letter} {clean(name, 30)}", percent(score.recall[name], 1), *map(str, row)]
        for letter, name, row in zip(letters, score.classes, score.confusion, strict=True)
    ]
    before = "same as before: what an oracle reaches that is told each true class one window late"
    parts = [headline, f"{aligned(people)}\n{wrapped(before)}", aligned(table)]
    worst = score.worst
    if worst is not None and len(score.subjects) > 1:
        lowest = percent(worst.score.accuracy, 1)
        parts.insert(2, f"lowest accuracy: {lowest}, person {clean(worst.subject, 30)}")
    if notes := score.notes():
        parts.append("\n".join(wrapped(f"note: {clean(note, 1000)}") for note in notes))
    return "\n\n".join(parts)
