"""What a recording that is gone on with says of how it was led. It comes from a file: all is checked."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from odl._text import clean
from odl.core.config import ConfigError
from odl.data import list_datasets
from odl.data.streams import Stream
from odl.live.options import Wishes
from odl.recording.resume import Resumed


def again(wish: Wishes, resumed: Resumed) -> Wishes:
    """``wish`` with what it leaves open as it was before: the wearer, and an emulated board.

    Nothing of what was wished for is changed. A recording of an emulated board is gone on with on
    such a board, where no port is named: the same person is played, and answers as before.

    Raises
    ------
    ConfigError
        If its Start says of the session what cannot be, or another wearer is wished for, or it is a
        sketch's and the wish does not say where that is.

    Examples
    --------
    ::

        again(Wishes(resume="walk.odl"), resume("walk.odl")).who
    """
    live = resumed.about.get("live")
    before: dict[str, Any] = live if isinstance(live, dict) else {}
    subject = _text(resumed.about, "subject")  # the wearer's pseudonym, or who was played
    named = before.get("named") is True
    if wish.who not in (None, subject):
        whose = f"is a recording of {clean(subject)}" if subject else "names nobody"
        raise ConfigError(f"{wish.resume} {whose}, and goes on with the same wearer; leave out --who")
    if before.get("form") == "csv" and wish.form != "csv":
        raise ConfigError(
            f"{wish.resume}: a sketch printed it; say once more where and what it prints: "
            "--port P --format csv --columns A,B,C"
        )
    found: dict[str, Any] = {"who": wish.who or (subject if named else None)}
    emulated = before.get("emulated") is True and wish.port is None and wish.form == "board"
    if emulated or wish.emulated:
        found["emulated"] = True
        own = None if wish.play or wish.feed else before
        found["play"] = wish.play or _text(own, "play")
        found["feed"] = wish.feed or _text(own, "feed")
        if found["play"] is found["feed"] is None:
            raise ConfigError(
                f"{wish.resume}: name what its emulated board played: --emulated --play shoulder"
            )
        if (found["play"], found["feed"]) == (_text(before, "play"), _text(before, "feed")):
            speed = before.get("speed")
            if wish.subject is None:
                if named or subject is None or not subject.isdecimal():
                    raise ConfigError(
                        f"{wish.resume}: name whom its emulated board played: "
                        f"--emulated {'--feed' if found['feed'] else '--play'} "
                        f"{found['play'] or found['feed']} --subject N"
                    )
                found["subject"] = int(subject)
            if wish.speed is None and isinstance(speed, float) and 0 < speed < math.inf:
                found["speed"] = speed
            found["answers"] = wish.answers or _text(before, "answers")
    try:
        return replace(wish, **found)
    except ConfigError as error:
        raise ConfigError(f"{wish.resume}: {error}") from None


def check_same(path: str | Path, resumed: Resumed, stream: Stream) -> None:
    """Refuse to go on with somebody else: one person, one recording.

    Raises
    ------
    ConfigError
        If ``stream``, which is to be played or fed, is not the recorded person's.
    """
    about = resumed.about
    dataset, subject = _text(about, "dataset"), _text(about, "subject")
    live = about.get("live")
    if isinstance(live, dict) and live.get("named") is True:
        subject = stream.subject  # a pseudonym stands in its place
    if (dataset, subject) != (stream.about.get("dataset"), stream.subject):
        whose = f"{clean(dataset)}'s person {clean(subject or '')}" if dataset else "somebody else"
        raise ConfigError(
            f"{path} is a recording of {whose}; what is played or fed now is another person's and needs a "
            "recording of its own"
        )


def how(wish: Wishes) -> dict[str, Any]:
    """What a recording's Start is to keep of ``wish``, for `again`; nobody's and no folder's name.

    >>> how(Wishes(emulated=True, play="shoulder", speed=2.0))
    {'emulated': True, 'play': 'shoulder', 'speed': 2.0}
    >>> how(Wishes(who="P3"))
    {'named': True}
    """
    known = list_datasets()
    kept = {
        "emulated": wish.emulated, "play": wish.play if wish.play in known else None,
        "feed": wish.feed if wish.feed in known else None, "answers": wish.answers,
        "speed": None if wish.speed is None else float(wish.speed), "named": wish.who is not None,
    }  # fmt: skip
    return {name: value for name, value in kept.items() if value}


def _text(before: dict[str, Any] | None, name: str) -> str | None:
    value = None if before is None else before.get(name)
    return value if isinstance(value, str) and value else None
