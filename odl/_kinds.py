"""What a file is or a name stands for, and which command takes it, where another kind is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import odl
from odl._text import did_you_mean, shell_word

RECORDING: Final = "a recording (.odl)"
IMAGE: Final = "a model image (.odlm)"
PROFILE: Final = "a wearer's profile (.odlp)"
OPENING: Final = b"\0" + b"\1" * 6  # the first bytes of every recording: frame 0 at time 0
TABLE: Final = "a table"
ZIP: Final = "a zip"
STUDY: Final = "a study file (.toml)"
NO_FILE: Final = "there is no such file"
_KINDS: Final = (  # the first bytes, what begins with them, and what to do with it
    (b"", "an empty file", ""),
    (OPENING, RECORDING, "'odl info {}' shows it"),
    (b"ODLM", IMAGE, "'odl show {}' shows it"),
    (b'{"format": "odl profile', PROFILE, "'odl profile show {}' shows it"),
    (b"PK\3\4", ZIP, "'odl init {}' describes the tables in it"),
    (b"\x89PNG", "a picture", ""),
    (b"\x7fELF", "a program for a board", ""),
    ((b"<!DOCTYPE", b"<!doctype", b"<html"), "a page", "a browser shows it"),
)
_NETWORK: Final = b"TFL3"  # behind four bytes
_ENDINGS: Final = {  # of files whose first bytes say nothing
    ".csv": (TABLE, "'odl init {}' describes it"),
    ".tsv": (TABLE, "'odl init {}' describes it"),
    ".parquet": (TABLE, "'odl init {}' describes it"),
    ".toml": (STUDY, "'odl study {}' runs it"),
}
_NAMED: Final = 3  # files of a folder that a sentence lists
_MOST: Final = 1000  # names in a folder that are compared with a wrong one


def find_folder() -> Path:
    """Return the folder of the datasets, in a wheel or in a checkout.

    >>> find_folder().name
    'datasets'
    """
    package = Path(odl.__file__).parent
    bundled = package / "bundled"
    return bundled if bundled.is_dir() else package.parent / "datasets"


def dataset_names() -> list[str]:
    """Return the names of the known datasets, bundled or not.

    >>> "shoulder" in dataset_names()
    True
    """
    return sorted(path.parent.name for path in find_folder().glob("*/card.json"))


def kind_of(path: str | Path) -> tuple[str, str]:
    """What the file ``path`` is, and a clause on the command that takes it; both empty if that is not known.

    >>> kind_of(find_folder() / "shoulder" / "shoulder.odlm")[0] == IMAGE
    True
    """
    with Path(path).open("rb") as file:
        head = file.read(64)
    what, use = _ENDINGS.get(Path(path).suffix.lower(), ("", ""))
    for magic, name, command in _KINDS:
        if head.startswith(magic) if magic else not head:
            what, use = name, command
    if head[4:8] == _NETWORK:
        what, use = "a network", f"'odl convert {{}} {shell_word(Path(path).stem)}.odlm' makes a model image"
    return what, use.format(shell_word(path))


def instead(path: str | Path, wanted: str) -> str:
    """What the file ``path`` is in place of what is ``wanted``; empty if that is not known.

    Examples
    --------
    >>> instead(find_folder() / "shoulder" / "shoulder.odlm", RECORDING)
    "this is a model image (.odlm), and a recording (.odl) is wanted; 'odl show ...shoulder.odlm' shows it"
    """
    what, use = kind_of(path)
    return "" if what in ("", wanted) else f"this is {what}, and {wanted} is wanted{'; ' * bool(use)}{use}"


def folder_instead(folder: str | Path, wanted: str = "a file", ending: str = "") -> str:
    """A sentence where ``wanted`` is a file and ``folder`` was named, with what could be named in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "walk.odl").touch()
    ...     folder_instead(folder, RECORDING, ".odl")
    'this is a folder, and a recording (.odl) is wanted; there are walk.odl'
    """
    inside = sorted(path.name for path in Path(folder).glob(f"*{ending}") if path.is_file())
    more = ", ..." if len(inside) > _NAMED else ""
    there = f"there are {', '.join(inside[:_NAMED])}{more}" if inside else "there is none in it"
    card = Path(folder, "card.json").is_file()
    dataset = f"; the dataset in it is shown by 'odl check {shell_word(folder)}'" if card else ""
    return f"this is a folder, and {wanted} is wanted; {there}{dataset}"


def missing(path: str | Path) -> str:
    """A sentence where nothing is called ``path``: what may have been meant.

    Examples
    --------
    >>> missing("shoulder")
    "there is no such file; 'shoulder' is a dataset: 'odl datasets' shows it, 'odl replay shoulder' runs it"
    >>> missing("shuolder.odl")
    "there is no such file; did you mean 'shoulder'?"
    """
    path = Path(path)
    folder, name = path.parent, path.name
    if str(path) in dataset_names():
        known = f"'{name}' is a dataset: 'odl datasets' shows it, 'odl replay {name}' runs it"
        return f"{NO_FILE}; {known}"
    if not folder.is_dir():
        return f"{NO_FILE}, and no folder '{folder}'"
    inside = sorted(folder.iterdir())[:_MOST]
    if below := next((one / name for one in inside if one.is_dir() and (one / name).exists()), None):
        return f"{NO_FILE}; did you mean '{below}'?"
    near = [one.name for one in inside if not one.name.startswith(".")]
    if str(path) == name:
        return f"{NO_FILE}{did_you_mean(name, near + dataset_names())}"
    meant = did_you_mean(name, near).replace("'", f"'{folder}/", 1)
    return f"{NO_FILE}{meant}"
