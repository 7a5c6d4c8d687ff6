"""The cleaner of untrusted text keeps its rule for every text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl._text import aligned, clean, width

KEPT = st.sampled_from(["", " ", "\n", " \n"])
ODD = st.text() | st.text(st.sampled_from(" \t\n\r\x1b\x9b\u202e\u2066\u200b\u0301\ud800漢e…"))


@given(ODD, st.none() | st.integers(1, 30), KEPT, st.sampled_from(["", "(no name)"]))
def test_cleaned_text_is_harmless_bounded_and_stable(
    text: str, limit: int | None, keep: str, empty: str
) -> None:
    cleaned = clean(text, limit, empty=empty, keep=keep)
    assert not [c for c in cleaned if unicodedata.category(c)[0] == "C" and c not in keep]
    assert not [c for c in cleaned if c.isspace() and c not in " " + keep]
    assert cleaned.replace("\n", "").isprintable()
    assert limit is None or (width(cleaned) <= limit and len(cleaned) <= 5 * (limit + 1))
    assert clean(cleaned, limit, empty=empty, keep=keep) == cleaned
    assert cleaned or not empty


@given(st.lists(st.text("abc漢", min_size=1), min_size=1))
def test_words_stay_and_blanks_between_them_become_one(words: list[str]) -> None:
    assert clean(" \t\n".join(words), None) == " ".join(words)
    assert clean("\x07".join(words), None) == "".join(words)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b]0;title\x07name", "]0;titlename"),  # the escape goes, what it would have done stays as text
        ("user\u202etxt.exe", "usertxt.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\u2028b\u00a0c", "a b c"),
        ("e" + "\u0301" * 99, "e" + "\u0301" * 4),
        ("<b>", "<b>"),
    ],
)
def test_hostile_text(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_an_object_is_taken_as_its_text() -> None:
    assert clean(7) == "7" and clean(None, empty="") == "None"


@given(st.lists(st.lists(st.text(max_size=8).map(clean), min_size=3, max_size=3), min_size=1))
def test_columns_end_at_the_same_place(rows: list[list[str]]) -> None:
    lines = aligned([*rows, ["a", "b", "c"]]).split("\n")
    assert len(lines) == len(rows) + 1
    assert len({width(line) for line in lines}) == 1
