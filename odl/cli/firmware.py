"""The commands of ``odl`` for firmware and the emulated board: firmware, board, verify, footprint."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firmware_sim import BOARDS, DEFAULT_BOARD
from odl.cli import firmware_export
from odl.cli.arguments import add_option, add_options
from odl.cli.firmware_export import with_capacities
from odl.cli.output import Progress, write_json
from odl.cli.still_working import quiet
from odl.evaluate.option_table import described

if TYPE_CHECKING:
    from firmware_sim.footprint import Played
    from odl.core.image import Image
    from odl.data.card import Card

SENSORS: Final = ("link", "lsm6dso")
TWINS: Final = ("python", "host", "board")


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    firmware = commands.add_parser(
        "firmware", help="build the firmware for a board, or export it for other tools"
    )
    verbs = firmware.add_subparsers(dest="verb", metavar="build", required=True)
    build = verbs.add_parser("build", help="write .elf, .bin and .map for a model")
    _add_board(build)
    add_option(build, "model", required=True, help="a dataset's name or an .odlm file")
    build.add_argument("--sensor", default="link", metavar="S", help=f"{', '.join(SENSORS)}; default: link")
    add_option(build, "out", default=".", metavar="DIR", help="default: here")
    add_options(build, "compiler")
    firmware_export.add_capacities(build)
    build.set_defaults(run=_build)
    firmware_export.add_commands(verbs)

    board = commands.add_parser("board", help="an emulated board behind a serial port")
    add_option(board, "model", default="shoulder", help="a dataset's name or an .odlm file")
    _add_board(board)
    add_option(board, "play", help="its sensor plays a person's recordings")
    add_options(board, "data subject")
    add_option(board, "seed", default=0, help="decides the recordings' order")
    add_option(board, "speed", default=1.0, help="times real time")
    board.add_argument("--socket", type=int, nargs="?", const=0, metavar="PORT",
                       help="a TCP socket on this machine instead of a pseudo-terminal")  # fmt: skip
    add_option(board, "seconds", help="seconds until it ends; default: Ctrl-C")
    board.add_argument("--with-input", action="store_true", help="end when standard input does")
    add_options(board, "compiler")
    board.set_defaults(run=_board)

    verify = commands.add_parser("verify", help="compare Python, host C and emulated board on a recording")
    verify.add_argument("recording", help="a recording (.odl)")
    verify.add_argument("--twins", default=",".join(TWINS), metavar="A,B", help="default: python,host,board")
    _add_board(verify)
    add_options(verify, "json")
    add_options(verify, "compiler")
    verify.set_defaults(run=_verify)

    footprint = commands.add_parser("footprint", help="flash, RAM, stack, instructions per step")
    footprint.add_argument("model", help="a dataset's name or an .odlm file")
    _add_board(footprint)
    add_options(footprint, "json")
    add_options(footprint, "compiler")
    footprint.add_argument("--battery", type=float, metavar="MAH", help="mAh: also print how long it lasts")
    footprint.add_argument(
        "--sleep", type=float, metavar="UA", help="microamperes asleep; default: the data sheet's"
    )
    footprint.set_defaults(run=_footprint)


def _add_board(command: argparse.ArgumentParser) -> None:
    add_option(command, "board", default=DEFAULT_BOARD, help=f"{', '.join(BOARDS)}; default: {DEFAULT_BOARD}")


def _build(args: argparse.Namespace, progress: Progress) -> str:
    from firmware_sim.build import build, fits
    from odl.data.streams import load_model

    image = with_capacities(load_model(args.model), args)
    progress(f"compiling the firmware for {args.board}: some seconds, or half a minute the first time")
    firmware = build(image, args.board, args.compiler, args.sensor)
    name = f"odl-{Path(args.model).stem}-{args.board}" + ("" if args.sensor == "link" else f"-{args.sensor}")
    for path in firmware.write(Path(args.out), name):
        print(path)
    print(
        f"code {firmware.code_bytes} of {firmware.room['code_bytes']} bytes, "
        f"model image {firmware.image_bytes}, RAM {firmware.ram_bytes} of {firmware.room['ram_bytes']}; "
        f"{firmware.compiler}"
    )
    print(fits(image, firmware))
    return ""


def _played(args: argparse.Namespace, image: Image) -> tuple[list[Any], Card]:
    """Return the samples of the person to play, and the dataset's card."""
    from odl.data import open_dataset

    dataset = open_dataset(args.play, args.data)
    person = dataset.someone if args.subject is None else args.subject
    n = len(image.channels)
    if len(dataset.card.channels) < n:
        have = len(dataset.card.channels)
        raise ValueError(f"{args.play} has {have} channels, but the model takes {n}")
    samples = [sample for part in dataset.session(person, args.seed) for sample in part.block[:, :n]]
    return samples, dataset.card


def _check_board(args: argparse.Namespace) -> None:
    described("speed").check(args.speed)
    if args.seconds is not None and not args.seconds >= 0:
        raise ValueError(f"--seconds is {args.seconds:g}; it cannot be below 0")
    if args.socket is not None and not 0 <= args.socket <= 65535:
        raise ValueError(f"--socket is {args.socket}; it can be 1 to 65535, or 0 for any free port")
    for name in ("subject", "data"):
        if getattr(args, name) is not None and args.play is None:
            raise ValueError(f"--{name} is for a dataset; name the dataset with --play")


def _board(args: argparse.Namespace, progress: Progress) -> str:
    from firmware_sim.build import build
    from firmware_sim.emulator import Emulator
    from firmware_sim.sensor import Lsm6dso
    from firmware_sim.serve import open_port, serve
    from odl.core.image import Channel
    from odl.data.streams import load_model

    _check_board(args)
    image = load_model(args.model)
    progress("compiling the board's firmware: some seconds, or half a minute the first time")
    sensor = None
    if args.play is None:
        firmware = build(image, args.board, args.compiler)
    else:
        samples, card = _played(args, image)
        sensor = Lsm6dso(samples, rate_hz=card.rate_hz, waits=True)
        counts = [Channel(c.name, c.unit, c.scale) for c in card.channels]
        firmware = build(image, args.board, args.compiler, "lsm6dso", counts=counts, rate_hz=card.rate_hz)
    board = Emulator(firmware.elf, sensor=sensor, board=args.board)
    port = open_port(args.socket)
    print(f"port: {port.name}", flush=True)
    played = (
        "" if sensor is None else f", its sensor plays {len(samples) / card.rate_hz:.0f} s of {args.play}"
    )
    progress(f"an emulated {board.spec.title}{played}; Ctrl-C ends it")
    if not args.with_input:  # else another program knows the port already
        progress(f"lists of ports do not show it; name it: odl live --port {port.name}")
    end = time.monotonic() + args.seconds if args.seconds is not None else None
    noticed = sensor is None

    def ended() -> bool:
        nonlocal noticed
        if sensor is not None and sensor.exhausted and not noticed:
            noticed = True
            progress("the recording has ended; the board keeps running")
        return (end is not None and time.monotonic() > end) or gone.is_set()

    gone = threading.Event()

    def wait_for_the_end_of_input() -> None:
        sys.stdin.buffer.read()
        gone.set()

    if args.with_input:
        threading.Thread(target=wait_for_the_end_of_input, daemon=True).start()
    try:
        with quiet(progress):
            serve(board, port, speed=args.speed, until=ended, progress=progress)
    except KeyboardInterrupt:
        progress("stopped")
    finally:
        port.close()
    return ""


def _verify(args: argparse.Namespace, progress: Progress) -> str:
    from odl.live.verify import verify

    names = [name.strip() for name in args.twins.split(",")]
    verdict = verify(args.recording, names, compiler=args.compiler, board=args.board, progress=progress)
    figures = {
        "equal": verdict.equal,
        "twins": list(verdict.twins),
        "inputs": verdict.inputs,
        "windows": verdict.windows,
        "outputs": verdict.outputs,
        "traces": verdict.traces,
        "recorded_trace": verdict.recorded,
        "damage": verdict.damage,
        "difference": None if verdict.difference is None else str(verdict.difference),
    }
    write_json(args.json, lambda: figures)
    if verdict.difference is not None:
        return f"the twins differ: {verdict.difference}"
    if not verdict.equal:
        return "the twins agree with each other, but not with the recording's trace"
    if args.json != "-":
        held = " and the recording's own trace" if verdict.recorded else ""
        print(
            f"equal: {', '.join(verdict.twins)}{held}: {verdict.windows} windows, "
            f"{verdict.outputs} events, state and log byte for byte\n"
            f"trace sha256 {verdict.traces['python']}"
        )
        if verdict.untraced:
            print(f"({verdict.untraced})")
    return verdict.damage


def played_session(image: Image) -> Played | None:
    """Return the session of the first test person of the image's dataset, as `footprint` takes it.

    None if the dataset is not bundled.
    """
    from firmware_sim.footprint import QUESTIONS
    from odl import data
    from odl.evaluate.recorded import open_recording
    from odl.evaluate.replay import replay

    name = str(image.card.get("dataset"))
    if name not in data.list_datasets() or not data.load_card(name).file:
        return None
    person = data.load_card(name).splits["test"][0]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "image.odlm"
        model.write_bytes(image.to_bytes())
        replay(name, budget=QUESTIONS, subjects=[person], model=model, out=folder)
        opened = open_recording(Path(folder) / f"{name}-{person}.odl")
        config, events = opened.config, list(opened.stream.inputs())
    return config, events, f"{name}, subject {person}, {QUESTIONS} questions by {config.policy}"


def _footprint(args: argparse.Namespace, progress: Progress) -> str:
    from firmware_sim.footprint import as_text, footprint
    from odl.data.streams import load_model

    image = load_model(args.model)
    progress("replaying a person for a session to run")
    for flag, least in (("battery", "above 0"), ("sleep", "0 or more")):
        value = getattr(args, flag)
        if value is not None and not (value > 0 or (value == 0 and flag == "sleep")):
            raise ValueError(f"--{flag} is {value:g}; it can be {least}")
    figures = footprint(
        image, played_session(image), compiler=args.compiler, board=args.board, battery_mah=args.battery,
        sleep_ua=args.sleep, progress=progress,
    )  # fmt: skip
    write_json(args.json, lambda: figures)
    if args.json != "-":
        print(as_text(figures))
    return ""
