"""odl evaluate and odl show: an image as it is, over recorded people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odl.cli.main import main
from odl.core.config import ConfigError
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.data import model_path
from odl.data.streams import dataset_streams, load_model
from odl.evaluate import score_of
from odl.evaluate.describe_image import image_text, tree_text
from odl.evaluate.replay import replay
from odl.evaluate.score import ModelScore, PersonScore, score_model, score_text
from odl.model.dendron import Dendron
from odl.model.restrict import leaves, restrict
from tests.helpers.images import random_image

NESTED = {
    "names": {0: "rest", 1: "move", 2: "sit", 3: "lie", 4: "walk", 5: "run", 6: "walk up", 7: "walk down"},
    "parents": np.array([255, 0, 1, 4], np.uint8),
    "formats": np.array([20, 19, 18, 17], np.uint8),
    "row_class": np.arange(8, dtype=np.uint8),
    "row_head": np.array([0, 0, 1, 1, 2, 2, 3, 3], np.uint8),
    "owners": np.repeat(np.arange(8, dtype=np.uint8), 2),
}


def nested_image(seed: int = 0) -> Image:
    """rest (sit, lie) and move (walk (walk up, walk down), run)."""
    draw = np.random.default_rng(seed)
    return random_image(
        seed,
        **NESTED,
        base=draw.integers(-9000, 9000, (8, 25)).astype(np.int32),
        stored=draw.integers(0, 256, (16, 24)).astype(np.uint8),
    )


def said(image: Image, x: np.ndarray) -> str:
    predicted = Dendron(image).predict_one(x)
    assert predicted is not None
    return image.names[predicted]


def by_hand(image: Image, x: np.ndarray, names: set[str]) -> str:
    """Go down the tree; at each task take the best row below which an allowed class lies."""
    logits = image.base[:, :-1].astype(np.int64) @ x.astype(np.int64) + 128 * image.base[:, -1].astype(int)
    below = {
        cls: set(np.flatnonzero(image.parents[image.row_head] == cls)) for cls in range(len(image.names))
    }

    def reach(row: int) -> set[str]:
        cls = int(image.row_class[row])
        return set().union(*map(reach, below[cls])) if below[cls] else {image.names[cls]}

    rows = set(np.flatnonzero(image.row_head == 0))
    while True:
        best = max((row for row in sorted(rows) if reach(row) & names), key=lambda row: logits[row])
        rows = below[int(image.row_class[best])]
        if not rows:
            return image.names[int(image.row_class[best])]


@pytest.mark.parametrize("names", [
    {"sit", "lie"}, {"sit", "run"}, {"walk up", "run"}, {"sit", "walk down"}, {"walk up", "walk down"},
    {"walk up", "walk down", "lie"}, {"sit", "lie", "run", "walk up"},
])  # fmt: skip
def test_a_restricted_tree_is_the_tree_walked_among_the_allowed(names: set[str]) -> None:
    draw = np.random.default_rng(1)
    for seed in range(5):
        image = nested_image(seed)
        small = restrict(image, names)
        assert set(leaves(small)) == names
        assert Image.from_bytes(small.to_bytes()).names == small.names
        for x in draw.integers(0, 256, (20, 24)).astype(np.uint8):
            assert said(small, x) == by_hand(image, x, names)


def test_restricting_to_all_leaves_changes_nothing() -> None:
    image = nested_image()
    assert leaves(image) == ["sit", "lie", "run", "walk up", "walk down"]
    assert restrict(image, leaves(image)) is image


@pytest.mark.parametrize("names", [{"sit"}, {"sit", "swim"}, {"rest", "run"}])
def test_a_choice_that_is_none_is_refused(names: set[str]) -> None:
    with pytest.raises(ValueError, match="does not know|two classes"):
        restrict(nested_image(), names)


@pytest.fixture(scope="module")
def shoulder() -> Image:
    return load_model(model_path("shoulder"))


@pytest.fixture(scope="module")
def whole(shoulder: Image) -> ModelScore:
    return score_model(shoulder, dataset_streams("shoulder", [7, 10], 0))


def test_it_is_the_replay_without_learning(whole: ModelScore) -> None:
    result = replay("shoulder", subjects=[7, 10], budget=1)
    for one, evaluation in zip(whole.subjects, result.evaluations, strict=True):
        without = evaluation.baselines["no_learning"]
        assert (one.subject, one.windows, one.scored) == (
            evaluation.subject, evaluation.windows, evaluation.scored,
        )  # fmt: skip
        assert one.score == without


def test_figures_together_are_those_of_all_windows(whole: ModelScore) -> None:
    counts = np.array(whole.confusion)
    assert counts.sum() == whole.scored == sum(one.scored for one in whole.subjects)
    assert whole.score.accuracy == pytest.approx(np.trace(counts) / counts.sum())
    overlap = 2 * np.diag(counts) / (counts.sum(0) + counts.sum(1))
    assert whole.score.macro_f1 == pytest.approx(overlap.mean())
    assert whole.recall["upright row"] == 0.0
    assert whole.worst is not None and whole.worst.subject == "10"
    assert whole.float_accuracy == pytest.approx(0.875)


def test_classes_restrict_scoring_and_choice(shoulder: Image) -> None:
    streams = dataset_streams("shoulder", [7], 0)
    names = ["abduction", "upright row", "pendulum"]
    score = score_model(shoulder, streams, names)
    track = TruthTrack(streams[0].truths)
    windows = [track.of(w, 128) for part in [streams[0]] for w in _starts(part.stretches)]
    assert score.scored == sum(name in names for name in windows)
    assert set(score.classes) == set(names)
    said = np.array(score.confusion).sum(0)
    assert said[score.classes.index("upright row")] == 0  # the image does not know it
    assert score.float_accuracy is None and score.restricted == tuple(names)


def _starts(stretches: tuple[int, ...]) -> list[int]:
    ends = np.cumsum(stretches)
    return [int(s) for n, end in zip(stretches, ends, strict=True) for s in range(end - n, end - 127, 64)]


@pytest.mark.parametrize("names", [["swim", "pendulum"], ["pendulum", "upright row"], [""]])
def test_classes_that_cannot_be_scored(shoulder: Image, names: list[str]) -> None:
    with pytest.raises(ConfigError, match="there is no class|two classes that the model knows"):
        score_model(shoulder, dataset_streams("shoulder", [7], 0), names)


def test_the_float_figure_is_only_told_of_its_own_dataset(shoulder: Image) -> None:
    other = replace(shoulder, card=shoulder.card | {"dataset": "another"})
    assert score_model(other, dataset_streams("shoulder", [7], 0)).float_accuracy is None


def test_notes_tell_unknown_classes_and_people_learned_from(shoulder: Image, whole: ModelScore) -> None:
    assert whole.notes() == [
        "the model does not know trapezius extension, upright row: their windows count as wrong"
    ]
    seen = score_model(shoulder, dataset_streams("shoulder", [1, 7], 0), ["pendulum", "abduction"])
    assert [one.learned_from for one in seen.subjects] == [True, False]
    assert seen.notes() == ["the model was trained on person 1: expect lower figures for other people"]
    assert seen.to_json()["notes"] == seen.notes() and "note: the model was trained" in score_text(seen)


def test_a_model_of_other_classes_is_refused(shoulder: Image) -> None:
    strange = replace(shoulder, names={cls: f"class {cls}" for cls in shoulder.names})
    with pytest.raises(ConfigError, match="no class is in both"):
        score_model(strange, dataset_streams("shoulder", [7], 0))


def test_nothing_to_score_is_a_sentence() -> None:
    nobody = ModelScore(score_of([], []), None, (PersonScore("1", 3, 0, score_of([], [])),), (), (), {})
    assert score_text(nobody).startswith("No window could be scored")
    assert nobody.worst is None and nobody.to_json()["worst"] is None


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, figures = str(model_path("shoulder")), tmp_path / "f.json"
    words = ["evaluate", "--model", model, "shoulder", "--subjects", "7,10", "--json", str(figures)]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert ", person 10" in text and "lowest accuracy" in text and "c forward elevation" in text
    written = json.loads(figures.read_text())
    assert {"accuracy", "macro_f1", "float_accuracy", "subjects", "confusion", "classes"} <= written.keys()
    assert [one["subject"] for one in written["subjects"]] == ["7", "10"]
    assert main([*words[:-2], "--classes", "pendulum, abduction", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["pendulum", "abduction"]


def test_a_recording_is_scored_with_its_own_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "shoulder", "--subjects", "7", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "shoulder-7.odl"), "--json", "-"]) == 0
    recorded = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "shoulder", "--subjects", "7", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == recorded


@pytest.mark.parametrize("words", [
    "evaluate nothing", "evaluate shoulder --model nothing.odlm", "evaluate shoulder --subjects x",
    "evaluate shoulder --subjects 99", "evaluate shoulder --classes pendulum", "show nothing.odlm",
    "evaluate shoulder --classes pendulum,swim", "evaluate no.odl --subjects 1",
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("odl: ") and len(last) > 20


def test_figures_do_not_overwrite_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "m.odlm"
    copy.write_bytes(model_path("shoulder").read_bytes())
    for words in (f"evaluate shoulder --model {copy}", f"show {copy}"):
        assert main([*words.split(), "--json", str(copy)]) == 2
        assert "overwrite" in capsys.readouterr().err
    assert copy.read_bytes() == model_path("shoulder").read_bytes()


def test_the_tree_is_drawn() -> None:
    assert tree_text(nested_image()).splitlines() == [
        "root task",
        "|-- rest",
        "|   |-- sit",
        "|   `-- lie",
        "`-- move",
        "    |-- walk",
        "    |   |-- walk up",
        "    |   `-- walk down",
        "    `-- run",
    ]


def test_stored_vectors_are_counted_for_the_leaves() -> None:
    image = nested_image()
    own = image.owners >= 2  # none of "rest" and "move"
    text = image_text(replace(image, stored=image.stored[own], owners=image.owners[own]))
    assert "stored vectors  12, 2 per class" in text


def test_show_tells_sizes_people_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "shoulder"]) == 0
    text = capsys.readouterr().out
    for words in ("pendulum", "3: 64 outputs, kernel 3", "9296", "269888", "RAM in all", "1, 2, 3, 4, 5, 6",
                  "BSD-3-Clause"):  # fmt: skip
        assert words in text
    assert main(["show", "shoulder", "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == 9296 and facts["card"]["licence"] == "BSD-3-Clause"


def test_an_untold_card_and_a_hostile_one_are_shown() -> None:
    image = random_image(card={"licence": "a\nb", "note": {"x": ["one,\r two", 3]}})
    text = image_text(image)
    assert "dataset     not stated" in text and "licence     a b" in text and "\r" not in text
