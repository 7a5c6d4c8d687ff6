"""Live sessions: a port, through a session, to a recording."""

from odl.bridge.begin import Wishes, open_live
from odl.bridge.live import Live, LiveStatus

__all__ = ["Live", "LiveStatus", "Wishes", "open_live"]
