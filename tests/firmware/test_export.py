"""Packages for other tools: what is in them, what they compile to, and that they run the same session."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from firmware_sim import export, headers, model_source, toolchain
from firmware_sim.package_kinds import KINDS
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import Gap, Label, Learned, Output, Prediction, Query, Samples, Teach, Undo
from odl.core.fused import Fused
from odl.core.image import Channel, Image
from odl.core.session import Session
from odl.core.state import Entry, log_dtype, state_dtype_of
from odl.wire import Deframer, Hello, decode, encode, frame, open_envelope
from odl.wire.client import BoardClient
from tests.helpers.exported import AGREE, SKIP, DeviceEvent, ExportedDevice, Store, build
from tests.helpers.firmware import need
from tests.helpers.images import random_image
from tests.helpers.streams import samples

TREE = random_image(3, tree=True)
PREDICTION, QUESTION, LEARNED, DROPPED = 1, 2, 3, 4


def config_of(image: Image) -> Config:
    """Settings that ask often."""
    return Config(
        policy="periodic", allowed=9, period=4000, in_samples=True, batch=2, patience=900, seed=5,
        **model_source.scaling_of(image)._asdict(),
    )  # fmt: skip


CONFIG = config_of(TREE)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(TREE, CONFIG, tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def packages(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of each kind, of the shipped model; nothing is compiled for their sizes."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        export.export(image, kind, folder / kind, config_of(image), "shoulder", target=None)
    return folder


# --- what is in a package ----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_holds_the_core_unchanged_and_the_model(kind: str, packages: Path, image: Image) -> None:
    source = packages / kind / "src"
    for path in headers.CORE.glob("*.[ch]"):
        assert (source / "core" / path.name).read_bytes() == path.read_bytes()
    assert (source / "core" / "odl_state.h").read_text() == headers.state_header(headers.sizes_of(image))
    text = (source / "odl_model.c").read_text().partition("odl_model_image[] = {")[2]
    assert bytes(int(number) for number in text.strip(" \n};").split(",")) == image.to_bytes()
    assert (packages / kind / "LICENSE").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fill_in_and_one_file_is_to_edit(kind: str, packages: Path) -> None:
    edit = []
    for path in (packages / kind).rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "@NAME@" not in text and "@SAMPLE@" not in text and "@STORE@" not in text, path
            edit += [path.relative_to(packages / kind).as_posix()] if "EDIT THIS FILE" in text else []
    assert edit == [KINDS[kind].board]
    readme = (packages / kind / "README.md").read_text().splitlines()
    assert ("Never built with" in readme[0]) is not KINDS[kind].built
    assert any(edit[0] in line for line in readme)


def test_each_kind_is_laid_out_as_its_registry_wants(packages: Path) -> None:
    lines = (packages / "arduino" / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    wanted = "name version author maintainer sentence paragraph category url architectures includes"
    assert set(properties) == set(wanted.split()) and properties["name"] == "odl_shoulder"
    assert (packages / "arduino/examples/Wear/Wear.ino").is_file()
    library = json.loads((packages / "platformio" / "library.json").read_text())
    assert library["name"] == "odl_shoulder" and library["build"]["srcDir"] == "src"
    assert (packages / "platformio/examples/wear/src/main.cpp").is_file()
    assert (packages / "zephyr/zephyr/module.yml").read_text().startswith("name: odl_shoulder\n")
    component = (packages / "espidf" / "idf_component.yml").read_text()
    assert component.startswith(f'version: "{properties["version"]}"\n')


def test_the_calls_are_the_same_in_every_kind(packages: Path) -> None:
    for kind in KINDS:
        for path in (packages / kind / "src").rglob("*.[ch]"):
            other = packages / "cmake" / path.relative_to(packages / kind)
            if path.name != "odl_model.h":  # names the kind
                assert path.read_bytes() == other.read_bytes()


def test_the_licence_of_a_package_is_the_projects(root: Path) -> None:
    assert (export.PACKAGE / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()


def test_a_channel_that_the_example_cannot_read_stops_its_build() -> None:
    channels = (Channel("ax", "mg", 1.0), Channel("gyr_y", "mdps", 70.0), Channel('emg"*/', "mV", 1.0))
    lines = model_source.sample_lines(random_image(channels=channels))
    assert lines[0].startswith("values[0] = a[0] * 1000.0f;")
    assert lines[1].startswith("values[1] = w[1] * 1000.0f;")
    assert lines[2] == '#error "read channel 2 here: emg??/, in mV"'


def test_names_are_text_in_the_model_and_nothing_else(tmp_path: Path) -> None:
    names = {0: 'quoted "so"', 1: "gehen*/ ??/", 2: "läuft\\"}
    channels = tuple(Channel(name, 'g "*/', 1 / 32) for name in ("a*/x", "ay", "az"))
    changed = random_image(names=names, channels=channels)
    library = build(changed, config_of(changed), tmp_path)  # warnings are errors
    assert ExportedDevice(library).question() == -1


# --- what it compiles to -----------------------------------------------------------------


@pytest.mark.parametrize("target", toolchain.TARGETS)
@pytest.mark.parametrize("name", ["zig", "gcc"])
def test_it_compiles_for_every_processor(
    target: str, name: str, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need({"zig": "ziglang", "gcc": toolchain.TARGETS[target].gcc_program}[name])
    chosen = toolchain.compiler(name, target)
    monkeypatch.setattr(toolchain, "compiler", lambda *_: chosen)
    sizes = export.code_size(packages / "cmake" / "src", target)
    assert sizes["code and constants"] > 27514 and sizes["static RAM"] > 40000


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ("cortex-m0plus", ()),
        ("cortex-m4", ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")),
        ("cortex-m33", ()),
        ("rv32", ()),
    ],
)
def test_cmake_builds_its_package_for_boards(
    target: str, flags: tuple[str, ...], packages: Path, tmp_path: Path
) -> None:
    chosen = toolchain.TARGETS[target]
    need(chosen.gcc_program)
    bare = export.HERE / "boards" / "bare"  # in place of the libc that a board's own tools have
    words = " ".join([*chosen.gcc, *flags, "-Wall", "-Wextra", "-Werror", f"-I{bare}"])
    settings = {
        "CMAKE_SYSTEM_NAME": "Generic", "CMAKE_C_COMPILER": chosen.gcc_program, "CMAKE_C_FLAGS": words,
        "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY", "CMAKE_BUILD_TYPE": "MinSizeRel",
    }  # fmt: skip
    given = [f"-D{name}={value}" for name, value in settings.items()]
    subprocess.run(
        ["cmake", "-S", packages / "cmake", "-B", tmp_path / "build", *given], check=True, capture_output=True
    )
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    assert (tmp_path / "build" / "libodl_shoulder.a").stat().st_size > 60_000
    said = (tmp_path / "build" / "CMakeFiles" / "odl_shoulder.dir" / "flags.make").read_text()
    assert ("-msave-restore" in said) is (target == "rv32")


def test_cmake_builds_its_package_and_the_program_runs(image: Image, packages: Path, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed: apt install cmake make")
    made = tmp_path / "build"
    subprocess.run(["cmake", "-S", packages / "cmake", "-B", made], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", made], check=True, capture_output=True)
    raw = samples_for(image, 700)
    lines = "".join("# " + " ".join(map(str, row)) + "\n" for row in raw.tolist()) + "teach 1\n"
    done = subprocess.run(
        [made / "wear"], input=lines, capture_output=True, text=True, cwd=tmp_path, check=True
    )
    session = Session(image, config_of(image))
    wanted = [x for x in session.step(Samples(0, raw)) if isinstance(x, Prediction)]
    found = [line.split(maxsplit=4) for line in done.stdout.splitlines() if line.startswith("prediction")]
    assert [(int(f[1]), int(f[2]), f[4]) for f in found] == [
        (p.window, p.path[-1], image.names[p.path[-1]]) for p in wanted
    ]
    assert len(wanted) == 9
    assert [type(x) for x in session.step(Teach(len(raw), 1))] == [Learned]
    assert any(line.startswith("learned") for line in done.stdout.splitlines())


def samples_for(image: Image, n: int) -> np.ndarray:  # type: ignore[type-arg]
    """Counts whose character changes."""
    rng = np.random.default_rng(4)
    level = np.repeat(rng.normal(0, 5000, (n // 100 + 1, len(image.channels))), 100, axis=0)[:n]
    return (level + rng.normal(0, 2000, level.shape)).clip(-32768, 32767).astype(np.int16)


# --- the same session --------------------------------------------------------------------


def shortened(outputs: list[Output]) -> list[tuple[int, ...]]:
    """What a device's events say of ``outputs``."""
    found: list[tuple[int, ...]] = []
    for x in outputs:
        if isinstance(x, Prediction):
            found.append((PREDICTION, x.window, x.path[-1] if x.held is None else x.held))
        elif isinstance(x, Query):
            found.append((QUESTION, x.window, x.expires))
        elif isinstance(x, Learned):
            found.append((LEARNED, x.window, x.cls))
        else:
            window = -1 if x.window == 2**64 - 1 else x.window  # about none
            found.append((DROPPED, window, int(x.why)))
    return found


def of_device(events: list[DeviceEvent]) -> list[tuple[int, ...]]:
    """The same of a device's own events."""
    last = {PREDICTION: "cls", QUESTION: "expires", LEARNED: "cls", DROPPED: "why"}
    return [(e.kind, e.window, getattr(e, last[e.kind])) for e in events]


def test_a_board_alone_is_the_python_session(library: Path) -> None:
    """Answers, a gap and an undo, without a host."""
    device, session = ExportedDevice(library), Session(TREE, CONFIG)
    raw, at = samples(8, 3000), 0
    wanted: list[Output] = []
    found: list[DeviceEvent] = []
    for turn, cut in enumerate(range(0, 3000, 150)):
        block = raw[cut : cut + 150]
        wanted += session.step(Samples(at, block))
        found += device.push(block)
        at += len(block)
        window = device.question()
        if window >= 0 and turn % 4 != 3:
            wanted += session.step(Label(at, window, turn % 5))
            assert device.answer(turn % 5)
        if turn == 9:
            wanted += session.step(Gap(at, 33, "a test"))
            device.lose(33)
            at += 33
        if turn == 12:
            wanted += session.step(Undo(at))
            device.undo()
        found += device.events()
    assert of_device(found) == shortened(wanted)
    assert len([x for x in wanted if isinstance(x, Learned)]) >= 4


def test_what_is_taught_unasked_is_learned_as_in_python(library: Path) -> None:
    """Before there is a window, of a class that is none, twice, while asked, and taken back."""
    device, session = ExportedDevice(library), Session(TREE, CONFIG)
    raw, at = samples(8, 2400), 0
    wanted: list[Output] = []
    found: list[DeviceEvent] = []
    assert not device.teach(SKIP) and not device.teach(300)
    for turn, cut in enumerate(range(0, 2400, 60)):
        cls = 99 if turn == 5 else turn % 3
        wanted += session.step(Teach(at, cls))
        assert device.teach(cls)
        if turn == 20:
            wanted += session.step(Undo(at))
            device.undo()
        block = raw[cut : cut + 60]
        wanted += session.step(Samples(at, block))
        found += [*device.events(), *device.push(block)]
        at += len(block)
    assert of_device(found) == shortened(wanted)
    kinds = [e.kind for e in found]
    assert kinds.count(LEARNED) >= 4 and kinds.count(DROPPED) >= 2 and session.counts["undone"] == 1


def test_a_host_hears_what_was_taught_on_the_board(library: Path) -> None:
    device = ExportedDevice(library)
    client = BoardClient(device.receive, device.reply)
    client.hello()
    client.configure(replace(CONFIG, policy="none", allowed=0))
    device.push(samples(8, 200))
    device.reply()
    assert device.teach(1)
    said = [decode(open_envelope(data)[2]) for data in Deframer().feed(device.reply())]
    assert Teach(200, 1) in said and [x.cls for x in said if isinstance(x, Learned)] == [1]


def test_agreeing_answers_with_the_prediction(library: Path) -> None:
    device = ExportedDevice(library)
    assert not device.answer(AGREE)
    events: list[DeviceEvent] = []
    raw, asked = samples(8, 1500), list[int]()
    while len(asked) < 2:  # a batch: nothing is learned before both are answered
        events += device.push(raw[:100])
        raw = raw[100:]
        if device.question() >= 0:
            asked.append(device.question())
            assert not device.answer(AGREE + 1) and not device.answer(2**32 - 1)  # of which a byte is a class
            assert device.answer(AGREE)
    predicted = {e.window: e.cls for e in events if e.kind == PREDICTION}
    learned = [e for e in device.events() if e.kind == LEARNED]
    assert [(e.window, e.cls) for e in learned] == [(w, predicted[w]) for w in asked]


def test_a_host_on_the_line_sees_the_session_that_it_configured(library: Path) -> None:
    device, session = ExportedDevice(library, fed_by_host=True), Session(TREE, CONFIG)
    client = BoardClient(device.receive, device.reply)
    info = client.hello()
    assert info.image == TREE.checksum and info.version.endswith("cmake") and info.image_room == 0
    client.configure(CONFIG)
    raw = samples(2, 1600)
    for start in range(0, 1600, 100):
        event = Samples(start, raw[start : start + 100])
        assert client.step(event) == list(session.step(event))
    window = next(e.window for e in device.events() if e.kind == QUESTION)
    late = session.step(Label(1600, window, 1))
    assert client.step(Label(1600, window, 1)) == list(late)
    assert client.snapshot() == session.snapshot()


# Every call before the start, and some behind it.
UNSTARTED = """
#include <stdio.h>
#include "odl.h"

static uint32_t micros(void) { return 7; }
static int no_store(uint32_t offset, void *bytes, size_t n) { (void)offset; (void)bytes; (void)n; return -1; }

static int nothing_happens(void)
{
    int16_t counts[ODL_MODEL_CHANNELS] = {0};
    uint8_t byte = 0;
    odl_device_event event;

    for (int i = 0; i < 3 * ODL_MODEL_WINDOW; i++)
        odl_device_push(counts);
    odl_device_lost(5);
    odl_device_undo();
    odl_device_held();
    odl_device_receive(&byte, 1);
    odl_device_tick();
    return !odl_device_poll(&event) && odl_device_question() == -1 && !odl_device_answer(0) &&
           !odl_device_teach(0) && odl_device_save() == -1 && odl_device_load() == -1;
}

int main(void)
{
    odl_device_setup setup = {"test", micros, NULL, no_store, NULL, 0};
    int16_t counts[ODL_MODEL_CHANNELS] = {0};

    if (!nothing_happens() || odl_device_init(&setup) != 0)
        return 1;
    odl_device_push(counts);
    return odl_device_teach(0) ? 0 : 2;
}
"""


@pytest.mark.skipif(os.name != "posix", reason="no sanitizers there")
@pytest.mark.parametrize("line", [True, False])
def test_calls_before_the_start_do_nothing(line: bool, tmp_path: Path) -> None:
    (tmp_path / "unstarted.c").write_text(UNSTARTED)
    program = build(TREE, CONFIG, tmp_path, line, tmp_path / "unstarted.c")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


def test_a_start_without_a_clock_is_refused(library: Path) -> None:
    device = ExportedDevice(library)
    setup = type(device._setup)()
    for given in (None, ctypes.byref(setup)):
        assert device._code.odl_device_init(given) == -1
        assert not device.push(samples(8, 3 * TREE.window)) and not device.teach(1) and device.reply() == b""
    code = device._code
    assert code.odl_wear_start(None) == code.odl_wear_start(ctypes.byref((ctypes.c_uint64 * 32)())) == -1
    code.odl_wear_step()
    assert device.save() == device.load() == -1


@pytest.mark.skipif(sys.platform != "linux", reason="the image is made writable as Linux has it")
def test_after_a_start_that_failed_calls_do_nothing(library: Path) -> None:
    device = ExportedDevice(library)
    image = (ctypes.c_uint8 * 8).in_dll(device._code, "odl_model_image")
    assert device.push(samples(8, 3 * TREE.window))
    page = ctypes.addressof(image) & -mmap.PAGESIZE
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), ctypes.c_size_t(2 * mmap.PAGESIZE), 3)
    image[0] ^= 1
    assert device._code.odl_device_init(ctypes.byref(device._setup)) != 0
    assert not device.push(samples(8, 3 * TREE.window)) and device.save() == device.load() == -1
    assert not device.teach(1) and not device.answer(1) and device.reply() == b""


# --- what outlives a power cut -----------------------------------------------------------


def learned_from(device: ExportedDevice, block: np.ndarray, answers: int) -> None:  # type: ignore[type-arg]
    """Push samples, and answer as many questions."""
    for start in range(0, len(block), 100):
        device.push(block[start : start + 100])
        if answers > 0 and device.answer(start // 100 % 5):
            answers -= 1
        device.save()
    assert answers == 0


def heads_from(library: Path, store: Store) -> bytes:
    """The head weights of a board that starts with ``store``, some hops later: a refit is done then."""
    device = ExportedDevice(library, store)
    device.push(samples(1, 200))
    client = BoardClient(device.receive, device.reply)
    client.hello()
    dtype = state_dtype_of(TREE)
    weights: bytes = np.frombuffer(client.snapshot()[: dtype.itemsize], dtype)["weights"].tobytes()
    return weights


def test_what_was_learned_outlives_the_power(library: Path) -> None:
    store, raw = Store(model_source.sizes_of_package(TREE)["store"]), samples(8, 3000)
    fresh = heads_from(library, Store(len(store.bytes)))
    device = ExportedDevice(library, store)
    assert device.save() == 0
    learned_from(device, raw, 6)
    assert device.save() == 0  # all is written
    again = ExportedDevice(library, store)
    assert again.load() == 6
    with_six = heads_from(library, store)
    again.undo()
    assert again.save() == 1 and again.save() == 0
    with_five = heads_from(library, store)
    assert len({fresh, with_six, with_five}) == 3
    other = random_image(4, tree=True)
    assert ExportedDevice(build_other(other, library), store).load() == 0  # another model's labels


def build_other(image: Image, beside: Path) -> Path:
    """A library of another model."""
    folder = beside.parent / "other"
    folder.mkdir()
    return build(image, config_of(image), folder)


def test_a_power_cut_costs_at_most_the_newest_answer(library: Path) -> None:
    """At every byte of an append, of an undo, and of a log that is cleared."""
    size, raw = model_source.sizes_of_package(TREE)["store"], samples(8, 3000)
    before = Store(size)
    learned_from(ExportedDevice(library, before), raw, 4)

    def changed(store: Store, what: str) -> None:
        device = ExportedDevice(library, store)
        if what == "append":
            learned_from(device, raw[:1200], 2)
        elif what == "undo":
            device.undo()
            device.save()
        else:
            client = BoardClient(device.receive, device.reply)
            client.hello()
            client.configure(CONFIG)
            device.save()

    for what, counts in (("append", {4, 5, 6}), ("undo", {3, 4}), ("clear", {0, 4})):
        whole = copied(before)
        changed(whole, what)
        written = whole.written
        assert written > 0
        for cut in range(0, written, max(1, written // 60)):
            store = copied(before)
            store.fails_at = cut
            changed(store, what)
            store.fails_at = -1
            assert valid_labels(library, store) in counts, (what, cut)
            # What a cut left behind is never taken for entries of a later log.
            device = ExportedDevice(library, store)
            n = device.load()
            client = BoardClient(device.receive, device.reply)
            client.hello()
            client.configure(CONFIG)
            device.save()
            assert ExportedDevice(library, store).load() == 0 and n >= 0


def log_in(library: Path, store: Store) -> list[bytes]:
    """The entries that a board has that starts with ``store``."""
    device = ExportedDevice(library, store)
    n = device.load()
    client = BoardClient(device.receive, device.reply)
    client.hello()
    state = client.snapshot()
    size = log_dtype(TREE.features).itemsize
    first = len(state) - TREE.max_log * size
    return [state[first + i * size : first + (i + 1) * size] for i in range(n)]


def test_labels_give_way_in_the_store_as_in_the_session(library: Path) -> None:
    """In a full log a new label takes the place of another one, and the order is kept."""
    store, session = Store(model_source.sizes_of_package(TREE)["store"]), Session(TREE, CONFIG)
    device = ExportedDevice(library, store, fed_by_host=True)
    client = BoardClient(device.receive, device.reply)
    client.hello()
    client.configure(CONFIG)
    raw = samples(4, 800)
    for n in range(80):
        for event in (Samples(8 * n, raw[8 * n : 8 * n + 8]), Teach(8 * n + 8, n % 3)):
            assert client.step(event) == list(session.step(event))
        device.save()
        if n % 9 == 8:
            core = session._core
            assert isinstance(core, Fused)
            log = core.log[: core.state["n_log"][0]]
            assert log_in(library, store) == [entry.tobytes() for entry in log]
    assert session.counts["gave_way"] > 20 and session.counts["full"] == 0

    def one_more(store: Store) -> None:
        device = ExportedDevice(library, store, fed_by_host=True)
        client = BoardClient(device.receive, device.reply)
        client.hello()
        client.configure(replace(CONFIG, policy="none", allowed=0), keep=True)
        client.step(Samples(client.position, raw[-TREE.window :]))
        assert [type(output) for output in client.step(Teach(client.position, 1))] == [Learned]
        device.save()

    whole = copied(store)
    one_more(whole)
    before, after = log_in(library, store), log_in(library, whole)
    assert len(before) == len(after) == TREE.max_log and before != after
    for cut in range(whole.written):
        spoilt = copied(store)
        spoilt.fails_at = cut
        one_more(spoilt)
        spoilt.fails_at = -1
        assert log_in(library, spoilt) in (before, after[:-1])


def copied(store: Store) -> Store:
    """A store with the same bytes."""
    other = Store(len(store.bytes))
    other.bytes[:] = store.bytes
    return other


def valid_labels(library: Path, store: Store) -> int:
    """Labels that count, as a board that starts with ``store`` reports its log."""
    device = ExportedDevice(library, store)
    client = BoardClient(device.receive, device.reply)
    client.hello()
    state = client.snapshot()
    dtype = log_dtype(TREE.features)
    log = np.frombuffer(state[len(state) - TREE.max_log * dtype.itemsize :], dtype)
    return int((log["kind"] == Entry.LABEL).sum())


# --- the command -------------------------------------------------------------------------


def test_the_command_writes_a_package_and_says_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    assert main(["firmware", "export", "--model", "shoulder", "--as", "arduino", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "label log" in printed and "static RAM" in printed
    assert main(["firmware", "export", "--model", "shoulder", "--as", "arduino", "--out", str(out)]) == 2
    assert "name a folder that is not" in capsys.readouterr().err


def test_a_budget_of_a_session_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["firmware", "export", "--model", "shoulder", "--as", "cmake", "--out", str(tmp_path / "x")]
    assert main([*command, "--budget", "20"]) == 2
    assert "12/h" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_smaller_capacities_need_less_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["firmware", "export", "--model", "shoulder", "--as", "cmake", "--out"]
    small = ["--rows", "8", "--labels", "17", "--pending", "2"]
    assert main([*command, str(tmp_path / "small"), *small]) == 0
    printed = dict(re.findall(r"^(\D+?) +([\d,]+) bytes$", capsys.readouterr().out, re.MULTILINE))
    assert int(printed["static RAM"].replace(",", "")) < 26_000
    assert main([*command, str(tmp_path / "none"), "--rows", "3"]) == 2
    assert "5 rows, room for 3" in capsys.readouterr().err


# --- without a line ----------------------------------------------------------------------


def test_without_a_line_the_session_is_the_same_and_no_host_reaches_it(library: Path, tmp_path: Path) -> None:
    alone = ExportedDevice(build(TREE, CONFIG, tmp_path, line=False))
    device, raw = ExportedDevice(library), samples(8, 1500)
    for start in range(0, 1500, 100):
        assert alone.push(raw[start : start + 100]) == device.push(raw[start : start + 100])
        assert alone.answer(1) == device.answer(1)
    alone.receive(frame(encode(Hello()), 1))
    assert alone.reply() == b""
    device.receive(frame(encode(Hello()), 1))
    assert device.reply() != b""


@pytest.mark.parametrize("line", [True, False])
def test_the_readme_speaks_of_a_host_if_there_is_a_link_to_one(line: bool, tmp_path: Path) -> None:
    export.export(TREE, "cmake", tmp_path / "p", CONFIG, target=None, line=line)
    text = (tmp_path / "p" / "README.md").read_text()
    assert ("`odl live --port auto`" in text) is line and ("works alone" in text) is not line


@pytest.mark.parametrize(
    ("target", "flag"),
    [("cortex-m0plus", ()), ("cortex-m4", ()), ("cortex-m33", ()), ("rv32", ("-msave-restore",))],
)
def test_the_session_alone_fits_20_kilobytes_of_code(
    target: str, flag: tuple[str, ...], image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the shoulder model's own rows, as GCC compiles for size, with the CMake package's flag."""
    need(toolchain.TARGETS[target].gcc_program)
    monkeypatch.setitem(toolchain.LEVEL, "gcc", ("-Os", *flag))
    chosen = toolchain.compiler("gcc", target)
    monkeypatch.setattr(toolchain, "compiler", lambda *_: chosen)
    own = replace(image, max_rows=len(image.row_class), max_log=32, max_pending=4)
    export.write_source(tmp_path / "src", own, config_of(own), "cmake", line=False)
    sizes = export.code_size(tmp_path / "src", target)
    assert sizes["code and constants"] - len(own.to_bytes()) <= 20 * 1024
    assert sizes["static RAM"] <= 20 * 1024


@pytest.mark.parametrize("per_unit", [128.0, 0.1, 3e-30, 5e30])
def test_values_become_counts_in_integers(per_unit: float, tmp_path: Path) -> None:
    """To the nearest, halves away from zero, and 16 bits: of floats of any size."""
    channels = tuple(Channel(name, "g", 128 / per_unit) for name in "abc")
    count = ExportedDevice(build(random_image(channels=channels), CONFIG, tmp_path)).count
    rng = np.random.default_rng(1)
    near = (rng.uniform(-40000, 40000, 400) / per_unit).astype(np.float32)
    halves = ((rng.integers(-9, 9, 100) + 0.5) / np.float32(per_unit)).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        any_size = rng.integers(0, 2**32, 400).astype(np.uint32).view(np.float32)
    for value in [*near.tolist(), *halves.tolist(), *any_size.tolist(), 0.0, np.nan, np.inf, -np.inf]:
        assert count(1, value) == counted(value, per_unit), value


def counted(value: float, per_unit: float) -> int:
    """The same with whole fractions."""
    if np.isnan(value):
        return -32768
    if np.isinf(value):
        return 32767 if value > 0 else -32768
    if abs(value) < 2.0**-126:
        return 0
    exact = Fraction(value) * Fraction(float(np.float32(per_unit)))
    size = int(abs(exact) + Fraction(1, 2))
    return min(size, 32767) if exact > 0 else max(-size, -32768)


def test_the_session_alone_fits_25_kilobytes(image: Image, tmp_path: Path) -> None:
    """At the shoulder model's own rows: code for speed without the image; static RAM and stack fit 24."""
    need("ziglang")
    own = replace(image, max_rows=len(image.row_class), max_log=32, max_pending=4)
    export.write_source(tmp_path / "src", own, config_of(own), "cmake", line=False)
    sizes = export.code_size(tmp_path / "src", "cortex-m4")
    assert sizes["code and constants"] - len(own.to_bytes()) <= 25 * 1024
    assert sizes["static RAM"] + 1536 <= 24 * 1024


def test_the_help_names_the_budget_that_a_package_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["firmware", "export", "--help"])
    assert "2% (of the windows); default: 12/h" in " ".join(capsys.readouterr().out.split())
