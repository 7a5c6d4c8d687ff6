"""Formats that are no text tables: what each reader takes from a file, and what it refuses."""

from __future__ import annotations

import io
import json
import struct
import sys
import zipfile
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import h5py
import numpy as np
import openpyxl
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet
from scipy.io import savemat

from odl.data.card import DataError
from odl.data.readers import (
    READERS,
    documents,
    hdf5,
    json_records,
    json_text,
    matlab,
    read_tables,
    text_layout,
)
from odl.data.readers.source import sources
from odl.data.readers.table import NotATable, RawTable
from odl.data.readers.text_layout import cells

RNG = np.random.default_rng(0)
ACC = np.round(RNG.normal(0, 1, (40, 3)), 3)
GYR = np.round(RNG.normal(0, 1, (40, 3)), 3)


def tables(path: Path, name: str = "") -> list[RawTable]:
    """All tables of a file, or of the one called ``name`` in a folder or zip."""
    (source,) = [s for s in sources(path) if s.name.endswith(name)]
    return read_tables(source)


def table(path: Path, name: str = "") -> RawTable:
    (one,) = tables(path, name)
    return one


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 and MATLAB files are read here, so that a test can change their limits."""
    for module in (hdf5, matlab):
        monkeypatch.setattr(module, "tables_apart", lambda _, *file, parse=module.parse: parse(*file))


def columns(one: RawTable, *names: str) -> np.ndarray:
    return np.stack([one.numbers(name) for name in names], 1)


def written(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, bytes):
        path.write_bytes(value)
    else:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


# Edge Impulse


def acquired(values: Any = None, **changes: Any) -> dict[str, Any]:
    payload = {
        "device_name": "x", "device_type": "X", "interval_ms": 20,
        "sensors": [{"name": f"acc{axis}", "units": "m/s2"} for axis in "XYZ"],
        "values": ACC.tolist() if values is None else values,
    }  # fmt: skip
    return {"protected": {"ver": "v1", "alg": "none"}, "signature": "0", "payload": payload | changes}


@pytest.mark.parametrize("ending", ["json", "cbor"])
def test_edge_impulse_gives_values_units_and_rate(ending: str, tmp_path: Path) -> None:
    data = cbor2.dumps(acquired()) if ending == "cbor" else json.dumps(acquired())
    one = table(written(tmp_path / f"walk.1.{ending}", data))
    assert np.array_equal(columns(one, "accX", "accY", "accZ"), ACC)
    assert one.units == dict.fromkeys(("accX", "accY", "accZ"), "m/s2") and one.facts.rate_hz == 50


def test_edge_impulse_is_known_in_whatever_order_its_entries_stand(tmp_path: Path) -> None:
    document = acquired()
    turned = {"payload": dict(reversed(document["payload"].items())), "protected": {}, "signature": "0"}
    assert table(written(tmp_path / "a.json", turned)).facts.rate_hz == 50


def test_cbor_of_other_records_is_read(tmp_path: Path) -> None:
    one = table(
        written(tmp_path / "a.cbor", cbor2.dumps([{"t": i, "acc": r} for i, r in enumerate(ACC.tolist())]))
    )
    assert np.array_equal(columns(one, "acc.x", "acc.y", "acc.z"), ACC)


def test_edge_impulse_of_one_sensor_may_have_bare_values(tmp_path: Path) -> None:
    document = acquired([0.5, 1, 1.5], sensors=[{"name": "accX", "units": "g"}], interval_ms=9.615)
    one = table(written(tmp_path / "a.json", document))
    assert one.numbers("accX").tolist() == [0.5, 1, 1.5] and round(one.facts.rate_hz, 1) == 104


@pytest.mark.parametrize("packed", [False, True])
def test_edge_impulse_labels_lie_beside_the_file(packed: bool, tmp_path: Path) -> None:
    up, down = {"startIndex": 0, "endIndex": 9, "label": "up"}, {"startIndex": 10, "endIndex": 39}
    spans = [up, down | {"label": "down"}]
    several = {"type": "multi-label", "labels": spans}
    info = {"version": 1, "files": [
        {"path": "training/one.json", "category": "training", "label": {"type": "label", "label": "walk"}},
        {"path": "testing/two.json", "category": "testing", "label": several},
    ]}  # fmt: skip
    files = {
        "info.labels": info, "training/one.json": acquired(), "testing/two.json": acquired(),
        "other/three.json": acquired(),
        "other/structured_labels.labels": {"version": 1, "structuredLabels": {"three.json": spans}},
    }  # fmt: skip
    home = tmp_path / "export"
    for name, value in files.items():
        written(home / name, value)
    if packed:
        home = tmp_path / "export.zip"
        with zipfile.ZipFile(home, "w") as file:
            for name, value in files.items():
                file.writestr(name, json.dumps(value))
    one, two, three = (table(home, f"{name}.json").facts for name in ("one", "two", "three"))
    assert (one.label, one.split, one.spans) == ("walk", "train", ())
    assert (two.split, two.spans) == ("test", ((0, 10, "up"), (10, 40, "down"))) and three.spans == two.spans


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (acquired([[1, 2, 3], [1, 2]]), r"a.json row 2: 3 values should be there"),
        (acquired(interval_ms=0), r"payload.interval_ms is 0; it should be in ms"),
        (acquired(interval_ms="20"), r"payload.interval_ms is 20; it should be in ms"),
        (acquired([]), r"payload.values is empty"),
        (acquired("Ref-BINARY-i16"), r"payload has no list of values"),
        (acquired(sensors=[]), r"payload.sensors is no list of names"),
        (acquired(sensors=[{"name": "a"}] * 3), r"two sensors have one name"),
    ],
)
def test_edge_impulse_faults_are_named(document: Any, error: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=error):
        table(written(tmp_path / "a.json", document))


def test_edge_impulse_labels_outside_the_rows_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.json", acquired())
    labels = {"structuredLabels": {"a.json": [{"startIndex": 0, "endIndex": 40, "label": "walk"}]}}
    written(tmp_path / "structured_labels.labels", labels)
    with pytest.raises(DataError, match=r"a.json: its labels have .*; rows go from 0 to 39"):
        table(tmp_path, "a.json")


# JSON


def vector(row: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", row.tolist(), strict=True))


def test_movesense_gives_a_row_for_each_sample_of_a_message(tmp_path: Path) -> None:
    data = [
        {"imu6": {"Timestamp": 100 + 77 * i, "ArrayAcc": [*map(vector, a)], "ArrayGyro": [*map(vector, g)]}}
        for i, (a, g) in enumerate(zip(ACC.reshape(10, 4, 3), GYR.reshape(10, 4, 3), strict=True))
    ]
    one = table(written(tmp_path / "a.json", {"data": data}))
    assert np.array_equal(columns(one, "ArrayAcc.x", "ArrayAcc.y", "ArrayAcc.z"), ACC)
    assert np.array_equal(columns(one, "ArrayGyro.x", "ArrayGyro.y", "ArrayGyro.z"), GYR)
    assert one.columns["Timestamp"].tolist() == np.repeat(100 + 77 * np.arange(10), 4).tolist()
    assert one.row(39) == f"{tmp_path / 'a.json'} (imu6) row 10"
    assert {one.units[n] for n in ("Timestamp", "ArrayAcc.x", "ArrayGyro.z")} == {"ms", "m/s2", "deg/s"}


def test_messages_of_two_sensors_are_two_tables(tmp_path: Path) -> None:
    data: list[Any] = []
    for i in range(10):
        data.append({"acc": {"Timestamp": 80 * i, "ArrayAcc": [*map(vector, ACC[4 * i : 4 * i + 4])]}})
        data.append({"gyro": {"Timestamp": 80 * i + 3, "ArrayGyro": [*map(vector, GYR[4 * i : 4 * i + 4])]}})
    first, second = tables(written(tmp_path / "a.json", {"data": data}))
    assert (first.part, first.facts.sensor, second.part, second.facts.sensor) == ("acc", "a", "gyro", "w")
    assert np.array_equal(columns(second, "ArrayGyro.x", "ArrayGyro.y", "ArrayGyro.z"), GYR)


def test_sensor_logger_gives_a_table_for_each_sensor(tmp_path: Path) -> None:
    records = [{"sensor": "Metadata", "version": "1.32", "device name": "phone"}]
    for i in range(40):
        for sensor, rows in (("Accelerometer", ACC), ("Gyroscope", GYR)):
            time = {"time": str(1_700_000_000_000_000_000 + i * 10**7), "seconds_elapsed": str(i / 100)}
            records.append({"sensor": sensor, **time, **{k: str(v) for k, v in vector(rows[i]).items()}})
    first, second = tables(written(tmp_path / "a.json", records))
    assert np.array_equal(columns(first, "x", "y", "z"), ACC) and first.facts.sensor == "a"
    assert np.array_equal(columns(second, "x", "y", "z"), GYR) and second.facts.sensor == "w"
    assert first.columns["time"].dtype == np.int64 and first.columns["time"][1] == 1_700_000_000_010_000_000
    assert first.facts.notes == ("records of other kinds were left out: Metadata",)


def test_json_lines_are_records(tmp_path: Path) -> None:
    records = [{"t": 20 * i, **vector(row), "label": "walk"} for i, row in enumerate(ACC)]
    text = "\n".join(map(json.dumps, records)) + "\n"
    one = table(written(tmp_path / "a.jsonl", text))
    assert np.array_equal(columns(one, "x", "y", "z"), ACC) and one.columns["label"][0] == "walk"
    with pytest.raises(DataError, match=r"a.jsonl row 41: this is no JSON"):
        table(written(tmp_path / "a.jsonl", text + '{"t": 1, \n'))


@pytest.mark.parametrize(
    "document",
    [
        dict(zip("xyz", ACC.T.tolist(), strict=True)),
        {k: {str(i): v for i, v in enumerate(c)} for k, c in zip("xyz", ACC.T.tolist(), strict=True)},
        {"columns": [*"xyz"], "index": [*range(40)], "data": ACC.tolist()},
        {"device": {"fs": 50, "label": "walk"}, "samples": [*map(vector, ACC)]},
        [{"x": x, "inner": {"y": y}, "z": z} for x, y, z in ACC.tolist()],
    ],
)
def test_json_of_other_shapes_is_read(document: Any, tmp_path: Path) -> None:
    one = table(written(tmp_path / "a.json", document))
    names = [name for axis in "xyz" for name in one.columns if name.endswith(axis)]
    assert np.array_equal(columns(one, *names), ACC)
    if "samples" in document:
        assert (one.facts.rate_hz, one.facts.label) == (50, "walk")


def test_vectors_in_json_are_axes(tmp_path: Path) -> None:
    one = table(written(tmp_path / "a.json", [{"t": i, "acc": row} for i, row in enumerate(ACC.tolist())]))
    assert np.array_equal(columns(one, "acc.x", "acc.y", "acc.z"), ACC)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ("[" + '{"a":' * 40 + "1" + "}" * 40 + "]", "record 1: more than 12 dictionaries within each other"),
        ('[{"a": 1},\n{"a":', "row 2: this is no JSON"),
        ("3", "there is no list of records with numbers"),
        ("", "no JSON"),
        ('[{"x": ' + "9" * 5000 + "}]", "cannot be read as JSON"),
        ('[{"a": [1, 2, 3, 4], "b": [1, 2]}]', r"record 1: lists of different lengths \(a 4, b 2\)"),
        ('[{"a": 1}, 2]', "record 2: '2' is no record"),
    ],
)
def test_json_faults_are_named(text: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=error):
        table(written(tmp_path / "a.json", text))


@pytest.mark.parametrize(
    "data",
    [
        b"\x81" * 100_000 + b"\x01",
        b"\x9b\0\0\0\x10\0\0\0\0",
        b"\x5b\0\0\0\x10\0\0\0\0",
        bytes(range(256)),
        b"",
    ],
)
def test_cbor_faults_are_named(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.cbor: (this cannot be read as CBOR|there is no list of records)"):
        table(written(tmp_path / "a.cbor", data))


# NumPy


def test_npz_arrays_of_one_length_are_columns(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", acc=ACC, t=np.arange(40), y=np.array(["walk"] * 40), fs=50.0)
    one = table(tmp_path / "a.npz")
    assert list(one.columns) == ["acc x", "acc y", "acc z", "t", "y"] and one.facts.rate_hz == 50
    assert np.array_equal(columns(one, "acc x", "acc y", "acc z"), ACC) and one.columns["y"][0] == "walk"


def test_npy_columns_have_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.hstack([ACC, GYR]).T)  # also turned
    one = table(tmp_path / "a.npy")
    assert np.array_equal(columns(one, *(f"column {i}" for i in range(1, 7))), np.hstack([ACC, GYR]))


def test_records_and_big_endian_numbers_are_read(tmp_path: Path) -> None:
    rows = np.zeros(40, [("t", ">i8"), ("acc", ">f4", (3,))])
    rows["acc"] = ACC
    np.save(tmp_path / "a.npy", rows)
    one = table(tmp_path / "a.npy")
    assert np.array_equal(columns(one, "acc x", "acc y", "acc z"), ACC.astype(np.float32).astype(float))
    assert one.columns["t"].dtype == np.dtype("=i8")


def test_pickled_objects_are_refused_without_being_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "unpickled",))

    np.save(tmp_path / "a.npy", np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a.npy: this holds Python objects, which are not read"):
        table(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", a=np.array([Bomb()], object))
    with pytest.raises(DataError, match=r"a.npz \(a\): this holds Python objects"):
        table(tmp_path / "a.npz")
    assert not (tmp_path / "unpickled").exists()


def npy(shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (npy("(10000000000, 3)"), "more than the file has bytes for"),
        (npy("(40, 3)", bytes(100)), "more than the file has bytes for"),
        (npy("(-1,)"), "cannot be read as NumPy arrays|no array holds"),
        (b"\x93NUMPY\x01\x00\xff\xff{}", "cannot be read as NumPy arrays"),
        (b"\x93NUMPY\x09\x00\x02\x00{}", "cannot be read as NumPy arrays"),
        (npy("(40, 3, 2)", bytes(1920)), r"no array holds a column of numbers; arrays: column \(40, 3, 2\)"),
        (b"no zip", "cannot be read as NumPy arrays"),
    ],
)
def test_numpy_faults_are_named(data: bytes, error: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=error):
        table(written(tmp_path / "a.npy", data))


# MATLAB


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}])
def test_matlab_variables_are_columns(options: dict[str, Any], tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"acc": ACC, "time": np.arange(40.0)[:, None] / 50, "fs": 50.0}, **options)
    one = table(tmp_path / "a.mat")
    assert np.array_equal(columns(one, "acc x", "acc y", "acc z"), ACC)
    assert one.numbers("time")[1] == 0.02 and one.facts.rate_hz == 50


def test_matlab_structures_and_cells_are_tables(tmp_path: Path) -> None:
    walk = {"acc": ACC, "activity": "walk", "Fs": 50}
    sit = {"acc": ACC[:30], "activity": "sit", "Fs": 25}
    cells = np.empty((1, 40), object)
    cells[0] = "walk"
    savemat(tmp_path / "a.mat", {"walk": walk, "sit": sit, "all": {"gyro": GYR, "name": cells}})
    parts = {one.part: one for one in tables(tmp_path / "a.mat")}
    assert (parts["walk"].facts.label, parts["walk"].facts.rate_hz, len(parts["walk"])) == ("walk", 50, 40)
    assert (parts["sit"].facts.label, parts["sit"].facts.rate_hz, len(parts["sit"])) == ("sit", 25, 30)
    assert parts["all"].columns["name"].tolist() == ["walk"] * 40
    assert np.array_equal(columns(parts["all"], "gyro x", "gyro y", "gyro z"), GYR)


def test_matlab_7_3_is_turned_and_its_text_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        acc = file.create_dataset("acc", data=ACC.T)
        acc.attrs["MATLAB_class"] = np.bytes_("double")
        label = file.create_dataset("label", data=np.array([[ord(c)] for c in "walk"], np.uint16))
        label.attrs["MATLAB_class"] = np.bytes_("char")
    data = bytearray(path.read_bytes())
    data[:19] = b"MATLAB 7.3 MAT-file"
    one = table(written(path, bytes(data)))
    assert np.array_equal(columns(one, "acc x", "acc y", "acc z"), ACC) and one.facts.label == "walk"


@pytest.mark.usefixtures("in_this_process")
def test_a_matlab_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matlab, "_UNPACKED", 2**22)  # 2**30 take seconds to pack
    savemat(tmp_path / "a.mat", {"acc": ACC})
    head = (tmp_path / "a.mat").read_bytes()[:128]
    packed = zlib.compress(bytes(2**23))
    with pytest.raises(DataError, match=r"a.mat: more than 4194304 bytes when unpacked"):
        table(written(tmp_path / "a.mat", head + struct.pack("<II", 15, len(packed)) + packed))


def test_a_damaged_matlab_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"s": {"acc": ACC, "name": "walk"}, "acc": ACC}, do_compression=True)
    whole = (tmp_path / "a.mat").read_bytes()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        data = bytearray(whole[: rng.integers(130, len(whole))] if seed % 2 else whole)
        for at in rng.integers(0, len(data), 4):
            data[at] ^= 1 << rng.integers(8)
        try:
            tables(written(tmp_path / "a.mat", bytes(data)))
        except DataError as error:
            assert str(error).startswith(f"{tmp_path / 'a.mat'}: ") and "\n" not in str(error)


# HDF5


def test_hdf5_groups_are_tables_with_units_names_and_rate(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["subject"] = "p7"
        for name, rows, rate in (("walk", ACC, 50.0), ("sit", ACC[:30], 25.0)):
            group = file.create_group(name)
            group.attrs["sampling_rate"], group.attrs["label"] = rate, name
            data = group.create_dataset("imu", data=rows)
            data.attrs["units"], data.attrs["columns"] = "m/s^2", ["ax", "ay", "az"]
            group["time"] = np.arange(len(rows))
    sit, walk = tables(tmp_path / "a.h5")
    assert (walk.part, walk.facts.label, walk.facts.rate_hz, walk.facts.subject) == ("walk", "walk", 50, "p7")
    assert (sit.part, sit.facts.label, sit.facts.rate_hz, len(sit)) == ("sit", "sit", 25, 30)
    assert np.array_equal(columns(walk, "ax", "ay", "az"), ACC) and walk.units["ax"] == "m/s^2"


def test_hdf5_blocks_of_pandas_have_their_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("df")
        group["axis0"] = np.array([b"ax", b"ay", b"az"])
        group["axis1"] = np.arange(40)
        group["block0_items"], group["block0_values"] = np.array([b"ax", b"ay", b"az"]), ACC
    one = table(tmp_path / "a.h5")
    assert np.array_equal(columns(one, "ax", "ay", "az"), ACC) and set(one.columns) == {
        "ax",
        "ay",
        "az",
        "axis1",
    }


def test_hdf5_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.bin", "w") as file:
        file["acc"] = GYR
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["acc"], file["other"] = ACC, h5py.ExternalLink(str(tmp_path / "secret.bin"), "/acc")
        file["ring"] = h5py.SoftLink("/")
    assert np.array_equal(columns(table(tmp_path / "a.h5"), "acc x", "acc y", "acc z"), ACC)
    layout = h5py.VirtualLayout((40, 3), float)
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.bin"), "acc", (40, 3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("acc", layout)
    with pytest.raises(DataError, match=r"a.h5: 'acc' lies in another file"):
        table(tmp_path / "a.h5")


def test_hdf5_sizes_are_checked_before_they_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("acc", (2**40, 3), "f8", chunks=(2**10, 3), compression="gzip")
    with pytest.raises(DataError, match=r"a.h5: 'acc' has \(1099511627776, 3\) values in 0 bytes"):
        table(tmp_path / "a.h5")


def test_a_cut_hdf5_file_is_told(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["acc"] = ACC
    with pytest.raises(DataError, match=r"a.h5: this cannot be read as HDF5 \(.*truncated"):
        table(written(tmp_path / "a.h5", (tmp_path / "a.h5").read_bytes()[:1000]))


# Excel


def test_excel_sheets_are_tables_with_their_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    first.title = "walk"
    for row in (["recorded by", "me"], [], ["time", "ax", "ay", "az"]):
        first.append(row)
    start = datetime(2024, 5, 1, 10)
    for i, row in enumerate(ACC.tolist()):
        first.append([start + timedelta(milliseconds=20 * i), *row])
    book.create_sheet("remarks").append(["nothing here"])
    book.save(tmp_path / "a.xlsx")
    one = table(tmp_path / "a.xlsx")
    assert np.array_equal(columns(one, "ax", "ay", "az"), ACC) and one.row(0).endswith("row 4")
    assert one.part == "walk" and "sheets without a table were left out: 'remarks'" in one.facts.notes[-1]
    assert np.diff(one.columns["time"])[0] == np.timedelta64(20, "ms")


def test_excel_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.xls: only Excel's .xlsx is read; save it as that, or as CSV"):
        table(written(tmp_path / "a.xls", b"\xd0\xcf\x11\xe0"))
    with pytest.raises(DataError, match=r"b.xlsx: cannot be read .File is not a zip file"):
        table(written(tmp_path / "b.xlsx", b"no zip"))
    openpyxl.Workbook().save(tmp_path / "c.xlsx")
    with pytest.raises(DataError, match=r"c.xlsx: no sheet holds a table"):
        table(tmp_path / "c.xlsx")


def test_an_excel_file_that_lies_of_its_size_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["t", "ax"], *([i, 0.5 * i] for i in range(20))]:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    changed = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            text = old.read(info).replace(b'<dimension ref="A1:B21"', b'<dimension ref="A1:XFD1048576"')
            new.writestr(info.filename, text)
    assert len(table(written(tmp_path / "b.xlsx", changed.getvalue()))) == 20


# ST HSDatalog


def datalog(
    folder: Path, version: int = 2, per_frame: int = 10, size: int = 100, lost: int = 0
) -> np.ndarray:
    """A folder as DATALOG writes it, with one accelerometer at 26 Hz; returns its counts."""
    counts, size = RNG.integers(-4000, 4000, (200, 3)).astype("<i2"), 100
    stream = b""
    for i in range(0, 200, per_frame or 200):
        stream += counts[i : i + (per_frame or 200)].tobytes()
        stream += struct.pack("<d", (i + per_frame) / 26) if per_frame else b""
    packets = [(i, stream[i : i + size].ljust(size, b"\0")) for i in range(0, len(stream), size)]
    data = b"".join(struct.pack("<I", i) + packet for i, packet in packets if not lost or i != lost * size)
    name = "ism330dhcx_acc" if version == 2 else "ISM330DHCX_ACC"
    written(folder / f"{name}.dat", data)
    tags = [{"t": 1.0, "label": "walk", "e": True}, {"t": 3.0, "label": "walk", "e": False}]
    tags.append({"t": 5.0, "label": "sit", "e": True})
    if version == 2:
        sensor = {
            "odr": 2, "samples_per_ts": per_frame, "dim": 3, "measodr": 26.0, "usb_dps": size,
            "sd_dps": size + 4, "sensitivity": 0.000488, "data_type": "int16",
            "st_ble_stream": {"id": 1, "acc": {"enable": False, "unit": "g"}},
        }  # fmt: skip
        config: dict[str, Any] = {"devices": [{"components": [{"automode": {}}, {name: sensor}]}]}
        written(folder / "device_config.json", json.dumps(config) + "\0")
        written(folder / "acquisition_info.json", {"name": "a", "interface": 1, "tags": tags})
    else:
        about = {"id": 0, "sensorType": "ACC", "dimensions": 3, "dimensionsLabel": ["x", "y", "z"],
                 "unit": "g", "dataType": "int16_t"}  # fmt: skip
        state = {"isActive": True, "ODR": 26.0, "ODRMeasured": 26.0, "samplesPerTs": per_frame,
                 "sensitivity": 0.000488, "usbDataPacketSize": size, "sdWriteBufferSize": 4096}  # fmt: skip
        sensor = {"id": 0, "name": "ISM330DHCX", "sensorDescriptor": {"subSensorDescriptor": [about]},
                  "sensorStatus": {"subSensorStatus": [state]}}  # fmt: skip
        written(folder / "DeviceConfig.json", {"device": {"sensor": [sensor]}})
        written(folder / "AcquisitionInfo.json", {"name": "a", "tags": tags})
    return counts


@pytest.mark.parametrize("version", [1, 2])
def test_hsdatalog_counts_times_and_tags_are_read(version: int, tmp_path: Path) -> None:
    counts = datalog(tmp_path, version)
    one = table(tmp_path, ".dat")
    names = [f"ism330dhcx_acc_{axis}" for axis in "xyz"]
    assert np.allclose(columns(one, *names), counts * 0.000488) and one.units[names[0]] == "g"
    assert np.allclose(one.numbers("time"), np.arange(1, 201) / 26) and one.facts.rate_hz == 26
    assert one.facts.spans == ((25, 77, "walk"), (129, 200, "sit")) and one.facts.sensor == "a"


def test_hsdatalog_without_time_stamps_has_its_rate(tmp_path: Path) -> None:
    counts = datalog(tmp_path, per_frame=0)
    one = table(tmp_path, ".dat")
    assert list(one.columns) == [f"ism330dhcx_acc_{axis}" for axis in "xyz"] and one.facts.rate_hz == 26
    assert np.allclose(one.numbers("ism330dhcx_acc_z"), counts[:, 2] * 0.000488)


def test_hsdatalog_packets_that_were_lost_are_told(tmp_path: Path) -> None:
    datalog(tmp_path, lost=5)
    with pytest.raises(DataError, match=r"ism330dhcx_acc.dat: packets are missing after packet 5 of 13"):
        table(tmp_path, ".dat")


def test_hsdatalog_packets_of_another_size_are_refused(tmp_path: Path) -> None:
    datalog(tmp_path)
    config = (tmp_path / "device_config.json").read_text().replace("100,", "96,").replace("104,", "92,")
    written(tmp_path / "device_config.json", config)
    with pytest.raises(DataError, match=r"counters fit none of its configuration's sizes, \[96, 92\]"):
        table(tmp_path, ".dat")


@pytest.mark.parametrize(
    "change", [("dim", 10**9), ("dim", -1), ("samples_per_ts", 10**12), ("data_type", "O")]
)
def test_an_hsdatalog_configuration_is_not_trusted(change: tuple[str, Any], tmp_path: Path) -> None:
    datalog(tmp_path)
    config = json.loads((tmp_path / "device_config.json").read_text().rstrip("\0"))
    config["devices"][0]["components"][1]["ism330dhcx_acc"][change[0]] = change[1]
    written(tmp_path / "device_config.json", config)
    with pytest.raises(DataError, match=r"ism330dhcx_acc.dat: "):
        table(tmp_path, ".dat")


# Empatica E4


def test_empatica_has_start_rate_and_units(tmp_path: Path) -> None:
    rows = "".join(f"{i},0,64\n" for i in range(32))
    text = "1700000000.000000, 1700000000.000000, 1700000000.000000\n32.000000, 32.000000, 32.000000\n"
    one = table(written(tmp_path / "p1" / "ACC.csv", text + rows), "ACC.csv")
    assert columns(one, "acc_x", "acc_z")[2].tolist() == [2 / 64, 1] and one.units["acc_x"] == "g"
    assert (one.facts.rate_hz, one.facts.start, one.row(0)[-5:]) == (32, 1.7e9, "row 3")
    written(tmp_path / "p1" / "BVP.csv", "1700000000.000000\n64.000000\n0.5\n1.5\n")
    with pytest.raises(NotATable, match=r"BVP.csv: this is no movement, but lies beside ACC.csv"):
        table(tmp_path, "BVP.csv")


def test_a_cut_empatica_file_loses_its_last_row_alone(tmp_path: Path) -> None:
    text = "1700000000,1700000000,1700000000\n32,32,32\n0,0,64\n1,0,64\n1,0"
    one = table(written(tmp_path / "ACC.csv", text))
    assert len(one) == 2 and one.facts.dropped == 1 and "row 5 is cut" in one.facts.notes[0]
    with pytest.raises(DataError, match=r"ACC.csv row 4: '1,x,64' where 3 numbers should be"):
        table(written(tmp_path / "ACC.csv", text.replace("1,0,64", "1,x,64")))


def test_a_table_that_is_called_like_empaticas_is_a_table(tmp_path: Path) -> None:
    text = "t,x,y,z\n" + "".join(f"{i},0.1,0.2,9.8\n" for i in range(20))
    assert list(table(written(tmp_path / "ACC.csv", text)).columns) == ["t", "x", "y", "z"]


# WFDB


@pytest.mark.parametrize("form", ["16", "61", "80", "212"])
def test_wfdb_counts_become_values(form: str, tmp_path: Path) -> None:
    counts = RNG.integers(-100, 100, (40, 2))
    flat = counts.ravel()
    if form == "212":
        pairs = flat.reshape(-1, 2) & 0xFFF
        high = pairs[:, 0] >> 8 | pairs[:, 1] >> 8 << 4
        data = np.stack([pairs[:, 0] & 255, high, pairs[:, 1] & 255], 1).astype(np.uint8)
    else:
        data = (flat + 128).astype("u1") if form == "80" else flat.astype("<i2" if form == "16" else ">i2")
    written(tmp_path / "r.dat", data.tobytes())
    written(tmp_path / "r.hea", f"# made up\nr 2 100 40\nr.dat {form} 50(10)/g 16 0 0 0 0 v acc\n"
                                f"r.dat {form} 2/deg/s 16 0 0 0 0 yaw\n")  # fmt: skip
    with pytest.raises(NotATable, match=r"r.dat: these are samples, which are read with the .hea"):
        table(tmp_path, ".dat")
    one = table(tmp_path, ".hea")
    assert np.allclose(columns(one, "v acc", "yaw"), (counts - [10, 0]) / [50, 2])
    assert one.units == {"v acc": "g", "yaw": "deg/s"} and one.facts.rate_hz == 100


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("r 1 100\n../r.dat 16 1/g 16 0 0 0 0 x\n", r"its file '../r.dat' is not beside it"),
        ("r 1 100\n/etc/passwd 16 1/g 16 0 0 0 0 x\n", r"its file '/etc/passwd' is not beside it"),
        ("r 1 100\nr.dat 310 1/g 16 0 0 0 0 x\n", r"signal 1 is .*, of a format that is not read"),
        ("r 3 100\nr.dat 16 1/g 16 0 0 0 0 x\n", r"1 signals are described, but 3 announced"),
        ("r/3 1 100\n", r"a record of several segments"),
        ("", r"cannot be read as a WFDB header"),
    ],
)
def test_wfdb_faults_are_named(header: str, error: str, tmp_path: Path) -> None:
    written(tmp_path / "r.dat", bytes(80))
    with pytest.raises(DataError, match=error):
        table(written(tmp_path / "r.hea", header).parent, ".hea")


# ActiGraph, GENEActiv, Axivity

ACTIGRAPH = [
    "------------ Data File Created By ActiGraph GT3X+ ActiLife v6 Firmware v2 date format M/d/yyyy at 30 Hz "
    " Filter Normal -----------",
    "Serial Number: X", "Start Time 10:00:00", "Start Date 1/2/2024", "Epoch Period (hh:mm:ss) 00:00:00",
    "Download Time 11:00:00", "Download Date 1/3/2024", "Current Memory Address: 0",
    "Current Battery Voltage: 4.00     Mode = 12", "-" * 50,
]  # fmt: skip
GENEACTIV = [
    "Device Type,GENEActiv", "Device Model,1.1", "Measurement Frequency,75.0 Hz", "Subject Code,P07",
    *[""] * 96,
]  # fmt: skip


def lines_of(rows: np.ndarray, *before: list[str], after: str = "") -> list[str]:
    columns = [*before, *([f"{v:.3f}" for v in column] for column in rows.T)]
    return [",".join(row) + after for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("names", [[], ["Accelerometer X,Accelerometer Y,Accelerometer Z"]])
def test_actigraph_has_rate_and_unit(names: list[str], tmp_path: Path) -> None:
    one = table(written(tmp_path / "a.csv", "\n".join([*ACTIGRAPH, *names, *lines_of(ACC)]) + "\n"))
    assert np.array_equal(columns(one, *(f"Accelerometer {axis}" for axis in "XYZ")), ACC)
    assert set(one.units.values()) == {"g"} and one.facts.rate_hz == 30 and len(one) == 40


def test_geneactiv_has_names_units_rate_and_subject(tmp_path: Path) -> None:
    stamps = [f"2024-05-01 10:00:{i // 75:02}:{i % 75 * 1000 // 75:03}" for i in range(40)]
    rows = lines_of(ACC, stamps, after=",12,0,25.8")
    one = table(written(tmp_path / "a.csv", "\n".join([*GENEACTIV, *rows]) + "\n"))
    assert np.array_equal(columns(one, "acc_x", "acc_y", "acc_z"), ACC) and one.row(0)[-7:] == "row 101"
    assert one.units["acc_x"] == "g" and one.facts.rate_hz == 75 and one.facts.subject == "P07"
    assert {"Timestamp", "light", "button", "temperature"} < set(one.columns)


def test_axivity_has_names_and_unit(tmp_path: Path) -> None:
    stamps = [f"2024-05-01 10:00:00.{i * 10:03}" for i in range(40)]
    one = table(written(tmp_path / "CWA-DATA.csv", "\n".join(lines_of(ACC, stamps)) + "\n"))
    assert np.array_equal(columns(one, "acc_x", "acc_y", "acc_z"), ACC) and one.units["acc_x"] == "g"
    assert one.columns["Timestamp"].dtype.kind == "M"
    other = table(written(tmp_path / "walk" / "a.csv", "\n".join(lines_of(ACC, stamps)) + "\n"))
    assert list(other.columns)[1] == "column 2" and other.units == {}


# All of them

EXTRAS = {"a.cbor": "cbor2", "a.mat": "scipy", "a.h5": "h5py", "a.xlsx": "openpyxl"}


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.usefixtures("in_this_process")
def test_a_package_that_is_missing_is_named_with_its_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = EXTRAS[name]
    for module in [package, *(m for m in sys.modules if m.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"needs the package {package}: pip install .*\[files\]'?$"):
        table(written(tmp_path / name, bytes(200)))


ENDINGS = (".json", ".cbor", ".npy", ".npz", ".mat", ".h5", ".xlsx", ".hea", ".parquet", ".jsonl")


@pytest.mark.parametrize("ending", ENDINGS)
def test_noise_is_refused_in_one_sentence(ending: str, tmp_path: Path) -> None:
    for seed in range(20):
        data = np.random.default_rng(seed).integers(0, 256, 40 * seed, np.uint8).tobytes()
        with pytest.raises(DataError, match=rf"a{ending}"):
            tables(written(tmp_path / f"a{ending}", data))


def test_every_reader_is_listed() -> None:
    folder = Path(__file__).parents[2] / "odl" / "data" / "readers"
    found = {path.stem for path in folder.glob("*.py") if "def is_mine(" in path.read_text()}
    assert found == set(READERS) and READERS[-1] == "text"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    rows = "t,ax,ay,az,note\n" + "".join(f"{i},0.1,0.2,9.8,ok\n" for i in range(9000))
    data = rows.encode().replace(b"8500,0.1,0.2,9.8,ok", b"8500,0.1,0.2,9.8,\xff\xfe")
    with pytest.raises(DataError, match=r"a.csv row 8502: bytes that are no text; save the file as UTF-8"):
        table(written(tmp_path / "a.csv", data))


def test_a_feather_file_whose_lengths_are_lies_is_refused(tmp_path: Path) -> None:
    """Texts that begin far behind the file's end made pyarrow read there, which ended the process."""
    whole, words = io.BytesIO(), pyarrow.array(["a", "b", "c"])
    with pyarrow.ipc.new_file(whole, pyarrow.schema([("note", words.type)])) as file:
        file.write_batch(pyarrow.record_batch([words], names=["note"]))
    places, far = (
        np.array(of, np.int32).tobytes() for of in ([0, 1, 2, 3], [0, 2**30, 2**30 + 9, 2**30 + 20])
    )
    data = whole.getvalue()
    assert data.count(places) == 1
    with pytest.raises(DataError, match=r"a\.feather: this cannot be read as Parquet \(.*offset"):
        table(written(tmp_path / "a.feather", data.replace(places, far)))


# Sizes: refused before the values are built


def test_json_of_too_many_values_or_records_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "_MOST_VALUES", 1000)
    with pytest.raises(DataError, match=r"a.json: more than 1000 values in JSON"):
        table(written(tmp_path / "a.json", "[" + "[]," * 600 + "[]]"))
    monkeypatch.setattr(json_records, "_MOST_RECORDS", 100)
    with pytest.raises(DataError, match=r"a.json: more than 100 records"):
        table(written(tmp_path / "a.json", [{"a": i} for i in range(101)]))


def test_cbor_of_too_many_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LARGEST", 1000)
    with pytest.raises(DataError, match=r"a.cbor: more than 1000 bytes of CBOR"):
        table(written(tmp_path / "a.cbor", cbor2.dumps(acquired())))


@pytest.mark.usefixtures("in_this_process")
def test_hdf5_datasets_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(5):
            file.create_dataset(f"d{i}", (1000, 3), "f8", chunks=(1000, 3), compression="gzip")
    monkeypatch.setattr(hdf5, "_MOST_BYTES", 100_000)
    with pytest.raises(DataError, match=r"a.h5: more than 100000 bytes in all"):
        table(tmp_path / "a.h5")


@pytest.mark.usefixtures("in_this_process")
def test_hdf5_texts_are_read_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["acc"], file["label"] = ACC, np.array(["walk"] * 40, h5py.string_dtype())
    assert table(tmp_path / "a.h5").columns["label"].tolist() == ["walk"] * 40
    monkeypatch.setattr(hdf5, "_MOST_TEXT", 100)
    with pytest.raises(DataError, match=r"a.h5: 'label' has more than 100 letters of text"):
        table(tmp_path / "a.h5")


def test_an_excel_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"<row/>" * 3_000_000)
    with pytest.raises(DataError, match=r"a.xlsx: 'xl/worksheets/sheet1.xml' would unpack .* zip bomb"):
        table(tmp_path / "a.xlsx")


# Parquet and Feather


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_columns_of_lists_and_structures_become_columns(ending: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": np.arange(40) / 50, "acc": ACC.tolist(), "gyr": [*map(vector, GYR)]})
    path = tmp_path / f"a.{ending}"
    frame.to_parquet(path) if ending == "parquet" else frame.to_feather(path)
    one = table(path)
    assert np.array_equal(columns(one, "acc.x", "acc.y", "acc.z"), ACC)
    assert np.array_equal(columns(one, "gyr.x", "gyr.y", "gyr.z"), GYR)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(pd.to_datetime("2024-05-01") + pd.to_timedelta(np.arange(40) * 20, "ms")),
        pd.Index(pd.to_timedelta(np.arange(40) * 20, "ms")),
        pd.Index(
            (pd.to_datetime("2024-05-01") + pd.to_timedelta(np.arange(40) * 20, "ms")).tz_localize("UTC")
        ),
    ],
)
def test_a_clock_in_the_index_is_a_column(index: pd.Index, tmp_path: Path) -> None:
    pd.DataFrame(ACC, columns=["ax", "ay", "az"], index=index).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame(ACC, columns=["ax", "ay", "az"], index=index.rename("when")).to_parquet(
        tmp_path / "b.parquet"
    )
    for name, column in (("a", "index"), ("b", "when")):
        one = table(tmp_path, f"{name}.parquet")
        assert np.array_equal(columns(one, "ax", "ay", "az"), ACC)
        assert np.diff(one.columns[column])[0] == np.timedelta64(20, "ms")


def test_a_parquet_bomb_is_not_unpacked(tmp_path: Path) -> None:
    rows = pyarrow.array(np.zeros(2**20))
    bomb = pyarrow.table({f"c{i}": pyarrow.chunked_array([rows] * 8) for i in range(8)})
    parquet.write_table(bomb, tmp_path / "a.parquet", row_group_size=2**23)
    with pytest.raises(DataError, match=r"a.parquet: 8388608 rows of 8 columns in \d+ bytes, as in a bomb"):
        table(tmp_path / "a.parquet")


def test_parquet_text_is_read_as_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(ACC, columns=["ax", "ay", "az"])
    frame["label"] = ["walk"] * 20 + [None] * 20
    frame.to_parquet(tmp_path / "a.parquet")
    assert table(tmp_path / "a.parquet").columns["label"].tolist() == ["walk"] * 20 + [""] * 20


def test_lines_are_split_at_separators_that_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 400 lines was split six times: half of the time in a folder of thousands of small files."""
    split = list[str]()

    def counted(line: str, separator: str) -> list[str]:
        split.append(separator)
        return cells(line, separator)

    monkeypatch.setattr(text_layout, "cells", counted)
    found = text_layout.find_layout(["time,ax,ay", *(f"{i / 50:.2f},0.5,9.81" for i in range(399))])
    assert found is not None and found.names == ("time", "ax", "ay")
    assert split.count(",") <= 401 and set(split) == {",", " "}
