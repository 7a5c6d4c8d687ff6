"""The result in sentences, for the page and the terminal."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from odl._text import clean, percent
from odl.evaluate import Evaluation, QuestionOutcome, mean_of

_OUTCOMES = {
    QuestionOutcome.ANSWERED: "answered", QuestionOutcome.SKIPPED: "skipped",
    QuestionOutcome.EXPIRED: "expired", QuestionOutcome.UNDONE: "taken back",
    QuestionOutcome.OPEN: "open at the end",
}  # fmt: skip


def headline(evaluations: Sequence[Evaluation], people: str = "people") -> str:
    """The result in one sentence.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> headline([evaluate([], [], {}, subject="7", window=128, rate_hz=50)])
    'Nothing could be scored: the stream carries no truth'
    """
    mean = mean_of(evaluations)
    if mean["accuracy"] is None:
        return "Nothing could be scored: the stream carries no truth"
    answers = f"{mean['answers']:.0f}"
    if len({one.timeline.standing for one in evaluations}) > 1:
        answers = f"about {answers}"
    answers += " answer" if answers == "1" else " answers"
    if mean["taught"]:
        answers += f" and {mean['taught']:.1f}".removesuffix(".0") + " taught"
    if len(evaluations) > 1:
        each, who = " a person", f" ({len(evaluations)} {people})"
    else:
        each, who = "", f" (person {clean(evaluations[0].subject)})"
    whole = f"With {answers}{each}, accuracy {_moved(mean, 'accuracy')} over the whole stream"
    if all(len(one.late_classes) < 2 for one in evaluations):
        return f"{whole}{who}"  # one class alone: the last third says little
    verb, figures = _moved(mean, "accuracy_last_third").split(" ", 1)
    again = "" if f" {verb} " in whole else f"{verb} "
    return f"{whole} and {again}{figures} over its last third{who}"


def _moved(figures: Mapping[str, Any], metric: str) -> str:
    """Where a figure went with learning: "rose from 64 % to 88 %"."""
    late, plain = figures[metric], figures["baselines"]["no_learning"][metric]
    before, after = percent(plain), percent(late)
    if plain is None:
        return f"was {after}"
    if before == after:
        return f"stayed at {after}"
    return f"{'rose' if late > plain else 'fell'} from {before} to {after}"


def comparison(evaluations: Sequence[Evaluation]) -> str:
    """The headline's context: the interval over people, who gains least, the last answer repeated.

    Examples
    --------
    >>> from odl.core.events import Prediction, Truth
    >>> from odl.evaluate import evaluate
    >>> stream = [Truth(0, 128, "sit"), Prediction(0, (0,), ())]
    >>> one = evaluate(stream, stream[1:], {0: "sit"}, subject="7", window=128, rate_hz=50)
    >>> comparison([one]).split(". ")[1]
    'The last third of person 7 is one class alone, sit: it shows only whether that class is recognised.'
    """
    mean, sentences = mean_of(evaluations), []
    if mean["interval"]:
        low, high = mean["interval"]
        sentences.append(
            f"The 95 % interval over people of the last third is {100 * low:.0f} to {percent(high)}."
        )
    gains = {
        one.subject: one.score.accuracy - plain
        for one in evaluations
        if one.score.accuracy is not None and (plain := one.baselines["no_learning"].accuracy) is not None
    }
    if len(gains) > 1:
        least = min(gains, key=lambda subject: gains[subject])
        sentences.append(
            f"Over the whole stream person {clean(least)} gains least, {100 * gains[least]:+.1f} points."
        )
    if (last := mean["baselines"]["persistence"]["accuracy_last_third"]) is not None:
        sentences.append(f"A rule that repeats the last answer reaches {percent(last)} in the last third.")
    for one in evaluations:
        if len(one.late_classes) == 1:
            sentences.append(
                f"The last third of person {clean(one.subject)} is one class alone, "
                f"{clean(one.late_classes[0])}: it shows only whether that class is recognised."
            )
    return " ".join(sentences)


def new_classes(evaluations: Sequence[Evaluation]) -> str:
    """Which classes the model did not know when the sessions began, as a sentence; empty if none.

    >>> new_classes([])
    ''
    """
    fresh = dict.fromkeys(clean(name) for one in evaluations for _, name in one.timeline.added)
    if not fresh:
        return ""
    were = "class is" if len(fresh) == 1 else "classes are"
    return f"{len(fresh)} {were} new, learned from answers alone: {', '.join(fresh)}."


def next_steps(recordings: Sequence[str]) -> list[tuple[str, str]]:
    """What a reader of the page can do next: a sentence, and the command for it.

    Parameters
    ----------
    recordings : sequence of str
        File names of the sessions' recordings; empty ones are left out.

    >>> next_steps(["anna.odl"])[0]
    ('See who answered what, and correct an answer', 'odl label anna.odl')
    """
    files = [shlex.quote(clean(name, 60)) for name in recordings if name]
    steps = []
    if files:
        steps += [
            ("See who answered what, and correct an answer", f"odl label {files[0]}"),
            ("Ask other questions of the same stream", f"odl replay {files[0]} --policy random --budget 10"),
            ("Check that C and a board give the same", f"odl verify {files[0]}"),
        ]
    if len(files) > 1:
        steps.append(("Compare two sessions", f"odl report {files[0]} {files[1]}"))
    steps.append(("Try it live, without a board", "odl live --emulated --play shoulder"))
    return steps


def outcomes(evaluations: Sequence[Evaluation]) -> str:
    """How all questions ended, for example "19 answered, 1 open at the end"; empty if none was asked.

    >>> outcomes([])
    ''
    """
    count = Counter(q.outcome for one in evaluations for q in one.timeline.questions)
    return ", ".join(f"{count[outcome]} {word}" for outcome, word in _OUTCOMES.items() if count[outcome])
