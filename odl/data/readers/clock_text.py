"""Dates and times of day that are written as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# year first, or day and month in either order before the year; a time of day alone; 10:00:00:020 and AM, too
_DATE = r"(?:(?P<a>[0-9]{1,4})[-/.](?P<b>[0-9]{1,2})[-/.](?P<c>[0-9]{1,4}))"
_TIME = r"(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2}))?(?:[.,:](?P<f>[0-9]{1,9}))?"
_TAIL = r" *(?P<p>[aApP][mM])?(?: *(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
PATTERN = f"^ *(?:{_DATE}[T _]*)?(?:{_TIME}{_TAIL})? *$"


def to_clock(column: Any) -> NDArray[Any] | None:
    """Return a pyarrow column of text as dates (``datetime64[ns]``) or as times of day (``timedelta64[ns]``).

    None if it is no text, or its first cell is neither; a later cell that is neither is no time (NaT). In a
    date without the year first the day is taken to be the number above 12, else the first one of ``.`` and
    the second one of ``/``; only differences between dates are used.

    >>> import pyarrow
    >>> to_clock(pyarrow.chunked_array([["10:00:00.020", "10:00:00:040"]])).astype("timedelta64[ms]")
    array([36000020, 36000040], dtype='timedelta64[ms]')
    >>> to_clock(pyarrow.chunked_array([["01:02.5"]])).astype("timedelta64[ms]")
    array([62500], dtype='timedelta64[ms]')
    >>> str(to_clock(pyarrow.chunked_array([["5/4/2024 1:02:03 PM"]]))[0])[:19]
    '2024-05-04T13:02:03'
    """
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_dictionary(kind) and types.is_string(kind.value_type):
        column = column.cast(pyarrow.string())
    elif not types.is_string(kind):
        return None
    first = column.drop_null().slice(0, 1)
    match = compute.extract_regex(first, PATTERN) if len(first) else first
    if not len(match) or match.null_count or not (match[0]["a"].as_py() or match[0]["h"].as_py()):
        return None
    fields = compute.extract_regex(column, PATTERN)
    bad = fields.is_null().to_numpy()

    def number(name: str) -> NDArray[np.int64]:
        own = compute.struct_field(fields, name)
        own = compute.if_else(compute.equal(own, ""), "0", own).fill_null("0")
        return np.asarray(own.cast(pyarrow.int64()).to_numpy())

    digits = compute.struct_field(fields, "f").fill_null("")
    fraction = compute.utf8_rpad(digits, 9, "0").cast(pyarrow.int64()).to_numpy()
    minute, second = number("m"), number("s")
    hour, half = number("h"), compute.utf8_lower(compute.struct_field(fields, "p")).fill_null("").to_numpy()
    hour = np.where(half == "pm", hour % 12 + 12, np.where(half == "am", hour % 12, hour))
    if match[0]["s"].as_py() == "" and match[0]["f"].as_py():  # 01:02.345 has minutes and seconds
        hour, minute, second = 0 * hour, hour, minute
    since = ((hour * 60 + minute) * 60 + second) * 10**9 + fraction
    result: NDArray[Any]
    if match[0]["a"].as_py():
        result = _days(number("a"), number("b"), number("c"), "." in str(first[0])) + since.astype(
            "timedelta64[ns]"
        )
    else:
        result = since.astype("timedelta64[ns]")
    result[bad] = np.timedelta64("NaT") if result.dtype.kind == "m" else np.datetime64("NaT")
    return result


def _days(
    a: NDArray[np.int64], b: NDArray[np.int64], c: NDArray[np.int64], dots: bool
) -> NDArray[np.datetime64]:
    """Dates of three numbers."""
    if a.max(initial=0) > 31:
        year, month, day = a, b, c
    elif a.max(initial=0) > 12 or (dots and b.max(initial=0) <= 12):
        year, month, day = c, b, a
    else:
        year, month, day = c, a, b
    year = np.where(year < 100, year + 2000, year)
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    dates: NDArray[np.datetime64] = (first + (day - 1).astype("timedelta64[D]")).astype("datetime64[ns]")
    return dates
