"""A whole session from the plain references: windows on their own, questions and labels in lists.

Written from docs/architecture.md, docs/methods.md and `odl.core.events`. It keeps what a person
would keep on paper, not the state block.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    ChangeClass,
    Dropped,
    Gap,
    Input,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.image import Image
from tests.helpers import reference, reference_heads
from tests.helpers.images import layers_of
from tests.helpers.reference import NOBODY, clamp
from tests.helpers.reference_heads import (
    Entry,
    Head,
    Learner,
    Refit,
    Row,
    Scores,
    Trained,
    changes,
    counting,
    regrow,
)
from tests.helpers.reference_policy import Asker, Segment


@dataclass
class Question:
    """A segment that was asked about, until its batch is learned from."""

    window: int
    expires: int
    batch: int
    segment: int
    said: int  # what was shown when asking
    item: list[int]
    status: str = "open"
    cls: int = NOBODY
    order: int = 0  # which answer it was, to know the last


@dataclass(frozen=True)
class Line:
    """A log entry and, of a label, which answer it was."""

    entry: Entry
    order: int = 0


def trained_of(image: Image) -> Trained:
    """The image's heads and what it says of learning."""
    heads = map(Head, image.parents.tolist(), image.formats.tolist())
    rows = zip(image.row_class.tolist(), image.row_head.tolist(), image.base.tolist(), strict=True)
    return Trained(
        list(heads), [Row(cls, head, True, weights) for cls, head, weights in rows],
        image.stored.tolist(), image.owners.tolist(),
        image.epochs, image.rate_shift, image.imprint, image.seed,
    )  # fmt: skip


class ReferenceSession:
    """`odl.core.session.Session`, slowly."""

    def __init__(self, image: Image, config: Config) -> None:
        self.image, self.config = image, config
        self.layers = layers_of(image)
        self.scaling = list(zip(config.mult, config.shift, config.offset, strict=True))
        self.trained = trained_of(image)
        self.learner = regrow(self.trained, [])
        self.asker = Asker(
            config.policy, allowed=config.allowed, period=config.period, in_samples=config.in_samples,
            horizon=config.horizon, batch=config.batch, step=config.step, seed=config.seed,
            hop=image.hop, room=image.max_pending, every=config.every, floor=config.floor,
        )  # fmt: skip
        self.lessons_per_hop = clamp(1_600_000 * image.hop // round(image.rate_hz * 1000), 1, 65535)
        self.position = self.answers = 0
        self.stretch: list[list[int]] = []  # scaled samples since the stream last began
        self.segment = Segment()
        self.said = NOBODY  # what was shown last
        self.held: tuple[int, int] | None = None  # a class, and what was shown when it was asked for
        self.questions: list[Question] = []
        self.log: list[Line] = []
        self.refit: Refit | None = None  # what is being learned
        self.counts: Counter[str] = Counter()

    def step(self, event: Input) -> list[Output]:
        """Take one input."""
        match event:
            case Samples(_, block):
                return [output for sample in block.tolist() for output in self.sample(sample)]
            case Gap(_, lost, _):
                self.position += lost
                self.stretch, self.segment, self.held = [], Segment(self.segment.number + 1), None
                self.counts["gaps"] += 1
                return []
            case Label(at, window, cls):
                return self.expire(at) + self.answer(at, window, cls) + self.collect(at)
            case Teach(at, cls):
                return self.expire(at) + self.teach(at, cls) + self.collect(at)
            case Undo(at):
                return self.expire(at) + self.collect(at) + self.undo(at)
            case AddClass(at, cls, name, head):
                return self.add_class(at, cls, name, head)
            case Split(at, leaf, head):
                return self.split(at, leaf, head)
            case ChangeClass(at, cls, into, _):
                return self.change(at, cls, NOBODY if into is None else into)
        raise TypeError(event)

    def drop(self, at: int, window: int, why: Why) -> list[Output]:
        """Something had no effect."""
        self.counts[why.name.lower()] += 1
        return [Dropped(at, window, why)]

    # --- the stream -----------------------------------------------------------------------

    def sample(self, raw: list[int]) -> list[Output]:
        """One sample; a window's end is where the outputs come."""
        scaled, clamped = reference.scale_sample(raw, self.scaling)
        self.counts["saturated"] += clamped
        self.stretch.append(scaled)
        self.position += 1
        past = len(self.stretch) - self.image.window
        if past < 0 or past % self.image.hop:
            return []
        return self.window(self.position - self.image.window, self.position)

    def window(self, start: int, end: int) -> list[Output]:
        """What comes at a window's end."""
        outputs = self.expire(end) + self.collect(end)
        if self.refit and self.refit.learn(self.lessons_per_hop):
            self.learner, self.refit = self.refit.now(), None
        features = reference.extract(self.layers, self.stretch[-self.image.window :])
        segment = self.segment.after(start, features, self.config.change)
        if segment is not self.segment:
            self.segment, self.held = segment, None
        found = self.score(features)
        self.said = found.path[-1] if found.path else NOBODY
        if self.held and self.said not in self.held:
            self.held = None
        held = self.held[0] if self.held and self.config.hold else None
        outputs.append(Prediction(start, found.path, found.scores, held))
        number = self.asker.number
        if self.asker.decide(features, found.uncertainty, end, segment, self.known_items()):
            expires = end + self.config.patience
            self.questions.append(Question(start, expires, number, segment.number, self.said, segment.mean()))
            outputs.append(Query(start, found.uncertainty, expires, segment.starts[0]))
            self.counts["queries"] += 1
        self.counts["windows"] += 1
        self.counts["blocked"] = self.asker.blocked
        return outputs

    def score(self, features: list[int]) -> Scores:
        """What is shown of a vector."""
        return reference_heads.score(self.trained, self.learner, self.entries(), features)

    def entries(self) -> list[Entry]:
        """The log."""
        return [line.entry for line in self.log]

    def labels(self) -> list[Line]:
        """Its labels."""
        return [line for line in self.log if line.entry.kind == "label"]

    def known_items(self) -> list[list[int]]:
        """Items of what was answered or still may be."""
        asked = [q.item for q in self.questions if q.status in ("open", "answered")]
        return [list(line.entry.features) for line in self.labels()] + asked

    # --- questions and answers ------------------------------------------------------------

    def expire(self, now: int) -> list[Output]:
        """Questions whose time is over."""
        outputs: list[Output] = []
        for question in self.questions:
            if question.status == "open" and question.expires <= now:
                question.status = "expired"
                outputs += self.drop(now, question.window, Why.EXPIRED)
        return outputs

    def answer(self, at: int, window: int, cls: int | None) -> list[Output]:
        """An answer, or a skip."""
        question = next((q for q in self.questions if q.window == window), None)
        if question is None:
            known = any(line.entry.window == window for line in self.labels())
            return self.drop(at, window, Why.REPEATED if known else Why.UNKNOWN)
        if question.status == "expired":
            return self.drop(at, window, Why.LATE)
        if question.status != "open":
            return self.drop(at, window, Why.REPEATED)
        if cls is None:
            question.status = "skipped"
            return self.drop(at, window, Why.SKIPPED)
        if not self.shown(cls):
            return self.drop(at, window, Why.NO_SUCH_CLASS)
        self.answers += 1
        question.status, question.cls, question.order = "answered", cls, self.answers
        self.counts["answered"] += 1
        if question.segment == self.segment.number:
            self.hold(cls, question.said)
        return []

    def teach(self, at: int, cls: int) -> list[Output]:
        """Nobody asked; if somebody did, it is the answer."""
        now = [q for q in self.questions if q.status == "open" and q.segment == self.segment.number]
        if now:
            return self.answer(at, now[0].window, cls)
        if self.segment.age == 0:
            return self.drop(at, NO_WINDOW, Why.UNKNOWN)
        window = self.segment.starts[-1]
        if not self.shown(cls):
            return self.drop(at, window, Why.NO_SUCH_CLASS)
        asked = [q.window for q in self.questions]
        if window in asked + [line.entry.window for line in self.labels()]:
            return self.drop(at, window, Why.REPEATED)
        outputs = self.learn(at, window, cls, self.answers + 1, self.segment.mean())
        if self.logged(outputs):
            self.answers += 1
            self.counts["taught"] += 1
            self.hold(cls, self.said)
            self.segment.asked = True
            self.start_refit()
        return outputs

    def hold(self, cls: int, said: int) -> None:
        """An answer about the present stands if the image does not know its class; an older one falls."""
        cls = self.learner.counts_as(cls)
        known = cls in [row.cls for row in self.trained.rows]
        self.held = None if known else (cls, said)

    def collect(self, now: int) -> list[Output]:
        """Log every closed batch of which nothing is open, the earliest first; then learn anew."""
        outputs: list[Output] = []
        for batch in sorted({q.batch for q in self.questions if q.batch < self.asker.number}):
            members = [q for q in self.questions if q.batch == batch]
            if any(q.status == "open" for q in members):
                continue
            self.questions = [q for q in self.questions if q.batch != batch]
            self.asker.waiting -= len(members)
            for q in members:
                if q.status == "answered":
                    outputs += self.learn(now, q.window, q.cls, q.order, q.item)
        if self.logged(outputs):
            self.start_refit()
        return outputs

    def logged(self, outputs: list[Output]) -> bool:
        """Whether a label went into the log."""
        return any(isinstance(output, Learned) for output in outputs)

    def learn(self, now: int, window: int, cls: int, order: int, item: list[int]) -> list[Output]:
        """Log a label; a full log gives up one for it."""
        if not self.make_room():
            return self.drop(now, window, Why.FULL)
        head, said = self.classes()[cls], self.score(item)
        self.log.append(Line(Entry("label", window, cls, head, item, said.base, said.mixed), order))
        return [Learned(now, window, cls, head)]

    def make_room(self) -> bool:
        """A label of a full log goes for something new; false if there is none."""
        if len(self.log) < self.image.max_log:
            return True
        place = reference_heads.least_needed(self.learner, self.entries())
        if place is None:
            return False
        del self.log[place]
        self.counts["gave_way"] += 1
        return True

    def undo(self, at: int) -> list[Output]:
        """Take back the last answer or change: out of the log, or its question is open again."""
        self.held = None
        asked = [q for q in self.questions if q.status == "answered"]
        given = [line.order for line in self.log if line.entry.kind in ("label", "change")]
        last = max([q.order for q in asked] + given, default=None)
        if last is None:
            return self.drop(at, NO_WINDOW, Why.NOTHING_TO_UNDO)
        self.counts["undone"] += 1
        for q in asked:
            if q.order == last:
                q.status, q.cls, q.order = "open", NOBODY, 0
        kept = [line for line in self.log if line.order != last]
        if kept != self.log:
            gone = [line.entry.window for line in self.labels() if line.order == last]
            if self.segment.starts and gone and gone[0] >= self.segment.starts[0]:
                self.segment.asked = False
            self.log = kept
            self.learner = self.learner._replace(changed=changes(self.entries()))
            self.start_refit()
        return []

    # --- the tree -------------------------------------------------------------------------

    def classes(self) -> dict[int, int]:
        """Class ids and their tasks."""
        return {row.cls: row.head for row in self.learner.rows}

    def add_class(self, at: int, cls: int, name: str, head: int) -> list[Output]:
        """A row that takes part once labelled."""
        if head >= len(self.learner.heads) or cls == NOBODY or cls in self.classes():
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        before = len(self.labels())
        if len(self.learner.rows) == self.image.max_rows or not self.make_room():
            return self.drop(at, NO_WINDOW, Why.FULL)
        row = Row(cls, head, False, [0] * (self.image.features + 1))
        grown = self.learner._replace(rows=[*self.learner.rows, row])
        self.grow(Line(Entry("class", at, cls, head)), grown, before)
        return []

    def split(self, at: int, leaf: int, head: int) -> list[Output]:
        """A task under a leaf."""
        used = leaf in {task.parent for task in self.learner.heads}
        if head < len(self.learner.heads) or leaf not in self.classes() or used:
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        if len(self.learner.heads) < head < self.image.max_heads:
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        before = len(self.labels())
        if head >= self.image.max_heads or not self.make_room():
            return self.drop(at, NO_WINDOW, Why.FULL)
        task = Head(leaf, self.learner.heads[self.classes()[leaf]].fmt)
        grown = self.learner._replace(heads=[*self.learner.heads, task])
        self.grow(Line(Entry("split", at, leaf, head)), grown, before)
        return []

    def shown(self, cls: int) -> bool:
        """Whether a class can be an answer."""
        return cls in self.classes() and self.learner.counts_as(cls) != NOBODY

    def change(self, at: int, cls: int, into: int) -> list[Output]:
        """A class counts as another, as none or as itself."""
        known = [row.cls for row in self.trained.rows]
        stays = [c for c in known if c != cls and self.classes()[c] == 0 and self.learner.own(c) == c]
        fits = cls in self.classes() and (into in self.classes() or into == NOBODY)
        if fits and into == NOBODY:
            fits = bool(stays) or cls not in known or self.classes()[cls] != 0
        elif fits and into != cls:
            fits = self.classes()[cls] == self.classes()[into] and self.learner.own(into) == into
            fits = fits and (cls not in known or into in known)
        if not fits:
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        before = len(self.labels())
        if not self.make_room():
            return self.drop(at, NO_WINDOW, Why.FULL)
        self.answers += 1
        line = Line(Entry("change", at, cls, into), self.answers)
        if into == cls == self.learner.own(cls):
            self.grow(line, self.learner, before)
            return []
        self.log.append(line)
        self.held = None
        self.learner = self.learner._replace(changed=changes(self.entries()))
        self.start_refit()
        return []

    def grow(self, line: Line, grown: Learner, labels: int) -> None:
        """The tree is larger; what is being learned begins anew, as it does if there were more labels."""
        self.log.append(line)
        self.learner = grown
        if self.refit or len(self.labels()) < labels:
            self.start_refit()

    def start_refit(self) -> None:
        """Learn anew from the image and the log; without a label that is the image."""
        self.counts["refits"] += 1
        self.refit = Refit(self.trained, self.entries()) if counting(self.trained, self.entries()) else None
        if self.refit is None:
            self.learner = regrow(self.trained, self.entries())
