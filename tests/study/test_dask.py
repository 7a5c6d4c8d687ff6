"""A study on a real local Dask cluster, one of whose workers is killed in mid-study."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from odl.study import Study
from odl.study.compare import run
from odl.study.store import Store

STUDY = {"datasets": "shoulder", "people": ["7", "8"], "policies": ["random", "periodic"], "budgets": [5, 10],
         "seeds": 3}  # fmt: skip


def test_two_workers_give_the_same_bytes_and_a_killed_one_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.read(STUDY)
    alone = run(study, tmp_path / "alone", workers=1)
    killed: list[int] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        add = Store.add

        def add_and_kill(store: Store, rows: Any) -> None:
            """Kill a worker's process when the first rows have come."""
            add(store, rows)
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        monkeypatch.setattr(Store, "add", add_and_kill)
        found = run(study, tmp_path / "dask", dask=cluster.scheduler_address)
    assert len(killed) == 1
    assert found.computed == len(alone.rows) == 24
    for name in ("table.csv", "table.parquet"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "dask" / name).read_bytes()
