"""The host beside a board that learns: the board owns the order, the host steps along.

What a board sends is a recording: inputs in order, each before what came of it. A `Follower`
steps a session of its own through the same inputs and holds what the board says against what
that session says. Frames get lost. Where what was lost follows from what came, nothing is
amiss but that these windows were not compared. Else the board's own state is asked for:
without the weights at first, which are the host's as long as nothing else was learned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from odl.core.events import Adopt, Command, Event, Gap, Input, Origin, Output, Prediction, Samples, Truth
from odl.core.loop import commands
from odl.core.protocols import Answer, TakeBack
from odl.core.session import Session
from odl.core.snapshot import entries_of, position_of, state_sizes, with_unused_log, with_weights

BUTTON: Final = "button"  # who gives commands that nobody here asked for
TRIES: Final = 3  # of an answer


class Step(Enum):
    """How the host stands to the board, with a sentence for people."""

    TOGETHER = "host and board are in step"
    DOUBT = "frames were lost; the board's state is looked at"
    APART = "samples were lost; the host waits for the board's state"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where board and host part: after which input, and what each of them said."""

    position: int
    cause: str
    host: str
    board: str

    def __str__(self) -> str:
        return (
            f"board and host differ at sample {self.position} after {self.cause}: "
            f"the host says {self.host}, the board {self.board}"
        )


class Follower:
    """Steps ``session`` along with a board.

    Parameters
    ----------
    session : Session
        Of the board's image and settings, at the board's position.
    compare : bool
        Whether what the board says is held against what the session says. If so, the session's
        outputs are passed on, else the board's.

    Attributes
    ----------
    step : Step
    wants : str
        What of the board's state is needed: ``"brief"``, ``"whole"`` or nothing.
    entries : int
        Entries of its log that the board is known to use at least.
    compared : int
        Windows of which host and board were heard; `skipped` counts the others.
    differences : list of Difference
    adopted : int
        How often the session went on from the board's state.

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
    >>> follower.compared, follower.skipped, follower.step.name
    (1, 0, 'TOGETHER')
    """

    def __init__(self, session: Session, *, compare: bool = True) -> None:
        self.session, self.compare = session, compare
        self.step = Step.TOGETHER
        self.wants = ""
        self.entries = 0
        self.compared = self.adopted = 0
        self.differences: list[Difference] = []
        self._expected: deque[Output] = deque()  # said by the session, not yet by the board
        self._cause: Input | None = None  # what they come of
        self._owing = 0  # lost frames that nothing explains yet
        self._asked: deque[tuple[Command, Origin | None]] = deque()
        self._anew = False  # the next state is of a board that was configured anew
        self._before = -session.counts["windows"]  # windows before the board's own count began

    @property
    def skipped(self) -> int:
        """Windows that the board has had and that were not heard of it."""
        expected = list(self._expected)  # at once: a view asks from another thread
        waiting = sum(isinstance(output, Prediction) for output in expected)
        return self._before + self.session.counts["windows"] - waiting - self.compared

    # --- what is sent ---------------------------------------------------------------------

    def asked(self, command: Command, origin: Origin | None) -> None:
        """``command`` has been sent to the board, on behalf of ``origin``."""
        self._asked.append((command, origin))

    def answered(self) -> None:
        """The command sent first has been dealt with, whether its echo was heard or not."""
        if self._asked:
            self._asked.popleft()

    @property
    def whole(self) -> bool:
        """Whether the board has said all that the session has, as far as it is listened to."""
        return self.step is Step.APART or not self._expected

    @property
    def waits(self) -> bool:
        """Whether the echo of something that was sent has not been heard."""
        return bool(self._asked)

    # --- what is heard --------------------------------------------------------------------

    def lost(self, frames: int) -> None:
        """So many frames are missing before what comes next."""
        self._owing += frames

    def apart(self, *, anew: bool) -> None:
        """Nobody listened to the board, or it has been configured ``anew``: its state has to tell."""
        self._anew = self._anew or anew
        self._need("whole", Step.APART)

    def take(self, event: Event) -> Iterator[Event]:
        """An event that the board sent; what it comes to here, in order.

        As with `odl.core.loop.drive`, an input is yielded before the session takes it, so whoever
        stops between two inputs has all that the session has.
        """
        if self.step is Step.APART or (isinstance(event, Samples) and not len(event.block)):
            return
        if isinstance(event, Output):
            yield from self._output(event)
            return
        if isinstance(event, Gap) and self._owing:
            self._need("brief", Step.APART)  # perhaps one that only the line has made
        yield from self._close_step()
        at = event.start if isinstance(event, Samples | Gap | Adopt | Truth) else event.at
        if at != self.session.position:
            self._need("brief", Step.APART)
        if self.wants and self.step is not Step.DOUBT:
            return
        yield from self._with_origin(event)
        self._cause = event
        said = self.session.step(event)
        self._expected.extend(said)
        yield from said if self.compare else ()

    def _with_origin(self, event: Input) -> list[Event]:
        if not isinstance(event, Command):
            return [event]
        for i, (command, origin) in enumerate(self._asked):
            if replace(command, at=event.at) == event:
                del self._asked[i]
                return [event] if origin is None else [replace(origin, at=event.at), event]
        return [Origin(event.at, BUTTON, 0, 0), event]

    def _output(self, output: Output) -> list[Event]:
        passed: list[Event] = []
        if output in self._expected and (before := self._expected.index(output)) <= self._owing:
            self._owing -= before
            passed = self._unheard(before)
            self._expected.popleft()
            self.compared += isinstance(output, Prediction)
        elif self._owing or self.step is Step.DOUBT:
            self._need("brief", Step.APART)  # what it comes of was lost
            return []
        else:
            self.compared += isinstance(output, Prediction) and self.step is Step.TOGETHER
            self._differ(str(output))
        return passed if self.compare else [*passed, output]

    def _close_step(self) -> list[Event]:
        """The next input has come: all that the last one led to has been heard, or was lost."""
        owing, self._owing = self._owing, 0
        if owing != len(self._expected):
            if owing:
                self._need("brief", Step.DOUBT)
            elif self.step is Step.DOUBT:
                self._need("brief", Step.APART)  # something lost had come of this
            else:
                self._differ("nothing")
        passed = self._unheard(len(self._expected))
        return passed if owing or self.step is not Step.TOGETHER else []

    def _unheard(self, n: int) -> list[Event]:
        """The next ``n`` outputs were not heard; the host's stand for them where they are missing."""
        outputs: list[Event] = [self._expected.popleft() for _ in range(n)]
        return [] if self.compare else outputs

    def end(self) -> list[Event]:
        """Nothing more is heard of the board: what it owes was not compared; the host's stand for it."""
        return self._unheard(len(self._expected))

    def _differ(self, board: str) -> None:
        if self.compare:
            host = str(self._expected[0]) if self._expected else "nothing"
            cause = "the beginning" if self._cause is None else described(self._cause)
            self.differences.append(Difference(self.session.position, cause, host, board))
            self._need("whole", Step.APART)

    def _need(self, what: str, step: Step) -> None:
        self.wants = "whole" if "whole" in (what, self.wants) else what
        if self.step is not Step.APART:
            self.step = step

    def settle(self) -> None:
        """Nothing has come for a while: what was lost is not going to be explained."""
        if self._owing and self.step is Step.TOGETHER:
            self._need("brief", Step.DOUBT)

    # --- the board's state ----------------------------------------------------------------

    def state(self, data: bytes) -> list[Event]:
        """The board's state as it is at this place in what it sends; what it comes to here.

        Parameters
        ----------
        data : bytes
            What `wants` named: the state block with its weights and as many entries of the log as
            are used, or the state block without the weights.

        Raises
        ------
        odl.core.snapshot.StateError
            If no session of this model can have left it.
        """
        own, image = self.session.snapshot(), self.session.image
        self.entries = max(self.entries, entries_of(image, data))
        brief = len(data) == state_sizes(image)[1]
        whole = with_weights(image, own, data) if brief else with_unused_log(image, data)
        if whole is None or (self.wants == "whole" and brief):
            self._need("whole", Step.APART)
            return []
        self.wants = ""
        if self.step is not Step.APART and whole == own:
            self.step, self._owing = Step.TOGETHER, 0
            return self._unheard(len(self._expected))
        return self._adopt(whole)

    def _adopt(self, state: bytes) -> list[Event]:
        here = self.session
        event = Adopt(here.position, max(0, position_of(here.image, state) - here.position), state)
        before = here.counts["windows"]
        here.step(event)
        if self._anew:  # the board counts from nought
            self._before, self._anew = self._before + before, False
        passed = self._unheard(len(self._expected))
        self.step, self._owing, self._cause = Step.TOGETHER, 0, event
        self.adopted += 1
        return [*passed, event]


def described(event: Input) -> str:
    """An input in a few words.

    >>> described(Gap(128, 3, "unplugged"))
    "Gap(start=128, lost=3, why='unplugged')"
    """
    if isinstance(event, Samples):
        return f"Samples({event.start} to {event.start + len(event.block)})"
    if isinstance(event, Adopt):
        return f"Adopt(start={event.start}, lost={event.lost})"
    return str(event)


class Asking:
    """Answers on their way to a board, a command at a time.

    A class that an answer names is added before the label, and the label names the id that the
    board took it under: so each command waits until the one before has been dealt with.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answers: deque[Answer | TakeBack] = deque()
        self._under_way: Iterator[Command | Origin] | None = None
        self._origin: Origin | None = None
        self._failures = 0  # of the first answer

    @property
    def waits(self) -> bool:
        """Whether an answer is on its way, or has not been sent."""
        return bool(self._answers)

    @property
    def left(self) -> int:
        """How many answers are."""
        return len(self._answers)

    def add(self, answer: Answer | TakeBack) -> None:
        """One more answer, behind the others."""
        self._answers.append(answer)

    def next(self) -> tuple[Command, Origin | None] | None:
        """The next command to send and on whose behalf, once the one before has been done."""
        while True:
            if self._under_way is None:
                if not self._answers:
                    return None
                self._under_way, self._origin = commands(self._session, self._answers[0]), None
            for event in self._under_way:
                if isinstance(event, Origin):
                    self._origin = event
                else:
                    return event, self._origin
            self._leave()

    def again(self) -> list[Answer | TakeBack]:
        """The command sent last came to nothing: begin anew with its answer.

        Not if it took one back, or has come to nothing before, and before that: then it is given up,
        and with it what was to take it back. What is given up is returned, the last first.
        """
        self._failures += 1
        answer = self._answers[0]
        self._under_way = None
        if isinstance(answer, Answer) and self._failures < TRIES:
            return []
        self._leave()
        named = isinstance(answer, Answer) and answer.name is not None  # a skip is never taken back
        if named and self._answers and isinstance(self._answers[0], TakeBack):
            return [self._answers.popleft(), answer]
        return [answer]

    def _leave(self) -> None:
        """The first answer has been dealt with."""
        self._under_way, self._failures = None, 0
        if self._answers:
            self._answers.popleft()
