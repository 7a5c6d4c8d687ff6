"""Units as people write them."""

from __future__ import annotations

import re
import unicodedata

_WRITTEN = {
    "g": "g gs gn gforce gforces gee",
    "mg": "mg millig mgs mgee",
    "m/s2": "m/s2 m/s^2 m/(s^2) m/s/s ms2 mps2 mpss mss ms-2 m.s-2 m*s-2 m/sec2 m/sec^2 m/s**2 meters/s2 "
    "meter/s2 mpers2 mpersec2 metersperssecond2 m/s2per",
    "deg/s": "deg/s °/s º/s deg/sec degs degsec dps degpers degpersec degpersecond degreespersecond "
    "degreepersecond degrees/s degree/s degrees/second deg/second °/sec degs-1 deg.s-1 °s-1",
    "rad/s": "rad/s rad/sec rads radsec radpers radpersec radpersecond radianspersecond radians/s radian/s "
    "radians/second rad/second rads-1 rad.s-1",
    "mdps": "mdps mdeg/s mdegs millidps millideg/s m°/s",
    "uT": "ut μt microtesla utesla",
    "gauss": "gauss gaus ga",
    "mgauss": "mgauss mga milligauss",
    "count": "lsb lsbs count counts raw adc digit digits",
}
UNITS = {written: unit for unit, words in _WRITTEN.items() for written in words.split()}
SENSOR_OF = {
    "g": "a", "mg": "a", "m/s2": "a", "deg/s": "w", "rad/s": "w", "mdps": "w", "uT": "m", "gauss": "m",
    "mgauss": "m",
}  # fmt: skip
_ANGLES = frozenset(["deg", "°", "º", "degree", "degrees", "grad", "rad", "radian", "radians"])
_TIMES = {
    "s": "s sec secs second seconds sek zeits",
    "ms": "ms msec msecs millis milli millisecond milliseconds millisec",
    "us": "us μs usec usecs micros micro microsecond microseconds",
    "ns": "ns nsec nsecs nanos nano nanosecond nanoseconds",
}
TIME_UNITS = {written: unit for unit, words in _TIMES.items() for written in words.split()}


def unit_of(text: str) -> str:
    """Return the unit that ``text`` writes, empty if it is none of a sensor.

    >>> [unit_of(text) for text in ("(°/s)", "deg_per_s", "m/s²", "mps2", "G", "m/(s^2)", "LSB", "bar")]
    ['deg/s', 'deg/s', 'm/s2', 'm/s2', 'g', 'm/s2', 'count', '']
    """
    plain = _plain(text)
    return UNITS.get(plain) or UNITS.get(re.sub(r"[ _]", "", plain), "")


def is_angle(text: str) -> bool:
    """Whether ``text`` writes a unit of angles, in which no sensor of turn rates measures.

    >>> is_angle("(deg)"), is_angle("deg/s")
    (True, False)
    """
    return _plain(text) in _ANGLES


def time_unit_of(text: str) -> str:
    """Return ``s``, ``ms``, ``us`` or ``ns`` if ``text`` writes a unit of time, else nothing.

    >>> time_unit_of("[ms]"), time_unit_of("seconds"), time_unit_of("x")
    ('ms', 's', '')
    """
    return TIME_UNITS.get(_plain(text), "")


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower().strip()
    plain = plain.replace("⋅", ".").replace("·", ".").replace("−", "-")
    bracketed = re.fullmatch(r"[\[({](.*)[\])}]", plain)
    return (bracketed[1] if bracketed else plain).strip().replace(" ", "")
