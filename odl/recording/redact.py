"""Remove personal data from a recording; docs/recording.md lists what can be personal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from odl.core.events import (
    AddClass,
    Adopt,
    ChangeClass,
    Event,
    Gap,
    Label,
    Origin,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.core.image import Image
from odl.recording import DAMAGED, Reader
from odl.recording.format_1 import is_converted
from odl.wire import FORMAT, Start

KINDS: Final = {
    "origin": "who answered, how long it took, at what time",
    "subject": "who was recorded",
    "names": "class names that are not the model's own",
    "vectors": "stored feature vectors",
    "notes": "causes of gaps, and other notes about the session",
    "samples": "the samples",
}
USUAL: Final = tuple(kind for kind in KINDS if kind != "samples")
NOBODY: Final = "redacted"
# Kinds for which a board's state has to go too: it holds the last scaled samples and the seed.
_IN_A_STATE: Final = {"subject", "names", "vectors", "samples"}
_NO_SEED: Final = 1  # a session's seed depends on the subject, who could be derived from it
_FORMAT: Final = ("config", "format", "converted")  # entries of Start without personal data
# Entries of a session's description without personal data, and the subject, removed separately.
_TECHNICAL: Final = ("subject", "rate_hz", "channels", "odl", "options", "asked", "redacted")


def kinds_of(text: str) -> tuple[str, ...]:
    """Read a list of kinds such as ``origin,names``; an empty text means all but the samples.

    Raises
    ------
    ValueError
        If a kind is unknown.

    Examples
    --------
    >>> kinds_of("names, origin"), kinds_of("")
    (('origin', 'names'), ('origin', 'subject', 'names', 'vectors', 'notes'))
    """
    given = [word.strip() for word in text.split(",") if word.strip()]
    for word in given:
        if word not in KINDS:
            raise ValueError(f"'{word[:40]}' cannot be left out; choose from {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in given) or USUAL


class Source:
    """A recording with some kinds of data removed; `events` can be called repeatedly.

    Parameters
    ----------
    path : Path
        The recording. It is read through once, and once more for each `events`.
    kinds : iterable of str
        Of `KINDS`; none: the recording as it is.
    progress : callable, optional
        Called every two seconds with a sentence about how much has been read.

    Attributes
    ----------
    path : Path
        The recording.
    start : Start
        Configuration and model image, redacted.
    old : bool
        True if the file is of an older format; start and events are converted.
    image : Image or None
        The model image, redacted.
    names : dict of int to str
        Class ids and names, added classes included.
    gaps, truths : list
        In file order. An `Adopt` after lost samples counts as a gap.
    samples, position : int
        Number of remaining samples; end of the stream, gaps included.
    removed : list of str
        Clauses that say what was removed.
    same_trace : bool
        True if a replay still gives the recorded trace.
    damage : str
        One sentence about lost data, empty if the file is whole.

    Raises
    ------
    RecordingError, ImageError, OSError
        If the recording cannot be read.
    """

    def __init__(
        self, path: Path, kinds: Iterable[str] = (), progress: Callable[[str], None] | None = None
    ) -> None:
        self.path, self._kinds, self._progress = path, frozenset(kinds), progress
        self._renamed: dict[str, str] = {}
        self.gaps: list[Gap] = []
        self.truths: list[Truth] = []
        self.names: dict[int, str] = {}
        self.samples = self.position = 0
        self._found = dict.fromkeys(("origin", "answers", "adopted", "blocks", "causes"), 0)
        with Reader(path) as reader:
            self.start, self.old = reader.start, reader.version[0] < FORMAT[0]
            self.image = (
                Image.from_bytes(self.start.image, f"{path}: its model image") if self.start.image else None
            )
            if self.image is not None:
                self.names.update(self.image.names)
            for event in self._watched(reader, "looking through"):
                self._survey(event)
            self._hole(reader.position or 0)
            self.position = max(self.position, reader.position or 0)
            self.damage = _damage(path, reader)
        self.removed: list[str] = []
        self.same_trace = not is_converted(self.start)
        if self._kinds:
            self._redact_start()

    def events(self) -> Iterator[Event]:
        """Yield the redacted events in file order."""
        with Reader(self.path) as reader:
            for event in self._watched(reader, "writing"):
                left = self._redacted(event) if self._kinds else event
                if left is not None:
                    yield left

    def _watched(self, reader: Reader, what: str) -> Iterator[Event]:
        size, last = max(1, self.path.stat().st_size), time.monotonic()
        for event in reader:
            if self._progress is not None and time.monotonic() - last > 2:
                last = time.monotonic()
                self._progress(f"{what} {self.path.name}: {100 * reader.good_bytes // size} %")
            yield event

    def _survey(self, event: Event) -> None:
        found = self._found
        match event:
            case Samples(start, block):
                self._hole(start)
                self.samples += len(block)
                self.position = max(self.position, start + len(block))
                found["blocks"] += 1
            case Gap(start, lost, why):
                self._hole(start)
                self.gaps.append(event if "notes" not in self._kinds else Gap(start, lost, ""))
                self.position = max(self.position, start + lost)
                found["causes"] += bool(why)
            case Adopt(start, lost):
                self._hole(start)
                if lost:
                    self.gaps.append(Gap(start, lost, "the board's state was taken over"))
                self.position = max(self.position, start + lost)
                found["adopted"] += 1
            case Truth(start, end, name):
                self.truths.append(Truth(start, end, self._name(name)))
            case AddClass(_, cls, name) | ChangeClass(_, cls, _, name):
                self.names.setdefault(cls, self._name(name))
                found["answers"] += 1
            case Label() | Teach() | Undo() | Split():
                found["answers"] += 1
            case Origin():
                found["origin"] += 1

    def _hole(self, start: int) -> None:
        """Record a gap for samples before ``start`` that are not in the file."""
        if start > self.position:
            self.gaps.append(Gap(self.position, start - self.position, DAMAGED))

    def _name(self, name: str) -> str:
        """Return the redacted name of a class; the same name always gets the same one."""
        own = set() if self.image is None else set(self.image.names.values())
        if "names" not in self._kinds or name in own:
            return name
        if name not in self._renamed:
            numbers = (f"class {i}" for i in range(1, 2**30))
            self._renamed[name] = next(n for n in numbers if n not in own | set(self._renamed.values()))
        return self._renamed[name]

    def _redacted(self, event: Event) -> Event | None:
        kinds = self._kinds
        match event:
            case Origin() if "origin" in kinds:
                return None
            case Origin() if "subject" in kinds:
                return replace(event, by=event.by.partition(":")[0])
            case Gap(start, lost, _) if "notes" in kinds:
                return Gap(start, lost, "")
            case AddClass() | ChangeClass() | Truth() if "names" in kinds:
                return replace(event, name=self._name(event.name))
            case Adopt(start, lost) if kinds & _IN_A_STATE:
                return Gap(start, lost, "") if lost else None
            case Samples(start, block) if "samples" in kinds:
                return Gap(start, len(block), "")
        return event

    def _redact_start(self) -> None:
        config, kinds, found = dict(self.start.config), self._kinds, self._found
        session = dict(config["session"]) if isinstance(config.get("session"), dict) else {}
        image = self.image
        if "origin" in kinds and found["origin"]:
            self.removed.append(f"who answered and when, {found['origin']} times")
        if "subject" in kinds and session.get("subject") != NOBODY:
            if "subject" in session or found["origin"]:
                self.removed.append("the name of who was recorded")
            session["subject"] = NOBODY
            if isinstance(session.get("live"), dict):  # who was played to a board
                session["live"] = {k: v for k, v in session["live"].items() if k != "person"}
        settings = config.get("config")
        if "subject" in kinds and isinstance(settings, dict) and settings.get("seed") != _NO_SEED:
            config["config"] = {**settings, "seed": _NO_SEED}
            self.same_trace &= settings.get("policy") != "random"
        if "names" in kinds and self._renamed:
            self.removed.append(f"{len(self._renamed)} class names, now 'class 1' and so on")
        if "vectors" in kinds and image is not None and len(image.owners):
            self.removed.append(f"{len(image.owners)} stored vectors of the model image")
            self.same_trace &= not found["answers"]
            note = image.card.get("learned")
            card = image.card | ({"learned": {**note, "vectors": 0}} if isinstance(note, dict) else {})
            self.image = image = replace(image, stored=image.stored[:0], owners=image.owners[:0], card=card)
        if kinds & _IN_A_STATE and found["adopted"]:
            self.removed.append(f"the state taken over from a board, {found['adopted']} times")
            self.same_trace = False
        if "notes" in kinds:
            other = [key for key in session if key not in _TECHNICAL]
            other += [key for key in config if key not in ("session", *_FORMAT)]
            if other or found["causes"]:
                what = [f"{len(other)} {'entry' if len(other) == 1 else 'entries'} about the session"] * bool(
                    other
                )
                what += [f"the causes of {found['causes']} gaps"] * bool(found["causes"])
                self.removed.append(" and ".join(what))
            session = {key: value for key, value in session.items() if key in _TECHNICAL}
            config = {key: config[key] for key in _FORMAT if key in config}
        if "samples" in kinds and self.samples:
            self.removed.append(f"all {self.samples} samples, gaps now")
            self.same_trace, self.samples = False, 0
        earlier = session.get("redacted")
        before = earlier if isinstance(earlier, dict) else {}
        # A damaged recording lacks outputs, which the new file does not show.
        self.same_trace &= not self.damage and before.get("same_trace", True) is True
        left_out = {*kinds, *(k for k in KINDS if k in before.get("left_out", ()))}
        session["redacted"] = {
            "left_out": [kind for kind in KINDS if kind in left_out], "same_trace": self.same_trace,
        }  # fmt: skip
        config["session"] = session
        self.start = Start(config, b"" if image is None else image.to_bytes())


def _damage(path: Path, reader: Reader) -> str:
    if reader.complete and not reader.lost_frames and not reader.lost_bytes:
        return ""
    return (
        f"{path}: damaged: {reader.lost_bytes} bytes and {reader.lost_frames} frames are lost"
        + ("" if reader.complete else ", its end is missing")
        + "; what could be read was converted"
    )
