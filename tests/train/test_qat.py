"""Fine-tuning for int8, on models that int8 cannot say well (needs torch)."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from odl.train import deploy, qat, train
from odl.train.folds import Fold, cross_validate
from odl.train.multitask import FittedModel, calibrate, fit, input_scale
from odl.train.net import FloatNet
from odl.train.plan import plan_for
from odl.train.qat import activation_steps, fine_tune, round_through, simulated_features
from odl.train.quantise import INPUT_UNIT, scale_raw
from odl.train.tree import build_tree
from odl.train.windows import gather
from tests.helpers.training import CLASSES, SMALL, TREE, small_dataset

pytestmark = pytest.mark.train

CARD = small_dataset().card
TASKS = build_tree(CLASSES, TREE)
PLAN = plan_for(CARD, SMALL)
TRAIN = gather(small_dataset(), ["1", "2"], PLAN.window, PLAN.spacing)
HELD = gather(small_dataset(), ["3", "4"], PLAN.window, PLAN.hop)


def lopsided(net: FloatNet, by: float = 200) -> FloatNet:
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


def fit_net(seed: int) -> FloatNet:
    return fit(TRAIN, TASKS, CARD, input_scale(TRAIN, CARD), PLAN, seed)


@pytest.fixture(scope="module")
def net() -> FloatNet:
    return fit_net(1)


def fitted(net: FloatNet) -> FittedModel:
    return calibrate(net, input_scale(TRAIN, CARD), TRAIN, TASKS, CARD, 1)


@pytest.mark.parametrize("by", [1, 20, 200])
def test_the_forward_pass_is_the_integer_model_within_one_unit(net: FloatNet, by: float) -> None:
    made = fitted(lopsided(net, by))
    raw = HELD.cut()
    x = scale_raw(raw, made.integer.scaling).astype(np.float32) / np.float32(INPUT_UNIT)
    with torch.no_grad():
        steps = activation_steps(made.net, made.integer.layers)
        felt = simulated_features(made.net, steps, torch.from_numpy(x)).numpy()
    want = made.integer.features(raw).astype(np.float64)
    assert want.max() > 100
    assert np.abs(felt - want).max() <= 1
    assert (felt == want).mean() > 0.99


def test_rounding_passes_its_gradient_and_saturation_stops_it() -> None:
    x = torch.tensor([-0.6, 0.5, 3.2, 300.0], requires_grad=True)
    y = round_through(x).clamp(0, 255)
    y.sum().backward()
    assert y.tolist() == [0, 1, 3, 255]
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 0]


def test_rounding_in_the_forward_pass_is_what_helps_coarse_weights(
    net: FloatNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of -1, 0 and 1: beside it, the same steps without rounding."""

    def unrounded(net: FloatNet, steps: list[float], x: torch.Tensor) -> torch.Tensor:
        return net.features(x) / steps[-1]

    def accuracy(made: FittedModel, steps: list[float]) -> float:
        x = scale_raw(HELD.cut(), made.integer.scaling).astype(np.float32) / np.float32(INPUT_UNIT)
        with torch.no_grad():
            felt = simulated_features(made.net, steps, torch.from_numpy(x))
            logits = made.net.head(felt * steps[-1]).numpy()
        return float((TASKS.route(logits) == HELD.cls).mean())

    monkeypatch.setattr(qat, "LEVELS", 1)
    before, tuned, control = [], [], []
    for one in (net, fit_net(3), fit_net(5)):
        made = fitted(one)
        steps = activation_steps(made.net, made.integer.layers)
        before.append(accuracy(made, steps))
        tuned.append(accuracy(fine_tune(made, TRAIN, PLAN, 1), steps))
        with monkeypatch.context() as without:
            without.setattr(qat, "simulated_features", unrounded)
            control.append(accuracy(fine_tune(made, TRAIN, PLAN, 1), steps))
    assert np.mean(tuned) > np.mean(before) + 0.03
    assert np.mean(tuned) > np.mean(control) + 0.01


def test_fine_tuning_brings_back_what_int8_costs(net: FloatNet) -> None:
    """Here steps without rounding do as well: they too draw the uneven outputs together."""
    bad = [fitted(lopsided(one)) for one in (net, fit_net(3), fit_net(5))]
    good = [fine_tune(one, TRAIN, PLAN, 1) for one in bad]
    real = np.mean([one.predict_float(HELD).accuracy for one in bad])
    before, after = (np.mean([one.predict_int8(HELD).accuracy for one in some]) for some in (bad, good))
    assert before < real - 0.06
    assert after > before + 0.06 and after > real - 0.03


def test_fine_tuning_is_repeatable_and_leaves_what_it_was_given(net: FloatNet) -> None:
    given = fitted(net)
    before = {name: value.clone() for name, value in given.net.state_dict().items()}
    one, two = (fine_tune(given, TRAIN, PLAN, 1) for _ in range(2))
    assert all(torch.equal(before[name], value) for name, value in given.net.state_dict().items())
    assert np.array_equal(one.integer.base, two.integer.base)
    assert not np.array_equal(one.integer.base, given.integer.base)


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fit of a training ends in a net that int8 cannot say well."""

    def final(*given: Any) -> FloatNet:
        return lopsided(fit(*given))

    def all_folds(data: Any, people: Any, tree: Any, plan: Any, *rest: Any) -> tuple[list[Fold], Any]:
        found, curves = cross_validate(data, people, tree, plan, *rest)
        made = []
        for fold in found:
            own = gather(data, [p for p in people if p not in fold.held_out], plan.window, plan.spacing)
            net = lopsided(fold.fitted.net)
            made.append(replace(fold, fitted=calibrate(net, fold.fitted.scale, own, tree, CARD, 1)))
        return made, curves

    monkeypatch.setattr(deploy, "fit", final)
    monkeypatch.setattr(deploy, "cross_validate", all_folds)


def test_training_fine_tunes_where_int8_costs_too_much(spoilt: None) -> None:
    said: list[str] = []
    image = train(small_dataset(), seed=3, folds=2, stored=5, plan=SMALL, progress=said.append)
    told, held = image.card["fine_tuning"], image.card["held_out_people"]
    assert image.card["fine_tuned"] is True
    assert held["int8_accuracy"] == told["int8_after"] > told["int8_before"]
    assert any("more than 0.3: fine-tuning" in line for line in said)
    assert any("after; kept" in line for line in said)
    last = [line for line in said if line.startswith("with everybody")][
        -2:
    ]  # not "0 s left" while it goes on
    assert last == ["with everybody: rounding to int8", "with everybody: fine-tuning for int8"]


def test_fine_tuning_that_does_not_help_is_not_kept(spoilt: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(data: Any, people: Any, found: list[Fold], *rest: Any) -> list[Fold]:
        return found

    monkeypatch.setattr(deploy, "fine_tune_folds", idle)
    said: list[str] = []
    image = train(small_dataset(), seed=3, folds=2, stored=5, plan=SMALL, progress=said.append)
    told = image.card["fine_tuning"]
    assert image.card["fine_tuned"] is False and told["int8_before"] == told["int8_after"]
    assert any("after; not kept" in line for line in said)
    monkeypatch.setattr(deploy, "TOLERATED", 1.0)  # never
    plain = train(small_dataset(), seed=3, folds=2, stored=5, plan=SMALL)
    assert "fine_tuned" not in plain.card and "fine_tuning" not in plain.card
    assert np.array_equal(plain.base, image.base)
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(plain.layers, image.layers, strict=True))


def test_a_fold_is_fine_tuned_without_its_own_people(net: FloatNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def watch(made: FittedModel, windows: Any, plan: Any, seed: int) -> FittedModel:
        seen.append(sorted(set(windows.subject.tolist())))
        return made

    monkeypatch.setattr(qat, "fine_tune", watch)
    both = [Fold(("1", "2"), fitted(net), 50), Fold(("3",), fitted(net), 50)]
    qat.fine_tune_folds(small_dataset(), ("1", "2", "3"), both, PLAN, 1)
    assert seen == [["3"], ["1", "2"]]
