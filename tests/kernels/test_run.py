"""A whole session on the kernels equals the plain one, whatever comes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_session import ReferenceSession
from streams import IMAGE, Script, configs, play, scripts
from table import heads_of

from odl.config import Config
from odl.nn.image import Image
from odl.session import Session

pytestmark = pytest.mark.filterwarnings("error")
SOME = settings(max_examples=max(1, settings.default.max_examples // 2))


# The shorter log is full before long; the rows are after three new classes.
@SOME
@given(configs(), scripts(), st.sampled_from([IMAGE, replace(IMAGE, max_log=4)]))
def test_session_equals_the_plain_one(config: Config, script: Script, image: Image) -> None:
    session, plain = Session(image, config), ReferenceSession(image, config)
    assert play(script, session) == play(script, plain)
    assert {name: n for name, n in session.counts.items() if n} == dict(+Counter(plain.counts))
    assert heads_of(session._core.state) == (plain.heads, plain.rows)
    assert session.position == plain.position
