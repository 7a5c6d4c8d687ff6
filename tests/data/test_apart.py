"""Files that crash or hang the packages that read them: refused, and the next file is read."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from odl.data.card import DataError
from odl.data.readers import apart, read_tables
from odl.data.readers.source import SourceFile

ACC = np.random.default_rng(0).normal(0, 1, (40, 3))


def hdf5_bytes() -> bytes:
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["acc"] = ACC
        group = file.create_group("g")
        group["t"], group["word"] = np.arange(40.0), ["x"] * 40
        group.create_dataset("z", data=np.arange(40), compression="gzip")
    return made.getvalue()


def matlab_bytes() -> bytes:
    made = io.BytesIO()
    savemat(made, {"acc": ACC, "t": np.arange(40.0), "s": "abc", "st": {"a": np.arange(3)}})
    return made.getvalue()


def tables(path: Path, data: bytes) -> list[Any]:
    path.write_bytes(data)
    return read_tables(SourceFile(path, path.name))


@pytest.mark.parametrize(("name", "make"), [("a.h5", hdf5_bytes), ("a.mat", matlab_bytes)])
def test_no_damage_ends_or_stops_the_process_that_reads(
    tmp_path: Path, name: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 400 such files one made libhdf5 spin for ever, several made scipy crash."""
    monkeypatch.setattr(apart, "SECONDS", 0.5)
    monkeypatch.setattr(apart, "SECONDS_PER_MB", 0.0)
    whole, rng = make(), np.random.default_rng(1)
    refused = 0
    for _ in range(50):
        data = bytearray(whole)
        for at in rng.integers(4, len(data) - 8, rng.integers(1, 6)):
            data[at : at + 4] = bytes(rng.choice([0, 1, 127, 128, 255], 4).astype(np.uint8))
        try:
            tables(tmp_path / name, bytes(data))
        except DataError as error:
            assert str(error).startswith(str(tmp_path / name))
            refused += 1
    assert 0 < refused < 50
    assert len(tables(tmp_path / name, whole)[0]) == 40


def test_a_file_that_is_refused_costs_no_child(tmp_path: Path) -> None:
    tables(tmp_path / "a.h5", hdf5_bytes())
    assert apart._child is not None
    before = apart._child.pid
    for name, data in (("a.h5", b"no HDF5"), ("a.mat", b"MATLAB" * 100)):
        with pytest.raises(DataError):
            tables(tmp_path / name, data)
    assert len(tables(tmp_path / "a.h5", hdf5_bytes())[0]) == 40 and apart._child.pid == before


def test_a_reader_that_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables(tmp_path / "a.h5", hdf5_bytes())
    real = apart._received

    def dies(pipe: Any) -> Any:
        assert apart._child is not None
        apart._child.kill()
        while pipe.read(4096):
            pass
        return real(pipe)

    with monkeypatch.context() as patch:
        patch.setattr(apart, "_received", dies)
        with pytest.raises(DataError, match=r"a.h5: this is damaged: it makes the reader crash; it was not"):
            tables(tmp_path / "a.h5", hdf5_bytes())
    assert len(tables(tmp_path / "a.h5", hdf5_bytes())[0]) == 40


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows counts no time of the processor")
def test_a_reader_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spin = """
import odl.data.readers.apart as apart
from odl.data.readers import hdf5
def parse(source, data):
    while True:
        pass
hdf5.parse = parse
apart.serve()
"""
    with monkeypatch.context() as patch:
        patch.setattr(apart, "_child", None)
        patch.setattr(apart, "_COMMAND", spin)
        patch.setattr(apart, "SECONDS", 0.2)
        with pytest.raises(DataError, match=r"a.h5: this is damaged: it takes more than 0\.2 s; it was not"):
            tables(tmp_path / "a.h5", hdf5_bytes())
    assert len(tables(tmp_path / "a.h5", hdf5_bytes())[0]) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="no bound on memory there")
def test_a_reader_that_takes_memory_is_refused_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file of 12 KB took 1.8 GB."""
    take = """
import odl.data.readers.apart as apart
from odl.data.readers import hdf5
from odl.data.readers.extra import as_data_error
def parse(source, data):
    with as_data_error(source, "HDF5"):
        bytearray(2**30)
hdf5.parse = parse
apart.serve()
"""
    with monkeypatch.context() as patch:
        patch.setattr(apart, "_child", None)
        patch.setattr(apart, "_COMMAND", take)
        with pytest.raises(DataError, match=r"a.h5: there is not enough memory to read it as HDF5"):
            tables(tmp_path / "a.h5", hdf5_bytes())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_has_a_child_of_its_own(tmp_path: Path) -> None:
    tables(tmp_path / "a.h5", hdf5_bytes())
    assert apart._child is not None
    before = apart._child.pid
    if (forked := os.fork()) == 0:
        good = len(tables(tmp_path / "b.h5", hdf5_bytes())[0]) == 40 and apart._child.pid != before
        apart._child.kill()
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
    assert len(tables(tmp_path / "a.h5", hdf5_bytes())[0]) == 40 and apart._child.pid == before


def test_ctrl_c_leaves_no_half_answer_for_the_next_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(pipe: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(apart, "_received", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tables(tmp_path / "a.mat", matlab_bytes())
    assert len(tables(tmp_path / "a.h5", hdf5_bytes())[0]) == 40


def test_what_the_child_sends_is_what_it_read(tmp_path: Path) -> None:
    """Text, rows, facts and units survive the pipe."""
    from odl.data.readers import hdf5

    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["acc"], file["fs"] = ACC, 50.0
        file["acc"].attrs["unit"] = "m/s\u00b2"
        file["label"] = np.array(["größer", "", "walk\u2028", "x"] * 10, h5py.string_dtype())
    path = tmp_path / "a.h5"
    (there,) = tables(path, made.getvalue())
    (here,) = hdf5.parse(SourceFile(path, "a.h5"), made.getvalue())
    assert list(there.columns) == list(here.columns)
    assert there.units == here.units == dict.fromkeys(("acc x", "acc y", "acc z"), "m/s²")
    assert there.facts == here.facts and there.facts.rate_hz == 50 and there.rows == here.rows
    for name, column in here.columns.items():
        assert there.columns[name].dtype == column.dtype and np.array_equal(there.columns[name], column)
