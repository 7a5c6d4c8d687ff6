"""ST's high speed datalog (FP-SNS-DATALOG1 and 2): a folder of two JSON files and a .dat for each sensor.

A .dat file is a sequence of packets, each with a counter of 4 bytes before its payload; the counter grows by
the payload's size. Payloads together hold frames of ``samples_per_ts`` samples and, where that is not 0, the
time of the last one as float64. A sample is ``dim`` numbers; times ``sensitivity`` they are in ``unit``.
``device_config.json`` (version 1: ``DeviceConfig.json``) has those for each sensor, ``acquisition_info.json``
the tags that were set while recording: ``{"t": seconds, "label": "walk", "e": true}`` starts one,
``"e": false`` ends it. The layout is that of ST's stdatalog-pysdk, version 2, as public code describes it.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.extra import as_data_error, whole
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, NotATable, RawTable

NAME = "ST HSDatalog"
_CONFIGS = ("device_config.json", "DeviceConfig.json")
_INFOS = ("acquisition_info.json", "AcquisitionInfo.json")
_KINDS = {
    "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4",
    "float": "<f4", "float32": "<f4",
}  # fmt: skip
_SENSORS = {"acc": "a", "gyro": "w", "mag": "m"}
_COUNTER = 4


def is_mine(source: SourceFile) -> bool:
    """A .dat file beside a device's configuration, and the two files that describe it."""
    described = PurePosixPath(source.name).name in (*_CONFIGS, *_INFOS)
    return (described or source.suffix == ".dat") and _beside(source, _CONFIGS) is not None


def read(source: SourceFile) -> list[RawTable]:
    """Return the one table of a sensor, with the times of its samples where the file has any."""
    if source.suffix != ".dat":
        raise NotATable(f"{source.path}: this describes the .dat files beside it and is read with them")
    with as_data_error(source, "an HSDatalog file"):
        name = PurePosixPath(source.name).stem
        config = _document(source, _CONFIGS)
        sensor = _sensor(config, name.lower())
        if sensor is None:
            raise DataError(f"{source.path}: the configuration beside it has no sensor '{name}'")
        return [_table(source, name.lower(), sensor)]


def _table(source: SourceFile, name: str, sensor: dict[str, Any]) -> RawTable:
    axes, per_frame = int(sensor["dim"]), sensor.get("samples_per_ts") or 0
    per_frame = int(per_frame["val"] if isinstance(per_frame, dict) else per_frame)
    kind = _KINDS.get(str(sensor.get("data_type", "int16")).removesuffix("_t"))
    if kind is None or not 1 <= axes <= 64 or not 0 <= per_frame <= 10**6:
        raise DataError(f"{source.path}: its configuration has {str(sensor)[:120]}, which is not read")
    payload = _payload(source, sensor)
    sample = np.dtype((kind, (axes,)))
    if per_frame:
        frame = np.dtype([("samples", sample, (per_frame,)), ("time", "<f8")])
        frames = np.frombuffer(payload[: len(payload) // frame.itemsize * frame.itemsize], frame)
        values, times = frames["samples"].reshape(-1, axes), _times(frames["time"], per_frame)
    else:
        rows = len(payload) // sample.itemsize
        values, times = np.frombuffer(payload[: rows * sample.itemsize], kind).reshape(-1, axes), None
    if not len(values):
        raise DataError(f"{source.path}: the file holds no whole frame")
    real = values * float(sensor.get("sensitivity") or 1.0)
    labels = sensor.get("axes") or ([*"xyz"] if axes == 3 else [str(i + 1) for i in range(axes)])
    columns = {f"{name}_{str(label).lower()}": real[:, i] for i, label in enumerate(labels[:axes])}
    if times is not None:
        columns = {"time": times} | columns
    unit = str(sensor.get("unit") or "")
    units = {column: "s" if column == "time" else unit for column in columns if unit or column == "time"}
    rate = float(sensor.get("measodr") or sensor.get("rate") or 0.0)
    kinds = {code for word, code in _SENSORS.items() if word in name.rpartition("_")[2]}
    facts = FileFacts(
        rate_hz=rate, sensor=kinds.pop() if len(kinds) == 1 else "",
        spans=_spans(source, times, rate, len(values)),
    )  # fmt: skip
    return RawTable(source.path, columns, 1, units, facts)


def _payload(source: SourceFile, sensor: dict[str, Any]) -> bytes:
    """The bytes of all packets, without their counters, which have to count up."""
    data = np.frombuffer(whole(source, "an HSDatalog file"), np.uint8)
    known = [size for size in sensor["packets"] if type(size) is int and _COUNTER < size < 2**24]
    for size in dict.fromkeys(s for packet in known for s in (packet, packet - _COUNTER)):
        width = size + _COUNTER
        packets = data[: len(data) // width * width].reshape(-1, width)
        counters = packets[:, :_COUNTER].copy().view("<u4")[:, 0].astype(np.int64)
        wrong = np.diff(counters) != size
        if not len(counters) or (len(counters) == 1 and counters[0] > size) or 2 * wrong.sum() > len(wrong):
            continue
        for lost in np.flatnonzero(wrong)[:1]:
            raise DataError(f"{source.path}: packets are missing after packet {lost + 1} of {len(packets)}")
        return packets[:, _COUNTER:].tobytes()
    raise DataError(f"{source.path}: its packet counters fit none of its configuration's sizes, {known}")


def _times(ends: NDArray[np.float64], per_frame: int) -> NDArray[np.float64]:
    """Time of each sample: even within a frame, whose last sample has the written time."""
    starts = np.concatenate([[2 * ends[0] - ends[1] if len(ends) > 1 else 0.0], ends[:-1]])
    share = np.arange(1, per_frame + 1) / per_frame
    return np.asarray((starts[:, None] + (ends - starts)[:, None] * share).ravel())


def _spans(
    source: SourceFile, times: NDArray[np.float64] | None, rate: float, count: int
) -> tuple[tuple[int, int, str], ...]:
    """Rows between the start and the end of each tag."""
    if times is None and not rate:
        return ()
    clock = np.arange(count) / rate if times is None else times
    running: dict[str, int] = {}
    spans = []
    tags = _document(source, _INFOS).get("tags")
    for tag in tags if isinstance(tags, list) else ():
        label, row = str(tag["label"]), int(np.searchsorted(clock, float(tag["t"])))
        if tag.get("e", tag.get("enable", True)):
            running.setdefault(label, row)
        elif label in running:
            spans.append((running.pop(label), row, label))
    spans += [(row, count, label) for label, row in running.items()]
    return tuple(span for span in spans if span[0] < span[1])


def _sensor(config: dict[str, Any], name: str) -> dict[str, Any] | None:
    """What a configuration says of a sensor, in the words of version 2."""
    for device in config.get("devices", ()):  # version 2
        for component in device.get("components", ()):
            for key, held in component.items():
                if key.lower() == name and isinstance(held, dict):
                    sizes = [held.get(k) for k in ("usb_dps", "sd_dps", "ble_dps", "serial_dps")]
                    stream: dict[str, Any] = held.get("st_ble_stream", {})
                    inner = [v.get("unit") for v in stream.values() if isinstance(v, dict)]
                    return {**held, "packets": sizes, "unit": next(iter(inner), held.get("unit"))}
    for sensor in config.get("device", {}).get("sensor", ()):  # version 1
        described = sensor["sensorDescriptor"]["subSensorDescriptor"]
        states = sensor["sensorStatus"]["subSensorStatus"]
        for about, state in zip(described, states, strict=True):
            if f"{sensor['name']}_{about['sensorType']}".lower() == name:
                return {
                    "dim": about["dimensions"], "unit": about.get("unit"), "data_type": about.get("dataType"),
                    "axes": about.get("dimensionsLabel"), "samples_per_ts": state.get("samplesPerTs"),
                    "sensitivity": state.get("sensitivity"), "measodr": state.get("ODRMeasured"),
                    "rate": state.get("ODR"),
                    "packets": [state.get("usbDataPacketSize"), state.get("sdWriteBufferSize")],
                }  # fmt: skip
    return None


def _beside(source: SourceFile, names: tuple[str, ...]) -> SourceFile | None:
    folder = PurePosixPath(source.name).parent
    return next((f for n in names if (f := source.beside(str(folder / n))) is not None), None)


def _document(source: SourceFile, names: tuple[str, ...]) -> dict[str, Any]:
    other = _beside(source, names)
    if other is None:
        return {}
    try:
        held = json.loads(bytes(other.data()).rstrip(b"\0"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{other.path}: this is no JSON ({str(error)[:60]})") from None
    return held if isinstance(held, dict) else {}
