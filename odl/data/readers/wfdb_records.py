"""WFDB, as PhysioNet publishes it: a header .hea and samples (formats 16, 61, 80, 212) in .dat files.

The header (WFDB header(5)): a line ``name signals rate samples``, then for each signal a line ``file format
gain(baseline)/units bits zero first checksum block description``. A physical value is ``(count - baseline) /
gain``.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.extra import as_data_error, whole
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, NotATable, RawTable

NAME = "WFDB"
_SIGNAL = re.compile(r"(\S+)\s+(\d+)(\S*)(?:\s+([-\d.eE+]*)(?:\((-?\d+)\))?(?:/(\S+))?)?(.*)")
_MISSING = {"16": -(2**15), "61": -(2**15), "80": -128, "212": -2048}


def is_mine(source: SourceFile) -> bool:
    """A header, and the samples beside one of the same name."""
    header = str(PurePosixPath(source.name).with_suffix(".hea"))
    return source.suffix == ".hea" or (source.suffix == ".dat" and source.beside(header) is not None)


def read(source: SourceFile) -> list[RawTable]:
    """Return the one table of a record."""
    if source.suffix != ".hea":
        raise NotATable(f"{source.path}: these are samples, which are read with the .hea of the same name")
    with as_data_error(source, "a WFDB header"):
        text = whole(source, "a WFDB header").decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip() and line.lstrip()[:1] != "#"]
        words = lines[0].split()
        if "/" in words[0]:
            raise DataError(f"{source.path}: a record of several segments is not read; name its segments")
        count, rate = int(words[1]), float(words[2].partition("/")[0].partition("(")[0])
        if not 1 <= count <= 1000 or len(lines) < count + 1:
            raise DataError(f"{source.path}: {len(lines) - 1} signals are described, but {count} announced")
        return [_table(source, lines[1 : count + 1], rate)]


def _table(source: SourceFile, lines: list[str], rate: float) -> RawTable:
    signals = []
    for number, line in enumerate(lines, 1):
        found = _SIGNAL.fullmatch(line)
        if found is None or found[2] not in _MISSING or found[3]:
            raise DataError(f"{source.path}: signal {number} is '{line[:60]}', of a format that is not read")
        rest = found[7].split()
        zero = int(rest[1]) if len(rest) > 1 else 0
        gain = float(found[4] or 200) or 200.0
        name = " ".join(rest[5:]) or f"column {number}"
        signals.append((found[1], found[2], gain, int(found[5] or zero), found[6] or "mV", name))
    columns: dict[str, NDArray[np.float64]] = {}
    units = {}
    for file in dict.fromkeys(signal[0] for signal in signals):
        own = [signal for signal in signals if signal[0] == file]
        counts = _counts(source, file, own[0][1], len(own))
        for i, (_, form, gain, baseline, unit, name) in enumerate(own):
            real = (counts[:, i] - baseline) / gain
            real[counts[:, i] == _MISSING[form]] = np.nan
            column = name if name not in columns else f"{name} {len(columns) + 1}"
            columns[column], units[column] = real, unit
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise DataError(f"{source.path}: its files have different lengths ({sorted(lengths)})")
    return RawTable(source.path, columns, 1, units, FileFacts(rate_hz=rate))


def _counts(source: SourceFile, file: str, form: str, signals: int) -> NDArray[np.float64]:
    """All signals of a file, (samples, signals)."""
    other = None
    if PurePosixPath(file).name == file:
        other = source.beside(str(PurePosixPath(source.name).parent / file))
    if other is None:
        raise DataError(f"{source.path}: its file '{file[:60]}' is not beside it")
    data = np.frombuffer(whole(other, "a WFDB file"), np.uint8)
    if form == "212":
        three = data[: len(data) // 3 * 3].reshape(-1, 3).astype(np.int64)
        first = three[:, 0] | (three[:, 1] & 15) << 8
        second = three[:, 2] | (three[:, 1] >> 4) << 8
        flat = np.stack([first, second], 1).ravel()
        flat = np.where(flat > 2047, flat - 4096, flat)
    elif form == "80":
        flat = data.astype(np.int64) - 128
    else:
        flat = data[: len(data) // 2 * 2].view("<i2" if form == "16" else ">i2").astype(np.int64)
    return flat[: len(flat) // signals * signals].reshape(-1, signals).astype(np.float64)
