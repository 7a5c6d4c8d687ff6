"""Test a board as a whole: golden vectors, a session, a power cut by hand, a line that loses bytes.

Whatever the board does is compared with the Python session: each output, and at the end its whole state,
byte for byte. The report holds nothing about whoever runs it, so that it can be sent to others.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import Input, Label, Output, Query, Samples
from odl.core.image import Image
from odl.core.session import Session
from odl.core.state import Entry, log_dtype, state_dtype_of
from odl.device.description import shown
from odl.device.selftest_report import FAILED, LEFT_OUT, PASSED, SelfTestReport, StepResult
from odl.device.selftest_stream import (
    HOPS,
    golden_config,
    golden_stream,
    nth_answer,
    session_script,
    uneven_blocks,
)
from odl.wire import Hello, encode, frame
from odl.wire.client import BoardClient

STEPS: Final = ("greeting", "model image", "golden vectors", "session", "power cut by hand", "damaged frames")
_ROUNDS: Final = 12  # of damaged frames
_TURNS: Final = 40  # of a short request and its answer

Progress = Callable[[str], None]


class SelfTestError(OdlError, RuntimeError):
    """A board cannot be tested; the message says why."""


class _Difference(Exception):
    """The board and the Python session differ."""


class _LeftOut(Exception):
    """A step cannot be done here."""


class SelfTest:
    """Tests one board.

    Parameters
    ----------
    connect : callable
        Returns a client that has greeted the board, with a sequence number of its own; called once more
        after a power cut.
    write : callable
        Sends bytes past the client, for damaged frames.
    cut_power : callable
        Asks a person to cut the board's power and to switch it on again; returns False if they would not.
    line : str
        Kind of line, for the report.
    erase : bool
        True to test a board that has learned something, which is lost.
    clock : Clock
        Measures.
    progress : callable, optional
        Called with a sentence before each step.

    Examples
    --------
    ::

        report = SelfTest(connect, line.write, cut_power=lambda: False).run()
    """

    def __init__(
        self,
        connect: Callable[[], BoardClient],
        write: Callable[[bytes], object],
        cut_power: Callable[[], bool],
        *,
        line: str = "serial",
        erase: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        progress: Progress | None = None,
    ) -> None:
        self._connect, self._write, self._cut_power = connect, write, cut_power
        self._line, self._erase, self._clock = line, erase, clock
        self._progress = progress or (lambda sentence: None)
        self._board: BoardClient | None = None
        self._image: Image | None = None
        self._session: Session | None = None

    def run(self) -> SelfTestReport:
        """Run all steps; a failed one does not keep the others from running.

        Raises
        ------
        SelfTestError
            If the board holds labels and may not be erased.
        BoardError
            If no board answers.
        """
        self._board = self._connect()
        facts = self._facts()
        work = (self._greeting, self._model_image, self._golden, self._whole_session, self._power_cut)
        steps = []
        for name, step in zip(STEPS, (*work, self._damage), strict=True):
            self._progress(name)
            figures: dict[str, Any] = {}
            try:
                steps.append(StepResult(name, PASSED, step(figures), figures))
            except _LeftOut as why:
                steps.append(StepResult(name, LEFT_OUT, str(why), figures))
            except SelfTestError:
                raise
            except (_Difference, OdlError) as error:
                steps.append(StepResult(name, FAILED, str(error), figures))
        return SelfTestReport(facts, self._machine(), steps)

    # --- what is known beforehand ---------------------------------------------------------

    @property
    def client(self) -> BoardClient:
        """The client in use."""
        assert self._board is not None
        return self._board

    def _facts(self) -> dict[str, Any]:
        info, description = self.client.info, self.client.description
        assert info is not None
        board = {} if description is None else description.board
        return {
            "name": shown(board.get("name", "")), "sensor": shown(board.get("sensor", "")),
            "firmware": shown(info.version), "protocol": f"{info.major}.{info.minor}",
            "image": f"{info.image:08x}", "channels": info.channels, "rate_hz": info.rate_mhz / 1000,
            "frame": info.frame, "state": info.state, "log": info.log,
        }  # fmt: skip

    def _machine(self) -> dict[str, str]:
        return {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "line": self._line,
        }

    def _fed(self) -> Image:
        """The image of a board that takes samples from the host."""
        description = self.client.description
        if self._image is None:
            raise _LeftOut("without the board's model image there is nothing to compare with")
        if description is None or description.board.get("channels") is not None:
            raise _LeftOut("the board has a sensor of its own; build its firmware with the sensor `link`")
        return self._image

    # --- steps ---------------------------------------------------------------------------

    def _greeting(self, figures: dict[str, Any]) -> str:
        times = []
        for _ in range(_TURNS):
            start = self._clock.monotonic()
            self.client.hello()
            times.append(self._ms(start))
        figures |= {"turns": _TURNS, "median_ms": float(np.median(times)), "longest_ms": max(times)}
        if self.client.description is None:
            raise _Difference("it answered, but did not describe itself")
        return f"{_TURNS} greetings answered, {figures['median_ms']:.1f} ms each"

    def _model_image(self, figures: dict[str, Any]) -> str:
        info = self.client.info
        assert info is not None
        if info.image_size == 0:
            raise _LeftOut("the board runs no model: it only samples")
        start = self._clock.monotonic()
        image = Image.from_bytes(self.client.read_image(), "the board's model image")
        figures |= {"bytes": info.image_size, "ms": self._ms(start)}
        if image.checksum != info.image:
            raise _Difference(f"the image has checksum {image.checksum:08x}, the board says {info.image:08x}")
        state = state_dtype_of(image).itemsize
        log = log_dtype(image.features).itemsize * image.max_log
        if (info.state, info.log) != (state, log):
            raise _Difference(
                f"its state and log have {info.state} and {info.log} bytes, not {state} and {log}"
            )
        labels = self._labels(image, self.client.snapshot())
        if labels and not self._erase:
            raise SelfTestError(
                f"the board has learned {labels} labels, which the test would erase: "
                "keep them with 'odl pull', then allow it: `erase=True`"
            )
        self._image = image
        return f"{info.image_size} bytes, every check passed"

    def _golden(self, figures: dict[str, Any]) -> str:
        image = self._fed()
        outputs = self._play(
            image, golden_config(image, policy="none"), uneven_blocks(golden_stream(image)), figures
        )
        figures["windows"] = len(outputs)
        return f"{len(outputs)} windows equal, state byte for byte"

    def _whole_session(self, figures: dict[str, Any]) -> str:
        image = self._fed()
        patience = 20 * image.window
        config = golden_config(image, policy="periodic", allowed=8, horizon=HOPS, patience=patience, seed=7)
        outputs = self._play(image, config, session_script(image), figures)
        figures["labels"] = self._labels(image, self.client.snapshot())
        return f"{len(outputs)} outputs equal, {figures['labels']} labels learned, state byte for byte"

    def _power_cut(self, figures: dict[str, Any]) -> str:
        image, session = self._fed(), self._session
        if session is None or not self._labels(image, session.snapshot()):
            raise _LeftOut("no session left labels behind")
        if not self._cut_power():
            raise _LeftOut("nobody cut the power")
        self._board = self._connect()
        info = self._board.info
        assert info is not None
        if info.session != 0:
            raise _Difference("the board still runs its session: its power was not cut")
        session.resume(keep=True)
        self._board.configure(session.config, keep=True, session=2)
        self._compare_state(session)
        figures["labels"] = self._labels(image, session.snapshot())
        return f"{figures['labels']} labels were there again, and the heads that they teach, byte for byte"

    def _damage(self, figures: dict[str, Any]) -> str:
        image = self._fed()
        raw, sent = golden_stream(image), 0
        config = golden_config(image, policy="none")
        session = Session(image, config)
        self.client.configure(config, session=3)
        good = frame(encode(Hello()), 0x7FFF)
        size = len(raw) // _ROUNDS
        for turn in range(_ROUNDS):
            hurt = bytearray(good)
            hurt[3 + turn % (len(good) - 5)] ^= 0x55
            for bad in (bytes(hurt), good[: len(good) // 2] + b"\0", bytes(range(1, 200)) + b"\0"):
                self._write(bad)
                sent += 1
            self._step(session, Samples(turn * size, raw[turn * size : (turn + 1) * size]))
        self._compare_state(session)
        until = self._clock.monotonic() + 3.0
        while (status := self.client.status) is None or status.session != 3 or status.damaged < sent:
            if self._clock.monotonic() > until:
                counted = 0 if status is None else status.damaged
                raise _Difference(f"of {sent} damaged frames the board counted {counted}")
            self.client.hello()
        figures |= {"sent": sent, "counted": status.damaged, "bytes_missed": status.missed}
        return f"{sent} damaged frames refused, {status.missed} bytes missed by the board, nothing else lost"

    # --- comparing -----------------------------------------------------------------------

    def _play(
        self, image: Image, config: Config, events: Iterator[Input] | list[Input], figures: dict[str, Any]
    ) -> list[Output]:
        """Step both through ``events``, answering each question; compare outputs and state."""
        session = self._session = Session(image, config)
        self.client.configure(config, session=1)
        outputs: list[Output] = []
        times: dict[str, list[float]] = {"samples": [], "answer": []}
        answered = 0
        for event in events:
            start = self._clock.monotonic()
            outputs += self._step(session, event)
            times["samples"].append(self._ms(start) if isinstance(event, Samples) else 0.0)
            for query in [x for x in outputs if isinstance(x, Query)][answered:]:
                answered += 1
                start = self._clock.monotonic()
                answer = Label(session.position, query.window, nth_answer(image, answered))
                outputs += self._step(session, answer)
                times["answer"].append(self._ms(start))
        self._compare_state(session)
        figures["trace_sha256"] = hashlib.sha256(b"".join(map(encode, outputs))).hexdigest()
        figures |= {f"longest_{what}_ms": max(found) for what, found in times.items() if found}
        return outputs

    def _step(self, session: Session, event: Input) -> list[Output]:
        wanted, found = list(session.step(event)), self.client.step(event)
        if wanted != found:
            place = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), None)
            place = min(len(wanted), len(found)) if place is None else place
            raise _Difference(
                f"after {type(event).__name__} at sample {session.position}: expected "
                f"{wanted[place] if place < len(wanted) else 'nothing'}, the board gave "
                f"{found[place] if place < len(found) else 'nothing'}"
            )
        return found

    def _compare_state(self, session: Session) -> None:
        wanted, found = session.snapshot(), self.client.snapshot()
        if wanted != found:
            at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), len(found))
            raise _Difference(f"the state differs from byte {at} on, of {len(wanted)}")

    def _labels(self, image: Image, snapshot: bytes) -> int:
        dtype, state = log_dtype(image.features), state_dtype_of(image)
        used = int(np.frombuffer(snapshot[: state.itemsize], state)["n_log"][0])
        log = np.frombuffer(snapshot[state.itemsize :], dtype)[: max(0, used)]
        return int((log["kind"] == Entry.LABEL).sum())

    def _ms(self, start: float) -> float:
        return round(1000 * (self._clock.monotonic() - start), 3)
