"""Live sessions: a port, through a session, to a recording."""

from odl.live.open import open_live
from odl.live.options import LiveOptions
from odl.live.push_pull import pull, push
from odl.live.session import LiveSession
from odl.live.status import LiveStatus

__all__ = ["LiveSession", "LiveStatus", "LiveOptions", "open_live", "pull", "push"]
