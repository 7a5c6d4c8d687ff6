"""The people and models of a study: streams in a chosen order, and the image that each person runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from odl.core.image import Image
from odl.core.rng import Chance, seed_of
from odl.data import Dataset, Part, labelled_windows, open_dataset
from odl.data.streams import Stream, dataset_streams, load_model
from odl.model.random_extractor import with_random_extractor
from odl.study.description import OWN_MODEL, RANDOM_MODEL, StudyError
from odl.study.digests import stream_digest


@dataclass(frozen=True)
class Person:
    """One person's stream in one order of the recordings; enough to open it in another process.

    ``seed`` is 0 where the recordings have an order of their own and it is not shuffled.
    """

    dataset: str
    data: str | None
    subject: str
    order: str
    seed: int


def forget_files() -> None:
    """Forget datasets, streams and images that were read: their files may have changed since."""
    for held in (_dataset, open_person, person_digest, _images, _random, _file):
        held.cache_clear()


@dataclass(frozen=True, eq=False)
class _Ordered:
    """A loader that changes the order of a person's recordings."""

    inside: Dataset
    order: str

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.inside.subjects

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        recordings = _recordings(self.inside.session(subject, seed))
        if self.order == "reversed":
            recordings = recordings[::-1]
        elif self.order == "shuffled":
            chance = Chance(seed_of(seed, 2, *subject.encode()))
            recordings = [recordings[i] for i in chance.shuffled(len(recordings))]
        return tuple(part for parts in recordings for part in parts)


def _recordings(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts of each recording; a part behind lost samples continues the one before."""
    found: list[list[Part]] = []
    for part in parts:
        if part.lost_before and found:
            found[-1].append(part)
        else:
            found.append([part])
    return found


@cache
def _dataset(source: str, data: str | None) -> Dataset:
    return open_dataset(source, data)


def people_of(source: str, data: str | None, wanted: Sequence[str]) -> tuple[str, ...]:
    """The subjects of a study: ``all``, a split of the card, or those that are named.

    >>> people_of("shoulder", None, ["test"]), people_of("shoulder", None, ["7", "9"])
    (('7', '8', '9', '10'), ('7', '9'))
    """
    dataset = _dataset(source, data)
    splits = ("all", "test", *dataset.card.splits)
    if len(wanted) == 1 and wanted[0] not in dataset.subjects and wanted[0] in splits:
        return dataset.subjects if wanted[0] == "all" else dataset.people(wanted[0])
    for subject in wanted:
        if subject not in dataset.subjects:
            raise StudyError(
                f"dataset '{source}' has no subject {subject}; there are {dataset.who}, and as groups "
                f"{', '.join(dict.fromkeys(splits))}"
            )
    return tuple(wanted)


def person_of(source: str, data: str | None, subject: str, order: str, seed: int) -> Person:
    """One person, with the seed where it decides the order of the recordings."""
    drawn = order == "shuffled" or bool(_dataset(source, data).card.file)
    return Person(source, data, subject, order, seed if drawn else 0)


@lru_cache(maxsize=4)
def open_person(person: Person) -> Stream:
    """Read one person's stream; the last few stay in memory."""
    dataset = _dataset(person.dataset, person.data)
    if person.order != "recorded":
        dataset = replace(dataset, loader=_Ordered(dataset, person.order))
    return dataset_streams(dataset, [person.subject], person.seed)[0]


@lru_cache(maxsize=4096)
def person_digest(person: Person) -> str:
    """Hash of one person's stream."""
    return stream_digest(open_person(person))


@cache
def _images(folder: str) -> dict[str, Image]:
    return {path.name: load_model(path) for path in sorted(Path(folder).glob("*.odlm"))}


def image_for(model: str, person: Person) -> Image:
    """The image that ``person`` runs on.

    Raises
    ------
    StudyError
        If ``model`` is a folder in which not exactly one image was trained without the person.
    """
    dataset = _dataset(person.dataset, person.data)
    if model == OWN_MODEL:
        return _file(str(dataset.model_path()))
    if model == RANDOM_MODEL:
        return _random(person.dataset, person.data)
    if not Path(model).is_dir():
        return _file(model)
    fitting = {
        name: image for name, image in _images(model).items()
        if person.subject not in {str(one) for one in image.card.get("trained_on") or ()}
    }  # fmt: skip
    if len(fitting) != 1:
        raise StudyError(
            f"models: {model} holds {len(fitting)} images that were not trained on person {person.subject}"
            f"{' (' + ', '.join(fitting) + ')' if fitting else ''}; one is needed"
        )
    return next(iter(fitting.values()))


@cache
def _random(source: str, data: str | None) -> Image:
    """The dataset's image with a random extractor, calibrated on the people that the image was trained on."""
    dataset = _dataset(source, data)
    image = _file(str(dataset.model_path()))
    trained = [one for one in dataset.subjects if one in {str(p) for p in image.card.get("trained_on") or ()}]
    if not trained:
        raise StudyError(
            f"models: random needs people that the image of '{source}' was trained on; nobody is here"
        )
    ids = {name: cls for cls, name in image.names.items()}
    x, y = [], []
    for subject in trained:
        stream = dataset_streams(dataset, [subject], 0)[0]
        scaling = stream.scaling(image)
        for part in dataset.session(subject):
            named = replace(part, truths=tuple(t for t in part.truths if t[2] in ids))
            windows, cls = labelled_windows([named], image.window, image.window, list(ids))
            real = windows * (np.array(scaling.mult) / 2.0 ** np.array(scaling.shift)) + scaling.offset
            x.append(np.clip(np.round(real), -128, 127).astype(np.int8))
            y.append(cls)
    classes = np.array([ids[name] for name in ids])[np.concatenate(y)]
    return with_random_extractor(image, np.concatenate(x), classes)


@cache
def _file(path: str) -> Image:
    return load_model(path)
