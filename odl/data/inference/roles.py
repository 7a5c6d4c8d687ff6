"""What each column of a table is for: time, an axis, label, person, device, recording, or nothing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.clock import PAIR
from odl.data.inference.axes import SENSOR_WORDS, Chosen, axis_of, choose_axes
from odl.data.inference.magnitudes import gravity_of
from odl.data.inference.stamps import Stamps, find_stamps
from odl.data.readers.table import NoTable, RawTable

SUBJECT = (
    "subject", "user", "person", "participant", "volunteer", "people", "pid", "sub", "wearer",
    "patient", "proband", "probandin", "versuchsperson", "testperson", "vp", "athlete", "teilnehmer",
    "nutzer", "sujet", "personne", "participante", "sujeto", "persona", "soggetto", "deelnemer", "name",
)  # fmt: skip
LABEL = (
    "label", "activity", "class", "target", "gesture", "exercise", "behaviour", "behavior",
    "annotation", "action", "movement", "motion", "truth", "groundtruth", "gt", "posture", "state",
    "aktivitaet", "aktivitat", "taetigkeit", "tatigkeit", "uebung", "ubung", "bewegung", "klasse", "activite",
    "exercice", "classe", "etiquette", "actividad", "ejercicio", "clase", "etiqueta", "attivita", "atividade",
    "activiteit", "aktivitet", "y",
)  # fmt: skip
VAGUE = frozenset(
    ("target", "annotation", "action", "movement", "motion", "state", "y")
)  # may be labels, or of the device
RECORDING = (
    "recording",
    "session",
    "trial",
    "experiment",
    "exp",
    "file",
    "run",
    "series",
    "take",
    "repetition",
)
DEVICE = (
    "device", "sensor", "node", "mac", "address", "imu", "side", "position", "placement",
    "location", "source", "logger", "serial", "unit", "board", "watch", "tag",
)  # fmt: skip
MOST_LABELS = 100
MOST_BY_TURNS = 32  # people whose rows may alternate
SHORTEST_RUN = 3.0  # rows; a label that changes faster is none
LONG_RUN = 10.0  # rows; a column whose name says nothing has to stay the same for so long
_CODES = 20  # kinds of whole numbers that may stand for classes
_NO_CODE = re.compile(  # names of whole numbers that stay for a while and say nothing of what is done
    "batt|charg|accuracy|quality|status|heart|hr$|bpm|pulse|step|count|temp|light|lux|prox|rssi|seq|index|"
    "frame|packet|version|gps|lat|lon|alt|speed|sat|year|month|day|hour|min|sec|time|date|volume|level|error"
)
_MOST_NAMELESS = 60  # columns without names; PAMAP2 has 54
_NAMELESS = re.compile(r"column \d+")


@dataclass(frozen=True)
class Roles:
    """The columns of a table by what they are for; empty where there is none.

    ``sensor`` is a column whose text says of which sensor a row is; ``axes`` then have the word before
    their column. ``names`` are what nameless columns are called, ``guessed`` whether that came from their
    numbers. ``left`` are the columns that are not used. ``by_turns``: the person
    changes from row to row.
    """

    axes: Chosen
    stamps: Stamps | None = None
    label: str = ""
    subject: str = ""
    device: str = ""
    recording: str = ""
    sensor: str = ""
    join: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    guessed: bool = False
    left: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    by_turns: bool = False


def plain(name: str) -> str:
    """Lower case, letters and digits only, without accents.

    >>> plain("User_ID")
    'userid'
    """
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).lower())


def named(columns: Iterable[str], names: Sequence[str]) -> str:
    """Return the column named by the earliest of ``names`` that exists; empty if none does.

    >>> named(["user_id", "Activity"], SUBJECT), named(["user_id"], LABEL)
    ('user_id', '')
    """
    own = {plain(c): c for c in reversed(list(columns))}
    for name in names:
        for form in (
            name,
            name + "name",
            name + "label",
            name + "id",
            "id" + name,
            name + "s",
            "true" + name,
        ):
            if form in own:
                return own[form]
        for form in (
            name + "no",
            name + "number",
            name + "nr",
            name + "code",
            name + "key",
            name + "address",
        ):
            if form in own:
                return own[form]
    return ""


def find_roles(
    table: RawTable, hint: str = "", linear: bool = False, label: str = "", subject: str = ""
) -> Roles:
    """Return the roles of a table's columns.

    Parameters
    ----------
    table : RawTable
    hint : str
        ``a``, ``w``, ``m``: the sensor of columns called x, y, z, from the file's name; ``none`` for
        another quantity.
    linear : bool
        The hint is an acceleration without gravity.
    label, subject : str
        Columns that were named by a person.
    """
    given: tuple[str, ...] = ()
    guessed = nameless(table)
    if guessed:
        given = _names_by_numbers(table, hint)
        table = replace(table, columns=dict(zip(given, table.columns.values(), strict=True)))
    for column in (label, subject):
        if column and column not in table.columns:
            raise DataError(
                f"{table.path}: there is no column '{column}'; there are {', '.join(table.columns)[:200]}"
            )
    axes = choose_axes(list(table.columns), hint, linear)
    numeric = tuple(a for a in axes.axes if table.columns[a.column].dtype.kind in "biuf")
    if wrong := [a for a in axes.axes if a not in numeric]:
        table.numbers(wrong[0].column)  # which names the row
    remarks: list[str] = []
    label = label or _label(table, axes, remarks)
    used = {a.column for a in axes.axes if a.column != label}
    axes = replace(axes, axes=tuple(a for a in axes.axes if a.column in used))
    free = [c for c in table.columns if c not in used and c != label]
    subject = subject or _person(table, free, remarks)
    free = [c for c in free if c != subject]
    by_turns = (
        bool(subject)
        and len(table.texts(subject)[1]) > 1
        and run_length(table.texts(subject)[0]) < SHORTEST_RUN
    )
    if by_turns:
        remarks.append(
            f"column '{subject}' changes from row to row: its rows are taken for people by turns, each with "
            f"recordings of their own; `subject` names another column"
        )
    elif (
        not subject
        and (ids := named([c for c in free if plain(c) == "id"], ("id",)))
        and _in_runs(table, ids)
    ):
        remarks.append(
            f"column '{ids}' has {len(table.texts(ids)[1])} values; `subject={ids}` takes them for people"
        )
    stamps = find_stamps(table, free)
    times = set(stamps.column.split(PAIR)) if stamps else set()
    free = [c for c in free if c not in times]
    device, sensor, join = _device(table, free, axes)
    recording = named([c for c in free if c not in (device, sensor)], RECORDING)
    if recording and not _in_runs(table, recording):
        recording = ""
    gone = {*times, device, sensor, recording, label, subject, *used}
    left = tuple(c for c in table.columns if c not in gone)
    return Roles(
        axes, stamps, label, subject, device, recording, sensor, join, given, guessed, left, tuple(remarks),
        by_turns,
    )  # fmt: skip


def nameless(table: RawTable) -> bool:
    """Whether the columns of a table have only numbers, since its file has no line of names."""
    return bool(table.columns) and all(map(_NAMELESS.fullmatch, table.columns))


def run_length(codes: NDArray[np.int64]) -> float:
    """The mean number of rows for which a column stays the same."""
    return len(codes) / (1 + int((np.diff(codes) != 0).sum())) if len(codes) else 0.0


def worded(table: RawTable, columns: Iterable[str]) -> dict[str, tuple[Counter[str], int]]:
    """Columns of words or few whole numbers that stay the same for many rows: their texts, and the changes.

    These may say what was done, or who did it, by a name that is in no list here.
    """
    found = {}
    for column in columns:
        if not (table.columns[column].dtype.kind == "O" or _coded(table, column)):
            continue
        codes, texts = table.texts(column)
        words = any(re.search(r"\w", text) for text in texts)
        if words and len(texts) <= MOST_LABELS and run_length(codes) >= LONG_RUN:
            rows = np.bincount(codes, minlength=len(texts)).tolist()
            changes = int((np.diff(codes) != 0).sum())
            found[column] = Counter({text: n for text, n in zip(texts, rows, strict=True) if n}), changes
    return found


def _coded(table: RawTable, column: str) -> bool:
    """Whether a column has few whole numbers, and comes back to one: a counter or a battery does not."""
    if table.columns[column].dtype.kind not in "iuf" or _NO_CODE.search(plain(column)):
        return False
    numbers = table.numbers(column)
    kinds = np.unique(numbers)
    if len(kinds) > _CODES or not np.isfinite(kinds).all() or (kinds != np.rint(kinds)).any():
        return False
    steps = np.diff(numbers)
    return bool((steps < 0).any() and (steps > 0).any() and run_length(table.texts(column)[0]) >= LONG_RUN)


def _in_runs(table: RawTable, column: str) -> bool:
    codes, texts = table.texts(column)
    return 1 < len(texts) <= max(MOST_LABELS, len(codes) // 20) and run_length(codes) >= LONG_RUN


def _label(table: RawTable, axes: Chosen, remarks: list[str]) -> str:
    """A column that is called like a label, and has few values in long runs."""
    axis = {a.column for a in axes.axes}
    bare = {c for c in axis if plain(c) in ("x", "y", "z")}
    found = []
    for word in LABEL:
        free = [
            c for c in table.columns if c not in found and (c not in axis or (bare == {c} and word == "y"))
        ]
        while column := named(free, (word,)):
            found.append(column)
            free.remove(column)
    best = ""
    for column in found:
        if table.columns[column].dtype.kind == "f" and np.isfinite(table.columns[column]).any():
            own = table.columns[column][np.isfinite(table.columns[column])]
            if not np.array_equal(own, np.rint(own)):
                continue
        codes, texts = table.texts(column)
        if len(texts) > MOST_LABELS or (run_length(codes) < SHORTEST_RUN and len(texts) > 1):
            remarks.append(
                f"column '{column}' has {len(texts)} values and changes every {run_length(codes):.3g} "
                f"rows, so it is "
                f"not taken for labels; `label={column}` takes it"
            )
            continue
        words = any(re.search(r"[^\W\d]", text) for text in texts)
        if words:
            return column
        best = best or column
    return best


def _person(table: RawTable, free: list[str], remarks: list[str]) -> str:
    """A column that is called like people, unless it has measured values or a new one in nearly each row."""
    column = named(free, SUBJECT)
    if not column:
        return ""
    cells = table.columns[column]
    measured = cells.dtype.kind == "f" and bool((np.modf(cells[np.isfinite(cells)])[0] != 0).any())
    codes, texts = table.texts(column)
    if measured or (len(texts) > MOST_BY_TURNS and run_length(codes) < SHORTEST_RUN):
        remarks.append(
            f"column '{column}' has {len(texts)} values and changes from row to row, so it is not taken for "
            f"people; `subject={column}` takes it"
        )
        return ""
    if plain(column) == "name":
        device = any(re.search(r"\d", t) or axis_of(t) for t in texts)
        return column if not device and 1 < len(texts) <= MOST_LABELS else ""
    return column


def _device(table: RawTable, free: list[str], axes: Chosen) -> tuple[str, str, tuple[str, ...]]:
    """The column that tells devices apart, or the one that tells sensors apart with their words."""
    for word in (*DEVICE, "type", "name", "channel"):
        column = named(free, (word,))
        if not column or table.columns[column].dtype.kind == "f":
            continue
        codes, texts = table.texts(column)
        if not 1 < len(texts) <= 32:
            continue
        kinds = {t: SENSOR_WORDS.get(plain(t), "?") for t in texts}
        if sum(kind not in "?" for kind in kinds.values()) > 1 and all(a.sensor == "a" for a in axes.axes):
            return "", column, tuple(texts)
        if word not in ("type", "name", "channel", "unit", "source"):
            return column, "", ()
    return "", "", ()


def _names_by_numbers(table: RawTable, hint: str) -> tuple[str, ...]:
    """Names for columns that have none, from their numbers alone."""
    names = dict.fromkeys(table.columns, "")
    values: list[str] = []
    for column, cells in table.columns.items():
        if cells.dtype.kind in "mM":
            names[column] = "timestamp" if "timestamp" not in names.values() else ""
            continue
        codes, texts = table.texts(column) if cells.dtype.kind in "OiuB" else (np.zeros(0, np.int64), [])
        long = len(texts) and len(texts) <= MOST_LABELS and run_length(codes) >= 20
        if cells.dtype.kind == "O":
            names[column] = "activity" if long and "activity" not in names.values() else ""
        elif long and "timestamp" not in names.values() and not values and "user" not in names.values():
            names[column] = "user"
        else:
            steps = np.diff(table.numbers(column))
            if "timestamp" not in names.values() and not values and len(steps) and (steps >= 0).mean() > 0.95:
                names[column] = "timestamp" if not (steps == 1).mean() > 0.9 else "index"
            elif not (long and len(texts) < 20 and cells.dtype.kind in "iu"):
                values.append(column)
            elif "activity" not in names.values() and values:
                names[column] = "activity"
    n = len(values)
    if n > _MOST_NAMELESS and "timestamp" not in names.values():
        raise NoTable(
            f"{table.path}: a row has {n} numbers without names, as windows that are cut already or features "
            "have; samples are wanted, one in each row. If these are samples, name all columns with `columns`"
        )
    own = {3: ("x", "y", "z"), 6: ("ax", "ay", "az", "gx", "gy", "gz"),
           9: ("ax", "ay", "az", "gx", "gy", "gz", "mx", "my", "mz")}.get(n)  # fmt: skip
    if own is None and n > 3 and hint in ("", "a"):
        steady, size = gravity_of(np.nan_to_num(np.stack([table.numbers(c) for c in values[:3]], 1)))
        own = ("x", "y", "z") if steady > 0.6 * size else None
    if own is None:
        raise (DataError if n > 1 else NoTable)(
            f"{table.path}: there is no line of names, and {n} of its {len(names)} columns may be axes of "
            f"sensors; "
            f"name them all in order, as in `columns=time,ax,ay,az`"
        )
    for column, name in zip(values, own, strict=False):
        names[column] = name
    return tuple(name or column for column, name in names.items())
