"""A model as C, for packages of other tools: sizes, channels, classes, the image as an array.

Whatever stands in a model image is text from outside: names are escaped before they stand in C.
"""

from __future__ import annotations

import json
import re
from typing import Final

import odl
from firmware_sim import headers
from odl.core.config import Config
from odl.core.fixed_point import UNITS, Scaling, input_scaling
from odl.core.fused import settings_of
from odl.core.image import Channel, Image
from odl.core.kernels.net import SETTINGS
from odl.core.state import log_dtype, state_dtype_of

COUNT_BITS: Final = 7  # a count is the model's int8 step divided by 2**7
STORE_HEADER: Final = 32  # bytes of ``header`` in odl_store.c
LOG_PLACE: Final = 6  # bytes of RAM beside an entry of the log: its number and its place
STORE_SEAL: Final = 8  # bytes that a record there has beside its entry


def counts_of(image: Image) -> tuple[Channel, ...]:
    """The channels as the package takes them: 16-bit counts, 128 for each step of the model's int8 input.

    Examples
    --------
    >>> from odl.data.streams import load_model
    >>> image = load_model("shoulder")
    >>> counts_of(image)[0].scale == image.channels[0].scale / 128
    True
    """
    return tuple(Channel(c.name, c.unit, c.scale / 2**COUNT_BITS) for c in image.channels)


def scaling_of(image: Image) -> Scaling:
    """The scaling from the package's counts to the model's input."""

    def plain(channels: tuple[Channel, ...]) -> list[tuple[str, str, float]]:
        return [(c.name, c.unit, c.scale) for c in channels]

    return input_scaling(plain(counts_of(image)), plain(image.channels), image.zeros)


def sizes_of_package(image: Image) -> dict[str, int]:
    """Bytes that follow from the model: flash of the image, RAM of state and log, the store."""
    entry = log_dtype(image.features).itemsize
    return {
        "model image": len(image.to_bytes()),
        "state block": state_dtype_of(image).itemsize,
        "label log": (entry + LOG_PLACE) * image.max_log,
        "store": 2 * (STORE_HEADER + (entry + STORE_SEAL) * image.max_log),
    }


def model_header(image: Image, board: str, line: bool = True) -> str:
    sizes, counts = sizes_of_package(image), counts_of(image)
    lines = [f"   {i}: {c.name}, in {c.unit}" for i, c in enumerate(image.channels)]
    per_unit = ", ".join(_float(1 / c.scale) for c in counts)
    own = _description(board, "imu", counts, image)
    fed = _description(board, "link", None, image)
    names = ", ".join(_c_text(name) for _, name in sorted(image.names.items()))
    return f"""/* Written by odl {odl.__version__}: the model of this package. Channels, in this order:
{chr(10).join(lines).replace("*/", "* /")} */
#ifndef ODL_MODEL_H
#define ODL_MODEL_H

#define ODL_MODEL_CHANNELS {len(counts)}
#define ODL_MODEL_RATE_MHZ {round(1000 * image.rate_hz)}u /* samples in 1000 seconds */
#define ODL_MODEL_WINDOW {image.window} /* samples */
#define ODL_MODEL_HOP {image.hop}
#define ODL_MODEL_CLASSES {{{", ".join(str(cls) for cls in sorted(image.names))}}}
#define ODL_MODEL_CLASS_NAMES {{{names}}}
#define ODL_MODEL_COUNTS_PER_UNIT {{{per_unit}}}
#define ODL_MODEL_VERSION {_c_text(f"odl {odl.__version__} {board}")}
#define ODL_MODEL_DESCRIPTION {_c_text(own)}
#define ODL_MODEL_DESCRIPTION_FED {_c_text(fed)}
#define ODL_DEVICE_STORE {sizes["store"]}u /* bytes */
#define ODL_DEVICE_LINE {int(line)} /* 0: the board works alone, and no host can reach it */

#endif
"""


def _description(board: str, sensor: str, counts: tuple[Channel, ...] | None, image: Image) -> str:
    text = {
        "name": board,
        "sensor": sensor,
        "rate_hz": None if counts is None else image.rate_hz,
        "channels": None if counts is None else [[c.name, c.unit, c.scale] for c in counts],
        **headers.room_of(image),
    }
    return json.dumps(text, sort_keys=True, separators=(",", ":"))


def model_source(image: Image, config: Config) -> str:
    data = image.to_bytes()
    rows = ",\n".join(",".join(map(str, data[i : i + 24])) for i in range(0, len(data), 24))
    settings = settings_of(config)[0]
    fields = ",\n".join(f"    .{name} = {int(settings[name])}" for name in SETTINGS.names or ())

    def numbers(values: tuple[int, ...]) -> str:
        return ", ".join(map(str, values))

    return f"""/* Written by odl {odl.__version__}: the model image, and how a session of its own is set. */
#include "core/odl.h"
#include "odl_model.h"

extern const uint8_t odl_model_image[];
extern const uint32_t odl_model_image_size;
extern const odl_settings odl_model_settings;
extern const odl_scaling odl_model_scaling;
extern const uint64_t odl_model_seed;

/* Policy {config.policy}: {_budget(config)}. Times are in samples. */
const odl_settings odl_model_settings = {{
{fields},
}};
const odl_scaling odl_model_scaling = {{
    .mult = {{{numbers(config.mult)}}},
    .offset = {{{numbers(config.offset)}}},
    .shift = {{{numbers(config.shift)}}},
}};
const uint64_t odl_model_seed = {config.seed}u;
const uint32_t odl_model_image_size = {len(data)};
__attribute__((aligned(8))) const uint8_t odl_model_image[] = {{
{rows}
}};
"""


def _budget(config: Config) -> str:
    if config.policy == "none":
        return "it never asks"
    unit = "samples" if config.in_samples else "windows"
    span = f"{config.period} {unit}" if config.period else "the whole session"
    return f"at most {config.allowed} questions in {span}"


def _c_text(text: str) -> str:
    """A C string of the UTF-8 bytes of ``text``.

    >>> _c_text('a "b" ??')
    '"a \\\\"b\\\\" \\\\077\\\\077"'
    """
    plain = set(range(32, 127)) - set(b'"\\?')
    escaped = "".join(
        chr(byte) if byte in plain else "\\" + chr(byte) if byte in b'"\\' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{escaped}"'


_AXIS: Final = re.compile(r"(a|acc|accel|w|g|gyr|gyro)_?([xyz])", re.IGNORECASE)


def sample_lines(image: Image) -> list[str]:
    """C that fills ``values`` from ``a`` in g and ``w`` in degrees a second, by names and units.

    A channel that these do not give becomes an ``#error``, so that a person reads it in there.
    """
    lines = []
    for i, channel in enumerate(image.channels):
        found = _AXIS.fullmatch(channel.name)
        kind, size = UNITS.get(channel.unit, ("", 1.0))
        shown = re.sub(r"[^ -~]|[\"\\*]", "?", f"{channel.name}, in {channel.unit}")
        letter = "a" if found and found[1].lower().startswith("a") else "w"
        if found is None or kind != {"a": "acceleration", "w": "turn rate"}[letter]:
            lines.append(f'#error "read channel {i} here: {shown}"')
            continue
        factor = UNITS["g" if letter == "a" else "deg/s"][1] / size
        axis = "xyz".index(found[2].lower())
        lines.append(f"values[{i}] = {letter}[{axis}] * {_float(factor)}; /* {shown} */")
    return lines


def _float(value: float) -> str:
    """A C literal.

    >>> _float(1000.0), _float(0.5)
    ('1000.0f', '0.5f')
    """
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")
