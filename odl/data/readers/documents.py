"""JSON and CBOR: Edge Impulse's acquisitions, and lists of records of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odl.data.card import DataError
from odl.data.readers import edge_impulse, json_records
from odl.data.readers.extra import as_data_error, needed, whole
from odl.data.readers.json_text import json_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import NotATable, RawTable

NAME = "JSON and CBOR"
_LARGEST = 2**24  # bytes of CBOR, each of which may be a value
_DEEPEST = 100
_ENDINGS = (".json", ".jsonl", ".ndjson", ".cbor", ".labels")


def is_mine(source: SourceFile) -> bool:
    """By the ending, or a first brace that opens a name."""
    if source.suffix in _ENDINGS:
        return True
    head = source.head(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    return head[:1] in (b"{", b"[") and head[1:].lstrip()[:1] in (b'"', b"{")


def read(source: SourceFile) -> list[RawTable]:
    """Return Edge Impulse's one table, or one for each kind of record."""
    if source.suffix == ".labels":
        raise NotATable(f"{source.path}: these are labels, which are read with their files")
    document = _cbor(source) if source.suffix == ".cbor" else json_of(source)
    if edge_impulse.is_acquisition(document):
        return edge_impulse.tables_of_acquisition(source, document)
    return json_records.tables_of_records(source, document)


def _cbor(source: SourceFile) -> Any:
    with needed("CBOR", source):
        import cbor2
    data = whole(source, "CBOR")
    if len(data) > _LARGEST:
        raise DataError(f"{source.path}: more than {_LARGEST} bytes of CBOR; export it as JSON or CSV")
    with as_data_error(source, "CBOR"):
        return _as_json(cbor2.loads(data))


def _as_json(value: Any, depth: int = 0) -> Any:
    """The value as JSON could say it: names are text, and what JSON does not know is its text.

    >>> _as_json({1: (2, b"x")})
    {'1': [2, "b'x'"]}
    """
    if depth > _DEEPEST:  # CBOR can hold a list within itself
        raise ValueError("too many levels")
    if isinstance(value, Mapping):
        return {str(name): _as_json(held, depth + 1) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(held, depth + 1) for held in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
