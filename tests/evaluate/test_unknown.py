"""What is shown as unknown, as figures of a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from odl.core.events import NO_CLASS
from odl.core.unknown import LEVELS
from odl.data.streams import load_model
from odl.evaluate.replay import replay

SHOULDER = load_model("shoulder")
LEAST = {name: [20000] * len(LEVELS) for name in SHOULDER.names.values()}
IMAGE = replace(SHOULDER, card=SHOULDER.card | {"unknown": LEAST})
OLDER = replace(SHOULDER, card={name: entry for name, entry in SHOULDER.card.items() if name != "unknown"})


def test_figures_and_report(tmp_path: Path) -> None:
    result = replay("shoulder", model=IMAGE, subjects=[7], policy="none")
    (one,) = result.evaluations
    frame = result.predictions
    records = result.outcomes[0].trace.predictions
    low = [max(scores) < 20000 for scores in records["scores"].tolist()]  # the tree is flat: the class named
    known = frame.truth.isin(IMAGE.names.values())
    assert one.known_as_unknown == pytest.approx(frame[known].assign(low=low_of(low, known)).low.mean())
    assert one.new_as_unknown == pytest.approx(frame[~known].assign(low=low_of(low, ~known)).low.mean())
    assert 0 < one.known_as_unknown < one.new_as_unknown
    assert result.to_json()["mean"]["new_as_unknown"] == one.new_as_unknown
    shown = int(one.shown_as_unknown or 0)
    assert shown == sum(low_of(low, records["held"] == NO_CLASS)) > 0
    alarms = f"{100 * one.known_as_unknown:.0f} % of those of classes that the image knows"
    note = f"{shown} windows shown as unknown, perhaps something new: {alarms}"
    assert any(said.startswith(note) and said.endswith(" of other classes") for said in result.notes())
    page = result.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert f'<th scope="row">shown as unknown</th><td>{shown} of {one.windows}' in page
    assert f'<th scope="row">new, shown as unknown</th><td>{100 * one.new_as_unknown:.1f}' in page


def low_of(low: list[bool], chosen: object) -> list[bool]:
    return [value for value, here in zip(low, chosen, strict=True) if here]  # type: ignore[call-overload]


def test_accuracies_and_trace_are_as_without(tmp_path: Path) -> None:
    with_scores, without = (
        replay("shoulder", model=image, subjects=[7], budget=5) for image in (IMAGE, OLDER)
    )
    assert with_scores.outcomes[0].trace_sha256 == without.outcomes[0].trace_sha256
    assert with_scores.evaluations[0].score == without.evaluations[0].score
    assert without.evaluations[0].known_as_unknown is without.evaluations[0].shown_as_unknown is None
    assert not any("unknown" in note for note in without.notes())


@pytest.mark.parametrize("learner", ["nearest-mean", "knn", "river:naive_bayes.MultinomialNB"])
def test_the_images_least_scores_say_nothing_of_another_learners(learner: str) -> None:
    result = replay("shoulder", subjects=[7], budget=2, learner=learner)
    assert result.evaluations[0].shown_as_unknown is result.evaluations[0].known_as_unknown is None
    assert not any("unknown" in note for note in result.notes())
    own_policy = replay("shoulder", subjects=[7], budget=2, policy="entropy")
    assert own_policy.evaluations[0].shown_as_unknown is not None
