"""JSON of any size that is read whole, and lists of records in it as columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.extra import LARGEST, as_data_error, whole
from odl.data.readers.source import SourceFile

_DEEPEST = 12  # dictionaries within each other in a record
_MOST_COLUMNS = 1000
_MOST_CELLS = LARGEST
_MOST_VALUES = 2**25  # each takes up to 64 bytes once it is read


def json_of(source: SourceFile) -> Any:
    """Return the value of a JSON file, or the list of values of a file with one on each line.

    Raises
    ------
    DataError
        If it is too large, nested too deeply or not JSON; the message names the line.
    """
    data = whole(source, "JSON")
    if sum(map(data.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise DataError(f"{source.path}: more than {_MOST_VALUES} values in JSON; save it as CSV or Parquet")
    with as_data_error(source, "JSON"):
        text = data.decode("utf-8-sig").strip("\0 \r\n\t")
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            lines = text.splitlines()
            if error.msg != "Extra data" or not lines[0].strip():
                raise _fault(source, error) from None
        return [_line(source, line, number) for number, line in enumerate(lines, 1) if line.strip()]


def _line(source: SourceFile, line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{source.path} row {number}: this is no JSON ({error.msg})") from None


def _fault(source: SourceFile, error: json.JSONDecodeError) -> DataError:
    return DataError(f"{source.path} row {error.lineno}: this is no JSON ({error.msg})")


def columns_of(
    source: SourceFile, records: Iterable[tuple[int, dict[str, Any]]]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Records of one kind as columns, and the number of each row's record.

    A dictionary within a record is several columns, ``acc.x``. A list of them, or of numbers, is a row for
    each element; what stands once in the record stays on each of its rows.

    Raises
    ------
    DataError
        If two lists of a record have different lengths, or a record is nested too deeply.
    """
    cells: dict[str, list[Any]] = {}
    numbers: list[int] = []
    for number, record in records:
        once: dict[str, Any] = {}
        lists: dict[str, list[Any]] = {}
        _flatten(source, number, record, "", once, lists, 0)
        lengths = {len(values) for values in lists.values()}
        if len(lengths) > 1:
            names = ", ".join(f"{name} {len(values)}" for name, values in lists.items())
            raise DataError(f"{source.path} record {number}: lists of different lengths ({names[:120]})")
        length = lengths.pop() if lengths else 1
        filled = len(numbers)
        for name, values in [*((n, [v] * length) for n, v in once.items()), *lists.items()]:
            column = cells.setdefault(name, [])
            column += [None] * (filled - len(column)) + values
        numbers += [number] * length
        if len(cells) > _MOST_COLUMNS or len(cells) * len(numbers) > _MOST_CELLS:
            raise DataError(f"{source.path}: more than {_MOST_COLUMNS} columns or {_MOST_CELLS} values")
    columns = {
        name: column_of_cells(column + [None] * (len(numbers) - len(column)))
        for name, column in cells.items()
    }
    return columns, np.array(numbers, np.int64)


def _flatten(
    source: SourceFile, number: int, value: dict[str, Any], prefix: str, once: dict[str, Any],
    lists: dict[str, list[Any]], depth: int,
) -> None:  # fmt: skip
    """Sort what a record holds into single values and lists, by dotted names."""
    if depth > _DEEPEST:
        raise DataError(f"{source.path} record {number}: more than {_DEEPEST} dictionaries within each other")
    for key, held in value.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(held, dict):
            _flatten(source, number, held, name, once, lists, depth + 1)
        elif not isinstance(held, list):
            once[name] = held
        elif held and all(isinstance(element, dict) for element in held):
            for i, element in enumerate(held):
                inner: dict[str, Any] = {}
                _flatten(source, number, element, name, inner, {}, depth + 1)
                for below, cell in inner.items():
                    column = lists.setdefault(below, [])
                    column += [None] * (i - len(column)) + [cell]
        elif held and all(isinstance(element, list) for element in held):
            width = max(map(len, held))
            for k in range(min(width, _MOST_COLUMNS)):
                lists[_axis(name, k, width)] = [row[k] if k < len(row) else None for row in held]
        elif len(held) == 3 and all(isinstance(cell, int | float) for cell in held):
            once |= {_axis(name, k, 3): cell for k, cell in enumerate(held)}
        elif held:
            lists[name] = held


def _axis(name: str, k: int, width: int) -> str:
    return f"{name}.{'xyz'[k]}" if width == 3 else f"{name} {k + 1}"


def column_of_cells(cells: list[Any]) -> NDArray[Any]:
    """Values of JSON as a column: numbers where all are, numbers in text too, else text.

    >>> column_of_cells([1, "2.5", None]).tolist(), column_of_cells(["a", None]).tolist()
    ([1.0, 2.5, nan], ['a', ''])
    """
    if all(type(cell) is int for cell in cells):
        return _whole(cells)
    if all(isinstance(cell, str) for cell in cells):
        try:
            return _whole([int(cell) for cell in cells])
        except ValueError:
            pass
    try:
        return np.array([np.nan if cell is None or cell == "" else float(cell) for cell in cells])
    except (TypeError, ValueError, OverflowError):
        return np.array(["" if cell is None else str(cell)[:1000] for cell in cells], object)


def _whole(cells: list[int]) -> NDArray[Any]:
    fits = all(-(2**63) <= cell < 2**63 for cell in cells)
    return np.array(cells, np.int64 if fits else np.float64)
