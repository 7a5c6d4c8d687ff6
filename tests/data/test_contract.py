"""Any sensor: 1 to 9 channels, several rates and units, converted as said or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import odl
from odl.core.image import Channel
from odl.data.streams import dataset_streams
from tests.data.test_tables import card_of, rows_of, write
from tests.helpers.images import random_image

NAMES = ("ax", "ay", "az", "wx", "wy", "wz", "mx", "my", "mz")
UNITS = ("g",) * 3 + ("rad/s",) * 3 + ("uT",) * 3
TIMES = {"g": 1.0, "m/s2": 9.80665, "mg": 1000.0}


def tables(folder: Path, channels: int, rate: float, unit: str = "g", scale: float = 1 / 4096) -> Path:
    """One person's table of ``channels`` channels, accelerations written in ``unit``."""
    units = [unit if u == "g" else u for u in UNITS[:channels]]
    card_of(
        folder,
        rate_hz=rate,
        splits={"test": [1]},
        channels=[
            {"name": n, "unit": u, "scale": scale * TIMES.get(u, 1)}
            for n, u in zip(NAMES[:channels], units, strict=True)
        ],
    )
    rng = np.random.default_rng(1)
    rows = rows_of(1, 300, rate)
    for row in rows:
        row |= {
            n: rng.integers(-4096, 4096) / 4096 * TIMES.get(u, 1)
            for n, u in zip(NAMES[:channels], units, strict=True)
        }
    write(folder / "one.csv", rows)
    return folder


@pytest.mark.parametrize("rate", [25, 50, 104])
@pytest.mark.parametrize("channels", [1, 3, 6, 9])
def test_every_count_of_channels_and_rate_reaches_a_model_of_its_kind(
    tmp_path: Path, channels: int, rate: int
) -> None:
    (stream,) = dataset_streams(tables(tmp_path, channels, rate), None, 0)
    mine = tuple(Channel(n, u, 1 / 64) for n, u in zip(NAMES[:channels], UNITS[:channels], strict=True))
    scaling = stream.scaling(random_image(channels=mine, rate_hz=float(rate)))
    assert stream.samples == 300 and stream.rate_hz == rate
    assert [m / 2**s for m, s in zip(scaling.mult, scaling.shift, strict=True)] == [64 / 4096] * channels


def _int8(folder: Path) -> NDArray[np.int64]:
    """The stream as a model with 1/64 g a step sees it."""
    (stream,) = dataset_streams(folder, None, 0)
    scaling = stream.scaling(random_image(channels=tuple(Channel(n, "g", 1 / 64) for n in NAMES[:3])))
    block = np.concatenate([e.block for e in stream.inputs() if isinstance(e, odl.core.events.Samples)])
    return np.rint(block * np.array(scaling.mult) / 2.0 ** np.array(scaling.shift)).astype(np.int64)


@pytest.mark.parametrize(("unit", "scale"), [("m/s2", 1 / 4096), ("mg", 1 / 2048), ("g", 1 / 16384)])
def test_other_units_and_scales_say_the_same(tmp_path: Path, unit: str, scale: float) -> None:
    usual = _int8(tables(tmp_path / "a", 3, 50))
    other = _int8(tables(tmp_path / "b", 3, 50, unit, scale))
    assert np.abs(usual).max() >= 60
    assert np.abs(usual - other).max() <= 1


@pytest.mark.parametrize("rate", [25.0, 104.0])
def test_it_runs(tmp_path: Path, rate: float) -> None:
    model = tmp_path / "model.odlm"
    model.write_bytes(random_image(rate_hz=rate).to_bytes())
    folder = tables(tmp_path / "data", 3, rate, "m/s2")
    result = odl.replay(folder, model=model, policy="none")
    assert result.evaluations[0].windows == (300 - 40) // 8 + 1


def test_what_differs_is_refused_with_both(tmp_path: Path) -> None:
    model = tmp_path / "model.odlm"
    model.write_bytes(random_image().to_bytes())
    for channels, rate, said in (
        (6, 50, r"\['ax', 'ay', 'az', 'wx', 'wy', 'wz'\], but the model wants \['ax', 'ay', 'az'\]"),
        (3, 104, r"sampled at 104 Hz, but the model wants 50 Hz"),
    ):
        with pytest.raises(ValueError, match=said):
            odl.replay(tables(tmp_path / f"{channels}-{rate}", channels, rate), model=model, policy="none")
