"""How to get the packages that an installation was made without."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

DISTRIBUTION: Final = "odl-stream"
CHECKOUT: Final = Path(__file__).resolve().parents[1]
_REQUIREMENT: Final = re.compile(r"([\w.-]+)")
_EXTRA: Final = re.compile(r""";.*extra == ["']([\w-]+)["']""")


def packages_of_extras() -> dict[str, list[str]]:
    """The packages of each extra: those of the installation, or of the checkout that runs without one.

    Examples
    --------
    >>> packages_of_extras()["train"]
    ['torch']
    """
    found: dict[str, list[str]] = {}
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        setup = configparser.ConfigParser()
        setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
        extras = setup["options.extras_require"] if setup.has_section("options.extras_require") else {}
        lines = [
            f'{line}; extra == "{extra}"' for extra in extras for line in extras[extra].split("\n") if line
        ]
    for line in lines:
        if (extra := _EXTRA.search(line)) and (package := _REQUIREMENT.match(line)):
            found.setdefault(extra[1], []).append(package[1])
    return found


def how_to_install(extra: str) -> str:
    """The command that adds ``extra`` to this installation, from wherever that came.

    A checkout or a wheel is named by its path, so the command works before anything is published; also a
    checkout that runs without being installed.

    Examples
    --------
    >>> how_to_install("train").startswith("pip install ")
    True
    """
    try:
        written = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        origin = json.loads(written or "{}")
    except ValueError:
        origin = {}
    except metadata.PackageNotFoundError:
        checkout = (CHECKOUT / "setup.cfg").is_file()
        origin = {"url": CHECKOUT.as_uri(), "dir_info": {"editable": True}} if checkout else {}
    url = urlsplit(str(origin.get("url", "")))
    if url.scheme != "file":
        return f"pip install '{DISTRIBUTION}[{extra}]'"
    editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}{shlex.quote(f'{unquote(url.path)}[{extra}]')}"


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Say of a failed import that ``what`` needs the package, and how ``extra`` is installed.

    Examples
    --------
    >>> with needing("notebook", "marking"):
    ...     import anywodget  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ModuleNotFoundError: marking needs the package 'anywodget': pip install ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        sentence = f"{what} needs the package '{error.name}': {how_to_install(extra)}"
        raise ModuleNotFoundError(sentence, name=error.name) from None
