"""What was done in ranges of a recording, for ``odl label``: --range, and recordings without a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from odl._text import clean, shell_word
from odl.cli.output import Progress, check_not_source, printable, write_json

if TYPE_CHECKING:
    from odl.core.events import Truth


def mark_ranges(args: argparse.Namespace, progress: Progress) -> str:
    """Write what was done in ranges of a recording into it, or into a copy."""
    from odl.recording import Reader
    from odl.recording.mark import mark, range_in

    classes = args.rename or args.merge or args.remove or args.keep_classes
    if args.set or args.undo or args.keep or args.edit or args.learn or classes:
        if not args.range:
            raise ValueError(
                f"{args.recording}: no model ran in it, so it has no answers to edit; --range marks "
                "what was done"
            )
        raise ValueError("--range marks what was done, the others edit answers; do one after the other")
    if args.out is not None:
        check_not_source(args.recording, args.out)
        if Path(args.out).exists():
            raise ValueError(f"{args.out}: the file exists; give another name")
    truths = mark(args.recording, [range_in(text) for text in args.range], args.out, progress)
    target = args.out or args.recording
    with Reader(target) as reader:
        rate = reader.start.config["session"]["rate_hz"]
    seconds = seconds_of(truths, rate)
    facts = {"recording": str(target), "labels": dict(seconds),
             "ranges": [[one.start / rate, one.end / rate, one.name] for one in truths]}  # fmt: skip
    write_json(args.json, lambda: facts)
    if args.json != "-":
        print(printable(f"{target}: {listed(seconds)}"))
        folder, file = shell_word(Path(target).parent), shell_word(target)
        train = f"odl init {folder}, then odl train {folder} --out mine.odlm"
        print(printable(f"next: {train if seconds else f'odl label {file} --range 0:10=walk'}"))
    return ""


def without_model(path: str) -> bool:
    """Whether a recording holds samples alone, as `odl record` writes it."""
    from odl.recording import Reader

    try:
        with Reader(path) as reader:
            return not reader.start.image and "config" not in reader.start.config
    except OSError:
        return False  # opening it again says why


def seconds_of(truths: Iterable[Truth], rate_hz: float) -> dict[str, float]:
    """Return how long each thing was done."""
    seconds: dict[str, float] = {}
    for truth in truths:
        seconds[truth.name] = seconds.get(truth.name, 0.0) + (truth.end - truth.start) / rate_hz
    return seconds


def listed(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{clean(name)} {length:.1f} s" for name, length in seconds.items()) or "no label"
