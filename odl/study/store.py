"""The store of a study's figures: Parquet files, a row per cell, found by its key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from odl._files import in_private
from odl.study.session_figures import FIGURES

PARAMETERS: Final = {
    "dataset": str, "subject": str, "model": str, "order": str, "learner": str, "policy": str, "seed": int,
    "budget": str, "batch": int, "delay": float, "patience": float, "refuse": float, "error": float,
    "hold": bool, "step": int, "every": float, "floor": int,
}  # fmt: skip
COLUMNS: Final = {"key": str, **PARAMETERS, **FIGURES}
_HASH: Final = "sha256 of the rows"


class Store:
    """Figures of cells in a folder.

    Each job's rows are one file, which replaces nothing and appears whole or not at all; so a study that is
    killed loses what it was computing and nothing else.

    Parameters
    ----------
    folder : path
        Created with the first row.

    Examples
    --------
    >>> import tempfile
    >>> row = {name: {str: "", int: 1, float: 0.5, bool: True}[kind] for name, kind in COLUMNS.items()}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(Path(folder))
    ...     store.add([row | {"key": "a"}])
    ...     list(Store(Path(folder)).read()[0])
    ['a']
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cells"

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write the rows of one job."""
        name = sha256("".join(row["key"] for row in rows).encode()).hexdigest()[:24]
        with in_private(self.folder / f"{name}.parquet", force=True) as file:
            write_rows(file, rows)

    def read(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """The rows by their keys, and the names of files that cannot be read or are of another version."""
        rows: dict[str, dict[str, Any]] = {}
        unread = []
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                rows |= {row["key"]: row for row in read_rows(path)}
            except (OSError, ValueError):
                unread.append(path.name)
        return rows, unread


def write_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows with the columns `COLUMNS` as one Parquet file, with a hash of them."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(list(rows), schema=_schema())
    parquet.write_table(table.replace_schema_metadata({_HASH: _hash(table.to_pylist())}), file)


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows that `write_rows` wrote.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, has other columns, or its rows are not those that were written.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(file)
    except pyarrow.ArrowException as error:
        raise ValueError(f"{file}: {error}") from None
    if not table.schema.equals(_schema()):
        raise ValueError(f"{file}: other columns")
    rows: list[dict[str, Any]] = table.to_pylist()
    if (table.schema.metadata or {}).get(_HASH.encode()) != _hash(rows).encode():
        raise ValueError(f"{file}: the rows have changed since they were written")
    return rows


def _hash(rows: Sequence[dict[str, Any]]) -> str:
    return sha256(json.dumps(rows).encode()).hexdigest()


def _schema() -> Any:
    import pyarrow

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    return pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
