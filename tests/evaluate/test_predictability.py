"""Permutation entropy and complexity: published values, an obvious reference, gaps, where users read them."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from odl.cli.main import main
from odl.core.events import Gap, Samples
from odl.evaluate.predictability import (
    LEAST,
    ORDER,
    entropy_and_complexity,
    pattern_counts,
    predictability,
)
from odl.evaluate.replay import replay

# Examples in the docstrings of ordpy (Pessa and Ribeiro, Chaos 31, 063110, 2021).
PUBLISHED = [
    ([4 / 6, 2 / 6], 0.9182958340544894, 0.06112816548804511),
    ([1 / 3, 1 / 15, 4 / 15, 2 / 15, 1 / 5, 0], 0.8314454838586238, 0.16576716623440763),
    ([0.5, 0.25, 0.25] + 21 * [0], 0.3271564379782973, 0.2701200547320647),
]


@pytest.mark.parametrize(("shares", "entropy", "complexity"), PUBLISHED)
def test_published_values(shares: list[float], entropy: float, complexity: float) -> None:
    assert entropy_and_complexity(shares) == pytest.approx((entropy, complexity), abs=1e-12)


def test_published_series() -> None:
    counts = pattern_counts(np.array([4, 7, 9, 10, 6, 11, 3]), 2)
    assert entropy_and_complexity(counts / counts.sum()) == pytest.approx(PUBLISHED[0][1:])
    three = pattern_counts(np.array([4, 7, 9, 10, 6, 11, 3]), 3)
    assert sorted(three.tolist()) == [0, 0, 0, 1, 2, 2]  # its shares are 0.4, 0.2 and 0.4


def obvious(values: NDArray[np.int16], order: int) -> list[int]:
    every = [tuple(values[i : i + order].argsort(kind="stable")) for i in range(len(values) - order + 1)]
    return sorted(every.count(pattern) for pattern in permutations(range(order)))


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("size", [0, 1, 4, 300])
def test_patterns_of_values_with_ties(order: int, size: int) -> None:
    values = np.random.default_rng(size).integers(-3, 4, size).astype(np.int16)
    assert sorted(pattern_counts(values, order).tolist()) == obvious(values, order)


def test_ends_of_the_scale() -> None:
    assert entropy_and_complexity([1, 0, 0]) == (0, 0)
    entropy, complexity = entropy_and_complexity(np.full(120, 1 / 120))
    assert entropy == pytest.approx(1) and complexity == pytest.approx(0, abs=1e-12)


def test_no_pattern_spans_a_gap() -> None:
    up = np.arange(400, dtype=np.int16)[:, None]
    whole = [Samples(0, np.concatenate([up, up]))]
    apart = [Samples(0, up), Gap(400, 0, "seam"), Samples(400, up[:200]), Samples(600, up[200:])]
    assert predictability(whole, ["x"])["x"]["entropy"] > 0
    assert predictability(apart, ["x"]) == {"x": {"entropy": 0, "complexity": 0}}


def test_too_few_samples_have_no_figures() -> None:
    few = np.zeros((LEAST + ORDER - 2, 1), np.int16)
    assert predictability([Samples(0, few)], ["x"]) == {} == predictability([], [])
    assert predictability([Samples(0, few[:1]), Samples(1, few)], ["x"])


def test_info_and_report_show_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = replay("shoulder", subjects=[7], budget=1, out=tmp_path)
    path = tmp_path / "shoulder-7.odl"
    assert main(["info", str(path), "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts["predictability"]) == ["ax", "ay", "az", "wx", "wy", "wz"]
    assert facts["predictability"]["ay"] == {"entropy": 0.7923, "complexity": 0.2472}
    assert facts["same_as_before"] == 0.9678  # 13 changes in 405 windows
    assert result.to_json()["subjects"][0]["same_as_before"] == pytest.approx(391 / 404)
    page = result.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<td>ax 0.64, ay 0.79, az 0.77, wx 0.77, wy 0.63, wz 0.65</td>" in page


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_pieces_of_any_length_give_the_same(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's report took 410 MB where the whole day was looked at at once."""
    draw = np.random.default_rng(3)
    events, at = list[Samples | Gap](), 0
    for n in (1, 3, 900, 2, 4, 450, 1, 1):
        events.append(Samples(at, draw.integers(-9, 9, (n, 2)).astype(np.int16)))
        at += n
        if n == 2:
            events.append(Gap(at, 0, "a seam"))
    whole = predictability(events, ["a", "b"])
    monkeypatch.setattr("odl.evaluate.predictability.PIECE", piece)
    assert whole and predictability(events, ["a", "b"]) == whole
