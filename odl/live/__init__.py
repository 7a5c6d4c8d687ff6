"""Live sessions: a port, through a session, to a recording."""

from odl.live.open import open_live
from odl.live.options import Wishes
from odl.live.session import Live, LiveStatus

__all__ = ["Live", "LiveStatus", "Wishes", "open_live"]
