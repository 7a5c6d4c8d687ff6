"""The library for this machine: built once, whoever else builds it at the same time."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware_sim import host
from firmware_sim.headers import sizes_of
from tests.helpers.images import random_image

SIZES = sizes_of(random_image(3, tree=True))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_two_who_build_at_once_have_the_same(cache: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: host.build(SIZES), range(2))
    assert first == second and cache in first.parents
    assert list(first.parent.iterdir()) == [first]  # nothing half done is left
    before = first.stat().st_mtime_ns
    assert host.build(SIZES) == first and first.stat().st_mtime_ns == before
    host.HostMachine(first)


def test_a_library_that_somebody_uses_already_is_taken(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows lets nobody replace it."""

    def locked(made: Path, target: Path) -> None:
        Path(target).write_bytes(Path(made).read_bytes())
        raise PermissionError(13, "Access is denied", str(target))

    monkeypatch.setattr(os, "replace", locked)
    host.HostMachine(host.build(SIZES))

    def refused(made: Path, target: Path) -> None:
        raise PermissionError(13, "Access is denied", str(target))

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError):
        host.build(SIZES, flags=("-O1",))


def test_a_warning_stops_the_tests_and_no_user(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = tmp_path / "core"
    shutil.copytree(host.CORE, core)
    with open(core / "pool.c", "a") as file:
        file.write("static int unused;\n")
    with pytest.raises(host.BuildError, match="unused"):
        host.build(SIZES, core=core)
    monkeypatch.delenv("ODL_STRICT")
    host.HostMachine(host.build(SIZES, core=core))


def test_what_the_compiler_says_is_said(cache: Path, tmp_path: Path) -> None:
    core = tmp_path / "core"
    shutil.copytree(host.CORE, core)
    (core / "pool.c").write_text("no C at all\n")
    with pytest.raises(host.BuildError, match=r"pool\.c"):
        host.build(SIZES, core=core)
    assert not list(cache.rglob("*.so"))
