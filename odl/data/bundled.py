"""Bundled recordings: the known datasets, and one person's session.

Datasets are plain files. In a checkout they lie in ``datasets/`` beside the package, in an
installed wheel in ``odl/bundled/``.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl._kinds import dataset_names, find_folder
from odl._text import did_you_mean
from odl.core.rng import Chance, seed_of
from odl.data.card import Card, DataError, read_card, subject_name


@dataclass(frozen=True, eq=False)
class Part:
    """One uninterrupted recording.

    ``block`` is int16 of shape (n, channels), read-only. ``truths`` are (start, end
    exclusive, class name), sample indices relative to the part. ``lost_before`` samples are
    missing between the part before and this one (0: nothing is known). ``note`` says what
    was changed while reading; empty if nothing was.
    """

    block: NDArray[np.int16]
    truths: tuple[tuple[int, int, str], ...]
    lost_before: int = 0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Series:
    """One recording with what is known of it; ``cls`` indexes the card's classes."""

    block: NDArray[np.int16]
    subject: str
    side: int
    cls: int


def list_datasets() -> list[str]:
    """Return the names of the known datasets, bundled or not.

    >>> "shoulder" in list_datasets()
    True
    """
    return dataset_names()


def load_card(name: str) -> Card:
    """Return the card of dataset ``name``; DataError lists the known datasets."""
    if name not in list_datasets():
        known = list_datasets()
        raise DataError(
            f"there is no dataset '{name}'; known datasets: {', '.join(known) or 'none'}"
            f"{did_you_mean(name, known)}"
        )
    return read_card(find_folder() / name / "card.json")


def model_path(name: str) -> Path:
    """Return the file of dataset ``name``'s model image."""
    path = find_folder() / name / load_card(name).model
    if not path.is_file():
        raise DataError(f"dataset '{name}' has no model image {path.name}; train one with `odl.train`")
    return path


def model_bytes(name: str) -> bytes:
    """Return the bytes of dataset ``name``'s model image.

    >>> model_bytes("shoulder")[:4]
    b'ODLM'
    """
    return model_path(name).read_bytes()


@lru_cache(maxsize=4)
def load_series(name: str) -> tuple[Series, ...]:
    """Return every recording of dataset ``name``, in file order, after checking the file's SHA-256.

    Raises
    ------
    DataError
        If the file is missing, has another checksum than the card's, or holds other arrays.
    """
    about = load_card(name)
    path = find_folder() / name / about.file
    if not about.file:
        raise DataError(f"dataset '{name}' is not bundled; say where its files lie, with `data`")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"dataset '{name}': {about.file} cannot be read ({error.strerror})") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != about.sha256:
        raise DataError(
            f"dataset '{name}': {about.file} has SHA-256 {digest[:12]}..., its card says "
            f"{about.sha256[:12]}...; restore the file"
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        samples, lengths = arrays["samples"], arrays["lengths"].astype(np.int64)
        subjects, sides, classes = arrays["subject"], arrays["side"], arrays["cls"]
    samples.flags.writeable = False
    if samples.shape != (lengths.sum(), len(about.channels)) or samples.dtype != np.int16:
        raise DataError(f"dataset '{name}': {about.file} and its card disagree on size or channels")
    ends = np.cumsum(lengths)
    return tuple(
        Series(samples[end - n : end], subject_name(int(subject)), int(side), int(cls))
        for end, n, subject, side, cls in zip(ends, lengths, subjects, sides, classes, strict=True)
    )


def load_session(name: str, subject: str | int, seed: int = 0) -> tuple[Part, ...]:
    """Return one person's session: all recordings of ``subject``, in an order drawn from the seed.

    Parameters
    ----------
    name : str
        A name from :func:`list_datasets`.
    subject : str or int
        A person of the card's splits.
    seed : int
        With the subject it decides the order: 0 or more.

    Returns
    -------
    tuple of Part
        One per recording. The joins between them are seams: nothing is known about what
        happened there.

    Raises
    ------
    DataError
        If dataset or person is unknown.

    Examples
    --------
    >>> parts = load_session("shoulder", 7)
    >>> len(parts), parts[0].block.shape[1], parts[0].truths[0][0]
    (14, 6, 0)
    """
    about = load_card(name)
    person = subject_name(subject)
    own = [s for s in load_series(name) if s.subject == person]
    if person not in about.subjects or not own:
        people = ", ".join(about.subjects)
        raise DataError(f"dataset '{name}' has no subject {subject}; there are {people}")
    return tuple(
        Part(own[i].block, ((0, len(own[i].block), about.classes[own[i].cls]),))
        for i in Chance(seed_of(seed, int(person))).shuffled(len(own))
    )
