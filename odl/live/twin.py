"""A session on the host that is the twin of a learning board's and follows it.

A board sends its inputs in its own order, each before its outputs. A `Follower` steps the
host's session through the same inputs and compares the outputs of both. Frames get lost. Where the
host can tell the lost outputs from those that came, only these windows stay uncompared. Else the host
asks for the board's state: first without the weights, which the host has unless something was learned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from odl.core.events import Adopt, Event, Gap, Input, Output, Prediction, Samples, Truth
from odl.core.session import Session
from odl.core.snapshot import entries_of, position_of, state_sizes, with_unused_log, with_weights


class TwinState(Enum):
    """The relation of host and board, each value a sentence for people."""

    TOGETHER = "host and board are in step"
    DOUBT = "frames were lost; the host reads the board's state"
    APART = "samples were lost; the host waits for the board's state"


@dataclass(frozen=True, slots=True)
class Difference:
    """An output in which board and host differ: the input before it, and the output of each."""

    position: int
    cause: str
    host: str
    board: str

    def __str__(self) -> str:
        return (
            f"board and host differ at sample {self.position} after {self.cause}: "
            f"the host has {self.host}, the board {self.board}"
        )


class Follower:
    """Steps ``session`` through the inputs of a board.

    Parameters
    ----------
    session : Session
        A session of the board's image and settings, at the board's position.
    compare : bool
        If True, outputs of board and session are compared, and the session's outputs are
        passed on; else the board's are.

    Attributes
    ----------
    state : TwinState
    wants : str
        The part of the board's state that is needed: ``"brief"`` (without weights), ``"whole"`` or empty.
    entries : int
        Least number of entries in the board's label log, as far as the host knows.
    compared : int
        Windows whose prediction was compared; `skipped` counts the others.
    differences : list of Difference
    adopted : int
        Number of times that the session took over the board's state.

    Examples
    --------
    >>> import numpy as np
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)
    >>> follower, board = Follower(Session(image, config)), Session(image, config)
    >>> heard = Samples(0, np.zeros((image.window, 6), np.int16))
    >>> for event in [heard, *board.step(heard)]:
    ...     print([type(e).__name__ for e in follower.take(event)])
    ['Samples', 'Prediction']
    []
    >>> follower.compared, follower.skipped, follower.state.name
    (1, 0, 'TOGETHER')
    """

    def __init__(self, session: Session, *, compare: bool = True) -> None:
        self.session, self.compare = session, compare
        self.state = TwinState.TOGETHER
        self.wants = ""
        self.entries = 0
        self.compared = self.adopted = 0
        self.differences: list[Difference] = []
        self._expected: deque[Output] = deque()  # outputs of the session that the board still owes
        self._cause: Input | None = None  # the input that they follow
        self._owing = 0  # lost frames that no missing output explains yet
        self._anew = False  # the next state is of a board that was configured anew
        self._before = -session.counts["windows"]  # windows before the board's own count began

    @property
    def skipped(self) -> int:
        """Windows of the board whose prediction did not arrive."""
        expected = list(self._expected)  # a copy: a view reads this from another thread
        waiting = sum(isinstance(output, Prediction) for output in expected)
        return self._before + self.session.counts["windows"] - waiting - self.compared

    @property
    def owes(self) -> bool:
        """True while the board still owes outputs for inputs it has taken."""
        return self.state is not TwinState.APART and bool(self._expected)

    # --- frames of the board --------------------------------------------------------------

    def lost(self, frames: int) -> None:
        """Count ``frames`` that are missing before the next event."""
        self._owing += frames

    def apart(self, *, anew: bool) -> None:
        """Wait for the board's state after a time without a listener, or after it was configured ``anew``."""
        self._anew = self._anew or anew
        self._need("whole", TwinState.APART)

    def take(self, event: Event) -> Iterator[Event]:
        """Take an event that the board sent; yield what happens in the host's session, in order.

        As with `odl.core.loop.drive`, an input is yielded before the session takes it, so a consumer
        that stops between two inputs has all events of the session.
        """
        if self.state is TwinState.APART or (isinstance(event, Samples) and not len(event.block)):
            return
        if isinstance(event, Output):
            yield from self._output(event)
            return
        if isinstance(event, Gap) and self._owing:
            self._need("brief", TwinState.APART)  # perhaps the line alone lost these samples
        yield from self._close_step()
        at = event.start if isinstance(event, Samples | Gap | Adopt | Truth) else event.at
        if at != self.session.position:
            self._need("brief", TwinState.APART)
        if self.wants and self.state is not TwinState.DOUBT:
            return
        yield event
        self._cause = event
        outputs = self.session.step(event)
        self._expected.extend(outputs)
        yield from outputs if self.compare else ()

    def _output(self, output: Output) -> list[Event]:
        passed: list[Event] = []
        if output in self._expected and (before := self._expected.index(output)) <= self._owing:
            self._owing -= before
            passed = self._unheard(before)
            self._expected.popleft()
            self.compared += isinstance(output, Prediction)
        elif self._owing or self.state is TwinState.DOUBT:
            self._need("brief", TwinState.APART)  # the input that it follows was lost
            return []
        else:
            self.compared += isinstance(output, Prediction) and self.state is TwinState.TOGETHER
            self._differ(str(output))
        return passed if self.compare else [*passed, output]

    def _close_step(self) -> list[Event]:
        """Handle the next input: outputs of the last one that have not arrived were lost."""
        owing, self._owing = self._owing, 0
        if owing != len(self._expected):
            if owing:
                self._need("brief", TwinState.DOUBT)
            elif self.state is TwinState.DOUBT:
                self._need("brief", TwinState.APART)  # an output of it may have been lost
            else:
                self._differ("nothing")
        passed = self._unheard(len(self._expected))
        return passed if owing or self.state is not TwinState.TOGETHER else []

    def _unheard(self, n: int) -> list[Event]:
        """Drop ``n`` outputs that the board owes; return the host's instead, if the board's are passed on."""
        outputs: list[Event] = [self._expected.popleft() for _ in range(n)]
        return [] if self.compare else outputs

    def end(self) -> list[Event]:
        """Close the stream; return the host's outputs for those that the board will never send."""
        return self._unheard(len(self._expected))

    def _differ(self, board: str) -> None:
        if self.compare:
            host = str(self._expected[0]) if self._expected else "nothing"
            cause = "the start" if self._cause is None else described(self._cause)
            self.differences.append(Difference(self.session.position, cause, host, board))
            self._need("whole", TwinState.APART)

    def _need(self, what: str, state: TwinState) -> None:
        self.wants = "whole" if "whole" in (what, self.wants) else what
        if self.state is not TwinState.APART:
            self.state = state

    def settle(self) -> None:
        """Count missing frames as lost because the line is idle, and ask for the board's state."""
        if self._owing and self.state is TwinState.TOGETHER:
            self._need("brief", TwinState.DOUBT)

    # --- the board's state ----------------------------------------------------------------

    def adopt_state(self, data: bytes) -> list[Event]:
        """Compare the board's state with the session's, and take it over if they differ.

        Parameters
        ----------
        data : bytes
            The board's state at this point of its stream, in the form that `wants` named: the state block
            and the used entries of the label log, or the state block without the weights.

        Raises
        ------
        odl.core.snapshot.StateError
            If no session of this model can be in this state.
        """
        own, image = self.session.snapshot(), self.session.image
        self.entries = max(self.entries, entries_of(image, data))
        brief = len(data) == state_sizes(image)[1]
        whole = with_weights(image, own, data) if brief else with_unused_log(image, data)
        if whole is None or (self.wants == "whole" and brief):
            self._need("whole", TwinState.APART)
            return []
        self.wants = ""
        if self.state is not TwinState.APART and whole == own:
            self.state, self._owing = TwinState.TOGETHER, 0
            return self._unheard(len(self._expected))
        return self._adopt(whole)

    def _adopt(self, state: bytes) -> list[Event]:
        here = self.session
        event = Adopt(here.position, max(0, position_of(here.image, state) - here.position), state)
        before = here.counts["windows"]
        here.step(event)
        if self._anew:  # the board counts from 0
            self._before, self._anew = self._before + before, False
        passed = self._unheard(len(self._expected))
        self.state, self._owing, self._cause = TwinState.TOGETHER, 0, event
        self.adopted += 1
        return [*passed, event]


def described(event: Input) -> str:
    """Return an input in a few words, for a person.

    >>> described(Gap(128, 3, "unplugged"))
    "Gap(start=128, lost=3, why='unplugged')"
    """
    if isinstance(event, Samples):
        return f"Samples({event.start} to {event.start + len(event.block)})"
    if isinstance(event, Adopt):
        return f"Adopt(start={event.start}, lost={event.lost})"
    return str(event)
