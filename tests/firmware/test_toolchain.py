"""Compilers: found or said to be missing, strict, and happy with every source on every target."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from firmware_sim import build, headers, toolchain
from firmware_sim.toolchain import ToolError
from odl.core.image import Image
from tests.helpers.firmware import need


def test_a_missing_tool_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        toolchain, "find", lambda: (toolchain.Tool("unicorn", "emulated board", None, "pip install it"),)
    )
    with pytest.raises(ToolError, match=r"unicorn \(emulated board\) is not installed: pip install it"):
        toolchain.tool("unicorn")


def test_gcc_is_taken_where_zig_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    zig = toolchain.Tool("ziglang", "cross-compiler", None, "")
    gcc = toolchain.Tool("arm-none-eabi-gcc", "second", "arm-none-eabi-gcc (15:12) 12.2.1 20221205", "")
    monkeypatch.setattr(toolchain, "find", lambda: (zig, gcc))
    assert toolchain.compiler().description == "gcc 12.2.1 20221205, cortex-m4, -O2"
    with pytest.raises(ToolError, match="ziglang"):
        toolchain.compiler("zig")


@pytest.mark.parametrize(("name", "target"), [("tcc", "cortex-m4"), (None, "cortex-m9")])
def test_what_cannot_be_had_is_refused(name: str | None, target: str) -> None:
    with pytest.raises(ToolError):
        toolchain.compiler(name, target)


def test_a_warning_is_an_error(compiler: str, tmp_path: Path) -> None:
    source = tmp_path / "a file.c"
    source.write_text("int f(int a, unsigned b);\nint f(int a, unsigned b) { return a < b; }\n")
    with pytest.raises(ToolError, match="sign"):
        toolchain.compiler(compiler).check(source)


def test_what_a_newer_compiler_warns_of_stops_no_user(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.c"
    source.write_text("int f(int a, unsigned b);\nint f(int a, unsigned b) { return a < b; }\n")
    monkeypatch.delenv("ODL_STRICT")
    toolchain.compiler(compiler).check(source)
    source.write_text("no C\n")
    with pytest.raises(ToolError, match="failed"):
        toolchain.compiler(compiler).check(source)


@pytest.mark.parametrize("target", sorted(toolchain.TARGETS))
def test_the_core_compiles_without_warnings(target: str, compiler: str, image: Image, tmp_path: Path) -> None:
    """On every processor that the compiler has."""
    if compiler == "gcc":
        need(toolchain.TARGETS[target].gcc_program)
    folder = tmp_path / "with a blank"
    headers.write(folder, headers.sizes_of(image))
    sources = [*sorted(build.CORE.glob("*.c")), build.BARE / "memory.c"]
    assert len(sources) > 20
    for source in sources:
        toolchain.compiler(compiler, target).check(source, [folder, build.CORE, build.BARE])


def test_the_linker_holds_the_ram_budget(image: Image) -> None:
    with pytest.raises(build.BuildError, match="more RAM than the 20,000 bytes"):
        build.build(image, compiler="zig", ram_budget=20_000)


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"max_rows": 64}, "more RAM than the 98,304 bytes"), ({"max_log": 300}, "log of 300 labels")],
)
def test_a_model_that_does_not_fit_is_one_sentence(
    changes: dict[str, int], why: str, compiler: str, image: Image
) -> None:
    with pytest.raises(build.BuildError, match=f"no firmware can be built for this model: .*{why}") as said:
        build.build(replace(image, **changes), compiler=compiler)  # type: ignore[arg-type]
    assert "\n" not in str(said.value)


def test_a_package_that_pip_does_not_know_is_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    assert toolchain._package("unicorn", "unicorn", "").version == "of unknown version"
    assert toolchain._package("unicorn", "no_such_module", "").version is None


@pytest.mark.parametrize(("board", "sensor"), [("uno", "link"), ("nucleo_f401re", "thermometer")])
def test_an_unknown_board_or_sensor_is_refused(board: str, sensor: str, image: Image) -> None:
    with pytest.raises(build.BuildError, match=r"no (board 'uno'|sensor 'thermometer')"):
        build.build(image, board=board, sensor=sensor)
