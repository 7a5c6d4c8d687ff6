"""The cells of a study: one deterministic session each, with the key under which its figures are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from odl.core.image import Image
from odl.core.kernels.rules import Rule
from odl.evaluate.named_parts import named_learner, named_policy
from odl.evaluate.policy_settings import check_settings, without_use
from odl.model.profile import WearerProfile, read_profile
from odl.study.description import Study, StudyPart
from odl.study.digests import digest_of, kernels_digest, unchanged_code
from odl.study.people import Person, forget_files, image_for, people_of, person_digest, person_of


@dataclass(frozen=True)
class Cell:
    """One session of a study.

    Attributes
    ----------
    key : str
        SHA-256 of everything that the figures depend on: code, image, stream, parameters, own files.
    model : str
        As the study names it.
    options : dict
        Keyword arguments of `odl.evaluate.options.Options`, without policy and seed.
    """

    key: str
    person: Person
    model: str
    learner: StudyPart
    policy: StudyPart
    options: dict[str, Any]
    seed: int

    @property
    def columns(self) -> dict[str, Any]:
        """What the cell is, for a table."""
        return {
            "dataset": Path(self.person.dataset).name, "subject": self.person.subject,
            "model": Path(self.model).name,
            "order": self.person.order, "learner": self.learner.label, "policy": self.policy.label,
            "seed": self.seed, **self.options,
        }  # fmt: skip


@dataclass(frozen=True)
class Job:
    """Cells of one person, stream and image, which one process computes together.

    The digests are those of the process that planned it; another process refuses the job if its own differ.
    """

    person: Person
    image: bytes
    digests: dict[str, str]
    cells: tuple[Cell, ...]
    profile: tuple[str, str] | None = None  # the text of a wearer's profile, and its file's name


def cells_of(study: Study) -> list[Cell]:
    """All cells, in the order of the study.

    Examples
    --------
    >>> study = Study.read({"datasets": "shoulder", "people": [7], "budgets": [5, 10], "seeds": 2})
    >>> cells = cells_of(study)
    >>> len(cells), cells[0].columns["budget"], len({cell.key for cell in cells})
    (4, '5', 4)
    """
    return [cell for job in jobs_of(study) for cell in job.cells]


def jobs_left(jobs: Iterable[Job], known: set[str]) -> list[Job]:
    """The jobs that remain when the cells with the keys in ``known`` are there; each key once."""
    left_over, known = [], set(known)
    for job in jobs:
        left = {cell.key: cell for cell in job.cells if cell.key not in known}
        if left:
            left_over.append(replace(job, cells=tuple(left.values())))
            known |= left.keys()
    return left_over


def jobs_of(study: Study) -> list[Job]:
    """Everything that a study computes, in its order, as jobs; data and models are read anew."""
    forget_files()
    return list(_jobs(study))


def _jobs(study: Study) -> Iterator[Job]:
    # So that a wrong name is refused before anything is read or computed.
    check_settings(study.varied_settings, [part_of(part, named_policy) for part in study.policies])
    for part in study.learners:
        part_of(part, named_learner)
    folders = dict(study.data)
    code = {part.name: _code(part) for part in (*study.learners, *study.policies)}
    profile = (read_profile(study.profile).text(), study.profile) if study.profile else None
    for dataset in study.datasets:
        data = folders.get(dataset)
        for subject in people_of(dataset, data, study.people):
            for order in study.order:
                for seed in study.seeds:
                    person = person_of(dataset, data, subject, order, seed)
                    for model in study.models:
                        image = image_for(model, person)
                        yield _job(study, person, model, image, seed, code, profile)


def _job(
    study: Study, person: Person, model: str, image: Image, seed: int, code: dict[str, str],
    profile: tuple[str, str] | None,
) -> Job:  # fmt: skip
    content = image.to_bytes()
    digests = {"odl": kernels_digest(), "stream": person_digest(person), **code}
    fixed = {
        "odl": digests["odl"], "stream": digests["stream"], "image": sha256(content).hexdigest(),
        "seed": seed,
    }  # fmt: skip
    if profile is not None:
        WearerProfile.parse(*profile).check(image, profile[1])
        fixed["profile"] = sha256(profile[0].encode()).hexdigest()
    cells = []
    for learner in study.learners:
        for policy in study.policies:
            for options in _options(study, policy):
                parts = {
                    what: [part.name, list(part.settings), code[part.name]]
                    for what, part in (("learner", learner), ("policy", policy))
                }
                key = digest_of({**fixed, **parts, **options})
                cells.append(Cell(key, person, model, learner, policy, options, seed))
    return Job(person, content, digests, tuple(cells), profile)


def _options(study: Study, policy: StudyPart) -> Sequence[dict[str, Any]]:
    """The budgets and options; one of each for a policy that never asks."""
    if policy.name == Rule.NONE.policy:
        return [{"budget": study.budgets[0], **study.options[0]}]
    return [{"budget": budget, **options} for budget in study.budgets for options in study.options]


def without_use_in(study: Study) -> list[str]:
    """A sentence for each setting of policies that some of the study's have no use for."""
    policies = {part.label: part_of(part, named_policy) for part in study.policies}
    return without_use(study.varied_settings, policies)


def part_of(part: StudyPart, named: Callable[..., object]) -> object:
    """The policy or learner itself, from `named_policy` or `named_learner`."""
    return named(part.name, dict(part.settings)) if part.value is None else part.value


def _code(part: StudyPart) -> str:
    """Hash of a part's own code; an object has no bytes to compare, so its cells are never taken as known."""
    return uuid4().hex if part.value is not None else unchanged_code(part.name)
