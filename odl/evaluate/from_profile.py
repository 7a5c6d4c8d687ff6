"""Sessions that start from what a wearer has taught."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from odl.core.config import ConfigError
from odl.core.events import Adopt
from odl.core.session import Session
from odl.data.streams import Stream
from odl.model.profile import WearerProfile


def from_profile(stream: Stream, session: Session, profile: WearerProfile, name: str) -> Stream:
    """Return ``stream`` with the profile as its first input, for ``session``; ``name`` is for messages.

    Raises
    ------
    ProfileError
        If the profile belongs to another model image.
    ConfigError
        If the session has a learner or a policy of somebody's own, which a profile says nothing about.
    """
    if session.host_only:
        parts = " and ".join(session.host_only)
        raise ConfigError(f"a profile is for the model's own heads, not for {parts}; leave out one of them")
    inputs, first = stream.inputs, Adopt(0, 0, profile.state(session.image, session.config, name))
    return replace(stream, inputs=lambda: chain([first], inputs()))
