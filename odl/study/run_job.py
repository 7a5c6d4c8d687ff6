"""Run the cells of one job, in whatever process it lands."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import Any

from odl.core.errors import OdlError
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from odl.core.trace import Trace
from odl.evaluate.from_profile import from_profile
from odl.evaluate.named_parts import named_learner, named_policy
from odl.evaluate.open_session import open_oracle, open_stream
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts
from odl.evaluate.result import evaluate_outcome
from odl.evaluate.run_stream import run_stream
from odl.model.profile import WearerProfile
from odl.study.cells import Cell, Job, part_of
from odl.study.description import StudyError
from odl.study.digests import code_digest, kernels_digest
from odl.study.people import Person, forget_files, open_person, person_digest
from odl.study.session_figures import figures_of


class PlainPredictions:
    """Predictions without learning, held for the last few streams: they are the same in each cell.

    Parameters
    ----------
    most : int
        Streams that are held.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._held: OrderedDict[tuple[str, int], Trace] = OrderedDict()

    def get(self, stream: str, image: Image) -> Trace | None:
        """Those of the stream with this digest, if they are held."""
        return self._held.get((stream, image.checksum))

    def put(self, stream: str, image: Image, trace: Trace) -> None:
        """Hold ``trace`` and forget the oldest ones."""
        self._held[stream, image.checksum] = trace
        while len(self._held) > self._most:
            self._held.popitem(last=False)


_PLAIN = PlainPredictions()


def run_job(job: Job) -> list[dict[str, Any]]:
    """The rows of a job's cells: key, columns and figures.

    Raises
    ------
    StudyError
        If this process has other code, data or own files than the one that planned the job, or a session
        fails; the message names the cell.
    """
    _check_same(job)
    image = _image(job.image)
    return [_row(cell, job, image) for cell in job.cells]


def _row(cell: Cell, job: Job, image: Image) -> dict[str, Any]:
    columns = cell.columns
    try:
        figures = _figures(cell, job, image)
    except Exception as error:  # a part of the user's own may raise anything
        where = ", ".join(f"{name} {value}" for name, value in columns.items() if value not in (None, ""))
        frame = extract_tb(error.__traceback__)[-1]
        place = "" if isinstance(error, OdlError) else f" ({Path(frame.filename).name}, line {frame.lineno})"
        raise StudyError(
            f"the session with {where} failed: {type(error).__name__}: {error}{place}"
        ) from error
    return {"key": cell.key, **columns, **figures}


def _figures(cell: Cell, job: Job, image: Image) -> dict[str, Any]:
    stream, digest = open_person(cell.person), job.digests["stream"]
    parts, named = OwnParts.read(part_of(cell.policy, named_policy), part_of(cell.learner, named_learner))
    chosen = {name: value for name, value in cell.options.items() if value is not None}
    # A rule's own settings replace those that the study has for all.
    settings = dict(cell.policy.settings) if cell.policy.name in POLICIES else {}
    options = Options(**{**named, **chosen, **settings, "seed": cell.seed})
    opened = open_stream(stream, image, options, parts=parts)
    if job.profile is not None:
        stream = from_profile(stream, opened.session, WearerProfile.parse(*job.profile), job.profile[1])
    outcome = run_stream(
        stream, opened, open_oracle(stream, image, options), None, _quiet, _PLAIN.get(digest, image)
    )
    _PLAIN.put(digest, image, outcome.without)
    host_only = opened.session.host_only
    evaluation = evaluate_outcome(image, outcome, host_only)
    return figures_of(evaluation, outcome.budget, ", ".join(host_only), outcome.trace_sha256)


def _quiet(sentence: str) -> None:
    """Progress is reported by cells, not within one."""


@lru_cache(maxsize=4)
def _image(content: bytes) -> Image:
    return Image.from_bytes(content)


def _check_same(job: Job) -> None:
    """Refuse to compute with other code or data than the key says."""
    if person_digest(job.person) != job.digests["stream"]:
        forget_files()  # of an earlier study in this process
    own = {"odl": kernels_digest(), "stream": person_digest(job.person)}
    for part in {part for cell in job.cells for part in (cell.learner, cell.policy)}:
        if part.value is None:
            own[part.name] = code_digest(part.name)
    for name, digest in own.items():
        if digest != job.digests[name]:
            what = {"odl": "odl", "stream": f"the recordings of {_name(job.person)}"}.get(name, name)
            raise StudyError(f"{what} differs between the processes of the study; install the same on all")


def _name(person: Person) -> str:
    return f"person {person.subject} of {person.dataset}"
