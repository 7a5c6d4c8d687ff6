"""Edge Impulse's data acquisition format, JSON or CBOR, with the labels and the split of an export.

The format (docs.edgeimpulse.com, "Data acquisition format"): ``payload`` has ``interval_ms``, ``sensors``
with name and units, and ``values``, a row for each sample. Labels lie beside it:
``structured_labels.labels`` gives spans of rows, last row included, for a file name; ``info.labels`` at the
export's root gives each file's label, category (training or testing) and, for several labels, the spans.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from odl.data.card import DataError
from odl.data.readers.json_text import column_of_cells
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, RawTable

_SPLITS = {"training": "train", "testing": "test"}


def is_acquisition(document: Any) -> bool:
    """Whether a document of JSON or CBOR is one of Edge Impulse's."""
    payload = document.get("payload") if isinstance(document, dict) else None
    return isinstance(payload, dict) and "values" in payload and "sensors" in payload


def tables_of_acquisition(source: SourceFile, document: dict[str, Any]) -> list[RawTable]:
    """Return the one table; its rate is that of ``interval_ms``."""
    payload = document["payload"]
    if not isinstance(payload["values"], list):
        raise DataError(f"{source.path}: its payload has no list of values, as Edge Impulse writes it")
    sensors, values = payload.get("sensors"), payload["values"]
    named = isinstance(sensors, list) and all(isinstance(s, dict) and "name" in s for s in sensors)
    if not named or not sensors:
        raise DataError(f"{source.path}: payload.sensors is no list of names and units")
    if len(sensors) == 1:
        values = [[value] if not isinstance(value, list) else value for value in values]
    for number, row in enumerate(values, 1):
        if not isinstance(row, list) or len(row) != len(sensors):
            raise DataError(f"{source.path} row {number}: {len(sensors)} values should be there")
    if not values:
        raise DataError(f"{source.path}: payload.values is empty")
    names = [str(sensor["name"]) for sensor in sensors]
    if len(set(names)) < len(names):
        raise DataError(f"{source.path}: two sensors have one name: {', '.join(names)[:120]}")
    columns = {name: column_of_cells([row[i] for row in values]) for i, name in enumerate(names)}
    units = {name: str(s["units"]) for name, s in zip(names, sensors, strict=True) if s.get("units")}
    facts = _labelled(source, FileFacts(rate_hz=_rate(source, payload)), len(values))
    return [RawTable(source.path, columns, 1, units, facts)]


def _rate(source: SourceFile, payload: dict[str, Any]) -> float:
    interval = payload.get("interval_ms")
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 1e-2 <= interval <= 1e6:
        raise DataError(f"{source.path}: payload.interval_ms is {str(interval)[:20]}; it should be in ms")
    return float(1000 / interval)


def _labelled(source: SourceFile, facts: FileFacts, rows: int) -> FileFacts:
    """Add what the label files beside a file, or above it, say of it."""
    beside = _document(source, PurePosixPath(source.name).parent / "structured_labels.labels")
    spans = beside.get("structuredLabels", {}).get(PurePosixPath(source.name).name)
    if spans is not None:
        facts = replace(facts, spans=_spans(source, spans, rows))
    for folder in list(PurePosixPath(source.name).parents)[:3]:
        for entry in _document(source, folder / "info.labels").get("files", ()):
            if not isinstance(entry, dict) or str(folder / str(entry.get("path"))) != source.name:
                continue
            written = entry.get("label")
            label: dict[str, Any] = written if isinstance(written, dict) else {}
            facts = replace(facts, split=_SPLITS.get(str(entry.get("category")), ""))
            if label.get("type") == "label":
                return replace(facts, label=str(label.get("label", "")))
            if label.get("type") == "multi-label":
                return replace(facts, spans=_spans(source, label.get("labels"), rows))
            return facts
    return facts


def _document(source: SourceFile, name: PurePosixPath) -> dict[str, Any]:
    """The dictionary in a file beside ``source``; empty if there is none."""
    other = source.beside(str(name))
    if other is None:
        return {}
    try:
        found = json.loads(bytes(other.data()))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{other.path}: this is no JSON ({str(error)[:60]})") from None
    return found if isinstance(found, dict) else {}


def _spans(source: SourceFile, written: Any, rows: int) -> tuple[tuple[int, int, str], ...]:
    spans = []
    for entry in written if isinstance(written, list) else [written]:
        held: dict[str, Any] = entry if isinstance(entry, dict) else {}
        start, last = held.get("startIndex"), held.get("endIndex")
        if type(start) is not int or type(last) is not int or not 0 <= start <= last < rows:
            raise DataError(f"{source.path}: its labels have {str(entry)[:60]}; rows go from 0 to {rows - 1}")
        spans.append((start, last + 1, str(held.get("label", ""))))
    return tuple(spans)
