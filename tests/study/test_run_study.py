"""Running studies: the same figures as a replay, resuming, enlarging, damaged stores, dying workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest

import odl
from odl.core.config import ConfigError
from odl.core.protocols import Decision, Scores, Window
from odl.core.state import Asked
from odl.study import Study, StudyError, run_study, runner
from odl.study.compare import finished, run
from odl.study.store import COLUMNS, Store
from tests.helpers.datasets import make_hapt

BASE = {"datasets": "shoulder", "people": ["7", "8"], "policies": ["random"], "budgets": [5], "seeds": 2}


def counted(study: Study, out: Path) -> int:
    """The number of sessions that were computed."""
    return run_study(study, out, workers=1)[1]


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_what_is_no_number_of_processes_is_refused(workers: Any) -> None:
    with pytest.raises(ConfigError, match=r"`workers` is .*; it can be 1 or more"):
        run_study(Study.read(BASE), workers=workers)


def test_a_cell_is_the_session_that_replay_runs() -> None:
    study = Study.read({**BASE, "people": ["8"], "delay": 2, "error": 0.2, "hold": True, "seeds": [3]})
    (row,), _ = run_study(study, workers=1)
    one = odl.replay(
        "shoulder", policy="random", budget=5, subjects=[8], delay=2, error=0.2, hold=True, seed=3
    )
    assert row["trace_sha256"] == one.outcomes[0].trace_sha256
    figures = one.evaluations[0]
    assert row["accuracy_last_third"] == figures.score.accuracy_last_third
    assert row["no_learning_accuracy"] == figures.baselines["no_learning"].accuracy
    assert row["model_accuracy"] == figures.model.accuracy
    assert (row["queries"], row["allowed"]) == (5, 5)


def test_a_finished_study_is_not_computed_again_and_an_enlarged_one_only_where_it_is_new(
    tmp_path: Path,
) -> None:
    assert counted(Study.read(BASE), tmp_path) == 4
    assert counted(Study.read(BASE), tmp_path) == 0
    assert counted(Study.read({**BASE, "policies": ["random", "periodic"]}), tmp_path) == 4
    assert counted(Study.read({**BASE, "policies": ["random", "periodic"], "seeds": 3}), tmp_path) == 4
    assert counted(Study.read({**BASE, "people": ["7", "8", "9"]}), tmp_path) == 2


def test_adding_a_policy_computes_that_policy_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_study(Study.read(BASE), tmp_path, workers=1)
    ran: list[str] = []
    inside = runner.run_job

    def noted(job: Any) -> Any:
        ran.extend(cell.policy.label for cell in job.cells)
        return inside(job)

    monkeypatch.setattr(runner, "run_job", noted)
    rows, _ = run_study(Study.read({**BASE, "policies": ["random", "periodic"]}), tmp_path, workers=1)
    assert ran == ["periodic"] * 4
    assert len(rows) == 8


def test_a_study_that_stopped_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_study(Study.read(BASE), workers=1)[0]
    inside, ran = runner.run_job, 0

    def stops(job: Any) -> Any:
        nonlocal ran
        ran += 1
        if ran == 3:
            raise KeyboardInterrupt
        return inside(job)

    monkeypatch.setattr(runner, "run_job", stops)
    with pytest.raises(KeyboardInterrupt):
        run_study(Study.read(BASE), tmp_path, workers=1)
    monkeypatch.setattr(runner, "run_job", inside)
    rows, computed = run_study(Study.read(BASE), tmp_path, workers=1)
    assert (rows, computed) == (whole, 2)


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing of it"])
def test_a_damaged_file_of_the_store_is_noticed_and_computed_anew(tmp_path: Path, content: bytes) -> None:
    rows, _ = run_study(Study.read(BASE), tmp_path, workers=1)
    files = sorted((tmp_path / "cells").iterdir())
    files[0].write_bytes(content)
    notes: list[str] = []
    again, computed = run_study(Study.read(BASE), tmp_path, workers=1, progress=notes.append)
    assert (again, computed) == (rows, 1)
    assert any(files[0].name in note for note in notes)


def test_no_flipped_bit_of_the_store_changes_a_figure_unnoticed(tmp_path: Path) -> None:
    plain = {name: {str: "abc", int: 1, float: 0.5, bool: True}[kind] for name, kind in COLUMNS.items()}
    store = Store(tmp_path)
    store.add([plain | {"key": "one"}, plain | {"key": "two", "accuracy": 0.25}])
    rows, _ = store.read()
    (file,) = (tmp_path / "cells").iterdir()
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for at in rng.choice(len(whole), 300, replace=False):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :])
        again, unread = store.read()
        assert unread or again == rows
        noticed += bool(unread)
    assert noticed > 30


def test_figures_of_another_code_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_study(Study.read(BASE), tmp_path, workers=1)
    for module in ("cells", "run_job"):
        monkeypatch.setattr(f"odl.study.{module}.kernels_digest", lambda: "another")
    assert counted(Study.read(BASE), tmp_path) == 4


def test_a_process_with_other_code_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("odl.study.run_job.kernels_digest", lambda: "another")
    with pytest.raises(StudyError, match="odl differs between the processes"):
        run_study(Study.read(BASE), workers=1)


class Falls:
    """A policy that fails."""

    def decide(self, window: Window, scores: Scores) -> Decision:
        raise LookupError("no such thing")

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing."""


def test_a_session_that_fails_is_named() -> None:
    with pytest.raises(StudyError, match="subject 7.*policy Falls.*seed 0.*LookupError.*no such thing"):
        run_study(Study.read({**BASE, "policies": [Falls()]}), workers=1)


class Misspelt(Falls):
    """A policy with the commonest of faults."""

    def decide(self, window: Window, scores: Scores) -> Decision:
        return Decision(window.missing, 0)  # type: ignore[attr-defined]


def test_whatever_a_part_of_ones_own_raises_the_session_and_the_line_are_named() -> None:
    with pytest.raises(StudyError, match=r"policy Misspelt.*AttributeError.*\(test_run_study.py, line \d+\)"):
        run_study(Study.read({**BASE, "policies": [Misspelt()]}), workers=1)


OWN_POLICY = """
from {helper} import LEAST
def ask(window, scores):
    return scores.uncertainty > LEAST
"""
COUNT_OWN = """
import sys
from odl.study import Study, run_study
policies = ["own_part:ask", "random"]
study = Study.read({"datasets": "shoulder", "people": [7], "policies": policies, "budgets": 5})
print(run_study(study, sys.argv[1], workers=1)[1])
"""


def test_a_changed_file_of_ones_own_or_a_module_beside_it_is_computed_anew(
    tmp_path: Path,
) -> None:
    def computed() -> int:
        run = subprocess.run(
            [sys.executable, "-c", COUNT_OWN, "out"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(run.stdout)

    own, helper = tmp_path / "own_part.py", tmp_path / "own_limits.py"
    own.write_text(OWN_POLICY.format(helper="own_limits"))
    helper.write_text("LEAST = 20000\n")
    assert (computed(), computed()) == (2, 0)
    helper.write_text("LEAST = 30000\n")
    assert (computed(), computed()) == (1, 0)
    own.write_text(OWN_POLICY.format(helper="own_limits") + "# changed\n")
    assert computed() == 1


def test_code_that_was_changed_after_it_was_loaded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python keeps the old code; its figures must not be found under the new file's key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_limits_here.py").write_text("LEAST = 20000\n")
    own = tmp_path / "own_part_here.py"
    own.write_text(OWN_POLICY.format(helper="own_limits_here"))
    study = Study.read({**BASE, "people": ["7"], "policies": ["own_part_here:ask"], "seeds": 1})
    assert counted(study, tmp_path / "out") == 1
    own.write_text(own.read_text() + "# changed\n")
    with pytest.raises(StudyError, match="own_part_here:ask has changed since this process loaded it"):
        counted(study, tmp_path / "out")


def test_a_model_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    """In a notebook one trains again, writes the same file and compares again."""
    image = odl.load_model("shoulder")
    model = tmp_path / "mine.odlm"
    study = Study.read({**BASE, "people": ["7"], "models": [str(model)], "seeds": 1})
    computed, traces = [], set()
    for base in (image.base, np.roll(image.base, 1, axis=1)):
        model.write_bytes(replace(image, base=base).to_bytes())
        rows, count = run_study(study, tmp_path / "out", workers=1)
        computed.append(count)
        traces.add(rows[0]["trace_sha256"])
    assert computed == [1, 1] and len(traces) == 2


def test_recordings_that_were_replaced_are_read_anew_in_every_process(tmp_path: Path) -> None:
    """The processes of the first study are still there when the second one starts."""
    study = Study.read(
        {
            **BASE,
            "datasets": "hapt",
            "people": ["1", "3"],
            "data": {"hapt": str(tmp_path / "data")},
            "seeds": 1,
        }
    )
    windows = []
    for samples in (1500, 2000):
        rmtree(tmp_path / "data", ignore_errors=True)
        make_hapt(tmp_path / "data", samples=samples)
        rows, count = run_study(study, tmp_path / "out", workers=2)
        windows.append(rows[0]["windows"])
        assert count == 2
    assert windows[0] < windows[1]


def test_two_processes_give_the_same_rows(tmp_path: Path) -> None:
    study = Study.read(BASE)
    alone, both = run(study, tmp_path / "one", workers=1), run(study, tmp_path / "two", workers=2)
    assert both.computed == 4
    for name in ("table.csv", "table.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert alone.rows == both.rows == finished(tmp_path / "two").rows


class DiesOnce:
    """A policy that kills its process the first time that it is called anywhere."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def decide(self, window: Window, scores: Scores) -> Decision:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Decision(False, 0)

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing."""


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    notes: list[str] = []
    study = Study.read({**BASE, "policies": ["random", DiesOnce(tmp_path / "mark")]})
    rows, _ = run_study(study, tmp_path / "out", workers=2, progress=notes.append)
    assert len(rows) == 8
    assert any("a worker died" in note for note in notes)


class AlwaysDies:
    """A policy that kills its process."""

    def decide(self, window: Window, scores: Scores) -> Decision:
        os.kill(os.getpid(), signal.SIGKILL)
        return Decision(False, 0)

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing."""


def test_a_study_that_kills_its_processes_ends_with_a_sentence() -> None:
    with pytest.raises(StudyError, match="worker processes died 3 times"):
        run_study(Study.read({**BASE, "policies": [AlwaysDies()]}), workers=2)


def test_orders_of_the_recordings_differ_and_repeat() -> None:
    study = Study.read({**BASE, "people": ["7"], "seeds": [1], "order": ["recorded", "reversed", "shuffled"]})
    first, _ = run_study(study, workers=1)
    again, _ = run_study(study, workers=1)
    assert first == again
    assert len({row["trace_sha256"] for row in first}) == 3
    assert len({row["windows"] for row in first}) == 1


def test_each_person_runs_on_the_image_that_did_not_train_on_them(tmp_path: Path) -> None:
    from dataclasses import replace

    image = odl.load_model("shoulder")
    for name, people in (("a", ["1", "7"]), ("b", ["1", "8"])):
        card = {**image.card, "trained_on": people}
        (tmp_path / f"{name}.odlm").write_bytes(replace(image, card=card, seed=len(name)).to_bytes())
    from odl.study.people import image_for, person_of

    persons = [person_of("shoulder", None, subject, "recorded", 0) for subject in ("7", "8")]
    assert [image_for(str(tmp_path), one).card["trained_on"] for one in persons] == [["1", "8"], ["1", "7"]]
    with pytest.raises(StudyError, match="holds 2 images that were not trained on person 9"):
        image_for(str(tmp_path), person_of("shoulder", None, "9", "recorded", 0))


def test_a_random_extractor_knows_the_classes_and_less_than_the_trained_one() -> None:
    """Its heads learned windows of the training people, so it is far above the most frequent class."""
    study = Study.read(
        {**BASE, "models": ["own", "random"], "policies": "none", "people": ["7", "8", "9", "10"]}
    )
    rows, _ = run_study(study, workers=1)
    own, drawn = ([row["accuracy"] for row in rows if row["model"] == model] for model in ("own", "random"))
    most = [row["majority_accuracy"] for row in rows if row["model"] == "random"]
    assert np.mean(most) + 0.1 < np.mean(drawn) < np.mean(own)


def test_a_scheduler_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_PATIENCE", 1)
    with pytest.raises(StudyError, match="dask is tcp://127.0.0.1:9"):
        run_study(Study.read(BASE), dask="tcp://127.0.0.1:9")
