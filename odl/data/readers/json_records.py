"""Documents that hold records: Movesense, Sensor Logger, JSON lines, what pandas writes, and others alike.

Movesense's app writes ``{"data": [{"acc": {"Timestamp": 12, "ArrayAcc": [{"x": 0.1, ...}]}}]}``, messages
of several samples under one time stamp in ms, in m/s2, deg/s and uT. Sensor Logger writes ``{"sensor":
"Accelerometer", "time": "1700...", "seconds_elapsed": "0.01", "x": "0.1", ...}`` for each. Both are lists of
records of several kinds, and each kind is a table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from odl.data.card import DataError
from odl.data.readers.json_text import column_of_cells, columns_of
from odl.data.readers.matrix import MOST_COLUMNS, facts_of, word_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

_MOVESENSE = {"ArrayAcc": "m/s2", "ArrayGyro": "deg/s", "ArrayMagn": "uT"}
_MOST_RECORDS = 2**22
_SENSORS = {"acc": "a", "gyr": "w", "mag": "m", "rotationrate": "w"}


def tables_of_records(source: SourceFile, value: Any) -> list[RawTable]:
    """Return a table for each kind of record in a document."""
    if isinstance(value, dict) and (table := _by_column(source, value)) is not None:
        return [table]
    kinds = _kinds(source, value)
    facts = facts_of({"": {name: [cell] for name, cell in _singles(value, 0)}}, "", ())
    tables, left = [], []
    for part, records in kinds.items():
        columns, rows = columns_of(source, records)
        numbers = {n for n, column in columns.items() if column.dtype.kind in "iuf"}
        if len(rows) < 2 or not numbers:
            left.append(part or "records without numbers")
            continue
        named = {n.removeprefix(f"{part}."): column for n, column in columns.items()}
        named = named if len(named) == len(columns) else columns
        own = replace(facts, sensor=_sensor(part))
        tables.append(RawTable(source.path, named, rows, _movesense_units(list(named)), own, part))
    if not tables:
        raise DataError(f"{source.path}: there is no list of records with numbers in it")
    if left:
        note = f"records of other kinds were left out: {', '.join(left)[:120]}"
        tables[0] = replace(tables[0], facts=replace(tables[0].facts, notes=(note,)))
    return tables


def _movesense_units(names: list[str]) -> dict[str, str]:
    """Units of Movesense's columns, as its API documents them; none for others.

    >>> _movesense_units(["Timestamp", "ArrayGyro.x"]), _movesense_units(["Timestamp", "x"])
    ({'Timestamp': 'ms', 'ArrayGyro.x': 'deg/s'}, {})
    """
    words = {name: name.split(".")[-2:] for name in names}
    found = {name: _MOVESENSE[word[0]] for name, word in words.items() if word[0] in _MOVESENSE}
    return {name: "ms" for name, word in words.items() if word[-1] == "Timestamp" and found} | found


def _singles(value: Any, depth: int) -> list[tuple[str, Any]]:
    """(name, value) of the single values beside the lists of a document, such as ``fs`` and ``label``."""
    if not isinstance(value, dict) or depth > 3:
        return []
    own = [(word_of(name), cell) for name, cell in value.items() if isinstance(cell, str | int | float)]
    return own + [pair for held in value.values() for pair in _singles(held, depth + 1)]


def _sensor(part: str) -> str:
    """The kind of sensor where a record says it in a word."""
    word = "".join(c for c in part.lower() if c.isalpha())
    found = {kind for start, kind in _SENSORS.items() if start in word}
    return found.pop() if len(found) == 1 else ""


def _kinds(source: SourceFile, value: Any) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Numbered records by their kind: the sensor that they name, or the one key that they have."""
    kinds: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for place, records in _lists(value, "", 0):
        if len(records) > _MOST_RECORDS:
            raise DataError(f"{source.path}: more than {_MOST_RECORDS} records; save it as CSV or Parquet")
        for number, record in enumerate(records, 1):
            if isinstance(record, list):
                record = {f"column {i}": cell for i, cell in enumerate(record[:MOST_COLUMNS], 1)}
            if not isinstance(record, dict):
                raise DataError(f"{source.path} record {number}: '{str(record)[:40]}' is no record")
            kinds.setdefault(_kind(place, record), []).append((number, record))
    return kinds


def _kind(place: str, record: dict[str, Any]) -> str:
    sensor = record.get("sensor", record.get("sensorName"))
    if isinstance(sensor, str):
        return sensor.strip()[:60]
    if len(record) == 1 and isinstance(next(iter(record.values())), dict):
        return str(next(iter(record)))
    return place


def _lists(value: Any, place: str, depth: int) -> list[tuple[str, list[Any]]]:
    """Lists of records in a document, by their place; the outermost ones."""
    if isinstance(value, list):
        return [(place, value)] if value and isinstance(value[0], dict | list) else []
    found: list[tuple[str, list[Any]]] = []
    if isinstance(value, dict) and depth < 4:
        for key, held in value.items():
            found += _lists(held, str(key), depth + 1)
    return [("", found[0][1])] if depth == 0 and len(found) == 1 else found


def _by_column(source: SourceFile, value: dict[str, Any]) -> RawTable | None:
    """``{"ax": [0.1, ...], "ay": [...]}``, or rows beside their ``columns``, as pandas writes them."""
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and rows and isinstance(rows[0], list):
        for number, row in enumerate(rows, 1):
            if not isinstance(row, list) or len(row) != len(names):
                raise DataError(f"{source.path} record {number}: it should have {len(names)} values")
        value = {str(name): [row[i] for row in rows] for i, name in enumerate(names[:MOST_COLUMNS])}
    columns = {name: list(held.values()) if isinstance(held, dict) else held for name, held in value.items()}
    lists = {
        name: column
        for name, column in columns.items()
        if isinstance(column, list) and not any(isinstance(cell, dict | list) for cell in column)
    }
    lengths = {len(column) for column in lists.values()}
    nested = any(isinstance(held, dict | list) for name, held in value.items() if name not in lists)
    if len(lists) < 2 or len(lengths) != 1 or lengths <= {0, 1} or nested:
        return None
    table = {name: column_of_cells(column) for name, column in lists.items()}
    return RawTable(source.path, table) if any(c.dtype.kind in "iuf" for c in table.values()) else None
