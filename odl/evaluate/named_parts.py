"""Policies and learners by name: the built-in ones, and ``package.module:Class``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from odl._extras import how_to_install
from odl._text import did_you_mean
from odl.core.config import ConfigError
from odl.core.kernels.rules import POLICIES

_WRITTEN: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_POLICY: Final = ("decide", "settle")
_LEARNER: Final = ("scores_one", "learn_many", "add_class", "split", "forget")
_RIVER: Final = ("learn_one", "predict_one")
_SKLEARN: Final = ("fit", "predict")
_OF_THE_PAST: Final = ("preemption", "informativeness")
_NO_CLASSIFIERS: Final = {"Regressor", "RegressorMixin", "ClusterMixin", "OutlierMixin"}


def named_policy(name: str, settings: Mapping[str, Any] | None = None) -> object:
    """The policy called ``name``, as `odl.replay` takes it.

    Parameters
    ----------
    name : str
        A rule of the integer core; one of `odl.policies.on_host.HOST_POLICIES`, such as ``margin``; or
        ``package.module:Name``: a class with ``decide`` and ``settle``, a
        function ``(window, scores) -> bool``, a stream strategy of scikit-activeml, such as
        ``skactiveml:stream.Split``, or an active learner of river.
    settings : mapping, optional
        Keyword arguments of its class.

    Raises
    ------
    ConfigError
        If there is no such policy, or the settings do not fit.

    Examples
    --------
    >>> named_policy("random"), type(named_policy("margin")).__name__
    ('random', 'Margin')
    >>> named_policy("skactiveml:stream.Split", {"budget": 0.1}).name
    'Split'
    """
    from odl.policies import by_name, peers
    from odl.policies.on_host import HOST_POLICIES as classes

    if name in classes:
        return _made("policy", name, classes[name], settings)
    if ":" not in name:
        if name in _OF_THE_PAST:
            raise ConfigError(
                f"{name} asks about windows that are past by then, so it is no policy of a session; "
                "odl.policies.preemption has it, for what can be kept, such as images"
            )
        if name not in POLICIES:
            known = (*POLICIES, *classes)
            raise ConfigError(
                f"there is no policy '{name}'; choose from {', '.join(known)}, or write "
                f"package.module:Class{did_you_mean(name, known)}"
            )
        return _made("policy", name, by_name(name), settings) if settings else name
    part = load_part("policy", name)
    if inspect.isfunction(part) and not settings:
        return part
    if inspect.isclass(part):
        if peers.is_stream_strategy(part):
            needs = {"classes": [0, 1]} if "classes" in inspect.signature(part).parameters else {}
            return peers.StreamStrategy(_made("policy", name, part, {**needs, **(settings or {})}))
        if peers.is_river_sampler(part):
            return peers.EntropyOfRiver(_made("policy", name, part, {"classifier": None, **(settings or {})}))
        if _has(part, _POLICY):
            return _made("policy", name, part, settings)
    raise ConfigError(
        f"policy is '{name}', which is neither a function (window, scores) -> bool nor a class with decide "
        "and settle, a stream strategy of scikit-activeml or an active learner of river"
    )


def named_learner(name: str, settings: Mapping[str, Any] | None = None) -> object:
    """The learner called ``name``, as `odl.replay` takes it.

    Parameters
    ----------
    name : str
        ``dendron``; a name of `odl.model.host_learners.HOST_LEARNERS`; or ``package.module:Class``: a
        classifier of river, such as ``river:tree.HoeffdingTreeClassifier``, one of scikit-learn, which is
        fitted anew with each batch, or a class with the methods of `odl.core.protocols.Learner`.
    settings : mapping, optional
        Keyword arguments of its class. ``inputs="statistics"`` gives a river classifier statistics of each
        window's samples instead of features (`odl.model.on_statistics`). A classifier that draws has the
        seed 0 unless the settings name another: ``seed`` of river's, ``random_state`` of scikit-learn's.

    Raises
    ------
    ConfigError
        If there is no such learner, or the settings do not fit.

    Examples
    --------
    >>> named_learner("river:tree.HoeffdingTreeClassifier", {"grace_period": 50}).grace_period
    50
    """
    from odl.model.host_learners import HOST_LEARNERS, Refitted
    from odl.model.on_statistics import OnStatistics

    if name == "dendron":
        if settings:
            raise ConfigError("learner dendron takes no settings; a model image has them")
        return name
    if name in HOST_LEARNERS:
        return _made("learner", name, HOST_LEARNERS[name], settings)
    if ":" not in name:
        learners = ("dendron", *HOST_LEARNERS)
        raise ConfigError(
            f"there is no learner '{name}'; choose from {', '.join(learners)}, or write "
            f"package.module:Class{did_you_mean(name, learners)}"
        )
    part = load_part("learner", name)
    if inspect.isclass(part) and not _NO_CLASSIFIERS & {base.__name__ for base in part.__mro__}:
        rest = {key: value for key, value in (settings or {}).items() if key != "inputs"}
        inputs = (settings or {}).get("inputs", "features")
        if inputs not in ("features", "statistics"):
            raise ConfigError(f"learner {name}: inputs is {inputs!r}; it can be features or statistics")
        if _has(part, _RIVER) and inputs == "statistics":
            return OnStatistics(_made("learner", name, part, {**_seed_of(part), **rest}))
        if _has(part, _LEARNER):
            return _made("learner", name, part, settings)
        if _has(part, _RIVER):
            return _made("learner", name, part, {**_seed_of(part), **(settings or {})})
        if _has(part, _SKLEARN):
            return Refitted(_made("learner", name, part, settings))
    raise ConfigError(
        f"learner is '{name}', which is no classifier: a class with learn_one and predict_one (river), "
        "fit and predict (scikit-learn), or scores_one, learn_many, add_class, split and forget"
    )


def load_part(what: str, name: str) -> Any:
    """Import what ``package.module:Name`` names; the working folder is searched last.

    Raises
    ------
    ConfigError
        If the text is not of that form, or there is no such module or name.

    Examples
    --------
    >>> load_part("learner", "river:tree.HoeffdingTreeClassifier").__name__
    'HoeffdingTreeClassifier'
    """
    if not _WRITTEN.fullmatch(name):
        raise ConfigError(
            f"{what} is '{name}'; write package.module:Class, as in river:tree.HoeffdingTreeClassifier"
        )
    module, _, path = name.partition(":")
    try:
        found: Any = import_own(module)
        for attribute in path.split("."):
            if not hasattr(found, attribute) and hasattr(found, "__path__"):
                inner = f"{found.__name__}.{attribute}"
                if find_spec(inner) is not None:
                    import_module(inner)
            found = getattr(found, attribute)
    except ModuleNotFoundError as error:
        raise _needed(f"{what} is '{name}', which", error) from None
    except AttributeError:
        raise ConfigError(f"{what} is '{name}', but {module} has no '{path}'") from None
    return found


def import_own(name: str) -> ModuleType:
    """Import the module ``name``; the working folder is searched last."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # behind everything installed, so that a file there replaces nothing
    return import_module(name)


def _has(part: type, names: tuple[str, ...]) -> bool:
    return all(callable(getattr(part, name, None)) for name in names)


def _seed_of(cls: type) -> dict[str, int]:
    """The setting ``seed`` of a river classifier that draws, so that each session with it repeats."""
    wanted = inspect.signature(cls).parameters.get("seed")
    return {"seed": 0} if wanted is not None and wanted.default is None else {}


def _made(what: str, name: str, cls: Any, settings: Mapping[str, Any] | None) -> Any:
    _check_names(f"{what} {name}", cls, settings or {})
    try:
        return cls(**(settings or {}))
    except ModuleNotFoundError as error:
        raise _needed(f"{what} {name}", error) from None
    except TypeError as error:
        raise ConfigError(f"{what} {name}: {str(error).removeprefix(cls.__name__ + '.')}") from None
    except ValueError as error:
        raise ConfigError(f"{what} {name}: {error}") from None


def _check_names(what: str, cls: Any, settings: Mapping[str, Any]) -> None:
    """Refuse a setting that the class does not take, and the lack of one that it needs."""
    try:
        parameters = inspect.signature(cls).parameters
    except (TypeError, ValueError):  # a class in C may tell nothing
        return
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return
    known = [
        name for name, one in parameters.items() if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    for name in settings:
        if name not in known:
            there = f"it has {', '.join(known)}{did_you_mean(name, known)}" if known else "it has none"
            raise ConfigError(f"{what} has no setting '{name}'; {there}")
    for name in known:
        if parameters[name].default is inspect.Parameter.empty and name not in settings:
            raise ConfigError(f"{what} needs the setting '{name}'")


def _needed(what: str, error: ModuleNotFoundError) -> ConfigError:
    of_ours = error.name in ("sklearn", "skactiveml")
    how = f": {how_to_install('peers')}" if of_ours else "; install the package that has it"
    return ConfigError(f"{what} needs the module '{error.name}', which is not here{how}")
