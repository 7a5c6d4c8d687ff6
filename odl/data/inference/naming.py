"""Guess how files and folders are named after classes, people and tables."""

from __future__ import annotations

import re
from pathlib import Path

from odl.data.card import DataError
from odl.data.table_card import from_name
from odl.data.table_file import Table

_PERSON = re.compile(r"(?i)(?<![a-z])(subject|participant|volunteer|person|user|subj|sub|s|p|u)([_-]?)(\d+)")


def side_shape(tables: list[Table], spans: list[Table]) -> str:
    """``{file}.labels.csv`` or one file's name, from label files that were found."""
    stems = sorted((s.path.stem for s in tables), key=len, reverse=True)
    shapes = set()
    for span in spans:
        own = [stem for stem in stems if stem in span.path.name and span.path.stem != stem]
        shapes.add(span.path.name.replace(own[0], "{file}", 1) if own else span.path.name)
    if len(shapes) > 1:
        raise DataError(
            f"{spans[0].path}: label files are named in different ways ({', '.join(sorted(shapes)[:4])}); "
            "call each as its table with the same ending"
        )
    return shapes.pop()


def file_name(folder: Path, path: Path, pattern: str) -> str:
    """Return what a pattern matches: the path below ``folder`` if the pattern has a slash, else the name."""
    return path.relative_to(folder).as_posix() if "/" in pattern else path.name


def label_pattern(folder: Path, tables: list[Table]) -> str:
    """Return how files or folders are named after classes; empty if they are not."""
    suffix = tables[0].path.suffix
    for pattern in (f"{{label}}.*{suffix}", "{label}/*", f"{{label}}_*{suffix}", f"{{label}}-*{suffix}"):
        names = [from_name(pattern, "label", file_name(folder, s.path, pattern)) for s in tables]
        known = {n for n in names if n and re.search(r"[^\W\d]{2}", n) and not _PERSON.fullmatch(n)}
        if all(n in known for n in names) and 2 <= len(known) <= max(2, min(40, len(tables))):
            return pattern
    return ""


def people_pattern(folder: Path, tables: list[Table], labels: str) -> str:
    """Return how files or folders are named after people; empty if they are not."""
    found = set()
    for table in tables:
        match = _PERSON.search(table.path.name)
        found.add(f"*{match[1]}{match[2]}{{subject:number}}" if match else "")
    if len(found) == 1 and "" not in found:
        return found.pop() + "*"
    parents = {s.path.relative_to(folder).parts[0] for s in tables if s.path.parent != folder}
    in_folders = all(s.path.parent != folder for s in tables)
    if in_folders and len(parents) > 1 and not labels.startswith("{label}/"):
        return "{subject}/*"
    return ""
