"""The state machine: one input event in, its output events out.

No clock, no I/O, no thread. The same step runs in replay, on a live stream and, as C, on
the board; cutting the same samples into other blocks changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.core.adapters import as_learner, as_policy, described, name_of
from odl.core.composed import Composed
from odl.core.config import Config, ConfigError
from odl.core.errors import OdlError
from odl.core.events import (
    NO_CLASS,
    AddClass,
    Adopt,
    ChangeClass,
    Gap,
    Input,
    Label,
    Origin,
    Output,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
    valid_name,
)
from odl.core.fused import Fused, settings_forcing
from odl.core.image import Image
from odl.core.rule_policy import RulePolicy
from odl.core.running_policy import RunningPolicy
from odl.core.snapshot import state_of
from odl.core.state_view import StateView
from odl.core.trace import Step


class OrderError(OdlError, ValueError):
    """An input does not start at the stream's position; the message names both."""


class Session(StateView):
    """One person's stream, from a model image on.

    Parameters
    ----------
    image : Image
        Extractor, heads and learning parameters to start from.
    config : Config
        Policy, budget, seeds and input scaling.
    learner : optional
        Learns and predicts instead of the image's own heads: a river classifier, or an object with
        the methods of `odl.core.protocols.Learner`. Host-only.
    policy : optional
        Decides instead of ``config.policy``: a name or an object of `odl.policies`, whose settings
        replace those of ``config``; a function ``(window, scores) -> bool`` or an object with the
        methods of `odl.core.protocols.Policy`, both host-only. ``config`` gives the budget, which is
        never exceeded.
    asked : iterable of int, optional
        Windows to ask about, in place of the policy's choice; used to repeat the questions of a
        relabelled session.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> n = len(image.channels)
    >>> session = Session(image, Config(mult=(1,) * n, shift=(0,) * n, offset=(0,) * n))
    >>> block = np.zeros((image.window, n), np.int16)
    >>> [type(event).__name__ for event in session.step(Samples(0, block))]
    ['Prediction']

    A host-only part cannot run on a board; the session has no snapshot, and `odl verify` cannot compare
    it. Without ``learner`` and ``policy`` the integer core runs fused.

    >>> config = Config(allowed=1, horizon=9, mult=(1,) * n, shift=(0,) * n, offset=(0,) * n)
    >>> session = Session(image, config, policy=lambda window, scores: True)
    >>> [type(event).__name__ for event in session.step(Samples(0, np.repeat(block, 2, axis=0)))]
    ['Prediction', 'Query', 'Prediction', 'Prediction']
    """

    def __init__(
        self,
        image: Image,
        config: Config,
        learner: object = None,
        policy: object = None,
        asked: Iterable[int] | None = None,
    ) -> None:
        for name, value, kind in (("image", image, Image), ("config", config, Config)):
            if not isinstance(value, kind):
                raise ConfigError(f"{name} is {described(value)}; it can be an odl.{kind.__name__}")
        if asked is not None and not (learner is None and policy is None):
            raise ConfigError("give the windows to ask about alone, without a learner or a policy")
        if isinstance(policy, str):
            config, policy = replace(config, policy=policy), None
        elif isinstance(policy, RulePolicy):
            config, policy = policy.configured(config), None
        if len(config.mult) != len(image.channels):
            raise ConfigError(
                f"input scaling for {len(config.mult)} channels, but the model has {len(image.channels)}"
            )
        if (policy is not None or config.policy != "none") and config.batch > image.max_pending:
            raise ConfigError(
                f"a batch of {config.batch} questions, but the model has room for {image.max_pending}"
            )
        if policy is not None:
            config = replace(config, policy="none")  # the integer core's rule does not decide
        self.image, self.config = image, config
        self._asked = None if asked is None else frozenset(asked)
        self._core: Fused | Composed
        own = {"learner": learner, "policy": policy}
        self.host_only = tuple(f"{name} {name_of(part)}" for name, part in own.items() if part is not None)
        if self.host_only:
            own_learner = None if learner is None else as_learner(learner, image)
            own_policy = RunningPolicy(image, config) if policy is None else as_policy(policy, image, config)
            self._core = Composed(image, config, own_learner, own_policy)
        else:
            self._core = Fused(image, config)

    def step(self, event: Input) -> Sequence[Output]:
        """Process one input and return its outputs in order.

        Raises
        ------
        OrderError
            If the input does not start at the stream's position.
        ConfigError
            If samples have the wrong shape or type, or a number lies outside its range. An invalid
            state raises `odl.core.snapshot.StateError`. The session is then unchanged.
        """
        if isinstance(event, Samples):
            block = self._block_of(event)
            return self._core.samples(block) if self._asked is None else self._samples(block)
        match event:
            case Gap(start, lost, _):
                self._expect(start, "a gap begins")
                if lost < 0 or start + lost >= 2**62:
                    raise OrderError(f"a gap of {lost} samples at {start} leads out of the stream")
                self._core.gap(lost)
                return []
            case Label(at, window, cls):
                self._expect(at, "a label lies")
                if not 0 <= window < 2**64:
                    raise ConfigError(f"a window's number is {window}; it can be 0 to 2**64 - 1")
                # As int64, like every index in the state block; no real window reaches 2**63.
                window -= (window >> 63) << 64
                return self._core.label(at, window, NO_CLASS if cls is None else _byte("a class", cls))
            case Teach(at, cls):
                self._expect(at, "a label lies")
                return self._core.teach(at, _class(cls))
            case Undo(at):
                self._expect(at, "an undo lies")
                return self._core.undo(at)
            case AddClass(at, cls, name, head):
                self._expect(at, "a new class lies")
                _check_name(name)
                return self._core.add_class(at, _byte("a class", cls), _byte("a task", head), name)
            case Split(at, leaf, head):
                self._expect(at, "a split lies")
                return self._core.split(at, _byte("a class", leaf), _byte("a task", head))
            case ChangeClass(at, cls, into, name):
                self._expect(at, "a change of a class lies")
                _check_name(name)
                target = None if into is None else _class(into)
                return self._core.change_class(at, _class(cls), target, name)
            case Adopt(start, lost, state):
                self._expect(start, "a state begins")
                self._take(state, start + lost)
                return []
            case Truth() | Origin():
                return []
        raise ConfigError(
            f"an input is {described(event)}; it can be an event: Samples, Gap, Label, Teach, Undo, "
            "AddClass, Split, ChangeClass, Truth, Origin or Adopt"
        )

    def step_to_question(self, event: Samples) -> Step:
        """Process samples, not empty, as far as a question can come of them.

        Returns what was processed: whole windows up to the first question, and all of the samples if
        nothing is asked. A session with a learner, a policy or questions of your own processes one window.

        Raises
        ------
        OrderError, ConfigError
            As `step`.

        Examples
        --------
        >>> from odl.data import model_bytes
        >>> image = Image.from_bytes(model_bytes("shoulder"))
        >>> n, none = len(image.channels), (0,) * len(image.channels)
        >>> config = Config("periodic", allowed=3, horizon=6, mult=none, shift=none, offset=none)
        >>> done = Session(image, config).step_to_question(Samples(0, np.zeros((900, n), np.int16)))
        >>> len(done.input.block), [type(output).__name__ for output in done.outputs]
        (192, ['Prediction', 'Prediction', 'Query'])
        """
        block = self._block_of(event)
        if self.takes_blocks:
            n, outputs = self._core.run(block, True)  # type: ignore[union-attr]
            done = event if n == len(block) else Samples(event.start, event.block[:n])
            return Step(done, outputs, self.image.window, each=True)
        n = min(len(block), self.samples_to_window())
        return Step(Samples(event.start, event.block[:n]), self._samples(block[:n]))

    @property
    def takes_blocks(self) -> bool:
        """True if many windows are processed in one call: all parts are of the integer core."""
        return isinstance(self._core, Fused) and self._asked is None

    def _block_of(self, event: Samples) -> NDArray[np.int16]:
        """The samples of ``event``, checked."""
        block = event.block
        if event.start != self.position:
            self._expect(event.start, "samples begin")
        if block.ndim != 2 or block.shape[1] != len(self.image.channels):
            raise ConfigError(
                f"samples of shape {block.shape}; the model wants (n, {len(self.image.channels)})"
            )
        if block.dtype != np.int16:
            raise ConfigError(f"samples of type {block.dtype}; the model wants int16 counts")
        return block

    def _samples(self, block: NDArray[np.int16]) -> Sequence[Output]:
        if self._asked is None or isinstance(self._core, Composed):
            return self._core.samples(block)
        outputs: list[Output] = []
        at = 0
        while at < len(block):
            size = self.samples_to_window()
            if size <= len(block) - at:
                end = self.position + size
                ask = end - self.image.window in self._asked
                self._core.use(settings_forcing(self.config, self._core.state, end, ask))
            outputs += self._core.samples(block[at : at + size])
            at += size
        return outputs

    def _expect(self, at: int, what: str) -> None:
        if at != self.position:
            raise OrderError(f"{what} at sample {at}, but the stream stands at {self.position}")

    def snapshot(self) -> bytes:
        """The whole state as bytes; integer core only.

        `restore` in a session of the same image and configuration continues identically.
        """
        self._fused("a snapshot")
        return self._core.state.tobytes() + self._core.log.tobytes()

    def restore(self, snapshot: bytes) -> None:
        """Restore a state that `snapshot` returned.

        Raises
        ------
        odl.core.snapshot.StateError
            If the bytes are not a valid state of this image.
        """
        self._take(snapshot, None)

    def _take(self, snapshot: bytes, position: int | None) -> None:
        """Check and load ``snapshot``, which must be of sample ``position`` unless that is None."""
        self._fused("a snapshot")
        state, log = state_of(self.image, snapshot)
        stands = int(state["position"][0])
        if position is not None and stands != position:
            raise OrderError(f"a state of sample {stands} was to be of sample {position}")
        self._core.state[:] = state
        self._core.log[:] = log

    def resume(self, position: int = 0, issued: int = 0, keep: bool = True) -> None:
        """Reset as `Configure` does on a board: learned heads stay, open questions do not.

        Parameters
        ----------
        position : int
            Sample at which the stream continues, 0 to 2**62 - 1; behind the last entry of the label log
            if that is later.
        issued : int
            Questions already spent of the budget's period at that sample, 0 to 2**31 - 1.
        keep : bool
            False empties the label log, so that nothing learned remains.
        """
        self._fused("resuming")
        if not 0 <= position < 2**62:
            raise OrderError(f"a stream cannot go on at sample {position}; it can at 0 to 2**62 - 1")
        if not 0 <= issued < 2**31:
            raise ConfigError(f"{issued} questions cannot have been spent; it can be 0 to 2**31 - 1")
        self._core.resume(position, issued, keep)  # type: ignore[union-attr]

    def _fused(self, what: str) -> None:
        if not isinstance(self._core, Fused):
            raise ConfigError(
                f"{what} needs the integer core; this session has {' and '.join(self.host_only)}"
            )


def _check_name(name: str) -> None:
    if not valid_name(name):
        raise ConfigError(f"{name!r} cannot be a class: empty, over 32 bytes or not printable")


def _class(cls: int) -> int:
    if cls == NO_CLASS:
        raise ConfigError("a class is numbered 255; it can be 0 to 254")
    return _byte("a class", cls)


def _byte(what: str, value: int) -> int:
    if not 0 <= value <= 255:
        raise ConfigError(f"{what} is numbered {value}; it can be 0 to 255")
    return value
