"""A wearer's profile: what a person has taught, as a small file that goes on tomorrow.

It is the label log of a session, and the checksum of the model image that the log belongs to: labels with the
features that they were learned from, added classes, tasks, and changes of classes, in order. Heads follow
from it and the image. It holds no samples, no times, and not who answered; a label's window is no part
of it, since windows are counted within one session.

The file is JSON, a line for each entry (`odl.model.profile_file` keeps it while a session runs).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from odl._files import open_regular
from odl._kinds import PROFILE, instead
from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import NO_CLASS
from odl.core.fused import Fused
from odl.core.image import Image
from odl.core.state import Entry, log_dtype, state_dtype_of
from odl.model.checkpoint import check_log
from odl.model.profile_entries import EARLIER, as_json, fill, name_of
from odl.model.profile_merge import counts_in, fitted, merged, names_in

FORMAT: Final = "odl profile 1"
LARGEST: Final = 2**24  # bytes of a file that is read


class ProfileError(OdlError, ValueError):
    """A file is no profile, or not one of this image; the message says why."""


@dataclass(frozen=True, eq=False)
class WearerProfile:
    """What a person has taught.

    Parameters
    ----------
    image : int
        The checksum of the model image that the log belongs to.
    log : structured array, shape (entries,)
        Of `odl.core.state.log_dtype`, oldest first; labels have window `EARLIER`.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> log = np.zeros(2, log_dtype(image.features))
    >>> log["kind"], log["cls"], log["order"] = [Entry.CLASS, Entry.LABEL], 9, [0, 7]
    >>> log["features"][0, :4], log["window"] = list(b"wave"), [0, 640]
    >>> mine = WearerProfile.of(image, log)
    >>> mine.summary
    {'image': 'e5600048', 'labels': {'9': 1}, 'removed': 0, 'classes': ['wave'], 'changes': 0}
    >>> WearerProfile.parse(mine.text()).text() == mine.text()
    True
    """

    image: int
    log: NDArray[Any]

    @classmethod
    def of(cls, image: Image, log: NDArray[Any]) -> Self:
        """The profile of a session of ``image`` with this label log (`odl.core.session.Session.log`)."""
        log = _numbered(log)
        log["window"] = np.where(log["kind"] == Entry.LABEL, EARLIER, 0)
        return cls(image.checksum, log)

    def text(self) -> str:
        """The file's content."""
        image = f"{self.image:08x}"
        head = {"format": FORMAT, "image": image, "features": self._features, "entries": len(self.log)}
        lines = [json.dumps(head), *(json.dumps(as_json(entry)) for entry in self.log)]
        return "\n".join(lines) + "\n"

    @property
    def _features(self) -> int:
        return int(self.log.dtype["features"].shape[0])

    @property
    def names(self) -> dict[int, str]:
        """The names that the wearer gave, by class, as they are now."""
        return names_in(self.log)

    @property
    def summary(self) -> dict[str, Any]:
        """What it holds, for people and programs.

        The labels by the class that they count as, those of removed classes, added classes that are there,
        and the number of changes.
        """
        kinds, counts, names = self.log["kind"], counts_in(self.log), self.names
        classes = [counts[cls] for cls in self.log["cls"][kinds == Entry.LABEL].tolist()]
        added = self.log["cls"][kinds == Entry.CLASS].tolist()
        return {
            "image": f"{self.image:08x}",
            "labels": {str(cls): classes.count(cls) for cls in sorted({*classes} - {NO_CLASS})},
            "removed": classes.count(NO_CLASS),
            "classes": [names[cls] for cls in added if counts[cls] == cls],
            "changes": int((kinds == Entry.CHANGE).sum()),
        }

    @classmethod
    def parse(cls, text: str | bytes, name: str = "the profile") -> Self:
        """Read the content of a file, which is untrusted; ``name`` is that of the file, for messages.

        Raises
        ------
        ProfileError
            If it is no profile.
        """
        if len(text) > LARGEST:
            raise ProfileError(f"{name}: {len(text)} bytes are too many for a profile")
        try:
            lines = (text.decode() if isinstance(text, bytes) else text).splitlines()
            head = json.loads(lines[0]) if lines else None
        except (ValueError, RecursionError):
            head = None
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise ProfileError(f"{name}: not a profile of a wearer ('{FORMAT}')")
        features, image = head.get("features"), head.get("image")
        if type(features) is not int or not 32 <= features <= 4096:
            raise ProfileError(f"{name}: line 1: `features` is {features!r}; it can be 32 to 4096")
        if not isinstance(image, str) or len(image) != 8 or not set(image) <= set("0123456789abcdef"):
            raise ProfileError(
                f"{name}: line 1: `image` is {image!r}; it is a checksum of 8 hexadecimal digits"
            )
        if head.get("entries") != len(lines) - 1:
            raise ProfileError(f"{name}: {len(lines) - 1} entries of {head.get('entries')!r}: it is damaged")
        if (len(lines) - 1) * features > LARGEST:
            raise ProfileError(f"{name}: {len(lines) - 1} entries of {features} features are too many")
        log = np.zeros(len(lines) - 1, log_dtype(features))
        for number, line in enumerate(lines[1:], 2):
            try:
                fill(log[number - 2 : number - 1], json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise ProfileError(f"{name}: line {number} is no entry: {error}") from None
        for kind, what in ((Entry.CLASS, "class"), (Entry.SPLIT, "task of class")):
            if len(twice := log["cls"][log["kind"] == kind]) > len(set(twice.tolist())):
                raise ProfileError(f"{name}: a {what} is there twice")
        return cls(int(image, 16), _numbered(log))

    def check(self, image: Image, name: str = "the profile") -> None:
        """Raise unless this is a profile of ``image``.

        Raises
        ------
        ProfileError
            The message names both checksums.
        """
        if self.image != image.checksum:
            raise ProfileError(
                f"{name} belongs to the model image {self.image:08x}, not to {image.checksum:08x}: "
                "what was learned on one image does not fit another"
            )
        for kind, what, room in (
            (Entry.CLASS, "classes", image.max_rows - len(image.row_class)),
            (Entry.SPLIT, "tasks", image.max_heads - len(image.parents)),
        ):
            added = int((self.log["kind"] == kind).sum())
            if added > room:
                raise ProfileError(f"{name} has {added} added {what}; the model image has room for {room}")
        try:
            check_log(image, fitted(image, self.log))
        except ValueError as error:
            raise ProfileError(f"{name}: {error}") from None

    def check_in(self, image: Image, log: NDArray[Any], name: str = "the profile") -> None:
        """Raise unless a session of ``image`` with this label log knows all labels of the profile.

        Raises
        ------
        ProfileError
            As `check`; also if it lacks labels.
        """
        self.check(image, name)
        own = {entry["features"].tobytes() for entry in log[log["kind"] == Entry.LABEL]}
        labels = self.log[self.log["kind"] == Entry.LABEL]
        lost = sum(entry["features"].tobytes() not in own for entry in labels)
        if lost:
            raise ProfileError(
                f"{name} holds {lost} labels that this session does not know; go on without it"
            )

    def state(self, image: Image, config: Config, name: str = "the profile") -> bytes:
        """The snapshot of a session at sample 0 that goes on from here: its refit has begun.

        Raises
        ------
        ProfileError
            As `check`.
        """
        self.check(image, name)
        log = fitted(image, self.log)
        core = Fused(image, config)
        core.log[: len(log)] = log
        core.state["n_log"] = len(log)
        core.resume()
        return core.state.tobytes() + core.log.tobytes()

    def __add__(self, other: WearerProfile) -> WearerProfile:
        """Both, one after the other: a class of ``other`` that is called as one here is that class.

        What both hold, because one went on from the other, is there once.

        Raises
        ------
        ProfileError
            If they belong to different images, or hold more classes or tasks together than one can.
        """
        if self.image != other.image:
            raise ProfileError(f"profiles of two model images, {self.image:08x} and {other.image:08x}")
        if self._features != other._features:
            raise ProfileError(
                f"profiles with {self._features} and {other._features} features of one image: one is damaged"
            )
        try:
            return WearerProfile(self.image, merged(self.log, other.log))
        except (ValueError, OverflowError):  # there is no number left
            raise ProfileError("the profiles hold more classes or tasks than one can") from None

    def redacted(self, known: Collection[str] = ()) -> WearerProfile:
        """Without the names that the wearer gave: added classes are called ``class 1`` and so on.

        The features stay, since they are what is learned from; so do names that are ``known``, such as those
        of the image.
        """
        log, names = self.log.copy(), dict[str, str]()
        for entry in log:
            if entry["kind"] in (Entry.CLASS, Entry.CHANGE) and name_of(entry) not in known:
                new = names.setdefault(name_of(entry), f"class {len(names) + 1}").encode()
                entry["features"] = 0
                entry["features"][: len(new)] = list(new)
        return WearerProfile(self.image, log)


def _numbered(log: NDArray[Any]) -> NDArray[Any]:
    """The log with its labels and changes numbered from 1, in their order."""
    log = log.copy()
    places = np.flatnonzero((log["kind"] == Entry.LABEL) | (log["kind"] == Entry.CHANGE))
    orders = log["order"][places]
    log["order"] = 0
    log["order"][places[np.argsort(orders, kind="stable")]] = np.arange(1, len(places) + 1)
    return log


def read_profile(path: str | Path) -> WearerProfile:
    """Read the profile at ``path``.

    Raises
    ------
    ProfileError
        If it is none.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    with open_regular(path) as file:
        if other := instead(path, PROFILE):
            raise ProfileError(f"{path}: {other}")
        return WearerProfile.parse(file.read(LARGEST + 1), str(path))


def log_in(image: Image, state: bytes) -> NDArray[Any]:
    """The used entries of the label log in a snapshot of ``image``."""
    block, entry = state_dtype_of(image), log_dtype(image.features)
    used = int(np.frombuffer(state, block, 1)["n_log"][0])
    return np.frombuffer(state, entry, image.max_log, block.itemsize)[:used].copy()
