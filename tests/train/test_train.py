"""A tiny training run, whole: from recordings to an image (needs torch)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from odl.core.image import Image
from odl.data import Card, Series, load_card
from odl.train.__main__ import main
from odl.train.net import Net, Recipe, fit, rotations, to_units
from odl.train.shipped import (
    Integer,
    Task,
    input_scale,
    make_image,
    real,
    task_of,
    to_integer,
    windows,
)

pytestmark = pytest.mark.train

SMALL = Recipe(sizes=((4, 5, 2), (8, 5, 2), (8, 3, 1)), steps=100, batch=16)
MIRROR = np.array([-1, 1, 1, 1, -1, -1], np.float32)


def recordings() -> list[Series]:
    """Six people, two arms, four movements told apart by axis and speed."""
    rng = np.random.default_rng(5)
    t = np.arange(400)[:, None] / 50
    made = []
    for subject in range(1, 7):
        for side in (0, 1):
            for cls in range(4):
                x = rng.normal(0, 0.05, (400, 6))
                x[:, 0] += 1
                x[:, 1 + cls % 2] += 0.8 * np.sin(2 * np.pi * (0.5 + cls // 2) * t[:, 0] + subject)
                x *= MIRROR if side else 1
                made.append(Series((x * 4096).astype(np.int16), subject, side, cls))
    return made


def tiny_card() -> Card:
    about = load_card("shoulder")
    channels = tuple(replace(c, scale=1 / 4096) for c in about.channels)
    splits = {"train": (1, 2, 3, 4), "test": (5, 6)}
    return replace(about, classes=("a", "b", "c", "d"), channels=channels, splits=splits)


@pytest.fixture(scope="module")
def task() -> Task:
    return task_of(tiny_card(), recordings(), 1)


@pytest.fixture(scope="module")
def image(task: Task) -> Image:
    return make_image(task, SMALL, 3, 2, 5, lambda line: None)


def test_only_training_people_and_trained_classes_are_seen(task: Task) -> None:
    assert {s.subject for s in task.series} == {1, 2, 3, 4}
    assert {s.cls for s in task.series} == {0, 1, 2} == set(task.trained)
    assert task.held_out == (3,)


def test_the_image_is_right_about_people_it_has_not_seen(task: Task, image: Image) -> None:
    assert image.card["held_out_people"]["float_accuracy"] > 0.9
    assert (
        image.card["held_out_people"]["int8_accuracy"]
        > image.card["held_out_people"]["float_accuracy"] - 0.02
    )
    assert image.card["held_out_classes"] == ["d"] and image.names == {0: "a", 1: "b", 2: "c"}
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()


def test_stored_vectors_go_round_the_recordings(task: Task, image: Image) -> None:
    assert list(image.owners) == [0] * 5 + [1] * 5 + [2] * 5
    assert len({row.tobytes() for row in image.stored}) == 15


def test_the_same_seed_gives_the_same_bytes(task: Task, image: Image) -> None:
    again = make_image(task, SMALL, 3, 2, 5, lambda line: None)
    other = make_image(task, SMALL, 4, 2, 5, lambda line: None)
    assert again.to_bytes() == image.to_bytes() != other.to_bytes()


def test_integer_features_are_the_float_ones(task: Task) -> None:
    blocks = [real(s, task.card) for s in task.series]
    targets = np.array([s.cls for s in task.series], np.int64)
    scale = input_scale(task.series, task.card)
    net = fit(blocks, targets, scale, SMALL, 1, MIRROR)
    made = to_integer(net, task.series, task.card, scale, SMALL)
    raw = windows(task.series[5].block, SMALL.window, SMALL.hop)
    x = windows(blocks[5], SMALL.window, SMALL.hop)
    with torch.no_grad():
        want = net.features(torch.from_numpy(to_units(x, scale))).numpy().astype(np.float64)
    got = made.features(raw).astype(np.float64)
    step = (want * got).sum() / (got * got).sum()  # real value of one step, by least squares
    assert np.abs(got * step - want).max() < 6 * step
    assert (guesses_float(net, task, scale) == guesses_int(made, task)).mean() > 0.95


def guesses_float(net: Net, task: Task, scale: NDArray[np.float32]) -> NDArray[np.int64]:
    x = np.concatenate([windows(real(s, task.card), 128, 64) for s in task.series])
    with torch.no_grad():
        return net(torch.from_numpy(to_units(x, scale))).argmax(1).numpy()


def guesses_int(made: Integer, task: Task) -> NDArray[np.int64]:
    return made.classes(made.features(np.concatenate([windows(s.block, 128, 64) for s in task.series])))


def test_a_mirrored_window_has_the_same_float_features() -> None:
    torch.manual_seed(1)
    net = Net(6, 3, Recipe(), MIRROR)
    x = torch.randn(4, 128, 6)
    assert torch.allclose(net.features(x), net.features(x * torch.from_numpy(MIRROR)), atol=1e-5)
    plain = Net(6, 3, Recipe())
    assert not torch.allclose(plain.features(x), plain.features(x * torch.from_numpy(MIRROR)), atol=1e-2)


def test_rotations_are_rotations() -> None:
    turn = rotations(50, 0.5, np.random.default_rng(2))
    assert np.allclose(turn @ turn.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(turn), 1, atol=1e-5)
    angles = np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert 0.3 < np.sqrt((angles**2).mean()) < 0.7


def test_the_command_names_what_there_is(capsys: pytest.CaptureFixture[Any]) -> None:
    assert main(["elbow"]) == 2
    assert "known datasets: hapt, shoulder" in capsys.readouterr().err
