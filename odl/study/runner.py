"""Run a study: on all cores, or on a Dask cluster; only cells that the store does not hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from odl._extras import how_to_install
from odl.core.image import Image
from odl.core.pace import Pace
from odl.evaluate.load_kernels import load_kernels
from odl.evaluate.option_table import OPTIONS
from odl.study.cells import Job, jobs_left, jobs_of, without_use_in
from odl.study.description import Study, StudyError
from odl.study.run_job import run_job
from odl.study.store import Store

Progress = Callable[[str], None]
_ROUNDS = 3  # times that a pool of processes is started anew without a new row
_PATIENCE = 20  # seconds until a scheduler has to answer
_NEEDS = "a study on several processes needs the package '{}': {}"


def run_study(
    study: Study,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Compute the cells of ``study`` that are not in the store yet.

    Parameters
    ----------
    study : Study
    out : path, optional
        Folder of the store; None computes everything and stores nothing.
    workers : int, optional
        Processes on this machine; default: its cores. 1 runs in this process.
    dask : str, optional
        Address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``; its workers need the same odl and
        the same data.
    progress : callable, optional
        Called with a short sentence.

    Returns
    -------
    rows : list of dict
        One for each cell, in the order of the study, whatever was computed where.
    computed : int
        Number of cells that were not in the store.

    Raises
    ------
    StudyError
        If a session fails, a process differs from this one, or workers die again and again.
    ConfigError
        If ``workers`` is no number of processes.
    """
    OPTIONS["workers"].check(workers)
    progress = progress or (lambda sentence: None)
    store = None if out is None else Store(Path(out))
    rows, unread = store.read() if store else ({}, [])
    for name in unread:
        progress(f"{name} in the store is damaged or of another version; its cells are computed anew")
    planned = jobs_of(study)
    for sentence in without_use_in(study):
        progress(sentence)
    cells = [cell for job in planned for cell in job.cells]
    jobs = jobs_left(planned, set(rows))
    total, left = len(cells), sum(len(job.cells) for job in jobs)
    progress(f"{total - left} of {total} sessions are in the store, {left} to compute")
    done = 0
    if jobs:
        load_kernels(Image.from_bytes(jobs[0].image), progress)
    pace = Pace(progress, "study", left, "sessions")
    for found in _computed(jobs, workers, dask, progress):
        if store:
            store.add(found)
        rows |= {row["key"]: row for row in found}
        done += len(found)
        pace.reach(done)
    # Labels are the study's: the same session may have been stored under another.
    return [{**rows[cell.key], **cell.columns} for cell in cells], left


def _computed(
    jobs: Sequence[Job], workers: int | None, dask: str | None, progress: Progress
) -> Iterator[list[dict[str, Any]]]:
    """The rows of each job as it is finished; a process that dies costs its own jobs' time only."""
    count = workers or os.cpu_count() or 1
    if dask is None and (count == 1 or len(jobs) < 2):
        yield from map(run_job, jobs)
        return
    left = {job.cells[0].key: job for job in jobs}
    fruitless = 0
    while left:
        before = len(left)
        try:
            with _backend(dask, count) as parallel:
                from joblib import delayed

                for rows in parallel(delayed(run_job)(job) for job in list(left.values())):
                    del left[rows[0]["key"]]
                    yield rows
        except RuntimeError as error:
            if not _lost_worker(error):
                raise
            fruitless = 0 if len(left) < before else fruitless + 1
            if fruitless == _ROUNDS:
                raise StudyError(
                    f"worker processes died {_ROUNDS} times without finishing a session "
                    f"({type(error).__name__}); use fewer `workers`, or more memory"
                ) from error
            progress(f"a worker died; {len(left)} of {len(jobs)} jobs are left and are run again")


@contextmanager
def _backend(dask: str | None, count: int) -> Iterator[Any]:
    try:
        from joblib import Parallel, parallel_config
    except ModuleNotFoundError:
        raise StudyError(_NEEDS.format("joblib", how_to_install("study"))) from None
    if dask is None:
        yield Parallel(n_jobs=count, return_as="generator_unordered", batch_size=1)
        return
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise StudyError(_NEEDS.format("dask", how_to_install("study"))) from None
    try:
        client = Client(dask, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise StudyError(f"dask is {dask}; no scheduler answers there ({type(error).__name__})") from None
    with client, parallel_config(backend="dask", wait_for_workers_timeout=60):
        yield Parallel(return_as="generator_unordered", batch_size=1)


def _lost_worker(error: RuntimeError) -> bool:
    """Whether a process died, as opposed to a session that failed."""
    return type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool", "KilledWorker")
