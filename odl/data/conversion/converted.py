"""Tables that were made from recordings: their card, their rows, their cells.

The card holds what the rows cannot: rate, channels, gaps, truth, settings and model. It lies in
a Parquet file's metadata, or beside a CSV as ``walk.csv.json``. docs/recording.md says more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from odl.core.events import valid_name
from odl.data.card import DataError
from odl.data.conversion.table_chunks import open_parquet

KEY: Final = "odl"  # of the card, among the attributes that pandas keeps in a Parquet file
ATTRIBUTES: Final = b"PANDAS_ATTRS"  # where pandas keeps a frame's ``attrs``
# A cell that begins so, blanks aside, is run by some spreadsheet. Where semicolons part cells
# (wherever numbers have a decimal comma), what stands behind one is a cell, too.
_FORMULA: Final = re.compile(
    r"(\A|;)(?=[\" ]*['=+\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    r"\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}])"
)
_GUARD: Final = re.compile(r"(\A|;)'")
_NAMES: Final = 2**12  # cells that are looked at once only
_LARGEST: Final = 2**26  # bytes of a card


@lru_cache(_NAMES)
def guarded(text: str) -> str:
    """``text`` as a CSV cell that no spreadsheet takes for a formula.

    >>> guarded("=cmd()"), guarded("walk"), guarded("'tis"), guarded("a;=b")
    ("'=cmd()", 'walk', "''tis", "a;'=b")
    """
    return _FORMULA.sub(r"\1'", text)


@lru_cache(_NAMES)
def unguarded(cell: str) -> str:
    """What `guarded` was given.

    >>> unguarded("'=cmd()")
    '=cmd()'
    """
    return _GUARD.sub(r"\1", cell)


@dataclass(frozen=True)
class Converted:
    """The card of a table that was made from a recording.

    Attributes
    ----------
    odl : the version that made it.
    start : the configuration in the recording's Start.
    image : the model image in base64, empty if the recording holds none.
    model : the image's checksum in hexadecimal, empty without one.
    rate_hz : samples a second.
    channels : (name, unit, scale of a count) each.
    columns : the column of each channel.
    counts : whether these hold counts, else real values in the channel's unit.
    position : where the stream ended, in samples, those in gaps included.
    gaps : (start, samples lost, why) each.
    truths : (start, end exclusive, class) each.

    Raises
    ------
    ValueError
        For what cannot be, whether it comes from a card or from a recording.
    """

    odl: str
    start: dict[str, Any]
    image: str
    model: str
    rate_hz: float
    channels: tuple[tuple[str, str, float], ...]
    columns: tuple[str, ...]
    counts: bool
    position: int
    gaps: tuple[tuple[int, int, str], ...]
    truths: tuple[tuple[int, int, str], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.start.get("session", {}), dict):
            raise ValueError("the settings of its session are none")
        scales = [scale for _, _, scale in self.channels]
        if not 1e-6 <= self.rate_hz <= 1e6 or not all(1e-30 < scale < 1e6 for scale in scales):
            raise ValueError("a rate or a scale is not above 0 and finite")
        if not 1 <= len(scales) <= 255 or len(set(self.columns)) != len(scales):
            raise ValueError("channels and columns do not go together")
        for start, lost, why in self.gaps:
            if start < 0 or lost < 0 or start + lost >= 2**64 or len(why.encode()) > 255:
                raise ValueError(f"a gap of {lost} samples at {start} cannot be")
        for start, end, name in self.truths:
            if not 0 <= start <= end < 2**64 or not valid_name(name):
                raise ValueError(f"truth from {start} to {end} cannot be")

    def to_json(self) -> str:
        """The card as one line of JSON."""
        return json.dumps(vars(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Converted:
        """Read what `to_json` gave; ValueError, TypeError or KeyError for anything else."""
        card = json.loads(text)
        channels = tuple((str(n), str(u), float(s)) for n, u, s in card["channels"])
        if not isinstance(card["start"], dict):
            raise ValueError("the settings of its session are none")
        return cls(
            odl=str(card["odl"]), start=card["start"], image=str(card["image"]),
            model=str(card["model"]), rate_hz=float(card["rate_hz"]), channels=channels,
            columns=tuple(map(str, card["columns"])), counts=bool(card["counts"]),
            position=int(card["position"]),
            gaps=tuple((int(start), int(lost), str(why)) for start, lost, why in card["gaps"]),
            truths=tuple((int(start), int(end), str(name)) for start, end, name in card["truths"]),
        )  # fmt: skip


def side_card(path: Path) -> Path:
    """Where the card of the CSV at ``path`` lies.

    >>> side_card(Path("a/walk.csv")).name
    'walk.csv.json'
    """
    return path.with_name(path.name + ".json")


def read_converted(path: Path) -> Converted | None:
    """The card of a table that was made from a recording; None for any other table.

    Raises
    ------
    DataError
        If there is one that cannot be read.

    Examples
    --------
    >>> read_converted(Path("not-there.csv")) is None
    True
    """
    where = path if path.suffix == ".parquet" else side_card(path)
    if not where.is_file():
        return None
    try:
        if where is path:
            text = json.loads(open_parquet(path).schema_arrow.metadata[ATTRIBUTES]).get(KEY)
            if text is None:
                return None
        elif where.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        else:
            text = where.read_text(encoding="utf-8")
    except DataError:
        raise
    except (KeyError, TypeError, AttributeError):
        return None  # a Parquet file of somebody else's
    except (ValueError, OSError) as error:
        raise DataError(f"{where}: its card cannot be read ({str(error)[:80]})") from None
    try:
        return Converted.from_json(text)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DataError(f"{where}: its card is not as it should be ({str(error)[:80]})") from None
