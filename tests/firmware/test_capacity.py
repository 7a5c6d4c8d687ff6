"""Capacities other than the model's own: what fits, and that it runs with them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware_sim import build
from firmware_sim.bench import Bench
from firmware_sim.board_spec import spec_of
from firmware_sim.capacity import OTHER_RAM, most_labels, most_rows, on_board, ram_of, stack_of
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import AddClass, Label, Query, Samples
from odl.core.image import Image
from odl.core.session import Session
from odl.model.tflite.convert import convert
from tests.helpers.firmware import need
from tests.helpers.images import random_image
from tests.helpers.tflite_files import SAME, File

SPEC = spec_of("nucleo_f401re")


def config(image: Image) -> Config:
    n = len(image.channels)
    return Config(
        policy="periodic", allowed=9, horizon=60, batch=1, patience=10**6,
        mult=(1 << 14,) * n, shift=(20,) * n, offset=(0,) * n,
    )  # fmt: skip


def test_forty_rows_run_on_the_board_as_in_python(image: Image) -> None:
    """More classes than an image has room for by itself, one of the last learned."""
    need("unicorn")
    large = replace(image, max_rows=40)
    firmware = build.build(large, ram_budget=SPEC.memory.ram_size)
    bench = Bench(large, firmware)
    session, client = Session(large, config(large)), bench.client
    client.configure(config(large))
    for cls in range(100, 135):
        assert client.step(AddClass(0, cls, f"class {cls}", 0)) == list(
            session.step(AddClass(0, cls, f"class {cls}", 0))
        )
    raw = np.random.default_rng(4).integers(-9000, 9000, (1600, len(image.channels))).astype(np.int16)
    learned = 0
    for at in range(0, 1600, 100):
        block = Samples(at, raw[at : at + 100])
        outputs = session.step(block)
        assert client.step(block) == list(outputs)
        for query in outputs:
            if isinstance(query, Query):
                label = Label(session.position, query.window, 134 - learned)
                assert client.step(label) == list(session.step(label))
                learned += 1
    assert learned >= 3 and client.snapshot() == session.snapshot()
    refit = bench.worst_refit(config(large))
    assert refit["rows"] == 40
    # The worst refit at so many rows: twice the work of 20, which no hop has room for.
    share = refit["longest_hop"] / (large.hop / large.rate_hz * SPEC.power.clock_hz)
    assert 1.0 < share < 1.2
    assert 0 < refit["stack_bytes"] < stack_of(large) == 1536 + 24 * 20


def test_what_is_said_to_fit_fits_and_one_more_does_not(image: Image) -> None:
    need("ziglang")
    firmware = build.build(image)
    assert 0 <= ram_of(image) + OTHER_RAM - firmware.ram_bytes < 512  # as said before there is a firmware
    for budget in (firmware.ram_bytes, 40_000):
        rows = most_rows(image, budget - firmware.ram_bytes)
        if budget == firmware.ram_bytes:
            assert rows == image.max_rows
        built = build.build(replace(image, max_rows=rows), ram_budget=budget)
        assert (
            abs(built.ram_bytes - firmware.ram_bytes - ram_of(replace(image, max_rows=rows)) + ram_of(image))
            <= 16
        )
        with pytest.raises(build.BuildError, match=f"it needs more RAM .*; it fits with {rows} rows "):
            build.build(replace(image, max_rows=rows + 2), ram_budget=budget)


def test_what_is_said_to_fit_a_board_is_built_for_it() -> None:
    """The limit is the board's RAM, not that of the figures: a network's features need 47 KB."""
    need("ziglang")
    net = File((1, 200, 1, 6), 0.05, 3).conv(48, (9, 1), (2, 1), SAME).conv(64, (9, 1), (2, 1), SAME)
    data = net.reduce("MEAN", [1, 2]).dense(160).dense(4, 0).softmax().bytes()
    image = convert(data, rate_hz=50).image
    assert on_board(image).startswith("fits a NUCLEO-F401RE")
    assert 40 * 1024 < build.build(image).ram_bytes < SPEC.memory.ram_size


def test_the_log_fits_its_bank_to_the_label(image: Image) -> None:
    need("ziglang")
    labels = most_labels(image, SPEC.log_bank)
    build.build(replace(image, max_log=labels), ram_budget=SPEC.memory.ram_size)
    with pytest.raises(build.BuildError, match=f"which has room for {labels}"):
        build.build(replace(image, max_log=labels + 1), ram_budget=SPEC.memory.ram_size)


def test_less_room_takes_rows_away() -> None:
    image = random_image(3, tree=True)
    assert (
        most_rows(image, 0) == 8
        and most_rows(image, -2 * (ram_of(image) - ram_of(replace(image, max_rows=7)))) == 6
    )
    assert most_rows(image, -(10**6)) == 0
    # A log has room for a label beside all classes and tasks.
    assert most_rows(image, 10**6) == image.max_log - image.max_heads - 1
    assert most_rows(replace(image, max_log=200), 10**6) == 64


def test_the_command_says_what_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("ziglang")
    command = ["firmware", "build", "--model", "shoulder", "--out", str(tmp_path)]
    assert main([*command, "--rows", "40"]) == 0
    printed = capsys.readouterr().out
    assert "room for 40 rows, 128 labels and 8 pending questions" in printed
    assert int(re.findall(r"board has room for (\d+) rows", printed)[0]) == 56
    assert f"of {96 * 1024}" in printed
    assert main([*command, "--rows", "65"]) == 2
    assert "at most 64" in capsys.readouterr().err
    assert main([*command, "--labels", "204"]) == 2
    assert "room for 203" in capsys.readouterr().err
