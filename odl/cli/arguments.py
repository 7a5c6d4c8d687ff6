"""Arguments of the command line, made from the table of options."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from odl.evaluate.option_table import described

FROM_PROFILE = "a wearer's profile (.odlp): each session starts from it; it is not written to"
_TYPES = {"integer": int, "number": float}


def add_option(
    parser: Any, name: str, *, default: Any = None, required: bool = False, **changes: Any
) -> None:
    """Add the option called ``name`` to ``parser``, which is a parser or a group of arguments.

    Without the option its value is ``default``, as a rule None, so that a command can see that.
    ``changes`` replace what the table says, such as ``help`` or ``metavar``.

    >>> parser = argparse.ArgumentParser()
    >>> add_option(parser, "delay")
    >>> parser.parse_args(["--delay", "2"]).delay
    2.0
    """
    option = described(name, **({} if default is None else {"default": default}), **changes)
    text = option.help
    if "default" not in text and option.default not in (None, False):
        number = isinstance(option.default, float)
        words = "yes" if option.default is True else f"{option.default:g}" if number else option.default
        text += f"; default: {words}"
    text = text.replace("%", "%%")
    if option.kind == "flag":
        action = argparse.BooleanOptionalAction if option.default is True else "store_true"
        parser.add_argument(f"--{name}", action=action, default=default, help=text)
        return
    parser.add_argument(
        f"--{name}", type=_TYPES.get(option.kind, str), default=default, required=required,
        choices=option.choices if option.kind == "choice" else None, metavar=option.metavar, help=text,
    )  # fmt: skip


def add_options(parser: Any, names: str | Iterable[str]) -> None:
    """Add several options, as the table describes them."""
    for name in names.split() if isinstance(names, str) else names:
        add_option(parser, name)


def names_in(text: str | None) -> list[str] | None:
    """Return the names in a list with commas.

    >>> names_in("ax, ay")
    ['ax', 'ay']
    """
    return None if text is None else [name.strip() for name in text.split(",")]


def subjects_in(text: str | None) -> list[str] | None:
    """Return the names or numbers of people in a list with commas.

    >>> subjects_in("7,8")
    ['7', '8']
    """
    return None if text is None else [part.strip() for part in text.split(",")]


def chosen_options(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Return the options among ``names`` that are set, as keyword arguments.

    >>> args = argparse.Namespace(delay=2.0, columns="ax,ay", model=None)
    >>> chosen_options(args, ["delay", "columns", "model"])
    {'delay': 2.0, 'columns': ['ax', 'ay']}
    """
    readers = {"names": names_in, "subjects": subjects_in}
    found = {}
    for name in names:
        value = getattr(args, name)
        if value is not None:
            read = readers.get(described(name).kind)
            found[name] = value if read is None else read(value)
    return found
