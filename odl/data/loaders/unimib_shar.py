"""UniMiB SHAR: windows of activities and falls, a phone in the trouser pocket.

Micucci, Mobilio, Napoletano: UniMiB SHAR, Applied Sciences 7 (2017) 1101. Written from the readme.txt of the
data set and never run on the real files: ``acc_data.mat`` has a row for each window, 151 values of x, then
of y, then of z, in m/s2 at 50 Hz; ``acc_labels.mat`` has activity, person and trial of each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.data.archive import Files, to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError, subject_order
from odl.data.readers.apart import arrays_apart
from odl.data.readers.source import SourceFile

WHERE = "get UniMiB-SHAR.zip from the University of Milano-Bicocca and name its folder or zip with `data`"
_SAMPLES = 151


class UniMib:
    """The people of the published windows; each window is one part.

    Parameters
    ----------
    card : Card
        The bundled one.
    path : Path
        Folder or zip that holds ``acc_data.mat`` and ``acc_labels.mat``.

    Raises
    ------
    DataError
        If a file is missing or not as published, or scipy is not installed.
    """

    def __init__(self, card: Card, path: Path) -> None:
        self._card = card
        files = Files(path)
        self._values, at = _matrix(files, "acc_data")
        self._labels, labelled = _matrix(files, "acc_labels")
        if self._values.ndim != 2 or self._values.shape[1] != 3 * _SAMPLES:
            raise DataError(f"{at}: {self._values.shape} values where (windows, {3 * _SAMPLES}) should be")
        if self._labels.shape != (len(self._values), 3):
            raise DataError(
                f"{labelled}: {self._labels.shape} labels where ({len(self._values)}, 3) should be"
            )
        for row in np.flatnonzero(~np.isin(self._labels[:, 0], np.arange(1, len(card.classes) + 1)))[:1]:
            raise DataError(f"{labelled} row {row + 1}: there is no activity {self._labels[row, 0]:g}")
        for row in np.flatnonzero(~np.isin(self._labels[:, 1], [int(s) for s in card.subjects]))[:1]:
            raise DataError(f"{labelled} row {row + 1}: the card knows no person {self._labels[row, 1]:g}")

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people who have windows, by number."""
        return tuple(sorted({f"{person:.0f}" for person in self._labels[:, 1]}, key=subject_order))

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """A person's windows, as the file has them."""
        card, parts = self._card, []
        scales = np.array([c.scale for c in card.channels])
        for i in np.flatnonzero(self._labels[:, 1] == int(subject)):
            block, outside = to_counts(self._values[i].reshape(3, _SAMPLES).T, scales)
            note = f"acc_data.mat row {i + 1}: {outside} values limited to 16 bits" if outside else ""
            name = card.classes[int(self._labels[i, 0]) - 1]
            parts.append(Part(block, ((0, _SAMPLES, name),), note=note))
        return tuple(parts)


def _matrix(files: Files, variable: str) -> tuple[NDArray[np.float64], str]:
    """A variable of the .mat file of its name, and where that lies."""
    name = files.ending(f"{variable}.mat")
    if name is None:
        raise DataError(f"{files.path}: {variable}.mat cannot be found; {WHERE}")
    where = files.where(name)
    held = arrays_apart("matlab", SourceFile(Path(where), name), files.data(name))
    if variable not in held:
        raise DataError(f"{where}: there is no matrix '{variable}'")
    return np.asarray(held[variable], np.float64), where


LOADER = UniMib  # of the dataset that has this module's name
