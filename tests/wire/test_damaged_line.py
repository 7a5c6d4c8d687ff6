"""A small run of benchmarks/line.py's damaged frames, and frames opened together."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from odl.core.events import Prediction, Samples, Undo
from odl.wire import CodecError, Deframer, encode, frame, open_messages

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "line.py"


@pytest.fixture(scope="module")
def line() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_line", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_damaged_frames(line: ModuleType, seed: int) -> None:
    outcome = line.damaged_frames(20_000, seed)
    assert outcome.wrong == 0
    assert outcome.received + outcome.counted == outcome.sent == 20_001
    assert outcome.intact == outcome.taken
    assert outcome.exact
    assert outcome.received > 10_000
    assert all(outcome.faults.values())


def test_a_wrong_count_would_be_noticed(line: ModuleType) -> None:
    good = line.Outcome(10, 8, 0, 2, 9, 9, {})
    assert good.exact
    for name, value in {"received": 7, "wrong": 1, "counted": 3, "intact": 8, "taken": 10}.items():
        assert not good._replace(**{name: value}).exact


def test_six_axes_take_at_most_14_4_bytes(line: ModuleType) -> None:
    most, usual = line.bytes_per_sample()
    assert 12 < usual <= most <= 14.4
    assert most * 800 <= line.BYTES_PER_SECOND


@pytest.mark.parametrize("seed", range(10))
def test_many_opened_together_are_as_one_by_one(seed: int) -> None:
    """Sizes and kinds as they come, one size with bad ones among them, and none but samples."""
    rng = np.random.default_rng(seed)
    line = []
    for i in range(200):
        block = rng.integers(-300, 300, (int(rng.choice([0, 5, 5, 5])), 6)).astype(np.int16)
        messages = [encode(Samples(int(rng.integers(2**40)), block))] * 6
        if seed % 3:
            messages += [encode(Prediction(i, (1, 2), (5,) * 28, 6))]  # much like five samples
        messages += [encode(Undo(i)), b"\x7f", b"\x13"]
        message = messages[0] if seed == 0 else messages[int(rng.integers(len(messages)))]
        if seed > 3 and i % 20 == 19:  # channels that do not fit, an end beyond the last index
            bad = message[:9] + b"\x07" + message[10:], b"\x10" + b"\xff" * 8 + message[9:]
            message = bad[seed % 2]
        line.append(frame(message, 65500 + i, 7 * i))
    assert len(encode(Prediction(0, (1, 2), (5,) * 28))) == len(
        encode(Samples(0, np.zeros((5, 6), np.int16)))
    )
    payloads = Deframer().feed(b"".join(line))
    together = open_messages(payloads)
    single = [opened for payload in payloads for opened in open_messages([payload])]
    assert len(together) == len(single) == 200
    for one, other in zip(together, single, strict=True):
        assert one[:2] == other[:2]
        if isinstance(other[2], CodecError):
            assert isinstance(one[2], CodecError)
            assert (str(one[2]), one[2].data) == (str(other[2]), other[2].data)
        else:
            assert one[2] == other[2] and type(one[2]) is type(other[2])
        if isinstance(one[2], Samples):
            assert type(one[2].start) is int
            assert one[2].block.dtype == np.int16 and not one[2].block.flags.writeable
