"""Numbers from the lines that sketches print, by column. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from odl.device.csv_lines import (
    MAX_FIELDS,
    NO_VALUE,
    NUMBER,
    WORD,
    Names,
    is_noise,
    is_separated,
    missing_value,
    printable_line,
    split_line,
)

_STUBBORN: Final = 5  # lines in a row that do not fit, before it is called a problem
_HOPELESS: Final = 25  # and before it is given up, where no line has ever fitted
_NO_LINES: Final = "what comes are no lines of numbers; look at the speed and at what is printed"
_TEXT: Final = "what comes are lines of text, not of numbers; look at what is printed"
_NO_NUMBER: Final = "the sketch prints {} for a number; look at the sensor and its wires"

Form = tuple[Names | None, int]  # what the columns are called, if anything, and how many there are


class CsvColumns:
    """Picks and orders the columns of printed lines.

    Understood are commas, semicolons, tabs or blanks between numbers, with or without a line
    of names before them, and ``name:value`` pairs: what the Arduino IDE plots and what Edge
    Impulse's data forwarder takes; decimal commas where each number has one. Any other line is
    counted and left out. Was it meant as a sample, it is ``missed``: it has numbers in it, and they
    are the most of it or there are no words. A line with words that was not is text beside the stream.

    Parameters
    ----------
    wanted : sequence of str
        Names in the order that the model wants them, or numbers, the first column being 1.
        A sketch that prints names of its own has to print these. Of one that prints none, lines
        with as many columns as there are names are taken in order.
    strict : bool
        Whether such a sketch is refused too.
    most : sequence of float, optional
        For each of ``wanted`` the greatest magnitude that can be meant; a line with more is bad.
    units : sequence of str, optional
        For each of ``wanted``, for sentences.

    Raises
    ------
    ValueError
        If a column is wanted twice, a number is below 1, or names and numbers are mixed.

    Attributes
    ----------
    names : tuple of str or None
        What the sketch calls its columns, if it does.
    bad : int
        Lines left out, text or not; ``last_bad`` is the last of those that are not, made printable.
    text : int
        Those of them that are text; ``last_text`` is the last.
    missed : int
        Those since the last good line that were meant as samples.
    in_order : bool
        Whether names are wanted, none has been met, and lines are taken in the order wanted.
    headers : int
        Lines of names met.

    Examples
    --------
    >>> columns = CsvColumns(["ay", "ax"])
    >>> [columns.take(line) for line in ("ax,ay,az", "1,2.5,3", "1,2", "4\\t5\\t6", "ready.")]
    [None, [2.5, 1.0], None, [5.0, 4.0], None]
    >>> columns.take("ay:7 ax:8"), columns.names, columns.bad
    ([7.0, 8.0], ('ay', 'ax'), 2)
    >>> [columns.take(line) for line in ("battery 87 %", "ay:7 ax:nan", "ay:7 a")], columns.missed
    ([None, None, None], 2)
    """

    def __init__(
        self, wanted: Sequence[str], strict: bool = False, most: Sequence[float] | None = None,
        units: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.wanted = tuple(name.strip() for name in wanted)
        self._lower = [name.lower() for name in self.wanted]
        self._numbers = _checked(self._lower)
        self._most = None if most is None else tuple(most)
        self._units = dict(zip(self.wanted, units, strict=False))
        self.names: Names | None = None
        self.bad = self.text = self.headers = self.missed = 0
        self.in_order = False
        self._good = False  # whether a line could ever be used
        self.last_bad = self.last_text = ""
        self._strict = strict
        self._candidate: Names | None = None  # a line of words: a header if numbers follow
        self._parted = False  # by more than blanks
        self._form: Form | None = None  # of the last good line
        self._pick: list[int] = []
        self._odd: Form | None = None  # the form of lines that do not fit, and how many in a row
        self._odd_lines = 0
        self._misfit = ""
        self._why = ""  # the last line that was left out cannot be used, if not for a misfit
        self._bad_in_row = self._misfits = 0  # lines left out since the last good one, and for a misfit

    @property
    def problem(self) -> str:
        """Why no line can be used, in a sentence, after some in a row; else empty."""
        # Within a stream, text may have many lines.
        enough = _HOPELESS if self._good and self._why == _TEXT else _STUBBORN
        if self._bad_in_row < enough:
            return ""
        # One line of another form says nothing of the text behind it.
        mostly = self.hopeless or 2 * self._misfits >= self._bad_in_row
        return self._misfit if mostly and self._misfit else self._why

    @property
    def hopeless(self) -> bool:
        """Whether many lines did not fit, none could ever be used, and ``problem`` says why for sure."""
        return not self._good and bool(self._misfit) and self._misfits >= _HOPELESS

    def take(self, line: str, whole: bool = True) -> list[float] | None:
        """The wanted numbers of ``line``, or None.

        Parameters
        ----------
        whole : bool
            False for a line that may lack its beginning: its numbers do not count.
        """
        labels, fields = split_line(line)
        if not fields:
            return None
        numbers = [float(field) for field in fields if NUMBER.fullmatch(field)]
        if labels is None and not numbers and not self._is_sample(labels, fields):
            self._words(line, fields, whole)
            return None
        if not whole:
            return None
        sound = len(numbers) == len(fields) and all(map(math.isfinite, numbers))
        if not (sound and self._fits(line, labels, len(numbers))):
            self._misfits += sound and bool(self._misfit)
            self._leave_out(line, self._is_sample(labels, fields), none=missing_value(fields))
            return None
        row = [numbers[column] for column in self._pick]
        for name, value, most in zip(self.wanted, row, self._most or (), strict=False):
            if abs(value) > most:
                unit = self._units.get(name)
                advice = f"is it printed in {unit}?" if unit else "look at the unit and the scale"
                self._misfit = f"{value:g} in column {name} cannot be meant; {advice}"
                self._misfits += 1
                self._leave_out(line)
                return None
        self._good, self._bad_in_row, self._misfits, self.missed, self._misfit = True, 0, 0, 0, ""
        return row

    def _is_sample(self, labels: Names | None, fields: list[str]) -> bool:
        """Whether a line is meant as a sample, if perhaps a damaged one, and is no text."""
        own = {"", *self._lower, *(name.lower() for name in self.names or ())}
        numbers = words = 0
        for place, field in enumerate(fields):
            label, _, value = field.lower().rpartition(":")
            label = label if labels is None else labels[place].lower()
            strange = label not in own and WORD.search(label) is not None
            number = value.lstrip("+-") in NO_VALUE or NUMBER.match(value) and not WORD.search(value)
            numbers += bool(number and not strange)
            words += strange or not number and value not in own and WORD.search(value) is not None
        return numbers > 0 and (not words or 2 * numbers > len(fields))

    def _words(self, line: str, fields: list[str], whole: bool) -> None:
        """A header if it was met before, or if numbers follow; otherwise chat."""
        if self._candidate is not None:
            self._leave_out(" ".join(self._candidate), False)
        self._candidate = tuple(fields) if len(fields) <= MAX_FIELDS else None
        if not (whole or self._named(self._candidate)):
            self._candidate = None  # a name may lack its beginning
        self._parted = is_separated(line)
        if self._candidate is None and whole:
            self._leave_out(line, False)
        elif self._candidate == self.names:
            self.headers += 1
            self._candidate = None

    def _fits(self, line: str, labels: Names | None, width: int) -> bool:
        """Whether a line of this form can be used; decides which columns are meant."""
        if self._candidate is not None:
            if labels is None and len(self._candidate) == width and self._is_header(line):
                self.names, self._form = self._candidate, None
                self.headers += 1
            else:
                self._leave_out(" ".join(self._candidate), False)
            self._candidate = None
        names = labels or self.names
        if names is not None and len(names) != width:
            names = None  # they are another line's
        form = names, width
        if form == self._form:
            self._odd = None
            return True
        pick = self._choose(names, width)
        self._odd_lines = self._odd_lines + 1 if form == self._odd else 1
        self._odd = form
        if pick is None:
            return False
        # Another form may be a piece of a line: change when its labels leave no doubt, or it stays.
        if self._form is not None and self._odd_lines < _STUBBORN and not self._named(labels):
            return False
        self._form, self._pick, self.names = form, pick, names
        self.in_order = names is None and not self._numbers
        return True

    def _is_header(self, line: str) -> bool:
        """Whether the words before ``line`` are names, not chat that has as many."""
        if any(name.lower() in self._lower for name in self._candidate or ()):
            return True
        # Within a stream, names that are not wanted would end it.
        return self._parted and is_separated(line) and (bool(self._numbers) or not self._good)

    def _named(self, labels: Names | None) -> bool:
        return labels is not None and set(self._lower) <= {name.lower() for name in labels}

    def _choose(self, names: Names | None, width: int) -> list[int] | None:
        """Which columns are wanted; None, and a sentence in ``_misfit``, if they are not there."""
        self._misfit = ""
        wanted = self._lower
        if self._numbers:
            if max(self._numbers) <= width:
                return [number - 1 for number in self._numbers]
            self._misfit = (
                f"the sketch prints {width} columns; column {max(self._numbers)} is not among them "
                "(the first is 1)"
            )
            return None
        if names is not None:
            lower = [name.lower() for name in names]
            twice = next((name for name in wanted if lower.count(name) > 1), None)
            missing = next((name for name in self.wanted if name.lower() not in lower), None)
            if twice is None and missing is None:
                return [lower.index(name) for name in wanted]
            there = ", ".join(printable_line(name) for name in names)
            self._misfit = (
                f"there is no column '{missing}'; the sketch prints {there}" if missing is not None
                else f"the sketch prints more than one column '{twice}'; say which by number, from 1: {there}"
            )  # fmt: skip
            return None
        if width == len(wanted) and not self._strict:
            return list(range(width))
        if width == len(wanted):
            self._misfit = "the sketch prints no names; say the columns by number, from 1"
            return None
        self._misfit = (
            f"the sketch prints {width} columns, but {len(wanted)} are wanted ({', '.join(self.wanted)}); "
            "say which by number, from 1, as in `columns=2,3,4`"
        )
        return None

    def _leave_out(self, line: str, sample: bool = True, *, none: str = "") -> None:
        self.bad += 1
        self.missed += sample
        self._bad_in_row += 1
        if not sample and not is_noise(line) and WORD.search(line):
            self.text += 1
            self.last_text, self._why = printable_line(line), _TEXT
        else:
            self.last_bad, self._why = printable_line(line), _NO_NUMBER.format(none) if none else _NO_LINES


def _checked(wanted: Sequence[str]) -> list[int]:
    """The numbers of the columns wanted, if they are numbers, which all or none have to be."""
    if not wanted or not all(wanted):
        raise ValueError("name at least one column, and none with an empty name: `columns=ax,ay,az`")
    twice = next((name for name in wanted if wanted.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"column '{twice}' is wanted twice; name each once")
    numbers = [int(name) for name in wanted if name.isascii() and name.isdigit()]
    if numbers and len(numbers) < len(wanted):
        raise ValueError("columns are wanted by name and by number; give only names, or only numbers")
    if numbers and min(numbers) < 1:
        raise ValueError("column 0 is wanted; the first column is number 1")
    return numbers
