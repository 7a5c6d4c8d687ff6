"""A wearer's profile: written, read, merged, redacted, and what goes on from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import odl
from odl.core.events import AddClass, ChangeClass, Samples, Split, Teach, Undo
from odl.core.image import Image
from odl.core.session import Session
from odl.core.state import Entry, log_dtype
from odl.data import model_bytes
from odl.model.profile import ProfileError, WearerProfile, read_profile
from odl.model.profile_file import ProfileFile
from odl.model.profile_merge import shortened
from tests.helpers.sessions import at_rest
from tests.helpers.streams import VARIED, config, samples

RAW = samples(11, 4000)
QUIET = config("none", allowed=0)


def taught(*classes: int, name: str = "hop", session: Session | None = None) -> Session:
    """A session that was taught these classes, one after the other; 9 is a new one."""
    session = session or Session(VARIED, QUIET)
    for cls in classes:
        at = session.position
        session.step(Samples(at, RAW[at : at + 120]))
        if cls == 9 and 9 not in session.names:
            session.step(AddClass(session.position, 9, name, 0))
        session.step(Teach(session.position, cls))
    return session


def profile(session: Session) -> WearerProfile:
    return WearerProfile.of(session.image, session.log)


def going_on(of: WearerProfile) -> Session:
    session = Session(VARIED, QUIET)
    session.restore(of.state(VARIED, QUIET))
    return session


def test_a_session_that_goes_on_has_the_same_heads_names_and_answers() -> None:
    first = taught(9, 1, 0, 9)
    first.step(ChangeClass(first.position, 2, None, "run"))
    second = going_on(WearerProfile.parse(profile(first).text()))
    assert second.position == 0 and second.names == first.names and second.rows == first.rows
    assert second.tree.shown == first.tree.shown and 2 not in second.tree.shown
    weights = [at_rest(one)._core.state["weights"].tobytes() for one in (first, second)]
    assert weights[0] == weights[1]
    assert [cls for _, cls in second.answers] == [cls for _, cls in first.answers]
    assert second.step(Undo(0)) == [] and second.tree.changes == ()
    assert not second.step(Undo(0)) and [cls for _, cls in second.answers] == [9, 1, 0]


def test_what_it_says_of_windows_is_no_windows_of_the_next_session() -> None:
    second = going_on(profile(taught(1, 1, 1)))
    taught(0, 2, session=second)
    assert second.counts["taught"] == 2 and second.counts["repeated"] == 0
    assert profile(second).log["order"].tolist() == [1, 2, 3, 4, 5]


def test_two_days_in_one() -> None:
    monday = taught(9, 1)
    tuesday, other = taught(0, 9, session=going_on(profile(monday))), taught(9, 2, name="skip")
    assert (profile(monday) + profile(tuesday)).text() == profile(
        tuesday
    ).text()  # one went on from the other
    both = profile(monday) + profile(other)
    assert both.summary["classes"] == ["hop", "skip"] and sum(both.summary["labels"].values()) == 4
    again = profile(monday) + profile(taught(1, 9))
    assert again.summary["classes"] == ["hop"] and again.summary["labels"] == {"1": 2, "9": 2}
    for one in (both, again):
        assert going_on(one).lessons == len(one.log)


def changed(session: Session, cls: int, into: int | None, name: str) -> WearerProfile:
    session.step(ChangeClass(session.position, cls, into, name))
    return profile(session)


def later(*classes: int, name: str = "hop", after: WearerProfile | None = None) -> Session:
    """Another day: other samples, so other features."""
    session = Session(VARIED, QUIET) if after is None else going_on(after)
    session.step(Samples(0, RAW[2000:2500]))
    return taught(*classes, name=name, session=session)


@pytest.mark.parametrize(
    ("one", "other", "named", "labels"),
    [
        (changed(taught(9), 9, 9, "jump"), profile(later(9, name="jump")), "jump", {9: 2}),
        (profile(taught(9)), changed(later(9, name="foo"), 9, 9, "hop"), "hop", {9: 2}),
        (changed(taught(3), 3, 3, "stairs"), profile(later(9, name="stairs")), "stairs", {3: 2}),
    ],
)
def test_a_name_that_a_class_got_later_counts_whichever_day_comes_first(
    one: WearerProfile, other: WearerProfile, named: str, labels: dict[int, int]
) -> None:
    for both in (one + other, other + one):
        session = going_on(both)
        names = [session.tree.name(cls) for cls in session.tree.shown]
        assert names.count(named) == 1 and len(set(names)) == len(names)
        assert both.summary["labels"] == {str(cls): n for cls, n in labels.items()}


def test_labels_that_both_days_have_are_there_once_also_where_some_gave_way() -> None:
    monday = profile(taught(*[1, 0] * 15))
    tuesday = profile(later(*[1, 0] * 8, after=monday))
    assert (len(monday.log), len(tuesday.log)) == (30, VARIED.max_log)
    both = monday + tuesday
    assert len(both.log) == 30 + 16
    assert (both + tuesday).text() == both.text() == (both + monday).text()


def test_what_one_day_removed_is_there_again_if_the_next_taught_it() -> None:
    both = going_on(changed(taught(9), 9, None, "hop") + profile(later(9)))
    assert 9 in both.tree.shown and [cls for _, cls in both.answers] == [9, 9]


def test_a_day_that_removed_what_another_taught_can_be_fetched_again_and_again() -> None:
    monday, tuesday = profile(taught(9)), changed(later(9), 9, None, "hop")
    both = monday + tuesday
    assert (both + tuesday).text() == both.text() and 9 not in going_on(both).tree.shown


def test_a_day_that_another_went_on_from_adds_nothing_whichever_comes_first() -> None:
    monday = changed(taught(), 1, 2, "walk")
    tuesday = changed(going_on(monday), 1, 1, "walk")
    assert (monday + tuesday).text() == (tuesday + monday).text() == tuesday.text()


def test_two_classes_of_the_image_do_not_get_one_name() -> None:
    monday, tuesday = changed(taught(1), 1, 1, "jump"), changed(later(2), 2, 2, "jump")
    for both in (monday + tuesday, tuesday + monday):
        assert list(going_on(both).names.values()).count("jump") == 1


def test_two_days_that_merge_two_classes_in_either_direction_keep_one_of_them() -> None:
    days = []
    for day, cls, into in ((taught, 9, 10), (later, 10, 9)):
        session = day(9)
        session.step(AddClass(session.position, 10, "skip", 0))
        days.append(changed(session, cls, into, "hop" if into == 9 else "skip"))
    assert len({9, 10} & set(going_on(days[0] + days[1]).tree.shown)) == 1


@pytest.mark.parametrize(("own", "name"), [("run", "run"), ("running", "running")])
def test_a_day_on_which_the_image_s_class_took_over_a_name_goes_behind_another(own: str, name: str) -> None:
    monday = changed(taught(2), 2, 2, own) if own != "run" else profile(taught(2))
    both = going_on(monday + changed(later(9), 9, 2, "run"))
    assert [both.tree.name(cls) for cls in both.tree.shown].count("hop") == 1
    assert both.tree.name(2) == "hop" and not both.step(Undo(0)) and both.tree.name(2) == name


def test_a_class_that_was_renamed_and_merged_gives_its_name_to_none() -> None:
    tuesday = later(9)
    changed(tuesday, 9, 9, "jump")
    both = going_on(profile(taught(9)) + changed(tuesday, 9, 2, "jump"))
    assert both.tree.name(2) == "run" and 9 not in both.tree.shown


def test_more_classes_than_rows_are_refused_with_both_numbers() -> None:
    days = [profile(taught(9, name=name)) for name in "abcd"]
    with pytest.raises(ProfileError, match="4 added classes; the model image has room for 3"):
        going_on(days[0] + days[1] + days[2] + days[3])


def test_tasks_of_two_days_are_numbered_anew() -> None:
    days = []
    for leaf, name in ((0, "slouch"), (2, "jog")):
        session = Session(VARIED, QUIET)
        session.step(Split(0, leaf, 2))
        session.step(AddClass(0, 9, name, 2))
        days.append(profile(taught(9, session=session)))
    merged = going_on(days[0] + days[1])
    assert {merged.tree.path(cls) for cls in merged.names} >= {("sit", "slouch"), ("run", "jog")}


def test_more_than_there_is_room_for_gives_way() -> None:
    one = profile(taught(*[1, 0] * 12))
    many = one + profile(taught(*[2, 3] * 12))
    assert len(many.log) > VARIED.max_log == going_on(many).lessons


def test_redacted_is_without_names_and_teaches_the_same() -> None:
    session = taught(9, 1)
    session.step(ChangeClass(session.position, 0, 0, "Anna's chair"))
    own = profile(session)
    redacted = WearerProfile.parse(own.redacted().text())
    assert b"hop" not in redacted.text().encode() and "Anna" not in redacted.text()
    assert redacted.summary["classes"] == ["class 1"] and redacted.summary["labels"] == own.summary["labels"]
    heads = [at_rest(going_on(one))._core.state["weights"].tobytes() for one in (own, redacted)]
    assert heads[0] == heads[1]


def test_names_that_are_known_stay_when_redacted() -> None:
    session = taught(9, 1)
    for cls, into, name in ((2, 1, "run"), (2, 2, "run"), (1, 1, "Anna"), (1, None, "Anna")):
        session.step(ChangeClass(session.position, cls, into, name))
    own = profile(session)
    for known, run in ((VARIED.names.values(), "run"), ((), "class 2")):
        redacted = own.redacted(known)
        assert "Anna" not in redacted.text() and "hop" not in redacted.text()
        assert going_on(redacted).names[2] == run


def test_another_image_s_profile_is_refused_with_both_checksums() -> None:
    own, other = profile(taught(1)), Image.from_bytes(model_bytes("shoulder"))
    with pytest.raises(ProfileError, match=f"{VARIED.checksum:08x}, not to {other.checksum:08x}"):
        own.check(other)
    with pytest.raises(ProfileError, match="two model images"):
        own + WearerProfile(other.checksum, own.log)


def test_a_file_is_private_locked_and_written_when_something_changed(tmp_path: Path) -> None:
    path, session = tmp_path / "anna.odlp", taught(1)
    with ProfileFile.opened(path) as file:
        file.save(VARIED, session.log)
        with pytest.raises(BlockingIOError), ProfileFile.opened(path):
            pass
        written = path.stat()
        assert written.st_mode & 0o077 == 0
        file.save(VARIED, session.log)
        assert path.stat().st_mtime_ns == written.st_mtime_ns
        file.save(VARIED, taught(2, session=session).log)
    with ProfileFile.opened(path) as file:
        assert file.profile is not None and file.profile.summary["labels"] == {"1": 1, "2": 1}


def test_a_link_leads_to_the_same_lock(tmp_path: Path) -> None:
    path, link = tmp_path / "anna.odlp", tmp_path / "today.odlp"
    link.symlink_to(path)
    with (
        ProfileFile.opened(path),
        pytest.raises(BlockingIOError, match="close it first: .*today.odlp"),
        ProfileFile.opened(link),
    ):
        pass
    assert list(tmp_path.iterdir()) == [link]


GOOD = profile(taught(9, 1)).text()


def grown(*entries: dict[str, object], **head: object) -> WearerProfile:
    """`GOOD` with more entries, and with other values in its first line."""
    first, *lines = GOOD.splitlines()
    count = len(lines) + len(entries)
    first = json.dumps(json.loads(first) | {"entries": count} | head)
    return WearerProfile.parse("\n".join([first, *lines, *map(json.dumps, entries)]))


def test_a_megabyte_of_labels_goes_on() -> None:
    """In linear time; in the square of it this would not end."""
    label = json.loads(GOOD.splitlines()[-1])
    many = grown(*[label | {"class": n % 3} for n in range(1_000_000 // len(GOOD.splitlines()[-1]))])
    assert going_on(many).lessons == VARIED.max_log


@given(st.lists(st.tuples(st.sampled_from([Entry.LABEL, Entry.CLASS]), st.integers(0, 3))), st.integers(0, 9))
def test_which_labels_give_way(entries: list[tuple[int, int]], most: int) -> None:
    log = np.zeros(len(entries), log_dtype(32))
    log["order"] = np.arange(len(log))
    if entries:
        log["kind"], log["cls"] = np.array(entries).T
    kept = list(log)
    while len(kept) > most and any(e["kind"] == Entry.LABEL for e in kept):
        classes = [int(e["cls"]) for e in kept if e["kind"] == Entry.LABEL]
        most_common = max(map(classes.count, classes))
        first = next(e for e in kept if e["kind"] == Entry.LABEL and classes.count(e["cls"]) == most_common)
        kept = [e for e in kept if e["order"] != first["order"]]
    assert shortened(log, most)["order"].tolist() == [e["order"] for e in kept]


def test_more_memory_than_the_file_is_refused() -> None:
    head = {"format": "odl profile 1", "image": "00000000", "features": 4096, "entries": 5000}
    task = json.dumps({"kind": "task", "class": 1, "task": 2})
    with pytest.raises(ProfileError, match="5000 entries of 4096 features are too many"):
        WearerProfile.parse("\n".join([json.dumps(head), *[task] * 5000]))


def test_profiles_that_cannot_be_merged_are_refused() -> None:
    def classes(name: str) -> WearerProfile:
        return grown(
            *[{"kind": "class", "class": n, "task": 0, "name": f"{name}{n}"} for n in range(10, 200)]
        )

    damaged = WearerProfile(classes("a").image, np.zeros(1, log_dtype(40)))
    for other, why in ((classes("b"), "more classes or tasks"), (damaged, "40 features of one image")):
        with pytest.raises(ProfileError, match=why):
            classes("a") + other
    for text in ("class", "task"):
        entry = {"kind": text, "class": 3, "task": 0, "name": "x"}
        with pytest.raises(ProfileError, match="is there twice"):
            grown(entry, entry)


@given(st.data())
def test_whatever_a_file_holds_it_is_a_profile_or_an_error(data: st.DataObject) -> None:
    lines = [json.loads(line) for line in GOOD.splitlines()]
    values = st.none() | st.integers(-3, 300) | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.sampled_from(sorted(line)))] = data.draw(values | st.sampled_from([0, 1, 9, 255]))
    for text in ("\n".join(map(json.dumps, lines)).encode(), data.draw(st.binary(max_size=60))):
        try:
            found = WearerProfile.parse(text)
            session = Session(VARIED, QUIET)
            session.restore(found.state(VARIED, QUIET))
        except (ProfileError, odl.OdlError):
            continue
        assert session.step(Samples(0, RAW[:200])) and session.lessons == len(found.log)


@pytest.mark.parametrize("cut", range(2, 400, 7))
def test_a_cut_file_is_an_error(cut: int) -> None:
    with pytest.raises(ProfileError):
        WearerProfile.parse(GOOD[: len(GOOD) - cut])


def test_a_replay_goes_on_from_a_profile(tmp_path: Path) -> None:
    monday = odl.replay("shoulder", subjects=[8], budget=8, out=tmp_path)
    image = monday.image
    from odl.evaluate.recorded import open_recording
    from odl.recording.resume import resume

    session = resume(tmp_path / "shoulder-8.odl").session
    path = tmp_path / "anna.odlp"
    path.write_text(WearerProfile.of(image, session.log).text())
    known = odl.replay("shoulder", subjects=[8], policy="none", profile=path, out=tmp_path / "2")
    alone = odl.replay("shoulder", subjects=[8], policy="none")
    better = [float(result.metrics["accuracy"].iloc[0]) for result in (known, alone)]
    assert better[0] > better[1] + 0.1
    assert odl.replay(tmp_path / "2" / "shoulder-8.odl").outcomes[0].same_trace
    assert read_profile(path).summary["image"] == f"{image.checksum:08x}"
    assert open_recording(tmp_path / "2" / "shoulder-8.odl").damage == ""


def test_numbers_at_their_end_can_be_merged() -> None:
    """The next number was one that no profile may have, so that what was written could not be read."""
    one, two = profile(taught(9, 1)), profile(taught(9, 0, name="jump"))
    late = one.text().replace('"order": 1,', f'"order": {2**31 - 2},')
    late = WearerProfile.parse(late.replace('"order": 2,', f'"order": {2**31 - 1},'))
    both = late + two
    assert late.text() == one.text()
    assert both.text() == (one + two).text() == WearerProfile.parse(both.text()).text()
