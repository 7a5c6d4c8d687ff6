"""The line under AddressSanitizer and UBSan: whole sessions, and a fuzzer.

The kernels and the sessions of the other tests run with them too: the machine called sanitised.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from firmware_sim import host
from firmware_sim.headers import sizes_of
from firmware_sim.machine import CoreSession
from odl.core.events import AddClass, Gap, Label, Split, Teach, Undo
from odl.core.session import Session
from odl.wire import (
    IMAGE as IMAGE_AREA,
)
from odl.wire import (
    STATE,
    Compact,
    Hello,
    Install,
    Read,
    Ready,
    Upload,
    cobs_encode,
    encode,
    frame,
)
from tests.helpers.core_link import CoreLine, configure, understood
from tests.helpers.images import random_image
from tests.helpers.sanitised import FLAGS, SanitisedMachine, Stopped, build
from tests.helpers.streams import Script, act, config, inputs

IMAGE = random_image(3, tree=True)
CONFIG = config("tactile-dualrv", allowed=30, horizon=120, batch=3)
ROUNDS = max(1, settings.default.max_examples // 20)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CoreLine:
    return CoreLine(IMAGE, tmp_path_factory.mktemp("line"), FLAGS)


def spoilt(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the core with ``old`` in ``file`` replaced by ``new``."""
    core = folder / "core"
    core.mkdir()
    for path in host.CORE.iterdir():
        (core / path.name).write_bytes(path.read_bytes())
    text = (core / file).read_text()
    assert text.count(old) == 1
    (core / file).write_text(text.replace(old, new))
    return core


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("extract.c", "int16_t x[ODL_WIDEST];", "int16_t x[7];", "stack-buffer-overflow"),
        ("distance.c", "k < n; k++", "k <= n; k++", "use-after-poison"),
        ("dense.c", "(int64_t)row[k] * features[k]", "row[k] * features[k]", "signed integer overflow"),
    ],
)
def test_the_sanitisers_notice(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    """Silence elsewhere means something: a read too far, a product too wide, end the process."""
    core = spoilt(tmp_path, file, old, new)
    machine = SanitisedMachine(build(tuple(sizes_of(IMAGE).items()), core))
    with pytest.raises(Stopped, match=said):
        x, row = machine.room(24), machine.room(100)
        x.bytes[:], row.view("<i4", 25)[:] = 255, 2**30
        machine.call("odl_distance", x.address, x.address, 24)
        machine.call("odl_dense", row.address, x.address, 24)
        session = CoreSession(machine, IMAGE, CONFIG)
        session.samples(np.ones((40, 3), np.int16))


def session_bytes(seed: int) -> list[bytes]:
    """The frames of a whole session, each as a host would send it."""
    chance = random.Random(seed)
    new = list[int]()
    acts = [("samples", 90), *(act(chance, new) for _ in range(60))]
    session = Session(IMAGE, CONFIG)
    events = [event for event, _ in inputs(Script(seed, acts), session)]
    messages = [Hello(), configure(CONFIG), *events, Read(STATE, 0, 1000), Read(IMAGE_AREA, 0, 999)]
    return [frame(encode(message), n) for n, message in enumerate(messages)]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whole_sessions(line: CoreLine, seed: int) -> None:
    frames = session_bytes(seed)
    assert len(understood(line.say(b"".join(frames)))) >= len(frames)


def mangled(chance: random.Random, frames: list[bytes]) -> bytes:
    """A session over a bad line, beside messages that nobody would send."""
    out = bytearray()
    for whole in frames:
        kind = chance.randrange(12)
        data = bytearray(whole)
        if kind == 0:
            data[chance.randrange(len(data))] = chance.randrange(256)
        elif kind == 1:
            del data[chance.randrange(len(data)) :]
        elif kind == 2:
            data += chance.randbytes(chance.randrange(1200))
        elif kind == 3:
            data += bytes(data)
        elif kind == 4:  # a good frame of any bytes of a known type
            data += frame(bytes([chance.randrange(40)]) + chance.randbytes(chance.randrange(60)))
        elif kind == 5:
            data += b"\0" + cobs_encode(bytes(chance.choices([0, 1, 255], k=chance.randrange(900)))) + b"\0"
        elif kind == 6:
            now = 2**64 - 1
            u8, u64 = chance.randrange(255), chance.getrandbits(64)
            odd = chance.choice(
                [Label(now, u64, u8), Teach(now, u8), Undo(now), Gap(0, u64 >> 2, ""),
                 Split(now, u8, chance.randrange(256)),
                 AddClass(now, u8, "x" * chance.randint(1, 32), chance.randrange(256)),
                 Read(chance.randrange(3), chance.getrandbits(12), 400), configure(CONFIG, keep=True),
                 Upload(chance.getrandbits(17), chance.randbytes(chance.randrange(700))), Compact(),
                 Install(chance.getrandbits(17), u64 & 0xFFFFFFFF),
                 configure(CONFIG, True, u64 >> chance.randrange(64), chance.getrandbits(31))]
            )  # fmt: skip
            data += frame(encode(odd), chance.randrange(65536))
        out += data
    return bytes(out)


@pytest.mark.parametrize("seed", range(4 * ROUNDS))
def test_a_bad_line_harms_nothing(line: CoreLine, seed: int) -> None:
    chance = random.Random(seed)
    bytes_in = mangled(chance, session_bytes(seed % 5)) + b"\0"
    heard = understood(line.say(bytes_in + frame(encode(Hello())) + frame(encode(configure(CONFIG)), 9)))
    assert heard[-1] == Ready(0, 768, 9)  # and it still listens


@pytest.mark.parametrize("seed", range(2 * ROUNDS))
def test_noise_alone_harms_nothing(line: CoreLine, seed: int) -> None:
    chance = random.Random(1000 + seed)
    noise = (
        bytes(chance.choices(range(256), [40, *[1] * 255], k=30_000))
        if seed % 2
        else chance.randbytes(60_000)
    )
    assert understood(line.say(noise + b"\0" + frame(encode(Hello()))))  # and it still listens
