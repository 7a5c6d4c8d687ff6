"""The commands of ``odl`` for boards that are plugged in: ports, push, pull."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, printable, with_flags, write_json


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    ports = commands.add_parser("ports", help="list the serial ports and find the boards on them")
    ports.add_argument("port", nargs="*", help="a device or a URL of pyserial; default: every serial port")
    ports.add_argument("--list", action="store_true", help="only list the ports; open none")
    add_options(ports, "json")
    ports.set_defaults(run=_ports)

    push = commands.add_parser("push", help="put a model image on a board")
    push.add_argument("model", help="an .odlm file or a dataset's name")
    add_option(push, "port", default="auto")
    add_option(push, "json", help="write what was done as JSON; - is standard output")
    push.set_defaults(run=_push)

    pull = commands.add_parser("pull", help="fetch a board's model, with what it has learned")
    pull.add_argument("out", help="the file to write (.odlm); only you can read it")
    add_option(pull, "port", default="auto")
    pull.add_argument("--without-vectors", action="store_true",
                      help="leave out feature vectors of the wearer's labelled windows")  # fmt: skip
    pull.add_argument("--base", action="store_true", help="the image as it was pushed, with nothing learned")
    add_options(pull, "force")
    add_option(pull, "json", help="write what was found as JSON; - is standard output")
    pull.set_defaults(run=_pull)


# --- ports -------------------------------------------------------------------------------


def _ports(args: argparse.Namespace, progress: Progress) -> str:
    from odl.device.discovery import Port, as_text, facts_of, list_ports, probe_all

    there = [Port(name) for name in args.port] or list_ports()
    found = [] if args.list else probe_all(there)
    facts = [one.facts() for one in found] if found else [facts_of(port) for port in there]
    write_json(args.json, lambda: facts)
    if args.json != "-":
        print(printable(with_flags(as_text(found or there)), keep="\n"))
    return ""


# --- push --------------------------------------------------------------------------------


def _push(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data.streams import load_model
    from odl.live.board_image import push_image
    from odl.live.connected import connected

    image, name = load_model(args.model), Path(args.model).name
    with connected(args.port, progress) as (url, board):
        pushed = push_image(board, image, name, progress)
        assert board.info is not None
        version = board.info.version
    facts = {"port": url, "image": f"{image.checksum:08x}", "bytes": len(image.to_bytes()),
             "pushed": pushed, "firmware": version}  # fmt: skip
    write_json(args.json, lambda: facts)
    if args.json != "-":
        state = "runs" if pushed else "runs already"
        print(printable(f"the board {state} {name}: {facts['image']}, {facts['bytes']} bytes; {version}"))
    return ""


# --- pull --------------------------------------------------------------------------------


def _pull(args: argparse.Namespace, progress: Progress) -> str:
    from odl._files import write_private
    from odl.live.board_image import pull_image
    from odl.live.connected import connected

    out = Path(args.out)
    if out.suffix != ".odlm":
        raise ValueError(f"the file to write is {out.name}; a model image ends in .odlm")
    if args.base and args.without_vectors:
        raise ValueError("--base holds no data of the wearer; leave out --without-vectors")
    if out.exists() and not args.force:
        raise ValueError(f"{out}: this file exists; give another name, or --force to replace it")
    with connected(args.port, progress) as (url, board):
        base, made = pull_image(
            board, learned=not args.base, vectors=not args.without_vectors, progress=progress
        )
    write_private(out, made.to_bytes())
    learned = made.card.get("learned")
    note = learned if isinstance(learned, dict) else {}
    facts = {"port": url, "file": str(out), "base": f"{base.checksum:08x}", "image": f"{made.checksum:08x}",
             "classes": list(made.names.values()), "labels": note.get("labels", 0),
             "vectors": note.get("vectors", 0)}  # fmt: skip
    write_json(args.json, lambda: facts)
    if args.json != "-":
        learning = (
            f"learned from {facts['labels']} labels, {facts['vectors']} feature vectors of the wearer"
            if note
            else "it holds nothing learned"
        )
        print(printable(f"{out}: {', '.join(made.names.values())}; {learning}"))
    return ""
