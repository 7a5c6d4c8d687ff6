"""Networks over (row, time, channel): sensors' axes as rows, as a two-dimensional convolution takes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.model.tflite.convert import convert
from odl.model.tflite.flat_tables import TfliteError
from tests.helpers.tflite_files import SAME, VALID, File


@st.composite
def networks(draw: st.DrawFn) -> bytes:
    """Convolutions over rows and time, flattened or pooled at the end."""
    number = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(number)
    rows, channels = [(2, 1), (3, 1), (6, 1), (9, 1), (3, 3), (2, 4)][rng.integers(6)]
    net = File((1, rows, int(rng.integers(20, 60)), channels), 0.05, 3, number)
    padding = SAME if rng.random() < 0.4 else VALID
    for _ in range(int(rng.integers(1, 4))):
        across = 1 if padding == SAME else int(rng.integers(1, net.now[1] + 1))
        step, stride = int(rng.integers(1, across + 1)), int(rng.integers(1, 3))
        each = 2 if rng.random() < 0.3 and net.now[1] * net.now[3] < 60 else 0
        net.conv(int(rng.integers(1, 7)), (across, int(rng.integers(2, 5))), (step, stride), padding,
                 depthwise=each)  # fmt: skip
    if rng.random() < 0.4 and net.now[2] > 3:
        net.pool(str(rng.choice(["MAX", "AVERAGE"])), 2, 2, padding, axis=2)
    if rng.random() < 0.5:
        net.reshape(1, int(np.prod(net.now)))
    else:
        net.reduce(str(rng.choice(["MEAN", "REDUCE_MAX"])), [1, 2])
    if rng.random() < 0.6:
        net.dense(8)
    return net.dense(3, 0).softmax().bytes()


@pytest.mark.peers
@settings(max_examples=max(1, settings.default.max_examples // 3))  # type: ignore[union-attr]
@given(networks())
def test_every_feature_equals_the_reference(data: bytes) -> None:
    from odl.model.tflite.check import compare

    try:
        converted = convert(data, rate_hz=50)
    except TfliteError as error:
        assert "too large" in str(error) or "up to 192" in str(error) or "factor" in str(error), error
        return
    compared = compare(data, converted, 30)
    assert compared.different == 0 and compared.classes == 30 - compared.ties, compared.text


def rows() -> File:
    return File((1, 6, 64, 1), 0.05, 3).conv(4, (3, 5), (1, 2))


def test_time_is_the_second_axis_where_the_first_alone_can_be_channels() -> None:
    converted = convert(rows().reduce("MEAN", [1, 2]).dense(3, 0).bytes(), rate_hz=50)
    assert converted.image.window == 64 and len(converted.image.channels) == 6
    assert converted.order[:7].tolist() == [0, 64, 128, 192, 256, 320, 1]


def test_rows_stay_apart() -> None:
    with pytest.raises(
        TfliteError, match=r"operator 2 \(RESHAPE\) mixes positions of 4 rows, each over time"
    ):
        convert(rows().reshape(1, 480).reshape(1, 30, 16).dense(3, 0).bytes(), rate_hz=50)


def test_many_values_at_each_step_may_be_channels_or_a_spectrum() -> None:
    for shape in ((1, 128, 1, 12), (1, 49, 40, 1)):
        with pytest.raises(TfliteError, match="If these are channels, .* up to 9 .* of a feature block"):
            convert(File(shape).conv(8, (5, 1)).reduce("MEAN", [1, 2]).dense(3, 0).bytes(), rate_hz=50)
