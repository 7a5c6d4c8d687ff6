"""Training on a small synthetic dataset with a task tree (needs torch)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from odl.cli.main import main
from odl.core.image import ROOT, Image
from odl.core.unknown import least_scores
from odl.data import DataError, Part
from odl.data.streams import load_model
from odl.evaluate.open_session import homes_of
from odl.model.dendron import Dendron
from odl.train import train
from odl.train.deploy import untrained_image
from odl.train.folds import Curves, best_step, cross_validate
from odl.train.multitask import fit, input_scale
from odl.train.net import FloatNet
from odl.train.plan import plan_for
from odl.train.tree import build_tree
from odl.train.windows import gather
from tests.helpers.training import CLASSES, SMALL, TREE, SyntheticReader, small_dataset

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def image() -> Image:
    return train(small_dataset(), seed=3, folds=2, stored=5, plan=SMALL)


def test_window_and_hop_come_from_the_card(image: Image) -> None:
    assert (image.window, image.hop) == (64, 32)
    odd = replace(small_dataset().card, hop_s=0.5)
    assert plan_for(odd).hop == 24  # 25 samples are no multiple of the stride 4


def test_the_card_sets_what_its_data_need() -> None:
    card = small_dataset().card
    chosen = plan_for(replace(card, about={"training": {"steps": 900, "noise": 0.1}}))
    assert (chosen.steps, chosen.noise, chosen.window) == (900, 0.1, 64)
    assert plan_for(replace(card, about={"training": {"steps": 900}}), SMALL).steps == SMALL.steps
    for wrong in ({"speed": 1}, {"noise": "much"}, {"steps": 50.5}, [900]):
        with pytest.raises(DataError, match="card of 'synthetic': training: "):
            plan_for(replace(card, about={"training": wrong}))


def test_the_image_holds_the_tree(image: Image) -> None:
    assert image.parents.tolist() == [ROOT, 5, 6]
    assert [image.names[c] for c in image.row_class.tolist()] == [
        "still", "moving", "rise", "low", "high", "slow", "fast",
    ]  # fmt: skip
    assert image.row_head.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert image.owners.tolist() == [c for c in range(5) for _ in range(5)]
    assert Image.from_bytes(image.to_bytes()).to_bytes() == image.to_bytes()


def test_it_says_how_low_a_score_is_unknown(image: Image) -> None:
    least = least_scores(image)
    assert {"low", "high", "slow", "fast"} <= set(least) <= set(CLASSES)
    assert all(scores == sorted(scores) for scores in least.values())


def test_it_learns_on_the_device_as_the_shipped_images_do(image: Image) -> None:
    for shipped in map(load_model, ("shoulder", "hapt")):
        for name in ("epochs", "rate_shift", "imprint"):
            assert getattr(image, name) == getattr(shipped, name)


def test_people_not_trained_on_are_told_right_and_int8_costs_little(image: Image) -> None:
    held = image.card["held_out_people"]
    assert held["folds"] == [["1", "2"], ["3", "4"]] and held["windows"] > 200
    assert held["float_accuracy"] > 0.85
    assert held["int8_accuracy"] > held["float_accuracy"] - 0.02
    curves = image.card["curves"]
    assert curves["steps"] == [50, 100, 150] and len(curves["loss"]) == 3
    assert curves["loss"][-1] < curves["loss"][0]
    assert image.card["steps"] in curves["steps"]
    assert image.card["licence"] == small_dataset().card.licence
    assert image.card["trained_on"] == ["1", "2", "3", "4"]


def test_the_same_seed_gives_the_same_bytes(image: Image) -> None:
    assert train(small_dataset(), seed=3, folds=2, stored=5, plan=SMALL).to_bytes() == image.to_bytes()
    assert train(small_dataset(), seed=4, folds=2, stored=5, plan=SMALL).to_bytes() != image.to_bytes()


def test_a_label_moves_no_head_off_its_path() -> None:
    """One step on windows of one leaf: the other tasks' rows keep their gradient at zero."""
    data = small_dataset()
    tree = build_tree(CLASSES, TREE)
    windows = gather(data, ["1"], 64, 32)
    slow = windows.select(windows.cls == CLASSES.index("slow"))
    plan = replace(SMALL, window=64, steps=50, decay=0.0)
    scale = input_scale(slow, data.card)
    net = fit(slow, tree, data.card, scale, plan, 1)
    torch.manual_seed(1)
    start = FloatNet(3, len(tree.row_class), plan)
    still = tree.heads[1]
    assert torch.allclose(net.head.weight[still], start.head.weight[still], atol=1e-6)
    assert not torch.allclose(net.head.weight[tree.heads[2]], start.head.weight[tree.heads[2]], atol=1e-3)


def test_a_task_without_weight_learns_nothing() -> None:
    data = small_dataset()
    tree = build_tree(CLASSES, TREE)
    windows = gather(data, ["1"], 64, 32)
    plan = replace(SMALL, window=64, steps=50, decay=0.0, weights=(1.0, 0.0))
    scale = input_scale(windows, data.card)
    net = fit(windows, tree, data.card, scale, plan, 1)
    torch.manual_seed(1)
    start = FloatNet(3, len(tree.row_class), plan)
    still, moving = tree.heads[1:]
    assert torch.allclose(net.head.weight[still], start.head.weight[still], atol=1e-6)
    assert not torch.allclose(net.head.weight[moving], start.head.weight[moving], atol=1e-3)


def test_no_fold_sees_its_own_people_and_other_folds_choose_its_stop() -> None:
    data = small_dataset()
    plan = plan_for(data.card, SMALL)
    messages: list[str] = []
    people, tree = ("1", "2", "3", "4"), build_tree(CLASSES, TREE)
    found, curves = cross_validate(data, people, tree, plan, 1, 2, messages.append)
    assert [fold.held_out for fold in found] == [("1", "2"), ("3", "4")]
    assert all(fold.stop in curves.steps for fold in found)
    results = [message for message in messages if "right (float)" in message]  # beside the steps so far
    assert len(results) == 2 and results[0].startswith("without people 1, 2")

    # Changing people 1 and 2 leaves the model that is tried on them as it was.
    class Changed(SyntheticReader):
        def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
            parts = super().session(subject, seed)
            return tuple(replace(p, block=-p.block) for p in parts) if int(subject) < 3 else parts

    changed = replace(data, loader=Changed())
    again, _ = cross_validate(changed, people, tree, plan, 1, 2, messages.append)
    assert np.array_equal(found[0].fitted.scale, again[0].fitted.scale)
    if found[0].stop == again[0].stop:
        assert np.array_equal(found[0].fitted.integer.base, again[0].fitted.integer.base)


def test_folds_have_to_be_possible() -> None:
    with pytest.raises(ValueError, match="1 folds; there have to be 2 or more"):
        train(small_dataset(), folds=1, plan=SMALL)
    with pytest.raises(ValueError, match="training on 1 person: nobody would be left"):
        train(small_dataset(), people=[2], plan=SMALL)
    few = train(small_dataset(), people=[1, 2], folds=5, steps=50, plan=SMALL)
    assert few.card["held_out_people"]["folds"] == [["1"], ["2"]]


def test_the_device_follows_the_same_route(image: Image) -> None:
    """The kernels' hard routing agrees with the one that the figures were measured with."""
    device = Dendron(image)
    tree = build_tree(CLASSES, TREE)
    for x in image.stored:
        logits = image.base[:, :-1].astype(np.int64) @ x + 128 * image.base[:, -1].astype(np.int64)
        want = int(tree.route(logits[None])[0])
        assert device.predict_one(x) == want


def test_classes_held_out_are_not_in_the_image_and_find_their_task() -> None:
    data = train(small_dataset(), folds=2, without=["fast", "low"], steps=50, plan=SMALL)
    assert sorted(data.names.values()) == ["high", "rise", "slow"]  # groups of one give way
    assert data.card["held_out_classes"] == ["fast", "low"]
    whole = Image.from_bytes(data.to_bytes())
    assert "fast" not in homes_of(whole)
    one = train(small_dataset(), folds=2, without=["fast"], steps=50, plan=SMALL)
    (still,) = (cls for cls, name in one.names.items() if name == "still")
    assert homes_of(Image.from_bytes(one.to_bytes())) == {"low": still, "high": still}


def test_one_flat_head_without_a_tree() -> None:
    flat = train(small_dataset(None), folds=2, steps=50, plan=SMALL)
    assert flat.parents.tolist() == [ROOT] and flat.row_class.tolist() == [0, 1, 2, 3, 4]
    assert homes_of(flat) == {}


def test_twenty_classes_and_their_groups_have_room_for_more() -> None:
    names = [f"c{i:02}" for i in range(20)]
    tree = build_tree(tuple(names), {f"group {g}": tuple(names[g::4]) for g in range(4)})
    made = untrained_image(small_dataset().card, SMALL, tree, 5)
    assert (len(made.row_class), made.max_rows) == (24, 28)
    made.check("it")


def test_the_stop_is_not_one_lucky_point() -> None:
    lucky = Curves((50, 100, 150, 200), (1.0,) * 4, (0.95, 0.5, 0.9, 0.9))
    assert best_step(lucky) == 200


def test_the_command_writes_image_curves_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("odl.data.open_dataset", lambda source, data: small_dataset())
    out = tmp_path / "new" / "made.odlm"
    assert main(["train", "synthetic", "--data", str(tmp_path), "--out", str(out), "--steps", "50",
                 "--folds", "2"]) == 0  # fmt: skip
    data = Image.from_bytes(out.read_bytes())
    assert data.card["command"] == (
        "odl train synthetic --data DIR --out made.odlm --tree card --seed 1 --steps 50 --folds 2 --stored 12"
    )
    assert str(tmp_path) not in out.read_bytes().decode("latin1")
    assert "</svg>" in out.with_suffix(".svg").read_text()
    messages = capsys.readouterr().out
    assert "float" in messages and "int8" in messages and "macro-F1" in messages


def test_what_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "shoulder", "--out", str(tmp_path / "x.bin")]) == 2
    assert "ends in .odlm" in capsys.readouterr().err
    assert main(["train", "shoulder", "--out", str(tmp_path / "x.odlm"), "--steps", "3"]) == 2
    assert "at least 50" in capsys.readouterr().err
    assert main(["train", "shoulder", "--out", str(tmp_path / "x.odlm"), "--subjects", "99"]) == 2
    assert "shoulder has no person 99" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
