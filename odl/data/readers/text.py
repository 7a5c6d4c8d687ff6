"""Tables as text: any separator, encoding and end of line; pyarrow reads the rows."""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.arrow import column_of
from odl.data.readers.clock_text import to_clock
from odl.data.readers.source import SourceFile
from odl.data.readers.table import NOTHING, FileFacts, NoTable, RawTable
from odl.data.readers.text_layout import TextLayout, cells, find_layout

NAME = "CSV and other text tables"
BLOCK = 2**24  # bytes that are parsed at a time
FEWEST = 0.3  # share of empty lines from which on they are between all rows, not between recordings
_ENDINGS = (".csv", ".txt", ".tsv", ".tab", ".dat", ".log", ".asc", ".data", ".text", ".out", "")
_NULLS = sorted({w for word in NOTHING for w in (word, word.upper(), word.title())} | {"NaN", "-nan", "<NA>"})


def is_mine(source: SourceFile) -> bool:
    """Text by its ending, or of another ending but with a layout."""
    if source.suffix in _ENDINGS:
        return True
    head = source.head()
    return b"\0" not in head[:1024] and find_layout(_lines(head, _encoding(head))[:-1]) is not None


def read(source: SourceFile) -> list[RawTable]:
    """Return the file's one table."""
    head = source.head()
    if not head.strip(b"\0 \r\n\t,;"):
        raise NoTable(f"{source.path}: the file is empty")
    encoding = _encoding(head)
    data, notes = _as_utf8(source, head, encoding)
    return [parse(source, data, notes)]


def parse(source: SourceFile, data: Any, notes: list[str]) -> RawTable:
    """Return the table in text of UTF-8, which a reader has made of a sheet, say."""
    top = _lines(bytes(data[: 2**18]), "utf-8")
    layout = find_layout(top if len(data) <= 2**18 else top[:-1])
    if layout is None:
        names = " ".join(top[:1])[:60]
        if "\ufffd" in "".join(top) or any(ord(c) < 9 for line in top[:20] for c in line):
            raise NoTable(f"{source.path}: this is not text, nor a format that is known here")
        below = "the file is empty below its names" if len(top) < 3 else "no columns of numbers can be found"
        raise NoTable(f"{source.path}: {below} (its first line is '{names}')")
    row, number = layout.thousands
    if row:
        raise DataError(
            f"{source.path} row {row}: '{number}' stands beside whole numbers, so that its mark seems to "
            "part thousands; write the numbers without such marks"
        )
    return _Body(source, layout, data, notes).table()


def _encoding(head: bytes) -> str:
    """UTF-8 where it is that, UTF-16 by its mark or its zeros, else as charset-normalizer finds."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = head[:2000]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(pairs) > 20 and pairs[first::2].count(0) > 0.4 * len(pairs) / 2 > 2 * pairs[
            1 - first :: 2
        ].count(0):
            return name
    try:
        head[: max(0, len(head) - 4)].decode("utf-8")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        line = next((x for x in head.splitlines() if max(x, default=0) > 127), head)
        western = sum(line.count(c) for c in b"\xb0\xb2\xb5\xe4\xf6\xfc\xdf\xe9\xe8\xb7")
        best = None if western else from_bytes(head).best()  # few letters are too few to tell by
        return "cp1252" if best is None or best.encoding.startswith("utf") else best.encoding
    return "utf-8"


def _as_utf8(source: SourceFile, head: bytes, encoding: str) -> tuple[Any, list[str]]:
    data, notes = source.data(), []
    if encoding != "utf-8":
        try:
            data = bytes(data).decode(encoding, errors="replace").encode()
        except LookupError:
            raise DataError(f"{source.path}: this is not text in UTF-8; save it as that") from None
        notes.append(f"read as {encoding}")
    if data[:3] == b"\xef\xbb\xbf":
        data = bytes(data[3:])
    if data.find(b"\0") >= 0:
        clean = bytes(data).replace(b"\0", b"")
        notes.append(f"{len(data) - len(clean)} bytes of zero left out")
        data = clean
    if b"\n" not in head.replace(b"\0", b"") and b"\r" in head:
        data = bytes(data).replace(b"\r", b"\n")
    lines = bytes(data[:4000]).splitlines()[:-1]
    ended = [line for line in lines if line.rstrip().endswith(b";")]
    if len(ended) > 0.8 * len(lines) and all(b"," in line and line.count(b";") == 1 for line in ended):
        data = re.sub(rb"[;,]*;[;, \t]*(?=\r?\n|$)", b"", bytes(data))  # WISDM ends its rows so
        data = re.sub(rb";[ \t]*(?=[^\r\n])", b"\n", data)
    return data, notes


def _lines(data: bytes, encoding: str) -> list[str]:
    return data.decode(encoding, errors="replace").replace("\0", "").replace("\r\n", "\n").split("\n")


class _Body:
    """The rows below the names, in blocks between lines that are none: empty, a remark, the names again."""

    def __init__(self, source: SourceFile, layout: TextLayout, data: Any, notes: list[str]) -> None:
        self._path, self._layout, self._data = source.path, layout, data
        self._notes, self._dropped = notes, 0
        self._types: dict[str, Any] = {}
        doubled = [n for n, count in Counter(layout.names).items() if n and count > 1]
        if doubled:
            place = f"{source.path} row {layout.first - 1}"
            raise DataError(f"{place}: two columns are called '{doubled[0]}'")
        for number in layout.nameless:
            notes.append(f"column {number} has no name and is left out; give it one in the line of names")
        self._start = 0
        for _ in range(layout.first - 1):
            self._start = data.find(b"\n", self._start) + 1
        self._end = len(data)

    def table(self) -> RawTable:
        """Read all rows."""
        from pyarrow import default_memory_pool

        self._cut_last()
        pool = default_memory_pool()
        breaks: list[tuple[int, str]] = []
        columns: dict[str, list[Any]] = {name: [] for name in self._layout.names if name}
        rows, count, blank = [], 0, 0
        for number, text, after in self._pieces():
            if after == "empty" and count:
                blank += 1
            if after in ("empty", "names") and count and (not breaks or breaks[-1][0] != count):
                breaks.append((count, after))
            if not text:
                continue
            piece = self._parsed(text, number)
            for name, values in self._arrays(piece, number):
                columns[name].append(values)
            size = piece.num_rows
            del piece, text
            pool.release_unused()
            rows.append((number, size))
            count += size
        if not count:
            raise NoTable(f"{self._path}: the file is empty below its names")
        if blank > FEWEST * count:
            breaks = [b for b in breaks if b[1] == "names"]
        again = sum(kind == "names" for _, kind in breaks)
        if again:
            self._notes.append(f"the names stand in the file {again + 1} times")
        joined = {name: _joined(columns.pop(name)) for name in list(columns)}
        facts = FileFacts(
            rate_hz=self._layout.rate_hz, breaks=tuple(at for at, _ in breaks if at < count),
            notes=tuple(self._notes), dropped=self._dropped,
        )  # fmt: skip
        return RawTable(self._path, joined, _numbers(rows), dict(self._layout.units), facts)

    def _cut_last(self) -> None:
        """Leave out a last line that has fewer values than the others."""
        end = self._end
        while end > self._start and self._data[end - 1 : end] in (b"\n", b"\r", b" "):
            end -= 1
        at = self._data.rfind(b"\n", self._start, end) + 1
        if at <= self._start:
            return
        line = bytes(self._data[at:end]).decode(errors="replace")
        width = len(cells(line, self._layout.separator))
        if 0 < width < len([n for n in self._layout.names if n]) and not line.startswith("#"):
            self._notes.append(f"row {self._row_at(at)} is cut and was left out: '{line[:40]}'")
            self._dropped += 1
            end = at
        self._end = end

    def _row_at(self, position: int) -> int:
        row, at = 1, 0
        while at < position:
            row += bytes(self._data[at : min(at + BLOCK, position)]).count(b"\n")
            at += BLOCK
        return row

    def _pieces(self) -> Iterator[tuple[int, bytes, str]]:
        """(number of the first row, text of whole lines, what stands before it)."""
        number, at, before = self._layout.first, self._start, ""
        while at < self._end:
            stop = at + BLOCK
            if stop < self._end:
                stop = self._data.rfind(b"\n", at, stop) + 1 or self._end
            block = bytes(self._data[at : min(stop, self._end)])
            for line, end, kind in [*self._odd_lines(block), (len(block), len(block), "")]:
                text = block[:0] if line < 0 else block[self._done : line]
                if text.strip():
                    yield number, text, before
                    number += text.count(b"\n") + (not text.endswith(b"\n"))
                    before = ""
                elif before:
                    yield number, b"", before
                if kind:
                    before, number = ("" if kind == "remark" else kind), number + block[line:end].count(b"\n")
                self._done = end
            self._done = 0
            if isinstance(self._data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                self._data.madvise(mmap.MADV_DONTNEED)  # pages that have been read need no memory any more
            at = stop

    _done = 0

    def _odd_lines(self, block: bytes) -> list[tuple[int, int, str]]:
        """(start, end, kind) of each line of a block that is no row."""
        found: dict[int, str] = {}
        header = self._layout.header.encode().strip()
        marks = [(b"\n", "empty"), (b"\r\n", "empty"), (b"#", "remark"), (b"//", "remark")]
        for mark, kind in [*marks, *([(header, "names")] if header else [])]:
            if block.startswith(mark):
                found[0] = kind
            at = block.find(b"\n" + mark)
            while at >= 0:
                found[at + 1] = kind
                at = block.find(b"\n" + mark, at + 1)
        return [(at, block.find(b"\n", at) + 1 or len(block), found[at]) for at in sorted(found)]

    def _parsed(self, text: bytes, number: int) -> Any:
        import pyarrow
        from pyarrow import csv

        layout, bad = self._layout, []

        def wrong(row: Any) -> str:
            bad.append(row)
            return "error"

        self._check_text(text, number)
        separator = layout.separator
        if separator == " ":
            text = re.sub(rb"(?m)^[ \t]+|[ \t]+\r?$", b"", re.sub(rb"[ \t]+", b" ", text))
        names = [name or f"\0{i}" for i, name in enumerate(layout.names)]
        for types in (self._types, {}):
            try:
                return csv.read_csv(
                    pyarrow.BufferReader(text),
                    csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
                    csv.ParseOptions(delimiter=separator, invalid_row_handler=wrong),
                    csv.ConvertOptions(
                        null_values=_NULLS, decimal_point=layout.point, auto_dict_encode=True,
                        include_columns=[name for name in names if name[0] != "\0"], column_types=types,
                    ),
                )  # fmt: skip
            except pyarrow.ArrowInvalid as error:
                if bad:
                    self._refuse(number + bad[0].number - 1, bad[0])
                if not types:
                    raise DataError(
                        f"{self._path} from row {number} on: cannot be read ({str(error)[:80]})"
                    ) from None
        raise AssertionError("unreachable")

    def _check_text(self, text: bytes, number: int) -> None:
        """Refuse bytes in another encoding: pyarrow would print an exception while it reports such a row."""
        try:
            text.isascii() or text.decode()
        except UnicodeDecodeError as error:
            row = number + text.count(b"\n", 0, error.start)
            place = f"{self._path} row {row}"
            raise DataError(f"{place}: bytes that are no text; save the file as UTF-8") from None

    def _refuse(self, number: int, row: Any) -> None:
        place = f"{self._path} row {number}"
        if row.text.count('"') % 2:
            raise DataError(f"{place}: a quotation mark is not closed")
        raise DataError(f"{place}: {row.actual_columns} values where {row.expected_columns} should be")

    def _arrays(self, piece: Any, number: int) -> Iterator[tuple[str, NDArray[Any]]]:
        """The columns of a piece as arrays, so that pyarrow's memory is free before the next one."""
        for name in piece.column_names:
            column = piece.column(name)
            self._check_lines(column, number)
            clock = to_clock(column)
            values = column_of(column) if clock is None else clock
            assert values is not None  # CSV holds no lists, and `_check_text` leaves no bytes
            yield name, values

    def _check_lines(self, column: Any, number: int) -> None:
        """Refuse text that goes over the end of its line: its quotation mark is not closed."""
        from pyarrow import compute, types

        kind = column.type
        text = compute.dictionary_decode(column) if types.is_dictionary(kind) else column
        if types.is_string(text.type):
            cut = compute.match_substring(text, "\n")
            if compute.any(cut).as_py():
                broken = compute.index(cut, True).as_py()
                raise DataError(f"{self._path} row {number + broken}: a quotation mark is not closed")


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """The pieces of a column one after the other: text if one of them is, NaT for what is no time."""
    kinds = {piece.dtype.kind for piece in pieces}
    if kinds & {"M", "m"}:
        kind = next(piece.dtype for piece in pieces if piece.dtype.kind in "Mm")
        pieces = [p if p.dtype == kind else np.full(len(p), np.array("NaT", kind)) for p in pieces]
    elif "O" in kinds and len(kinds) > 1:
        pieces = [p if p.dtype.kind == "O" else _as_text(p) for p in pieces]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _as_text(values: NDArray[Any]) -> NDArray[Any]:
    return np.array(["" if value != value else str(value) for value in values.tolist()], object)


def _numbers(rows: list[tuple[int, int]]) -> NDArray[np.int64] | int:
    if all(a + n == b for (a, n), (b, _) in zip(rows, rows[1:], strict=False)):
        return rows[0][0]
    return np.concatenate([np.arange(number, number + n) for number, n in rows])
