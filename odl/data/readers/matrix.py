"""Named arrays, as MATLAB, NumPy and HDF5 files hold them, as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, RawTable

MOST_COLUMNS = 1000
_RATES = ("fs", "fshz", "rate", "ratehz", "samplerate", "samplingrate", "samplingfrequency", "sampleratehz")
_LABELS = ("label", "activity", "class", "gesture", "exercise")
_SUBJECTS = ("subject", "person", "participant", "user")
_SENSOR = re.compile(
    r"(?i)(.*[^a-z])?(acc|accel|acceleration|accelerometer|gyr|gyro|gyroscope|mag|magnetometer)"
)


def tables_of(
    source: SourceFile,
    arrays: Iterable[tuple[str, NDArray[Any]]],
    units: dict[str, str] | None = None,
    names: dict[str, list[str]] | None = None,
) -> list[RawTable]:
    """Arrays that are equally long as the columns of one table each; single values are facts or left out.

    A vector is a column under its name. A matrix is a column for each of its columns, or of its rows where it
    has more columns than rows: ``data 1``, ``data 2``, ..., or ``acc x``, ``acc y``, ``acc z`` where it has
    three and is called like a sensor; an array of records has its fields. A number called ``fs`` or
    ``sampling rate`` is the rate of its group and those below, a text called ``label`` or ``subject`` is
    theirs. Of arrays of different lengths each length is a table.

    Parameters
    ----------
    source : SourceFile
        For messages.
    arrays : iterable of (name, array)
        A name has ``/`` between the groups that it lies in.
    units : dict, optional
        Unit of an array.
    names : dict, optional
        Names of a matrix's columns.

    Raises
    ------
    DataError
        If no array holds a column.
    """
    columns: dict[tuple[str, int], dict[str, NDArray[Any]]] = {}
    given: dict[tuple[str, int], dict[str, str]] = {}
    single: dict[str, dict[str, Any]] = {}
    left = []
    for name, array in arrays:
        group, _, short = name.rpartition("/")
        if array.size == 1:
            single.setdefault(group, {})[word_of(short)] = _plain(array).ravel()[:1].tolist()
            continue
        own = _columns(name, array, (names or {}).get(name))
        if not own:
            left.append(f"{name} {array.shape}")
            continue
        key = group, len(next(iter(own.values())))
        for column, values in own.items():
            column = column if column not in columns.setdefault(key, {}) else f"{short} {column}"
            columns[key][column] = values
            if unit := (units or {}).get(name, ""):
                given.setdefault(key, {})[column] = unit
    if not columns:
        there = ", ".join(left)[:160] or "none"
        raise DataError(f"{source.path}: no array holds a column of numbers; arrays: {there}")
    notes: tuple[str, ...] = ()
    if left:
        notes = (f"arrays that are no columns were left out: {', '.join(left)[:200]}",)
    made = []
    for (group, length), table in columns.items():
        several = sum(g == group for g, _ in columns) > 1
        part = " ".join([group] * (len({g for g, _ in columns}) > 1) + [f"{length} rows"] * several)
        unit_of = given.get((group, length), {})
        made.append(RawTable(source.path, table, 1, unit_of, facts_of(single, group, notes), part))
        notes = ()
    return made


def word_of(name: str) -> str:
    """Letters of a name in lower case: ``samplingrate`` of ``Sampling_Rate``."""
    return re.sub(r"[^a-z]", "", name.lower())


def facts_of(single: dict[str, dict[str, Any]], group: str, notes: tuple[str, ...]) -> FileFacts:
    """What the single values of a group, or of one that it lies in, say of it."""
    known: dict[str, Any] = {}
    while True:
        known = single.get(group, {}) | known
        if not group:
            break
        group = group.rpartition("/")[0]
    values = {word: held[0] for word, held in known.items() if held}
    rates = [float(values[w]) for w in _RATES if isinstance(values.get(w), int | float)]
    label, subject = (
        next((values[word] for word in words if isinstance(values.get(word), str)), "")
        for words in (_LABELS, _SUBJECTS)
    )
    rate = next((r for r in rates if 0 < r < 1e5), 0.0)
    return FileFacts(rate_hz=rate, label=label, subject=subject, notes=notes)


def _columns(name: str, array: NDArray[Any], given: list[str] | None) -> dict[str, NDArray[Any]]:
    """The columns that an array holds, by their names; none if it holds no columns."""
    short = name.rpartition("/")[2]
    if array.dtype.names:
        flat = array.ravel()
        found: dict[str, NDArray[Any]] = {}
        for field in array.dtype.names:
            found |= _columns(f"{name}/{field}", flat[field], None)
        return found
    array = _plain(array)
    if array.dtype.kind not in "biufmMO" or array.ndim > 2 or array.ndim == 0 or array.size < 2:
        return {}
    if array.ndim == 1 or 1 in array.shape:
        return {short: array.ravel()}
    if array.dtype.kind == "O":
        return {}
    if array.shape[1] > array.shape[0]:
        array = array.T
    if array.shape[1] > MOST_COLUMNS:
        return {}
    count = array.shape[1]
    if given and len(given) == count:
        return dict(zip(given, array.T, strict=True))
    if count == 3 and _SENSOR.fullmatch(short):
        return {f"{short} {axis}": values for axis, values in zip("xyz", array.T, strict=True)}
    return {f"{short} {i}": values for i, values in enumerate(array.T, 1)}


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Bytes and text as objects of str, all numbers in this machine's byte order."""
    if array.dtype.kind == "S":
        return np.array([str(cell, "utf-8", "replace").strip() for cell in array.ravel()], object)
    if array.dtype.kind == "U":
        return np.array([str(cell).strip() for cell in array.ravel()], object)
    if array.dtype.kind == "O":
        cells = [str(c, "utf-8", "replace") if isinstance(c, bytes) else c for c in array.ravel()]
        return np.array(cells, object) if all(isinstance(cell, str) for cell in cells) else np.empty(0)
    if array.dtype.kind in "mM":
        return array.astype(array.dtype.kind + "8[ns]")
    return array.astype(array.dtype.newbyteorder("="), copy=False)
