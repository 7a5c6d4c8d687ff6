"""The base class of odl's errors."""

from __future__ import annotations


class OdlError(Exception):
    """Base of all errors that odl raises; the message says what was wrong, where, and what to do.

    Each error of odl is also a built-in one (mostly `ValueError`), so both ``except`` clauses work.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> try:
    ...     Config(batch=0)
    ... except OdlError as error:
    ...     print(error)
    batch is 0; it can be 1 to 255
    """
