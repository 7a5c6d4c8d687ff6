"""What the commands of ``odl`` print and write: sentences, JSON, and errors with flags in them."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl._text import clean
from odl.evaluate.option_table import OPTIONS

Progress = Callable[[str], None]
_NAMED = re.compile(r"`(\w+)(?:=([^`]*))?`")
_FLAGS = {*OPTIONS, "counts", "erase", "twins", "pattern", "label", "rate_hz", "keep_classes"}


def with_flags(sentence: str) -> str:
    """A library's ``sentence`` with the options that it names as flags of the command line.

    >>> with_flags("`delay` is -1; `batch=4`, `hold=False` and `emulated=True` can be used")
    '--delay is -1; --batch 4, --no-hold and --emulated can be used'
    """

    def spelled(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        if name not in _FLAGS:
            return match[0]
        flag = f"--{'no-' * (value == 'False')}{name.replace('_', '-')}"
        if value in (None, "True", "False"):
            return flag
        return f"{flag} '{value}'" if name == "pattern" else f"{flag} " + re.sub(r"['\[\] ]", "", value)

    return _NAMED.sub(spelled, sentence)


def printable(text: str, keep: str = "") -> str:
    """Return ``text`` cleaned for the terminal, with its blanks as they are."""
    return clean(text, None, empty="", keep=" " + keep)


def progress(sentence: str) -> None:
    """Print on standard error what is being done."""
    print(f"... {printable(with_flags(sentence))}", file=sys.stderr, flush=True)


def write_json(file: str | None, figures: Callable[[], Any]) -> None:
    """Write what ``figures`` returns to ``file`` (``-``: standard output, None: nowhere)."""
    if file is None:
        return
    text = json.dumps(figures(), indent=1, allow_nan=False)
    if file == "-":
        print(text)
    else:
        write_private(file, text + "\n")


def check_not_source(source: str, target: str | Path | None) -> None:
    """Refuse to write ``target`` over the file that is read.

    Raises
    ------
    ValueError
        If both are the same file.
    """
    if target is not None and os.path.realpath(source) == os.path.realpath(target):
        raise ValueError(f"{target}: this would overwrite what is being read; give another name")


def check_json(args: argparse.Namespace) -> None:
    """Refuse a file for ``--json`` that is an input, another output, or anything but JSON.

    Raises
    ------
    ValueError
        If another argument names the file, or it is called as a card is, or exists and holds no JSON.
    """
    if getattr(args, "json", None) in (None, "-"):
        return
    from odl.data.table_card import is_card

    target = Path(args.json)
    if is_card(target):
        raise ValueError(f"{target}: this would overwrite a card, or be taken for one; give another name")
    for name, value in vars(args).items():
        for other in value if isinstance(value, list) else [value]:
            if name != "json" and other and isinstance(other, str):
                check_not_source(other, target)
    if target.is_file():
        with target.open("rb") as file:
            if file.read(1) not in (b"", b"{", b"["):
                raise ValueError(f"{target}: the file exists and holds no JSON; give another name")
