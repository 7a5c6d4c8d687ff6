"""UCA-EHAR: smart glasses, activities and posture transitions.

Written from the published layout (Zenodo 5659336, CC BY 4.0) and never run on the real files:
``ACTIVITY_Tn[_k].csv``, separated by semicolons, columns ``T`` (ms), ``Ax Ay Az``, ``Gx Gy Gz``, ``P``,
``CLASS``, about 25 Hz, 20 people (T1 to T21 without T11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.data.archive import Files, to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError, subject_name, subject_order
from odl.data.clock import seconds_of
from odl.data.inference.magnitudes import acceleration_unit, turn_unit
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable
from odl.data.readers.text import parse
from odl.data.resample import Stretch, runs, to_fixed_rate

WHERE = "get UCA-EHAR from Zenodo (record 5659336) and name its folder or zip with `data`"
_FILE = re.compile(r"(?:.*/)?([A-Z][A-Za-z_]*?)_T(\d+)(?:_(\d+))?\.csv", re.IGNORECASE)


class Ehar:
    """The people whose files are there; each file is one recording.

    The clock is uneven, so everything is resampled to the card's rate, and the notes say so.

    Parameters
    ----------
    card : Card
        The bundled one.
    path : Path
        Folder or zip of the published CSV files.

    Raises
    ------
    DataError
        If files are missing, saying which were looked for and where to get them.
    """

    def __init__(self, card: Card, path: Path) -> None:
        self._card = card
        self._files = Files(path)
        self._people: dict[str, list[tuple[str, int, str]]] = {}
        for name in self._files.names:
            if match := _FILE.fullmatch(name):
                activity, person, take = match.groups()
                person = subject_name(person)
                if person not in card.subjects:
                    raise DataError(f"{self._files.where(name)}: the card knows no person {person}")
                self._people.setdefault(person, []).append((activity.lower(), int(take or 0), name))
        if not self._people:
            raise DataError(f"{path}: UCA-EHAR's ACTIVITY_Tn.csv cannot be found; {WHERE}")

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose recordings are there, by number."""
        return tuple(sorted(self._people, key=subject_order))

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """A person's recordings by name and number; the published files have no other order."""
        return tuple(part for _, _, name in sorted(self._people[subject]) for part in self._parts(name))

    def _parts(self, name: str) -> Iterator[Part]:
        card = self._card
        where = SourceFile(Path(self._files.where(name)), name)
        table = parse(where, self._files.text(name).encode(), [])
        values = table.values(card.columns)
        self._check_units(table.path, values)
        times, marks = seconds_of(table, "T", "ms"), self._marks(table)
        back = (np.flatnonzero(np.diff(times) < 0) + 1).tolist()  # the clock began anew: a seam
        for a, b in zip([0, *back], [*back, len(table)], strict=True):
            stretches, changes = to_fixed_rate(
                times[a:b], values[a:b], marks[a:b], card.rate_hz, partial(_row, table, a), resample=True
            )
            yield from self._blocks(Path(name).name, stretches, changes.notes)

    def _check_units(self, path: Path, values: NDArray[np.float64]) -> None:
        """Refuse values that cannot be in the units that the card assumes."""
        known = values[np.isfinite(values).all(axis=1)]
        if not len(known):
            return  # told with its rows later
        for kind, sensor in (("acceleration", known[:, :3]), ("turn rate", known[:, 3:])):
            found = acceleration_unit(sensor) if kind == "acceleration" else turn_unit(sensor)
            want = self._card.channels[0 if kind == "acceleration" else 3].unit
            if found.unit != want:
                raise DataError(
                    f"{path}: {kind} seems to be in {found.unit} ({found.why}), but the card says {want}"
                )

    def _blocks(self, name: str, stretches: list[Stretch], notes: list[str]) -> Iterator[Part]:
        card = self._card
        for stretch in stretches:
            block, outside = to_counts(stretch.values, np.array([c.scale for c in card.channels]))
            if outside:
                notes.append(f"{outside} values limited to 16 bits")
            truths = tuple((a, b, card.classes[m]) for a, b, m in runs(stretch.marks))
            note = f"{name}: {', '.join(notes)}" if notes and stretch is stretches[0] else ""
            yield Part(block, truths, stretch.lost_before, note)

    def _marks(self, table: RawTable) -> NDArray[np.int64]:
        """Class index of each row, from the column ``CLASS``."""
        codes, texts = table.texts("CLASS")
        names = [text.lower().replace("_", " ") for text in texts]
        for i in np.flatnonzero(
            np.isin(codes, [k for k, n in enumerate(names) if n not in self._card.classes])
        )[:1]:
            raise DataError(f"{table.row(int(i))}: there is no class '{texts[codes[i]][:40]}'")
        known = np.array([self._card.classes.index(name) for name in names], np.int64)
        return known[codes]


def _row(table: RawTable, start: int, i: int) -> str:
    return table.row(start + i)


LOADER = Ehar  # of the dataset that has this module's name
