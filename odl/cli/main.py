"""The command ``odl``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

import odl
from odl._extras import how_to_install
from odl._kinds import folder_instead
from odl._text import did_you_mean
from odl.cli import (
    board,
    convert,
    data,
    doctor,
    firmware,
    init,
    label,
    live,
    model,
    profile,
    replay,
    selftest,
    study,
)
from odl.cli.help_page import example_of, page
from odl.cli.output import check_json, printable, progress, with_flags
from odl.cli.still_working import StillWorking

_EXTRAS = {"torch": "train", "bleak": "ble"} | dict.fromkeys(("unicorn", "elftools", "ziglang"), "firmware")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    0: success. 1: a recording was damaged, and its good part was used. 2: the command
    failed. For 1 and 2 there is one sentence on standard error.

    Examples
    --------
    >>> main(["replay", "no-such-thing"])
    2
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that it cannot encode must not end a session
    parser = make_parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        check_json(args)
        sign = StillWorking(progress)
        with sign.beating():
            damage: str = args.run(args, sign.progress)
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has gone: not an error
        _flush_output()
        return 0
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        if os.environ.get("ODL_DEBUG"):
            raise
        _flush_output()
        return _complain(with_flags(_sentence(error)), 2)
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    return _complain(damage, 1) if damage else 0


def _flush_output() -> None:
    """Flush standard output; if its reader has gone, drop the rest, or Python would complain at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str, status: int) -> int:
    print(f"odl: {_short(sentence)}", file=sys.stderr)
    return status


def _short(sentence: str) -> str:
    """Return a sentence for the terminal; of a very long word its ends.

    >>> len(_short("seed is " + "9" * 5000))
    171
    """
    return re.sub(r"(\S{80})\S{100,}(\S{80})", r"\1...\2", printable(sentence))


def _sentence(error: Exception) -> str:
    if isinstance(error, IsADirectoryError) and error.filename is not None:
        return f"{error.filename}: {folder_instead(error.filename)}"
    if isinstance(error, FileExistsError | NotADirectoryError):
        path = Path(str(error.filename))
        if file := next((one for one in (path, *path.parents) if one.is_file()), None):
            return f"{file}: this is a file, and a folder is wanted"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRAS.get(str(error.name))
        how = f"pip install {error.name}" if extra is None else how_to_install(extra)
        return f"this needs the package '{error.name}': {how}"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence; ``-3/h`` is a value, as -3 is."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:  # an error of the subcommand, not of ``odl``
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown[0])}")
        return known, unknown

    def _meant(self, word: str) -> str:
        """What a word that has no place may have been meant as: a flag, or the value of one."""
        if word.startswith("--"):
            return did_you_mean(word.split("=")[0], self._option_string_actions)
        flag = {".odl": "--resume", ".odlm": "--model"}.get(Path(word).suffix, "--play")
        known = flag in self._option_string_actions and not word.startswith("-")
        return f"; did you mean '{flag} {word}'?" if known else ""

    def _get_value(self, action: argparse.Action, text: str) -> Any:
        if isinstance(action, argparse._SubParsersAction):  # the words of the subcommand come here first
            return text
        if not text and action.const != "":
            raise argparse.ArgumentError(action, "this is empty; name something, or leave it out")
        return super()._get_value(action, text)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            self.error(f"there is no command '{value}'{did_you_mean(value, action.choices)}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        sentence = message.removeprefix("argument ")
        self.exit(2, f"odl: {_short(sentence)}; '{self.prog} --help' lists all options\n")


class _Odl(_Parser):
    """The parser of ``odl`` itself, whose help shows the commands in groups."""

    def format_help(self) -> str:
        return page(self)


def make_parser() -> argparse.ArgumentParser:
    parser = _Odl(
        prog="odl",
        description="Streaming on-device learning: replay a wearable's stream, ask for few labels, learn.",
    )
    parser.add_argument("--version", action="version", version=f"odl {odl.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)

    for group in (
        replay,
        study,
        data,
        init,
        model,
        live,
        label,
        profile,
        board,
        selftest,
        convert,
        firmware,
        doctor,
    ):
        group.add_commands(commands)
    for name, command in commands.choices.items():
        if example := example_of(name):
            command.epilog = f"for example: {example}"
    return parser
