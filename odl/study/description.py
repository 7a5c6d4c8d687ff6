"""The description of a study: which sessions are compared, read from TOML or from arguments."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Final

from odl._files import read_small
from odl._kinds import STUDY, instead
from odl._text import did_you_mean
from odl.core.adapters import name_of
from odl.core.config import ConfigError
from odl.core.rule_policy import RulePolicy
from odl.data import list_datasets
from odl.evaluate.option_table import OPTIONS

OWN_MODEL: Final = "own"
RANDOM_MODEL: Final = "random"  # the own one with a random, frozen extractor
ORDERS: Final = ("recorded", "reversed", "shuffled")
_OPTIONS: Final = ("batch", "delay", "patience", "refuse", "error", "hold", "step", "every", "floor")
AVERAGED: Final = ("order", *_OPTIONS)
_SINGLE: Final = ("profile", "baseline", "averaged")
MOST_SESSIONS: Final = 100_000  # of a person
Value = str | int | float | bool | None


class StudyError(ConfigError):
    """A study is invalid, or cannot be run; the message says where and why."""


@dataclass(frozen=True)
class StudyPart:
    """A policy or a learner of a study.

    Attributes
    ----------
    name : str
        A name that `odl.replay` takes, such as ``random`` or ``package.module:Class``.
    settings : tuple of (str, value)
        Keyword arguments of its class, in order of their names.
    label : str
        Its name in tables; by default the name and the settings.
    value : object
        An object in place of a name; sessions with it are computed anew each time.

    Examples
    --------
    >>> StudyPart.read("policies", {"name": "tactile-inforv", "step": 5}).label
    'tactile-inforv(step=5)'
    """

    name: str
    settings: tuple[tuple[str, Value], ...] = ()
    label: str = ""
    value: Any = None

    @classmethod
    def read(cls, where: str, entry: object) -> StudyPart:
        """Read a name, a table with ``name``, or (from Python) an object."""
        if isinstance(entry, RulePolicy):
            entry = {"name": entry.name, **entry.settings}
        if isinstance(entry, str):
            return cls(entry, label=entry)
        if not isinstance(entry, Mapping):
            return cls(name_of(entry), label=name_of(entry), value=entry)
        rest = {str(key): value for key, value in entry.items() if key not in ("name", "label")}
        name, label = entry.get("name"), entry.get("label")
        if not isinstance(name, str) or not name:
            raise StudyError(f"{where}: an entry is {dict(entry)!r}; a table needs a `name`")
        for key, value in rest.items():
            if not isinstance(value, str | int | float | bool):
                raise StudyError(f"{where}: {name}: {key} is {value!r}; it can be a text or a number")
        settings = tuple(sorted(rest.items()))
        words = ", ".join(f"{key}={value}" for key, value in settings)
        return cls(name, settings, str(label) if label else f"{name}({words})" if words else name)


@dataclass(frozen=True)
class Study:
    """Everything that a study varies; each field is a list, and each combination is a cell.

    Attributes
    ----------
    name : str
    datasets : tuple of str
        Names, or folders with a ``card.json``.
    data : tuple of (str, str)
        The folder of each dataset that is not bundled.
    people : tuple of str
        Subjects; or one word: a split of the card, such as ``test``, or ``all``.
    models : tuple of str
        ``own`` (the dataset's), ``random`` (the own one with a random extractor), an ``.odlm`` file, or a
        folder of images, of which each person is run with the one that was not trained on them.
    learners, policies : tuple of StudyPart
    budgets : tuple of str
        As the option ``budget``.
    batch, delay, patience, refuse, error, hold, step, every, floor : tuple
        As the options of the same names.
    order : tuple of str
        Order of a person's recordings: ``recorded``, ``reversed`` or ``shuffled`` (by the seed).
    seeds : tuple of int
    profile : str
        A wearer's profile (.odlp) that each session starts from; empty: none.
    baseline : str
        The policy that the others are compared with; empty: the first.
    averaged : tuple of str
        Options, or ``order``, whose values give no table each: they are averaged for each person, as
        seeds are.

    Examples
    --------
    >>> study = Study.read({"datasets": "shoulder", "policies": ["random", "periodic"], "seeds": 3})
    >>> study.seeds, [part.label for part in study.policies], study.compared_with
    ((0, 1, 2), ['random', 'periodic'], 'random')
    """

    datasets: tuple[str, ...]
    name: str = "study"
    data: tuple[tuple[str, str], ...] = ()
    people: tuple[str, ...] = ("test",)
    models: tuple[str, ...] = (OWN_MODEL,)
    learners: tuple[StudyPart, ...] = (StudyPart("dendron", label="dendron"),)
    policies: tuple[StudyPart, ...] = (StudyPart(OPTIONS["policy"].default, label=OPTIONS["policy"].default),)
    budgets: tuple[str, ...] = (str(OPTIONS["budget"].default),)
    batch: tuple[int | None, ...] = (OPTIONS["batch"].default,)
    delay: tuple[float, ...] = (OPTIONS["delay"].default,)
    patience: tuple[float, ...] = (OPTIONS["patience"].default,)
    refuse: tuple[float, ...] = (OPTIONS["refuse"].default,)
    error: tuple[float, ...] = (OPTIONS["error"].default,)
    hold: tuple[bool, ...] = (OPTIONS["hold"].default,)
    step: tuple[int, ...] = (OPTIONS["step"].default,)
    every: tuple[float, ...] = (OPTIONS["every"].default,)
    floor: tuple[int, ...] = (OPTIONS["floor"].default,)
    order: tuple[str, ...] = ("recorded",)
    seeds: tuple[int, ...] = (0,)
    profile: str = ""
    baseline: str = ""
    averaged: tuple[str, ...] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any], where: str = "study") -> Study:
        """Check plain values, such as those of a TOML file.

        Raises
        ------
        StudyError
            If an entry is unknown, missing, of another type or out of range.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                there = f"there are {', '.join(known)}{did_you_mean(key, known)}"
                raise StudyError(f"{where}: there is no entry '{key}'; {there}")
        if not values.get("datasets"):
            raise StudyError(f'{where}: `datasets` is missing; write, for example, datasets = ["shoulder"]')
        found: dict[str, Any] = {}
        for key, given in values.items():
            at = f"{where}: {key}"
            match key:
                case "name" | "baseline" | "profile":
                    found[key] = _text(at, given)
                case "data":
                    found[key] = _folders(at, given)
                case "learners" | "policies":
                    found[key] = tuple(StudyPart.read(at, one) for one in _several(at, given))
                case "seeds":
                    found[key] = _seeds(at, given)
                case "budgets":
                    found[key] = tuple(str(_checked(at, "budget", one)) for one in _several(at, given))
                case "order":
                    found[key] = tuple(_one_of(at, one, ORDERS) for one in _several(at, given))
                case "averaged":
                    found[key] = tuple(_one_of(at, one, AVERAGED) for one in _several(at, given))
                case "datasets" | "people" | "models":
                    found[key] = tuple(_name(at, one) for one in _several(at, given))
                case _:
                    found[key] = tuple(_option(at, key, one) for one in _several(at, given))
            if isinstance(found[key], tuple) and len(set(map(repr, found[key]))) < len(found[key]):
                raise StudyError(f"{at} names an entry twice")
        study = cls(**found)
        varied = [name for name in known if name not in ("name", "data", "people", *_SINGLE)]
        if (several := prod(len(getattr(study, name)) for name in varied)) > MOST_SESSIONS:
            raise StudyError(
                f"{where}: {several} sessions of each person are more than {MOST_SESSIONS}; vary less at once"
            )
        for key in ("datasets", "models"):
            names = [Path(name).name for name in getattr(study, key)]
            if len(set(names)) < len(names):
                raise StudyError(
                    f"{where}: {key}: two entries have the same name; tables could not tell them apart"
                )
        for key in ("learners", "policies"):
            labels = [part.label for part in getattr(study, key)]
            if len(set(labels)) < len(labels):
                raise StudyError(f"{where}: {key}: two entries are called alike; give each a `label`")
        study.compared_with  # noqa: B018 - refuses an unknown baseline
        return study

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a TOML file; folders and files in it are relative to it.

        Raises
        ------
        StudyError
            If the file is not valid TOML, or not a study.
        """
        file = Path(path)
        content = read_small(file)
        if other := instead(file, STUDY):
            raise StudyError(f"{file}: {other}")
        try:
            values = tomllib.loads(content.decode())
        except RecursionError:
            raise StudyError(f"{file}: not a TOML file: nested too deeply") from None
        except ValueError as error:
            raise StudyError(f"{file}: not a TOML file: {error}") from None
        study = cls.read({"name": file.stem, **values}, str(file))
        return study._beside(file.parent)

    def with_data(self, folders: Mapping[str, str]) -> Study:
        """This study with other folders of datasets."""
        return replace(self, data=tuple(sorted({**dict(self.data), **folders}.items())))

    @property
    def compared_with(self) -> str:
        """The label of the policy that the others are compared with."""
        labels = [part.label for part in self.policies]
        if self.baseline and self.baseline not in labels:
            raise StudyError(f"baseline is '{self.baseline}'; it can be {', '.join(labels)}")
        return self.baseline or labels[0]

    @property
    def options(self) -> list[dict[str, Any]]:
        """Each combination of the options, in order."""
        return [
            dict(zip(_OPTIONS, each, strict=True)) for each in product(*(getattr(self, n) for n in _OPTIONS))
        ]

    @property
    def varied_settings(self) -> list[str]:
        """The options of which the study has another value than the usual one."""
        return [name for name in _OPTIONS if getattr(self, name) != (OPTIONS[name].default,)]

    def _beside(self, folder: Path) -> Study:
        def beside(name: str) -> str:
            known = name in (OWN_MODEL, RANDOM_MODEL, *list_datasets())
            return str(folder / name) if not known and (folder / name).exists() else name

        return replace(
            self,
            data=tuple((name, str(folder / place)) for name, place in self.data),
            datasets=tuple(beside(name) for name in self.datasets),
            models=tuple(beside(name) for name in self.models),
            profile=beside(self.profile) if self.profile else "",
        )


def _several(at: str, given: object) -> Sequence[Any]:
    """A list as it is, one value as a list of one."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        return [given]
    found = list(given)
    if not found:
        raise StudyError(f"{at} is empty")
    return found


def _text(at: str, given: object) -> str:
    if not isinstance(given, str) or "\0" in given:
        raise StudyError(f"{at} is {given!r}; it can be a text")
    return given


def _name(at: str, given: object) -> str:
    if (
        isinstance(given, bool)
        or not isinstance(given, str | int | Path)
        or "\0" in str(given)
        or given == ""
    ):
        raise StudyError(f"{at}: an entry is {given!r}; it can be a name")
    return str(given)


def _one_of(at: str, given: object, allowed: Sequence[str]) -> str:
    if given not in allowed:
        raise StudyError(f"{at} is {given!r}; it can be {', '.join(allowed)}")
    return str(given)


def _folders(at: str, given: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, Mapping) or not all(isinstance(v, str | Path) for v in given.values()):
        raise StudyError(f'{at} is {given!r}; write a table of folders, as in hapt = "DIR"')
    return tuple(sorted((str(name), str(folder)) for name, folder in given.items()))


def _seeds(at: str, given: object) -> tuple[int, ...]:
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= MOST_SESSIONS:
        return tuple(range(given))
    seeds = [] if isinstance(given, int) else _several(at, given)
    if not seeds:
        raise StudyError(f"{at} is {given!r}; it can be 1 to {MOST_SESSIONS} seeds, or a list of seeds")
    return tuple(_checked(at, "seed", seed) for seed in seeds)


def _option(at: str, name: str, given: object) -> Any:
    option = OPTIONS[name]
    value = _checked(at, name, given)
    return float(value) if option.kind == "number" and value is not None else value


def _checked(at: str, name: str, given: object) -> Any:
    try:
        OPTIONS[name].check(given)
    except ValueError as error:
        raise StudyError(f"{at}: {error}") from None
    if given is None and name != "batch":
        raise StudyError(f"{at} is None; it can be {OPTIONS[name].allowed}")
    return given
