"""Streams of inputs for replays: a dataset's people, or a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from odl._files import read_small
from odl._kinds import IMAGE, folder_instead, instead
from odl.core.config import ConfigError
from odl.core.events import Adopt, Event, Gap, Input, Samples, Truth
from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import Image
from odl.core.image_layout import ImageError
from odl.core.snapshot import without_learning
from odl.data import DataError, Dataset, Part, list_datasets, model_path, open_dataset
from odl.data.card import subject_name
from odl.recording import Recording

Channels = tuple[tuple[str, str, float], ...]  # name, unit, scale of a count
BLOCK = 512  # samples per event
LONG = 8192  # the same where nobody sees the events: fewer of them are faster


def replay_parts(parts: Iterable[Part], block: int = BLOCK) -> Iterator[Input]:
    """The inputs of one session: each part's truth, then its samples; seams as gaps.

    Parameters
    ----------
    parts : iterable of Part
        Uninterrupted recordings of one person, in order.
    block : int
        Samples per event, at least 1.

    Examples
    --------
    >>> from odl.data import load_session
    >>> first = list(replay_parts(load_session("shoulder", 7)))[:2]
    >>> [type(event).__name__ for event in first]
    ['Truth', 'Samples']
    """
    position = 0
    for number, part in enumerate(parts):
        if part.lost_before:
            yield Gap(position, part.lost_before, "missing in the recording")
            position += part.lost_before
        elif number:
            yield Gap(position, 0, "seam between recordings")
        for start, end, name in part.truths:
            yield Truth(position + start, position + end, name)
        for at in range(0, len(part.block), block):
            piece = part.block[at : at + block]
            yield Samples(position + at, piece)
        position += len(part.block)


def windows_in(lengths: Iterable[int], window: int, hop: int) -> int:
    """Return the number of windows in uninterrupted stretches of these lengths.

    >>> windows_in([128, 127, 300], 128, 64)
    4
    """
    return sum((n - window) // hop + 1 for n in lengths if n >= window)


@dataclass(frozen=True)
class Stream:
    """One person's stream of inputs.

    ``stretches`` are the lengths of its uninterrupted parts, in samples; None where nobody knows
    them before the end. ``channels`` and ``rate_hz`` say what its counts are; None where a recording
    does not tell. ``known_truths`` is its truth where ``inputs`` can be iterated over only once.
    """

    subject: str
    inputs: Callable[[], Iterable[Input]]
    stretches: tuple[int, ...] | None
    classes: tuple[str, ...]
    channels: Channels | None
    rate_hz: float | None
    name: str  # of the recording's file
    about: dict[str, Any]
    notes: tuple[str, ...] = ()  # what had to be changed on reading
    known_truths: tuple[Truth, ...] | None = None

    @property
    def samples(self) -> int:
        """Number of samples; 0 if it is not known."""
        return sum(self.stretches or ())

    @property
    def truths(self) -> tuple[Truth, ...]:
        """The stretches of truth in the stream."""
        if self.known_truths is not None:
            return self.known_truths
        return tuple(e for e in self.inputs() if isinstance(e, Truth))

    def windows(self, image: Image, seconds: float | None = None) -> int:
        """Return the number of windows for ``image`` in ``seconds`` at most; 0 if nobody knows it."""
        windows = windows_in(self.stretches or (), image.window, image.hop)
        if seconds is None:
            return windows
        timed = round(seconds * image.rate_hz) // image.hop
        return min(timed, windows) if windows else timed

    def scaling(self, image: Image) -> Scaling:
        """Return the scaling from this stream's counts to the image's input.

        Raises
        ------
        ConfigError
            If rates, channels or kinds of unit differ, or the stream does not describe its channels.
        """
        if self.channels is None or self.rate_hz is None:
            raise ConfigError(
                f"{self.name} does not say what its channels are, so it runs on its own model only"
            )
        if abs(self.rate_hz - image.rate_hz) > 1e-3:
            raise ConfigError(
                f"{self.name} was sampled at {self.rate_hz:g} Hz, but the model wants {image.rate_hz:g} Hz"
            )
        return input_scaling(self.channels, [(c.name, c.unit, c.scale) for c in image.channels], image.zeros)

    def unanswered(self) -> Stream:
        """Return the same stream without its commands, for new questions.

        Samples before an adopted board state become a gap.
        """
        inside = self.inputs
        about = {name: value for name, value in self.about.items() if name not in ("asked", "relabelled")}
        return replace(
            self, inputs=lambda: (e for event in inside() if (e := _unanswered(event))), about=about
        )


def unlearned(image: Image, events: Iterable[Event]) -> Iterator[Input]:
    """Yield the inputs among ``events`` without commands: the same stream, window for window.

    An adopted board state stays, without what it had learned.
    """
    for event in events:
        if isinstance(event, Adopt):
            yield replace(event, state=without_learning(image, event.state))
        elif isinstance(event, Samples | Gap | Truth):
            yield event


def _unanswered(event: Input) -> Samples | Gap | Truth | None:
    if isinstance(event, Adopt):
        return Gap(event.start, event.lost, "missed while the board learned")
    return event if isinstance(event, Samples | Gap | Truth) else None


def load_model(path: str | Path) -> Image:
    """Read and check a model image file, or the one that goes with a dataset's name.

    Raises
    ------
    ImageError
        If the file cannot be read or is not a valid image.

    Examples
    --------
    >>> load_model("shoulder").names[0]
    'pendulum'
    """
    if str(path) in list_datasets() and not Path(path).is_file():
        path = model_path(str(path))
    if Path(path).is_dir():
        raise ImageError(f"{path}: {folder_instead(path, IMAGE, '.odlm')}")
    try:
        content = read_small(path)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from None
    if other := instead(path, IMAGE):
        raise ImageError(f"{path}: {other}")
    return Image.from_bytes(content, str(path))


def bundled_model(checksum: int | None) -> Image | None:
    """The bundled model image with this checksum, or None.

    >>> bundled_model(0xE5600048).names[0], bundled_model(1)
    ('pendulum', None)
    """
    for name in list_datasets():
        try:
            path = model_path(name)
        except DataError:  # a dataset without an image
            continue
        with path.open("rb") as file:
            if int.from_bytes(file.read(8)[4:], "little") == checksum:
                return load_model(path)
    return None


def dataset_streams(
    source: str | Path | Dataset,
    subjects: Iterable[str | int] | None,
    seed: int,
    data: str | Path | None = None,
) -> list[Stream]:
    """Return the streams of a dataset's people; without ``subjects``, of the test split.

    ``source`` and ``data`` are those of `odl.data.open_dataset`.

    Raises
    ------
    DataError, ConfigError
        If dataset or person is unknown, or ``subjects`` is empty or names a person twice.
    """
    dataset = source if isinstance(source, Dataset) else open_dataset(source, data)
    card, name = dataset.card, dataset.card.name
    if isinstance(subjects, int | str):
        raise ConfigError(f"subjects is {subjects!r}; give a list, as in ['7', '8']")
    people = [subject_name(s) for s in (dataset.people("test") if subjects is None else subjects)]
    if not people:
        raise ConfigError("no subjects were given")
    if len(set(people)) < len(people):
        raise ConfigError("a subject is named twice; each person is one session")
    for person in people:
        if person not in dataset.subjects:
            raise DataError(f"dataset '{name}' has no subject {person}; there are {dataset.who}")
    streams = []
    for person in people:
        parts = dataset.session(person, seed)
        streams.append(
            Stream(
                subject=person,
                inputs=lambda parts=parts: replay_parts(parts, LONG),  # type: ignore[misc]
                stretches=tuple(len(part.block) for part in parts),
                classes=card.classes,
                channels=tuple((c.name, c.unit, c.scale) for c in card.channels),
                rate_hz=card.rate_hz,
                name=f"{name}-{person}.odl",
                about={"dataset": name},
                notes=_few(tuple(part.note for part in parts if part.note)),
            )
        )
    return streams


def _few(notes: tuple[str, ...], most: int = 5) -> tuple[str, ...]:
    """Return the first ``most`` notes, and a note that counts the others."""
    more = len(notes) - most
    return notes if more <= 0 else (*notes[:most], f"{more} more files were changed in such ways")


def damage_of(path: Path, recording: Recording) -> str:
    """Return the losses of a recording in one sentence; empty if it is whole."""
    if recording.complete and not recording.lost_frames and not recording.lost_bytes:
        return ""
    return (
        f"{path}: damaged: {recording.lost_bytes} bytes and {recording.lost_frames} frames are lost"
        + ("" if recording.complete else ", its end is missing")
        + f"; {len(recording.events)} events could be read"
    )
