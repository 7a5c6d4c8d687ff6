"""The commands of ``odl`` about what is plugged in: ports, push, pull."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, check_not_source, printable, write_json

if TYPE_CHECKING:
    from odl.core.image import Image
    from odl.device.serial_port import SerialPort
    from odl.wire.client import BoardClient

GREETING: Final = 6.0  # seconds within which a board answers, whatever else comes meanwhile
LIMIT: Final = 30.0  # seconds for an answer: a sector is erased, or 48 KB come at 115200 baud


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    ports = commands.add_parser("ports", help="what is plugged in, and which of it is a board")
    ports.add_argument("port", nargs="*", help="a device or a URL of pyserial; default: every serial port")
    ports.add_argument("--list", action="store_true", help="only list them; open none")
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
    pull.add_argument("--base", action="store_true", help="the image as it was put there, nothing learned")
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
        print(printable(as_text(found or there), keep="\n"))
    return ""


# --- push --------------------------------------------------------------------------------


def _push(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data.streams import load_model

    check_not_source(args.model, args.json)
    image, name = load_model(args.model), Path(args.model).name
    with _connected(args.port, progress) as (url, board):
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


def push_image(
    board: BoardClient, image: Image, name: str, progress: Progress = lambda sentence: None
) -> bool:
    """Put ``image`` on a board that has been greeted, and wait until it runs there.

    Parameters
    ----------
    name : str
        What to call the image in sentences.
    progress : callable
        Told how far it is.

    Returns
    -------
    bool
        False if the board has it already; nothing was done then.

    Raises
    ------
    BoardError
        If the board's firmware was built for a model of other sizes, or cannot keep the image.
    """
    from firmware_sim.headers import sizes_of
    from odl.wire.client import BoardError
    from odl.wire.messages import Refusal

    info, data = board.info, image.to_bytes()
    if info is None:
        info = board.hello()
    if (info.image, info.image_size) == (image.checksum, len(data)):
        return False
    for what, here, there in _sizes(image, info):
        if here != there:
            raise BoardError(_unfit(name, f"{what}: {here} in the model, {there} on the board"))
    needed, room = sizes_of(image)["max_items"], _items(board)
    if needed > room:
        why = f"room to learn from {needed} labels and stored vectors is needed, {room} is on the board"
        raise BoardError(_unfit(name, why))
    if info.image_room < len(data):
        raise BoardError(f"{name} has {len(data)} bytes, but the board keeps {info.image_room} at most")
    _look_at_rate(board, image, progress)
    try:
        _upload(board, data, progress)
        _install(board, image.checksum)
    except BoardError as error:
        if error.why is Refusal.IMAGE:
            raise BoardError(_unfit(name, "the board cannot run it")) from None
        if error.why is Refusal.STORE:
            raise BoardError(f"the board could not keep {name}; it goes on with what it had") from None
        raise
    return True


def _sizes(image: Image, info: Any) -> list[tuple[str, int, int]]:
    """What a firmware is built for, in the model and on the board."""
    from odl.core.arrays import state_dtype_of

    return [
        ("channels", len(image.channels), info.channels),
        ("bytes of state", state_dtype_of(image).itemsize, info.state),
    ]


def _items(board: BoardClient) -> float:
    """Labels and vectors that the firmware has room for in a refit; no limit where it does not say."""
    items = board.description.board.get("items") if board.description else None
    return items if isinstance(items, int) and not isinstance(items, bool) else float("inf")


def _unfit(name: str, why: str) -> str:
    return (
        f"the board's firmware was built for another model's sizes than {name} has ({why}); "
        f"build one with 'odl firmware build --model {name}' and flash it"
    )


def _look_at_rate(board: BoardClient, image: Image, progress: Progress) -> None:
    rate = board.description.board.get("rate_hz") if board.description else None
    if isinstance(rate, int | float) and abs(rate - image.rate_hz) > 0.01 * image.rate_hz:
        progress(f"the board's sensor gives {rate:g} Hz, but the model was made for {image.rate_hz:g} Hz")


def _upload(board: BoardClient, data: bytes, progress: Progress) -> None:
    """Send it; where the rest of an upload that was cut short is in the way, once more from clean."""
    from odl.wire.client import BoardError
    from odl.wire.messages import Refusal

    try:
        board.upload(data, _in_quarters("sent", progress))
    except BoardError as error:
        if error.why is not Refusal.STORE:
            raise
        progress("what an earlier upload left is in the way; starting over")
        board.upload(b"\xff" * 8)  # other first bytes: the place is erased
        board.upload(data, _in_quarters("sent", progress))


def _install(board: BoardClient, checksum: int) -> None:
    """Have it used. Where the answer is lost in the board's restart, what the board runs then counts."""
    from odl.wire.client import BoardError

    try:
        board.install()
    except BoardError as error:
        if error.why is not None or board.hello().image != checksum:
            raise


def _in_quarters(done: str, progress: Progress) -> Callable[[int, int], None]:
    """A callback that reports bytes, a quarter at a time."""
    reported = 0

    def report(so_far: int, total: int) -> None:
        nonlocal reported
        if so_far * 4 // total > reported:
            reported = so_far * 4 // total
            progress(f"{done} {25 * reported} % of {total} bytes")

    return report


# --- pull --------------------------------------------------------------------------------


def _pull(args: argparse.Namespace, progress: Progress) -> str:
    from odl._files import write_private

    out = Path(args.out)
    if out.suffix != ".odlm":
        raise ValueError(f"the file to write is {out.name}; a model image ends in .odlm")
    if args.base and args.without_vectors:
        raise ValueError("--base has nothing of the wearer in it; leave out --without-vectors")
    check_not_source(args.out, args.json)
    if out.exists() and not args.force:
        raise ValueError(f"{out}: is there already; give another name, or --force to replace it")
    with _connected(args.port, progress) as (url, board):
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
        said = (
            f"learned from {facts['labels']} labels, {facts['vectors']} feature vectors of the wearer"
            if note
            else "nothing learned is in it"
        )
        print(printable(f"{out}: {', '.join(made.names.values())}; {said}"))
    return ""


def pull_image(
    board: BoardClient,
    *,
    learned: bool = True,
    vectors: bool = True,
    progress: Progress = lambda sentence: None,
) -> tuple[Image, Image]:
    """The image that a board runs, and the same with what the board has learned since.

    Parameters
    ----------
    board : BoardClient
        Greeted. Its session, if one runs, goes on.
    learned : bool
        Without it the second is the first.
    vectors : bool
        See `odl.model.checkpoint.checkpoint`.

    Raises
    ------
    BoardError, ImageError, CheckpointError
        If the board does not answer, or what it gives is damaged.
    """
    from odl.core.image import Image
    from odl.model.checkpoint import checkpoint, log_of

    base = Image.from_bytes(board.read_image(_in_quarters("read", progress)), "the board's model image")
    if not learned:
        return base, base
    return base, checkpoint(base, log_of(base, board.snapshot()), vectors=vectors)


# --- the line ----------------------------------------------------------------------------


@contextmanager
def _connected(port: str, progress: Progress) -> Iterator[tuple[str, BoardClient]]:
    """The port's name and a client that has greeted the board on it."""
    from odl.device.serial_port import SerialPort
    from odl.wire.client import BoardClient, BoardError
    from odl.wire.messages import Refusal

    url = _where(port)
    with SerialPort(url) as line:

        def write(data: bytes) -> None:
            line.write(data)

        progress(f"{url}: looking for a board")
        heard = _Heard(line, GREETING)
        try:
            BoardClient(write, heard, GREETING, clock=line.clock).hello()
        except BoardError as error:
            if error.why is Refusal.VERSION:
                raise BoardError(
                    f"{url}: the board speaks another version of the protocol; flash it anew"
                ) from None
            raise BoardError(f"{url}: no board answers there{heard.instead()}") from None
        seq = int.from_bytes(os.urandom(2), "little")
        board = BoardClient(write, _Heard(line), LIMIT, seq, line.clock)
        board.hello()
        progress(f"{url}: {board.info.version if board.info else ''}")
        yield url, board


class _Heard:
    """What comes of a line. A client waits on while bytes come; after ``limit`` seconds none do."""

    def __init__(self, line: SerialPort, limit: float | None = None) -> None:
        self._line, self._text = line, b""
        self._until = None if limit is None else line.clock.monotonic() + limit

    def __call__(self) -> bytes:
        from odl.wire.client import BoardError

        if self._until is not None and self._line.clock.monotonic() > self._until:
            raise BoardError("nothing that came was an answer")
        chunk = self._line.get(0.1)
        data = b"" if chunk is None else chunk.data
        if self._until is not None:
            self._text = (self._text + data)[-200:]
        return data

    def instead(self) -> str:
        """What comes where no board answers, and what to do."""
        plain = sum(byte in b"\t\r\n" or 32 <= byte < 127 for byte in self._text)
        if b"\n" in self._text and plain >= 0.95 * len(self._text):
            return "; it prints lines, as a sketch does, and only a board of this protocol takes a model"
        return "; 'odl ports' lists what is plugged in"


def _where(port: str) -> str:
    if port != "auto":
        return port
    from odl.device.discovery import auto

    return auto()
