"""The image experiment: exact budgets, images that nobody has seen, integers as in the extractor."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from benchmarks.images import network
from benchmarks.images.__main__ import STUDY, main
from benchmarks.images.choosing import AtOnce, Swapping, bytes_kept, chooser_of
from benchmarks.images.material import first_half
from benchmarks.images.pictures import SIDE, read
from benchmarks.images.sessions import Learner, Material, Start, drawn, session
from benchmarks.images.table import directions, labels_of, nearness, page, verdict
from odl.policies.preemption import Preemption
from odl.study.description import StudyPart
from odl.study.report.statistics import Interval
from odl.train.quantise import conv_layer

pytestmark = pytest.mark.train
POLICIES = tomllib.loads(STUDY.read_text(encoding="utf-8"))["policies"]
WIDTH = network.FEATURES


def material(seed: int = 0, n: int = 600) -> Material:
    """Features of ten classes that lie apart."""
    rng = np.random.default_rng(seed)
    means = rng.integers(0, 120, (10, WIDTH))

    def some(count: int) -> Any:
        y = rng.integers(0, 10, count).astype(np.uint8)
        return np.clip(means[y] + rng.normal(0, 30, (count, WIDTH)), 0, 255).astype(np.uint8), y

    return Material(
        *some(n), *some(200), {"parameters": 1, "macs": 1, "trained_on": 1, "float": 1, "int8": 1}
    )


# --- files ------------------------------------------------------------------------------


def idx_file(path: Path, array: Any) -> None:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


def digits(folder: Path, n: int = 200) -> Any:
    """A folder like MNIST's: ten classes, each a bright row of its own."""
    folder.mkdir(parents=True)
    for prefix, seed in (("train", 1), ("t10k", 2)):
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 10
        images = rng.integers(0, 60, (n, 28, 28))
        images[np.arange(n), 4 + 2 * labels] = 250
        idx_file(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        idx_file(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)
    return images, labels


def test_idx_files_are_read_with_a_margin(tmp_path: Path) -> None:
    images, labels = digits(tmp_path / "digits")
    found = read(tmp_path / "digits")
    assert found["train"].images.shape == (200, SIDE, SIDE, 1)
    assert np.array_equal(found["test"].images[:, 2:-2, 2:-2, 0], images)
    assert not found["test"].images[:, :2].any() and np.array_equal(found["test"].classes, labels)


def test_a_tar_of_jpeg_files_is_read_by_the_names_of_its_classes(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "some.tar.xz", "w:xz") as tar:
        for part, cls, name, grey in (
            ("train", "dog", "0001", 200), ("train", "cat", "0002", 90), ("train", "cat", "0001", 30),
            ("test", "cat", "0001", 60), ("test", "dog", "0001", 10),
        ):  # fmt: skip
            file = io.BytesIO()
            Picture.new("RGB", (SIDE, SIDE), (grey,) * 3).save(file, "JPEG")
            info = tarfile.TarInfo(f"{part}/{cls}/{name}.jpg")
            info.size = len(file.getvalue())
            tar.addfile(info, io.BytesIO(file.getvalue()))
    found = read(tmp_path)
    assert found["train"].classes.tolist() == [0, 0, 1] and found["test"].classes.tolist() == [0, 1]
    assert found["train"].images[:, 5, 5, 0].tolist() == pytest.approx([30, 90, 200], abs=2)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no train-images-idx3-ubyte.gz, and no tar of JPEG"):
        read(tmp_path)


# --- the extractor ----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_layer_over_images_is_that_of_the_extractor_over_patches(channels: int) -> None:
    torch.manual_seed(3)
    net = network.Net(channels, 5).eval()
    pixels = np.random.default_rng(1).integers(0, 256, (9, SIDE, SIDE, channels)).astype(np.uint8)
    x = network.as_input(pixels)
    layers, unit = network.frozen(net, x)
    y: Any = x
    for layer, (outputs, kernel, stride) in zip(layers, network.SIZES, strict=True):
        expected = conv_layer(layer, network.patches(y, kernel, stride))
        y = network.convolved(layer, y, kernel, stride)
        assert np.array_equal(y.reshape(9, -1, outputs), expected)
    means = y.reshape(9, 2, 2, 2, 2, -1).mean(axis=(2, 4)).reshape(9, -1)
    found = network.features(layers, x, chunk=4)
    assert np.array_equal(found, np.floor(means + 0.5))
    with torch.no_grad():
        real = net.features(torch.from_numpy(x).permute(0, 3, 1, 2).float() * network.UNIT).numpy()
    assert np.abs(found * unit - real).mean() < 0.03 * real.mean()


def test_training_tells_two_kinds_apart() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 200).astype(np.uint8)
    pixels = rng.integers(0, 100, (200, SIDE, SIDE, 1)).astype(np.uint8)
    pixels[classes == 1, :16] += 120
    x = network.as_input(pixels)
    net = network.trained(x, classes, 20, flipped=True, seed=1)
    with torch.no_grad():
        logits = net(torch.from_numpy(x).permute(0, 3, 1, 2).float() * network.UNIT)
    assert (logits.argmax(1).numpy() == classes).mean() > 0.95


# --- sessions ---------------------------------------------------------------------------


def test_the_extractor_the_start_and_the_stream_share_no_image() -> None:
    y = np.tile(np.arange(10), 30).astype(np.uint8)
    assert first_half(y).sum() == 150 and np.bincount(y[first_half(y)]).tolist() == [15] * 10
    some = material()
    begin, stream = drawn(some, Start("x", 5, 7), 400, seed=3)
    assert sorted(np.bincount(some.y[begin], minlength=10).tolist()) == [0] * 5 + [7] * 5
    assert len({*begin.tolist(), *stream.tolist()}) == 35 + 400


@pytest.mark.parametrize("entry", POLICIES, ids=labels_of(POLICIES))
def test_every_policy_of_the_study_spends_its_budget_exactly(entry: dict[str, Any]) -> None:
    part = StudyPart.read("policies", entry)
    for start in (Start("classes", 5, 6), Start("data", 10, 2)):
        chooser = chooser_of(part, labels=24, batch=8, stream=300, seed=1, features=WIDTH)
        figures = session(material(), start, 300, 1, chooser)
        assert figures["labels"] == 24 and len(figures["accuracy"]) == 4
        assert len(chooser.times) == 300 and figures["microseconds"] > 0
        assert figures["accuracy"][-1] > 0.5
    assert bytes_kept(part, 8, 300, WIDTH) > 0


def test_choosing_at_once_is_for_good_and_due_when_the_batch_is_full() -> None:
    chooser = chooser_of(StudyPart("random"), labels=300, batch=4, stream=300, seed=1, features=WIDTH)
    assert isinstance(chooser, AtOnce)
    found = [chooser.see(np.zeros(WIDTH, np.uint8), [0.5, 0.5]) for _ in range(9)]
    assert found == [(), (), (), (0, 1, 2, 3), (), (), (), (4, 5, 6, 7), ()]


def test_swapping_is_due_when_its_part_of_the_stream_is_over() -> None:
    some = material(4, 60)
    chooser, kept = Swapping(Preemption(3), 20), Preemption(3)
    for n, x in enumerate(some.x):
        kept.offer(n, x, [0.5, 0.5])
        expected = kept.take() if n in (19, 39, 59) else ()
        assert chooser.see(x, [0.5, 0.5]) == expected


def test_a_class_is_found_from_its_first_label_on() -> None:
    some = material(5)
    old, new = some.y < 9, some.y == 9
    learner = Learner(some.x[old][:90], some.y[old][:90], seed=0)
    assert learner.accuracy(some.x[new], some.y[new]) == 0
    learner.learn(some.x[new][:5], some.y[new][:5])
    assert learner.accuracy(some.x[new][5:], some.y[new][5:]) > 0.8


# --- tables and the command -------------------------------------------------------------


def test_a_direction_is_seen_where_the_interval_says_so() -> None:
    assert verdict(Interval(1.0, 0.2, 1.8)) == "seen"
    assert verdict(Interval(1.0, -0.2, 1.8)) == "not seen, within noise"
    assert verdict(Interval(-1.0, -1.8, -0.2)) == "the contrary"
    assert nearness(Interval(0.3, -0.4, 0.9)) == "seen"
    assert nearness(Interval(0.3, -1.4, 1.9)) == "not excluded"
    assert nearness(Interval(3.0, 1.4, 4.9)) == "not seen"


def test_the_command_runs_a_study_and_prints_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digits(tmp_path / "mnist", 800)
    names = ("random", "tactile-inforv", "tactile-dualrv", "preemption")
    study = tmp_path / "study.toml"
    study.write_text(
        'sets = ["mnist"]\nseeds = 3\nknown = 5\nextractor = 1\nstream = 200\nlabels = 160\nbatch = 8\n'
        "tested = 100\n"
        "[starts]\nclasses = { classes = 5, each = 4 }\n[steps]\nmnist = 8\n"
        + "".join(f'[[policies]]\nname = "{name}"\n' for name in names),
        encoding="utf-8",
    )
    file = tmp_path / "figures.json"
    words = ["--data", str(tmp_path), "--study", str(study), "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["images", *words])
    main()
    shown = capsys.readouterr().out
    result = json.loads(file.read_text())
    assert {row["labels"] for row in result["sets"]["mnist"]["rows"]} == {160}
    assert page(result) in shown and "\n".join(directions(result)) in shown
    assert all(f"| {name} |" in shown for name in names)
    monkeypatch.setattr(sys, "argv", ["images", "--tables", str(file)])
    main()
    assert capsys.readouterr().out.strip() == page(result).strip()
