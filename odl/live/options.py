"""Options of a live session, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from odl.core.config import ConfigError
from odl.evaluate.option_table import OPTIONS


@dataclass(frozen=True)
class LiveOptions:
    """Options of a live session; `open_live` takes them as keywords.

    Attributes
    ----------
    port : str
        A device, a URL of pyserial, or ``"auto"``, the one board plugged in. The default is ``"auto"``;
        a recording of an emulated board is resumed on a new emulated board.
    emulated : bool
        Start an emulated board instead; with ``play`` its sensor plays a person of that dataset,
        ``speed`` times as fast.
    feed : str
        A dataset; the host feeds one of its people to a board without a sensor.
    subject, data : str, path
        Person to play or feed, and folder of the dataset if it is not bundled.
    format : str
        ``"board"``, or ``"csv"`` for a sketch that prints numbers: then ``columns`` in the model's
        order, ``rate`` and ``model`` are needed.
    model : path or str
        Model image, or a dataset's name; default: the board's own.
    learn : str
        ``"host"``, ``"device"`` or ``"both"``; default: both, host for a sketch or for a board that
        runs another image than ``model``.
    keep : bool
        Continue from what the board has learned before.
    answers : str
        ``"truth"``: questions are answered from the truth of the person who is played or fed.
    options : mapping
        Keywords of `odl.replay`; the default of the budget is 12/h.
    out, resume : path
        The recording to write, or one to resume.
    seconds : float
        Length of the session in seconds of the stream. Lost samples count; while no samples come,
        the clock counts.
    who : str
        A pseudonym for the wearer.
    by : str
        Where answers come from: ``terminal`` or ``notebook``.

    Raises
    ------
    ConfigError
        If an option is out of its range, or two of them exclude each other.

    Examples
    --------
    >>> LiveOptions(play="shoulder")
    Traceback (most recent call last):
    ...
    odl.core.config.ConfigError: `play` is for an emulated board; add `emulated=True`
    """

    port: str | None = None
    emulated: bool = False
    play: str | None = None
    feed: str | None = None
    subject: str | int | None = None
    data: str | Path | None = None
    speed: float | None = None
    format: str = OPTIONS["format"].default
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
    baud: int = OPTIONS["baud"].default

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in OPTIONS:
                OPTIONS[field.name].check(getattr(self, field.name))
        check_pseudonym(self.who)
        recorded = self.play is not None or self.feed is not None
        board = self.format == "board"
        for fits, sentence in (
            (self.play is None or self.emulated, "`play` is for an emulated board; add `emulated=True`"),
            (not self.emulated or self.port is None,
             "`emulated=True` starts a board of its own: leave out `port`"),
            (not self.emulated or recorded or self.resume is not None,
             "an emulated board has no data of its own; add `play='shoulder'` or `feed='shoulder'`"),
            (self.play is None or self.feed is None,
             "`play` and `feed` exclude each other: one board, one stream"),
            (self.subject is None or recorded, "`subject` is for `play` and `feed`"),
            (self.data is None or recorded, "`data` is for `play` and `feed`"),
            (self.answers is None or recorded or self.resume is not None,
             "`answers='truth'` needs `play` or `feed`: otherwise no truth is known"),
            (self.speed is None or self.emulated or self.feed is not None,
             "`speed` is for `emulated=True` and `feed`"),
            (self.resume is None or self.out is None,
             "`resume` continues in the same file; leave out `out`"),
            (self.resume is None or self.model is None,
             "`resume` continues with the recording's model; leave out `model`"),
            (self.feed is None or self.learn != "host",
             "`feed` is for a board that learns; without one, use 'odl replay'"),
            (board or self.learn in (None, "host"), "a sketch does not learn; use `learn='host'`"),
            (board or not (self.emulated or self.feed), "`format='csv'` is for a sketch on a port"),
            (board or self.columns is not None, "`format='csv'` needs `columns`, as in ax,ay,az"),
            (board or self.model is not None or self.resume is not None, "`format='csv'` needs `model`"),
            (board or self.port not in (None, "auto"),
             "`format='csv'` needs `port`: a sketch does not identify itself"),
            (not board or self.rate is None, "`rate` is for `format='csv'`: a board reports its own"),
            (not board or self.columns is None, "`columns` is for `format='csv'`: a board reports its own"),
            (not self.keep or (board and self.learn != "host"),
             "`keep` is for a board that learns; with `learn='host'` the board does not learn"),
        ):  # fmt: skip
            if not fits:
                raise ConfigError(sentence)


def check_pseudonym(who: str | None) -> None:
    """Refuse a pseudonym that cannot stand for a wearer in a recording.

    Raises
    ------
    ConfigError
        If it is empty, long or unprintable, or holds the colon that separates it from where answers
        come from.

    >>> check_pseudonym("P3")
    """
    if who is not None and not (who.isprintable() and 0 < len(who) <= 32 and ":" not in who):
        raise ConfigError("`who` is a pseudonym of 1 to 32 printable characters without ':'")
