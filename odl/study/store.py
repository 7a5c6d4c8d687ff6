"""The store of a study's figures: Parquet files, a row per cell, found by its key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from odl._files import in_private
from odl.study.session_figures import FIGURES

PARAMETERS: Final = {
    "dataset": str, "subject": str, "model": str, "order": str, "learner": str, "policy": str, "seed": int,
    "budget": str, "batch": int, "delay": float, "patience": float, "refuse": float, "error": float,
    "hold": bool, "step": int,
}  # fmt: skip
COLUMNS: Final = {"key": str, **PARAMETERS, **FIGURES}


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
        import pyarrow
        from pyarrow import parquet

        rows, unread = {}, []
        wanted = _schema()
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                table = parquet.read_table(path)
            except (OSError, pyarrow.ArrowInvalid):
                unread.append(path.name)
                continue
            if not table.schema.equals(wanted):
                unread.append(path.name)
                continue
            for row in table.to_pylist():
                rows[row["key"]] = row
        return rows, unread


def write_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows with the columns `COLUMNS` as one Parquet file."""
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=_schema()), file)


def _schema() -> Any:
    import pyarrow

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    return pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
