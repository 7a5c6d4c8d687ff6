"""The first exchange with a board: its Info and its description."""

from __future__ import annotations

from odl.device.continuity import BoardState
from odl.device.description import BoardDescription
from odl.device.receiver import Receiver
from odl.wire import Failure, Hello


def greet(receiver: Receiver, limit: float) -> BoardDescription:
    """Send Hello until the board has answered and described itself; see `odl.device.board.Board.greet`."""
    until = receiver.now + limit
    request = receiver.send(Hello())
    while receiver.info is None or receiver.description is None:
        receiver.pump(max(0.0, min(0.1, until - receiver.now)))
        late = receiver.now > until
        if receiver.state is BoardState.OTHER_BOARD:
            raise receiver.fail(receiver.problem)
        # A board of another version sends its version before it refuses, so that the error names both.
        if request.failure in (Failure.REFUSED, Failure.VERSION):
            raise receiver.fail(request.problem)
        if late:
            raise receiver.fail(_no_answer(receiver, limit))
        if request.done and receiver.now > receiver.said_hello + 1.0:
            request, receiver.said_hello = receiver.send(Hello()), receiver.now
    receiver.greeted(receiver.info, receiver.description.rate_hz or receiver.info.rate_mhz / 1000 or 50.0)
    return receiver.description


def _no_answer(receiver: Receiver, limit: float) -> str:
    url = receiver.line.url
    if receiver.info is not None:
        return f"the board on {url} does not say what it measures"
    if receiver.requests.link.counters.bytes == 0:
        return f"nothing answers on {url} within {limit:g} s"
    return (
        f"what comes from {url} is no board of this protocol, or of another speed; "
        "a sketch that prints numbers needs `format='csv'`"
    )
