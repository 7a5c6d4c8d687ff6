"""What ``odl init`` found, as figures: the card read back through the loader that training uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from odl.data.card import DataError, parse_card
from odl.data.coverage import outline
from odl.data.dataset import Dataset
from odl.data.inference.proposal import GUESS, Proposal, card_path
from odl.data.loaders.tables import FileReport, Tables

ROWS = ("read", "dropped", "bridged", "resampled")


def read_back(
    path: Path, proposal: Proposal, progress: Callable[[str], None] | None = None
) -> tuple[Dataset, list[FileReport]]:
    """Read every file with the proposed card: a dataset without samples, and what became of each file's rows.

    Raises
    ------
    DataError
        If a file cannot be read so: with its row.
    """
    where = card_path(path)
    card = parse_card(proposal.text, where.name)
    loader = Tables(card, where, path)
    return outline(Dataset(card, where.parent, loader), progress), loader.reports


def findings(proposal: Proposal, reports: list[FileReport], error: str = "") -> dict[str, Any]:
    """Return what was found, for the JSON of ``odl init``; docs/data.md lists the entries."""
    card = proposal.card
    warnings = list(proposal.warnings)
    for report in reports:
        warnings += [f"{report.files[0]}: {note}" for note in report.notes]
    found = {
        "rate_hz": card["rate_hz"],
        "channels": proposal.channels,
        "classes": card["classes"],
        "subjects": proposal.subjects,
        "splits": card["splits"],
        "recordings": sum(report.recordings for report in reports),
        "rows": {name: sum(getattr(report, name) for report in reports) for name in ROWS},
        "gaps": {
            "number": sum(report.gaps for report in reports),
            "samples": sum(report.lost for report in reports),
        },
        "confidence": {
            entry: proposal.confidence.get(entry, GUESS)
            for entry in ("rate_hz", "classes", "subjects", "units")
        },
        "warnings": list(dict.fromkeys(warnings)),
        "files": [asdict(report) for report in reports],
        "found": [{"what": what, "confidence": word} for what, word in proposal.provenance],
        "table": card["table"],
    }  # fmt: skip
    return found | ({"error": error} if error else {})


def unread(error: str) -> dict[str, Any]:
    """Return the same entries, empty, where no card could be proposed, with the reason."""
    return findings(Proposal({"rate_hz": 0.0, "classes": [], "splits": {}, "table": {}}), [], error)


def inspected(
    path: Path, proposal: Proposal, progress: Callable[[str], None] | None = None
) -> tuple[Dataset | None, dict[str, Any], DataError | None]:
    """Return the dataset, what was found, and the fault that keeps the files from being read, if any."""
    try:
        dataset, reports = read_back(path, proposal, progress)
    except DataError as error:
        return None, findings(proposal, [], str(error)), error
    return dataset, findings(proposal, reports), None
