"""Functions and classifiers as parts of a session."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import linear_model, multiclass, naive_bayes, neighbors, preprocessing, tree

from odl.core.adapters import OnlineClassifier
from odl.core.errors import OdlError
from odl.core.events import AddClass, Event, Label, Prediction, Query, Samples
from odl.core.loop import drive
from odl.core.protocols import Scores, Window
from odl.core.session import Session
from tests.helpers.streams import IMAGE, config, samples

RAW = samples(3, 600)
CLASSIFIERS = [
    naive_bayes.MultinomialNB(),
    neighbors.KNNClassifier(n_neighbors=3),
    tree.HoeffdingTreeClassifier(),
    preprocessing.StandardScaler() | linear_model.SoftmaxRegression(),
    multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
]


def passed(session: Session, labeller: object = None) -> list[Event]:
    return list(drive(session, [Samples(0, RAW)], labeller))


def test_a_function_is_a_policy_and_sees_windows_in_the_model_s_units() -> None:
    windows: list[Window] = []

    def third(window: Window, scores: Scores) -> bool:
        windows.append(window)
        return len(windows) % 3 == 0

    session = Session(IMAGE, config(allowed=5, horizon=1), policy=third)
    events = passed(session)
    predictions = [e.window for e in events if isinstance(e, Prediction)]
    assert [w.start for w in windows] == predictions
    assert [e.window for e in events if isinstance(e, Query)] == predictions[2::3][:5]
    one = windows[7]
    assert one.end == one.start + IMAGE.window and one.features.shape == (IMAGE.features,)
    steps = np.array([c.scale for c in IMAGE.channels])
    assert np.allclose(one.samples, RAW[one.start : one.end] * steps / 128)


def test_the_budget_is_kept_whatever_the_function_wants() -> None:
    for budget in ({"allowed": 4, "horizon": 60}, {"allowed": 2, "period": 100, "in_samples": True}):
        session = Session(IMAGE, config(patience=1, **budget), policy=lambda window, scores: True)
        asked = [e.window + IMAGE.window for e in passed(session) if isinstance(e, Query)]
        if "period" in budget:
            assert max(np.bincount([(end - 1) // 100 for end in asked])) == 2
        else:
            assert len(asked) == 4


def test_a_function_s_questions_keep_their_distance_and_those_too_soon_had_room() -> None:
    chosen = config(patience=1, batch=1, allowed=200, horizon=1, every=20)
    session = Session(IMAGE, chosen, policy=lambda window, scores: True)
    asked = [event.window for event in passed(session) if isinstance(event, Query)]
    assert set(np.diff(asked)) == {24} and len(asked) > 20
    assert session.counts["blocked"] == 0


def test_parts_of_their_own_are_named_and_host_only() -> None:
    session = Session(IMAGE, config(), learner=neighbors.KNNClassifier(), policy=lambda window, scores: False)
    assert session.host_only == ("learner KNNClassifier", "policy <lambda>")
    with pytest.raises(ValueError, match="a snapshot needs the integer core; .* learner KNNClassifier"):
        session.snapshot()
    assert Session(IMAGE, config()).host_only == ()


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda one: type(one).__name__)
def test_any_river_classifier_learns_a_new_class_and_forgets_it(classifier: Any) -> None:
    learner = OnlineClassifier(classifier, IMAGE)
    x = 255 - IMAGE.stored[:1]
    before = learner.scores_one(x[0])
    assert (
        learner.add_class(0, 9, 0, "wave") and len(learner.scores_one(x[0]).scores) == len(before.scores) + 1
    )
    learner.learn_many(np.repeat(x, 30, axis=0), [9] * 30, list(range(30)))
    assert learner.scores_one(x[0]).path == (9,)
    for window in range(30):
        learner.forget(window)
    after = learner.scores_one(x[0])
    assert after.path == before.path and after.scores[:-1] == before.scores


def test_a_classifier_handed_in_is_not_changed() -> None:
    classifier = naive_bayes.MultinomialNB()
    session = Session(IMAGE, config(), learner=classifier)
    session.step(Samples(0, RAW))
    assert classifier.predict_proba_one({"f0": 1.0}) == {}


def test_scores_follow_the_tree() -> None:
    learner = OnlineClassifier(neighbors.KNNClassifier(n_neighbors=1), IMAGE)
    parents = {head: int(cls) for head, cls in enumerate(IMAGE.parents) if cls != 255}
    row = next(r for r, head in enumerate(IMAGE.row_head) if head in parents)
    leaf, above = int(IMAGE.row_class[row]), parents[int(IMAGE.row_head[row])]
    vector = IMAGE.stored[list(IMAGE.owners).index(leaf)]
    scores = learner.scores_one(vector)
    assert scores.path == (above, leaf) and scores.uncertainty == 0
    assert scores.scores[row] == scores.scores[list(IMAGE.row_class).index(above)] == 32768


def test_a_function_labels_and_none_is_a_skip() -> None:
    asked: list[Query] = []

    def label(query: Query) -> str | None:
        asked.append(query)
        return "wave" if len(asked) > 1 else None

    events = passed(Session(IMAGE, config("periodic", batch=1)), label)
    labels = [e for e in events if isinstance(e, Label)]
    assert [e.window for e in labels] == [e.window for e in asked]
    assert labels[0].cls is None and all(e.cls is not None for e in labels[1:])
    assert [e.name for e in events if isinstance(e, AddClass)] == ["wave"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("shoulder", [], None), "session is the str 'shoulder'; it can be an odl.Session"),
        ((None, "shoulder", None), "source is the str 'shoulder'; it can be an iterable of events"),
        ((None, 7, None), "source is the int 7"),
        ((None, [[1, 2, 3]], None), "item 0 of the source is a list; it can be an event"),
        ((None, [], "walk"), "labeller is the str 'walk'; it can be a function"),
        ((None, [], 5), "labeller is the int 5"),
    ],
)
def test_the_loop_says_what_it_takes(arguments: tuple[Any, Any, Any], says: str) -> None:
    session, source, labeller = arguments
    with pytest.raises(OdlError, match=says) as caught:
        list(drive(session or Session(IMAGE, config()), source, labeller))
    assert "\n" not in str(caught.value)


def test_a_classifier_of_two_classes_is_refused_with_what_to_do() -> None:
    with pytest.raises(OdlError, match="LogisticRegression can only learn two classes; wrap it in"):
        Session(IMAGE, config(), learner=linear_model.LogisticRegression())


def test_wrong_answers_of_functions_are_one_sentence() -> None:
    with pytest.raises(OdlError, match="policy: <lambda> returned 'yes' for window 0; it has to return True"):
        passed(Session(IMAGE, config(), policy=lambda window, scores: "yes"))
    with pytest.raises(
        OdlError, match="labeller: <lambda> answered 3 about window .*; it has to return a class"
    ):
        passed(Session(IMAGE, config("periodic")), lambda query: 3)
    with pytest.raises(OdlError, match="an input is a list; it can be an event"):
        Session(IMAGE, config()).step([])  # type: ignore[arg-type]
