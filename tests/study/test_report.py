"""The report of a study: statistics against slow references, differences at labels spent, files."""

from __future__ import annotations

import csv
import io
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.study import Study, StudyError
from odl.study.compare import Comparison, finished, run
from odl.study.report.analysis import analyse
from odl.study.report.sentences import difference_sentence, harm_sentence, headline
from odl.study.report.statistics import area, at_labels, holm, mean_interval, paired_p
from odl.study.report.tables import latex, methods_csv
from odl.study.store import COLUMNS


def row(policy: str, subject: str, budget: str, asked: int, late: float, **more: Any) -> dict[str, Any]:
    """A row of a study with the figures that matter; the model without learning is right in half."""
    plain: dict[str, Any] = {
        name: {str: "", int: 0, float: 0.5, bool: False}[kind] for name, kind in COLUMNS.items()
    }
    return plain | {
        "dataset": "made", "subject": subject, "policy": policy, "learner": "dendron", "budget": budget,
        "queries": asked, "answers": asked, "accuracy_last_third": late, "accuracy": late, **more,
    }  # fmt: skip


def wilcoxon_by_hand(differences: list[float]) -> float:
    """Two-sided exact p, from all sign patterns; no zeros and no ties."""
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    total = sum(ranks[i] for i, d in enumerate(differences) if d > 0)
    sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in product((0, 1), repeat=len(ranks))
    ]
    low, high = np.mean([s <= total for s in sums]), np.mean([s >= total for s in sums])
    return float(min(1.0, 2 * min(low, high)))


def test_wilcoxon_equals_all_sign_patterns() -> None:
    rng = np.random.default_rng(0)
    for size in (4, 7, 10):
        values = rng.normal(0.4, 1, size).tolist()
        assert paired_p(values) == pytest.approx(wilcoxon_by_hand(values))


def test_wilcoxon_bears_ties_and_people_who_do_not_differ() -> None:
    assert paired_p([0.0] * 8) == 1.0
    assert 0 < paired_p([0.0, 0.0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.3]) < 0.05
    assert paired_p([0.1, -0.1, 0.1, -0.1]) == 1.0


def test_holm_equals_its_definition() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        p = rng.uniform(0, 0.2, 6)
        order = np.sort(p)
        slow = [max(min(1.0, (6 - k) * order[k]) for k in range(int(np.sum(order < one)) + 1)) for one in p]
        assert holm(p.tolist()) == pytest.approx(slow)


def test_an_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        interval = mean_interval(rng.normal(0, 1, 20))
        assert interval.low is not None and interval.high is not None
        held += interval.low <= 0 <= interval.high
    assert 0.87 < held / 200 < 0.99


def test_a_curve_between_and_beyond_its_points() -> None:
    assert at_labels([0, 10, 10], [0.5, 0.6, 0.8], 10) == pytest.approx(0.7)
    assert at_labels([20, 0], [0.8, 0.4], 5) == pytest.approx(0.5)
    assert area([0, 10, 20], [0.5, 0.5, 1.0], 20) == pytest.approx(0.625)
    assert area([0, 10], [0.5, 0.7], 0) == 0.5


def test_methods_are_compared_at_labels_spent_not_at_budgets() -> None:
    """A policy that asks half as often is held against half as many labels of the baseline."""
    rows = [row("random", p, "20", 20, 0.9) for p in "abc"] + [row("shy", p, "20", 10, 0.8) for p in "abc"]
    shy = analyse(rows, "random").entries[1]
    assert shy.difference is not None
    assert shy.difference.interval.mean == pytest.approx(0.8 - 0.7)


def test_seeds_are_averaged_before_people() -> None:
    rows = [row("random", "a", "5", 5, late, seed=seed) for seed, late in enumerate((0.2, 0.4, 0.6))]
    rows.append(row("random", "b", "5", 5, 0.8))
    (entry,) = analyse(rows, "random").entries
    assert entry.mean("late").mean == pytest.approx(0.6)


def test_who_was_harmed_and_by_how_much() -> None:
    lates = {"a": 0.2, "b": 0.495, "c": 0.4, "d": 0.9}
    (entry,) = analyse([row("random", p, "5", 5, late) for p, late in lates.items()], "random").entries
    assert [(who, round(lost, 3)) for who, lost in entry.harmed] == [("a", 0.3), ("c", 0.1)]
    assert entry.worst.subject == "a"
    said = harm_sentence(entry)
    assert "more than a point of the last third was lost by 2 of 4 people: a (-30.0), c (-10.0)" in said


def test_a_difference_within_noise_is_called_so_and_a_real_one_is_not() -> None:
    rng = np.random.default_rng(3)
    people = [f"p{i}" for i in range(20)]
    rows = [row("random", p, "5", 5, 0.6 + 0.01 * i) for i, p in enumerate(people)]
    rows += [row("same", p, "5", 5, 0.6 + 0.01 * i + rng.normal(0, 0.05)) for i, p in enumerate(people)]
    rows += [row("better", p, "5", 5, 0.7 + 0.01 * i + rng.normal(0, 0.02)) for i, p in enumerate(people)]
    found = analyse(rows, "random")
    said = {entry.method: difference_sentence(entry, found.baseline) for entry in found.entries}
    assert "within noise" in said["same"] and "within noise" not in said["better"]
    few = analyse([r for r in rows if r["subject"] in people[:4]], "random")
    assert all("So few people" in difference_sentence(e, "random") for e in few.entries[1:])


def test_a_baseline_that_asked_fewer_is_not_said_to_be_at_the_same_labels() -> None:
    rows = [row("shy", p, "20", 10 if p == "a" else 20, 0.7) for p in "abc"]
    rows += [row("random", p, "20", 20, 0.8) for p in "abc"]
    entry = analyse(rows, "shy").entries[1]
    assert entry.difference is not None and entry.difference.beyond == 1
    assert "shy asked fewer than that with 1 of them" in difference_sentence(entry, "shy")
    back = analyse(rows, "random").entries[0]
    assert "asked fewer" not in difference_sentence(back, "random")


def test_rounding_errors_are_no_differences() -> None:
    assert paired_p([1e-17, -2e-17, 3e-17, 4e-17, 5e-17, 6e-17]) == 1.0
    (entry,) = analyse([row("random", "a", "5", 5, 0.49)], "random").entries
    assert 0.49 - 0.5 < -0.01 and entry.harmed == []


def test_a_person_without_truth_on_the_last_third_hides_nobody() -> None:
    nothing = {"accuracy_last_third": None, "no_learning_accuracy_last_third": None}
    rows = [row("random", "a", "5", 5, 0.5, **nothing)]
    rows += [row("random", p, "5", 5, late) for p, late in zip("bcd", (0.4, 0.3, 0.6), strict=True)]
    found = analyse(rows, "random")
    (entry,) = found.entries
    assert (entry.worst.subject, entry.worst_session[0]) == ("c", "c")
    assert entry.mean("late").mean == pytest.approx(1.3 / 3)
    both = analyse(rows + [{**one, "policy": "periodic", "queries": 4} for one in rows], "random")
    difference = both.entries[1].difference
    assert difference is not None and difference.people == 3
    assert "random with budget 5 is right in 45.0" in headline(both) and "43.3" in headline(both)


def test_the_headline_names_the_setting_where_there_are_several() -> None:
    rows = [row("random", p, "5", 5, 0.5 + error, error=error) for p in "abc" for error in (0.0, 0.1)]
    assert headline(analyse(rows, "random")).startswith("random with budget 5 (error 0.1) is right in 60.0")


def test_a_learner_that_is_not_the_usual_one_is_named_also_where_it_is_the_only_one() -> None:
    def of(learner: str) -> list[str]:
        rows = [
            row(policy, p, "5", 5, 0.6, learner=learner) for policy in ("random", "margin") for p in "abc"
        ]
        found = analyse(rows, "random")
        assert [entry.difference is None for entry in found.entries] == [True, False]
        return [entry.method for entry in found.entries]

    assert of("dendron") == ["random", "margin"] and of("knn") == ["knn, random", "knn, margin"]


def test_settings_are_never_mixed() -> None:
    rows = [row("random", p, "5", 5, 0.5 + error, error=error) for p in "abc" for error in (0.0, 0.1)]
    found = analyse(rows, "random")
    assert found.settings == [(("error", 0.0),), (("error", 0.1),)]
    assert [entry.mean("late").mean for entry in found.entries] == pytest.approx([0.5, 0.6])


def test_what_is_averaged_is_one_setting_and_each_session_still_counts_as_the_worst() -> None:
    lates = {"recorded": 0.7, "reversed": 0.4}
    rows = [row("random", p, "5", 5, late, order=order) for p in "abc" for order, late in lates.items()]
    assert len(analyse(rows, "random").entries) == 2
    (entry,) = analyse(rows, "random", ["order"]).entries
    assert entry.mean("gain").mean == pytest.approx(0.05)
    assert entry.worst_session == ("a", pytest.approx(-0.1)) and entry.harmed == []


def test_harm_over_the_whole_stream_and_questions_that_nobody_can_answer_are_counted() -> None:
    shown = {"a": 0.6, "b": 0.45, "c": 0.2}
    rows = [
        row("random", p, "5", 5, 0.5, accuracy=share, without_truth=i)
        for i, (p, share) in enumerate(shown.items())
    ]
    found = analyse(rows, "random")
    (entry,) = found.entries
    assert entry.harmed == [] and [who for who, _ in entry.harmed_whole] == ["c", "b"]
    assert harm_sentence(entry).endswith(
        "of the last third was lost by nobody; of the whole stream by 2 of 3 people: c (-30.0), b (-5.0)."
    )
    assert entry.without_truth == pytest.approx(3 / 15)
    (line,) = csv.DictReader(io.StringIO(methods_csv(found)))
    assert (line["harmed"], line["harmed_whole"], line["to_baseline"]) == ("0", "2", "")
    assert float(line["whole_gain"]) == pytest.approx(-0.25 / 3)
    assert float(line["worst_session_whole"]) == pytest.approx(-0.3)


@pytest.fixture(scope="module")
def small(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    """The committed small study, run."""
    folder = tmp_path_factory.mktemp("study")
    found = run(Study.load(root / "studies" / "small.toml"), folder, workers=1)
    found.report(folder, "odl study small.toml")
    return folder, found


def test_the_committed_small_study_runs(small: tuple[Path, Comparison]) -> None:
    folder, found = small
    assert found.computed == len(found.rows) == 2 * 3 * 2 * 2
    assert finished(folder).rows == found.rows
    table = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text())))
    assert [float(one["accuracy"]) for one in table] == [one["accuracy"] for one in found.rows]
    people = list(csv.DictReader(io.StringIO((folder / "people.csv").read_text())))
    assert len(people) == 3 * 2 * 2
    assert {float(one["spent"]) for one in people} == {5.0, 10.0}


def test_the_page_is_whole_and_names_no_place_of_this_machine(small: tuple[Path, Comparison]) -> None:
    folder, _ = small
    page = (folder / "report.html").read_text(encoding="utf-8")
    for part in (
        "Differences to random",
        "Who it failed for",
        "Area under",
        "within noise",
        "odl study small.toml",
    ):
        assert part in page
    assert len(re.findall("<svg ", page)) == 1
    for place in (folder, Path.home(), Path.cwd()):
        assert str(place) not in page or len(place.parts) < 2  # the root folder is part of any address


def test_a_repr_is_a_short_table(small: tuple[Path, Comparison]) -> None:
    _, found = small
    assert repr(found).splitlines()[1].split() == [
        "method", "budget", "asked", "whole", "%", "gain", "last", "third", "%", "gain", "to", "baseline",
        "worst", "session", "harmed",
    ]  # fmt: skip
    entry, line = found.analysis.entries[0], repr(found).splitlines()[2].split()
    whole, gain = entry.mean("whole"), entry.mean("whole_gain")
    assert line[3:5] == [f"{100 * whole.mean:.1f}", f"{100 * gain.mean:+.1f}"]
    assert found._repr_html_().count("<tr>") == 1 + 6


def test_names_cannot_leave_their_cell() -> None:
    rows = [row("a&b_{\\x}<i>", p, "5", 5, 0.5) for p in "abc"]
    text = latex(analyse(rows, "a&b_{\\x}<i>"))
    assert r"a\&b\_\{\textbackslash{}x\}<i>" in text


def test_a_folder_without_a_study_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no finished study"):
        finished(tmp_path)
    (tmp_path / "study.json").write_text("[]")
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    with pytest.raises(StudyError, match="damaged or of another version"):
        finished(tmp_path)
