"""The command of ``odl`` that converts recordings, tables and what odl 0.1 wrote: convert."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl._files import check_regular
from odl._kinds import folder_instead
from odl.cli.arguments import add_option, add_options, names_in
from odl.cli.output import Progress, check_not_source, printable

if TYPE_CHECKING:
    from odl.model.tflite.convert import ConvertedNetwork

_OF_TABLES = ("rate", "columns", "units", "label", "subject", "model")
_OF_RECORDINGS = ("counts", "events", "redact")
_NETWORKS = (".tflite", ".lite")  # the latter as Edge Impulse calls them
_OTHER_NETWORKS = (".keras", ".h5", ".hdf5", ".onnx", ".pb", ".pt", ".pth")
_OF_NETWORKS = ("hop", "classes", "head", "check")


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    convert = commands.add_parser(
        "convert",
        help="a recording to a table or back, an int8 network to a model image, or an older version",
        description="Recordings (.odl) to tables (.csv, .parquet) and back, or to redacted recordings; "
        "int8 networks (.tflite) to model images (.odlm); recordings and images of odl 0.1 to today's.",
    )
    add = convert.add_argument
    add("source", help="a recording (.odl), a table (.csv, .parquet), a network (.tflite), an image (.odlm)")
    add("target", help="the file to write: .csv, .parquet, .odl or .odlm")
    add_options(convert, "force")
    group = convert.add_argument_group("from a recording")
    add = group.add_argument
    add("--counts", action="store_true", default=None, help="raw counts, not real values")
    add("--events", metavar="FILE", help="a second table: predictions, questions, answers, learning")
    add("--redact", nargs="?", const="", metavar="WHAT",
        help="leave out origin,subject,names,vectors,notes,samples; default: all but samples")  # fmt: skip
    group = convert.add_argument_group("from a table or a network")
    add_option(group, "rate", help="samples a second; default for a table: from a column of time stamps")
    add_option(group, "columns", help="the channels; default for a table: columns named like a sensor's axes")
    add_options(group, "units")
    group = convert.add_argument_group("from a table")
    group.add_argument("--label", metavar="COLUMN",
                       help="class names; default: a column called label, activity, ...")  # fmt: skip
    add_option(group, "subject", kind="text", metavar="NAME", help="a pseudonym of the person")
    add_option(group, "model", help="an .odlm file or a dataset's name, for the recording to hold")
    group = convert.add_argument_group("from a network")
    add = group.add_argument
    add("--hop", type=int, metavar="N", help="samples between two windows; default: half a window")
    add("--classes", metavar="A,B,C", help="names, in the order of the network's outputs")
    add("--head", action=argparse.BooleanOptionalAction, default=None,
        help="let the network's classifier be the first head; default: yes")  # fmt: skip
    add("--check", type=int, nargs="?", const=1000, metavar="N",
        help="run N windows (1000) in LiteRT's reference kernels too and compare every feature")  # fmt: skip
    convert.set_defaults(run=_convert)


def _convert(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data import DataError
    from odl.data.conversion.convert import TABLES

    source, target = Path(args.source), Path(args.target)
    check_regular(source)
    if source.is_dir():
        raise DataError(f"{source}: {folder_instead(source)}")
    for path in (source, target):
        if path.suffix in _OTHER_NETWORKS:
            raise ValueError(f"{path.name}: a network has to be an int8 .tflite file; see docs/your-model.md")
        if path.suffix not in (known := (".odl", ".odlm", *_NETWORKS, *TABLES)):
            raise ValueError(f"{path.name}: this ends neither in {' nor '.join(known)}")
    if source.suffix in _NETWORKS:
        for name in ("label", "subject", "model", *_OF_RECORDINGS):
            if getattr(args, name) is not None:
                raise ValueError(f"--{name} is not for a network, and {source.name} is one")
        return _from_network(source, target, args, progress)
    for name in _OF_NETWORKS:
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} is for networks (.tflite), and {source.name} is not one")
    if ".odlm" in (source.suffix, target.suffix):
        _from_image(source, target, bool(args.force))
        return ""
    wrong = _OF_TABLES if source.suffix == ".odl" else _OF_RECORDINGS
    for name in wrong:
        if getattr(args, name) is not None:
            kind = "tables" if wrong is _OF_TABLES else "recordings"
            raise ValueError(f"--{name} is for {kind}, and {source.name} is not one")
    if source.suffix == ".odl":
        return _from_recording(source, target, args, progress)
    if target.suffix != ".odl":
        raise ValueError(f"{source.name} to {target.name}: one of the two has to be a recording (.odl)")
    _from_table(source, target, args, progress)
    return ""


def _from_recording(source: Path, target: Path, args: argparse.Namespace, progress: Progress) -> str:
    from odl.data.conversion.convert import TABLES, redacted, to_table
    from odl.data.conversion.converted import side_card
    from odl.recording.redact import Source, kinds_of

    events = None if args.events is None else Path(args.events)
    written = [
        target,
        *([events] if events else []),
        *([side_card(target)] if target.suffix == ".csv" else []),
    ]
    for one in written:
        check_not_source(str(source), one)
    if len({path.resolve() for path in written}) < len(written):
        raise ValueError(f"{events}: the two tables need two names")
    if events is not None and events.suffix not in TABLES:
        raise ValueError(f"{events.name}: --events writes {' or '.join(TABLES)}")
    if target.suffix == ".odl" and (args.counts or events):
        raise ValueError(f"{target.name} is a recording; --counts and --events are for tables")
    kinds = () if args.redact is None else kinds_of(args.redact)
    if "samples" in kinds and target.suffix != ".odl":
        raise ValueError("a table without samples would be empty; leave samples out of a recording (.odl)")
    found = Source(source, kinds, progress)
    if target.suffix == ".odl":
        if args.redact is None and not found.old:
            raise ValueError(
                f"{source.name} is a recording already; name a table to write, or --redact alone"
            )
        redacted(found, target, bool(args.force))
        print(printable(f"{target}: {found.samples} samples"))
        if found.old:
            print("converted from odl 0.1; a replay has the learner of this version, and another trace")
    else:
        rows = to_table(found, target, counts=bool(args.counts), events=events, force=bool(args.force))
        print(printable(f"{target}: {rows} rows, {'counts' if args.counts else 'real values'}"))
    if args.redact is not None:
        print(printable(f"left out: {'; '.join(found.removed) or 'nothing, the recording held none of it'}"))
        if not found.same_trace and not found.old:
            print("a replay of this file does not give the recorded trace")
        if "samples" not in kinds:
            print("the samples themselves can identify the person; see docs/recording.md")
    return found.damage


def _from_network(source: Path, target: Path, args: argparse.Namespace, progress: Progress) -> str:
    """A network as a model image; with ``--check`` a difference is damage, and the exit code says so."""
    from odl._files import in_private, open_regular
    from odl.model.tflite.convert import convert
    from odl.model.tflite.flat_tables import LARGEST, TfliteError

    if target.suffix != ".odlm":
        raise ValueError(f"{source.name} to {target.name}: a network converts to a model image (.odlm) only")
    if args.rate is None:
        raise ValueError("--rate is missing: how many samples a second the network was trained on")
    if not 0 < args.rate < 4e6:
        raise ValueError(f"--rate is {args.rate:g}; a number above 0 and below 4 million is wanted")
    if args.check is not None and args.check < 1:
        raise ValueError(f"--check is {args.check}; a number of windows is wanted")
    with open_regular(source) as file:
        data = file.read(LARGEST + 1)
    try:
        made = convert(
            data, rate_hz=args.rate, hop=args.hop, channels=names_in(args.columns) or [],
            units=names_in(args.units) or [], classes=names_in(args.classes) or [],
            head=args.head is not False, name=source.name,
        )  # fmt: skip
        with in_private(target, bool(args.force)) as file:
            said = "" if args.check is None else _checked(data, made, args.check, progress)
            file.write_bytes(made.image.to_bytes())
    except TfliteError as error:
        raise TfliteError(f"{source.name}: {error}") from None
    for line in _about_network(made, bool(args.classes)):
        print(printable(f"{target}: {line}"))
    print(printable(f"{target}: {said or 'not compared with another implementation; --check does'}"))
    return ""


def _checked(data: bytes, made: ConvertedNetwork, windows: int, progress: Progress) -> str:
    """What the comparison with LiteRT says, if all features are equal."""
    from odl._extras import how_to_install
    from odl.model.tflite.flat_tables import TfliteError

    try:
        from odl.model.tflite.check import compare

        progress(f"comparing {windows} windows with LiteRT")
        compared = compare(data, made, windows)
    except ModuleNotFoundError as missing:
        raise ValueError(f"--check needs LiteRT: {how_to_install('tflite')}") from missing
    if compared.different:
        raise TfliteError(compared.text)
    return compared.text


def _about_network(made: ConvertedNetwork, named: bool) -> list[str]:
    """What became of a network, where it runs, and what is still to be named."""
    from firmware_sim.capacity import on_board
    from odl.core.layer import MOST_OUTPUTS

    image, n = made.image, len(made.image.to_bytes())
    seconds = image.window / image.rate_hz
    lines = [
        f"{n} bytes, windows of {image.window} samples ({seconds:g} s) every {image.hop}, "
        f"{image.features} features, {image.macs} multiply-accumulates a window"
    ]
    if image.windowed:
        often = image.window / image.hop
        lines.append(f"replays and runs live; it pads, so a sample is computed {often:.3g} times, per window")
    else:
        lines.append("replays and streams: each sample is computed once, whatever the hop")
    lines.append(on_board(image))
    if made.too_many:
        lines.append(
            f"its features are the classifier's own {image.features} outputs, which tell a new class, too: "
            f"the layer before gives {made.too_many} values, and up to {MOST_OUTPUTS} can be features"
        )
    if made.classifier is not None:
        lines.append(f"its classifier is the first head: {', '.join(image.names.values())}")
    else:
        lines.append(f"no head yet: {', '.join(image.names.values())} begin at zero")
    if not named:
        order = "" if made.classifier is None else ", in the order of the outputs"
        lines.append(f"the classes have no names; --classes A,B,... gives them{order}")
    if all(channel.unit == "1" for channel in image.channels):
        lines.append("the channels have no names and units; --columns and --units name those of your sensor")
    return lines


def _from_image(source: Path, target: Path, force: bool) -> None:
    from odl.data.conversion.convert import image_of_this_version

    if source.suffix != target.suffix:
        raise ValueError(
            f"{source.name} to {target.name}: a model image converts to a model image (.odlm) only"
        )
    check_not_source(str(source), target)
    version = image_of_this_version(source, target, force)
    print(printable(f"{target}: {target.stat().st_size} bytes"))
    print(f"converted from version {version}, with the same weights")


def _from_table(source: Path, target: Path, args: argparse.Namespace, progress: Progress) -> None:
    from odl.data.conversion.convert import to_recording

    notes = to_recording(
        source, target, model=args.model, subject=args.subject, rate_hz=args.rate,
        columns=names_in(args.columns) or [], units=names_in(args.units) or [], label=args.label or "",
        force=bool(args.force), progress=progress,
    )  # fmt: skip
    for note in notes:
        print(printable(note))
    print(printable(f"{target}: {target.stat().st_size} bytes"))
