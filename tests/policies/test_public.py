"""The classes of `odl.policies`, and what a session does with them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

import odl.policies
from odl.core.config import BOUNDS, Config, ConfigError
from odl.core.kernels.rules import POLICIES, Rule
from odl.core.session import Session
from odl.model.dendron import Dendron
from odl.policies import InfoRV, Never, by_name
from tests.helpers.streams import IMAGE, SCALING, Script, config, play

SLOW = replace(IMAGE, rate_hz=0.1)  # a refit is done within a hop, as one of a Dendron is
SCRIPT = Script(5, [("samples", 200), ("label", 0, 1), ("samples", 200), ("label", 0, 2), ("samples", 200)])


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_class_with_its_name_settings_and_text(rule: Rule) -> None:
    policy = by_name(rule.policy)()
    assert type(policy) is getattr(odl.policies, rule.public) and rule.public in dir(odl.policies)
    assert policy.name == rule.policy and policy.rule is rule
    assert policy.settings.get("batch", 1) == rule.batch
    assert ">>> " in (type(policy).__doc__ or "")
    assert f"| `{rule.policy}` | `{rule.public}` |" in (odl.policies.__doc__ or "")


@pytest.mark.parametrize("name", POLICIES)
def test_a_session_takes_a_name_or_an_object_and_stays_of_the_integer_core(name: str) -> None:
    chosen = config(name, batch=1)
    trace = play(SCRIPT, Session(SLOW, chosen))
    base = config("none", batch=1)
    policy = by_name(name)(**({} if name == "none" else {"batch": 1}))
    for given in (name, policy):
        session = Session(SLOW, base, policy=given)
        assert session.config == chosen and play(SCRIPT, session) == trace
        assert len(session.snapshot()) > 0  # only the integer core has one
    assert play(SCRIPT, Session(SLOW, base, Dendron(SLOW), policy)) == trace
    assert play(SCRIPT, Session(SLOW, base, Dendron(SLOW), policy.start(SLOW, base))) == trace
    assert play(SCRIPT, Session(IMAGE, base, None, policy.start(IMAGE, base))) == play(
        SCRIPT, Session(IMAGE, chosen)
    )


def test_an_object_replaces_the_settings_that_it_has() -> None:
    chosen = config("random", batch=3, step=9, hold=True)
    assert InfoRV(batch=2, step=5).configured(chosen) == config("tactile-inforv", batch=2, step=5, hold=True)
    assert Never().configured(chosen) == config("none", batch=3, step=9, hold=True)


@pytest.mark.parametrize(("name", "value"), [("batch", 0), ("batch", 256), ("step", 17), ("step", 2.5)])
def test_a_setting_out_of_range_is_refused(name: str, value: int) -> None:
    low, high = BOUNDS[name]
    with pytest.raises(ConfigError, match=f"{name} is {value}; it can be {low} to {high}"):
        InfoRV(**{name: value})


def test_an_unknown_name_is_refused_with_the_known_ones_and_the_closest() -> None:
    with pytest.raises(ConfigError, match="choose from none, tactile-inforv, .*; did you mean 'periodic'"):
        by_name("periodc")
    with pytest.raises(ConfigError, match="there is no policy 'oracle'; choose from none, [^;]*$"):
        Config(policy="oracle", **SCALING)
    with pytest.raises(AttributeError, match="no attribute 'Oracle'"):
        odl.policies.Oracle  # noqa: B018


def test_the_classes_load_without_the_kernels() -> None:
    code = "import sys, odl.policies; odl.policies.InfoRV(batch=2); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
