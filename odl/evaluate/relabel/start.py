"""What the session of a recording knew before its first sample."""

from __future__ import annotations

from odl.core.events import Adopt, Gap, Samples
from odl.evaluate.recorded import RecordedSession
from odl.model.profile import WearerProfile, log_in


def known_before(opened: RecordedSession) -> Adopt | None:
    """Return the state from which the session goes on, such as that of a wearer's profile, or None.

    Where the first samples were lost, it is what the board's label log held behind them.
    """
    for event in opened.stream.inputs():
        if isinstance(event, Adopt) and event.start == 0:
            if event.lost == 0:
                return event
            profile = WearerProfile.of(opened.image, log_in(opened.image, event.state))
            return Adopt(0, 0, profile.state(opened.image, opened.config))
        if isinstance(event, Adopt | Gap | Samples):
            break
    return None
