"""Budgets: how many questions a session may ask in each period."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from odl.core.errors import OdlError

_TIMES = {"s": 1, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}


class BudgetError(OdlError, ValueError):
    """A budget is invalid; the message says why."""


@dataclass(frozen=True)
class Budget:
    """At most ``allowed`` questions in each period.

    ``period`` is a number of samples, or of windows if ``in_samples`` is false; periods follow each other
    from the start of the stream. 0 means the whole session, whose length must then be declared.
    """

    allowed: int
    period: int
    in_samples: bool

    def total(self, windows: int, samples: int) -> int:
        """Most questions that a session of this length may ask."""
        if self.period == 0:
            return self.allowed
        length = samples if self.in_samples else windows
        return self.allowed * -(-length // self.period)


def parse_budget(text: str | float, rate_hz: float) -> Budget:
    """Read ``20`` (a session), ``12/h`` (per s, min, h or d) or ``2%`` (of the windows).

    Parameters
    ----------
    text : str or number
        The budget, as on the command line.
    rate_hz : float
        Sampling rate, to convert time to samples.

    Raises
    ------
    BudgetError
        If the text is not a budget, or the budget is zero, negative, or more than every window.

    Examples
    --------
    >>> parse_budget("12/h", 50)
    Budget(allowed=12, period=180000, in_samples=True)
    >>> parse_budget("2.5%", 50)
    Budget(allowed=1, period=40, in_samples=False)
    """
    if isinstance(text, float) and text.is_integer():
        text = int(text)
    written = str(text).strip()
    match = re.fullmatch(
        r"([+-]?\d{1,99})|([+-]?\d{1,99})\s*/\s*([a-z]+)|([+-]?\d{1,99}(?:\.\d{1,99})?)\s*%",
        written, re.ASCII,
    )  # fmt: skip
    if match is None or (match[3] is not None and match[3] not in _TIMES):
        raise BudgetError(
            f"budget '{written}': write a number of questions (20), a number per time "
            f"(12/h; {', '.join(_TIMES)}) or a share of the windows (2%)"
        )
    if match[4] is not None:
        share = (Fraction(match[4]) / 100).limit_denominator(10**6)
        if share > 1:
            raise BudgetError(f"budget '{written}': the share of windows can be at most 100%")
        allowed, period, in_samples = share.numerator, share.denominator, False
    elif match[3] is not None:
        allowed, period = int(match[2]), max(1, round(_TIMES[match[3]] * rate_hz))
        in_samples = True
    else:
        allowed, period, in_samples = int(match[1]), 0, False
    if allowed <= 0:
        raise BudgetError(f"budget '{written}': it must be above zero; to ask nothing, use policy 'none'")
    if allowed >= 2**31 or period >= 2**31:
        raise BudgetError(f"budget '{written}': too large")
    return Budget(allowed, period, in_samples)
