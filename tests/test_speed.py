"""The benchmark of speed: a ratio is printed only where both sides computed the same thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.speed.machine import avx2_only
from benchmarks.speed.paired import DifferentError, Figure, Spread, alone, paired, require
from benchmarks.speed.table import table


class Side:
    """Something to time that counts how often it ran."""

    def __init__(self, result: Any) -> None:
        self.result, self.runs = result, 0

    def __call__(self) -> Any:
        self.runs += 1
        return self.result


def equal(ours: Any, theirs: Any) -> str:
    require(ours == theirs, f"ours is {ours}, theirs {theirs}")
    return "results"


def test_equal_sides_are_timed_in_turns() -> None:
    ours, theirs = Side(3), Side(3)
    figure = paired("row", "us", ours, "peer", theirs, equal, runs=4)
    assert (ours.runs, theirs.runs) == (5, 5)
    assert figure.checked == "results" and figure.refused == ""
    assert figure.ratio is not None and figure.ours is not None and figure.theirs is not None
    assert Figure.from_dict(figure.to_dict()) == figure


def test_different_sides_get_no_ratio_and_are_not_timed() -> None:
    ours, theirs = Side(3), Side(4)
    figure = paired("row", "us", ours, "peer", theirs, equal, runs=4)
    assert (ours.runs, theirs.runs) == (1, 1)
    assert figure.refused == "ours is 3, theirs 4"
    assert figure.ratio is None and figure.ours is None and figure.theirs is None
    assert table([figure]).splitlines()[0].split("  ")[-1] == "refused: ours is 3, theirs 4"
    assert "times" not in table([figure])


def test_the_median_and_the_quartiles_are_shown() -> None:
    spread = Spread.of([3.0, 1.0, 2.0, 5.0, 4.0])
    assert spread == Spread(3.0, 2.0, 4.0)
    figure = Figure("row", "us", Spread.of([0.5]), "peer", Spread.of([1500.0]), spread, "results")
    shown, _, checked = table([figure]).splitlines()
    assert shown == "row  0.5 us  peer: 1,500  3 times  [2 to 4]"
    assert checked == "checked, row: results"
    assert table([alone("row", "units", lambda: None, lambda seconds: 7.0, 3)]).strip() == "row  7 units"


def test_a_process_with_avx2_alone_is_told_so() -> None:
    given = avx2_only()
    features = given["NUMBA_CPU_FEATURES"].split(",")
    assert (given["NUMBA_CPU_NAME"], given["ODL_TIER"]) == ("haswell", "avx2")
    assert not [name for name in features if name.startswith(("+avx512", "+avxvnni", "+amx"))]


# --- with the peers -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def little() -> Any:
    """Two recordings of one person."""
    from benchmarks.speed.material import Material

    return Material.load((7,), parts=2)


@pytest.mark.peers
def test_the_peers_compute_what_they_are_compared_on(little: Any) -> None:
    from benchmarks.speed import replays, rows

    figures = [
        rows.extractor(little, 1),
        rows.streaming(little, 64, 1),
        rows.streaming(little, 16, 1),
        replays.replay(little, 1, questions=5),
        rows.selection(little, 1),
    ]
    assert [figure.refused for figure in figures] == [""] * 5
    assert all(figure.checked and figure.ratio is not None for figure in figures)
    assert "1 sessions, 49 windows predicted by both, 5 labels" in figures[3].checked


@pytest.mark.peers
def test_the_rows_without_a_peer(little: Any) -> None:
    from benchmarks.speed import replays, rows

    figures = [
        replays.bulk_replay(little, False, 1),
        replays.bulk_replay(little, True, 1),
        rows.share_of_peak(little, 1, times=1),
        rows.learning_step(1, steps=100),
        rows.longest_refit(1, times=1),
    ]
    assert all(figure.ours is not None and figure.ours.median > 0 for figure in figures)


@pytest.mark.peers
def test_another_network_in_the_file_is_noticed(little: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import rows
    from benchmarks.speed.network import tflite_of

    def other(image: Any, pool: bool) -> bytes:
        first, *rest = image.layers
        weights = first.weights.copy()
        weights[0, 0, 0] += 3
        return tflite_of(replace(image, layers=(replace(first, weights=weights), *rest)), pool)

    monkeypatch.setattr(rows, "tflite_of", other)
    for figure in (rows.extractor(little, 1), rows.streaming(little, 64, 1)):
        assert figure.ratio is None
        assert figure.refused == "LiteRT's built-in kernels do not compute the network in the file"


@pytest.mark.peers
def test_an_extractor_of_ours_that_is_wrong_is_noticed(little: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import rows
    from odl.model.features import features_of

    monkeypatch.setattr(rows, "features_of", lambda image, windows: features_of(image, windows) ^ 1)
    assert rows.extractor(little, 1).refused == "this project's features are not those of the network"


@pytest.mark.peers
def test_other_windows_than_the_streams_are_noticed(little: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import rows
    from benchmarks.speed.material import Material

    windows = Material.windows
    monkeypatch.setattr(Material, "windows", lambda self, hop: np.flip(windows(self, hop), axis=0))
    assert rows.streaming(little, 64, 1).refused == "the stream predicts otherwise than its windows"


@pytest.mark.peers
def test_a_peer_that_spends_fewer_labels_is_noticed(little: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import peers, replays, rows

    monkeypatch.setattr(peers.Purse, "takes", lambda self, wanted: False)
    assert "labels spent are [0, 5], not 5" in replays.replay(little, 1, questions=5).refused
    assert rows.selection(little, 1).refused.startswith("10 and 0 windows asked about")


def test_a_difference_is_an_error_with_its_sentence() -> None:
    with pytest.raises(DifferentError, match="^because$"):
        require(False, "because")
