"""The command odl: what a person types, what a program reads, what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import odl
from odl.cli.main import main
from tests.helpers.progress_lines import without_progress
from tests.helpers.waiting import LIMIT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli")
    arguments = ["replay", "shoulder", "--subjects", "7,8", "--out", str(out), "--json", str(out / "r.json")]
    assert main(arguments) == 0
    return out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["live", "--budget", "--hold"], "odl: --budget: expected one argument; 'odl live --help' lists"),
        (["live", "--seed", "x"], "odl: --seed: invalid int value: 'x'; "),
        (["live", "--\x1b[2Jx"], "odl: unrecognized arguments: --"),
        (["pull", "x", "--y", "z"], "odl: unrecognized arguments: --y z; 'odl pull --help' lists"),
        (["firmware", "build", "--model", "m", "x"], "odl: unrecognized arguments: x; 'odl firmware build"),
        (["--y"], "odl: unrecognized arguments: --y; 'odl --help' lists"),
    ],
)
def test_words_that_do_not_fit_are_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capsys.readouterr().err
    assert said.startswith(sentence) and said.count("\n") == 1 and "\x1b" not in said


@pytest.mark.parametrize("budget", ["-3/h", "-3%", "-3", "-.5%", "0/h"])
@pytest.mark.parametrize("command", ["replay shoulder", "live --emulated --play shoulder"])
def test_a_budget_below_zero_is_told_to_be_one(
    command: str, budget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--budget", budget]) == 2
    assert capsys.readouterr().err.startswith(f"odl: budget '{budget}': ")


def test_json_has_what_programs_read(folder: Path) -> None:
    figures = json.loads((folder / "r.json").read_text())
    assert {"subjects", "mean", "worst", "samples_per_second", "realtime_factor"} <= figures.keys()
    assert [one["subject"] for one in figures["subjects"]] == ["7", "8"]
    for one in figures["subjects"]:
        assert {
            "windows", "scored", "queries", "labels", "accuracy", "macro_f1", "accuracy_last_third",
            "baselines", "trace_sha256",
        } <= one.keys()  # fmt: skip
        assert one["baselines"].keys() == {"no_learning", "persistence", "majority"}
        assert one["queries"] <= 20
    assert figures["realtime_factor"] == pytest.approx(figures["samples_per_second"] / 50)


def test_out_keeps_recordings_and_a_report(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"shoulder-7.odl", "shoulder-8.odl", "report.html", "r.json"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "http" not in page.split("</style>")[1].split("<footer")[0].replace("http://www.w3.org", "")


def test_json_to_standard_output_is_json_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(folder / "shoulder-7.odl"), "--json", "-"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["subjects"][0]["same_trace"] is True


def test_summary_names_people_and_baselines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(folder / "shoulder-7.odl")]) == 0
    said = capsys.readouterr().out
    assert "last answer" in said and "without" in said and "equals the recorded one" in said


def test_report_of_a_recording(folder: Path, tmp_path: Path) -> None:
    assert main(["report", str(folder / "shoulder-8.odl"), "--out", str(tmp_path / "new" / "page.html")]) == 0
    assert (tmp_path / "new" / "page.html").stat().st_size > 10_000


def test_info_and_datasets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder / "shoulder-7.odl")]) == 0
    assert "trace sha256" in capsys.readouterr().out
    assert main(["info", str(ROOT / "datasets/shoulder/shoulder.odlm"), "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["macs_per_window"] <= 300_000 and facts["parameters"] <= 16_000
    assert main(["datasets"]) == 0
    assert "arXiv 1802.01489" in capsys.readouterr().out


def test_a_damaged_recording_gives_its_good_part_and_says_what_was_lost(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "shoulder-7.odl").read_bytes()
    cut = tmp_path / "cut.odl"
    cut.write_bytes(whole[: len(whole) * 3 // 5])
    assert main(["replay", str(cut), "--json", str(tmp_path / "cut.json")]) == 1
    assert "damaged:" in capsys.readouterr().err
    figures = json.loads((tmp_path / "cut.json").read_text())
    assert figures["subjects"][0]["windows"] > 200 and "bytes" in figures["damage"]
    hurt = bytearray(whole)
    for i in range(len(hurt) // 2, len(hurt) // 2 + 1500):
        hurt[i] ^= 0x5A
    cut.write_bytes(hurt)
    assert main(["replay", str(cut)]) == 1
    assert "frames are lost" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"time,ax,ay\n0,1,2\n", bytes(range(256)) * 40])
@pytest.mark.parametrize("command", ["replay", "report", "info"])
def test_a_foreign_file_is_one_sentence(
    command: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "foreign.odl"
    path.write_bytes(content)
    assert main([command, str(path)]) == 2
    said = capsys.readouterr().err
    why = "not an odl recording" if content else "this is an empty file, and a recording (.odl) is wanted"
    assert said.startswith("odl: ") and why in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("called", "found", "shown"),
    [
        (".venv/bin/odl", None, ".venv/bin/odl"),  # as make demo does
        (".venv/bin/odl", "/usr/bin/odl", "odl"),
        ("/home/somebody/.venv/bin/odl", None, "odl"),  # no place of this machine
        ("/home/somebody/odl/__main__.py", None, "python -m odl"),
        ("odl", None, "odl"),
    ],
)
def test_a_report_says_how_to_get_it_again(
    called: str, found: str | None, shown: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(shutil, "which", lambda name: found)
    page = tmp_path / "page.html"
    assert main(["report", str(folder / "shoulder-7.odl"), "--out", str(page)]) == 0
    assert f"<code>{shown} report shoulder-7.odl</code>" in page.read_text()


@pytest.mark.parametrize("command", ["replay", "report"])
def test_a_file_of_another_kind_is_no_dataset(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    path.write_text("{}")
    assert main([command, str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"odl: {path}: not an odl recording")


def test_a_recording_that_asks_nothing_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table as a recording has settings, so that it replays, and these ask nothing."""
    table, path = tmp_path / "walk.csv", tmp_path / "again.odl"
    assert main(["convert", str(folder / "shoulder-7.odl"), str(table)]) == 0
    table.with_name("walk.csv.json").unlink()
    assert main(["convert", str(table), str(path), "--rate", "50", "--model", "shoulder"]) == 0
    capsys.readouterr()
    for command in ("replay", "report"):
        assert main([command, str(path)]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "settings ask nothing; replay again.odl with --budget 20 to ask" in said
    page = (tmp_path / "again.html").read_text()
    assert "questions expire after" in page and "answers after" not in page  # nobody answered
    asked = odl.replay(path, budget=20)
    assert asked.outcomes[0].counts["queries"] > 0 and not any("ask nothing" in n for n in asked.notes())
    quiet = odl.replay("shoulder", subjects=[7], policy="none", out=tmp_path)
    assert quiet.outcomes[0].file is not None
    again = odl.replay(quiet.outcomes[0].file)  # somebody wished for that
    assert again.outcomes[0].same_trace and not any("ask nothing" in note for note in again.notes())


@pytest.mark.parametrize(
    "words",
    ["--subjects x", "--subjects 99", "--policy guess", "--budget 0", "--budget -1", "--budget 3/year",
     "--batch 0", "--delay nan", "--seed -1", "--refuse 7", "--model nothing.odlm"],
)  # fmt: skip
def test_bad_options_are_one_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "shoulder", *words.split()]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("odl: ") and not any("Traceback" in line for line in said)


def test_the_demo_says_how_its_run_lies_among_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ten runs are stored beside the recordings; here they are run."""
    runs = json.loads((ROOT / "datasets/shoulder/demo.json").read_text(encoding="utf-8"))
    table = odl.compare("shoulder", seeds=10, workers=1).table
    worst = {}
    for name, metric in (("whole", "accuracy"), ("last_third", "accuracy_last_third")):
        gain = 100 * (table[metric] - table[f"no_learning_{metric}"])
        assert gain.groupby(table["seed"]).mean().tolist() == pytest.approx(runs[name], abs=0.051)
        worst[name] = gain.min()
    assert worst == pytest.approx(runs["worst_session"], abs=0.051)
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        f"It gains {runs['whole'][0]:+.1f} points over the whole stream (ten runs: +17.6 on average" in said
    )
    assert main(["demo", "--budget", "5"]) == 0
    assert "ten runs" not in capsys.readouterr().out


def test_version_and_demo_from_an_empty_folder(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-m", "odl"]
    done = subprocess.run([*run, "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("odl 0.")
    done = subprocess.run([*run, "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "never seen in training" in " ".join(done.stdout.split())
    assert (tmp_path / "odl-demo" / "report.html").is_file()


@pytest.mark.parametrize(
    "words",
    ["report {} --out {}", "replay {} --json {}", "info {} --json {}", "verify {} --twins python --json {}",
     "label {} --range 0:1=a --json {}", "replay shoulder --subjects 8 --profile {} --json {}"],
)  # fmt: skip
def test_nothing_is_written_over_what_is_read(
    words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.odl"
    content = (folder / "shoulder-8.odl").read_bytes()
    copy.write_bytes(content)
    assert main([word.format(copy) for word in words.split()]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert copy.read_bytes() == content


def test_figures_replace_neither_a_card_nor_what_is_no_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, card, old = tmp_path / "walk.csv", tmp_path / "card.json", tmp_path / "figures.json"
    table.write_text("ax,ay,az\n" + "0,0.1,9.8\n" * 100)
    assert main(["init", str(tmp_path), "--rate-hz", "50", "--json", str(old)]) == 0
    contents = [path.read_bytes() for path in (table, card)]
    for words in (["init", str(tmp_path)], ["check", str(tmp_path)], ["datasets"]):
        assert main([*words, "--json", str(table)]) == 2
        assert "the file exists and holds no JSON" in capsys.readouterr().err
    for name in (
        "card.json",
        "walk.csv.card.json",
        "walk.csv.json",
    ):
        assert main(["check", str(tmp_path), "--json", str(tmp_path / name)]) == 2
        assert "overwrite a card" in capsys.readouterr().err
    assert [path.read_bytes() for path in (table, card)] == contents
    assert main(["check", str(tmp_path), "--json", str(old)]) == 0 and json.loads(old.read_text())


def test_a_terminal_that_lacks_a_sign_is_no_error(folder: Path) -> None:
    run = [sys.executable, "-m", "odl", "label", str(folder / "shoulder-7.odl")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert "?" in done.stdout and "has been learned" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(unbuffered: str) -> None:
    run = [sys.executable, "-m", "odl", "datasets"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(LIMIT) == 0
    assert without_progress(process.stderr.read().decode()) == ""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk here that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_the_output_is_one_sentence(unbuffered: str) -> None:
    run = [sys.executable, "-m", "odl", "datasets"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, env=environment, text=True)
    assert (done.returncode, without_progress(done.stderr)) == (2, "odl: No space left on device\n")


@pytest.mark.skipif(os.name != "posix", reason="standard output is closed in another way here")
def test_a_closed_output_is_no_error() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    closed = [sys.executable, "-m", "odl", "datasets"]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *closed], env=environment, capture_output=True)
    assert (done.returncode, without_progress(done.stderr.decode())) == (0, "")


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="standard output has no name here")
def test_figures_go_behind_what_a_redirected_output_holds(tmp_path: Path) -> None:
    code = "from odl._files import write_private; write_private('/dev/stdout', 'figures')"
    with open(tmp_path / "out.txt", "w") as out:
        out.write("a summary, ")
        out.flush()
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=out,
                       check=True)  # fmt: skip
    assert (tmp_path / "out.txt").read_text() == "a summary, figures"


@pytest.mark.parametrize("words", ["report", "replay", "info", "live --play", "show shoulder --picture"])
def test_an_empty_word_names_nothing(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`odl report ''` said that PosixPath('.') has an empty name."""
    with pytest.raises(SystemExit):
        main([*words.split(), ""])
    assert "this is empty; name something, or leave it out" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["seed", "batch", "skip", "policy"])
@pytest.mark.parametrize("digits", [400, 5000])
def test_an_error_does_not_repeat_thousands_of_digits(
    option: str, digits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(SystemExit):
        assert main(["replay", "shoulder", f"--{option}", "9" * digits]) == 2
    said = capsys.readouterr().err
    assert "99...99" in said and option in said and len(said) < 500


@pytest.mark.skipif(os.name != "posix", reason="links that lead to themselves")
def test_a_link_that_leads_to_itself_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was a sentence about a loop from the folder of this machine, or a traceback."""
    monkeypatch.chdir(tmp_path)
    Path("loop.odl").symlink_to("loop.odl")
    for words in (["info"], ["report"], ["label"], ["replay"]):
        assert main([*words, "loop.odl", *(["--json", "loop.odl"] if words == ["replay"] else [])]) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith(("odl: loop.odl: ", "odl: there is no"))


def test_verify_of_a_damaged_recording_says_what_is_lost(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended with status 0."""
    cut = tmp_path / "cut.odl"
    cut.write_bytes((folder / "shoulder-7.odl").read_bytes()[:-100])
    assert main(["verify", str(cut), "--twins", "python", "--json", "-"]) == 1
    shown = capsys.readouterr()
    assert "cut.odl: damaged: " in json.loads(shown.out)["damage"] and "its end is missing" in shown.err
