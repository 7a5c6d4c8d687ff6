"""A session on the C core, on any machine that the core is built for.

A `Machine` has memory that Python can access and functions that Python can call: a shared library
of this computer (`firmware_sim.host`), or an emulated Cortex-M4 (`firmware_sim.bare`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.events import NO_CLASS, Output
from odl.core.fused import settings_of
from odl.core.image import Image
from odl.core.kernels.net import out_dtype
from odl.core.records import RecordLayout
from odl.core.session import Session
from odl.core.state import log_dtype, state_dtype_of

# Functions of the core: the result, then the arguments. p pointer, z size_t, i and I 32 bits,
# l and L 64 bits (capitals unsigned), h and H 16 bits, B 8 bits, v nothing.
SIGNATURES: Final = {
    "odl_quotient": "LLL",
    "odl_requantise_relu_u8": "BiiI",
    "odl_conv": "vpppppIIIIp",
    "odl_requantise_zero": "BiiIII",
    "odl_depthwise": "vpppppIIIp",
    "odl_largest": "vpIIip",
    "odl_average": "vpIIip",
    "odl_lookup": "vppIip",
    "odl_add": "vppIpppIp",
    "odl_pool": "vpIIIp",
    "odl_dense": "lppI",
    "odl_exp_q15": "ilI",
    "odl_softmax": "vpIIp",
    "odl_distance": "ippI",
    "odl_next_state": "LL",
    "odl_below": "ILL",
    "odl_shuffle": "LpIL",
    "odl_track_quantile": "llilI",
    "odl_scale_input": "lhiIh",
    "odl_mean_stored": "vpIIp",
    "odl_imprint": "vpppII",
    "odl_sgd": "vppIiI",
    "odl_sgd_inside": "vppIiI",
    "odl_score": "Bppppp",
    "odl_uncertainty": "ipp",
    "odl_decide": "ippill",
    "odl_ask": "vplli",
    "odl_segment": "vppl",
    "odl_segment_mean": "vpp",
    "odl_learn": "iplp",
    "odl_settled_batch": "lp",
    "odl_collect": "ipll",
    "odl_rebuild": "vp",
    "odl_start_refit": "vp",
    "odl_advance": "vpI",
    "odl_crc32": "IIpz",
    "odl_open": "ippz",
    "odl_settings_bad": "ipLp",
    "odl_begin": "ippLpll",
    "odl_resume": "vppLpIll",
    "odl_run": "zppzz",
    "odl_gap": "vpl",
    "odl_label": "vplI",
    "odl_teach": "vpI",
    "odl_undo": "vp",
    "odl_add_class": "vpIIpz",
    "odl_split": "vpII",
    "odl_change_class": "vpIIpz",
    "odl_host_use_log": "vpII",
    "odl_host_use_settings": "vpp",
    "odl_host_take": "IpI",
    "odl_host_session_size": "I",
    "odl_host_round_shift": "llI",
    "odl_host_round_shift32": "iiI",
    "odl_host_root": "ll",
}

REFUSALS: Final = (
    "", "it is cut short or not an image", "its version is another", "its checksum differs",
    "a section lies outside, or is not aligned", "its sizes are not those of the build",
    "its layers cannot be run", "its heads cannot be used",
)  # fmt: skip


class Room(NamedTuple):
    """Memory of a machine: its address there, and its bytes."""

    address: int
    bytes: NDArray[np.uint8]

    def view(self, dtype: Any, count: int = 1) -> NDArray[Any]:
        """The first ``count`` elements of ``dtype``."""
        dtype = np.dtype(dtype)
        return self.bytes[: dtype.itemsize * count].view(dtype)


class Machine(Protocol):
    """A machine that runs a build of the core."""

    def room(self, size: int) -> Room:
        """Allocate ``size`` bytes of zeros, aligned to 8."""
        ...

    def mark(self) -> int:
        """The amount allocated so far, for `rewind`."""
        ...

    def rewind(self, mark: int) -> None:
        """Free what was allocated since `mark`."""
        ...

    def call(self, name: str, *arguments: int) -> int:
        """Call a function of `SIGNATURES`; return its result, 0 without one."""
        ...


def scaling_dtype(channels: int) -> np.dtype[Any]:
    """The layout of ``odl_scaling``."""
    return np.dtype(
        [("mult", "<i4", (channels,)), ("offset", "<i2", (channels,)), ("shift", "u1", (channels,))],
        align=True,
    )


class CoreSession:
    """`odl.core.fused.Fused` in C: the same methods on the same bytes.

    ``state`` and ``log`` are views of the core's own memory.

    Parameters
    ----------
    machine : Machine
        With a build of the core for the image's sizes.
    image, config
        As for `odl.core.session.Session`.

    Raises
    ------
    ValueError
        If the core refuses the image or the settings.
    """

    def __init__(self, machine: Machine, image: Image, config: Config) -> None:
        self.machine = machine
        data = image.to_bytes()
        self._image = machine.room(len(data))
        self._image.bytes[:] = np.frombuffer(data, np.uint8)
        session = machine.room(machine.call("odl_host_session_size"))
        self.session = session.address
        self.state = session.view(state_dtype_of(image))
        log = machine.room(image.max_log * log_dtype(image.features).itemsize)
        self.log, self._log = log.view(log_dtype(image.features), image.max_log), log.address
        settings = settings_of(config)
        room = machine.room(settings.nbytes)
        self.settings, self._settings = room.view(settings.dtype), room.address
        self.settings[:] = settings
        room = machine.room(scaling_dtype(len(image.channels)).itemsize)
        scaling, self._scaling = room.view(scaling_dtype(len(image.channels))), room.address
        for name in ("mult", "shift", "offset"):
            scaling[name][0] = getattr(config, name)
        self._seed = config.seed
        self._block = machine.room(4096 * 2 * len(image.channels))
        self._name = machine.room(256)
        self._found = machine.room(8)
        self._out = out_dtype(image.max_heads, image.max_rows)
        self._events_at = machine.room(64 * self._out.itemsize)
        if wrong := machine.call("odl_open", self.session, self._image.address, len(data)):
            raise ValueError(f"the C core refuses the model image: {REFUSALS[wrong]}")
        if machine.call("odl_settings_bad", self._settings, self._seed, self._scaling):
            raise ValueError("the C core refuses the settings")
        self.use_log()
        machine.call("odl_begin", self.session, self._settings, self._seed, self._scaling, 0, 0)

    def use_log(self) -> None:
        """Pass the log and its number of entries to the machine's board functions."""
        self.machine.call("odl_host_use_log", self._log, len(self.log), int(self.state["n_log"][0]))

    def resume(self, position: int = 0, issued: int = 0, keep: bool = True) -> None:
        """As `odl.core.fused.Fused.resume`."""
        n_log = int(self.state["n_log"][0])
        self.use_log()
        begin = (self.session, self._settings, self._seed, self._scaling)
        if keep:
            self.machine.call("odl_resume", *begin, n_log, position, issued)
        else:
            self.machine.call("odl_begin", *begin, position, issued)

    @property
    def position(self) -> int:
        """As `odl.core.fused.Fused.position`."""
        return int(self.state["position"][0])

    def use(self, settings: NDArray[Any]) -> None:
        """Replace the settings (see `odl.core.fused.settings_of`)."""
        self.settings[:] = settings
        self.machine.call("odl_host_use_settings", self.session, self._settings)

    def samples(self, block: NDArray[np.int16]) -> list[Output]:
        """Consume a block (n, channels)."""
        outputs: list[Output] = []
        raw = self._block.bytes.view(np.int16)
        rows = len(raw) // block.shape[1]
        for start in range(0, len(block), rows):
            part = block[start : start + rows]
            raw[: part.size] = part.ravel()
            at = 0
            while at < len(part):
                self.use_log()
                at = self.machine.call("odl_run", self.session, self._block.address, len(part), at)
                outputs += self._events()
        return outputs

    def gap(self, lost: int) -> None:
        """Samples are missing."""
        self.machine.call("odl_gap", self.session, lost)

    def label(self, at: int, window: int, cls: int) -> list[Output]:
        """An answer; 255 is a skip."""
        return self._command(at, "odl_label", window, cls)

    def teach(self, at: int, cls: int) -> list[Output]:
        """The present segment is of class ``cls``."""
        return self._command(at, "odl_teach", cls)

    def undo(self, at: int) -> list[Output]:
        """Take back the answer given last."""
        return self._command(at, "odl_undo")

    def add_class(self, at: int, cls: int, head: int, name: str) -> list[Output]:
        """A new class."""
        text = name.encode()
        self._name.bytes[: len(text)] = np.frombuffer(text, np.uint8)
        return self._command(at, "odl_add_class", cls, head, self._name.address, len(text))

    def split(self, at: int, leaf: int, head: int) -> list[Output]:
        """A task under a leaf."""
        return self._command(at, "odl_split", leaf, head)

    def change_class(self, at: int, cls: int, into: int | None, name: str) -> list[Output]:
        """A class that is renamed, merged or removed."""
        text = name.encode()
        self._name.bytes[: len(text)] = np.frombuffer(text, np.uint8)
        target = NO_CLASS if into is None else into
        return self._command(at, "odl_change_class", cls, target, self._name.address, len(text))

    def _command(self, at: int, name: str, *arguments: int) -> list[Output]:
        if at != self.state["position"][0]:
            raise ValueError(f"a command at {at}, but the stream stands at {self.state['position'][0]}")
        self.use_log()
        self.machine.call(name, self.session, *arguments)
        return self._events()

    def _events(self) -> list[Output]:
        n = self.machine.call("odl_host_take", self._events_at.address, 64)
        return RecordLayout(self._out).events(self._events_at.view(self._out, n).tobytes())


class TwinSession(Session):
    """`odl.core.session.Session` with a C core inside; snapshots too."""

    def __init__(
        self, machine: Machine, image: Image, config: Config, asked: Iterable[int] | None = None
    ) -> None:
        super().__init__(image, config, asked=asked)
        self._core = CoreSession(machine, image, config)  # type: ignore[assignment]

    def _fused(self, what: str) -> None:
        """Every core has a state block."""
