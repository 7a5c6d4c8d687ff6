"""Datasets: one interface for all that can be replayed, trained on and evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from odl._files import check_regular
from odl._kinds import NO_FILE, RECORDING, TABLE, ZIP, find_folder, instead, kind_of, missing
from odl._text import clean, shell_word
from odl.data.bundled import Part, list_datasets, load_card, load_session
from odl.data.card import Card, DataError, agree, read_card, subject_name
from odl.data.loaders.tables import Tables


class Loader(Protocol):
    """The interface of a loader; docs/data.md says how one is found."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people who are there, in order."""
        ...

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """All recordings of a person, in order."""
        ...


@dataclass(frozen=True, eq=False)
class Dataset:
    """A card and its recordings, which are read person by person.

    Attributes
    ----------
    card : Card
        The description of the recordings.
    home : Path
        The folder of the card, and of a model image that the card names.
    loader : Loader
        The loader of the recordings.

    Examples
    --------
    >>> shoulder = open_dataset("shoulder")
    >>> shoulder.people("test"), shoulder.someone, len(shoulder.session(7))
    (('7', '8', '9', '10'), '7', 14)
    """

    card: Card
    home: Path
    loader: Loader

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose recordings are available, in order."""
        return self.loader.subjects

    @property
    def classes(self) -> tuple[str, ...]:
        """The card's class names."""
        return self.card.classes

    @property
    def someone(self) -> str:
        """A person who was not trained on, if there is one."""
        tested = self.card.splits.get("test", ())
        return next((person for person in tested if person in self.subjects), self.subjects[0])

    @property
    def who(self) -> str:
        """Everybody in the dataset, with the names in the tables where the card has others for them."""
        called = {subject_name(v): k for k, v in self.card.about.get("table", {}).get("people", {}).items()}
        names = [(one, clean(called.get(one, one))) for one in self.subjects]
        return ", ".join(one if name == one else f"{one} ({name})" for one, name in names)

    def people(self, split: str) -> tuple[str, ...]:
        """Return the available people of the card's ``split``.

        Raises
        ------
        DataError
            If there is no such split, or none of its people is available; the message lists what is.
        """
        name = self.card.name
        if split not in self.card.splits:
            known = ", ".join(self.card.splits) or "none"
            raise DataError(f"dataset '{name}' has no split '{split}' ({known}); name people: {self.who}")
        here = tuple(s for s in self.card.splits[split] if s in self.subjects)
        if not here:
            known = ", ".join(self.subjects)
            raise DataError(
                f"dataset '{name}' has nobody of its split '{split}' here; name `subjects`: {known}"
            )
        return here

    def session(self, subject: str | int, seed: int = 0) -> tuple[Part, ...]:
        """Return one person's recordings; ``seed`` decides the order if the data have none.

        Raises
        ------
        DataError
            If the person is unknown, or a file cannot be used; the message names file and row.
        """
        person = subject_name(subject)
        if person not in self.subjects:
            raise DataError(f"dataset '{self.card.name}' has no subject {subject}; there are {self.who}")
        return self.loader.session(person, seed)

    def model_path(self) -> Path:
        """The model image that the card names; DataError if it is not there."""
        path = self.home / self.card.model
        if not self.card.model or not path.is_file():
            raise DataError(
                f"dataset '{self.card.name}' has no model image{' ' + path.name if self.card.model else ''}; "
                "name one with `model`, or train one with 'odl train'"
            )
        return path


@dataclass(frozen=True)
class _Bundled:
    """Loads recordings from the folder of their card."""

    name: str
    subjects: tuple[str, ...]

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        return load_session(self.name, subject, seed)


def open_dataset(source: str | Path, data: str | Path | None = None) -> Dataset:
    """Open a known dataset, or a folder of your own with a ``card.json``.

    Parameters
    ----------
    source : str or path
        A name from :func:`odl.data.list_datasets`; or a folder that holds a ``card.json``, that
        file itself, or one table beside it.
    data : path, optional
        Folder of the recordings if it is not the card's: needed for ``hapt`` and ``uca-ehar``,
        whose recordings are not bundled (a folder or zip as published).

    Raises
    ------
    DataError
        If it cannot be used; the message says why and what to do.

    Examples
    --------
    >>> open_dataset("shoulder").classes[0]
    'pendulum'
    """
    if str(source) in list_datasets():
        return _known(str(source), None if data is None else Path(data))
    path = Path(source)
    if path.name == "card.json" and path.parent.is_dir() and not path.exists():
        path = path.parent
    if path.exists():
        check_regular(path)
    elif path.name != str(source):
        raise DataError(f"{source}: {missing(path)}")
    else:
        raise DataError(
            f"there is no dataset '{source}' and no such folder; known datasets: "
            f"{', '.join(list_datasets()) or 'none'}{missing(path).removeprefix(NO_FILE)}"
        )
    home = path if path.is_dir() else path.parent
    own = path.parent / f"{path.name}.card.json"
    if path.is_file() and own.is_file():
        about = read_card(own)
        return Dataset(about, home, Tables(about, own, path if data is None else Path(data)))
    if path.is_file() and kind_of(path)[0] not in ("", RECORDING, TABLE, ZIP):
        raise DataError(f"{path}: {instead(path, 'a dataset or a recording')}")
    if path.is_file() and not (home / "card.json").is_file():
        other = "" if path.suffix == ".odl" else "not an odl recording (.odl), and "
        raise DataError(
            f"{path}: {other}no card.json beside it says how to read it; "
            f"'odl init {shell_word(path)}' writes a card to edit"
        )
    if not (home / "card.json").is_file():
        raise DataError(f"{home}: there is no card.json; 'odl init {shell_word(home)}' writes one to edit")
    about = read_card(home / "card.json")
    base = path if path.is_file() and path.name != "card.json" else home
    return Dataset(about, home, Tables(about, home / "card.json", base if data is None else Path(data)))


def _known(name: str, data: Path | None) -> Dataset:
    about, home = load_card(name), find_folder() / name
    if about.file:
        if data is not None:
            raise DataError(f"dataset '{name}' is bundled; leave out `data`")
        return Dataset(about, home, _Bundled(name, about.subjects))
    described = "published" in about.about
    module = import_module("odl.data.loaders." + ("published" if described else name.replace("-", "_")))
    if data is None:
        where = module.where_from(about) if described else module.WHERE
        raise DataError(f"dataset '{name}' is not bundled; {where}")
    if data.is_dir() and (data / "card.json").is_file():
        agree(about, home / "card.json", read_card(data / "card.json"), data / "card.json")
    return Dataset(about, home, module.LOADER(about, data))


def labelled_windows(
    parts: Iterable[Part], window: int, hop: int, classes: Sequence[str]
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Windows cut within labelled stretches, each stretch from its own start.

    UCI cuts HAPT's official windows in this way (128 samples, every 64); a session's windows run on
    through everything instead, and their truth is what covers at least half of them.

    Returns
    -------
    windows : int16, (n, window, channels)
    y : int64, (n,), index into ``classes``

    Examples
    --------
    >>> x, y = labelled_windows(open_dataset("shoulder").session(7)[:1], 128, 64, ["upright row"])
    Traceback (most recent call last):
    odl.data.card.DataError: class 'internal rotation' is not among upright row
    """
    index = {name: i for i, name in enumerate(classes)}
    cut, y = [], []
    channels = 0
    for part in parts:
        channels = part.block.shape[1]
        for start, end, name in part.truths:
            if name not in index:
                raise DataError(f"class '{name}' is not among {', '.join(classes)}")
            for at in range(start, end - window + 1, hop):
                cut.append(part.block[at : at + window])
                y.append(index[name])
    x = np.stack(cut) if cut else np.empty((0, window, channels), np.int16)
    return x, np.array(y, np.int64)
