"""scikit-learn's view: its own checks, and the same integers as everywhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from odl.core.events import Samples
from odl.core.rng import Chance, seed_of
from odl.core.session import Session
from odl.data import load_card, load_series, model_path
from odl.data.streams import dataset_streams, load_model
from odl.sklearn import DendronClassifier, Extractor
from tests.helpers.images import random_image


def test_scikit_learn_checks_the_classifier() -> None:
    done = check_estimator(DendronClassifier(), on_skip=None)
    assert sum(one["status"] == "passed" for one in done) > 45
    # What is not checked needs a setting of SciPy's that most people do not have.
    assert {one["check_name"] for one in done if one["status"] != "passed"} <= {"check_array_api_input"}


@pytest.mark.parametrize(("load", "least"), [(load_iris, 0.9), (load_wine, 0.93), (load_digits, 0.88)])
def test_it_learns(load: object, least: float) -> None:
    X, y = load(return_X_y=True)  # type: ignore[operator]
    assert cross_val_score(DendronClassifier(), X, y, cv=3).mean() > least


def by_hand(x: NDArray[np.float64], y: NDArray[np.int64], epochs: int, shift: int, state: int) -> NDArray:
    """Weights (classes, features + 1) by stochastic gradient descent in floating point."""
    x = np.hstack([x, np.full((len(x), 1), 128.0)])
    weights, order, chance = np.zeros((y.max() + 1, x.shape[1])), list(range(len(x))), Chance(state)
    for _ in range(epochs):
        order = [order[i] for i in chance.shuffled(len(order))]
        for i in order:
            logits = weights @ x[i] / 2**20
            share = np.exp(logits - logits.max())
            share /= share.sum()
            share[y[i]] -= 1
            weights -= np.outer(share * 2**15, x[i]) / 2**shift
    return weights


def test_integers_do_what_floating_point_would() -> None:
    draw = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], 20)
    x = np.clip(draw.normal(size=(60, 7)) * 40 + 60 + 25 * np.eye(3, 7)[y], 0, 255).astype(np.uint8)
    model = DendronClassifier(epochs=6, rate_shift=13, random_state=3).fit(x, y)
    weights = by_hand(x.astype(float), y, 6, 13, seed_of(3))
    logits = np.hstack([x, np.full((60, 1), 128.0)]) @ weights.T / 2**20
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    assert 0.3 < share.max(axis=1).min() < 0.9, "a test where all is certain would show nothing"
    assert np.abs(model.predict_proba(x) - share).max() < 0.01


def test_pieces_equal_the_whole() -> None:
    X, y = load_wine(return_X_y=True)
    bounds = (X.min(axis=0), X.max(axis=0))
    whole = DendronClassifier(bounds=bounds).fit(X, y)
    pieces = DendronClassifier(bounds=bounds)
    for part in np.array_split(np.arange(len(X)), 7):
        pieces.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert np.array_equal(whole.predict_proba(X), pieces.predict_proba(X))
    again = whole.fit(X[:100], y[:100])  # fit forgets
    assert len(again.classes_) == 2


def test_a_seed_decides() -> None:
    X, y = load_wine(return_X_y=True)
    one, same, other = (DendronClassifier(random_state=s).fit(X, y).predict_proba(X) for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_many_features_and_a_constant_one() -> None:
    draw = np.random.default_rng(2)
    y = np.array(["a", "b"] * 30)
    X = draw.normal(size=(60, 500)) + (y == "a")[:, None]
    X[:, 7] = 3.5
    assert DendronClassifier().fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize(("parameters", "words"), [
    ({"rate_shift": 0}, "rate_shift is 0"), ({"rate_shift": 25}, "rate_shift is 25"),
    ({"epochs": 0}, "epochs is 0"), ({"bounds": (1, 1)}, "low is not below high"),
])  # fmt: skip
def test_parameters_that_cannot_be(parameters: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DendronClassifier(**parameters).fit([[0.0], [1.0]], [0, 1])


def test_classes_that_cannot_be() -> None:
    X = np.arange(195.0)[:, None]
    with pytest.raises(ValueError, match="65 classes; a head has room for 64"):
        DendronClassifier().fit(X, np.arange(195) % 65)
    with pytest.raises(ValueError, match="only one class"):
        DendronClassifier().fit(X, np.zeros(195, int))
    with pytest.raises(ValueError, match="first call of partial_fit"):
        DendronClassifier().partial_fit(X[:2], [0, 1])
    model = DendronClassifier().partial_fit(X[:2], [0, 1], classes=[0, 1, 2])
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="holds '3'"):
        model.partial_fit(X[:2], [0, 3])
    with pytest.raises(ValueError, match="not those of the first call"):
        model.partial_fit(X[:2], [0, 1], classes=[0, 1])
    assert np.array_equal(model.predict_proba(X), before)
    with pytest.raises(ValueError, match="at most"):
        DendronClassifier().fit(np.eye(2, 20000), [0, 1])


@pytest.fixture(scope="module")
def cut() -> tuple[NDArray[np.int16], NDArray[np.str_]]:
    """Three people's windows, as counts, and their classes."""
    windows, names = [], []
    for one in load_series("shoulder"):
        if one.subject in ("7", "8", "9"):
            own = np.lib.stride_tricks.sliding_window_view(one.block, 128, axis=0)[::64]
            windows.append(own.transpose(0, 2, 1))
            names += [load_card("shoulder").classes[one.cls]] * len(own)
    return np.concatenate(windows), np.array(names)


def test_the_extractor_gives_the_golden_features() -> None:
    golden = np.load(Path(__file__).parent / "golden" / "shoulder_features.npz", allow_pickle=False)
    for raw in (golden["raw"], golden["raw"].reshape(len(golden["raw"]), -1)):
        assert np.array_equal(Extractor("shoulder").fit_transform(raw), golden["features"])


def test_floats_in_real_units_give_nearly_the_same(cut: tuple[NDArray[np.int16], NDArray[np.str_]]) -> None:
    raw = cut[0][:50]
    real = raw * np.array([c.scale for c in load_card("shoulder").channels])
    extractor = Extractor(model_path("shoulder")).fit(raw)
    # The counts' scaling has a multiplier of 15 bits, so that single inputs differ by a step.
    assert np.abs(extractor.transform(raw).astype(int) - extractor.transform(real)).max() <= 3


def test_the_extractor_is_the_session_s(cut: tuple[NDArray[np.int16], NDArray[np.str_]]) -> None:
    image = load_model(model_path("shoulder"))
    from odl.core.config import Config
    from odl.core.fused import Fused

    scaling = dataset_streams("shoulder", [7], 0)[0].scaling(image)
    session = Session(image, Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset))
    session.step(Samples(0, cut[0][3]))
    assert isinstance(session._core, Fused)
    assert np.array_equal(session._core.state["sums"], Extractor(image).fit_transform(cut[0][3:4]))


def test_a_scale_of_counts_is_used_or_asked_for() -> None:
    image = random_image()
    counts = np.random.default_rng(0).integers(-2000, 2000, (4, 40, 3)).astype(np.int16)
    with pytest.raises(ValueError, match="give Extractor a scale"):
        Extractor(image).fit_transform(counts)
    twice = Extractor(image, scale=1 / 512).fit_transform(counts)
    assert np.array_equal(twice, Extractor(image, scale=[1 / 1024] * 3).fit_transform(2 * counts))
    assert twice.std() > 0


def test_what_the_extractor_refuses() -> None:
    with pytest.raises(ValueError, match=r"shape \(100, 6\)"):
        Extractor("shoulder").fit(np.zeros((2, 100, 6)))
    with pytest.raises(ValueError, match="int16"):
        Extractor("shoulder").fit_transform(np.full((2, 128, 6), 40000))
    with pytest.raises(ValueError, match="NaN"):
        Extractor("shoulder").fit(np.full((2, 128, 6), np.nan))
    with pytest.raises(ValueError, match="nothing.odlm: there is no such file"):
        Extractor("nothing.odlm").fit(np.zeros((2, 128, 6)))


def test_a_pipeline_learns_exercises_of_unseen_people(
    cut: tuple[NDArray[np.int16], NDArray[np.str_]],
) -> None:
    windows, names = cut
    model = clone(make_pipeline(Extractor("shoulder"), DendronClassifier()))
    first = np.arange(len(windows)) % 4 == 0
    model.fit(windows[first].reshape(first.sum(), -1), names[first])
    assert model.score(windows[~first].reshape((~first).sum(), -1), names[~first]) > 0.9
    assert model[:-1].get_feature_names_out().shape == (192,)


def test_a_first_call_of_partial_fit_that_fails_leaves_nothing_learned() -> None:
    model, values = DendronClassifier(), np.eye(3)
    with pytest.raises(ValueError, match="y holds '7', which is not in classes"):
        model.partial_fit(values, [0, 1, 7], classes=[0, 1])
    with pytest.raises(NotFittedError):
        model.predict(values)
    with pytest.raises(ValueError, match="classes must be given at the first call"):
        model.partial_fit(values, [0, 1, 7])
    assert model.partial_fit(values, [0, 1, 7], classes=[0, 1, 7]).predict(values).tolist() == [0, 1, 7]
