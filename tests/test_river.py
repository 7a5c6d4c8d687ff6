"""Dendron and TActiLE as estimators of river: river's own checks, and a pipeline."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from river import active, checks, datasets, metrics, preprocessing

from odl.river import OnlineDendron, TActiLE


def all_checks(model: object) -> list[Callable[[object], None]]:
    return [check for check in checks.yield_checks(model) if check.__name__ not in model._unit_test_skips()]  # type: ignore[attr-defined]


DENDRON = OnlineDendron(**next(iter(OnlineDendron._unit_test_params())))


@pytest.mark.parametrize("check", all_checks(DENDRON), ids=lambda check: check.__name__)
def test_dendron_passes_rivers_own_checks(check: Callable[[object], None]) -> None:
    assert check(DENDRON.clone()) is None


def test_dendron_learns_what_there_is_to_learn() -> None:
    model, metric = preprocessing.StandardScaler() | OnlineDendron(), metrics.Accuracy()
    for x, y in datasets.ImageSegments().take(400):
        metric.update(y, model.predict_one(x))
        model.learn_one(x, y)
    assert metric.get() > 0.7


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.5])
def test_tactile_in_a_pipeline_spends_its_budget_and_no_more(budget: float) -> None:
    model = preprocessing.StandardScaler() | TActiLE(OnlineDendron(), budget=budget)
    asked = 0
    for x, y in datasets.Phishing().take(1000):
        _, ask = model.predict_one(x)
        if ask:
            asked += 1
            model.learn_one(x, y)
    assert 0.5 * budget < asked / 1000 <= budget


def test_tactile_is_an_active_learner_like_rivers_own() -> None:
    """The checks that river's own active learner passes."""
    own, other = TActiLE(DENDRON.clone()), active.EntropySampler(DENDRON.clone(), seed=1)
    failed: dict[str, list[str]] = {"own": [], "other": []}
    for name, model in (("own", own), ("other", other)):
        for check in all_checks(model):
            try:
                check(model.clone())
            except Exception:  # river's checks raise whatever comes
                failed[name].append(check.__name__)
    assert set(failed["own"]) <= set(failed["other"])


def test_a_budget_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="budget is 0"):
        TActiLE(OnlineDendron(), budget=0)
