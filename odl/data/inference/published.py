"""Known datasets, told from how their files are called."""

from __future__ import annotations

from collections.abc import Iterable

from odl.data.bundled import list_datasets, load_card
from odl.data.table_card import from_name


def known_by_files(names: Iterable[str]) -> str:
    """The dataset whose published files are among ``names``, paths below a folder; empty if none is.

    >>> known_by_files(["Protocol/subject101.dat", "readme.pdf"]), known_by_files(["anna_walk.csv"])
    ('pamap2', '')
    """
    there = list(names)
    for dataset in list_datasets():
        files = load_card(dataset).about.get("published", {}).get("files", {})
        numbered = {sensor: p for sensor, p in files.items() if "{subject" in p}
        if numbered and all(any(from_name(p, "subject", name) for name in there) for p in numbered.values()):
            return dataset
    return ""
