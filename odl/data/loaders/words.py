"""Tables by the word for their sensor in a file's name, a sheet's name or a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from odl.data.card import DataError
from odl.data.readers.table import RawTable


def has_word(text: str, word: str) -> bool:
    """Whether a name holds a word, not as a part of another one.

    >>> has_word("walk_acc_1.csv", "acc"), has_word("AccelerometerUncalibrated.csv", "Accelerometer")
    (True, False)
    """
    return re.search(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", text, re.IGNORECASE) is not None


def without_word(name: str, word: str) -> str:
    """A file's name without a word, its ending, and the separators: equal for files that belong together.

    >>> without_word("anna/walk_acc_1.csv", "acc") == without_word("anna/gyro-walk-1.txt", "gyro")
    True
    """
    path = PurePosixPath(name)
    whole = f"{path.parent}/{path.stem}"
    rest = re.sub(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", " ", whole, flags=re.IGNORECASE)
    return "/".join(" ".join(re.split(r"[\W_]+", part)).strip() for part in rest.split("/"))


def word_in(name: str, words: Sequence[str]) -> str:
    """The one of ``words`` that a file's name has, else the nearest folder that has one; empty if none has.

    >>> word_in("gyro/anna_acc.csv", ["acc", "gyro"]), word_in("gyro/anna.csv", ["acc", "gyro"])
    ('acc', 'gyro')
    """
    for part in reversed(name.split("/")):
        for word in sorted(words, key=len, reverse=True):
            if has_word(part, word):
                return word
    return ""


def named_columns(table: RawTable, names: Sequence[str]) -> RawTable:
    """The table with ``names`` for its columns, if its file has none.

    Raises
    ------
    DataError
        If there are fewer or more names than columns.
    """
    if not names or not all(re.fullmatch(r"column \d+", name) for name in table.columns):
        return table
    if len(names) != len(table.columns):
        raise DataError(
            f"{table.path}: {len(table.columns)} columns without names, but {len(names)} names "
            f"({', '.join(names)})"
        )
    return replace(table, columns=dict(zip(names, table.columns.values(), strict=True)))
