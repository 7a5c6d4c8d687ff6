"""What a person reads who asks for help, or types a word that is none."""

from __future__ import annotations

import argparse
import shlex

import pytest

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
