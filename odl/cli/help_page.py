"""What ``odl --help`` shows: the commands in groups, with an example of each."""

from __future__ import annotations

import argparse
from typing import Final

from odl._text import wrapped

#: The groups in the order in which a newcomer needs them. Each command stands in one, with its example.
GROUPS: Final[dict[str, dict[str, str]]] = {
    "first steps": {
        "demo": "odl demo",
        "doctor": "odl doctor",
        "datasets": "odl datasets",
        "fetch": "odl fetch hapt hapt/",
        "cite": "odl cite shoulder",
    },
    "your data": {
        "record": "odl record --label walk,run --out walk.odl",
        "init": "odl init my-recordings/",
        "check": "odl check my-recordings/",
        "convert": "odl convert walk.odl walk.csv",
    },
    "a model": {
        "train": "odl train my-recordings/ --out mine.odlm",
        "evaluate": "odl evaluate my-recordings/ --model mine.odlm",
        "show": "odl show mine.odlm",
        "info": "odl info session.odl",
    },
    "learning from few answers": {
        "replay": "odl replay shoulder --budget 20 --out results/",
        "report": "odl report session.odl",
        "compare": "odl compare shoulder --policies novel-segments,random",
        "study": "odl study studies/shoulder.toml",
        "label": "odl label session.odl",
    },
    "a board": {
        "live": "odl live --emulated --play shoulder",
        "ports": "odl ports",
        "push": "odl push mine.odlm",
        "pull": "odl pull learned.odlm",
        "profile": "odl profile show anna.odlp",
        "selftest": "odl selftest",
    },
    "its firmware": {
        "firmware": "odl firmware build --model mine.odlm",
        "footprint": "odl footprint mine.odlm",
        "board": "odl board --play shoulder --socket",
        "verify": "odl verify session.odl",
    },
}


def example_of(command: str) -> str | None:
    """The line that shows a command in use, or None for a command of none of the groups.

    >>> example_of("ports")
    'odl ports'
    """
    return next((examples[command] for examples in GROUPS.values() if command in examples), None)


def page(parser: argparse.ArgumentParser) -> str:
    """The help of ``odl`` itself: its commands in groups, each with its one line and an example.

    >>> from odl.cli.main import make_parser
    >>> page(make_parser()).splitlines()[0]
    'usage: odl command ...'
    """
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {choice.dest: str(choice.help) for choice in commands._choices_actions}
    lines = ["usage: odl command ...", "", wrapped(str(parser.description)), ""]
    for heading, examples in GROUPS.items():
        lines.append(f"{heading}:")
        for command in examples:
            first, *more = wrapped(helps[command], 64).splitlines()
            lines += [f"  {command:10} {first}", *(f"{'':13}{line}" for line in more)]
        lines.append("")
    lines += [
        "for example:",
        *(f"  {next(iter(examples.values()))}" for examples in GROUPS.values()),
        "",
        "'odl COMMAND --help' lists a command's options, with an example.",
        "'odl --version' prints the version.",
        "",
    ]
    return "\n".join(lines)
