"""Push and pull from Python; tests/firmware/test_push_pull.py has all that can go wrong."""

from __future__ import annotations

import pytest

import odl.live
from odl.core.image import Image
from odl.data import model_bytes
from odl.live.emulated import EmulatedBoard


def test_a_model_goes_to_a_board_and_comes_back() -> None:
    pytest.importorskip("unicorn", reason="the emulated board needs unicorn")
    pytest.importorskip("ziglang", reason="the emulated board's firmware needs a compiler")
    image, said = Image.from_bytes(model_bytes("shoulder")), list[str]()
    with EmulatedBoard("--model", "shoulder", "--speed", "20") as board:
        assert not odl.live.push(image, board.url, progress=said.append), "it runs there already"
        assert not odl.live.push("shoulder", board.url, progress=said.append)
        base = odl.live.pull(board.url, learned=False, progress=said.append)
        assert base.to_bytes() == image.to_bytes()
        assert odl.live.pull(board.url, progress=said.append).names == image.names
    assert any("looking for a board" in sentence for sentence in said)
