"""What C and Python share is written once: headers, layouts, tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware_sim import headers, host, toolchain
from odl.core.image import Image
from odl.core.state import state_dtype_of
from odl.data import model_bytes
from odl.wire.schema import TABLE
from tests.helpers.images import random_image

IMAGE = random_image(0)
SHOULDER = Image.from_bytes(model_bytes("shoulder"))
C_FILES = sorted(headers.CORE.glob("*.c"))


def test_the_headers_beside_the_core_are_up_to_date() -> None:
    assert (headers.CORE / "odl_messages.h").read_text(encoding="ascii") == headers.messages_header()
    assert (headers.CORE / "odl_tables.h").read_text(encoding="ascii") == headers.tables_header()


@pytest.mark.parametrize("image", [IMAGE, SHOULDER, random_image(1, tree=True, max_pending=3, max_rows=7)])
def test_a_compiler_agrees_on_sizes_and_offsets(image: Image) -> None:
    """Each struct's size and each field's offset is asserted in the header; building is the test."""
    text = headers.state_header(headers.sizes_of(image))
    names = state_dtype_of(image).names or ()
    assert len(re.findall(r"offsetof\(odl_state, \w+\)", text)) == len(names)
    assert host.build(headers.sizes_of(image)).exists()


def test_a_field_in_another_place_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = headers.state_header(headers.sizes_of(IMAGE))
    moved = text.replace("    int64_t rv_u;\n    int64_t rv_d;\n", "    int64_t rv_d;\n    int64_t rv_u;\n")
    assert moved != text
    monkeypatch.setattr(host, "state_header", lambda sizes: moved)
    with pytest.raises(host.BuildError, match=r"odl_state\.rv_"):
        host.build(headers.sizes_of(IMAGE))


def test_every_message_has_a_number_and_its_offsets() -> None:
    text = headers.messages_header()
    for row in TABLE:
        number = re.search(rf"#define ODL_MSG_(\w+) {row.number}\n", text)
        assert number is not None and number[1].replace("_", "").lower() == row.name.lower()
    # Offsets by hand, from docs/recording.md and docs/protocol.md.
    for line in ("ODL_SAMPLES_BLOCK 9 ", "ODL_LABEL_CLS 17 ", "ODL_ADD_CLASS_NAME 11 ",
                 "ODL_LABEL_FIXED 18\n", "ODL_CONFIGURE_SCALING 59 ", "ODL_GAP_WHY 17 ",
                 "ODL_READ_FIXED 8\n", "ODL_COMPACT_FIXED 1\n", "ODL_TEACH_CLS 9 ",
                     "ODL_QUERY_SINCE 19 "):  # fmt: skip
        assert f"#define {line}" in text


@pytest.mark.parametrize("target", toolchain.TARGETS)
@pytest.mark.parametrize("image", ["random", "shoulder"])
def test_the_core_compiles_without_warnings(tmp_path: Path, target: str, image: str) -> None:
    headers.write(tmp_path, headers.sizes_of(SHOULDER if image == "shoulder" else IMAGE))
    folders = [tmp_path, headers.CORE, headers.CORE.parent / "boards" / "bare"]
    zig = toolchain.compiler("zig", target)
    for file in C_FILES:
        out = tmp_path / f"{file.stem}.o"
        zig.run([*zig.flags, "-Wconversion", *(f"-I{f}" for f in folders), "-c", file, "-o", out])
        assert out.stat().st_size > 0


# --- house rules ------------------------------------------------------------------------

ALLOWED = {"string.h", "stddef.h", "stdint.h"}


@pytest.mark.parametrize("file", [*C_FILES, *sorted(headers.CORE.glob("*.h"))], ids=lambda path: path.name)
def test_no_floats_no_heap_no_libc(file: Path) -> None:
    text = file.read_text(encoding="ascii")
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert set(re.findall(r"#include <(.*?)>", code)) <= ALLOWED
    assert not re.search(r"\b(float|double|malloc|calloc|free|printf|memmove|abort)\b", code)
    assert not re.search(r"\d\.\d", code)
    assert max(map(len, text.splitlines())) <= 115


def test_each_kernel_has_a_file_of_its_name() -> None:
    kernels = {path.stem for path in (headers.CORE.parent.parent / "odl" / "core" / "kernels").glob("*.py")}
    # The twin of shift.py is shift.h; the others are of use to Python alone, or take a block of samples
    # through the layers at once, where C takes one sample after the other.
    without_a_twin = {"__init__", "block", "net", "plain", "rules", "shift", "command"}
    without_a_twin |= {"flat", "jit", "kernel", "kernel_cache"}
    # Many at once, for a recording and a trace's hash; a board's link sends one after the other.
    without_a_twin |= {"frames", "messages"}
    without_a_twin |= {"columns", "layers", "means", "outputs", "packing", "tiers", "tile"}
    without_a_twin |= {"late", "learn", "narrow", "narrow_code"}  # when and on how many bits Python computes
    assert without_a_twin < kernels
    assert kernels - without_a_twin <= {path.stem for path in C_FILES}
