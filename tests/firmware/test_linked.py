"""Programs that are linked once: kept by all that goes into them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firmware_sim import linked


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Path], list[Path], Path]:
    """A source, a folder of headers, a script; an empty folder for programs."""
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("own", "headers"):
        (tmp_path / name).mkdir()
    for name in ("own/a.c", "own/a.h", "headers/b.h", "link.ld"):
        (tmp_path / name).write_text("int one;")
    return [tmp_path / "own" / "a.c"], [tmp_path / "headers"], tmp_path / "link.ld"


def made(places: tuple[list[Path], list[Path], Path], flags: tuple[str, ...] = ("-O2",)) -> bool:
    """Whether the program was made now."""
    times = []
    output = places[2].with_name("out.elf")

    def make() -> None:
        times.append(1)
        output.write_bytes(b"\x7fELF program")

    linked.link_once(linked.digest(flags, *places), output, make)
    assert output.read_bytes() == b"\x7fELF program"
    return bool(times)


@pytest.mark.parametrize("name", ["own/a.c", "own/a.h", "headers/b.h", "link.ld"])
def test_it_is_made_again_when_something_changed(
    places: tuple[list[Path], list[Path], Path], name: str
) -> None:
    assert made(places) and not made(places)
    (places[2].parent / name).write_text("int two;")
    assert made(places) and not made(places)


def test_other_flags_and_a_new_header_are_another_program(
    places: tuple[list[Path], list[Path], Path],
) -> None:
    assert made(places) and made(places, ("-Os",)) and not made(places)
    (places[1][0] / "c.h").write_text("")
    assert made(places)


def test_a_damaged_program_is_made_again(places: tuple[list[Path], list[Path], Path]) -> None:
    made(places)
    (kept,) = linked.folder().glob("*.elf")
    kept.write_bytes(b"")
    assert made(places) and not made(places)


def test_a_folder_that_cannot_be_written_to_is_done_without(
    places: tuple[list[Path], list[Path], Path],
) -> None:
    places[2].with_name("cache").write_text("a file")
    assert made(places) and made(places)


def test_the_last_ones_used_stay(
    places: tuple[list[Path], list[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linked, "KEPT", 2)
    for n, flag in enumerate(("-a", "-b", "-c")):
        made(places, (flag,))
        newest = linked.folder() / f"{linked.digest((flag,), *places)}.elf"
        os.utime(newest, (n, n))
    assert not made(places, ("-c",)) and not made(places, ("-b",)) and made(places, ("-a",))
