"""Nearest class mean in integers, beside scikit-learn's in floating point."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestCentroid

import odl
from odl.core.image import Image
from odl.model.nearest_mean import NearestMean

IMAGE: Image = odl.load_model("shoulder")


def test_means_are_rounded_half_up_and_labels_count_like_stored_vectors() -> None:
    learner = NearestMean().start(IMAGE)
    for cls in set(IMAGE.owners.tolist()):
        of_class = IMAGE.stored[IMAGE.owners == cls].astype(np.float64)
        assert np.array_equal(learner.means[cls], np.floor(of_class.mean(0) + 0.5))
    x = np.full(IMAGE.features, 255, np.uint8)
    learner.learn_many(x[None], [0], [7])
    stored = IMAGE.stored[IMAGE.owners == 0].astype(np.float64)
    assert np.array_equal(
        learner.means[0], np.floor(np.concatenate([stored, [x] * len(stored)]).mean(0) + 0.5)
    )


def test_names_what_scikit_learn_names_unless_two_means_are_about_equally_near() -> None:
    draw = np.random.default_rng(3)
    known = IMAGE.stored[draw.integers(0, len(IMAGE.stored), 60)].astype(np.int64)
    x = np.clip(known + draw.integers(-40, 41, known.shape), 0, 255).astype(np.uint8)
    share = len(IMAGE.owners) // len(set(IMAGE.owners.tolist()))
    learner = NearestMean().start(IMAGE)
    learner.add_class(0, 9, 0, "wave")
    learner.learn_many(x[:share], [9] * share, range(share))
    theirs = NearestCentroid().fit(
        np.concatenate([IMAGE.stored, x[:share]]).astype(np.float64), [*IMAGE.owners.tolist(), *[9] * share]
    )
    agreed = 0
    for row in x:
        said, other = learner.scores_one(row).path[-1], int(theirs.predict(row[None].astype(np.float64))[0])
        far = {cls: int(((mean - row) ** 2).sum()) for cls, mean in learner.means.items()}
        assert far[said] == min(far.values())
        assert said == other or far[other] - far[said] < 0.02 * far[said]
        agreed += said == other
    assert agreed > 50


def test_all_numbers_fit_32_bits() -> None:
    """On a board a distance is a sum of at most 255 ** 2 for each feature."""
    assert 255**2 * IMAGE.features < 2**31
