"""Patterns of names of files to try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from odl.data.inference.name_words import PERSON_WORDS, SPLITS

# ~ stands for any of the separators
_FILES = (
    "*", "{label}", "{subject}", "{label:word}{recording:number}", "{label}.*",
    "{label}~{recording}", "{label}~*", "{subject}~{label}", "{label}~{subject}",
    "{subject}~{label}~{recording}", "{label}~{subject}~{recording}",
    "{subject}~{recording}~{label}", "{recording}~{subject}~{label}",
    "{subject}~{label:word}{recording:number}", "{subject}~{label}~*", "{label}~{subject}~*",
    "*~{label}", "*~{label:word}", "*~{label:word}~*", "*~{label}~{recording}",
    "*~{subject}~{label}", "{recording}~{label}", "{label}~{recording}~{recording}",
)  # fmt: skip
_FOLDERS = (
    "*", "{subject}", "{label}", "{label:word}{recording:number}", "{label:word}~*",
    "*~{label:word}", "{subject}~{label}", "{label}~{recording}", "{subject}~{label}~{recording}",
)  # fmt: skip
_NUMBERED = (
    "*@{subject:number}*", "{label}~@{subject:number}*", "@{subject:number}~{label}",
    "@{subject:number}~{label}~{recording}", "@{subject:number}{label}",
    "@{subject:number}~{label}{recording:number}",
)  # fmt: skip
_SEPARATORS = "_-. "


def patterns_for(names: Sequence[str]) -> Iterator[str]:
    """Yield patterns: a role for each folder, and shapes of the file's name.

    >>> "{subject}/{label}.csv" in list(patterns_for(["anna/walk.csv", "ben/sit.csv"]))
    True
    >>> zips = ["anna_walk.zip/gyro.csv", "ben_sit.zip/gyro.csv"]
    >>> "{subject}_{label}.zip/*" in list(patterns_for(zips))
    True
    """
    depth = max(name.count("/") for name in names)
    folders: list[list[str]] = [[]]
    for level in range(depth):
        if any(name.count("/") != depth for name in names):
            folders = [["*"]]
            break
        texts = {name.split("/")[level] for name in names}
        end = ".zip" if all(text.endswith(".zip") for text in texts) else ""
        texts = {text.removesuffix(end) for text in texts}
        roles = ["*"]
        if len(texts) > 1 and not all(text.lower() in SPLITS for text in texts):
            compound = any(re.search(r"[_\-\d .]", text) for text in texts)
            roles = list(_separated(_FOLDERS if compound else _FOLDERS[:3]))
        roles = [role if role == "*" else role + end for role in roles]
        folders = [[*own, role] for own in folders for role in roles]
    found = {re.search(r"((?:\.[A-Za-z]\w{0,6})?(?:\.gz)?)$", name)[1] for name in names}  # type: ignore[index]
    end = found.pop() if len(found) == 1 else ".*"
    shapes = [*_separated(_FILES), *_person_shapes(names)]
    for inside in folders:
        for shape in shapes:
            whole = "/".join([*inside, shape + ("" if shape == "*" and inside else end)])
            labels, people = whole.count("{label"), whole.count("{subject")
            if labels <= 1 and people <= 1 and labels + people > 0:
                yield whole


def _separated(templates: Sequence[str]) -> Iterator[str]:
    for template in templates:
        yield from (template.replace("~", s) for s in _SEPARATORS) if "~" in template else (template,)


def _person_shapes(names: Sequence[str]) -> Iterator[str]:
    """Shapes around a number after a word for people: ``walk_s03_1``, ``P01walk``."""
    found = set()
    for name in names:
        match = re.search(rf"(?i)(?<![a-z])({PERSON_WORDS})([ _-]?)\d+", name.rsplit("/", 1)[-1])
        found.add(match[1] + match[2] if match else "")
    if len(found) == 1 and "" not in found:
        word = found.pop()
        yield from (shape.replace("@", word) for shape in _separated(_NUMBERED))
