"""Commands on a disk that is full, and killed within a write, at many a byte: what was there before is whole.

`odl live` has tests of its own (tests/live/test_disk.py, tests/recording/test_files.py), and so has a board's
flash (tests/firmware/test_flash.py). ``python benchmarks/kill.py --mixed 1000`` kills live sessions while
another process replaces, renames and deletes their recordings.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

import odl
from odl.cli.main import main
from odl.recording import Writer
from tests.helpers.full_disk import full_disk

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")

STUDY = 'datasets = ["shoulder"]\npeople = ["7"]\npolicies = ["random"]\nbudgets = [2]\nseeds = [0]\n'
COMMANDS = {
    "replay": ("replay", "walk.odl", "--out", "out"),
    "report": ("report", "walk.odl", "--out", "out.html"),
    "convert to Parquet": ("convert", "walk.odl", "out.parquet"),
    "convert to CSV": ("convert", "walk.odl", "out.csv"),
    "redact": ("convert", "walk.odl", "out.odl", "--redact"),
    "figures": ("replay", "walk.odl", "--json", "out.json"),
    "label": ("label", "walk.odl", "--learn", "--out", "out.odl"),
    "mark": ("label", "walk.odl", "--range", "1:5=pendulum", "--out", "out.odl"),
    "study": ("study", "study.toml", "--out", "out"),
}
SIZES = (0, 1, 700, 4095, 20_000)  # bytes for which there is room


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short session's recording."""
    folder = tmp_path_factory.mktemp("recorded")
    odl.replay("shoulder", subjects=["7"], budget=3, out=folder)
    return next(folder.glob("*.odl")).read_bytes()


@pytest.fixture
def here(tmp_path: Path, recorded: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recording and a study, in which commands are run."""
    (tmp_path / "walk.odl").write_bytes(recorded)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unfinished(folder: Path) -> list[str]:
    """Files that a command should have taken away with it."""
    return [str(path) for path in folder.rglob(".*") if path.is_file()] + [*map(str, folder.rglob("*.part"))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(
    here: Path, recorded: bytes, name: str, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk(size):
        status = main(COMMANDS[name])
    said = capsys.readouterr().err
    assert status in (0, 2) and "Traceback" not in said
    assert status == 0 or "File too large" in said or "full" in said
    assert (here / "walk.odl").read_bytes() == recorded and unfinished(here) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_within_a_write(here: Path, recorded: bytes, name: str, size: int) -> None:
    process = os.fork()
    if process == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the system writes a part, and kills
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            os._exit(main(COMMANDS[name]))
        finally:
            os._exit(99)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) in (0, 2)
    assert (here / "walk.odl").read_bytes() == recorded
    assert main([*COMMANDS[name], *(["--force"] if name.startswith("convert") else [])]) == 0
    assert unfinished(here) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_cannot_be_written(
    here: Path, recorded: bytes, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = here / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):  # root may write anywhere, but not here
        closed = Path("/sys")
    words = [str(closed / word) if word.startswith("out") else word for word in COMMANDS[name]]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert f"{closed}/out" in said and ".part" not in said and "Traceback" not in said
    assert (here / "walk.odl").read_bytes() == recorded and unfinished(here) == []


def test_no_command_replaces_what_another_process_writes(
    here: Path, recorded: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with Writer.append(here / "walk.odl") as writer:
        (here / "other.odl").write_bytes(recorded)
        assert main(["convert", "other.odl", "walk.odl", "--redact", "--force"]) == 2
        assert "another writer has this file open" in capsys.readouterr().err
        writer.leave()
    assert (here / "walk.odl").read_bytes() == recorded


def test_a_full_disk_leaves_cards_and_pictures_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "walk.csv").write_text("ax,ay,az\n" + "0,0.1,9.8\n" * 100)
    (here / "walk.odl").unlink()
    card, picture = here / "card.json", here / "tree.svg"
    words = (["init", ".", "--rate-hz", "50", "--force"], ["show", "shoulder", "--picture", "tree.svg"])
    for size in (10, 0):
        for command, file in zip(words, (card, picture), strict=True):
            if file.exists():
                file.write_text("mine\n")
            with full_disk(size):
                assert main(command) == 2
            assert f"{file.name}: File too large" in capsys.readouterr().err
            assert not file.exists() or file.read_text() == "mine\n"
            file.touch()
    here.chmod(0o750)
    card.unlink()
    assert main(words[0]) == 0 and card.stat().st_mode & 0o777 == 0o640
