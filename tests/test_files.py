"""Whatever holds samples, answers or what was learned of them can be read by its owner only."""

from __future__ import annotations

import ast
import errno
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import odl
from odl._files import in_private, keep_private, remove, write_private
from odl.cli.main import main
from odl.core.events import Undo
from odl.recording import Writer, read
from odl.wire import Start
from tests.helpers.full_disk import full_disk

OLD = Path(__file__).parent / "golden/v0_1_0/shoulder.odlm"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")


@pytest.fixture(autouse=True)
def open_to_all() -> Iterator[None]:
    """The most careless setting that a person can have."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Of all files below."""
    return {p.name: stat.S_IMODE(p.stat().st_mode) for p in sorted(folder.rglob("*")) if p.is_file()}


def run(words: str, folder: Path) -> None:
    """A command, the folder where ``{}`` stands; it has to go well."""
    assert main([word.replace("{}", str(folder)) for word in words.split()]) == 0


@pytest.mark.parametrize("anew", [False, True])
def test_every_file_of_every_command_is_its_owner_s(tmp_path: Path, anew: bool) -> None:
    commands = [
        "replay shoulder --subjects 7 --budget 3 --policy periodic --out {} --json {}/figures.json",
        "report {}/shoulder-7.odl --out {}/page.html",
        "info {}/shoulder-7.odl --json {}/info.json",
        "label {}/shoulder-7.odl --set 4472=rowing --json {}/label.json",
        "evaluate {}/shoulder-7.odl --json {}/evaluated.json",
        "convert {}/shoulder-7.odl {}/walk.csv --events {}/events.csv --force",
        "convert {}/walk.csv {}/again.odl --force",
        "convert {}/shoulder-7.odl {}/clean.odl --redact --force",
        f"convert {OLD} {{}}/new.odlm --force",
    ]
    files = {
        "shoulder-7.odl", "figures.json", "report.html", "page.html", "info.json", "label.json",
        "shoulder-7.edits.jsonl", "shoulder-7-relabelled.odl", "shoulder-7-relabelled.odlm",
        "evaluated.json", "walk.csv", "walk.csv.json", "events.csv", "again.odl", "clean.odl",
        "new.odlm",
    }  # fmt: skip
    for command in commands:
        run(command, tmp_path)
    if anew:
        for path in tmp_path.iterdir():
            path.chmod(0o666)
        for command in commands:
            run(command, tmp_path)
    assert modes(tmp_path) == dict.fromkeys(files, 0o600)


def test_an_open_file_is_replaced_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.odlm"
    write_private(path, b"one")
    path.chmod(0o666)
    write_private(path, "zwölf")
    assert path.read_text(encoding="utf-8") == "zwölf"
    assert modes(tmp_path) == {"b.odlm": 0o600}


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.json").write_text("old")
    (tmp_path / "a.json").symlink_to(tmp_path / "far" / "a.json")
    write_private(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "far" / "a.json").read_text() == "new"
    assert modes(tmp_path / "far") == {"a.json": 0o600}


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device that never ends")
@pytest.mark.parametrize(
    "words",
    ["show", "study", "info", "label", "report", "verify", "check", "init", "replay", "profile show", "push"],
)
@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_devices_and_pipes_are_no_files(
    tmp_path: Path, words: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`odl info /dev/zero` read for ever, and of a pipe it waited for the first byte."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert main([*words.split(), name]) == 2
    assert f"{name}: " in (said := capsys.readouterr().err) and "neither a file nor a folder" in said


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device that never ends")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check walk", "more than 67108864 bytes"),
        ("label walk/walk.odl", "walk.edits.jsonl: this is neither a file nor a folder"),
    ],
)
def test_what_never_ends_beside_a_recording_is_not_read_to_the_end(
    tmp_path: Path, words: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odl.replay("shoulder", subjects=["7"], budget=1, out="walk")
    Path("walk/shoulder-7.odl").rename("walk/walk.odl")
    Path("walk/walk.edits.jsonl").symlink_to("/dev/zero")
    Path("walk/card.json").touch()
    os.truncate("walk/card.json", 2**26 + 1)
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err


def test_a_pipe_is_written_to_and_left_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o666)
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_private(tmp_path / "pipe", "through")
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    assert stat.S_IMODE((tmp_path / "pipe").stat().st_mode) == 0o666


def test_what_fails_leaves_the_old_file_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with full_disk(100), pytest.raises(OSError, match="File too large") as caught:
        write_private(path, bytes(200))
    assert caught.value.filename == str(path)
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write_private("/dev/full", b"x")
    with pytest.raises(KeyError), in_private(path, force=True) as file:
        file.write_text("new")
        raise KeyError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("target", ["walk.csv", "walk.parquet", "clean.odl"])
def test_a_conversion_that_finds_the_disk_full_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    run("replay shoulder --subjects 7 --budget 3 --out {}", tmp_path)
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    words = ["convert", str(tmp_path / "shoulder-7.odl"), str(tmp_path / target)]
    with full_disk(100_000):
        assert main([*words, *(["--redact"] if target == "clean.odl" else [])]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("... ")]
    assert errors == [f"odl: {tmp_path / target}: File too large"]  # progress on a slow machine aside
    assert sorted(tmp_path.iterdir()) == before


WRITES = """
import sys
from pathlib import Path
from odl._files import in_private
with in_private(Path(sys.argv[1]), force=True) as file:
    file.write_text("samples of somebody" * 1000)
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has files without a name")
def test_a_killed_process_leaves_no_temporary_file(tmp_path: Path) -> None:
    """35 MB of somebody's samples stayed in a hidden file."""
    (tmp_path / "walk.csv").write_text("old")
    here = Path(__file__).resolve().parents[1]
    words = [sys.executable, "-c", WRITES, str(tmp_path / "walk.csv")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=here) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        process.kill()
    assert modes(tmp_path).keys() == {"walk.csv"} and (tmp_path / "walk.csv").read_text() == "old"


def test_what_an_earlier_process_left_is_removed_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files need a name, so on other systems and some file systems."""
    monkeypatch.delattr("os.O_TMPFILE", raising=False)
    now = time.time()
    for name, hours in ((".odl-old.part", 25), (".odl-new.part", 1), ("mine.part", 25)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - 3600 * hours,) * 2)
    with in_private(tmp_path / "a.csv") as file:
        assert file.parent == tmp_path
        file.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".odl-new.part", "a.csv", "mine.part"]
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the file exists"), in_private(tmp_path / "a.csv") as file:
        file.write_text("ours")
        (tmp_path / "a.csv").write_text("theirs")
    assert (tmp_path / "a.csv").read_text() == "theirs" and modes(tmp_path).keys() == {"a.csv"}


def test_nothing_replaces_or_removes_a_file_that_is_written(tmp_path: Path) -> None:
    """``odl convert --force`` renamed another file over the recording of a running session."""
    path = tmp_path / "walk.odl"
    writer = Writer(path, Start({}, b""))
    writer.flush()
    before = path.read_bytes()
    in_use = f"another writer has this file open; close it first: '{path}'"
    with pytest.raises(OSError, match=re.escape(in_use)):
        write_private(path, "new")
    with pytest.raises(OSError, match=re.escape(in_use)), in_private(path, force=True):
        raise AssertionError("an error after the work is too late")
    remove(path, path.stat())
    assert path.read_bytes() == before and modes(tmp_path).keys() == {"walk.odl"}
    writer.close()
    other = path.stat()
    write_private(path, "new")
    remove(path, other)  # another file by now
    assert path.read_text() == "new"
    remove(path, path.stat())
    assert not path.exists()


def test_a_file_that_is_opened_while_it_is_made_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="another writer"), in_private(tmp_path / "a.odl", force=True) as file:
        file.write_text("ours")
        writer = Writer(tmp_path / "a.odl", Start({}, b""))
    writer.close()
    assert read(tmp_path / "a.odl").complete


@pytest.mark.parametrize("redact", [["--redact"], []])
def test_convert_does_not_replace_what_a_session_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], redact: list[str]
) -> None:
    run("replay shoulder --subjects 7 --budget 3 --out {}", tmp_path)
    if not redact:
        run("convert {}/shoulder-7.odl {}/source.csv", tmp_path)
    source = tmp_path / ("shoulder-7.odl" if redact else "source.csv")
    writer = Writer(tmp_path / "live.odl", Start({}, b""))
    writer.write(Undo(1))
    assert main(["convert", str(source), str(tmp_path / "live.odl"), "--force", *redact]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("... ")]
    assert errors == [f"odl: {tmp_path / 'live.odl'}: another writer has this file open; close it first"]
    writer.write(Undo(2))
    writer.close()
    assert read(tmp_path / "live.odl").events == [Undo(1), Undo(2)]


def test_another_s_file_is_not_made_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("odl._files.os.fchmod", refused)
    path = tmp_path / "a.odl"
    with (
        path.open("wb") as file,
        pytest.raises(PermissionError, match="and it is not yours"),
    ):
        keep_private(file.fileno(), path)
    path.chmod(0o600)
    with path.open("wb") as file:
        keep_private(file.fileno(), path)  # there is nothing to do


# Who writes files in other ways, and why they need not be their owner's only.
OTHER_WRITERS = {
    "_files.py": "writes for all others",
    "recording/files.py": "private by itself",
    "labels/edits.py": "private by itself",
    "data/conversion/convert.py": "into a file that is private",
    "data/conversion/table_writer.py": "into a file that is private",
    "data/archive.py": "unpacks into a folder that is private, and goes",
    "live/plan.py": "in a folder that is private, and goes",
    "data/inference/proposal.py": "a card tells no more than the tables beside it, and is as open as these",
    "cli/convert.py": "into a file that is private",
    "cli/firmware.py": "firmware where the user wants it; a model in a private folder that goes",
    "cli/main.py": "where output goes that nobody takes",
    "core/kernels/kernel_cache.py": "a lock, which is empty",
    "model/profile_file.py": "a lock, which is empty",
    "cli/profile.py": "into a file that is private",
    "data/readers/apart.py": "a pipe to the process that asked",
}


def writes(source: str) -> bool:
    """Whether some call opens a file to be written."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        modes = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        writing = any(re.fullmatch("[rbt]*[wax+][wabt+]*", mode) for mode in modes)
        if name == "os.open" or (name.endswith(("open", "fdopen")) and writing):
            return True
        if name.endswith((".write_text", ".write_bytes", ".touch")):
            return True
    return False


def test_nobody_else_writes_files() -> None:
    """What is written in any other way is readable to whom the umask allows it."""
    folder = Path(__file__).resolve().parent.parent / "odl"
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if writes(path.read_text(encoding="utf-8"))
    }
    assert found == set(OTHER_WRITERS)
