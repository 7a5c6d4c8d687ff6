"""Columns of words or codes whose names say nothing: a guess at the labels, a hint at the people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from odl.data.inference.file_names import read_names
from odl.data.inference.name_words import is_activity
from odl.data.inference.proposal import GUESS, Proposal
from odl.data.inference.survey import Profile


def guessed_labels(proposal: Proposal, profiles: list[Profile]) -> Counter[str]:
    """Take a column of words or codes for labels, as a guess, where nothing says what was done; its texts.

    It is one whose words are known activities, or else one of words, or else the one that changes most often.
    """
    found = {}
    for column, texts in _columns(profiles).items():
        changes = sum(p.worded[column][1] for p in profiles)
        known = any(map(is_activity, texts))
        if known or changes:
            found[column] = (known, not all(text.isdecimal() for text in texts), changes)
    if not found:
        return Counter()
    column = max(found, key=found.__getitem__)
    proposal.card["table"]["label"] = column
    proposal.say(f"labels from column '{column}': it stays the same for many rows", GUESS, "classes")
    proposal.warnings.append(
        f"column '{column}' is taken for labels, which is a guess; `label` names another one"
    )
    return _columns(profiles)[column]


def labels_inside(profiles: list[Profile], names: Sequence[str]) -> bool:
    """Whether a column that changes within a table says more of what was done than the names of files."""
    if not any(p.worded[column][1] for column in _columns(profiles) for p in profiles):
        return False
    readings = read_names(names)
    return not readings or not any(map(is_activity, readings[0].labels))


def may_be_people(profiles: list[Profile], label: str) -> list[str]:
    """A sentence for each other column of words that may tell people apart."""
    return [
        f"column '{column}' has {len(texts)} values; `subject={column}` takes them for people"
        for column, texts in _columns(profiles).items()
        if column != label
    ]


def _columns(profiles: list[Profile]) -> dict[str, Counter[str]]:
    """The columns of words that all tables have, with at least two texts."""
    shared = [c for c in profiles[0].worded if all(c in p.worded for p in profiles)]
    texts = {c: sum((p.worded[c][0] for p in profiles), Counter[str]()) for c in shared}
    return {c: own for c, own in texts.items() if len(own) > 1}
