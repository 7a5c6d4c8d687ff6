"""Options stored in a recording, checked before a session resumes from it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from firmware_sim import BOARDS
from odl._text import clean
from odl.core.config import ConfigError
from odl.data import list_datasets
from odl.data.streams import Stream
from odl.live.options import LiveOptions
from odl.recording.resume import Resumed


def options_to_resume(options: LiveOptions, resumed: Resumed) -> LiveOptions:
    """Complete ``options`` with those stored in the recording: the wearer, and an emulated board.

    Options that are set stay as they are. A recording of an emulated board is resumed on a new one,
    unless a port is named: the same person is played, and answers as before.

    Raises
    ------
    ConfigError
        If an option stored in the recording cannot be used, the wearer is another one, or a sketch
        printed the samples and ``options`` do not say on which port.

    Examples
    --------
    ::

        options_to_resume(LiveOptions(resume="walk.odl"), resume("walk.odl")).who
    """
    live = resumed.about.get("live")
    stored: dict[str, Any] = live if isinstance(live, dict) else {}
    subject = _text(resumed.about, "subject")  # the wearer's pseudonym, or who was played
    named = stored.get("named") is True
    if options.who not in (None, subject):
        whose = f"is a recording of {clean(subject)}" if subject else "names nobody"
        raise ConfigError(f"{options.resume} {whose}, and resumes with the same wearer; leave out `who`")
    if stored.get("form") == "csv" and options.format != "csv":
        raise ConfigError(
            f"{options.resume}: its samples came from a sketch; name its port and columns again: "
            "`port=P` `format='csv'` `columns=A,B,C`"
        )
    found: dict[str, Any] = {"who": options.who or (subject if named else None)}
    was_emulated = stored.get("emulated") is True and options.port is None and options.format == "board"
    if was_emulated or options.emulated:
        person = _text(stored, "person") if named else subject
        found |= {"emulated": True} | _emulated(options, stored, person)
    try:
        completed = replace(options, **found)
    except ConfigError as error:
        raise ConfigError(f"{options.resume}: {error}") from None
    if completed.answers is not None and completed.play is completed.feed is None:
        raise ConfigError(
            f"{options.resume}: `answers='truth'` needs `play` or `feed`: otherwise no truth is known"
        )
    return completed


def _emulated(options: LiveOptions, stored: dict[str, Any], subject: str | None) -> dict[str, Any]:
    """Return the options of an emulated board: dataset, person, speed and who answers."""
    source = (options.play, options.feed)
    before = (_text(stored, "play"), _text(stored, "feed"))
    play, feed = source if any(source) else before
    if play is feed is None:
        raise ConfigError(
            f"{options.resume}: name what its emulated board played: `emulated=True` `play='shoulder'`"
        )
    board = _text(stored, "board")
    found: dict[str, Any] = {
        "play": play, "feed": feed, "board": options.board or (board if board in BOARDS else None),
    }  # fmt: skip
    if (play, feed) == before:
        if options.subject is None:
            if subject is None or not subject.isdecimal():
                raise ConfigError(
                    f"{options.resume}: name whom its emulated board played: `emulated=True` "
                    f"`{'feed' if feed else 'play'}={play or feed}` `subject=N`"
                )
            found["subject"] = subject
        speed = stored.get("speed")
        if options.speed is None and isinstance(speed, float) and 0 < speed < math.inf:
            found["speed"] = speed
        found["answers"] = options.answers or _text(stored, "answers")
    return found


def check_same_person(path: str | Path, resumed: Resumed, stream: Stream) -> None:
    """Refuse to resume with somebody else: one person, one recording.

    Raises
    ------
    ConfigError
        If ``stream``, which will be played or fed, is not the recorded person's.
    """
    about = resumed.about
    dataset, subject = _text(about, "dataset"), _text(about, "subject")
    live = about.get("live")
    if isinstance(live, dict) and live.get("named") is True:
        subject = stream.subject  # a pseudonym stands in its place
    if (dataset, subject) != (stream.about.get("dataset"), stream.subject):
        whose = f"{clean(dataset)}'s person {clean(subject or '')}" if dataset else "somebody else"
        raise ConfigError(
            f"{path} is a recording of {whose}; the person played or fed now is another one and needs a "
            "recording of its own"
        )


def stored_options(options: LiveOptions, person: str | None = None) -> dict[str, Any]:
    """Return the options that Start stores for `options_to_resume`; no person's and no folder's name.

    ``person`` of a dataset that is known by name is played or fed; where a pseudonym stands in the place
    of the recorded subject, Start stores it too.

    >>> stored_options(LiveOptions(emulated=True, play="shoulder", speed=2.0), "8")
    {'emulated': True, 'play': 'shoulder', 'speed': 2.0}
    >>> stored_options(LiveOptions(emulated=True, play="shoulder", who="P3"), "8")
    {'emulated': True, 'play': 'shoulder', 'person': '8', 'named': True}
    """
    known = list_datasets()
    is_known = (options.play or options.feed) in known
    stored = {
        "emulated": options.emulated, "board": options.board if options.emulated else None,
        "play": options.play if options.play in known else None,
        "feed": options.feed if options.feed in known else None,
        "person": person if is_known and options.who is not None else None, "answers": options.answers,
        "speed": None if options.speed is None else float(options.speed), "named": options.who is not None,
    }  # fmt: skip
    return {name: value for name, value in stored.items() if value}


def _text(stored: dict[str, Any], name: str) -> str | None:
    value = stored.get(name)
    return value if isinstance(value, str) and value else None
