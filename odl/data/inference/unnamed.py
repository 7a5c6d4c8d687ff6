"""Columns of words whose names say nothing: a guess at the labels, a hint at the people."""

from __future__ import annotations

from collections import Counter

from odl.data.inference.name_words import is_activity
from odl.data.inference.proposal import GUESS, Proposal
from odl.data.inference.survey import Profile


def guessed_labels(proposal: Proposal, profiles: list[Profile]) -> Counter[str]:
    """Take a column of words for labels, as a guess, where nothing says what was done; its texts.

    It is one whose words are known activities, or else the one that changes most often.
    """
    found = {}
    for column, texts in _columns(profiles).items():
        changes = sum(p.worded[column][1] for p in profiles)
        known = any(map(is_activity, texts))
        if known or changes:
            found[column] = (known, changes)
    if not found:
        return Counter()
    column = max(found, key=found.__getitem__)
    proposal.card["table"]["label"] = column
    proposal.say(f"labels from column '{column}': its words stay the same for many rows", GUESS, "classes")
    proposal.warnings.append(
        f"column '{column}' is taken for labels, which is a guess; `label` names another one"
    )
    return _columns(profiles)[column]


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
