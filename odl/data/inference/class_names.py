"""Names of classes as a model keeps them: folded together, short, each one's own."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from odl._text import clean

NO_LABEL_TEXT = """null none unknown unlabelled unlabeled undefined transition_unknown nan na n/a - -- ?
nolabel no_label empty"""
NO_LABEL = frozenset(NO_LABEL_TEXT.split()) | {""}
LONGEST = 32  # bytes


def class_names(texts: Iterable[str]) -> dict[str, str]:
    """Return the class of each text, empty for none: case, Unicode form, blanks and ``_`` make no difference.

    >>> class_names(["Walk", "WALK ", "sitting_down", "n/a"])
    {'Walk': 'walk', 'WALK ': 'walk', 'sitting_down': 'sitting down', 'n/a': ''}
    >>> class_names(["walking up the stairs with a bag A", "walking up the stairs with a bag B"])
    {'walking up the stairs with a bag A': 'walking up the stairs w ...bag a', \
'walking up the stairs with a bag B': 'walking up the stairs w ...bag b'}
    """
    whole = {}
    for text in texts:
        name = unicodedata.normalize("NFKC", text).replace("_", " ").lower()
        name = " ".join(clean(name, None, empty="").split())
        empty = name in NO_LABEL or text.strip().lower() in NO_LABEL or name.replace(" ", "_") in NO_LABEL
        whole[text] = "" if empty else name
    words = {name for name in whole.values() if any(c.isalpha() for c in name)}
    if len(words) > 1:  # among names a bare 0 or -1 is none of them
        whole = {text: "" if name in ("0", "-1") else name for text, name in whole.items()}
    short = {name: name for name in whole.values() if len(name.encode()) <= LONGEST}
    for name in dict.fromkeys(whole.values()):
        if name not in short:
            short[name] = _short(name, set(short.values()))
    return {text: short[name] for text, name in whole.items()}


def _short(name: str, taken: set[str]) -> str:
    """Head and tail of a long name; with a number if that is another class already."""
    tail = name[-5:]
    for number in range(1, 1000):
        end = f" ...{tail}" if number == 1 else f" ...{number} {tail}"
        head = name
        while len((head + end).encode()) > LONGEST:
            head = head[:-1]
        made = " ".join((head.rstrip() + end).split())
        if made not in taken:
            return made
    raise AssertionError("a thousand names that begin and end alike")
