"""How files and folders are named after classes, people, trials and splits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from odl.data.inference.name_patterns import patterns_for
from odl.data.inference.name_words import PERSON, SPLITS, Token, is_activity, tokens_of
from odl.data.table_card import from_name

MOST = 80  # names that patterns are tried on


@dataclass(frozen=True)
class Reading:
    """One way to read names: the pattern, what it finds in each file, how sure, and why.

    ``numbered``: what is taken for people are numbers or letters, which may as well tell trials apart.
    """

    pattern: str
    labels: tuple[str, ...]  # one per file, empty where there is no label in names
    subjects: tuple[str, ...]
    word: str
    why: str
    numbered: bool = False

    @property
    def counts(self) -> str:
        """What the reading finds, for a person."""
        found = [(len(set(self.labels)), "class", "classes"), (len(set(self.subjects)), "person", "people")]
        return ", ".join(f"{n} {many if n != 1 else one}" for n, one, many in found if n)


def read_names(
    names: Sequence[str], needed: Sequence[str] = (), unwanted: Sequence[str] = ()
) -> list[Reading]:
    """Return ways to read the names of files (below the folder, with ``/``), the best first.

    ``needed`` and ``unwanted`` are entries that a pattern must or must not have: ``"{label"``.

    >>> [r.pattern for r in read_names(["tom_Walking.csv", "ann_Walking.csv", "tom_Jumping.csv"])][:2]
    ['{subject}_{label}.csv', '*_{label}.csv']
    >>> read_names(["walk1.csv", "walk2.csv", "sit1.csv"])[0].pattern
    '{label:word}{recording:number}.csv'
    """
    some = list(names)[:: max(1, len(names) // MOST)]
    tokens = [tokens_of(name) for name in some]
    found: list[tuple[float, str]] = []
    for pattern in patterns_for(some):
        if any(wanted not in pattern for wanted in needed) or any(kind in pattern for kind in unwanted):
            continue
        reading = apply(pattern, some)
        if reading is not None and (score := _score(reading, tokens)) > 0:
            found.append((score, pattern))
    found.sort(key=lambda pair: -pair[0])
    best: list[tuple[float, Reading]] = []
    seen = set()
    for score, pattern in found[: 5 * MOST]:
        reading = apply(pattern, names)
        if reading is None:
            continue
        parts = (_partition(reading.labels), _partition(reading.subjects))
        if parts not in seen:
            seen.add(parts)
            best.append((score, reading))
        if len(best) == 4:
            break
    if not best:
        return []
    if best[0][1].numbered:  # how sure the labels are, whatever the numbers mean
        others = [score for score, own in best[1:] if _partition(own.labels) != _partition(best[0][1].labels)]
    else:
        others = [score for score, _ in best[1:]]
    sure = not others or best[0][0] > 1.15 * others[0]
    known = sum(map(is_activity, best[0][1].labels)) if best[0][1].labels else len(names)
    word = "likely" if sure and known > 0.3 * len(names) else "guess"
    return [replace(reading, word=word if i == 0 else "guess") for i, (_, reading) in enumerate(best)]


def _partition(texts: tuple[str, ...]) -> tuple[int, ...]:
    """Which files have the same text."""
    known: dict[str, int] = {}
    return tuple(known.setdefault(text.lower(), len(known)) for text in texts)


def apply(pattern: str, names: Sequence[str]) -> Reading | None:
    """Return what a pattern finds in names; None if it does not fit one of them."""
    found: dict[str, list[str]] = {"label": [], "subject": []}
    for entry, texts in found.items():
        if "{" + entry not in pattern:
            continue
        for name in names:
            text = from_name(pattern, entry, name if "/" in pattern else name.rsplit("/", 1)[-1])
            if text is None:
                return None
            texts.append(text)
    return Reading(
        pattern, tuple(found["label"]), tuple(found["subject"]), "likely", "",
        _are_numbers(pattern, found["label"], found["subject"]),
    )  # fmt: skip


def _are_numbers(pattern: str, labels: Sequence[str], subjects: Sequence[str]) -> bool:
    """Whether each number or letter stands with most labels, a number before them as a person's does."""
    kinds = set(labels), set(subjects)
    if "{subject:number}" in pattern:  # a word before it says what it is
        return False
    if not all(re.fullmatch(r"\d{1,3}|[^\W\d_]", text) for text in kinds[1]) or min(map(len, kinds)) < 2:
        return False
    if any(text.isdecimal() for text in kinds[1]) and pattern.index("{label") < pattern.index("{subject"):
        return False
    return len(set(zip(labels, subjects, strict=True))) >= 0.6 * len(kinds[0]) * len(kinds[1])


def split_of(names: Sequence[str]) -> dict[str, str]:
    """Return the folders that are a split, by name, if every file lies in one: ``{"training": "train"}``.

    >>> split_of(["training/walk.1.csv", "testing/walk.2.csv"])
    {'training': 'train', 'testing': 'test'}
    """
    folders = dict.fromkeys(name.split("/")[0] for name in names if "/" in name)
    own = {folder: SPLITS[folder.lower()] for folder in folders if folder.lower() in SPLITS}
    return own if len(own) == len(folders) > 1 and all("/" in name for name in names) else {}


def _score(reading: Reading, tokens: Sequence[list[list[Token]]]) -> float:
    """How good a reading is: activities as labels, people called like people, nothing left over."""
    n, score = len(tokens), 1.0
    labels, subjects = set(reading.labels), set(reading.subjects)
    if labels:
        known = sum(is_activity(label) for label in labels) / len(labels)
        bad = sum(_bad_label(label) for label in labels) / len(labels)
        if (
            bad > 0.2
            or len(labels) > max(2, min(60, 0.9 * n if n > 4 else n))
            or (len(labels) == 1 and not known)
        ):
            return 0.0
        score += 2 + 2 * known + (1 if 2 <= len(labels) <= 0.67 * n else 0) - (2 if len(labels) == 1 else 0)
        # A number, a person or a date in a label belongs to something else.
        own = [[t for part in tokens_of(label) for t in part] for label in labels]
        score -= 2 * sum(bool(re.search(r"\d", text)) for text in labels) / len(labels)
        score -= sum(any(t.kind not in ("word", "activity") for t in some) for some in own) / len(own)
        if known:
            score -= (
                0.8 * sum(len(some) > 1 and any(t.kind == "word" for t in some) for some in own) / len(own)
            )
    if subjects:
        kinds = [[t.kind for part in tokens_of(s) for t in part] for s in subjects]
        people = sum(bool(PERSON.fullmatch(s)) for s in subjects) / len(subjects)
        people = max(people, float("{subject:number}" in reading.pattern))
        odd = ("activity", "sensor", "filler", "split", "stamp", "trial")
        wrong = 0.0 if reading.numbered else sum(any(k in odd for k in own) for own in kinds) / len(kinds)
        if not people and (wrong > 0.2 or len(subjects) == 1 or any(len(own) > 2 for own in kinds)):
            return 0.0
        if not people and not labels and "{subject}/" not in reading.pattern:
            return 0.0  # words that may be anything
        if not people and len(labels) > 1 and len(subjects) == n:
            return 0.0  # nobody has two files
        crossed = len(set(zip(reading.labels, reading.subjects, strict=True))) if labels else 0
        full = len(labels) > 1 and crossed >= 0.6 * len(labels) * len(subjects)
        score += 1.5 * people + (0.9 if full else 0.2) + 0.05 * ("{subject:number}" in reading.pattern)
    return score - _left_over(reading, tokens) - 0.02 * len(re.findall(r"\*|\{", reading.pattern))


def _left_over(reading: Reading, tokens: Sequence[list[list[Token]]]) -> float:
    """How much that may mean something is in the names and in no entry: words that are not in all of them."""
    every = [{t.text.lower(): t.kind for part in own for t in part} for own in tokens]
    common = set.intersection(*(set(own) for own in every))
    total = 0.0
    for i, own in enumerate(every):
        used = {
            w
            for texts in (reading.labels, reading.subjects)
            for w in re.split(r"[\W_]+", (*texts, *[""] * len(every))[i].lower())
        }
        whole = " ".join(
            (*reading.labels, *[""] * len(every))[i : i + 1]
            + (*reading.subjects, *[""] * len(every))[i : i + 1]
        ).lower()
        rest = [
            kind
            for text, kind in own.items()
            if text not in common and text not in used and not _inside(text, whole, reading.pattern)
        ]
        total += max(
            ({"activity": 1.5, "person": 1.2, "word": 0.6}.get(kind, 0.0) for kind in rest), default=0.0
        )
    return total / len(every)


def _inside(text: str, whole: str, pattern: str) -> bool:
    """Whether a token without its digits, or its digits alone, are in an entry that has been read."""
    words, digits = re.sub(r"\d+", "", text), re.sub(r"\D+", "", text)
    if ":number}" in pattern and digits and digits in whole.split():
        return True
    return ":word}" in pattern and bool(words) and words in re.split(r"[\W_]+", whole)


def _bad_label(label: str) -> bool:
    """Whether a text cannot be a class: no letters, a person, a date, a sensor."""
    tokens = [t for part in tokens_of(label) for t in part]
    return not re.search(r"[^\W\d_]{2}", label) or all(
        t.kind in ("person", "stamp", "trial", "sensor", "filler", "split") for t in tokens
    )
