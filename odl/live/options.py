"""What a live session is to be, checked before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from odl.core.config import ConfigError
from odl.device.serial_port import BAUD

LEARN: Final = ("host", "device", "both")


@dataclass(frozen=True)
class Wishes:
    """What a live session is to be; `open_live` takes these as keywords.

    Attributes
    ----------
    port : str
        A device, a URL of pyserial, or ``"auto"``: the one board that is there. So it is without one,
        but for a recording of an emulated board, which is gone on with on such a board.
    emulated : bool
        Start an emulated board instead; with ``play`` its sensor plays a person of that dataset,
        ``speed`` times as fast.
    feed : str
        Dataset whose person the host feeds to a board without a sensor of its own.
    subject, data : int, path
        Whom to play or feed, and where the dataset's files lie if it is not bundled.
    form : str
        ``"board"``, or ``"csv"`` for a sketch that prints numbers: then ``columns`` in the model's
        order, ``rate`` and ``model`` are needed.
    model : path or str
        Model image, or a dataset's name; default: the board's own.
    learn : str
        ``"host"``, ``"device"`` or ``"both"``; default: both, host for a sketch or for a board that
        runs another image than ``model``.
    keep : bool
        Go on from what the board has learned before.
    answers : str
        ``"truth"``: what is played or fed answers by itself.
    options : mapping
        As the keywords of `odl.replay`; the budget is 12/h by default.
    out, resume : path
        The recording to write, or one to go on with.
    seconds : float
        End after so many seconds of the stream: lost samples count, and where nothing comes the
        clock does.
    who : str
        A pseudonym for the wearer.
    by : str
        How answers come: ``terminal``, ``notebook``.
    """

    port: str | None = None
    emulated: bool = False
    play: str | None = None
    feed: str | None = None
    subject: int | None = None
    data: str | Path | None = None
    speed: float | None = None
    form: str = "board"
    rate: float | None = None
    columns: Sequence[str] | None = None
    model: str | Path | None = None
    learn: str | None = None
    keep: bool = False
    answers: str | None = None
    options: dict[str, Any] | None = None
    out: str | Path | None = None
    resume: str | Path | None = None
    seconds: float | None = None
    who: str | None = None
    by: str = "terminal"
    baud: int = BAUD

    def __post_init__(self) -> None:
        def need(good: bool, sentence: str) -> None:
            if not good:
                raise ConfigError(sentence)

        need(self.form in ("board", "csv"), f"--format is {self.form}; it can be board or csv")
        need(self.learn in (None, *LEARN), f"--learn is {self.learn}; it can be {', '.join(LEARN)}")
        need(self.answers in (None, "truth"), f"--answers is {self.answers}; it can be truth")
        need(self.play is None or self.emulated, "--play is for an emulated board; add --emulated")
        need(not self.emulated or self.port is None, "--emulated starts a board of its own: leave out --port")
        need(
            not self.emulated or bool(self.play or self.feed or self.resume),
            "an emulated board has nothing to sense; add --play shoulder, or feed it: --feed shoulder",
        )
        need(not (self.play and self.feed), "--play and --feed exclude each other: one board, one stream")
        need(self.subject is None or bool(self.play or self.feed), "--subject is for --play and --feed")
        need(self.data is None or bool(self.play or self.feed), "--data is for --play and --feed")
        need(self.answers is None or bool(self.play or self.feed),
             "--answers truth is for what is played or fed: else nobody knows the truth")  # fmt: skip
        for name in ("speed", "rate", "seconds"):
            check_above_0(f"--{name}", getattr(self, name))
        need(
            self.speed is None or self.emulated or self.feed is not None,
            "--speed is for --emulated and --feed",
        )
        need(self.resume is None or self.out is None, "--resume goes on in the same file; leave out --out")
        need(
            not (self.resume and self.model), "--resume goes on with the recording's model; leave out --model"
        )
        need(self.feed is None or self.learn != "host", "--feed is for a board that learns; else: odl replay")
        need(self.form == "board" or self.learn in (None, "host"), "a sketch does not learn; --learn host")
        need(
            self.form == "board" or not (self.emulated or self.feed), "--format csv is for a sketch on a port"
        )
        need(self.form == "board" or self.columns is not None, "--format csv needs --columns, as in ax,ay,az")
        need(self.form == "board" or bool(self.model or self.resume), "--format csv needs --model")
        need(self.form == "board" or self.port not in (None, "auto"),
             "--format csv needs --port: a sketch does not say that it is one")  # fmt: skip
        need(self.form == "csv" or self.rate is None, "--rate is for --format csv: a board tells its own")
        need(
            self.form == "csv" or self.columns is None, "--columns is for --format csv: a board names its own"
        )
        need(not self.keep or (self.form == "board" and self.learn != "host"),
             "--keep is for a board that learns; with --learn host it does not")  # fmt: skip
        check_pseudonym(self.who)


def check_above_0(name: str, value: float | None) -> None:
    """Refuse a number that is given and not above 0, or endless.

    Raises
    ------
    ConfigError
        If so.

    >>> check_above_0("--seconds", 0.5)
    """
    if value is not None and not 0 < value < math.inf:
        raise ConfigError(f"{name} must be a number above 0")


def check_pseudonym(who: str | None) -> None:
    """Refuse what cannot stand for a wearer in a recording.

    Raises
    ------
    ConfigError
        If it is given and empty, long, unprintable, or holds the colon that sets it apart.

    >>> check_pseudonym("P3")
    """
    if who is not None and not (who.isprintable() and 0 < len(who) <= 32 and ":" not in who):
        raise ConfigError("--who is a pseudonym of 1 to 32 printable characters without ':'")
