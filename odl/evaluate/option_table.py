"""The table of options: name, type, default, range, unit and help of each.

It is the source of the command line's arguments, of the checks of keyword arguments and of stored
options, and of the table in docs/options.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Final

from odl.core.config import BOUNDS, ConfigError, rule_of
from odl.core.kernels.rules import BATCH_HELP, DEFAULT, POLICIES, POLICY_HELP
from odl.policies.budget import parse_budget

LONGEST: Final = 1e6  # seconds
LEARN: Final = ("host", "device", "both")


@dataclass(frozen=True)
class Option:
    """One option, as a keyword argument and as a flag of the command line.

    Attributes
    ----------
    name : str
        The keyword; the flag is ``--name``.
    kind : str
        ``integer``, ``number``, ``flag``, ``text``, ``choice`` (a text that a command refuses at once),
        ``path``, ``names`` (a list, written with commas between), ``subject`` (a name or a number),
        ``subjects`` (a list of them), ``policy`` or ``budget``.
    default : object
        Default value; None: see ``help``.
    metavar : str
        Placeholder for the value in a command's help.
    help : str
        One clause, without the default.
    low, high : float
        The range, both ends included, except ``low`` if ``above`` is true.
    unit : str
        The unit of a number.
    choices : tuple of str
        The allowed values, if they are listed.

    Examples
    --------
    >>> OPTIONS["batch"].check(300)
    Traceback (most recent call last):
    ...
    odl.core.config.ConfigError: `batch` is 300; it can be 1 to 255
    """

    name: str
    kind: str
    default: Any
    metavar: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The allowed values, as a clause.

        >>> OPTIONS["patience"].allowed
        'above 0, to 1000000 seconds'
        >>> OPTIONS["learn"].allowed
        'host, device or both'
        """
        if self.choices:
            return " or ".join(part for part in (", ".join(self.choices[:-1]), self.choices[-1]) if part)
        if self.kind not in ("integer", "number"):
            return _KINDS[self.kind]
        unit = f" {self.unit}" if self.unit else ""
        if self.high < math.inf:
            top = f"2**{int(self.high).bit_length() - 1}" if self.high > 2**31 else f"{self.high:.0f}"
            return f"above {self.low:g}, to {top}{unit}" if self.above else f"{self.low:g} to {top}{unit}"
        if self.low > -math.inf:
            return f"a number above {self.low:g}" if self.above else f"{self.low:g} or more"
        return "a whole number" if self.kind == "integer" else "a number"

    def check(self, value: object) -> None:
        """Raise for a value of another type or out of range; None, which means not given, passes.

        Raises
        ------
        ConfigError, BudgetError
            The message names the option, the value and the allowed values.
        """
        if value is None:
            return
        if self.kind == "policy":
            rule_of(value)  # type: ignore[arg-type]
        elif not self._fits(value):
            raise ConfigError(f"`{self.name}` is {value!r}; it can be {self.allowed}")
        if self.kind == "budget":
            parse_budget(value, 1.0)  # type: ignore[arg-type]

    def _fits(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        match self.kind:
            case "integer" | "number":
                numbers = int if self.kind == "integer" else int | float
                if not isinstance(value, numbers) or isinstance(value, bool):
                    return False
                return (self.low < value if self.above else self.low <= value) and (
                    value <= self.high < math.inf or self.high == math.inf > value
                )
            case "flag":
                return isinstance(value, bool)
            case "budget":
                return isinstance(value, str | int | float)
            case "path":
                return isinstance(value, str | PathLike)
            case "subject":
                return isinstance(value, str | int) and not isinstance(value, bool)
            case "text":
                return isinstance(value, str)
            case _:
                return not isinstance(value, str) and hasattr(value, "__iter__")


_KINDS: Final = {
    "flag": "true or false",
    "budget": "20, '12/h', '5/day' or '2%'",
    "text": "a text",
    "path": "a path",
    "names": "a list of names",
    "subject": "a name or a number",
    "subjects": "a list of names or numbers",
}


def _table(*options: Option) -> dict[str, Option]:
    return {option.name: option for option in options}


OPTIONS: Final = _table(
    # How a session asks and learns.
    Option("policy", "policy", DEFAULT.policy, "NAME", POLICY_HELP, choices=POLICIES),
    Option("budget", "budget", 20, "B", "questions: 20 (a session), 12/h, 5/day or 2% (of the windows)"),
    Option("every", "number", 0.0, "S", "least seconds between two questions",
           low=0, high=LONGEST, unit="seconds"),
    Option("floor", "integer", 60, "N", "novel-segments asks from this score on", *BOUNDS["floor"]),
    Option("seed", "integer", 0, "N", "seed of everything random", low=0, high=2**63),
    Option("batch", "integer", None, "N", BATCH_HELP, *BOUNDS["batch"]),
    Option("delay", "number", 10.0, "S", "seconds until the oracle answers",
           low=0, high=LONGEST, unit="seconds"),
    Option("patience", "number", 60.0, "S", "seconds until a question expires",
           low=0, high=LONGEST, above=True, unit="seconds"),
    Option("refuse", "number", 0.0, "P", "share of questions that the oracle skips", low=0, high=1),
    Option("error", "number", 0.0, "P", "share of the oracle's answers that are wrong", low=0, high=1),
    Option("hold", "flag", True, "", "show an answer with a new class until the stream changes"),
    Option("step", "integer", 4, "N", "TActiLE's reference values move by 2**-N", *BOUNDS["step"]),
    Option("learner", "text", None, "NAME", "dendron, knn, ... or package.module:Class; default: dendron"),
    # What a study varies.
    Option("policies", "names", None, "A,B", f"names of policies; default: {DEFAULT.policy}"),
    Option("learners", "names", None, "A,B", "names of learners; default: dendron"),
    Option("budgets", "names", None, "5,10", "a budget each; default: 20"),
    Option("seeds", "text", None, "N", "a number of seeds, or seeds with commas between; default: 1"),
    Option("models", "names", None, "A,B", "own, .odlm files, or a folder of them; default: own"),
    Option("baseline", "text", None, "NAME", "the policy to compare with; default: the first"),
    Option("workers", "integer", None, "N", "processes; default: the cores of this machine", low=1),
    Option("dask", "text", None, "ADDRESS", "run on the workers of a Dask scheduler, as in tcp://HOST:8786"),
    # Input of a replay, a played session or an evaluation.
    Option("subjects", "subjects", None, "7,8", "people to replay; default: the test subjects"),
    Option("subject", "subject", None, "N", "the person; default: the first test subject"),
    Option("model", "path", None, "M", "an .odlm file or a dataset's name; default: the source's"),
    Option("data", "path", None, "DIR", "folder or zip of a dataset that is not bundled"),
    Option("speed", "number", None, "X", "times real time; default: 1", low=0, above=True),
    Option("seconds", "number", None, "S", "end after this much of the stream; default: Ctrl-C",
           low=0, above=True, unit="seconds"),
    # Source of a live session's samples, and who answers and learns.
    Option("port", "text", None, "P", "device, pyserial URL, ble:NAME or auto; default: auto, the one board"),
    Option("baud", "integer", 115200, "N", "bits per second", low=1),
    Option("format", "text", "board", "F", "csv: a sketch that prints numbers", choices=("board", "csv")),
    Option("rate", "number", None, "HZ", "for csv: lines per second; default: the model's rate",
           low=0, above=True, unit="Hz"),
    Option("columns", "names", None, "A,B,C",
           "for csv: names of the columns, or their numbers from 1, in the model's order"),
    Option("units", "names", None, "U,V,W", "of all columns or of each: g, m/s2, deg/s, rad/s, ..."),
    Option("scale", "number", None, "S", "value of one count in the column's unit", low=0, above=True),
    Option("emulated", "flag", False, "", "start an emulated board and use that"),
    Option("board", "text", None, "NAME", "which board is meant; default: nucleo_f401re"),
    Option("play", "text", None, "DATASET", "an emulated board's sensor plays a person's recordings"),
    Option("feed", "text", None, "DATASET", "feed a person's recordings to a board without a sensor"),
    Option("learn", "text", None, "MODE", "host, device or both, compared; default: both, host for a sketch",
           choices=LEARN),
    Option("keep", "flag", False, "", "continue with the board's label log"),
    Option("answers", "text", None, "truth", "the oracle answers from the truth of what is played or fed",
           choices=("truth",)),
    Option("who", "text", None, "NAME", "a pseudonym for the wearer"),
    Option("resume", "path", None, "FILE", "continue a recording, in the same file"),
    Option("profile", "path", None, "FILE", "a wearer's profile (.odlp): go on from it, keep it up to date"),
    # What is recorded with its label.
    Option("label", "names", None, "A,B", "what is done, or several things whose keys switch"),
    Option("repeat", "integer", None, "N", "takes of a fixed length, which go through the labels; default: 1",
           low=1, high=10_000),
    Option("countdown", "number", 3.0, "S", "seconds before each take", low=0, high=3600.0, unit="seconds"),
    # Output files.
    Option("out", "path", None, "FILE", "the recording; default: a name with the date, here"),
    Option("json", "path", None, "FILE", "write the figures as JSON; - is standard output"),
    Option("force", "flag", False, "", "replace existing files"),
    # Firmware builds.
    Option("compiler", "choice", None, "CC", "default: zig if it is there, else gcc", choices=("zig", "gcc")),
)  # fmt: skip

SESSION_OPTIONS: Final = (
    "policy", "budget", "every", "floor", "seed", "batch", "delay", "patience", "refuse", "error", "hold",
    "step",
)  # fmt: skip
LIVE_BUDGET: Final = "12/h"  # default of sessions of unknown length


def described(name: str, **changes: Any) -> Option:
    """The option ``name`` with a command's changes, such as another default or help.

    >>> described("seed", default=1).default
    1
    """
    return replace(OPTIONS[name], **changes)
