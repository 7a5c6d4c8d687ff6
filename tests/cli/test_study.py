"""The commands compare, study and cite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odl.cli.main import main

FILE = 'datasets = ["shoulder"]\npeople = [7]\npolicies = ["random", "periodic"]\nbudgets = [5]\n'


def test_a_study_is_run_reported_and_not_computed_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.toml").write_text(FILE)
    out = str(tmp_path / "out")
    arguments = ["study", str(tmp_path / "one.toml"), "--out", out, "--workers", "1"]
    assert main(arguments) == 0
    first = capsys.readouterr()
    assert "0 of 2 sessions are in the store, 2 to compute" in first.err
    assert "report: " in first.out and (tmp_path / "out" / "report.html").is_file()
    assert main(arguments) == 0
    assert "2 of 2 sessions are in the store, 0 to compute" in capsys.readouterr().err
    (tmp_path / "out" / "report.html").unlink()
    assert main(["study", "report", out]) == 0
    assert capsys.readouterr().out == first.out
    assert (tmp_path / "out" / "report.html").is_file()


def test_compare_takes_lists_and_gives_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (
        "compare shoulder --policies random,margin --budgets 5,10 --seeds 3,4 --subjects 7 --workers 1"
    )
    assert main([*arguments.split(), "--baseline", "margin", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == "margin"
    assert [(one["policy"], one["budget"], one["seed"]) for one in found["rows"]] == [
        (policy, budget, seed) for seed in (3, 4) for policy in ("random", "margin") for budget in ("5", "10")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("study nothing.toml", "nothing.toml: there is no such file"),
        ("study report nowhere", "no finished study"),
        ("study a.toml b.toml", "one argument too many"),
        ("compare shoulder --seeds x", "--seeds is x"),
        ("compare shoulder --budgets 0", "above zero"),
        ("compare shoulder --policies no-such", "there is no policy 'no-such'"),
        ("compare shoulder --learners os:system", "learner is 'os:system'"),
        ("compare shoulder --policies subprocess:Popen", "policy is 'subprocess:Popen'"),
        ("compare shoulder --policies no_such_module:X", "no_such_module"),
        ("compare shoulder --policies preemption", "preemption asks about windows that are past by then"),
        ("replay shoulder --policy informativeness", "odl.policies.preemption has it"),
        ("compare shoulder --policies margins", "tactile-dualrv-host, or write package"),
        ("compare shoulder --policies skactiveml:stream.No", "but skactiveml has no 'stream.No'"),
        ("compare shoulder --learners river:tree.HoeffdingTreeRegressor", "which is no classifier"),
        ("compare shoulder --learners sklearn:linear_model.LinearRegression", "which is no classifier"),
        ("compare shoulder --learners sklearn:cluster.KMeans", "which is no classifier"),
        ("compare shoulder --data x", "is bundled"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments.split()]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("odl: ") and message in error


def test_cite_prints_an_entry_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cite", "hapt", "wisdm"]) == 0
    text = capsys.readouterr().out
    assert text.count("\n@") + text.startswith("@") == 5
    assert text.count("{") == text.count("}")


def test_a_named_learner_and_policy_are_host_only_and_verify_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "replay shoulder --subjects 7 --budget 5 --learner last-layer --policy entropy"
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    assert "LastLayer and policy Entropy ran in Python only" in " ".join(capsys.readouterr().out.split())
    assert main(["verify", str(tmp_path / "shoulder-7.odl")]) == 2
    assert "learner LastLayer" in capsys.readouterr().err
