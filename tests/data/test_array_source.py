"""Arrays, data frames and iterables as streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas
import pytest

from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import Gap, Samples, Truth
from odl.core.session import Session
from odl.data.array_source import Form, stream_of
from odl.data.streams import Stream
from tests.helpers.images import random_image

IMAGE = random_image(3)
NAMES = [c.name for c in IMAGE.channels]
UNITS = [c.unit for c in IMAGE.channels]
STEPS = np.array([c.scale for c in IMAGE.channels])
RATE = IMAGE.rate_hz
VALUES = np.random.default_rng(4).normal(size=(300, len(NAMES))) * STEPS * 40


def made(source: object, **form: Any) -> Stream:
    return stream_of(source, IMAGE, Form(**({"rate_hz": RATE, "units": UNITS} | form)))


def samples(stream: Stream) -> np.ndarray[Any, Any]:
    return np.concatenate([e.block for e in stream.inputs() if isinstance(e, Samples)])


def counted(stream: Stream) -> int:
    scaling = stream.scaling(IMAGE)
    session = Session(IMAGE, Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset))
    for event in stream.inputs():
        session.step(event)
    return session.counts["saturated"]


SOURCES: dict[str, Any] = {
    "array": lambda: VALUES,
    "frame": lambda: pandas.DataFrame(VALUES, columns=NAMES).assign(more="text")[["more", *reversed(NAMES)]],
    "rows": lambda: VALUES.tolist(),
    "row by row": lambda: iter(VALUES),
    "blocks": lambda: (VALUES[at : at + 70] for at in range(0, 300, 70)),
    "mixed": lambda: iter([VALUES[:100], *VALUES[100:110], VALUES[110:]]),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_form_of_a_source_gives_the_same_samples(name: str) -> None:
    stream = made(SOURCES[name]())
    values = samples(stream) * [scale for _, _, scale in stream.channels or ()]
    assert np.all(np.abs(values - VALUES) <= STEPS / 128 * 0.51)


def test_a_count_is_a_fraction_of_the_model_s_step_in_the_source_s_unit() -> None:
    stream = made(VALUES)
    assert np.allclose([scale for _, _, scale in stream.channels or ()], STEPS / 128)
    scaling = stream.scaling(IMAGE)
    assert set(zip(scaling.mult, scaling.shift, strict=True)) == {(16384, 21)}


def test_units_of_a_family_are_converted() -> None:
    image = random_image(3)
    units = ["m/s2" if unit == "g" else unit for unit in UNITS]
    factors = np.array([9.80665 if unit == "g" else 1.0 for unit in UNITS])
    one = stream_of(VALUES * factors, image, Form(RATE, units))
    assert np.array_equal(samples(one), samples(made(VALUES)))
    assert one.scaling(image) == made(VALUES).scaling(image)


def test_saturation_is_counted_however_far_beyond() -> None:
    values = np.zeros((40, len(NAMES)))
    values[:4, 0] = np.array([127.4, 127.6, 400, -1e9]) * STEPS[0]
    assert counted(made(values)) == 3


def test_nan_rows_are_gaps() -> None:
    values = VALUES.copy()
    values[:3] = np.nan
    values[50, 1] = np.nan
    values[200:220] = np.nan
    for source in (values, iter(values)):
        gaps = [(e.start, e.lost) for e in made(source).inputs() if isinstance(e, Gap)]
        assert gaps == [(0, 3), (50, 1), (200, 20)]
    assert made(values).stretches == (47, 149, 80)
    assert made(iter(values)).stretches is None


def test_labels_are_truth() -> None:
    labels = [None] * 10 + ["sit"] * 100 + [float("nan")] * 20 + ["walk"] * 170
    truths = (Truth(10, 110, "sit"), Truth(130, 300, "walk"))
    frame = pandas.DataFrame(VALUES, columns=NAMES).assign(activity=labels)
    for stream in (
        made(VALUES, labels=labels),
        made(frame, labels="activity"),
        made(iter(VALUES), labels=labels),
    ):
        assert stream.truths == truths and stream.classes == ("sit", "walk")
        assert [e for e in stream.inputs() if isinstance(e, Truth)] == list(truths)


def test_labels_can_be_read_once_and_missing_values_of_pandas_are_gaps() -> None:
    frame = pandas.DataFrame(VALUES, columns=NAMES).astype("Float64")
    frame.loc[5, NAMES[1]] = pandas.NA
    stream = made(frame, labels=(name for name in ["sit"] * 300))
    assert stream.truths == (Truth(0, 300, "sit"),) and stream.stretches == (5, 294)
    assert [(e.start, e.lost) for e in stream.inputs() if isinstance(e, Gap)] == [(5, 1)]


def test_integers_and_events_are_counts() -> None:
    counts = np.arange(600).reshape(-1, len(NAMES)).astype(np.int16)
    scale = (STEPS / 64).tolist()
    stream = made(counts, scale=scale)
    assert np.array_equal(samples(stream), counts)
    events = [Truth(0, 9, "sit"), Samples(0, counts), Gap(len(counts), 5, "unplugged")]
    for source in (events, iter(events)):
        other = made(source, scale=dict(zip(NAMES, scale, strict=True)))
        assert list(other.inputs()) == events
        assert other.scaling(IMAGE) == stream.scaling(IMAGE)
    listed = made(events, scale=scale)
    assert listed.truths == (Truth(0, 9, "sit"),) and listed.classes == ("sit",)


def endless() -> Iterator[list[float]]:
    while True:
        yield [0.0] * len(NAMES)


def test_an_endless_source_is_read_as_it_comes() -> None:
    inputs = iter(made(endless()).inputs())
    assert [len(e.block) for e in (next(inputs), next(inputs)) if isinstance(e, Samples)] == [IMAGE.hop] * 2


BAD = VALUES.copy()
BAD[7, 1] = np.inf


@pytest.mark.parametrize(
    ("source", "form", "says"),
    [
        (VALUES, {"rate_hz": None}, "rate_hz is None; it can be the source's samples per second"),
        (VALUES, {"rate_hz": -1}, "rate_hz is the int -1"),
        (VALUES, {"units": None}, "units is None; it can be such as 'g'"),
        (VALUES, {"units": ["g"]}, "units is a list; .* for " + ", ".join(NAMES)),
        (VALUES, {"scale": 0.5}, "scale is the float 0.5; it is for counts, and the source holds floats"),
        (VALUES.astype(int), {}, "scale is None; .*these are counts"),
        (VALUES.astype(int), {"scale": "wide"}, "scale is the str 'wide'; what one count is worth"),
        (VALUES.astype(int), {"scale": 0}, "scale is the int 0; what one count is worth is a number above 0"),
        (VALUES, {"labels": ["sit" * 11] * 300}, "labels holds 'sit.*'; a class name is printable"),
        (VALUES[:, :2], {}, r"an array of shape \(300, 2\); the model wants \(n, 3\)"),
        (VALUES, {"labels": ["sit"]}, "labels has 1 entries, but the source has 300 rows"),
        (VALUES, {"labels": "activity"}, "labels is the str 'activity'; it can be a class name, or None"),
        (
            VALUES,
            {"labels": np.full((300, 1), "sit")},
            "labels is a ndarray; it can be a class name, or None",
        ),
        (BAD, {}, f"row 7, {NAMES[1]} is inf; it has to be finite"),
        (iter(BAD), {}, f"row 7, {NAMES[1]} is inf"),
        ([], {}, "source is empty"),
        (7, {}, "source is the int 7; it can be a dataset's name, a path, a DataFrame, an array, or"),
        ([["a", "b", "c"]], {}, "item 0 of the source is a list"),
        ([[0, 0, 0], [0.5, 0, 0]], {"scale": 1.0}, "row 0 holds floats|holds floats"),
        (pandas.DataFrame(VALUES), {}, f"source has no column '{NAMES[0]}' among 0, 1, 2"),
        (
            pandas.DataFrame(VALUES, columns=NAMES),
            {"labels": "who"},
            "labels is 'who'; there are the columns",
        ),
    ],
)
def test_a_source_that_does_not_fit_is_one_sentence(source: Any, form: dict[str, Any], says: str) -> None:
    with pytest.raises(OdlError, match=says) as caught:
        list(made(source, **form).inputs())
    assert "\n" not in str(caught.value)
