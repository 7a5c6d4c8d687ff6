"""Files as people have them, made up: what a table is given as, and what `odl init` says of a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.inference.findings import inspected
from odl.data.inference.propose import propose
from odl.data.inference.survey import Choices

N = 400
TIME = "time_ms,ax,ay,az"
Made = Callable[[dict[str, list[str]]], "str | bytes"]


def motion(still: bool, rate: float = 50.0, n: int = N, gravity: float = 9.81) -> dict[str, list[str]]:
    """Columns of one recording: t in s, ms, x y z with gravity, p q r of a gyroscope in deg/s."""
    rng = np.random.default_rng(7 + still)
    t = np.arange(n) / rate
    size = (0.02 if still else 0.3) * gravity
    a = np.stack([size * np.sin(9 * t), 0.05 * gravity + 0 * t, gravity + size * np.cos(9 * t)], 1)
    a += rng.normal(0, 0.002 * gravity, a.shape)
    w = np.stack([90 * np.sin(9 * t), 40 * np.cos(9 * t), 5 + 0 * t], 1)
    columns = {"t": [f"{v:.4f}" for v in t], "ms": [str(round(1000 * v)) for v in t]}
    columns |= {name: [f"{v:.4f}" for v in a[:, i]] for i, name in enumerate("xyz")}
    return columns | {name: [f"{v:.3f}" for v in w[:, i]] for i, name in enumerate("pqr")}


def table(head: str, columns: Sequence[Sequence[Any]], separator: str = ",", end: str = "\n") -> str:
    """The text of a table: its line of names, if there is one, and its rows."""
    rows = [separator.join(str(column[i]) for column in columns) for i in range(len(columns[0]))]
    return end.join([*([head] if head else []), *rows, ""])


def put(path: Path, content: str | bytes) -> None:
    """Write a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def found_in(folder: Path, **choices: Any) -> dict[str, Any]:
    """What ``odl init --json`` says of a folder."""
    return inspected(folder, propose(folder, choices=Choices(**choices)))[1]


def dates(start: str, columns: dict[str, list[str]]) -> NDArray[np.datetime64]:
    """Dates of the rows from ``start`` on."""
    return np.datetime64(start, "ms") + np.array(columns["ms"], np.int64).astype("timedelta64[ms]")


def comma(column: list[str]) -> list[str]:
    return [cell.replace(".", ",") for cell in column]


def xyz(c: dict[str, list[str]]) -> list[list[str]]:
    return [c["x"], c["y"], c["z"]]


def scaled(c: dict[str, list[str]], by: float) -> list[list[int]]:
    return [[round(float(v) / 9.81 * by) for v in c[name]] for name in "xyz"]


def every(keep: Callable[[int], bool], columns: list[Any]) -> list[list[Any]]:
    return [[cell for i, cell in enumerate(column) if keep(i)] for column in columns]


def in_two(folder: Path, name: str, make: Made) -> Path:
    """``name`` for each of two classes, ``{}`` stands for the class."""
    for label in ("sit", "walk"):
        put(folder / name.format(label), make(motion(label == "sit")))
    return folder


def clock(head: str, column: Callable[[dict[str, list[str]]], list[Any]]) -> Made:
    return lambda c: table(f"{head},ax,ay,az", [column(c), *xyz(c)])
