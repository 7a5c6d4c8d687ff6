"""An error about what a recording holds names the file, whichever command reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import Adopt, Event, Gap, Label, Samples, Split, Truth, Undo
from odl.core.session import Session
from odl.recording import Writer
from odl.wire import Start
from tests.helpers.images import random_image

IMAGE = random_image(3, tree=True)
CONFIG = Config(mult=(1,) * 3, shift=(8,) * 3, offset=(0,) * 3)
BLOCK = np.zeros((60, 3), np.int16)
BAD: dict[str, Sequence[Event]] = {
    "gap": [Gap(60, 2**63, "x")],
    "far": [Samples(2**62 + 5, BLOCK)],
    "channels": [Samples(60, BLOCK[:, :2].copy())],
    "label": [Label(10, 0, 1)],
    "split": [Split(5, 1, 1)],
    "undo": [Undo(2**62 + 9)],
    "adopt": [Adopt(60, 0, b"abc")],
    "state": [Adopt(60, 5, Session(IMAGE, CONFIG).snapshot())],
    "truth": [Truth(0, 60, "no class of the model")],
}
COMMANDS = ("replay", "label", "info", "evaluate", "report", "convert", "verify", "live --resume")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", BAD)
def test_an_error_about_a_recording_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, command: str
) -> None:
    path = tmp_path / "walk.odl"
    about = {"rate_hz": IMAGE.rate_hz, "channels": [[c.name, c.unit, c.scale] for c in IMAGE.channels]}
    with Writer(path, Start({"config": CONFIG.to_dict(), "session": about}, IMAGE.to_bytes())) as writer:
        for event in (Samples(0, BLOCK), *BAD[kind]):
            writer.write(event)
    more = {
        "replay": ["--out", str(tmp_path / "out")], "report": ["--out", str(tmp_path / "page.html")],
        "convert": [str(tmp_path / "a.csv")], "verify": ["--twins", "python"],
        "live --resume": ["--port", str(tmp_path / "no-port")],
    }  # fmt: skip
    status = main([*command.split(), str(path), *more.get(command, [])])
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("... ")]
    assert (status, len(errors)) in ((0, 0), (1, 1), (2, 1))
    good = status == 0 or (command == "live --resume" and "no-port" in errors[0])
    assert good or "walk.odl" in errors[0]
