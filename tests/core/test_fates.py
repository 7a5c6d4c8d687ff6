"""What becomes of questions and answers, whatever comes: each has one fate, and none is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import NO_WINDOW, ChangeClass, Dropped, Learned, Output, Query, Teach, Undo, Why
from odl.core.image import Image
from odl.core.session import Session
from odl.core.state import Asked, Entry
from tests.helpers.streams import ASKING, BUSY, VARIED, Script, configs, inputs, scripts

SHORT = replace(BUSY, max_log=13)  # all classes and tasks that there is room for, and eight labels
IMAGES = st.sampled_from([VARIED, BUSY, SHORT])


def waiting(session: Session, *statuses: Asked) -> list[int]:
    """Windows of the questions that are kept and have such a status."""
    state = session._core.state[0]
    n = int(state["n_ask"])
    return [
        int(w) for w, s in zip(state["ask_window"][:n], state["ask_status"][:n], strict=True) if s in statuses
    ]


@given(configs(ASKING), scripts(), IMAGES)
def test_every_question_has_one_fate(chosen: Config, script: Script, image: Image) -> None:
    session, asked, fates, taught = Session(image, chosen), list[int](), Counter[int](), 0
    for event, outputs in inputs(script, session, cuts=3):
        counts, last = session.counts, int(session._core.state["last"][0])
        unasked = isinstance(event, Teach) and counts["taught"] > taught
        taught = counts["taught"]
        for output in outputs:
            match output:
                case Query(window):
                    asked.append(window)
                case Learned(_, window) if not (unasked and window == last):
                    fates[window] += 1
                case Dropped(_, window, Why.EXPIRED | Why.SKIPPED | Why.FULL) if window != NO_WINDOW:
                    fates[window] += 1
    still = waiting(session, Asked.OPEN, Asked.ANSWERED)
    assert len(asked) == len(set(asked)) == session.counts["queries"]
    assert fates == Counter(window for window in asked if window not in still)


@given(configs(ASKING), scripts(), IMAGES)
def test_no_answer_is_lost(chosen: Config, script: Script, image: Image) -> None:
    session, changed, trace = Session(image, chosen), 0, list[Output]()
    for event, outputs in inputs(script, session):
        changed += isinstance(event, ChangeClass) and not outputs
        trace += outputs
    counts, kinds = session.counts, session.log["kind"].tolist()
    given_ = counts["answered"] + counts["taught"] + changed - counts["undone"]
    kept = len(waiting(session, Asked.ANSWERED)) + kinds.count(Entry.LABEL) + kinds.count(Entry.CHANGE)
    assert given_ == kept + counts["gave_way"]
    assert all(
        output.window == NO_WINDOW
        for output in trace
        if isinstance(output, Dropped) and output.why is Why.FULL
    )
    assert len(kinds) <= image.max_log and (counts["gave_way"] == 0 or image is SHORT)


@given(configs(ASKING), scripts())
def test_what_gives_way_is_of_the_class_that_has_most(chosen: Config, script: Script) -> None:
    session = Session(SHORT, chosen)
    before, labels = 0, Counter[int]()
    for event, outputs in inputs(script, session, cuts=3):
        log, learned = session.log, [output.cls for output in outputs if isinstance(output, Learned)]
        now = Counter(log["cls"][log["kind"] == Entry.LABEL].tolist())
        gone = session.counts["gave_way"] - before
        if (gone, len(learned)) == (1, 1) and not isinstance(event, Undo):
            (cls,) = labels + Counter(learned) - now
            assert labels[cls] == max(labels.values())
        before, labels = session.counts["gave_way"], now
