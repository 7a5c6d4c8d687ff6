"""Opens the live session of a notebook cell: a played person or a board, new or resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odl.core.config import ConfigError
from odl.data import open_dataset
from odl.data.card import subject_name
from odl.evaluate.load_kernels import Progress
from odl.evaluate.option_table import SESSION_OPTIONS
from odl.evaluate.options import Options
from odl.live import LiveOptions, LiveSession, open_live
from odl.live.options import default_budget
from odl.live.playback import played
from odl.live.recordings import recordings, unfinished
from odl.recording import Reader, RecordingError

_FRESH = 3600.0  # seconds; an older unfinished recording of a board is not resumed
_OPTIONS = set(SESSION_OPTIONS)
_OWN = {"out", "resume", "options", "by"}  # options that a cell does not set


def check_settings(settings: dict[str, Any], fresh: bool) -> dict[str, Any]:
    """Check ``settings``; return those that are not None, with the person who is played.

    Raises
    ------
    ConfigError
        If there is no such setting, or the recording exists already.

    Examples
    --------
    >>> check_settings({"source": "shoulder", "subject": None, "budget": None}, fresh=False)
    {'source': 'shoulder', 'subject': '7'}
    >>> check_settings({"source": "shoulder", "colour": "red"}, fresh=False)
    Traceback (most recent call last):
    ...
    odl.core.config.ConfigError: there is no setting 'colour'
    """
    settings = {name: value for name, value in settings.items() if value is not None}
    if _is_board(settings):
        known = set(LiveOptions.__dataclass_fields__) - _OWN
    else:
        known = {"emulated", "speed", "answers", "model", "data"}
    for name in settings.keys() - known - _OPTIONS - {"source", "subject", "record"}:
        raise ConfigError(f"there is no setting '{name}'")
    Options().changed({name: value for name, value in settings.items() if name in _OPTIONS})
    source, record = settings.get("source"), settings.get("record")
    if source is None and not _is_board(settings):
        raise ConfigError("give a dataset's name, as in odl.notebook.live('shoulder'), or a port")
    if source is not None and "subject" not in settings:
        settings["subject"] = open_dataset(source, settings.get("data")).people("test")[0]
    if "subject" in settings:
        settings["subject"] = subject_name(settings["subject"])
    if fresh and record is not None and Path(record).exists():
        raise ConfigError(f"{record} is there already; give another name")
    return settings


def _is_board(settings: dict[str, Any]) -> bool:
    return "port" in settings or bool(settings.get("emulated"))


def start_session(settings: dict[str, Any], fresh: bool, progress: Progress = print) -> LiveSession:
    """Open the session that ``settings`` of `odl.notebook.live` describe, or resume its last recording.

    Raises
    ------
    ConfigError, RecordingError
        As `check_settings`, `odl.live.playback.played` and `odl.live.open_live`.
    """
    settings = check_settings(settings, fresh)
    options = {name: settings.pop(name) for name in list(settings) if name in _OPTIONS}
    source, subject, record = (settings.pop(name, None) for name in ("source", "subject", "record"))
    board = _is_board(settings)

    def open_at(path: Path) -> LiveSession:
        if board:
            return _board(settings, source, subject, options, path, progress)
        keywords = {name: value for name, value in settings.items() if name != "emulated"}
        return played(source, subject, record=path, options=options, progress=progress, **keywords)

    if record is not None:
        return open_at(Path(record))
    stem = "board" if source is None else f"{Path(source).stem}-{subject}{'-board' if board else ''}"
    last, free = recordings(stem)
    if last is not None and not fresh and unfinished(last, _FRESH if board else None):
        try:
            return open_at(last)
        except (ConfigError, RecordingError) as error:  # of other settings, damaged, or in another notebook
            progress(f"{error}; a new recording starts")
    return open_at(free)


def _board(
    settings: dict[str, Any],
    source: str | Path | None,
    subject: str | int | None,
    options: dict[str, Any],
    path: Path,
    progress: Progress,
) -> LiveSession:
    keywords = {**settings, "by": "notebook", "options": options}
    if source is not None:
        keywords |= {"play" if settings.get("emulated") else "feed": str(source), "subject": subject}
    else:
        keywords.pop("speed", None)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_live(**keywords, out=path, progress=progress)
    with Reader(path) as reader:
        before = reader.start.config.get("session", {}).get("options")
    if before != Options(budget=default_budget(source is not None)).changed(options).to_dict():
        raise ConfigError(f"{path}: this recording has other settings")
    keywords.pop("model", None)  # the recording holds its model
    keywords["options"] = {}
    return open_live(**keywords, resume=path, progress=progress)
