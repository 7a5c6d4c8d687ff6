"""Names of columns that hold an axis of a sensor."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from odl.data.inference.units import SENSOR_OF, is_angle, unit_of

_SENSOR_WORDS = {
    "a": "a ac acc accl accel acceleration accelerations accelerometer accelerometers acce acceler "
    "accelero gforce beschl beschleunigung acceleracion aceleracion accelerazione akzelerometer acel "
    "acelerometro accelerometre accelerometro aceleracao acelerometros versnelling przyspieszenie "
    "ускорение акселерометр 加速度 加速度計 加速度计 가속도",
    "w": "g gy gyr gyro gyros gyroscope gyroscopes gyrometer w rot rotation rotationrate omega "
    "angular angulaire angolare angvel angularvelocity gyrorotation turnrate drehrate "
    "winkelgeschwindigkeit gyroskop giroscopio giroscopo gyrometre giro zyroskop гироскоп 角速度 "
    "ジャイロ 陀螺仪 각속도 자이로",
    "m": "m mag magn magnet magneto magnetic magnetometer magnetometers compass",
    "": "gravity grav orientation attitude quat quaternion euler angle angles position pos gps location jerk "
    "velocity vitesse velocidad velocita geschwindigkeit speed force displacement fft",
}  # the last ones have axes, too, but are no channel
SENSOR_WORDS = {word: kind for kind, words in _SENSOR_WORDS.items() for word in words.split()}
LINEAR = frozenset(
    ("lin", "linear", "user", "body", "nograv", "gravityfree", "linearacceleration", "useracceleration")
)
_FILLER_WORDS = """axis axes value values val raw cal calibrated uncalibrated uncal data sensor sensors
imu mpu lsm lsm6 dso ln wr wide low noise range total measured measurement reading out filtered motion
rate rates inertial 6dof 9dof left right wrist hand arm ankle leg foot chest hip waist thigh pocket head
back trunk torso belt watch phone knee shank upper lower forearm shoulder neck ear finger device shimmer
channel ch richtung direction in the local body global world of"""
_FILLERS = frozenset(_FILLER_WORDS.split())


@dataclass(frozen=True)
class Axis:
    """A column that holds one axis of a sensor.

    ``sensor`` is ``a``, ``w`` or ``m``, ``?`` where the name does not say, empty for a quantity that is no
    channel. ``unit`` is the one in the name, or empty. ``group`` is the rest of the name: columns of one
    sensor share it. ``linear`` is an acceleration without gravity. ``written`` is a unit in brackets that is
    not known.
    """

    column: str
    sensor: str
    axis: str
    unit: str
    group: tuple[str, ...]
    linear: bool = False
    written: str = ""

    @property
    def name(self) -> str:
        """The channel's name: ``ax``, ``wz``."""
        return self.sensor + self.axis


def axis_of(column: str) -> Axis | None:
    """Return which axis of which sensor a column's name means; None if it means none.

    >>> axis_of("Gyro_X_deg_per_s")
    Axis(column='Gyro_X_deg_per_s', sensor='w', axis='x', unit='deg/s', group=(), linear=False, written='')
    >>> axis_of("hand_acc_16g_y").group, axis_of("userAcceleration.z").linear, axis_of("max")
    (('hand', '16g'), True, None)
    """
    text = unicodedata.normalize("NFKC", column).strip()
    bracket = re.search(r"[\[({]([^\[({]*(?:\([^)]*\))?)[\])}]\s*$", text)
    unit = unit_of(bracket[1]) if bracket else ""
    if bracket and not unit and unit_of(text[bracket.start() :]):
        unit = unit_of(text[bracket.start() :])
    base = text[: bracket.start()] if bracket else text
    base = "".join(c for c in unicodedata.normalize("NFD", base) if not unicodedata.combining(c))
    base = unicodedata.normalize("NFC", base)
    words = words_of(base)
    at = next((i for i in reversed(range(len(words))) if words[i] in ("x", "y", "z")), None)
    if at is None:
        return None
    before, after = words[:at], words[at + 1 :]
    angle = bool(bracket and is_angle(bracket[1])) or is_angle("".join(after))
    after = [] if is_angle("".join(after)) else after
    if after and not unit and unit_of("".join(after)):
        unit, after = unit_of("".join(after)), []
    kinds = [
        (SENSOR_WORDS[w], w) for w in before + after if w in SENSOR_WORDS and (len(w) > 1 or w in before[-1:])
    ]
    long = [pair for pair in kinds if len(pair[1]) > 1]
    angular = any(
        w in ("angular", "gyro", "gyr", "gyroscope", "gyrorotation", "rotation", "angulaire", "angolare")
        for _, w in long
    )
    own = [kind for kind, _ in long if kind] if angular or not any(not k for k, _ in long) else [""]
    sensor = "w" if angular else own[-1] if own else kinds[-1][0] if kinds else "?"
    rest = [w for w in before + after if w not in {name for _, name in (long or kinds)}]
    for word in rest:
        if not unit and len(word) > 1 and unit_of(word) not in ("", "count") and not word[0].isdigit():
            unit = unit_of(word)
    unknown = [
        w
        for w in rest
        if w not in _FILLERS and w not in LINEAR and not re.search(r"\d", w) and not unit_of(w)
    ]
    if (not long and unknown) or (kinds and not long and len(before) > 1 and unknown):
        return None
    if angle and (sensor == "?" or {"rot", "rotation", "angular"} & {name for _, name in kinds}):
        sensor = ""  # a direction, not how fast it turns
    if sensor == "?" and unit:
        sensor = SENSOR_OF.get(unit, "?")
    linear = sensor == "a" and any(w in LINEAR for w in before + after)
    group = tuple(
        w for w in rest if w not in ("axis", "value", "val") and not (unit_of(w) and not w[0].isdigit())
    )
    odd = bracket and not unit and not angle and ("/" in bracket[1] or _spells(bracket[1]))
    written = bracket[1] if bracket and odd else ""
    return Axis(column, sensor, words[at], unit, group, linear, written)


def _spells(text: str) -> bool:
    """Whether a text in brackets is one short word, as a unit is, and none that says how it was measured."""
    return (
        text.isalpha() and len(text) <= 4 and text.lower() not in (*_FILLERS, *SENSOR_WORDS, *LINEAR, *"xyz")
    )


def words_of(text: str) -> list[str]:
    """Lower-case words of a name, with an axis apart from its sensor.

    >>> words_of("accelerometerAccelerationX"), words_of("LSM6DSO_ACC_X"), words_of("AcX"), words_of("xacc")
    (['accelerometer', 'acceleration', 'x'], ['lsm6', 'dso', 'acc', 'x'], ['ac', 'x'], ['acc', 'x'])
    """
    found: list[str] = []
    text = re.sub(r"gF(?=[xyz])", "gforce_", text)  # Physics Toolbox
    text = re.sub(r"(?i)(?<![a-z])gy(?=[\W_]*[xyz](?![a-z]))", "gyr_", text)  # not the y of a gyroscope
    for word in re.findall(
        r"\d+[gG](?![a-zA-Z])|[A-Z]{2,}\d*(?![a-z])|[A-Z]?[a-z]+|[A-Z]+\d*|\d+|[^\W\d_]+", text
    ):
        low = word.lower()
        fused = re.fullmatch(r"([^\W\d_]+?)([xyz])", low)
        turned = re.fullmatch(r"([xyz])([a-z]+)", low)
        if fused and fused[1] in SENSOR_WORDS:
            found += [fused[1], fused[2]]
        elif turned and turned[2] in SENSOR_WORDS and len(turned[2]) > 1:
            found += [turned[2], turned[1]]
        else:
            found.append(low)
    return found


@dataclass(frozen=True)
class Chosen:
    """The axes that become channels, and the names of the other columns of sensors."""

    axes: tuple[Axis, ...]
    left: tuple[str, ...]


def choose_axes(columns: Sequence[str], hint: str = "", linear: bool = False) -> Chosen:
    """Return one sensor of each kind among ``columns``.

    Parameters
    ----------
    columns : sequence of str
    hint : str
        ``a``, ``w`` or ``m``: what columns without a word for their sensor are (from the file's name).
    linear : bool
        The hint is an acceleration without gravity.

    Examples
    --------
    >>> [a.name for a in choose_axes(["t", "Acc_X [g]", "Acc_Y [g]", "gyroscope.x", "label"]).axes]
    ['ax', 'ay', 'wx']
    >>> choose_axes(["wrist_acc_x", "wrist_acc_y", "chest_acc_x"]).left
    ('chest_acc_x',)
    """
    found = []
    for column in columns:
        axis = axis_of(column)
        if axis is None:
            continue
        if axis.sensor == "?" and hint != "none":
            axis = replace(axis, sensor=hint or "a", linear=linear or axis.linear)
        found.append(replace(axis, sensor="") if axis.sensor == "?" else axis)
    chosen: list[Axis] = []
    for sensor in "awm":
        groups: dict[tuple[tuple[str, ...], bool], dict[str, Axis]] = {}
        for axis in found:
            if axis.sensor == sensor:
                groups.setdefault((axis.group, axis.linear), {}).setdefault(axis.axis, axis)
        if groups:
            order = sorted(groups, key=lambda key: (-min(len(groups[key]), 3), key[1]))
            chosen += [groups[order[0]][a] for a in "xyz" if a in groups[order[0]]]
    names = {a.column for a in chosen}
    return Chosen(tuple(chosen), tuple(a.column for a in found if a.column not in names))
