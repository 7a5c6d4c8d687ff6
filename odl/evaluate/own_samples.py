"""A caller's own samples in `odl.replay`: as a stream, and in a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from odl._text import counted
from odl.core.adapters import described
from odl.core.config import ConfigError
from odl.core.image import Image
from odl.data.array_source import Form, stream_of
from odl.data.streams import Stream
from odl.evaluate.option_table import LIVE_BUDGET
from odl.evaluate.result import Result
from odl.policies.budget import parse_budget


def open_samples(
    source: object,
    image: Image | None,
    form: Form,
    subjects: Iterable[str | int] | None,
    keywords: dict[str, Any],
) -> Stream:
    """The caller's samples as a stream; if its length is unknown, set the default of the budget."""
    if image is None:
        raise ConfigError(
            f"source is {described(source)}, which implies no model; give one in model: a file, "
            "a dataset's name or an odl.Image"
        )
    if isinstance(subjects, int | str):
        raise ConfigError(f"subjects is {subjects!r}; give a list, as in ['P3']")
    people = ["1"] if subjects is None else [str(subject) for subject in subjects]
    if len(people) != 1:
        raise ConfigError(f"subjects names {len(people)} people, but the samples are one person's")
    if Path(people[0]).name != people[0]:
        raise ConfigError(f"subjects names {people[0]!r}, which cannot name the recording's file")
    stream = stream_of(source, image, form, people[0])
    if stream.stretches is None and parse_budget(keywords.setdefault("budget", LIVE_BUDGET), 1.0).period == 0:
        raise ConfigError(
            f"budget is {keywords['budget']} for the whole session, but the source's length is not known; "
            "give one such as 12/h or 2%"
        )
    return stream


def note_saturation(result: Result) -> Result:
    """Add a note about the number of values beyond the model's range."""
    outcome = result.outcomes[0]
    if not (count := outcome.counts["saturated"]):
        return result
    note = f"{counted(count, 'value')} beyond the model's range, taken as its limit"
    return replace(result, outcomes=(replace(outcome, problems=(*outcome.problems, note)),))
