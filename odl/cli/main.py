"""The command ``odl``."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import odl
from odl._files import write_private
from odl._text import clean
from odl.cli import board, convert, firmware, label, live, model
from odl.core.kernels.rules import BATCH_HELP, POLICY_HELP

if TYPE_CHECKING:
    from odl.evaluate.result import Result

DEMO_FOLDER = "odl-demo"
Tell = Callable[[str], None]
_EXTRAS = {"torch": "'odl-stream[train]'"} | dict.fromkeys(
    ("unicorn", "elftools", "ziglang"), "'odl-stream[firmware]'"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status.

    0: all well. 1: a recording was damaged, its good part was used. 2: it could not be
    done. Both come with one sentence on standard error.

    Examples
    --------
    >>> main(["replay", "no-such-thing"])
    2
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that it cannot encode must end no session
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        damage: str = given.run(given, _progress)
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone: not an error
        _let_go()
        return 0
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        if os.environ.get("ODL_DEBUG"):
            raise
        _let_go()
        return _complain(_sentence(error), 2)
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    return _complain(damage, 1) if damage else 0


def _let_go() -> None:
    """Hand on what was printed; where nobody takes it, forget it, or Python would complain at its end."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str, status: int) -> int:
    print(f"odl: {printable(sentence)}", file=sys.stderr)
    return status


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError):
        where = _EXTRAS.get(str(error.name), error.name)
        return f"this needs the package '{error.name}': pip install {where}"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


class _Parser(argparse.ArgumentParser):
    """One sentence where the words of a command do not fit; ``-3/h`` is a value, as -3 is."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:  # said by the command that they were given to, not by ``odl``
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        sentence = message.removeprefix("argument ")
        self.exit(2, f"odl: {printable(sentence)}; '{self.prog} --help' lists what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="odl",
        description="Streaming on-device learning: replay a wearable's stream, ask for few labels, learn.",
    )
    parser.add_argument("--version", action="version", version=f"odl {odl.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")

    demo = commands.add_parser("demo", help="replay the bundled recordings and write a report")
    _replay_options(demo)
    demo.set_defaults(run=_demo, source="shoulder", data=None, model=None, out=DEMO_FOLDER)

    replay = commands.add_parser("replay", help="replay a dataset's people or a recording")
    replay.add_argument("source", help="a dataset (see 'odl datasets'), your folder or a recording (.odl)")
    replay.add_argument("--data", metavar="DIR", help="folder or zip of a dataset that is not bundled")
    replay.add_argument("--model", metavar="FILE", help="model image (.odlm) to use instead of the usual")
    _replay_options(replay)
    replay.set_defaults(run=_replay)

    report = commands.add_parser("report", help="write a report about a recording")
    report.add_argument("recording", help="a recording (.odl)")
    report.add_argument("--out", metavar="FILE", help="default: beside the recording, as .html")
    report.set_defaults(run=_report)

    info = commands.add_parser("info", help="what a recording or a model image holds")
    info.add_argument("file", help="a recording (.odl) or a model image (.odlm)")
    info.add_argument("--json", metavar="FILE", help="write it as JSON; - is standard output")
    info.set_defaults(run=_info)

    datasets = commands.add_parser("datasets", help="the datasets that are here")
    datasets.add_argument("--json", metavar="FILE", help="write it as JSON; - is standard output")
    datasets.set_defaults(run=_datasets)

    init = commands.add_parser("init", help="look at a folder of tables and write a card to edit")
    init.add_argument("folder", help="holds CSV, Parquet or recordings (.odl)")
    init.add_argument("--force", action="store_true", help="write the card anew, even over an edited one")
    init.add_argument("--checksums", action="store_true", help="note the files' SHA-256 in the card")
    init.set_defaults(run=_init)

    fetch = commands.add_parser("fetch", help="download a dataset that is not bundled (needs pooch)")
    fetch.add_argument("dataset", choices=["hapt"])
    fetch.add_argument("folder", help="where its zip is to lie")
    fetch.set_defaults(run=_fetch)
    for part in (model, live, label, board, convert, firmware):
        part.add_commands(commands)
    return parser


def _replay_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--subjects", metavar="7,8", help="people to replay; default: those kept for testing")
    add("--policy", metavar="NAME", help=POLICY_HELP)
    add("--budget", metavar="B", help="20 (a session), 12/h or 2%%; default: 20")
    add("--seed", type=int, metavar="N", help="decides everything random; default: 0")
    add("--batch", type=int, metavar="N", help=BATCH_HELP)
    add("--delay", type=float, metavar="S", help="seconds until an answer; default: 10")
    add("--patience", type=float, metavar="S", help="seconds until a question expires; 60")
    add("--refuse", type=float, metavar="P", help="share of questions not answered; 0")
    add("--error", type=float, metavar="P", help="share of answers that are wrong; 0")
    add("--hold", action="store_true", default=None, help="let an answer stand until the stream changes")
    add("--out", metavar="DIR", help="keep recordings and report.html there")
    add("--json", metavar="FILE", help="write the figures as JSON; - is standard output")


def _run(given: argparse.Namespace, tell: Tell) -> Result:
    from odl.evaluate.replay import replay

    return replay(
        given.source,
        policy=given.policy,
        budget=given.budget,
        subjects=people(given.subjects),
        model=given.model,
        seed=given.seed,
        out=given.out,
        batch=given.batch,
        delay=given.delay,
        patience=given.patience,
        refuse=given.refuse,
        error=given.error,
        hold=given.hold,
        data=given.data,
        progress=tell,
    )


def _demo(given: argparse.Namespace, tell: Tell) -> str:
    tell("replaying the bundled shoulder exercises of people the model has never seen")
    return _replay(given, tell)


def _replay(given: argparse.Namespace, tell: Tell) -> str:
    keep(given.source, given.json)
    result = _run(given, tell)
    write_json(given.json, result.to_json)
    if given.json != "-":
        _summary(result)
    if given.out is not None:
        _write_report(result, Path(given.out) / "report.html", given, tell)
    return result.damage


def _report(given: argparse.Namespace, tell: Tell) -> str:
    from odl.evaluate.replay import replay

    page = Path(given.out) if given.out else Path(given.recording).with_suffix(".html")
    keep(given.recording, page)
    result = replay(given.recording, progress=tell)
    _write_report(result, page, given, tell)
    _notes(result)
    return result.damage


def keep(source: str, target: str | Path | None) -> None:
    """Refuse to write ``target`` over what is being read."""
    if target is not None and Path(source).resolve() == Path(target).resolve():
        raise ValueError(f"{target}: this would overwrite what is being read; give another name")


def _summary(result: Result) -> None:
    from odl.evaluate.report import summary_text

    print(summary_text(result.evaluations, people=result.people))
    rate = result.samples_per_second
    print(f"\n{rate:,.0f} samples a second, {rate / result.image.rate_hz:,.0f} times real time")
    _notes(result)


def _notes(result: Result) -> None:
    from odl._text import wrapped

    for note in result.notes():
        print(wrapped(f"note: {printable(note)}"))


def _write_report(result: Result, path: Path, given: argparse.Namespace, tell: Tell) -> None:
    from odl.evaluate.report import SessionView, write_report
    from odl.model.memory import memory_of

    path.parent.mkdir(parents=True, exist_ok=True)
    views = [
        SessionView(evaluation, one.file.name if one.file else "")
        for evaluation, one in zip(result.evaluations, result.outcomes, strict=True)
    ]
    write_report(
        path,
        views,
        title=f"odl: {result.source}",
        about=result.about | {"command": f"{_program()} {shlex.join(_again(given))}"},
        memory=memory_of(result.image),
        people=result.people,
        progress=tell,
    )
    # On standard error when standard output carries JSON.
    stream = sys.stderr if getattr(given, "json", None) == "-" else sys.stdout
    print(f"report: {path}", file=stream)


def _program() -> str:
    """How ``odl`` is called here, without the places of this machine: a report travels."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m odl"
    beside = called.name == "odl" and not called.is_absolute() and len(called.parts) > 1
    return called.as_posix() if beside and shutil.which("odl") is None else "odl"


def _again(given: argparse.Namespace) -> list[str]:
    """The command that gives this report again: what differs from the defaults.

    Without the places of this machine: a report travels.
    """
    if given.command == "report":
        return ["report", _name(given.recording)]
    words = [given.command] + ([_name(given.source)] if given.command == "replay" else [])
    parser = argparse.ArgumentParser()
    _replay_options(parser)
    for name, default in vars(parser.parse_args([])).items():
        value = getattr(given, name)
        if name in ("json", "out") or value == default:
            continue
        words.append(f"--{name}")
        if value is not True:
            words.append(f"{value:g}" if isinstance(value, float) else str(value))
    if given.command == "replay":
        for name, shown in (("data", "DIR"), ("model", _name(given.model or ""))):
            words += [f"--{name}", shown] if getattr(given, name) else []
    return words + ["--out", _name(given.out)]


def _name(path: str) -> str:
    return Path(path).name or path


def people(text: str | None) -> list[int] | None:
    """Numbers of people from ``7,8``.

    >>> people("7,8")
    [7, 8]
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--subjects is '{text}'; write numbers with commas between, as in 7,8") from None


def _info(given: argparse.Namespace, tell: Tell) -> str:
    keep(given.file, given.json)
    from odl.evaluate.describe import as_text, describe_file

    facts = describe_file(given.file)
    write_json(given.json, lambda: facts)
    if given.json != "-":
        print(printable(as_text(facts), keep="\n"))
    return str(facts.get("damage", ""))


def _datasets(given: argparse.Namespace, tell: Tell) -> str:
    from odl.evaluate.describe import as_text, describe_datasets

    facts = describe_datasets()
    write_json(given.json, lambda: facts)
    if given.json != "-":
        print("\n\n".join(printable(as_text(one), keep="\n") for one in facts))
    return ""


def _init(given: argparse.Namespace, tell: Tell) -> str:
    from odl.data import DataError, open_dataset
    from odl.data.coverage import lacking
    from odl.data.inference.proposal import write_card
    from odl.data.inference.propose import propose

    folder = Path(given.folder)
    made = propose(folder, given.checksums)
    path = write_card(folder, made, given.force)
    for sentence, sure in made.said:
        print(printable(f"{sure:8} {sentence}"))
    print(f"\ncard: {path}; edit it where it is wrong, then 'odl train {given.folder} --out mine.odlm'")
    try:
        for sentence in lacking(open_dataset(folder)):
            tell(sentence)
    except DataError as error:
        tell(f"to be corrected: {error}")
    return ""


def _fetch(given: argparse.Namespace, tell: Tell) -> str:
    from odl.data.loaders.hapt import fetch

    print(f"{given.dataset}: {fetch(Path(given.folder))}; name it with --data")
    return ""


def write_json(file: str | None, figures: Callable[[], Any]) -> None:
    """Write what ``figures`` gives to ``file`` (``-``: standard output, None: nowhere)."""
    if file is None:
        return
    text = json.dumps(figures(), indent=1, allow_nan=False)
    if file == "-":
        print(text)
    else:
        write_private(file, text + "\n")


def _progress(sentence: str) -> None:
    print(f"... {printable(sentence)}", file=sys.stderr, flush=True)


def printable(text: str, keep: str = "") -> str:
    """``text`` cleaned for the terminal, its blanks left as they are."""
    return clean(text, None, empty="", keep=" " + keep)
