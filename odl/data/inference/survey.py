"""Every file below a folder, read once: its columns' roles, and the numbers that a card needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from odl.core.pace import Pace
from odl.data.card import DataError
from odl.data.clock import PAIR, SECONDS, has_dates, read_clock
from odl.data.inference.axes import LINEAR, SENSOR_WORDS, Chosen, words_of
from odl.data.inference.roles import Roles, find_roles, nameless, worded
from odl.data.label_file import span_columns
from odl.data.loaders.words import named_columns
from odl.data.readers import read_tables
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, NoTable, NotATable, RawTable

SAMPLE = 20_000  # rows of a file that units are told from
_FOREIGN = """.md .pdf .doc .docx .png .jpg .jpeg .gif .svg .mp4 .mov .avi .mp3 .wav .py .m .r .ipynb
.html .htm .xml .yml .yaml .toml .ini .cfg .sh .bat .exe .bin .pkl .pt .h .c .cpp .ino .odlm .sha256
.md5 .rst .tex .bib .css .js .db .plist"""
_NOT_DATA = frozenset(_FOREIGN.split())
_OTHER = (
    "rot rotation omega angular angles angle position pos gps location jerk velocity speed force fft compass"
)
_NOT_WORDS = frozenset(_OTHER.split())


@dataclass(eq=False)
class Profile:
    """What one table of a file holds.

    ``word`` is the word for a sensor in its file's name or its part, ``kind`` that sensor (``none``: no
    channel). ``sample`` are up to 20 000 rows of the axes (n, axes), ``most`` the largest size of each
    axis. ``rate_hz`` is the clock's, 0 without one. ``labels``, ``subjects`` and ``devices`` count rows.
    ``worded`` are the columns of words that have no role.
    """

    source: SourceFile
    part: str
    rows: int
    columns: tuple[str, ...]
    roles: Roles
    facts: FileFacts
    units: dict[str, str]
    word: str = ""
    kind: str = ""
    sample: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    most: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    empty: int = 0  # rows without a value in some axis
    rate_hz: float = 0.0
    notes: tuple[str, ...] = ()
    labels: Counter[str] = field(default_factory=Counter)
    subjects: Counter[str] = field(default_factory=Counter)
    devices: Counter[str] = field(default_factory=Counter)
    worded: dict[str, tuple[Counter[str], int]] = field(default_factory=dict)
    sensors: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    spread: bool = False
    doubtful: bool = False
    first_time: float = 0.0  # of the clock, in the unit of its column
    last_time: float = 0.0


@dataclass
class Survey:
    """All tables, the label files, the files that are none of both with the reason, and those beside them.

    ``beside`` are read with the files that they belong to, or hold no movement.
    """

    profiles: list[Profile]
    spans: list[tuple[SourceFile, RawTable]]
    skipped: list[tuple[SourceFile, str]]
    beside: list[SourceFile] = field(default_factory=list)


@dataclass(frozen=True)
class Choices:
    """What a person has said: names of columns, the label's and the person's column, a pattern, a rate."""

    pattern: str = ""
    label: str = ""
    subject: str = ""
    columns: tuple[str, ...] = ()
    rate_hz: float = 0.0


def sensor_word(name: str) -> tuple[str, str, bool]:
    """Return the word for a sensor in a file's name, the sensor, and whether gravity is taken off.

    >>> sensor_word("walk_acc_1"), sensor_word("LinearAcceleration"), sensor_word("Gravity")
    (('acc', 'a', False), ('LinearAcceleration', 'a', True), ('Gravity', 'none', False))
    """
    stem = re.sub(r"(\.[A-Za-z]\w{0,6})+$", "", name)
    last = ""
    for match in re.finditer(r"[^\W\d_]+", stem):
        words = [w for w in words_of(match[0]) if len(w) > 1]
        kinds = [SENSOR_WORDS[w] for w in words if w in SENSOR_WORDS and w not in _NOT_WORDS]
        if kinds:
            linear = bool(set(words) & LINEAR) or last.lower() in ("linear", "lin")
            start = match.start() - len(last) - 1 if last.lower() in ("linear", "lin") else match.start()
            return stem[start : match.end()], "none" if "" in kinds else kinds[-1], linear
        last = match[0]
    return "", "", False


def survey(
    sources: Sequence[SourceFile], choices: Choices, progress: Callable[[str], None] | None = None
) -> Survey:
    """Read every file.

    Raises
    ------
    DataError
        If a file that has to be a table is damaged, or none is one.
    """
    if "" in choices.columns or len(set(choices.columns)) < len(choices.columns):
        raise DataError(f"`columns` is {','.join(choices.columns)[:160]}: a name is empty or there twice")
    found = Survey([], [], [])
    faults: list[tuple[SourceFile, DataError]] = []
    pace = Pace(progress, "looking at the tables", len(sources), "files")
    for number, source in enumerate(sources):
        pace.reach(number)
        if source.suffix in _NOT_DATA or source.suffix == ".odl":
            continue
        try:
            tables = read_tables(source)
        except NotATable as error:
            if len(sources) == 1:
                raise error
            found.beside.append(source)
            continue
        except DataError as error:
            faults.append((source, error))
            continue
        for table in tables:
            _take(found, source, table, choices, faults)
    if not found.profiles:  # of what is no table, the largest file is most likely to be meant
        faults.sort(key=lambda pair: len(pair[0].head()) * isinstance(pair[1], NoTable), reverse=True)
        faults.sort(key=lambda pair: isinstance(pair[1], NoTable))
    for source, fault in faults:
        other = isinstance(fault, NoTable) or source.suffix in ("", ".txt", ".json")
        if not found.profiles or not other:
            raise fault
        found.skipped.append((source, str(fault).removeprefix(str(source.path)).lstrip(" :")))
    there = {name for p in found.profiles for name in p.columns}
    there |= {name for _, table in found.spans for name in table.columns}
    if missing := [name for name in choices.columns if name not in there]:
        raise DataError(f"`columns` names {', '.join(missing)[:160]}, which no table has")
    return found


def _take(
    found: Survey, source: SourceFile, table: RawTable, choices: Choices,
    faults: list[tuple[SourceFile, DataError]],
) -> None:  # fmt: skip
    places = [table.part, *reversed(source.name.split("/"))]
    word, kind, linear = next((own for p in places if (own := sensor_word(p))[0]), ("", "", False))
    outside = source.path.parents[source.name.count("/")].name  # the folder that was named
    kind = kind or SENSOR_WORDS.get(outside.lower() if len(outside) > 1 else "", "")
    try:
        names = choices.columns if len(choices.columns) == len(table.columns) and nameless(table) else ()
        table = named_columns(table, names)
        if table.facts.sensor:
            kind = table.facts.sensor
        if span_columns(table) is not None and (len(table) < 2000 or not find_roles(table, kind).axes.axes):
            found.spans.append((source, table))
            return
        roles = find_roles(table, kind, linear, choices.label, choices.subject)
        if names:
            roles = replace(roles, names=names)
        elif choices.columns:
            roles = _chosen(table, roles, choices.columns)
        if not roles.axes.axes:
            there = ", ".join(table.columns)[:160]
            why = (
                "is of a sensor that is no channel"
                if kind == "none"
                else "no column looks like a sensor's axis"
            )
            raise NoTable(
                f"{source.path} row 1: {why} (ax, acc_x, accelerometer_x, gx, gyro_x, ...); there are "
                f"{there}; "
                "name the columns with `columns`"
            )
        found.profiles.append(_profile(source, table, roles, word, kind))
    except DataError as error:
        faults.append((source, error))


def _profile(source: SourceFile, table: RawTable, roles: Roles, word: str, kind: str) -> Profile:
    if roles.names:
        table = named_columns(table, roles.names)
    axes = roles.axes.axes
    values = table.values([a.column for a in axes])
    good = np.isfinite(values)
    by_kind = [good[:, [a.sensor == k for a in axes]].all(1) for k in dict.fromkeys(a.sensor for a in axes)]
    some = _one_stream(table, roles, good)
    sample = values[np.flatnonzero(some & good.any(1))[:SAMPLE]]
    with np.errstate(invalid="ignore"):
        most = np.array([np.abs(v[g]).max(initial=0) for v, g in zip(values.T, good.T, strict=True)])
    profile = Profile(
        source, table.part, len(table), tuple(table.columns), roles, table.facts, table.units, word, kind,
        sample, most, int((~good.all(1)).sum()),
    )  # fmt: skip
    profile.worded = worded(table, roles.left)
    if roles.sensor:
        codes, words = table.texts(roles.sensor)
        for i, each in enumerate(words):
            own = values[(codes == i) & good.all(1)]
            profile.sensors[each] = (own[:SAMPLE], np.abs(own).max(0, initial=0))
    if not any(own.any() for own in by_kind):
        raise DataError(f"{source.path}: columns {', '.join(a.column for a in axes)} hold no numbers")
    for name, counter in (
        (roles.label, profile.labels), (roles.subject, profile.subjects), (roles.device, profile.devices),
    ):  # fmt: skip
        if name:
            codes, texts = table.texts(name)
            counts = np.bincount(codes, minlength=len(texts)).tolist()
            counter.update({text: n for text, n in zip(texts, counts, strict=True) if n})
    if roles.stamps and not roles.stamps.counter:
        if roles.sensor:
            codes, _ = table.texts(roles.sensor)
            some &= codes == codes[0]
        elif good.all(1).mean() < 0.5:  # a row per event: those of the first sensor
            some &= good[:, [a.sensor == axes[0].sensor for a in axes]].all(1)
        places = np.flatnonzero(some)
        part, rows = table.only(roles.stamps.column.split(PAIR)), values
        if len(places) < len(table):
            part, rows = part.taken(places), values[places]
        clock = read_clock(part, roles.stamps.column, roles.stamps.unit, rows)
        profile.rate_hz, profile.notes = clock.rate_hz, clock.notes
        size = 1.0 if has_dates(table, roles.stamps.column) else SECONDS[roles.stamps.unit]
        profile.first_time, profile.last_time = float(clock.times[0] / size), float(clock.times[-1] / size)
        profile.spread, profile.doubtful = clock.per_stamp > 1.2, clock.doubtful
    return profile


def _one_stream(table: RawTable, roles: Roles, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows of the first device and person."""
    own = np.ones(len(table), np.bool_)
    for name in (roles.subject, roles.device, roles.recording):
        if name:
            codes, _ = table.texts(name)
            own &= codes == codes[0]
    return own


def _chosen(table: RawTable, roles: Roles, columns: tuple[str, ...]) -> Roles:
    """The roles of the axes among the columns that a person has named."""
    if roles.guessed:
        raise NoTable(
            f"{table.path}: {len(table.columns)} columns without names, "
            f"but `columns` has {len(columns)} names"
        )
    if not set(columns) & set(table.columns):
        raise NoTable(
            f"{table.path}: it has none of the columns {', '.join(columns)[:160]} that `columns` names; "
            f"there are {', '.join(table.columns)[:160]}"
        )
    kept = tuple(a for a in roles.axes.axes if a.column in columns)
    left = tuple(a.column for a in roles.axes.axes if a not in kept)
    return replace(roles, axes=Chosen(kept, (*roles.axes.left, *left)), left=(*roles.left, *left))
