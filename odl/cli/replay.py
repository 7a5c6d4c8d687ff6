"""The commands of ``odl`` that replay recorded people: demo, replay, report."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl.cli.arguments import FROM_PROFILE, add_option, add_options, chosen_options
from odl.cli.output import Progress, check_not_source, printable, with_flags, write_json
from odl.evaluate.option_table import SESSION_OPTIONS

if TYPE_CHECKING:
    from odl.evaluate.result import Result

DEMO_FOLDER = "odl-demo"


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    demo = commands.add_parser("demo", help="replay the bundled recordings and write a report")
    _add_replay_options(demo)
    demo.set_defaults(run=_demo, source="shoulder", data=None, model=None, profile=None,
                      out=DEMO_FOLDER)  # fmt: skip

    replay = commands.add_parser("replay", help="replay a dataset's people or a recording")
    replay.add_argument("source", help="a dataset (see 'odl datasets'), your folder or a recording (.odl)")
    add_options(replay, "data model")
    add_option(replay, "profile", help=FROM_PROFILE)
    _add_replay_options(replay)
    replay.set_defaults(run=_replay)

    report = commands.add_parser("report", help="write a report about a recording, or compare several")
    report.add_argument("recording", help="a recording (.odl)")
    report.add_argument("others", nargs="*", default=[], help="more recordings, to be shown beside it")
    add_option(report, "out", help="default: beside the recording, as .html")
    report.set_defaults(run=_report)


def _add_replay_options(parser: argparse.ArgumentParser) -> None:
    add_options(parser, ("subjects", "learner", *SESSION_OPTIONS))
    add_option(parser, "out", metavar="DIR", help="the folder for recordings and report.html")
    add_options(parser, "json")


def _run(args: argparse.Namespace, progress: Progress) -> Result:
    from odl.evaluate.replay import replay

    names = ("subjects", "model", "data", "out", "learner", "profile", *SESSION_OPTIONS)
    return replay(args.source, **chosen_options(args, names), progress=progress)


def _demo(args: argparse.Namespace, progress: Progress) -> str:
    progress("replaying the bundled shoulder exercises of people the model has never seen")
    others = ("subjects", "learner", *SESSION_OPTIONS)
    usual = all(getattr(args, name) is None for name in others if name != "seed")
    return _replay(args, progress, _among_runs if usual else None)


def _among_runs(result: Result) -> str:
    """How the gain of this run lies among those of ten seeds, which `datasets/shoulder/demo.json` holds."""
    from odl._kinds import find_folder
    from odl.evaluate import mean_of

    runs = json.loads((find_folder() / "shoulder" / "demo.json").read_text(encoding="utf-8"))
    mean, said = mean_of(result.evaluations), []
    for name, words, metric in (
        ("whole", "whole stream", "accuracy"),
        ("last_third", "last third", "accuracy_last_third"),
    ):
        gain, all_of_them = mean[metric] - mean["baselines"]["no_learning"][metric], runs[name]
        said.append(
            f"{100 * gain:+.1f} points over the {words} (ten runs: "
            f"{sum(all_of_them) / len(all_of_them):+.1f} on average, {min(all_of_them):+.1f} to "
            f"{max(all_of_them):+.1f}; worst session of a person {runs['worst_session'][name]:+.1f})"
        )
    return (
        f"This is one run; another --seed orders the exercises differently. It gains {said[0]} and "
        f"{said[1]}: {runs['command']}"
    )


def _replay(
    args: argparse.Namespace, progress: Progress, context: Callable[[Result], str] | None = None
) -> str:
    result = _run(args, progress)
    write_json(args.json, result.to_json)
    if args.json != "-":
        _summary(result, args.out is not None, context)
    if args.out is not None:
        _write_report(result, Path(args.out) / "report.html", args, progress)
    return result.damage


def _report(args: argparse.Namespace, progress: Progress) -> str:
    from odl.evaluate.as_recorded import recorded_result

    if args.others:
        return _side_by_side(args, progress)
    page = Path(args.out) if args.out else Path(args.recording).with_suffix(".html")
    result = recorded_result(args.recording, progress=progress)
    check_not_source(args.recording, page)
    _write_report(result, page, args, progress)
    _notes(result)
    return result.damage


def _side_by_side(args: argparse.Namespace, progress: Progress) -> str:
    from odl.evaluate.as_recorded import recorded_result
    from odl.evaluate.report.side_by_side import Compared, distinct_names, write_comparison

    files = [Path(file) for file in (args.recording, *args.others)]
    if len(set(files)) < len(files):
        raise ValueError("a recording is named twice; name different ones to compare")
    page = Path(args.out) if args.out else files[0].with_name("-".join(file.stem for file in files) + ".html")
    results = []
    for file in files:
        check_not_source(str(file), page)
        results.append(recorded_result(file, progress=progress))
    names = distinct_names(files)
    compared = [
        Compared(name, result.views()[0], result.about) for name, result in zip(names, results, strict=True)
    ]
    page.parent.mkdir(parents=True, exist_ok=True)
    command = f"{_program()} {shlex.join(['report', *names])}"
    write_comparison(page, compared, command=command, progress=progress)
    print(f"report: {page}")
    for result in results:
        _notes(result)
    return " ".join(result.damage for result in results if result.damage)


def _summary(result: Result, recorded: bool, context: Callable[[Result], str] | None) -> None:
    from odl._text import wrapped
    from odl.evaluate.report import summary_text

    print(summary_text(result.evaluations, people=result.people))
    if context is not None:
        print("\n" + wrapped(context(result)))
    rate = result.samples_per_second
    parts = ", recordings and scores" if recorded else " and their scores"
    speed = f"{rate:,.0f} samples a second, {rate / result.image.rate_hz:,.0f} times real time"
    print("\n" + wrapped(f"{speed}; sessions with and without learning{parts} are included"))
    _notes(result)


def _notes(result: Result) -> None:
    from odl._text import wrapped

    for note in result.notes():
        print(wrapped(f"note: {printable(with_flags(note))}"))


def _write_report(result: Result, path: Path, args: argparse.Namespace, progress: Progress) -> None:
    result.report(path, command=f"{_program()} {shlex.join(_command(args))}", progress=progress)
    # On standard error when standard output carries JSON.
    stream = sys.stderr if getattr(args, "json", None) == "-" else sys.stdout
    print(f"report: {path}", file=stream)


def _program() -> str:
    """Return how ``odl`` is called here, without this machine's paths, since a report is passed on."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m odl"
    beside = called.name == "odl" and not called.is_absolute() and len(called.parts) > 1
    return called.as_posix() if beside and shutil.which("odl") is None else "odl"


def _command(args: argparse.Namespace) -> list[str]:
    """Return the command that writes this report again, with the options that were set.

    It names no paths of this machine, since a report is passed on.
    """
    if args.command == "report":
        return ["report", _name(args.recording)]
    words = [args.command] + ([_name(args.source)] if args.command == "replay" else [])
    for name in ("subjects", "learner", *SESSION_OPTIONS):
        value = getattr(args, name)
        if value is not None:
            words.append(f"--{'no-' * (value is False)}{name}")
            if not isinstance(value, bool):
                words.append(f"{value:g}" if isinstance(value, float) else str(value))
    named = ("data", "DIR"), ("model", _name(args.model or "")), ("profile", _name(args.profile or ""))
    for name, word in named:
        words += [f"--{name}", word] if getattr(args, name) else []
    return words + ["--out", _name(args.out)]


def _name(path: str) -> str:
    return Path(path).name or path
