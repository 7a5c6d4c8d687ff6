"""No command and no flag is lost: `commands.txt` lists those of version 0.1.0."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from odl.cli.main import make_parser


def commands_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Each command with each of its arguments, one a line."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command.prog
                yield from commands_of(command)
        elif action.option_strings:
            yield from (f"{parser.prog} {flag}" for flag in action.option_strings)
        else:
            yield f"{parser.prog} {action.dest.upper()}"


def test_no_command_and_no_flag_is_lost() -> None:
    frozen = Path(__file__).with_name("commands.txt").read_text(encoding="utf-8").splitlines()
    assert set(frozen) - set(commands_of(make_parser())) == set()
    assert len(frozen) > 200
