"""`odl init` on folders of every format: three people, two classes, 50 Hz, and what is said of them."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import h5py
import numpy as np
import openpyxl
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from odl.data import open_dataset
from odl.data.inference.findings import inspected
from odl.data.inference.proposal import write_card
from odl.data.inference.propose import propose

N = 300
Imu = NDArray[np.float64]


def moved(label: str, person: int) -> tuple[NDArray[np.float64], Imu, Imu]:
    """Times, acceleration in m/s2 and turn rate in rad/s of someone who walks or sits."""
    rng, size = np.random.default_rng(person), {"walk": 2.5, "sit": 0.05}[label]
    t = np.arange(N) / 50
    phase = 2 * np.pi * 1.8 * t[:, None] + np.arange(3)
    acc, gyr = size * np.sin(phase) + [0, 0, 9.81], 0.4 * size * np.cos(phase)
    return t, acc + rng.normal(0, 0.05, (N, 3)), gyr + rng.normal(0, 0.02, (N, 3))


def vector(row: Imu) -> dict[str, float]:
    return dict(zip("xyz", row.tolist(), strict=True))


def impulse(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    payload = {
        "interval_ms": 20, "sensors": [{"name": f"acc{axis}", "units": "m/s2"} for axis in "XYZ"],
        "values": acc.tolist(),
    }  # fmt: skip
    path.with_suffix(".cbor").write_bytes(cbor2.dumps({"protected": {}, "signature": "", "payload": payload}))


def movesense(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    data = []
    for i in range(0, N, 5):
        data.append({"acc": {"Timestamp": 20 * i, "ArrayAcc": [*map(vector, acc[i : i + 5])]}})
        turns = [*map(vector, np.rad2deg(gyr[i : i + 5]))]
        data.append({"gyro": {"Timestamp": 20 * i + 2, "ArrayGyro": turns}})
    path.with_suffix(".json").write_text(json.dumps({"data": data}))


def sensor_logger(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    records: list[dict[str, Any]] = [{"sensor": "Metadata", "version": "1"}]
    for i in range(N):
        time = {"time": str(1_700_000_000_000_000_000 + 20_000_000 * i), "seconds_elapsed": str(t[i])}
        for sensor, rows in (("TotalAcceleration", acc), ("Gyroscope", gyr)):
            records.append({"sensor": sensor, **time, **{k: str(v) for k, v in vector(rows[i]).items()}})
    path.with_suffix(".json").write_text(json.dumps(records))


def json_lines(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    lines = (
        json.dumps({"t_ms": 20 * i, "acc": vector(a), "gyro": vector(g)})
        for i, (a, g) in enumerate(zip(acc, gyr, strict=True))
    )
    path.with_suffix(".jsonl").write_text("\n".join(lines))


def matlab(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    savemat(path.with_suffix(".mat"), {"acc": acc, "gyro": gyr, "t": t[:, None], "label": label})


def matlab_7_3(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    with h5py.File(path.with_suffix(".mat"), "w", userblock_size=512) as file:
        for name, value in (("acc", acc.T), ("gyro", gyr.T), ("fs", np.array([[50.0]]))):
            file.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_("double")
    data = bytearray(path.with_suffix(".mat").read_bytes())
    data[:19] = b"MATLAB 7.3 MAT-file"
    path.with_suffix(".mat").write_bytes(data)


def npz(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    np.savez(path, acc=acc, gyro=gyr, fs=50)


def hdf5(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    with h5py.File(path.with_name(f"{path.name.partition('_')[0]}.h5"), "a") as file:
        group = file.create_group(label)
        group.attrs["label"], group.attrs["sampling_rate"] = label, 50.0
        for name, rows, unit in (("acc", acc, "m/s^2"), ("gyro", gyr, "rad/s")):
            group.create_dataset(name, data=rows).attrs["units"] = unit


def excel(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    book = openpyxl.Workbook()
    book.active.append(["time_s", "acc_x [m/s2]", "acc_y [m/s2]", "acc_z [m/s2]"])
    for row in np.column_stack([t, acc]).tolist():
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))


def empatica(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    home = path.parent / path.name.partition("_")[0] / label
    home.mkdir(parents=True)
    counts = np.rint(acc / 9.81 * 64).astype(int).tolist()
    head = [[1.7e9] * 3, [50.0] * 3]
    (home / "ACC.csv").write_text("".join(", ".join(map(str, row)) + "\n" for row in [*head, *counts]))
    for name in ("BVP", "EDA", "TEMP", "HR"):
        (home / f"{name}.csv").write_text("1700000000.0\n4.0\n" + "0.5\n" * 30)
    (home / "IBI.csv").write_text("1700000000.0, IBI\n1.5,0.8\n")
    (home / "tags.csv").write_text("1700000003.5\n")
    (home / "info.txt").write_text(".csv files in this archive are in the following format:\n")


def datalog(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    home = path.parent / path.name.partition("_")[0] / label
    home.mkdir(parents=True)
    components = []
    for name, rows, step, unit in (
        ("acc", acc / 9.81, 0.000488, "g"),
        ("gyro", np.rad2deg(gyr), 0.07, "dps"),
    ):
        counts = np.rint(rows / step).astype("<i2")
        frames = (counts[i : i + 50].tobytes() + struct.pack("<d", (i + 50) / 50) for i in range(0, N, 50))
        stream = b"".join(frames)
        packets = (
            struct.pack("<I", i) + stream[i : i + 77].ljust(77, b"\0") for i in range(0, len(stream), 77)
        )
        (home / f"lsm6dsv_{name}.dat").write_bytes(b"".join(packets))
        components.append({f"lsm6dsv_{name}": {
            "samples_per_ts": 50, "dim": 3, "measodr": 50.0, "usb_dps": 77, "sd_dps": 81, "sensitivity": step,
            "data_type": "int16", "st_ble_stream": {"id": 1, name: {"unit": unit}},
        }})  # fmt: skip
    (home / "device_config.json").write_text(json.dumps({"devices": [{"components": components}]}))
    (home / "acquisition_info.json").write_text(json.dumps({"name": label, "interface": 1, "tags": []}))


def wfdb(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    counts = np.rint(np.hstack([acc, gyr]) * 1000).astype("<i2")
    path.with_suffix(".dat").write_bytes(counts.tobytes())
    lines = [f"{path.name} 6 50 {N}"]
    for name, unit in (("acc", "m/s^2"), ("gyro", "rad/s")):
        lines += [f"{path.name}.dat 16 1000/{unit} 16 0 0 0 0 {name}_{axis}" for axis in "xyz"]
    path.with_suffix(".hea").write_text("\n".join(lines) + "\n")


def geneactiv(path: Path, label: str, t: Imu, acc: Imu, gyr: Imu) -> None:
    subject = path.name.partition("_")[0]
    lines = ["Device Type,GENEActiv", "Measurement Frequency,50.0 Hz", f"Subject Code,{subject}"]
    lines += [""] * 97
    for i, row in enumerate((acc / 9.81).tolist()):
        cells = [
            f"2024-05-01 10:00:{i // 50:02}:{i % 50 * 20:03}",
            *(f"{v:.4f}" for v in row),
            "1",
            "0",
            "25.1",
        ]
        lines.append(",".join(cells))
    path.with_suffix(".csv").write_text("\n".join(lines) + "\n")


WRITERS: dict[str, tuple[Callable[..., None], str, str]] = {  # writer, unit of acceleration, how sure it is
    "edge impulse": (impulse, "m/s2", "sure"),
    "movesense": (movesense, "m/s2", "sure"),
    "sensor logger": (sensor_logger, "m/s2", "likely"),
    "json lines": (json_lines, "m/s2", "likely"),
    "matlab": (matlab, "m/s2", "likely"),
    "matlab 7.3": (matlab_7_3, "m/s2", "likely"),
    "npz": (npz, "m/s2", "likely"),
    "hdf5": (hdf5, "m/s2", "sure"),
    "excel": (excel, "m/s2", "sure"),
    "empatica": (empatica, "g", "sure"),
    "hsdatalog": (datalog, "g", "sure"),
    "wfdb": (wfdb, "m/s2", "sure"),
    "geneactiv": (geneactiv, "g", "sure"),
}
TURNS = {"movesense": "deg/s", "hsdatalog": "deg/s"}


@pytest.mark.parametrize("name", ["empatica", "hsdatalog", "wfdb", "matlab"])
def test_init_finds_the_same_in_a_zip(name: str, tmp_path: Path) -> None:
    home = tmp_path / "made"
    home.mkdir()
    for person in (1, 2, 3):
        for label in ("walk", "sit"):
            WRITERS[name][0](home / f"s{person}_{label}", label, *moved(label, person))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for path in home.rglob("*.*"):
            file.write(path, path.relative_to(home))
    cards = [propose(path).card for path in (home, tmp_path / "all.zip")]
    assert [cards[1][k] for k in ("rate_hz", "classes", "splits", "channels")] == [
        cards[0][k] for k in ("rate_hz", "classes", "splits", "channels")
    ]
    dataset, found, fault = inspected(tmp_path / "all.zip", propose(tmp_path / "all.zip"))
    assert fault is None and dataset is not None and found["recordings"] == 6


@pytest.mark.parametrize("name", WRITERS)
def test_init_finds_rate_units_classes_and_people(name: str, tmp_path: Path) -> None:
    write, unit, sure = WRITERS[name]
    for person in (1, 2, 3):
        for label in ("walk", "sit"):
            write(tmp_path / f"s{person}_{label}", label, *moved(label, person))
    made = propose(tmp_path)
    write_card(tmp_path, made)
    dataset = open_dataset(tmp_path)
    card = dataset.card
    assert card.rate_hz == 50 and sorted(card.classes) == ["sit", "walk"] and len(card.subjects) == 3
    assert "unconfirmed" not in made.card
    assert {c.unit for c in card.channels[:3]} == {unit} and made.channels[0]["confidence"] == sure
    if len(card.channels) > 3:
        assert {c.unit for c in card.channels[3:]} == {TURNS.get(name, "rad/s")}
    for person, subject in enumerate(dataset.subjects, 1):
        parts = {part.truths[0][2]: part for part in dataset.session(subject)}
        acc = parts["walk"].block[:, :3] * [c.scale for c in card.channels[:3]]
        wanted = moved("walk", person)[1] / (9.81 if unit == "g" else 1)
        assert len(acc) == len(wanted) and np.abs(acc - wanted).max() < 0.02 * wanted.max()
