"""Generate the C headers from the descriptions in Python.

``odl_state.h`` is generated per model, because the model sets the sizes of the state block;
``odl_messages.h`` and ``odl_tables.h`` are equal for all models and stored beside the core.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from odl.core.config import BOUNDS
from odl.core.events import Why
from odl.core.image import Image
from odl.core.image_layout import HEAD, HEADER, LAYER, MAGIC, ROW, VERSION, Op
from odl.core.kernels.net import SETTINGS, Emit, out_dtype
from odl.core.kernels.rules import Rule
from odl.core.kernels.softmax import FRACTION, WHOLE
from odl.core.layer import SUMMED
from odl.core.state import (
    NAME_BYTES,
    RECENT,
    WARM,
    Asked,
    Count,
    Entry,
    log_dtype,
    state_dtype,
    state_dtype_of,
)
from odl.wire.messages import BRIEF, IMAGE, PROTOCOL, STATE, Refusal
from odl.wire.schema import SCALARS, TABLE

CORE = Path(__file__).parent / "core"
_TOP = "/* Written by firmware_sim/headers.py; do not edit. */\n"
_C_TYPES = {
    "i1": "int8_t", "i2": "int16_t", "i4": "int32_t", "i8": "int64_t",
    "u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t", "u8": "uint64_t", "S4": "char",
}  # fmt: skip


def sizes_of(image: Image) -> dict[str, int]:
    """The sizes of ``image`` that the core is built for.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> sizes = sizes_of(Image.from_bytes(model_bytes("shoulder")))
    >>> sizes["features"] == 3 * sizes["outputs"]
    True
    >>> bin(sizes["operations"])  # convolution alone
    '0b1'
    """
    return {
        "channels": len(image.channels),
        "layers": len(image.layers),
        "features": image.features,
        "positions": image.positions,
        "outputs": image.layers[-1].outputs,
        "taps": sum(layer.taps for layer in image.layers),
        "widest": max(len(image.channels), *(layer.outputs for layer in image.layers)),
        "operations": sum(1 << op for op in {layer.op for layer in image.layers}),
        "max_heads": image.max_heads,
        "max_rows": image.max_rows,
        "max_pending": image.max_pending,
        "max_log": image.max_log,
        "max_items": image.max_items,
        "rate_shift": image.rate_shift,
    }


def room_of(image: Image) -> dict[str, int]:
    """What a firmware for ``image`` tells a host: ``items`` of a refit, bytes of ``state`` before them.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> room_of(Image.from_bytes(model_bytes("shoulder")))
    {'items': 428, 'state': 35906}
    """
    fields = state_dtype_of(image).fields
    assert fields is not None
    return {"items": image.max_items, "state": fields["items"][1]}


def state_header(sizes: Mapping[str, int]) -> str:
    """``odl_state.h``: sizes, enumerations and structs, with assertions of their layout.

    Parameters
    ----------
    sizes : mapping
        From `sizes_of`.
    """
    layout = {k: sizes[k] for k in ("features", "positions", "outputs", "taps", "layers",
                                    "max_heads", "max_rows", "max_pending")}  # fmt: skip
    layout["items"] = sizes["max_items"]
    parts = [
        _TOP,
        "#ifndef ODL_STATE_H\n#define ODL_STATE_H\n\n#include <stddef.h>\n#include <stdint.h>\n",
        "".join(f"#define ODL_{name.upper()} {value}\n" for name, value in sizes.items()),
        f"#define ODL_NAME_BYTES {NAME_BYTES}\n#define ODL_WARM {WARM}\n#define ODL_RECENT {RECENT}\n"
        f"#define ODL_COUNTS {len(Count)}\n"
        f'#define ODL_IMAGE_MAGIC "{MAGIC.decode()}"\n#define ODL_IMAGE_MAJOR {VERSION[0]}\n',
        _enum("COUNT", {c.name: int(c) for c in Count}),
        _enum("ASKED", {a.name: int(a) for a in Asked}),
        _enum("ENTRY", {e.name: int(e) for e in Entry}),
        "".join(f"#define ODL_OP_{op.name} {int(op)}\n" for op in Op),
        f"#define ODL_LAST_OP {int(max(Op))}\n#define ODL_SUMMED {SUMMED}\n",
        _enum("EMIT", {e.name: int(e) for e in Emit}),
        rules(),
        bounds(),
        _struct("odl_state", state_dtype(**layout)),
        _struct("odl_log_entry", log_dtype(sizes["features"])),
        _struct("odl_event", out_dtype(sizes["max_heads"], sizes["max_rows"])),
        _struct("odl_settings", SETTINGS),
        _struct("odl_image_header", HEADER),
        _struct("odl_layer", LAYER),
        _struct("odl_head", HEAD),
        _struct("odl_row", ROW),
        "#endif\n",
    ]
    return "\n".join(parts)


def rules() -> str:
    """The registry of policies: numbers, and a macro that calls ``X(NAME, function, batches, spends)``.

    ``ODL_ASKING_RULES`` omits the rule that never asks, which has no function.
    """
    rows = [
        f" \\\n    X({rule.name}, {rule.name.lower()}, {rule.batches}, {int(rule.spends)})"
        for rule in Rule
        if rule is not Rule.NONE
    ]
    return (
        _enum("RULE", {rule.name: int(rule) for rule in Rule})
        + f"#define ODL_LAST_RULE {max(Rule)}\n#define ODL_ASKING_RULES(X){''.join(rows)}\n"
    )


def bounds() -> str:
    """The smallest and the largest value of each setting that the core checks."""
    return "".join(
        f"#define ODL_LEAST_{name.upper()} {low}\n#define ODL_MOST_{name.upper()} {high}\n"
        for name, (low, high) in BOUNDS.items()
        if name in (SETTINGS.names or ())
    )


def messages_header() -> str:
    """``odl_messages.h``: type numbers, offsets of fixed fields, and reasons."""
    parts = [
        _TOP,
        "#ifndef ODL_MESSAGES_H\n#define ODL_MESSAGES_H\n",
        f"#define ODL_PROTOCOL_MAJOR {PROTOCOL[0]}\n#define ODL_PROTOCOL_MINOR {PROTOCOL[1]}\n",
        "/* A message is its type byte, then its fields; a field's number is its offset from the\n"
        "   type byte, FIXED that of the first field of variable size, or the whole length. */",
    ]
    for row in TABLE:
        name = _snake(row.name)
        lines, at = [f"#define ODL_MSG_{name} {row.number}\n"], 1
        for field in row.fields:
            lines.append(f"#define ODL_{name}_{field.name.upper()} {at} /* {field.kind} */\n")
            if field.kind not in SCALARS:
                break
            at += struct.calcsize("<" + SCALARS[field.kind])
        lines.append(f"#define ODL_{name}_FIXED {at}\n")
        parts.append("".join(lines))
    parts.append(_enum("WHY", {w.name: int(w) for w in Why}))
    parts.append(_enum("REFUSAL", {r.name: int(r) for r in Refusal}))
    parts.append(_enum("AREA", {"STATE": STATE, "IMAGE": IMAGE, "BRIEF": BRIEF}))
    parts.append("#endif\n")
    return "\n".join(parts)


def tables_header() -> str:
    """``odl_tables.h``: the two tables of exp in Q15."""
    return "\n".join(
        [
            _TOP,
            "#ifndef ODL_TABLES_H\n#define ODL_TABLES_H\n\n#include <stdint.h>\n",
            "/* e**-n in Q30 and e**-(i / 256) in Q15, rounded to nearest. */",
            _array("uint32_t", "odl_exp_whole", WHOLE),
            _array("uint16_t", "odl_exp_fraction", FRACTION),
            "#endif\n",
        ]
    )


def write(folder: Path, sizes: Mapping[str, int]) -> None:
    """Write ``odl_state.h`` for ``sizes`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "odl_state.h").write_text(state_header(sizes), encoding="ascii", newline="\n")


def write_common() -> None:
    """Write the two headers that are stored in the core's folder."""
    for name, text in (("odl_messages.h", messages_header()), ("odl_tables.h", tables_header())):
        (CORE / name).write_text(text, encoding="ascii", newline="\n")


def _snake(name: str) -> str:
    """``AddClass`` becomes ``ADD_CLASS``."""
    return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name)).upper()


def _enum(prefix: str, values: Mapping[str, int]) -> str:
    lines = ",\n".join(f"    ODL_{prefix}_{name} = {value}" for name, value in values.items())
    return f"enum {{\n{lines}\n}};\n"


def _struct(name: str, dtype: np.dtype[Any]) -> str:
    fields, checks = [], [f'_Static_assert(sizeof({name}) == {dtype.itemsize}, "{name}");']
    for field in dtype.names or ():
        assert dtype.fields is not None
        kind, offset = dtype.fields[field][:2]
        code = kind.base.str[1:]
        shape = "".join(f"[{n}]" for n in kind.shape) + ("[4]" if code == "S4" else "")
        fields.append(f"    {_C_TYPES[code]} {field}{shape};")
        checks.append(f'_Static_assert(offsetof({name}, {field}) == {offset}, "{name}.{field}");')
    return f"typedef struct {{\n{chr(10).join(fields)}\n}} {name};\n{chr(10).join(checks)}\n"


def _array(kind: str, name: str, values: Any) -> str:
    words = [str(int(v)) for v in values]
    lines = ",\n".join("    " + ", ".join(words[i : i + 12]) for i in range(0, len(words), 12))
    return f"static const {kind} {name}[{len(words)}] = {{\n{lines}\n}};\n"


if __name__ == "__main__":
    write_common()
