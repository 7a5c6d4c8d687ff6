"""The command of ``odl`` for a wearer's profile: show, merge, redact, pull, push, delete."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl._text import counted
from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, printable, write_json

if TYPE_CHECKING:
    from odl.model.profile import WearerProfile


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    profile = commands.add_parser(
        "profile", help="what a wearer has taught: show, merge, redact, move to a board"
    )
    verbs = profile.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text, run in (
        ("show", "say what a profile holds", _show),
        ("merge", "put several into one, such as those of two days", _merge),
        ("redact", "write one without the names that the wearer gave", _redact),
        ("pull", "fetch what a board has been taught into a profile", _pull),
        ("push", "teach a board what a profile holds; its session ends", _push),
        ("delete", "remove the file and, with --port, what the board has been taught", _delete),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        verb.add_argument("profile", help="a profile (.odlp)", nargs="+" if name == "merge" else None)
        if name in ("merge", "redact"):
            add_option(verb, "out", required=True, help="the file to write")
            add_options(verb, "force")
        if name in ("pull", "push"):
            add_option(verb, "port", default="auto")
        if name == "delete":
            add_option(verb, "port")
        add_option(verb, "json", help="write what was done as JSON; - is standard output")
        verb.set_defaults(run=run)


def _said(args: argparse.Namespace, path: Path, profile: WearerProfile, **facts: Any) -> str:
    found = {"profile": str(path), **profile.summary, **facts}
    write_json(args.json, lambda: found)
    if args.json != "-":
        known = _image_names(profile) | profile.names
        labels = ", ".join(f"{known.get(int(cls), cls)}: {n}" for cls, n in found["labels"].items()) or "none"
        labels += f", of removed classes: {found['removed']}" * (found["removed"] > 0)
        names = ", ".join(found["classes"]) or "none"
        text = f"{path}: of the image {found['image']}; labels by class {labels}; added classes {names}"
        print(printable(f"{text}; {counted(found['changes'], 'change')} of classes"))
    return ""


def _show(args: argparse.Namespace, progress: Progress) -> str:
    from odl.model.profile import read_profile

    return _said(args, Path(args.profile), read_profile(args.profile))


def _merge(args: argparse.Namespace, progress: Progress) -> str:
    from odl.model.profile import read_profile

    first, *others = args.profile
    merged = read_profile(first)
    for other in others:
        merged = merged + read_profile(other)
    return _written(args, merged)


def _redact(args: argparse.Namespace, progress: Progress) -> str:
    from odl.model.profile import read_profile

    profile = read_profile(args.profile)
    return _written(args, profile.redacted(_image_names(profile).values()))


def _image_names(profile: WearerProfile) -> dict[int, str]:
    """The names of the classes of its image, if that is a bundled one."""
    from odl.data.streams import bundled_model

    image = bundled_model(profile.image)
    return {} if image is None else dict(image.names)


def _written(args: argparse.Namespace, profile: WearerProfile) -> str:
    from odl._files import in_private
    from odl.model.profile_file import held

    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    with held(args.out), in_private(Path(args.out), force=bool(args.force)) as file:
        file.write_text(profile.text())
    return _said(args, Path(args.out), profile)


def _pull(args: argparse.Namespace, progress: Progress) -> str:
    from odl.live.board_labels import pull_labels
    from odl.live.connected import connected
    from odl.live.find import image_on
    from odl.model.profile_file import ProfileFile

    with ProfileFile.opened(args.profile) as file, connected(args.port, progress) as (_, board):
        image = image_on(board)
        there = pull_labels(board, image)
        if file.profile is not None:
            file.profile.check(image, args.profile)
            there = file.profile + there
        file.save(image, there.log)
        return _said(args, file.path, there)


def _push(args: argparse.Namespace, progress: Progress) -> str:
    from odl.live.board_labels import push_to
    from odl.live.connected import connected
    from odl.live.find import image_on
    from odl.model.profile import read_profile

    profile = read_profile(args.profile)
    with connected(args.port, progress) as (_, board):
        image = image_on(board)
        profile.check(image, args.profile)
        pushed = push_to(board, image, profile.log, progress)
    return _said(args, Path(args.profile), profile, pushed=pushed)


def _delete(args: argparse.Namespace, progress: Progress) -> str:
    from odl.live.connected import connected
    from odl.model.profile_file import ProfileFile

    with ProfileFile.opened(args.profile) as file:
        if args.port is not None:
            with connected(args.port, progress) as (_, board):
                board.remember(())
        file.path.resolve().unlink(missing_ok=args.port is not None)
        file.path.unlink(missing_ok=True)  # a symbolic link to it
    write_json(args.json, lambda: {"profile": args.profile, "deleted": True, "board": args.port})
    if args.json != "-":
        print(printable(f"{args.profile}: deleted{', and what the board was taught' if args.port else ''}"))
    return ""
