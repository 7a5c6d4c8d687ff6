"""The table is fit to generate a C header from, and the written page agrees with it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args

import odl.core.events
from odl.wire.messages import Control, End, Start
from odl.wire.schema import CONTROL, INPUTS, OUTPUTS, SCALARS, TABLE, TAILS

NOT_EVENTS = {Start, End, *get_args(Control)}


def test_every_event_has_one_row() -> None:
    classes = [row.event for row in TABLE]
    defined = {
        x for x in vars(odl.core.events).values() if isinstance(x, type) and dataclasses.is_dataclass(x)
    }
    assert set(classes) == defined | NOT_EVENTS
    assert len(classes) == len(set(classes))


def test_rows_carry_every_field_of_their_event() -> None:
    for row in TABLE:
        assert {f.name for f in row.fields} == {f.name for f in dataclasses.fields(row.event)}, row.name


def test_numbers_are_grouped_and_used_once() -> None:
    numbers = [row.number for row in TABLE]
    assert numbers == sorted(set(numbers))
    groups = dict.fromkeys(NOT_EVENTS, CONTROL)
    for row in TABLE:
        sayings = (
            odl.core.events.Prediction,
            odl.core.events.Query,
            odl.core.events.Learned,
            odl.core.events.Dropped,
        )
        expected = OUTPUTS if row.event in sayings else groups.get(row.event, INPUTS)
        assert row.number in expected, row.name


def test_fields_of_fixed_size_come_first_and_a_block_last() -> None:
    for row in TABLE:
        kinds = [field.kind for field in row.fields]
        fixed = [kind in SCALARS for kind in kinds]
        assert fixed == sorted(fixed, reverse=True), row.name
        assert all(kind in SCALARS or kind in TAILS for kind in kinds), row.name
        assert "block" not in kinds[:-1], row.name


def test_the_pages_show_the_table(root: Path) -> None:
    pages = [(root / "docs" / name).read_text(encoding="utf-8") for name in ("recording.md", "protocol.md")]
    shown = re.findall(r"^\| (\d+) \| (\w+) \| (.*?) \|$", "\n".join(pages), re.MULTILINE)
    shown.sort(key=lambda row: int(row[0]))
    table = [
        (str(row.number), row.name, ", ".join(f"{field.name} {field.kind}" for field in row.fields))
        for row in TABLE
    ]
    assert shown == table
