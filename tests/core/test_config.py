"""Settings of a session, and the scaling of its input."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config, ConfigError
from odl.core.fixed_point import Scaling, input_scaling, multiplier
from odl.core.kernels.rules import POLICIES
from odl.core.kernels.scale_input import scale_input
from tests.helpers.streams import SCALING, config, configs


@given(configs())
def test_settings_survive_json(chosen: Config) -> None:
    assert Config.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"policy": "oracle"}, "there is no policy 'oracle'; choose from none, tactile-inforv"),
        ({"allowed": 0}, "allowed is 0; it can be 1 to 2147483647"),
        ({"allowed": 2**31}, "allowed is 2147483648"),
        ({"allowed": 2.5}, "allowed is 2.5"),
        ({"allowed": True}, "allowed is True"),
        ({"period": -1}, "period is -1; it can be 0 to 2147483647"),
        ({"period": 2**31}, "period is 2147483648"),
        ({"horizon": 2**31}, "horizon is 2147483648"),
        ({"horizon": 0}, "needs its length; give a budget such as 12/h or 2%"),
        ({"batch": 0}, "batch is 0; it can be 1 to 255"),
        ({"batch": 256}, "batch is 256"),
        ({"patience": 0}, "patience is 0"),
        ({"step": 0}, "step is 0; it can be 1 to 16"),
        ({"step": 17}, "step is 17"),
        ({"change": 32769}, "change is 32769"),
        ({"seed": 0}, "seed is 0"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"seed": "7"}, "seed is '7'"),
        ({"mult": (2**31,) * 3}, "input scaling: mult holds a value outside 0 to 2147483647"),
        ({"shift": (61,) * 3}, "shift holds a value outside 0 to 60"),
        ({"offset": (0, 0, 32768)}, "offset holds a value outside -32768 to 32767"),
        ({"offset": (0, 0.5, 0)}, "offset holds a value"),
        ({"offset": (0, 0)}, "mult, shift and offset differ in length"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        config(**changes)


def test_who_asks_nothing_needs_no_budget() -> None:
    assert Config(**SCALING).policy == "none" and config("none", allowed=0, horizon=0).allowed == 0


def test_the_ends_of_every_range_can_be_used() -> None:
    most = config(
        allowed=2**31 - 1, period=2**31 - 1, horizon=2**31 - 1, batch=255, patience=2**40, step=16,
        change=32768, seed=2**64 - 1, mult=(2**31 - 1,), shift=(60,), offset=(-32768,),
    )  # fmt: skip
    least = config(allowed=1, period=1, horizon=0, batch=1, patience=1, step=1, change=0, seed=1)
    assert [Config.from_dict(one.to_dict()) for one in (most, least)] == [most, least]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"colour": 1}, "do not fit this version: colour"),
        ({"mult": 5}, "mult is not a list"),
        ({"mult": [1.5, 1, 1]}, "mult holds a value"),
        ({"hold": 1}, "hold is 1; it can be true or false"),
        ({"in_samples": None}, "in_samples is None"),
        ({"policy": ["none"]}, "there is no policy"),
    ],
)
def test_settings_read_back_are_checked(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        Config.from_dict(config().to_dict() | change)


def test_a_missing_setting_is_named() -> None:
    values = config().to_dict()
    del values["patience"]
    with pytest.raises(ConfigError, match="do not fit this version: patience"):
        Config.from_dict(values)


def test_a_session_does_nothing_else_unless_told() -> None:
    assert POLICIES[0] == "none" == Config().policy


# --- input scaling ------------------------------------------------------------------------


@given(st.floats(2**-45, 2**13))
def test_a_multiplier_is_within_its_error(ratio: float) -> None:
    mult, shift = multiplier(ratio)
    assert 2**14 <= mult < 2**15 and 0 <= shift <= 60
    assert abs(mult / 2**shift / ratio - 1) <= 2**-15


@pytest.mark.parametrize("ratio", [0, -1, math.nan, math.inf, 2**-47, 2**15])
def test_a_ratio_that_no_multiplier_fits_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="scale ratio"):
        multiplier(ratio)


def test_a_ratio_just_below_a_power_of_two() -> None:
    assert multiplier(1 - 2**-30) == (2**14, 14)


@given(st.integers(-32768, 32767), st.floats(1e-6, 1), st.floats(1e-4, 1))
def test_scaled_counts_are_the_real_ones_rounded(raw: int, source: float, model: float) -> None:
    scaling = input_scaling([("ax", "g", source)], [("ax", "g", model)])
    value = int(
        scale_input(np.int16(raw), np.int32(scaling.mult[0]), np.uint8(scaling.shift[0]), np.int16(0))
    )
    exact = raw * source / model
    assert abs(value - exact) <= 0.5 + abs(exact) * 2**-15 + 1e-6


@pytest.mark.parametrize(
    ("unit", "model_unit", "factor"),
    [("g", "m/s2", 9.80665), ("mg", "g", 1e-3), ("deg/s", "rad/s", math.pi / 180), ("mdps", "dps", 1e-3),
     ("m/s^2", "m/s2", 1.0), ("hPa", "hPa", 1.0)],
)  # fmt: skip
def test_units_of_a_kind_are_converted(unit: str, model_unit: str, factor: float) -> None:
    mult, shift, offset = input_scaling([("x", unit, 0.25)], [("x", model_unit, 0.5)])
    assert abs(mult[0] / 2 ** shift[0] / (factor / 2) - 1) <= 2**-15 and offset == (0,)


def test_each_channel_has_its_own_scaling() -> None:
    found = input_scaling([("a", "g", 1.0), ("b", "dps", 0.25)], [("a", "g", 2.0), ("b", "dps", 1.0)])
    assert found == Scaling((2**14, 2**14), (15, 16), (0, 0))


@pytest.mark.parametrize(
    ("source", "model", "what"),
    [
        ([("a", "g", 1.0)], [("b", "g", 1.0)], r"has channels \['a'\], but the model wants \['b'\]"),
        ([("a", "g", 1.0), ("b", "g", 1.0)], [("b", "g", 1.0), ("a", "g", 1.0)], "but the model wants"),
        ([("a", "g", 1.0)], [("a", "dps", 1.0)], "channel a is in g, but the model wants dps"),
        ([("a", "lux", 1.0)], [("a", "hPa", 1.0)], "channel a is in lux, but the model wants hPa"),
        ([("a", "g", 1.0)], [("a", "g", 1e-9)], "outside 2"),
    ],
)
def test_sources_that_do_not_fit_are_refused(source: Any, model: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        input_scaling(source, model)
