"""Study files: what they say, and what is refused."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import odl
from odl.evaluate.option_table import OPTIONS
from odl.study import Study, StudyError
from odl.study.cells import cells_of
from odl.study.digests import code_digest


def test_a_file_is_read_and_its_folders_are_beside_it(tmp_path: Path) -> None:
    for name in ("mine", "own", "shoulder", "data of mine"):  # names that mean something else stay
        (tmp_path / name).mkdir()
    (tmp_path / "two.toml").write_text(
        'datasets = ["shoulder", "data of mine"]\npeople = [7, 8]\nmodels = ["own", "mine"]\nseeds = [3, 5]\n'
        "error = [0, 0.1]\n"
        'policies = ["random", { name = "tactile-inforv", step = 5, label = "slow" }]\nbaseline = "slow"\n'
        '[data]\nhapt = "mine"\n'
    )
    study = Study.load(tmp_path / "two.toml")
    assert (study.name, study.people, study.seeds, study.error) == ("two", ("7", "8"), (3, 5), (0.0, 0.1))
    assert study.models == ("own", str(tmp_path / "mine"))
    assert study.datasets == ("shoulder", str(tmp_path / "data of mine"))
    assert dict(study.data) == {"hapt": str(tmp_path / "mine")}
    assert [part.label for part in study.policies] == ["random", "slow"]
    assert study.compared_with == "slow"


STUDIES = sorted((Path(__file__).resolve().parents[2] / "studies").glob("*.toml"))


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_committed_study_is_read_and_named_on_a_page(file: Path, root: Path) -> None:
    assert Study.load(file).datasets
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    assert any(f"studies/{file.name}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets = [", "not a TOML file"),
        (f"datasets = {'[' * 3000}{']' * 3000}", "wrong.toml: not a TOML file: nested too deeply"),
        (f"seeds = {'9' * 5000}", "wrong.toml: not a TOML file: Exceeds the limit"),
        ('datasets = "shoulder"\nseeds = 1000000000000', "it can be 1 to 100000 seeds"),
        (f'datasets = "shoulder"\nseeds = 1000\ndelay = {[*range(101)]}', "101000 sessions of each person"),
        ('datasets = "a\\u0000b"', "it can be a name"),
        ('datasets = "shoulder"\nprofile = "a\\u0000b"', "it can be a text"),
        ("seeds = 2", "`datasets` is missing"),
        (
            'datasets = "shoulder"\npolicy = "random"',
            "averaged; did you mean 'policies'?",
        ),
        ('datasets = "shoulder"\nseeds = 0', "it can be 1 to 100000 seeds"),
        ('datasets = "shoulder"\nseeds = "x"', "`seed` is 'x'"),
        ('datasets = "shoulder"\nbudgets = []', "budgets is empty"),
        ('datasets = "shoulder"\nbudgets = ["0"]', "above zero"),
        ('datasets = "shoulder"\ndelay = -1', "`delay` is -1"),
        ('datasets = "shoulder"\nhold = 1', "`hold` is 1"),
        ('datasets = "shoulder"\norder = "backwards"', "recorded, reversed, shuffled"),
        ('datasets = "shoulder"\nbudgets = [5, 5]', "names an entry twice"),
        ('datasets = "shoulder"\nbudgets = [5, "5"]', "names an entry twice"),
        ('datasets = "shoulder"\npolicies = [{ step = 3 }]', "a table needs a `name`"),
        ('datasets = "shoulder"\npolicies = [{ name = "a:B", x = [1] }]', "a text or a number"),
        ('datasets = "shoulder"\nbaseline = "random"', "baseline is 'random'"),
        ('datasets = "shoulder"\ndata = "x"', "a table of folders"),
        ('datasets = "shoulder"\nmodels = ["a/m.odlm", "b/m.odlm"]', "have the same name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_a_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(StudyError, match="wrong.toml|baseline") as caught:
        Study.load(file)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": ["99"]}, "has no subject 99; there are 1, 2, .* and as groups all, test, train"),
        ({"people": ["7", "99"]}, "has no subject 99"),
        ({"datasets": "nothing"}, "there is no dataset 'nothing'"),
        ({"models": "nothing.odlm"}, "there is no such file"),
        (
            {"policies": ["random", "periodic"], "floor": [60, 9]},
            "`floor` is a setting of novel-segments, and has no effect with random, periodic$",
        ),
        (
            {"policies": {"name": "novel-segments", "flor": 9}},
            "novel-segments has no setting 'flor'; it has batch, floor; did you mean 'floor'",
        ),
        ({"policies": {"name": "none", "batch": 2}}, "policy none has no setting 'batch'; it has none$"),
        ({"learners": {"name": "nearest-mean", "k": 3}}, "learner nearest-mean has no setting 'k'"),
        ({"learners": {"name": "sklearn:svm.SVC", "gama": 1}}, "'gama'; it has .*; did you mean 'gamma'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_runs(changes: dict[str, object], message: str) -> None:
    with pytest.raises(odl.OdlError, match=message):
        cells_of(Study.read({"datasets": "shoulder", **changes}))


def test_each_parameter_changes_the_key_and_a_label_does_not() -> None:
    def keys(**changes: object) -> set[str]:
        return {cell.key for cell in cells_of(Study.read({"datasets": "shoulder", "people": [7], **changes}))}

    base = keys()
    assert keys(policies=[{"name": OPTIONS["policy"].default, "label": "mine"}]) == base
    for changes in (
        {"budgets": 5}, {"seeds": [1]}, {"delay": 1}, {"patience": 5}, {"refuse": 0.5}, {"error": 0.5},
        {"hold": not OPTIONS["hold"].default}, {"batch": 2}, {"every": 60}, {"floor": 9},
        {"order": "reversed"}, {"people": [8]}, {"policies": "random"}, {"learners": "knn"},
        {"policies": "tactile-inforv", "step": 3}, {"policies": [{"name": "tactile-inforv", "step": 4}]},
        {"models": "hapt"},
    ):  # fmt: skip
        assert not keys(**changes) & base, changes


def test_no_question_needs_no_budgets() -> None:
    study = Study.read(
        {"datasets": "shoulder", "people": [7], "policies": ["none", "random"], "budgets": [5, 10]}
    )
    assert [cell.columns["policy"] for cell in cells_of(study)] == ["none", "random", "random"]


def test_an_edit_of_a_users_own_file_changes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "odl_test_mine_one.py"
    file.write_text(
        "class Mine:\n    def decide(self, window, scores): ...\n    def settle(self, w, o): ...\n"
    )
    study = Study.read({"datasets": "shoulder", "people": [7], "policies": "odl_test_mine_one:Mine"})
    before = cells_of(study)[0].key
    assert cells_of(study)[0].key == before
    file.write_text(file.read_text() + "# another\n")
    code_digest.cache_clear()
    assert cells_of(study)[0].key != before


def test_a_package_in_two_folders_has_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, module in (("one", "first"), ("two", "second")):
        (tmp_path / folder / "odl_test_parts").mkdir(parents=True)
        (tmp_path / folder / "odl_test_parts" / f"{module}.py").write_text("class Mine: ...\n")
    home = ModuleType("odl_test_parts")
    home.__path__ = [str(tmp_path / folder / "odl_test_parts") for folder in ("one", "two")]
    home.__spec__ = ModuleSpec("odl_test_parts", None, is_package=True)
    home.__spec__.submodule_search_locations = home.__path__
    monkeypatch.setitem(sys.modules, "odl_test_parts", home)
    assert len(code_digest("odl_test_parts.first:Mine")) == 64


def test_an_object_has_no_key_that_lasts() -> None:
    study = Study.read({"datasets": "shoulder", "people": [7], "policies": [lambda window, scores: True]})
    assert cells_of(study)[0].key != cells_of(study)[0].key
