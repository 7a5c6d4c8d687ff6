"""A tree from a flat model's confusion: which classes become a task, and what becomes of it in an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.cli.main import main
from odl.core.image import ROOT, Image
from odl.data.streams import load_model
from odl.evaluate.describe_image import node_accuracy, tree_text
from odl.train import train
from odl.train.tree import build_tree
from odl.train.tree_by_data import MOST, NAME_BYTES, propose_tree
from tests.helpers.training import CLASSES, SMALL, small_dataset


@given(st.integers(1, 19), st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 40))
def test_any_confusion_gives_a_tree_that_can_be_trained(
    n: int, seed: int, sparse: float, length: int
) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 50, (n, n)) * (rng.random((n, n)) > sparse)
    names = [f"{'x' * (length - 1)}{i}"[-NAME_BYTES:] for i in range(n)]
    before = counts.copy()
    proposed = propose_tree(counts, names)
    assert (counts == before).all()
    if proposed is not None:
        assert build_tree(names, proposed).leaves == tuple(range(n))
        assert sum(len(inside) > 1 for inside in proposed.values()) <= MOST
        assert all(0 < len(name.encode()) <= NAME_BYTES for name in proposed)


def test_more_windows_of_a_class_change_nothing() -> None:
    counts = np.array([[90, 0, 30, 0], [0, 90, 0, 20], [40, 10, 80, 0], [0, 10, 0, 90]])
    tree = propose_tree(counts, ["sit", "walk", "stand", "run"])
    assert tree == {"sit or stand": ("sit", "stand"), "walk or run": ("walk", "run")}
    assert propose_tree(counts * np.array([[1], [50], [7], [3]]), ["sit", "walk", "stand", "run"]) == tree


def test_a_group_never_has_a_class_s_name() -> None:
    counts = np.array([[5, 5, 0, 0, 0], [5, 5, 0, 0, 0], [0, 0, 5, 5, 0], [0, 0, 5, 5, 0], [0, 0, 0, 0, 9]])
    tree = propose_tree(counts, ["a", "b", "c", "d", "a or b"])
    assert tree == {"a or 1 more": ("a", "b"), "c or d": ("c", "d"), "a or b": ()}


@pytest.fixture(scope="module")
def image() -> Image:
    said: list[str] = []
    plan = replace(SMALL, steps=100)
    image = train(small_dataset(), tree="auto", without=["rise"], folds=2, plan=plan, progress=said.append)
    scored = [sentence for sentence in said if "without people" in sentence and "windows right" in sentence]
    assert len(scored) == 4  # two folds, twice; a slow machine also says how far each is
    return image


@pytest.mark.train
def test_an_image_has_the_tree_of_its_data(image: Image) -> None:
    assert image.card["tree_from"] == "confusion of a flat model, people held out"
    assert ("tree" in image.card) == (len(image.parents) > 1)
    assert sorted(image.names[c] for c in image.row_class.tolist() if c < len(CLASSES)) == sorted(CLASSES[:4])
    nodes = node_accuracy(image)
    assert set(nodes) == set(image.names.values())
    assert f"-- low  {100 * nodes['low']:.1f} %" in tree_text(image)


@pytest.mark.train
def test_a_flat_image_has_one_task() -> None:
    flat = train(small_dataset(), tree="flat", folds=2, plan=replace(SMALL, steps=50))
    assert flat.parents.tolist() == [ROOT] and "tree" not in flat.card and "tree_from" not in flat.card
    with pytest.raises(ValueError, match="tree is 'deep'; it can be card, flat, auto"):
        train(small_dataset(), tree="deep")


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_show_draws_the_tree(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hapt = load_model("hapt")
    nodes = dict.fromkeys(hapt.names.values(), 0.5) | {"sit": 0.123, "walk": "high", "nobody": 1, "lie": 7}
    model = tmp_path / "m.odlm"
    model.write_bytes(replace(hapt, card=hapt.card | {"held_out_people": {"nodes": nodes}}).to_bytes())
    picture = tmp_path / f"tree.{suffix}"
    assert main(["show", str(model), "--picture", str(picture)]) == 0
    text = capsys.readouterr().out
    assert "|-- sit  12.3 %\n" in text and "|-- walk\n" in text and "`-- lie\n" in text
    drawn = picture.read_bytes()
    assert drawn[:8] == b"\x89PNG\r\n\x1a\n" if suffix == "png" else b"</svg>" in drawn


def test_a_picture_does_not_replace_the_model(tmp_path: Path) -> None:
    model = tmp_path / "m.odlm"
    model.write_bytes(load_model("shoulder").to_bytes())
    assert main(["show", str(model), "--picture", str(model)]) == 2
    assert main(["show", str(model), "--picture", str(tmp_path / "tree.doc")]) == 2
    assert main(["show", str(model), "--picture", str(tmp_path / "tree")]) == 2
    assert load_model(model).checksum == load_model("shoulder").checksum
