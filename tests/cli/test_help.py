"""What a person reads who asks for help, or types a word that is none."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest

import odl
from odl.cli.help_page import GROUPS
from odl.cli.main import main, make_parser

GROUPED = [(command, example) for examples in GROUPS.values() for command, example in examples.items()]


def commands() -> dict[str, argparse.ArgumentParser]:
    parsers = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(parsers.choices)


def test_each_command_stands_in_one_group() -> None:
    assert sorted(command for command, _ in GROUPED) == sorted(commands())


@pytest.mark.parametrize(("command", "example"), GROUPED)
def test_an_example_is_a_line_that_can_be_typed(
    command: str, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(example)
    assert words[:2] == ["odl", command]
    assert make_parser().parse_args(words[1:]).command == command
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"for example: {example}" in " ".join(capsys.readouterr().out.split())


def test_help_has_every_command_with_its_line_and_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    for command in commands():
        assert f"\n  {command} " in page


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["replya"], "did you mean 'replay'?"),
        (["firmware", "biuld"], "did you mean 'build'?"),
        (["live", "--emulatd"], "did you mean '--emulated'?"),
        (["live", "--paly=shoulder"], "did you mean '--play'?"),
    ],
)
def test_a_slip_is_told_what_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capsys.readouterr().err
    assert meant in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["replay", "shouldr"], "did you mean 'shoulder'?"),
        (["replay", "shoulder", "--policy", "novel-segment"], "did you mean 'novel-segments'?"),
        (["replay", "shoulder", "--learner", "dendrom"], "did you mean 'dendron'?"),
        (["live", "--emulated", "--play", "Shoulder"], "did you mean 'shoulder'?"),
    ],
)
def test_a_name_that_is_nearly_one_is_told_which(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("live shoulder", "'--play shoulder'"),
        ("live walk.odl", "'--resume walk.odl'"),
        ("live --play shoulder mine.odlm", "'--model mine.odlm'"),
        ("record shoulder", "'--play shoulder'"),
        ("board mydata/", "'--play mydata/'"),
        ("doctor all", ""),
    ],
)
def test_a_word_without_its_flag_is_told_which_flag_it_lacks(
    words: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words.split())
    said = capsys.readouterr().err
    assert "unrecognized arguments: " in said and (f"; did you mean {meant}?" in said) == bool(meant)


def test_what_is_of_another_kind_is_told_by_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        assert main(list(words)) == 2
        return capsys.readouterr().err.splitlines()[-1]

    out, image = tmp_path / "out", tmp_path / "mine.odlm"
    odl.replay("shoulder", subjects=[7], budget=2, out=out)
    image.write_bytes(odl.load_model("shoulder").to_bytes())
    session, page = out / "shoulder-7.odl", out / "page.html"
    page.write_text("<html></html>")
    for command in ("report", "label", "verify"):
        assert said(command, str(image)).endswith(
            f"a model image (.odlm), and a recording (.odl) is wanted; 'odl show {image}' shows it"
        )
        assert said(command, str(out)).endswith(
            "this is a folder, and a recording (.odl) is wanted; there are shoulder-7.odl"
        )
    for command in ("info", "study", "profile show"):
        assert said(*command.split(), str(out)).endswith(
            "this is a folder, and a file is wanted; there are page.html, shoulder-7.odl"
        )
    for command in ("show", "push", "footprint"):
        assert said(command, str(out)).endswith(
            "this is a folder, and a model image (.odlm) is wanted; there is none in it"
        )
    for place in (image, image / "in" / "it"):
        told = said("replay", "shoulder", "--subjects", "7", "--budget", "1", "--out", str(place))
        assert told == f"odl: {image}: this is a file, and a folder is wanted"
    told = said("label", str(session), "--range", "1:2=walk", "--out", str(page))
    assert told == f"odl: {page}: the file exists; give another name"  # label has no --force
    assert "this is a page, and a recording (.odl) is wanted" in said("report", str(page))
    for command in ("replay", "evaluate", "check", "compare"):
        assert "a model image (.odlm), and a dataset or a recording is wanted" in said(command, str(image))
    assert said("show", str(session)).endswith(
        f"this is a recording (.odl), and a model image (.odlm) is wanted; 'odl info {session}' shows it"
    )
    assert said("compare", str(session)).startswith(f"odl: {session}: no card.json beside it")
    with pytest.raises(SystemExit):
        main(["report"])
    assert "required: recording;" in capsys.readouterr().err


KINDS = {
    "walk.odlm": (b"ODLM....", "this is a model image (.odlm)"),
    "walk.zip": (b"PK\3\4....", "this is a zip"),
    "walk.csv": (b"time,ax\n0,1\n", "this is a table"),
    "walk.tflite": (b"....TFL3", "this is a network"),
    "walk.html": (b"<!doctype html>", "this is a page"),
    "walk.odlp": (b'{"format": "odl profile 1"', "this is a wearer's profile (.odlp)"),
    "nothing.odl": (b"", "this is an empty file"),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("command", ["info", "report", "label", "verify", "live --resume"])
def test_a_recording_is_wanted_and_the_error_says_what_is_there_and_what_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    content, what = KINDS[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert main([*command.split(), str(path)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    if (command, name) == ("info", "walk.odlm"):  # it shows model images too, and this one is cut
        assert "cut short" in told
        return
    assert told.startswith(f"odl: {path}: {what}, and a recording (.odl) is wanted")
    use = "odl convert" if name.endswith(".tflite") else "odl init" if name[5:] in ("zip", "csv") else ""
    assert use in told


@pytest.mark.parametrize(
    "command",
    ["info", "label", "verify", "live --resume", "profile show", "study", "init", "convert @ a.csv"],
)
def test_a_dataset_s_name_in_place_of_a_file_is_told_with_what_takes_it(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    words = command.split()
    words = [*words, "shoulder"] if "@" not in words else ["shoulder" if w == "@" else w for w in words]
    assert main(words) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "'shoulder' is a dataset: 'odl datasets' shows it, 'odl replay shoulder' runs it" in told


def test_a_slip_in_a_name_is_told_with_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "shoulder-7.odl").touch()

    def said(words: str) -> str:
        assert main(words.split()) == 2
        return capsys.readouterr().err.splitlines()[-1]

    for command in ("info", "report", "replay", "show", "check", "verify"):
        assert said(f"{command} out/shuolder-7.odl").endswith("did you mean 'out/shoulder-7.odl'?")
    assert said("report shoulder-7.odl").endswith("did you mean 'out/shoulder-7.odl'?")
    assert said("report gone/shoulder-7.odl").endswith("there is no such file, and no folder 'gone'")
    assert said("check shuolder").endswith("; did you mean 'shoulder'?")
    assert said("check out/card.json").startswith("odl: out: there is no card.json")
    assert said("footprint shuolder").endswith("; did you mean 'shoulder'?")


def test_a_build_says_how_long_it_takes_and_nothing_before_its_model_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["firmware", "build", "--model", "mine.odlm"]) == 2
    assert capsys.readouterr().err == "odl: mine.odlm: there is no such file\n"
    assert main(["firmware", "build", "--model", "shoulder", "--rows", "0"]) == 2
    assert "some seconds, or half a minute the first time" not in capsys.readouterr().err
