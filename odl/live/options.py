"""Options of a live session, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from odl.core.config import ConfigError
from odl.evaluate.option_table import LIVE_BUDGET, OPTIONS
from odl.evaluate.options import Options
from odl.policies.budget import parse_budget


@dataclass(frozen=True)
class LiveOptions:
    """Options of a live session; `open_live` takes them as keywords.

    Attributes
    ----------
    port : str
        A device, a URL of pyserial, or ``"auto"``, the one board plugged in. The default is ``"auto"``;
        a recording of an emulated board is resumed on a new emulated board.
    play : str
        A dataset or its folder; one of its people is played, ``speed`` times as fast, and the host learns.
    emulated : bool
        Start an emulated board, whose sensor plays ``play``.
    board : str
        Which board is emulated, a key of `firmware_sim.BOARDS`; default: the Nucleo.
    feed : str
        A dataset; the host feeds one of its people to a board without a sensor.
    subject, data : str, path
        Person to play or feed, and folder of the dataset if it is not bundled.
    format : str
        ``"board"``, or ``"csv"`` for a sketch that prints numbers: then ``columns`` in the model's
        order, ``rate`` and ``model`` are needed.
    units : sequence of str
        For a sketch: the printed unit of all columns or of each; default: the model's.
    scale : float
        For a sketch: the size of one count in that unit; default: one that fits the model.
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
        Keywords of `odl.replay`; the default of the budget is 12/h, and 20 with ``play`` or ``feed``.
    out, resume : path
        The recording to write, or one to resume.
    profile : path
        The wearer's profile (`odl.model.profile`): the session goes on from it, and it is kept up to date; a
        new file where there is none.
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
    >>> LiveOptions(emulated=True, feed="shoulder", play="shoulder")
    Traceback (most recent call last):
    ...
    odl.core.config.ConfigError: `play` and `feed` exclude each other: one board, one stream
    """

    port: str | None = None
    emulated: bool = False
    board: str | None = None
    play: str | None = None
    feed: str | None = None
    subject: str | int | None = None
    data: str | Path | None = None
    speed: float | None = None
    format: str = OPTIONS["format"].default
    rate: float | None = None
    columns: Sequence[str] | None = None
    units: Sequence[str] | None = None
    scale: float | None = None
    model: str | Path | None = None
    learn: str | None = None
    keep: bool = False
    answers: str | None = None
    options: dict[str, Any] | None = None
    out: str | Path | None = None
    resume: str | Path | None = None
    profile: str | Path | None = None
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
            (self.play is None or self.emulated or self.port is None,
             "what `play` names is played here or by an emulated board: leave out `port`"),
            (self.play is None or self.emulated or (self.learn in (None, "host") and not self.keep),
             "only this computer learns from what it plays; add `emulated=True` for a board that learns"),
            (self.play is None or self.emulated or self.who is None,
             "`who` is for a wearer; who is played has a name"),
            (self.board is None or self.emulated or self.resume is not None,
             "`board` is for an emulated board; add `emulated=True`"),
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
            (self.speed is None or self.emulated or recorded,
             "`speed` is for `play`, `feed` and `emulated=True`"),
            (self.resume is None or self.out is None,
             "`resume` continues in the same file; leave out `out`"),
            (self.resume is None or self.model is None,
             "`resume` continues with the recording's model; leave out `model`"),
            (self.feed is None or self.learn != "host",
             "`feed` is for a board that learns; without one, use 'odl replay'"),
            (board or self.learn in (None, "host"), "a sketch does not learn; use `learn='host'`"),
            (board or not (self.emulated or recorded), "`format='csv'` is for a sketch on a port"),
            (board or self.columns is not None, "`format='csv'` needs `columns`, as in ax,ay,az"),
            (board or self.model is not None or self.resume is not None, "`format='csv'` needs `model`"),
            (board or self.port not in (None, "auto"),
             "`format='csv'` needs `port`: a sketch does not identify itself"),
            (not board or self.rate is None, "`rate` is for `format='csv'`: a board reports its own"),
            (not board or self.columns is None, "`columns` is for `format='csv'`: a board reports its own"),
            (not board or not (self.units or self.scale),
             "`units` and `scale` are for `format='csv'`: a board reports its own"),
            (not (self.keep and self.profile is not None),
             "`profile` says what the board knows; leave out `keep`"),
            (not self.keep or (board and self.learn != "host"),
             "`keep` is for a board that learns; with `learn='host'` the board does not learn"),
        ):  # fmt: skip
            if not fits:
                raise ConfigError(sentence)


def default_budget(recorded: bool) -> int | str:
    """The budget of a session for which none was chosen; ``recorded``: a person is played or fed.

    >>> default_budget(True), default_budget(False)
    (20, '12/h')
    """
    return OPTIONS["budget"].default if recorded else LIVE_BUDGET


def session_options(live: LiveOptions, about: Mapping[str, Any] | None) -> Options:
    """How the session asks and learns; ``about`` is the description in a recording that is resumed.

    Raises
    ------
    ConfigError
        If options do not fit together, or a resumed session is to have others than before.

    >>> session_options(LiveOptions(play="shoulder", options={"policy": "random"}), None).budget
    20
    """
    keywords = live.options or {}
    for name in ("delay", "refuse", "error") if live.answers is None else ():
        if keywords.get(name) is not None:
            raise ConfigError(f"`{name}` is about answers from truth; add `answers='truth'`")
    if about is not None:
        if any(value is not None for name, value in keywords.items() if name != "delay"):
            raise ConfigError("`resume` continues with the recording's settings; leave out the others")
        return Options.from_dict(about.get("options", {})).changed(keywords)
    recorded = bool(live.play or live.feed)
    options = Options(budget=default_budget(recorded)).changed(keywords)
    endless = not (live.seconds or recorded)
    if endless and options.policy != "none" and parse_budget(options.budget, 1.0).period == 0:
        raise ConfigError(
            f"a budget of {options.budget} for the whole session needs its length, `seconds`; "
            "or give a budget such as 12/h"
        )
    return options


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
