"""Small data sets in the published layouts, made up for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GRAVITY, TURN = 1 / 720, np.deg2rad(0.0175)
ACTIVITIES = [
    "WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING",
    "STAND_TO_SIT", "SIT_TO_STAND", "SIT_TO_LIE", "LIE_TO_SIT", "STAND_TO_LIE", "LIE_TO_STAND",
]  # fmt: skip


def make_hapt(folder: Path, people: tuple[int, ...] = (1, 3), samples: int = 1500) -> dict[int, np.ndarray]:
    """Two experiments a person in UCI's layout; the counts of each experiment by its number."""
    raw = folder / "RawData"
    raw.mkdir(parents=True)
    lines = [f"{i} {name}   " for i, name in enumerate(ACTIVITIES, 1)]
    (folder / "activity_labels.txt").write_text("\n".join(lines) + "\n")
    counts, labels = {}, []
    for i, person in enumerate(people):
        for experiment in (2 * i + 1, 2 * i + 2):
            rng = np.random.default_rng(experiment)
            t = np.arange(samples) / 50
            block = rng.normal(0, 30, (samples, 6))
            block[:, 0] += 720 + 400 * np.sin(2 * np.pi * 2 * t) * (np.arange(samples) < samples // 2)
            block = np.rint(block).astype(np.int16)
            counts[experiment] = block
            name = f"exp{experiment:02}_user{person:02}.txt"
            np.savetxt(raw / f"acc_{name}", block[:, :3] * GRAVITY, fmt="%.16g")
            np.savetxt(raw / f"gyro_{name}", block[:, 3:] * TURN, fmt="%.16g")
            half = samples // 2
            labels += [
                f"{experiment} {person} 1 101 {half}",
                f"{experiment} {person} 5 {half + 101} {samples}",
            ]
    (raw / "labels.txt").write_text("\n".join(labels) + "\n")
    return counts
