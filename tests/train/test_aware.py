"""Fine-tuning for int8, on models that int8 cannot say well (needs torch)."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from odl.train import aware, deploy, train
from odl.train.aware import features, fine_tune, rounded, steps_of
from odl.train.net import INPUT_UNIT, Net
from odl.train.quantise import scale_raw
from odl.train.tree import tree_of
from odl.train.unified import Fitted, Fold, finish, fit_tree, folds, input_scale_of, plan_for
from odl.train.windows import gather
from tests.train.test_unified import CLASSES, SMALL, TREE, dataset

pytestmark = pytest.mark.train

CARD = dataset().card
ARBOR = tree_of(CLASSES, TREE)
PLAN = plan_for(CARD, SMALL)
TRAIN = gather(dataset(), [1, 2], PLAN.window, PLAN.dense)
HELD = gather(dataset(), [3, 4], PLAN.window, PLAN.hop)


def lopsided(net: Net, by: float = 200) -> Net:
    """The same function in floats; but a layer's outputs, which share a scale, differ up to ``by`` times."""
    net = copy.deepcopy(net)
    with torch.no_grad():
        for layer in (0, 1):
            here, after = (net.get_submodule(f"convs.{i}") for i in (layer, layer + 1))
            weight, bias = here.get_parameter("weight"), here.get_parameter("bias")
            factor = by ** -torch.linspace(0, 1, len(bias))
            weight *= factor[:, None, None]
            bias *= factor
            after.get_parameter("weight").div_(factor[:, None])
    return net


def fit(seed: int) -> Net:
    return fit_tree(TRAIN, ARBOR, CARD, input_scale_of(TRAIN, CARD), PLAN, seed)


@pytest.fixture(scope="module")
def net() -> Net:
    return fit(1)


def fitted(net: Net) -> Fitted:
    return finish(net, input_scale_of(TRAIN, CARD), TRAIN, ARBOR, CARD, 1)


@pytest.mark.parametrize("by", [1, 20, 200])
def test_the_forward_pass_is_the_integer_model_within_one_unit(net: Net, by: float) -> None:
    made = fitted(lopsided(net, by))
    raw = HELD.cut()
    x = scale_raw(raw, made.whole.scaling).astype(np.float32) / np.float32(INPUT_UNIT)
    with torch.no_grad():
        felt = features(made.net, steps_of(made.net, made.whole.layers), torch.from_numpy(x)).numpy()
    want = made.whole.features(raw).astype(np.float64)
    assert want.max() > 100
    assert np.abs(felt - want).max() <= 1
    assert (felt == want).mean() > 0.99


def test_rounding_passes_its_gradient_and_saturation_stops_it() -> None:
    x = torch.tensor([-0.6, 0.5, 3.2, 300.0], requires_grad=True)
    y = rounded(x).clamp(0, 255)
    y.sum().backward()
    assert y.tolist() == [0, 1, 3, 255]
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 0]


def test_rounding_in_the_forward_pass_is_what_helps_coarse_weights(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of -1, 0 and 1: beside it, the same steps without rounding."""

    def unrounded(net: Net, steps: list[float], x: torch.Tensor) -> torch.Tensor:
        return net.features(x) / steps[-1]

    def accuracy(made: Fitted, steps: list[float]) -> float:
        x = scale_raw(HELD.cut(), made.whole.scaling).astype(np.float32) / np.float32(INPUT_UNIT)
        with torch.no_grad():
            logits = made.net.head(features(made.net, steps, torch.from_numpy(x)) * steps[-1]).numpy()
        return float((ARBOR.route(logits) == HELD.cls).mean())

    monkeypatch.setattr(aware, "LEVELS", 1)
    before, tuned, control = [], [], []
    for one in (net, fit(3), fit(5)):
        made = fitted(one)
        steps = steps_of(made.net, made.whole.layers)
        before.append(accuracy(made, steps))
        tuned.append(accuracy(fine_tune(made, TRAIN, PLAN, 1), steps))
        with monkeypatch.context() as without:
            without.setattr(aware, "features", unrounded)
            control.append(accuracy(fine_tune(made, TRAIN, PLAN, 1), steps))
    assert np.mean(tuned) > np.mean(before) + 0.03
    assert np.mean(tuned) > np.mean(control) + 0.01


def test_fine_tuning_brings_back_what_int8_costs(net: Net) -> None:
    """Here steps without rounding do as well: they too draw the uneven outputs together."""
    bad = [fitted(lopsided(one)) for one in (net, fit(3), fit(5))]
    good = [fine_tune(one, TRAIN, PLAN, 1) for one in bad]
    real = np.mean([one.guess_float(HELD).accuracy for one in bad])
    before, after = (np.mean([one.guess_int8(HELD).accuracy for one in some]) for some in (bad, good))
    assert before < real - 0.06
    assert after > before + 0.06 and after > real - 0.03


def test_fine_tuning_is_repeatable_and_leaves_what_it_was_given(net: Net) -> None:
    given = fitted(net)
    before = {name: value.clone() for name, value in given.net.state_dict().items()}
    one, two = (fine_tune(given, TRAIN, PLAN, 1) for _ in range(2))
    assert all(torch.equal(before[name], value) for name, value in given.net.state_dict().items())
    assert np.array_equal(one.whole.base, two.whole.base)
    assert not np.array_equal(one.whole.base, given.whole.base)


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fit of a training ends in a net that int8 cannot say well."""

    def final(*given: Any) -> Net:
        return lopsided(fit_tree(*given))

    def all_folds(data: Any, people: Any, tree: Any, plan: Any, *rest: Any) -> tuple[list[Fold], Any]:
        found, curves = folds(data, people, tree, plan, *rest)
        made = []
        for fold in found:
            own = gather(data, [p for p in people if p not in fold.held], plan.window, plan.dense)
            net = lopsided(fold.fitted.net)
            made.append(replace(fold, fitted=finish(net, fold.fitted.scale, own, tree, CARD, 1)))
        return made, curves

    monkeypatch.setattr(deploy, "fit_tree", final)
    monkeypatch.setattr(deploy, "folds", all_folds)


def test_training_fine_tunes_where_int8_costs_too_much(spoilt: None) -> None:
    said: list[str] = []
    image = train(dataset(), seed=3, folds=2, stored=5, plan=SMALL, progress=said.append)
    told, held = image.card["fine_tuning"], image.card["held_out_people"]
    assert image.card["fine_tuned"] is True
    assert held["int8_accuracy"] == told["int8_after"] > told["int8_before"]
    assert any("more than 0.3: fine-tuning" in line for line in said)
    assert any("after; kept" in line for line in said)


def test_fine_tuning_that_does_not_help_is_not_kept(spoilt: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(data: Any, people: Any, found: list[Fold], *rest: Any) -> list[Fold]:
        return found

    monkeypatch.setattr(deploy, "fine_tune_folds", idle)
    said: list[str] = []
    image = train(dataset(), seed=3, folds=2, stored=5, plan=SMALL, progress=said.append)
    told = image.card["fine_tuning"]
    assert image.card["fine_tuned"] is False and told["int8_before"] == told["int8_after"]
    assert any("after; not kept" in line for line in said)
    monkeypatch.setattr(deploy, "WORTH", 1.0)  # never
    plain = train(dataset(), seed=3, folds=2, stored=5, plan=SMALL)
    assert "fine_tuned" not in plain.card and "fine_tuning" not in plain.card
    assert np.array_equal(plain.base, image.base)
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(plain.layers, image.layers, strict=True))


def test_a_fold_is_fine_tuned_without_its_own_people(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []

    def watch(made: Fitted, windows: Any, plan: Any, seed: int) -> Fitted:
        seen.append(sorted(set(windows.subject.tolist())))
        return made

    monkeypatch.setattr(aware, "fine_tune", watch)
    both = [Fold((1, 2), fitted(net), 50), Fold((3,), fitted(net), 50)]
    aware.fine_tune_folds(dataset(), (1, 2, 3), both, PLAN, 1)
    assert seen == [[3], [1, 2]]
