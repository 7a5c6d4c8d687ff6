"""The float net, its augmentation, and the integer model made of it (needs torch)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from odl.model.features import features_of
from odl.train.deploy import build_image, stored_vectors, untrained_image
from odl.train.multitask import calibrate, fit, input_scale
from odl.train.net import FloatNet, rotations, to_units
from odl.train.plan import SIZES, Plan, plan_for
from odl.train.qat import activation_steps, simulated_features
from odl.train.quantise import scale_raw
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


@pytest.mark.parametrize("size", SIZES)
def test_each_size_is_as_quantised_as_its_float_net(size: str) -> None:
    """In float, in the integers of NumPy, in the kernels and in fine-tuning's simulation; mirrored alike."""
    card = replace(small_dataset().card, about={"mirror": [-1, 1, 1]})
    tree, plan = build_tree(CLASSES, None), replace(plan_for(card, SMALL, size), steps=50)
    windows = gather(small_dataset(), ["1", "2"], plan.window, plan.spacing)
    scale = input_scale(windows, card)
    net = fit(windows, tree, card, scale, plan, 1)
    fitted = calibrate(net, scale, windows, tree, card, 1)
    raw = windows.cut(slice(0, 60))
    got = fitted.integer.features(raw)
    x = torch.from_numpy(to_units(raw * np.array([c.scale for c in card.channels], np.float32), scale))
    with torch.no_grad():
        want = net.features(x).numpy().astype(np.float64)
        mirrored = net.features(x * torch.from_numpy(np.array([-1, 1, 1], np.float32))).numpy()
        simulated = simulated_features(net, activation_steps(net, fitted.integer.layers), x).numpy()
    assert np.allclose(want, mirrored, atol=1e-4 * np.abs(want).max())
    step = (want * got).sum() / (got.astype(np.float64) ** 2).sum()
    assert np.abs(got * step - want).max() < 10 * step
    assert np.abs(simulated - got).max() <= 3
    vectors = stored_vectors(fitted, windows, 2, np.random.default_rng(1))
    image = build_image(fitted, plan, ["1", "2"], vectors, 1, {})
    untrained = untrained_image(card, plan, tree, 2)
    assert [layer.op for layer in image.layers] == [layer.op for layer in untrained.layers]
    assert (image.macs, image.features, image.hop) == (untrained.macs, untrained.features, untrained.hop)
    assert np.array_equal(features_of(image, scale_raw(raw, fitted.integer.scaling).astype(np.int16)), got)


def test_sizes_differ_in_what_they_take() -> None:
    card, tree = small_dataset().card, build_tree(CLASSES, None)
    images = [untrained_image(card, plan_for(card, size=size), tree, 12) for size in SIZES]
    assert images[0].macs < images[1].macs < images[2].macs
    assert len(images[0].to_bytes()) < len(images[1].to_bytes())
    with pytest.raises(ValueError, match="size is 'tiny'; it can be small, medium, large"):
        plan_for(card, size="tiny")


def test_rotations_are_rotations() -> None:
    turn = rotations(50, 0.5, np.random.default_rng(2))
    assert np.allclose(turn @ turn.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(turn), 1, atol=1e-5)
    angles = np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert 0.3 < np.sqrt((angles**2).mean()) < 0.7
