"""``odl doctor``: what it finds, what it misses and what it then says to do."""

from __future__ import annotations

import configparser
import json
from importlib import metadata
from pathlib import Path

import pytest

from firmware_sim.toolchain import Tool
from odl.cli import doctor
from odl.cli.main import main
from odl.device import discovery
from odl.device.discovery import Port

ROOT = Path(__file__).resolve().parents[2]


def test_it_knows_what_each_extra_is_for() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {*setup["options.extras_require"]}
    assert extras - {*doctor._NEEDED_FOR_WORK_ON_ODL} == {*doctor.PURPOSES}


def test_json_has_a_row_for_all_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["group"] for row in rows} >= {"this installation", "extras", "firmware", "notebooks"}
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert all(row["name"] in said for row in rows)


def test_an_extra_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without_torch(name: str) -> str:
        if name == "torch":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_torch)
    monkeypatch.setattr(metadata, "requires", lambda name: ['torch>=2.3; extra == "train"', "numpy>=2"])
    row = next(row for row in doctor.examined()["extras"] if row.name == "train")
    assert row.version is None and "without torch" in row.purpose
    assert row.advice.startswith("pip install") and "[train]" in row.advice
    assert f"-> {row.advice}" in doctor.as_text({"extras": [row]})


def test_a_checkout_that_was_never_installed_has_its_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [row.name for row in doctor.examined()["extras"]]

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    monkeypatch.setattr(metadata, "distribution", missing)
    rows = doctor.examined()["extras"]
    assert [row.name for row in rows] == installed and {row.name for row in rows} == {*doctor.PURPOSES}
    assert all(row.advice == f"pip install --editable '{ROOT}[{row.name}]'" for row in rows)


def test_columns_stand_below_each_other_whatever_is_listed() -> None:
    rows = [Tool("pip", "", "24", ""), Tool("a-tool-with-a-long-name-indeed", "", "24", "")]
    assert {line.index("24") for line in doctor.as_text({"tools": rows}).splitlines()[1:]} == {33}


def test_a_port_that_this_person_may_not_open_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    monkeypatch.setattr(discovery, "list_ports", lambda: [Port(str(device), "a board \x1b[2J")])
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: str(path) != str(device))
    (row,) = doctor.examined()["serial ports"]
    assert row.version is None and "you may not open it" in row.purpose
    assert row.advice.startswith(f"sudo usermod -aG {device.group()} $USER")
    assert "\x1b" not in doctor.as_text({"serial ports": [row]})


def test_no_port_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "list_ports", list)
    (row,) = doctor.examined()["serial ports"]
    assert row.there and "odl live --emulated" in row.purpose


def test_a_cache_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from odl.core.kernels import kernel_cache

    (tmp_path / "file").touch()
    monkeypatch.setattr(kernel_cache, "wanted_folder", lambda: tmp_path / "file" / "kernels")
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)
    row = next(row for row in doctor.examined()["this installation"] if row.name == "compiled kernels")
    assert row.version is None and "ODL_CACHE_DIR" in row.advice
