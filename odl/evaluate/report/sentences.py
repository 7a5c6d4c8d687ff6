"""The result in sentences, for the page and the terminal."""

from __future__ import annotations

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
    late, plain = mean["accuracy_last_third"], mean["baselines"]["no_learning"]["accuracy_last_third"]
    if late is None:
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
    before, after = percent(plain), percent(late)
    if plain is None:
        return f"With {answers}{each}, accuracy on the last third was {after}{who}"
    if before == after:
        return f"With {answers}{each}, accuracy on the last third stayed at {after}{who}"
    moved = "rose" if late > plain else "fell"
    return f"With {answers}{each}, accuracy on the last third {moved} from {before} to {after}{who}"


def comparison(mean: Mapping[str, Any], worst: Mapping[str, Any] | None) -> str:
    """The headline's context: the interval over people, the worst person, the baselines."""
    if worst is None:
        return "The pictures below show the predictions and the questions."
    sentences = []
    if mean["interval"]:
        low, high = mean["interval"]
        sentences.append(f"The 95 % interval over people is {100 * low:.0f} to {percent(high)}.")
    if mean["people"] > 1:
        plain = worst["baselines"]["no_learning"]["accuracy_last_third"]
        sentences.append(
            f"The lowest accuracy is {percent(worst['accuracy_last_third'])}, of person "
            f"{clean(worst['subject'])}"
            + ("." if plain is None else f" ({percent(plain)} without learning).")
        )
    last = mean["baselines"]["persistence"]["accuracy_last_third"]
    most = mean["baselines"]["majority"]["accuracy_last_third"]
    sentences.append(
        f"A rule that always repeats the last answer reaches {percent(last)}; one that always names the most "
        f"frequent class reaches {percent(most)}."
    )
    return " ".join(sentences)


def outcomes(evaluations: Sequence[Evaluation]) -> str:
    """How all questions ended, for example "19 answered, 1 open at the end"; empty if none was asked.

    >>> outcomes([])
    ''
    """
    count = Counter(q.outcome for one in evaluations for q in one.timeline.questions)
    return ", ".join(f"{count[outcome]} {word}" for outcome, word in _OUTCOMES.items() if count[outcome])
