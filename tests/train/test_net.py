"""The float net, its augmentation, and the integer model made of it (needs torch)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from odl.train.deploy import stored_vectors
from odl.train.multitask import calibrate, fit, input_scale
from odl.train.net import FloatNet, rotations, to_units
from odl.train.plan import Plan, plan_for
from odl.train.tree import build_tree
from odl.train.windows import gather
from tests.helpers.training import CLASSES, SMALL, small_dataset

pytestmark = pytest.mark.train

MIRROR = np.array([-1, 1, 1, 1, -1, -1], np.float32)


def test_integer_features_are_the_float_ones() -> None:
    card = replace(small_dataset().card, about={"mirror": [-1, 1, 1]})
    tree, plan = build_tree(CLASSES, None), plan_for(card, SMALL)
    windows = gather(small_dataset(), ["1", "2"], plan.window, plan.spacing)
    scale = input_scale(windows, card)
    fitted = calibrate(fit(windows, tree, card, scale, plan, 1), scale, windows, tree, card, 1)
    raw = windows.cut(slice(0, 200))
    x = to_units(raw * np.array([c.scale for c in card.channels], np.float32), scale)
    with torch.no_grad():
        want = fitted.net.features(torch.from_numpy(x)).numpy().astype(np.float64)
    got = fitted.integer.features(raw).astype(np.float64)
    step = (want * got).sum() / (got * got).sum()  # real value of one step, by least squares
    assert np.abs(got * step - want).max() < 6 * step
    agree = fitted.predict_float(windows).predicted == fitted.predict_int8(windows).predicted
    assert agree.mean() > 0.95
    vectors, owners = stored_vectors(fitted, windows, 5, np.random.default_rng(1))
    assert owners.tolist() == [cls for cls in range(5) for _ in range(5)]
    assert len({row.tobytes() for row in vectors}) == 25


def test_a_mirrored_window_has_the_same_float_features() -> None:
    torch.manual_seed(1)
    net = FloatNet(6, 3, Plan(), MIRROR)
    x = torch.randn(4, 128, 6)
    assert torch.allclose(net.features(x), net.features(x * torch.from_numpy(MIRROR)), atol=1e-5)
    plain = FloatNet(6, 3, Plan())
    assert not torch.allclose(plain.features(x), plain.features(x * torch.from_numpy(MIRROR)), atol=1e-2)


def test_rotations_are_rotations() -> None:
    turn = rotations(50, 0.5, np.random.default_rng(2))
    assert np.allclose(turn @ turn.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(turn), 1, atol=1e-5)
    angles = np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert 0.3 < np.sqrt((angles**2).mean()) < 0.7
