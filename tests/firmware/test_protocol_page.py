"""A host that was written from the pages alone drives a board, and gets what the session gives."""

from __future__ import annotations

import itertools
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import odl
from odl.core.config import BOUNDS, Config
from odl.core.events import Label, Samples, Teach, Undo
from odl.core.kernels.rules import Rule
from odl.core.kernels.scale_input import scale_input
from odl.core.session import Session
from odl.core.state import log_dtype, state_dtype_of
from odl.wire import Refusal, encode
from tests.helpers import page_client as page
from tests.helpers.core_link import CoreLine
from tests.helpers.images import random_image

IMAGE = random_image(3, tree=True)
DATA = IMAGE.to_bytes()
NOW = 2**64 - 1
SIZES = {
    "F": IMAGE.features, "L": len(IMAGE.layers), "N": IMAGE.positions, "O": IMAGE.layers[-1].weights.shape[0],
    "T": sum(layer.weights.shape[1] * layer.weights.shape[2] for layer in IMAGE.layers),
    "H": IMAGE.max_heads, "R": IMAGE.max_rows, "P": IMAGE.max_pending,
    "I": IMAGE.max_log + len(IMAGE.owners) + IMAGE.max_rows * (len(IMAGE.owners) // len(IMAGE.row_class)),
}  # fmt: skip
# A count of 1/4096 g is an eighth of a 128th of the model's step of 1/32 g.
SCALING = [(2**14, 21, 0)] * 3
SETTINGS: dict[str, Any] = {
    "rule": page.rules()["periodic"], "in_samples": 0, "hold": 0, "keep": 0, "batch": 1, "step": 4,
    "change": 1200, "floor": 60, "allowed": 20,
    "period": 0, "horizon": 60, "every": 0, "session": 77, "issued": 0, "patience": 500, "seed": 9,
    "position": 0, "scaling": SCALING,
}  # fmt: skip


class Host:
    """Sends messages by the page to the core behind a line, and reads what comes back."""

    def __init__(self, line: CoreLine) -> None:
        self.line = line

    def talk(self, *sent: tuple[str, dict[str, Any]]) -> list[tuple[str, page.Fields]]:
        data = b"".join(page.framed(page.encoded(name, **fields), n) for n, (name, fields) in enumerate(sent))
        done = subprocess.run(
            [self.line.program, self.line.image], input=data, capture_output=True, timeout=600
        )
        assert done.returncode == 0
        heard = list(page.unframed(done.stdout))
        assert [seq for seq, _, _ in heard] == list(range(len(heard)))
        return [(name, fields) for _, name, fields in heard]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(CoreLine(IMAGE, tmp_path_factory.mktemp("line")))


HELLO = ("Hello", {"major": 2, "minor": 0})


def configure(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "Configure", {**SETTINGS, **changes}


def test_the_board_describes_itself(host: Host) -> None:
    (kind, info), (second, description) = host.talk(HELLO)
    assert (kind, second) == ("Info", "Description")
    assert (info["channels"], info["window"], info["hop"]) == (3, IMAGE.window, IMAGE.hop)
    assert (info["image_size"], info["image"]) == (len(DATA), zlib.crc32(DATA[8:]))
    assert info["image"] == int.from_bytes(DATA[4:8], "little")
    assert info["state"] == page.layout("field", SIZES)[""][0]
    assert info["log"] == IMAGE.max_log * page.layout("entry", SIZES)[""][0]
    assert set(description["board"]) >= {"name", "sensor", "rate_hz", "channels"}
    assert description["model"]["classes"] == {str(cls): name for cls, name in IMAGE.names.items()}


def test_a_session_by_the_page_is_the_session(host: Host) -> None:
    """Samples, answers and an undo; the outputs and the state block are those of the host's own session."""
    rng = np.random.default_rng(5)
    config = Config(policy="periodic", allowed=20, horizon=60, patience=500, seed=9, hold=False,
                    mult=(2**14,) * 3, shift=(21,) * 3, offset=(0,) * 3)  # fmt: skip
    session, expected = Session(IMAGE, config), list[bytes]()
    sent: list[tuple[str, dict[str, Any]]] = [HELLO, configure()]
    for turn in range(12):
        block = rng.integers(-20000, 20000, (48, 3)).astype(np.int16)
        sent.append(("Samples", {"start": session.position, "block": block.tolist()}))
        expected += [encode(each) for each in session.step(Samples(session.position, block))]
        for question in session.open_questions[: turn % 3]:
            sent.append(("Label", {"at": NOW, "window": question.window, "cls": turn % 5}))
            label = Label(session.position, question.window, turn % 5)
            expected += [encode(each) for each in [label, *session.step(label)]]
    undo, teach = Undo(session.position), Teach(session.position, 2)
    for name, command, fields in (("Undo", undo, {}), ("Teach", teach, {"cls": 2})):
        sent.append((name, {"at": NOW} | fields))
        expected += [encode(each) for each in [command, *session.step(command)]]
    whole = session.snapshot()
    parts = [(at, min(600, len(whole) - at)) for at in range(0, len(whole), 600)]
    sent += [("Read", {"area": 0, "offset": at, "size": size}) for at, size in parts]
    heard = host.talk(*sent)
    ready = [fields for name, fields in heard if name == "Ready"]
    assert [fields["reply"] for fields in ready] == list(range(1, len(sent) - len(parts)))
    outputs = [(n, f) for n, f in heard if n not in ("Ready", "Info", "Description", "Data", "Status")]
    assert outputs == [page.decoded(message) for message in expected]
    assert sum(name == "Learned" for name, _ in outputs) >= 5
    data = [fields for name, fields in heard if name == "Data"]
    assert [d["reply"] for d in data] == list(range(len(sent) - len(parts), len(sent)))
    state = b"".join(d["data"] for d in data)
    assert state == whole
    places = page.layout("field", SIZES)
    offset, code, _ = places["position"]
    assert struct.unpack_from("<" + code, state, offset)[0] == session.position == ready[-1]["position"]
    offset, code, count = places["weights"]
    weights = np.array(struct.unpack_from(f"<{count}{code}", state, offset))
    assert weights.reshape(IMAGE.max_rows, -1).tolist() == session._core.state["weights"][0].tolist()


def test_each_setting_has_the_page_s_range(host: Host) -> None:
    """The smallest and largest value are taken; one beyond, where the field can hold it, is refused."""
    kinds = dict(page.MESSAGES["Configure"][1])
    limits = {"u8": 2**8, "u16": 2**16, "u32": 2**32, "u64": 2**64}
    of_scaling = {"multiplier": (0, 2**32), "shift": (1, 2**8), "offset": (2, 2**15)}
    assert set(page.settings()) == {*kinds, *of_scaling} - {"scaling"}
    sent, wanted = [HELLO], []
    for name, (low, high) in page.settings().items():
        biggest = of_scaling[name][1] if name in of_scaling else limits[kinds[name]]
        largest = IMAGE.max_pending if name == "batch" else high
        for value in (low, largest, low - 1, high + 1):
            if not (-(2**15) if name == "offset" else 0) <= value < biggest:
                continue
            changes: dict[str, Any] = {name: value}
            if name in of_scaling:
                one = list(SCALING[0])
                one[of_scaling[name][0]] = value
                changes = {"scaling": [*SCALING[:2], tuple(one)]}
            if name in ("in_samples", "horizon"):
                changes["period"] = 5
            sent.append(configure(**changes))
            wanted.append(low <= value <= high)
    also: list[tuple[dict[str, Any], bool]] = [
        ({"batch": IMAGE.max_pending + 1}, False), ({"batch": 255, "rule": 0}, True),
        ({"allowed": 0, "rule": 0}, True), ({"horizon": 0}, False), ({"horizon": 0, "period": 9}, True),
        ({"horizon": 0, "rule": 0}, True),
    ]  # fmt: skip
    sent += [configure(**changes) for changes, _ in also]
    wanted += [good for _, good in also]
    replies = [(n, f) for n, f in host.talk(*sent) if n in ("Ready", "Refused")]
    assert [n == "Ready" for n, _ in replies] == wanted
    refused = {f["why"] for n, f in replies if n == "Refused"}
    assert refused == {page.reasons("refusal")["settings"]}


def test_an_image_is_uploaded_and_installed(host: Host) -> None:
    changed = random_image(4, tree=True).to_bytes()
    pieces = [
        ("Upload", {"offset": at, "data": changed[at : at + 400]}) for at in range(0, len(changed), 400)
    ]
    good = ("Install", {"size": len(changed), "image": zlib.crc32(changed[8:])})
    bad = ("Install", {"size": len(changed), "image": zlib.crc32(changed)})
    heard = host.talk(HELLO, *pieces, *pieces[:2], ("Upload", {"offset": 2, "data": b"ab"}), bad, good)[2:]
    names = [name for name, _ in heard]
    assert names == ["Ready"] * (len(pieces) + 2) + ["Refused", "Refused", "Ready"]
    why = page.reasons("refusal")
    assert [f["why"] for n, f in heard if n == "Refused"] == [why["place"], why["image"]]


def test_only_a_command_can_be_due_now(host: Host) -> None:
    block = [[1, 2, 3]] * 4
    heard = host.talk(
        HELLO, configure(), ("Samples", {"start": NOW, "block": block}),
        ("Gap", {"start": NOW, "lost": 1, "why": ""}),
        ("Undo", {"at": NOW}),
    )  # fmt: skip
    order = page.reasons("refusal")["order"]
    assert [f["why"] for n, f in heard if n == "Refused"] == [order, order]
    assert [n for n, _ in heard][-3:] == ["Undo", "Dropped", "Ready"]


def test_the_formula_of_the_scaling_is_the_kernel_s() -> None:
    values = itertools.product(
        (-32768, -5, -1, 0, 1, 3, 32767), (0, 1, 2**14, 2**31 - 1), (0, 1, 21, 60), (-9, 0)
    )
    for raw, multiplier, shift, offset in values:
        exact = int(scale_input(np.int16(raw), np.int32(multiplier), np.int64(shift), np.int16(offset)))
        assert page.scaled(raw, multiplier, shift, offset) == max(-128, min(127, exact))


@pytest.mark.parametrize("heading", ["field", "entry"])
def test_the_state_block_lies_as_the_page_says(heading: str) -> None:
    dtype = state_dtype_of(IMAGE) if heading == "field" else log_dtype(IMAGE.features)
    places = page.layout(heading, SIZES)
    assert dtype.fields is not None and places.pop("")[0] == dtype.itemsize
    for name, (at, code, count) in places.items():
        field, offset = dtype.fields[name][:2]
        base = field.subdtype[0] if field.subdtype else field
        assert (offset, field.itemsize) == (at, count * base.itemsize), name
        assert base == np.dtype("<" + code if code != "B" else "u1"), name
    assert set(places) == set(dtype.names or ())


def test_names_and_numbers_are_those_of_the_code() -> None:
    assert page.rules() == {rule.policy: int(rule) for rule in Rule}
    assert page.reasons("refusal") == {why.name.lower().replace("_", " "): int(why) for why in Refusal}
    ranges = page.settings()
    assert {name: ranges[name] for name in BOUNDS} == BOUNDS


def test_a_recording_by_the_page_is_replayed(tmp_path: Path) -> None:
    """The entries of Start that the page lists are those that a reader needs."""
    said = page.page().partition("Settings are `")[2].partition("[The protocol]")[0]
    names = {word.strip("`,.") for word in ("`" + said).split() if word.startswith("`")}
    config = {"policy": "none", "in_samples": False, "hold": False, "mult": [2**14] * 3, "shift": [21] * 3,
              "offset": [0] * 3}  # fmt: skip
    numbers = {
        name: low for name, (low, _) in page.settings().items() if name in names and name not in config
    }
    assert {*config, *numbers} == names
    session = {"subject": "P3", "rate_hz": 50.0, "odl": "by hand",
               "channels": [[name, "g", 1 / 4096] for name in ("ax", "ay", "az")], "options": {}}  # fmt: skip
    start = {"format": [2, 0], "config": config | numbers | {"allowed": 0}, "session": session}
    assert [row[0] for row in page.table("entry | content")] == list(start)
    counts = np.random.default_rng(3).integers(-9000, 9000, (200, 3)).tolist()
    sent = [page.encoded("Start", config=start, image=DATA), page.encoded("Samples", start=0, block=counts),
            page.encoded("End", position=200)]  # fmt: skip
    path = tmp_path / "by-hand.odl"
    path.write_bytes(b"".join(page.framed(message, n) for n, message in enumerate(sent)))
    result = odl.replay(path)
    assert result.damage == "" and len(result.predictions) == (200 - IMAGE.window) // IMAGE.hop + 1
