"""What training does before and after torch: trees, windows, measures, the missing extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl._extras import how_to_install
from odl.core.events import Truth
from odl.core.ground_truth import TruthTrack
from odl.core.image import ROOT
from odl.data import Dataset, Part, load_card
from odl.train.metrics import Predictions
from odl.train.tree import build_tree
from odl.train.windows import gather, sample_labels, window_labels
from tests.helpers.progress_lines import without_progress

NAMES = ["a", "b", "c"]
HAPT = load_card("hapt")


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(1, 9)), min_size=1, max_size=9),
    st.integers(2, 8),
)
def test_truth_of_many_windows_is_the_half_coverage_rule(
    pieces: list[tuple[str | None, int]], window: int
) -> None:
    truths, at = [], 0
    for name, n in pieces:
        if name is not None:
            truths.append((at, at + n, name))
        at += n
    if at < window:
        return
    part = Part(np.zeros((at, 1), np.int16), tuple(truths))
    starts = np.arange(at - window + 1)
    got = window_labels(sample_labels(part, NAMES), starts, window)
    track = TruthTrack(Truth(*t) for t in truths)
    want = [track.of(int(start), window) for start in starts]
    assert [NAMES[c] if c >= 0 else None for c in got] == want


def test_the_tree_of_hapt() -> None:
    tree = build_tree(HAPT.classes, HAPT.tree)
    assert tree.parents.tolist() == [ROOT, 12, 13, 14]
    assert tree.row_class.tolist() == [12, 13, 14, 3, 4, 5, 0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert tree.leaves == tuple(range(12))
    assert tree.targets(np.array([5, 0, 11])).tolist() == [[0, 2, -1, -1], [1, -1, 0, -1], [2, -1, -1, 5]]


def test_a_group_with_one_class_left_gives_way_to_it() -> None:
    tree = build_tree(HAPT.classes, HAPT.tree, ["sit", "stand"])
    root = [tree.names[c] for c in tree.row_class[tree.row_head == 0].tolist()]
    assert root == ["lie", "dynamic", "transition"]
    assert 3 not in tree.names and 5 in tree.leaves


@pytest.mark.parametrize(
    ("nested", "without", "sentence"),
    [
        ({"x": ["a", "b"]}, [], "differ in c"),
        ({"x": ["a", "b"], "y": ["b", "c"]}, [], "differ in b"),
        (None, ["z"], "'z' is to be left out, but there are a, b, c"),
        (None, ["a", "b"], "fewer than two"),
    ],
)
def test_a_tree_that_does_not_fit(
    nested: dict[str, list[str]] | None, without: list[str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_tree(NAMES, nested, without)


@given(st.lists(st.floats(-9, 9), min_size=15, max_size=15), st.sets(st.integers(0, 11), min_size=1))
def test_a_route_ends_at_a_leaf_that_may_be_chosen(logits: list[float], among: set[int]) -> None:
    tree = build_tree(HAPT.classes, HAPT.tree)
    values = np.array([logits])
    assert tree.route(values, sorted(among))[0] in among
    leaf = tree.route(values)
    for head, row in enumerate(tree.targets(leaf)[0]):
        if row >= 0:  # at every task on its path, the leaf's row is the likeliest
            rows = values[0, tree.heads[head]]
            assert rows[row] == rows.max()


class TwoPeople:
    subjects = ("1", "2")

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        block = np.full((40, 6), int(subject), np.int16)
        return (Part(block, ((3, 19, "walk"), (19, 25, "sit to stand"), (25, 40, "stand"))),)


def test_windows_cut_inside_stretches_and_those_of_the_stream() -> None:
    found = gather(Dataset(HAPT, Path(), TwoPeople()), ["1", "2"], 8, 4, within=["walk", "stand"])
    one = found.select(found.subject == "1")
    told = {(HAPT.classes[c], s) for c, s in zip(one.cls.tolist(), one.start.tolist(), strict=True)}
    assert told == {
        ("walk", 3), ("walk", 7), ("walk", 11),  # from the stretch's own start
        ("stand", 25), ("stand", 29),
        ("sit to stand", 16), ("sit to stand", 20),  # on the stream's grid
    }  # fmt: skip
    assert set(found.cut(np.flatnonzero(found.subject == "2")).ravel().tolist()) == {2}
    stream = gather(Dataset(HAPT, Path(), TwoPeople()), ["1"], 8, 4)
    assert all(start % 4 == 0 for start in stream.start.tolist())
    with pytest.raises(ValueError, match="not one labelled window of 41 samples"):
        gather(Dataset(HAPT, Path(), TwoPeople()), ["1"], 41, 4)


def test_macro_f1_by_hand() -> None:
    # a: said 2, true 3, both 2 -> 4/5; b: said 2, true 1, both 1 -> 2/3; c is never true.
    predictions = Predictions(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert predictions.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert predictions.confusion([0, 1]).tolist() == [[2, 1], [0, 1]]


def test_without_torch_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from odl.cli.main import main; "
        f"sys.exit(main(['train', 'shoulder', '--out', {str(tmp_path / 'x.odlm')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        without_progress(done.stderr) == f"odl: this needs the package 'torch': {how_to_install('train')}\n"
    )
