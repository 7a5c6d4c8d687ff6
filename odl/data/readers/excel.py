"""Excel's .xlsx with openpyxl (extra ``files``): each sheet is read like a text table, preamble and all."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from odl.data.archive import zip_members
from odl.data.card import DataError
from odl.data.readers import text
from odl.data.readers.extra import as_data_error, needed, whole
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "Excel"
_UNPACKED = 2**30  # bytes of all sheets as XML
_MOST_CELLS = 2**26
_OLD = (".xls", ".ods", ".numbers")


def is_mine(source: SourceFile) -> bool:
    """By the ending, old and other spreadsheets too, so that the error says what to do."""
    return source.suffix in (".xlsx", ".xlsm", *_OLD)


def read(source: SourceFile) -> list[RawTable]:
    """Return a table for each sheet that holds one."""
    if source.suffix in _OLD:
        raise DataError(f"{source.path}: only Excel's .xlsx is read; save it as that, or as CSV")
    with needed("Excel", source):
        import openpyxl
    data = whole(source, "Excel")
    with as_data_error(source, "Excel"):
        if sum(info.file_size for info in zip_members(io.BytesIO(data), source.path)) > _UNPACKED:
            raise DataError(f"{source.path}: more than {_UNPACKED} bytes when unpacked; save it as CSV")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            sheets = [(str(sheet.title), _as_text(source, sheet)) for sheet in book.worksheets]
        finally:
            book.close()
    tables, faults = [], []
    for title, lines in sheets:
        try:
            table = text.parse(source, lines.encode(), [])
        except DataError as error:
            faults.append(f"'{title}' ({str(error).removeprefix(f'{source.path}').strip(' :')})")
        else:
            tables.append(replace(table, part=title if len(sheets) > 1 else ""))
    if not tables:
        raise DataError(
            f"{source.path}: no sheet holds a table: {'; '.join(faults)[:200] or 'there is none'}"
        )
    if faults:
        note = f"sheets without a table were left out: {'; '.join(faults)[:200]}"
        facts = replace(tables[0].facts, notes=(*tables[0].facts.notes, note))
        tables[0] = replace(tables[0], facts=facts)
    return tables


def _as_text(source: SourceFile, sheet: Any) -> str:
    """A sheet as lines with tabs, a line for each of its rows, so that row numbers stay."""
    sheet.reset_dimensions()  # what the file says of them may be wrong
    lines, cells = [], 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row) + 1
        if cells > _MOST_CELLS:
            raise DataError(f"{source.path}: sheet '{sheet.title}' has more than {_MOST_CELLS} cells")
        words = ["" if cell is None else " ".join(str(cell).split()) for cell in row]
        while words and not words[-1]:
            words.pop()
        lines.append("\t".join(words))
    width = max((line.count("\t") for line in lines), default=0)
    full = [line + "\t" * (width - line.count("\t")) if line else "" for line in lines]
    return "\n".join(full) + "\n"
