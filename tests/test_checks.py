"""The checks of `odl.checks`: they pass for everything that odl ships, and each notices what it is for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skactiveml.stream
from numpy.typing import NDArray
from river import naive_bayes, neighbors, tree
from sklearn import ensemble
from sklearn.tree import DecisionTreeClassifier

import odl
from odl.checks import CheckError, check_labeller, check_learner, check_policy, check_source
from odl.core.adapters import FunctionLabeller
from odl.core.config import ConfigError
from odl.core.events import Query
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from odl.core.protocols import Answer, Decision, Learner, Scores, Window
from odl.data.streams import dataset_streams
from odl.evaluate.named_parts import named_learner, named_policy
from odl.evaluate.recorded import open_recording
from odl.labels.prompt import Prompt
from odl.model.dendron import Dendron
from odl.model.host_learners import HOST_LEARNERS, Refitted
from odl.policies import by_name
from odl.policies.on_host import HOST_POLICIES
from odl.river import OnlineDendron

ROOT = Path(__file__).resolve().parent.parent
IMAGE = odl.load_model("shoulder")
SETTINGS = odl.Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)

# Everything that odl ships, by name; a part that is added is added here.
LEARNERS = {"dendron", "last-layer", "nearest-mean", "knn", "ridge", "flat-network"}
RULES = {"none", "tactile-inforv", "tactile-dualrv", "random", "periodic", "novel-segments"}
HOST_RULES = {
    "margin", "entropy", "least-confidence", "hybrid", "variable-uncertainty", "tactile-inforv-host",
    "tactile-dualrv-host",
}  # fmt: skip
STRATEGIES = {
    "StreamRandomSampling", "PeriodicSampling", "UncertaintyZliobaite", "FixedUncertainty",
    "VariableUncertainty", "Split", "StreamProbabilisticAL", "RandomVariableUncertainty",
    "StreamDensityBasedAL",
    "CognitiveDualQueryStrategy", "CognitiveDualQueryStrategyRan", "CognitiveDualQueryStrategyRanVarUn",
    "CognitiveDualQueryStrategyVarUn", "CognitiveDualQueryStrategyFixUn",
}  # fmt: skip
ABSTRACT = {"UncertaintyZliobaite", "CognitiveDualQueryStrategy"}  # base classes, no strategies of their own
# Labellers are found by their methods; those of a live or relabelled session have tests beside them.
LABELLERS = {"Oracle", "FunctionLabeller", "Prompt", "LiveLabeller", "ScheduledAnswers"}


def test_the_lists_are_all_there_is() -> None:
    assert {"dendron", *HOST_LEARNERS} == LEARNERS
    assert set(POLICIES) == RULES
    assert set(HOST_POLICIES) == HOST_RULES
    assert set(skactiveml.stream.__all__) - {"budgetmanager"} == STRATEGIES
    found = set()
    for path in (ROOT / "odl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} != {"Protocol"}:
                methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
                delayed = "DelayedAnswers" in map(ast.unparse, node.bases)
                if {"ask", "poll", "next_due"} <= methods or delayed:
                    found.add(node.name)
    assert found == LABELLERS


@pytest.mark.parametrize("name", sorted(LEARNERS - {"dendron"}))
def test_a_shipped_learner(name: str) -> None:
    assert check_learner(lambda: named_learner(name)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("image", ["shoulder", "hapt"])
@pytest.mark.parametrize("name", ["dendron", "last-layer", "knn"])
def test_learners_on_a_flat_image_and_on_a_tree(name: str, image: str) -> None:
    model = odl.load_model(image)
    make = (lambda: Dendron(model)) if name == "dendron" else (lambda: named_learner(name))
    assert check_learner(make, model) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    "make", [naive_bayes.GaussianNB, neighbors.KNNClassifier, tree.HoeffdingTreeClassifier, OnlineDendron]
)
def test_a_classifier_of_river(make: Callable[[], object]) -> None:
    assert check_learner(make) is None  # type: ignore[func-returns-value]


def test_a_classifier_of_river_on_statistics_of_the_samples() -> None:
    make = lambda: named_learner("river:naive_bayes.GaussianNB", {"inputs": "statistics"})  # noqa: E731
    assert check_learner(make) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    "name",
    ["sklearn:svm.SVC", "sklearn:tree.DecisionTreeClassifier", "sklearn:ensemble.ExtraTreesClassifier",
     "river:forest.ARFClassifier"],
)  # fmt: skip
def test_a_classifier_by_name_repeats_even_if_it_draws(name: str) -> None:
    """river's own seed is None, and scikit-learn would draw from numpy's global state."""
    settings = {"n_estimators": 3} if "Extra" in name else {"n_models": 3} if "ARF" in name else None
    assert check_learner(lambda: named_learner(name, settings)) is None  # type: ignore[func-returns-value]


def test_an_estimator_within_an_estimator_repeats() -> None:
    bagged = ensemble.BaggingClassifier(DecisionTreeClassifier(splitter="random"), 3)
    assert check_learner(lambda: Refitted(bagged)) is None  # type: ignore[func-returns-value]
    assert bagged.random_state is None


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_of_the_integer_core(name: str) -> None:
    assert check_policy(by_name(name)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    "name",
    [*sorted(HOST_RULES), *(f"skactiveml:stream.{name}" for name in sorted(STRATEGIES - ABSTRACT)),
     "river:active.EntropySampler"],
)  # fmt: skip
def test_a_policy_in_python(name: str) -> None:
    assert check_policy(lambda: named_policy(name)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("delay", [0, 1, 5000])
def test_shipped_labellers(delay: int) -> None:
    truth = TruthTrack([odl.Truth(0, 300, "walk")])
    makers: list[Callable[[], object]] = [
        lambda: odl.labels.Oracle(truth, 128, ["walk", "sit"], delay=delay, refuse=0.3, error=0.3),
        lambda: FunctionLabeller(lambda query: "walk", delay),
        lambda: lambda query: None,
        lambda: Prompt(odl.Session(IMAGE, SETTINGS), IMAGE, by="test"),
    ]
    for make in makers:
        assert check_labeller(make, delay) is None  # type: ignore[func-returns-value]


def rows() -> Iterator[NDArray[np.float64]]:
    yield from np.random.default_rng(0).normal(0, 0.3, (300, 6))


def events() -> Iterator[object]:
    yield odl.Samples(0, np.zeros((200, 6), np.int16))
    yield odl.Gap(200, 50, "unplugged")
    yield odl.Samples(250, np.ones((100, 6), np.int16))


UNITS = ["g"] * 3 + ["rad/s"] * 3
SOURCES: dict[str, tuple[Callable[[], object], dict[str, Any]]] = {
    "an array": (lambda: np.array(list(rows())), {"rate_hz": 50, "units": UNITS}),
    "rows with a gap": (lambda: np.where(np.arange(300)[:, None] == 150, np.nan, 0.1) * np.ones(6),
                        {"rate_hz": 50, "units": UNITS}),
    "a DataFrame": (lambda: pd.DataFrame(np.array(list(rows())), columns=[c.name for c in IMAGE.channels]),
                    {"rate_hz": 50, "units": UNITS}),
    "a generator of rows": (rows, {"rate_hz": 50, "units": UNITS}),
    "a generator of events": (events, {"rate_hz": 50, "units": UNITS, "scale": 0.001}),
    "a dataset": (lambda: dataset_streams("shoulder", ["7"], 3)[0], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_shipped_sources(name: str) -> None:
    make, form = SOURCES[name]
    assert check_source(make, **form) is None  # type: ignore[func-returns-value]


def test_a_recording_is_a_source(walk: Path) -> None:
    assert check_source(lambda: open_recording(walk).stream.unanswered()) is None  # type: ignore[func-returns-value]


class Wrong(Dendron):
    """Dendron with one fault, by the name of it."""

    def __init__(self, image: Image, fault: str) -> None:
        super().__init__(image)
        self.fault, self.calls, self.given = fault, 0, None

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        self.calls += 1
        scores = super().scores_one(x)
        match self.fault:
            case "drifts":
                return scores._replace(uncertainty=min(32768, self.calls))
            case "range":
                return scores._replace(uncertainty=-1)
            case "float":
                return scores._replace(scores=tuple(float(s) for s in scores.scores))  # type: ignore[arg-type]
            case "path":
                return scores._replace(path=(77,))
            case "short":
                return scores._replace(scores=scores.scores[:-1])
            case "writes":
                x[0] ^= 1
            case "keeps" if self.given is not None:
                return scores._replace(uncertainty=int(self.given.sum()) % 32768)
        return scores

    def learn_many(self, x: NDArray[np.uint8], y: Any, windows: Any) -> None:
        super().learn_many(x, y, windows)
        self.given = x  # type: ignore[assignment]
        if self.fault == "teaches":
            x[0] ^= 1

    def forget(self, window: int) -> None:
        if self.fault != "remembers":
            super().forget(window)


class Shared(Dendron):
    """Copies share what was learned."""

    def __deepcopy__(self, memo: object) -> Learner:
        return self


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("drifts", "twice gives different scores"),
        ("range", "the uncertainty is -1"),
        ("float", "a score is"),
        ("path", "names a class that does not exist"),
        ("short", "4 scores for 5 classes"),
        ("writes", "scores_one changes the features"),
        ("keeps", "keeps the array of learn_many"),
        ("teaches", "learn_many changes the features"),
        ("remembers", "a label that is forgotten still has an effect"),
    ],
)
def test_a_wrong_learner_is_noticed(fault: str, message: str) -> None:
    with pytest.raises(CheckError, match=message):
        check_learner(lambda: Wrong(IMAGE, fault))


def test_learners_that_share_their_copies_are_noticed() -> None:
    with pytest.raises(CheckError, match="teaching a copy changes the original"):
        check_learner(lambda: Shared(IMAGE))


class Alternates:
    """Asks about every other window, by a counter that all copies and all objects share."""

    calls = 0

    def decide(self, window: Window, scores: Scores) -> Decision:
        Alternates.calls += 1
        return Decision(Alternates.calls % 7 < 3, 0)

    def settle(self, window: int, outcome: object) -> None:
        """Do nothing."""


class Returns:
    """Returns what it is made with."""

    def __init__(self, decision: object, write: bool = False) -> None:
        self.decision, self.write = decision, write

    def decide(self, window: Window, scores: Scores) -> Any:
        if self.write:
            window.features[0] ^= 1
        return self.decision

    def settle(self, window: int, outcome: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Alternates, "two fresh policies decide differently"),
        (lambda: Returns(True), "it has to return a Decision"),
        (lambda: Returns((True, 0)), "it has to return a Decision"),
        (lambda: Returns(Decision("yes", 0)), "it has to return a Decision"),  # type: ignore[arg-type]
        (lambda: Returns(Decision(True, 40000)), "the utility is 40000"),
        (lambda: Returns(Decision(True, 0), write=True), "decide changes the window"),
    ],
)
def test_a_wrong_policy_is_noticed(make: Callable[[], object], message: str) -> None:
    with pytest.raises(CheckError, match=message):
        check_policy(make)


@pytest.mark.parametrize("given", [True, (True, 0), None])
def test_a_session_names_a_decision_that_is_none(given: object) -> None:
    with pytest.raises(ConfigError, match=r"for window 0; it has to return a Decision"):
        odl.replay("shoulder", policy=Returns(given), budget=5, subjects=["7"])


@pytest.mark.parametrize("name", ["skactiveml:stream.FixedUncertainty", "river:active.EntropySampler"])
def test_a_peer_sees_the_probabilities_of_the_leaves_alone(name: str) -> None:
    """On a tree of tasks a sure leaf has a sure task above it; together they would look like a tie."""
    image = odl.load_model("hapt")
    rows = list(map(int, image.row_class))
    sure = [0] * len(rows)
    sure[rows.index(12)] = sure[rows.index(3)] = 32768  # sit, and the static ones above it
    window = Window(0, image.window, np.zeros(image.features, np.uint8), np.zeros((image.window, 6)))
    config = odl.Config(policy="random", allowed=50, horizon=100)
    policy = named_policy(name).start(image, config)  # type: ignore[attr-defined]
    asked = [policy.decide(window, Scores((12, 3), tuple(sure), 0)).ask for _ in range(50)]
    assert not any(asked)
    sure[rows.index(3)], sure[rows.index(4)] = 16384, 16384  # as likely standing
    policy = named_policy(name).start(image, config)  # type: ignore[attr-defined]
    assert any(policy.decide(window, Scores((12, 3), tuple(sure), 32768)).ask for _ in range(50))


class Answers:
    """A labeller with a fault."""

    def __init__(self, fault: str) -> None:
        self.fault, self.open = fault, list[tuple[int, Answer]]()

    def ask(self, query: Query, now: int) -> Any:
        name = "" if self.fault == "nameless" else "walk"
        window = query.window + 1 if self.fault == "other" else query.window
        self.open.append((now + 100, Answer(window, name)))
        return now if self.fault == "returns" else None

    def poll(self, now: int) -> Iterable[Answer]:
        due = [one for one in self.open if one[0] <= now or self.fault == "early"]
        if self.fault != "twice":
            self.open = [one for one in self.open if one not in due]
        if self.fault == "never":
            return []
        return ["walk"] * len(due) if self.fault == "text" else [answer for _, answer in due]  # type: ignore[return-value,list-item]

    def next_due(self) -> Any:
        due = min((at for at, _ in self.open), default=None)
        return due if due is None or self.fault != "float" else float(due)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("nameless", "the class of an answer is ''"),
        ("other", "which was not asked about"),
        ("returns", "ask returns something"),
        ("early", "before next_due"),
        ("twice", "twice"),
        ("never", "next_due is .*, but poll gives no answer"),
        ("text", "it has to give Answer"),
        ("float", "next_due returned 2"),
    ],
)
def test_a_wrong_labeller_is_noticed(fault: str, message: str) -> None:
    assert check_labeller(lambda: Answers("")) is None  # type: ignore[func-returns-value]
    with pytest.raises(CheckError, match=message):
        check_labeller(lambda: Answers(fault))


def of(*given: object) -> Callable[[], object]:
    return lambda: iter(given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of(odl.Samples(5, np.zeros((9, 6), np.int16))), "samples begin at 5, but 0 have passed"),
        (of(odl.Samples(0, np.zeros((9, 6)))), "a block is float64"),
        (of(odl.Samples(0, np.zeros((9, 5), np.int16))), r"of shape \(9, 5\)"),
        (of(odl.Gap(3, 9, "")), "a gap of 9 samples begins at 3"),
        (of(odl.Truth(9, 3, "walk"), odl.Samples(0, np.zeros((9, 6), np.int16))), "a truth goes from 9 to 3"),
        (of(odl.Truth(0, 3, "walk")), "gives no samples"),
        (lambda: iter([odl.Samples(0, np.random.default_rng().integers(0, 99, (9, 6)).astype(np.int16))]),
         "something else the second time"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_noticed(make: Callable[[], object], message: str) -> None:
    with pytest.raises(CheckError, match=message):
        check_source(make, rate_hz=50, units=UNITS, scale=0.001)
