"""The commands of ``odl`` for boards that are plugged in: ports, push, pull."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, check_not_source, printable, with_flags, write_json

if TYPE_CHECKING:
    from odl.device.serial_port import SerialPort
    from odl.wire.client import BoardClient

GREETING: Final = 6.0  # seconds within which a board answers, whatever other bytes arrive meanwhile
LIMIT: Final = 30.0  # seconds for an answer: erasing a sector, or 48 KB at 115200 baud


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
    from odl.cli.board_image import push_image
    from odl.data.streams import load_model

    check_not_source(args.model, args.json)
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
    from odl.cli.board_image import pull_image

    out = Path(args.out)
    if out.suffix != ".odlm":
        raise ValueError(f"the file to write is {out.name}; a model image ends in .odlm")
    if args.base and args.without_vectors:
        raise ValueError("--base holds no data of the wearer; leave out --without-vectors")
    check_not_source(args.out, args.json)
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


# --- the line ----------------------------------------------------------------------------


@contextmanager
def connected(port: str, progress: Progress) -> Iterator[tuple[str, BoardClient]]:
    """Yield the port's name and a client that has greeted the board on it."""
    with open_and_greet(port, progress) as (line, greet):
        yield line.url, greet()


@contextmanager
def open_and_greet(port: str, progress: Progress) -> Iterator[tuple[SerialPort, Callable[[], BoardClient]]]:
    """Yield the line to the board on ``port``, and what makes a client that has greeted it."""
    from odl.device.serial_port import SerialPort
    from odl.wire.client import BoardClient, BoardError
    from odl.wire.messages import Refusal

    url = _where(port)
    with SerialPort(url) as line:

        def write(data: bytes) -> None:
            line.write(data)

        progress(f"{url}: looking for a board")
        reader = _LineReader(line, GREETING)
        try:
            BoardClient(write, reader, GREETING, clock=line.clock).hello()
        except BoardError as error:
            if error.why is Refusal.VERSION:
                raise BoardError(
                    f"{url}: the board speaks another version of the protocol; flash it anew"
                ) from None
            raise BoardError(f"{url}: no board answers there{reader.advice()}") from None

        def greet() -> BoardClient:
            seq = int.from_bytes(os.urandom(2), "little")
            board = BoardClient(write, _LineReader(line), LIMIT, seq, line.clock)
            board.hello()
            progress(f"{url}: {board.info.version if board.info else ''}")
            return board

        yield line, greet


class _LineReader:
    """Reads a line for a client, which waits while bytes arrive; after ``limit`` seconds reading fails."""

    def __init__(self, line: SerialPort, limit: float | None = None) -> None:
        self._line, self._text = line, b""
        self._until = None if limit is None else line.clock.monotonic() + limit

    def __call__(self) -> bytes:
        from odl.wire.client import BoardError

        if self._until is not None and self._line.clock.monotonic() > self._until:
            raise BoardError("no bytes that arrived were an answer")
        chunk = self._line.get(0.1)
        data = b"" if chunk is None else chunk.data
        if self._until is not None:
            self._text = (self._text + data)[-200:]
        return data

    def advice(self) -> str:
        """Return a clause on the bytes that arrived in place of an answer, and what to do."""
        plain = sum(byte in b"\t\r\n" or 32 <= byte < 127 for byte in self._text)
        if b"\n" in self._text and plain >= 0.95 * len(self._text):
            return "; it prints lines, as a sketch does, and only a board of this protocol takes a model"
        return "; 'odl ports' lists what is plugged in"


def _where(port: str) -> str:
    if port != "auto":
        return port
    from odl.device.discovery import auto

    return auto()
