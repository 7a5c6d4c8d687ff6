"""Labels while recording: each sample has the label that was chosen then, and kills lose a second of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import ConfigError
from odl.core.events import Samples, Truth
from odl.core.ground_truth import joined
from odl.live.open_recorder import open_recorder
from odl.live.takes import Takes
from odl.recording import read
from tests.helpers.virtual_port import printing


def spans(truths: list[Truth]) -> list[tuple[int, int, str]]:
    return [(t.start, t.end, t.name) for t in joined(truths)]


@given(st.lists(st.tuples(st.integers(0, 70), st.sampled_from(["walk", "run", None, "hop"])), max_size=30))
def test_each_sample_has_the_label_that_was_chosen_before_it(steps: list[tuple[int, str | None]]) -> None:
    takes, label, position, known = Takes(["walk"], 25.0), "walk", 0, list[str | None]()
    found: list[Truth] = []
    for n, chosen in steps:
        position += n
        known += [label] * n
        new = takes.take(position)
        found += new
        assert takes.choose(chosen) == ""
        label = chosen  # from the next sample on
        found += takes.take(position)
    found += takes.end(position)
    assert takes.end(position) == []
    got: list[str | None] = [None] * position
    for truth in found:
        assert truth.end - truth.start > 0 and got[truth.start : truth.end] == [None] * (
            truth.end - truth.start
        )
        got[truth.start : truth.end] = [truth.name] * (truth.end - truth.start)
    assert got == known
    assert sum(takes.seconds_of.values()) == pytest.approx(sum(x is not None for x in known) / 25)


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=40), st.integers(1, 4), st.sampled_from([0.0, 1.0, 2.4])
)
def test_takes_are_where_they_should_be_however_the_stream_is_cut(
    blocks: list[int], repeat: int, countdown: float
) -> None:
    takes, position, found = Takes(["a", "b"], 25.0, 2.0, repeat, countdown), 0, list[Truth]()
    for n in blocks:
        position += n
        found += takes.take(position)
    found += takes.end(position)
    before = round(countdown * 25)
    wanted = [
        (start, min(position, start + 50), "ab"[k % 2])
        for k in range(repeat)
        if (start := k * (before + 50) + before) < position
    ]
    assert sorted(spans(found)) == wanted
    assert takes.done == (position >= repeat * (before + 50))
    assert takes.choose("c"), "a key does not change what is planned"


def test_words_say_what_is_labelled_and_what_comes() -> None:
    takes = Takes(["walk", "run"], 10.0, 2.0, 2, 1.0)
    said = []
    for position in (1, 10, 11, 30, 31, 41, 60):
        takes.take(position)
        said.append(takes.words())
    assert said == ["next: walk, take 1 of 2", "next: walk, take 1 of 2", "walk, take 1 of 2",
                    "walk, take 1 of 2", "next: run, take 2 of 2", "run, take 2 of 2",
                    "run, take 2 of 2"]  # fmt: skip
    free = Takes([], 10.0)
    assert free.words() == "no label" and free.choose(" a  b ") == "" and free.labels == ["a b"]
    assert "1 to 32 bytes" in free.choose("x" * 40) and "1 to 32 bytes" in free.choose("\x1b")


@pytest.mark.parametrize("labels", [["walk", "walk"], [""], ["x" * 33], ["a\x1b[2J"]])
def test_what_cannot_be_a_label_is_refused(labels: list[str]) -> None:
    with pytest.raises(ConfigError, match="label"):
        Takes(labels, 50.0)


def test_labels_are_in_the_recording_up_to_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: f"{k % 9},1,2", pause=0.0005) as port, open_recorder(
        port, format="csv", columns=["1", "2", "3"], rate=50.0, out=path, label=["walk"]
    ) as recorder:  # fmt: skip
        assert recorder.takes is not None
        recorder.run(2.5, lambda sentence: None)
        then = recorder.position
        (killed,) = joined(e for e in read(path).events if isinstance(e, Truth))  # as if it were killed here
        recorder.takes.choose("run")
        recorder.run(5.0, lambda sentence: None)
    assert then - 50 <= killed.end <= then
    truths = joined(e for e in read(path).events if isinstance(e, Truth))
    assert [t.name for t in truths] == ["walk", "run"] and truths[0].start == 0
    assert truths[0].end == truths[1].start and truths[1].end == recorder.position
    samples = sum(len(e.block) for e in read(path).events if isinstance(e, Samples))
    assert samples == recorder.position


WRONG: list[tuple[dict[str, object], str]] = [
    ({"seconds": 5.0}, "it needs `label`"),
    ({"label": ["walk"], "repeat": 3}, "they need `label` and `seconds`"),
    ({"label": ["walk"], "countdown": 3.0}, "they need `label` and `seconds`"),
    ({"emulated": True}, "go together"),
    ({"play": "shoulder"}, "go together"),
    ({"subject": 3}, "are for `play`"),
    ({"emulated": True, "play": "shoulder", "port": "COM3"}, "leave out `port`"),
    ({"label": ["walk"], "seconds": 5.0, "repeat": 0}, "`repeat` is 0; it can be 1 to 10000"),
]


@pytest.mark.parametrize(("options", "says"), WRONG, ids=[says for _, says in WRONG])
def test_options_that_do_not_fit_are_refused_before_anything_opens(
    options: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says):
        open_recorder(out=tmp_path / "none.odl", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "none.odl").exists()
