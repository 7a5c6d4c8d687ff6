"""Live sessions: a port, through a session, to a recording."""

from odl.bridge.begin import open_live
from odl.bridge.live import Live, LiveStatus
from odl.bridge.wishes import Wishes

__all__ = ["Live", "LiveStatus", "Wishes", "open_live"]
