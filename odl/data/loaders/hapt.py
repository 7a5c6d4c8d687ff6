"""HAPT: postures, walking and the transitions between them, a phone at the waist.

Reyes-Ortiz, Oneto, Sama, Parra, Anguita: Transition-Aware Human Activity Recognition Using
Smartphones, Neurocomputing 171 (2016) 754-767, online 2015. The layout is the one of the UCI
data set 341: ``RawData/acc_expXX_userYY.txt`` (g), ``gyro_...`` (rad/s), ``labels.txt`` (experiment,
person, activity, first and last sample from 1 on) and ``activity_labels.txt``.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from odl.data.archive import Files, matrix, to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError

WHERE = (
    "get 'Smartphone-Based Recognition of Human Activities and Postural Transitions' from the UCI "
    "Machine Learning Repository (data set 341) and name its folder or zip with `data`"
)
_RAW = re.compile(r"(?:.*/)?RawData/(acc|gyro)_exp(\d+)_user(\d+)\.txt")
_NAMES = {
    "WALKING": "walk", "WALKING_UPSTAIRS": "walk up", "WALKING_DOWNSTAIRS": "walk down",
    "SITTING": "sit", "STANDING": "stand", "LAYING": "lie", "STAND_TO_SIT": "stand to sit",
    "SIT_TO_STAND": "sit to stand", "SIT_TO_LIE": "sit to lie", "LIE_TO_SIT": "lie to sit",
    "STAND_TO_LIE": "stand to lie", "LIE_TO_STAND": "lie to stand",
}  # fmt: skip


class Hapt:
    """The people whose files are there; each experiment is one part.

    Stretches without a label (about 27 % of all samples) stay in the stream. Values go back
    to the sensor's own grid, 1/720 g and 0.0175 deg/s, so nothing is lost.

    Parameters
    ----------
    card : Card
        The bundled one.
    path : Path
        Folder or zip in UCI's layout; what lies around it does not matter.

    Raises
    ------
    DataError
        If files are missing, saying which were looked for and where to get them.
    """

    def __init__(self, card: Card, path: Path) -> None:
        self._card = card
        self._files = Files(path)
        self._check_there()
        self._raw = self._recordings()
        self._labels = self._read_labels()

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose recordings are there, by number."""
        return tuple(map(str, sorted({person for _, person in self._raw})))

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """A person's experiments in the order in which they were done."""
        return tuple(self._part(*key) for key in sorted(self._raw) if key[1] == int(subject))

    def _check_there(self) -> None:
        looked = ["RawData/labels.txt", "activity_labels.txt"]
        missing = [name for name in looked if self._files.ending(name) is None]
        if not any(_RAW.fullmatch(n) for n in self._files.names):
            missing.append("RawData/acc_expXX_userYY.txt")
        if missing:
            raise DataError(f"{self._files.path}: HAPT's {' and '.join(missing)} cannot be found; {WHERE}")

    def _recordings(self) -> dict[tuple[int, int], dict[str, str]]:
        """(experiment, person) -> file names by sensor."""
        found: dict[tuple[int, int], dict[str, str]] = {}
        for name in self._files.names:
            if match := _RAW.fullmatch(name):
                sensor, experiment, person = match.groups()
                found.setdefault((int(experiment), int(person)), {})[sensor] = name
        for (experiment, person), files in found.items():
            for sensor in {"acc", "gyro"} - set(files):
                wanted = f"RawData/{sensor}_exp{experiment:02}_user{person:02}.txt"
                raise DataError(f"{self._files.path}: {wanted} is missing; {WHERE}")
            if str(person) not in self._card.subjects:
                raise DataError(f"{self._files.where(files['acc'])}: the card knows no person {person}")
        return found

    def _names(self) -> dict[int, str]:
        """Activity number -> class name."""
        file = str(self._files.ending("activity_labels.txt"))
        names = {}
        for row, line in enumerate(self._files.text(file).splitlines(), 1):
            words = line.split()
            if not words:
                continue
            if len(words) != 2 or not words[0].isdecimal() or words[1] not in _NAMES:
                raise DataError(f"{self._files.where(file)} row {row}: '{line.strip()[:40]}' is no activity")
            names[int(words[0])] = _NAMES[words[1]]
        return names

    def _read_labels(self) -> dict[tuple[int, int], list[tuple[int, int, str, int]]]:
        """(experiment, person) -> start, end, class, row of labels.txt."""
        file = str(self._files.ending("RawData/labels.txt"))
        where, names = self._files.where(file), self._names()
        found: dict[tuple[int, int], list[tuple[int, int, str, int]]] = {}
        missing = set()
        for row, values in enumerate(matrix(self._files.text(file), 5, where), 1):
            experiment, person, activity, first, last = (int(v) for v in values)
            if activity not in names:
                raise DataError(f"{where} row {row}: there is no activity {activity}")
            if not 1 <= first <= last:
                raise DataError(f"{where} row {row}: samples {first} to {last} are no stretch")
            found.setdefault((experiment, person), []).append((first - 1, last, names[activity], row))
            if (experiment, person) not in self._raw and str(person) in self.subjects:
                missing.add((experiment, person))
        for experiment, person in sorted(missing):
            wanted = f"RawData/acc_exp{experiment:02}_user{person:02}.txt"
            raise DataError(f"{self._files.path}: {wanted} is missing, but labels.txt has it; {WHERE}")
        return found

    def _part(self, experiment: int, person: int) -> Part:
        files = self._raw[experiment, person]
        both = [matrix(self._files.text(files[s]), 3, self._files.where(files[s])) for s in ("acc", "gyro")]
        if len(both[0]) != len(both[1]):
            raise DataError(
                f"{self._files.where(files['acc'])} has {len(both[0])} rows, "
                f"but {Path(files['gyro']).name} has {len(both[1])}"
            )
        scales = np.array([c.scale for c in self._card.channels])
        block, outside = to_counts(np.concatenate(both, 1), scales)
        labels = sorted(self._labels.get((experiment, person), []))
        for first, end, _, row in labels:
            if end > len(block):
                name = self._files.where(str(self._files.ending("RawData/labels.txt")))
                raise DataError(
                    f"{name} row {row}: samples {first + 1} to {end} lie outside experiment "
                    f"{experiment}, which has {len(block)}"
                )
        note = f"{Path(files['acc']).name}: {outside} values were limited to 16 bits" if outside else ""
        return Part(block, tuple((a, b, name) for a, b, name, _ in labels), note=note)


LOADER = Hapt  # of the dataset that has this module's name
