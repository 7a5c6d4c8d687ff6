"""A kernel without a front end: questions are asked with ``input()``, and no widget is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from odl.core.events import Label
from odl.evaluate.recorded import open_recording
from tests.helpers.jupyter import ROOT, unix_sockets
from tests.helpers.waiting import LIMIT


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "IPYTHONDIR": str(tmp_path / "i"),
    }
    with unix_sockets() as sockets:
        manager = KernelManager(kernel_name="python3", **sockets)
        manager.start_kernel(cwd=str(tmp_path), env=env)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=LIMIT)
        yield client
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_plain_questions_in_a_kernel(client: Any, tmp_path: Path) -> None:
    typed, printed, kinds = iter(["1", "s", "wave", "q"]), [], set()

    def hear(message: Any) -> None:
        kinds.add(message["msg_type"])
        printed.append(message["content"].get("text", ""))

    code = """import odl.notebook
odl.notebook.live("shoulder", subject=8, speed=100, patience=600, record="a.odl", widgets=False)"""
    reply = client.execute_interactive(
        code,
        timeout=LIMIT,
        allow_stdin=True,
        output_hook=hear,
        stdin_hook=lambda _: client.input(next(typed)),
    )
    assert reply["content"]["status"] == "ok"
    assert "the model says" in "".join(printed) and "'wave'" in "".join(printed)
    assert not {"comm_open", "display_data", "execute_result"} & kinds
    opened = open_recording(tmp_path / "a.odl")
    labels = [event for event in opened.recording.events if isinstance(event, Label)]
    assert opened.recording.complete and [label.cls for label in labels][1:] == [None, 5]
