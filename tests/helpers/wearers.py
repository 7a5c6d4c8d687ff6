"""Days of a wearer: what a person teaches, and changes of classes, as a front end allows them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from odl.core.class_tree import ClassTree
from odl.core.events import Samples
from odl.core.loop import commands
from odl.core.protocols import ClassEdit, Reaction, TakeBack, Taught
from odl.core.session import Session
from odl.core.state import Entry
from odl.labels.class_edit import wrong_edit
from odl.labels.question import tree_of
from odl.model.profile import WearerProfile
from tests.helpers.streams import VARIED, config, samples

IMAGE = replace(VARIED, max_rows=20, max_heads=8)
NAMES = ("hop", "jump", "skip", "slow", *VARIED.names.values())
RAW = samples(11, 20_000)


def opened(profile: WearerProfile | None = None) -> Session:
    """A session of `IMAGE` that goes on from a profile."""
    session = Session(IMAGE, config("none", allowed=0))
    if profile is not None:
        session.restore(profile.state(IMAGE, session.config))
    return session


def act(rng: random.Random, session: Session, names: Sequence[str], undo: bool) -> None:
    """Do one thing about classes called ``names``, if it is possible."""
    tree, rows, heads = tree_of(session), IMAGE.max_rows, IMAGE.max_heads
    kind = rng.choice(["teach", "teach", "teach", "add", "rename", "merge", "remove", *["undo"] * undo])
    name, other = rng.choice(names), rng.choice(names)
    places = [place for place in tree.places(rows, heads) if place.under in (None, *names)]
    place = rng.choice(places)
    if kind == "teach":
        if tree.wrong(name, place.head, place.leaf, rows, heads):
            return
        at = rng.randrange(0, len(RAW) - 120)
        session.step(Samples(session.position, RAW[at : at + 120]))
    reaction: Reaction = ClassEdit(
        kind, name, other if kind in ("rename", "merge") else None, place.head, place.leaf
    )
    if kind in ("teach", "undo"):
        reaction = Taught(name, place.head, place.leaf) if kind == "teach" else TakeBack()
    if not (isinstance(reaction, ClassEdit) and wrong_edit(tree, reaction, rows, heads)):
        for command in commands(session, reaction):
            session.step(command)


def day(
    rng: random.Random, before: WearerProfile | None = None, names: Sequence[str] = NAMES, undo: bool = True
) -> WearerProfile:
    """What a wearer knows after a day that goes on from ``before``."""
    session = opened(before)
    for _ in range(rng.randrange(1, 14)):
        act(rng, session, names, undo)
    return WearerProfile.of(IMAGE, session.log)


def shown(tree: ClassTree) -> list[str]:
    """The names of the classes that are shown."""
    return [tree.name(cls) for cls in tree.shown]


def learned(profile: WearerProfile) -> tuple[set[tuple[str, ...]], set[tuple[tuple[str, ...], bytes]]]:
    """The classes that are shown and the labels that count, by their places in the tree."""
    tree = opened(profile).tree
    labels = set()
    for entry in profile.log[profile.log["kind"] == Entry.LABEL]:
        cls = tree.counts_as(int(entry["cls"]))
        if cls is not None:
            labels.add((tree.path(cls), entry["features"].tobytes()))
    return {tree.path(cls) for cls in tree.shown}, labels
