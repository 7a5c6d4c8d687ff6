"""A whole session from the plain references: windows on their own, questions in a list.

Written from docs/architecture.md, docs/methods.md and `odl.core.events`. It keeps what a person
would keep on paper, not the state block.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
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
    Undo,
    Why,
)
from odl.core.image import Image
from tests.helpers import reference
from tests.helpers.reference import NOBODY, Asker, Entry, Head, Layer, Row, Trained


@dataclass
class Question:
    """A window that was asked about, until its batch is learned from."""

    window: int
    expires: int
    batch: int
    segment: int
    features: list[int]
    status: str = "open"
    cls: int = NOBODY
    order: int = 0  # which answer it was, to know the last


@dataclass(frozen=True)
class Line:
    """A log entry and, of a label, which answer it was."""

    entry: Entry
    order: int = 0


class ReferenceSession:
    """`odl.core.session.Session`, slowly."""

    def __init__(self, image: Image, config: Config) -> None:
        self.image, self.config = image, config
        self.layers = [
            Layer(x.weights.tolist(), x.biases.tolist(), x.mults.tolist(), x.shifts.tolist(), x.stride)
            for x in image.layers
        ]
        self.scaling = list(zip(config.mult, config.shift, config.offset, strict=True))
        heads = map(Head, image.parents.tolist(), image.formats.tolist())
        rows = zip(image.row_class.tolist(), image.row_head.tolist(), image.base.tolist(), strict=True)
        self.trained = Trained(
            list(heads), [Row(cls, head, True, weights) for cls, head, weights in rows],
            image.stored.tolist(), image.owners.tolist(),
            image.epochs, image.rate_shift, image.imprint, image.seed,
        )  # fmt: skip
        self.heads, self.rows = list(self.trained.heads), list(self.trained.rows)
        self.asker = Asker(
            config.policy, allowed=config.allowed, period=config.period, in_samples=config.in_samples,
            horizon=config.horizon, batch=config.batch, step=config.step, seed=config.seed,
            hop=image.hop, room=image.max_pending,
        )  # fmt: skip
        self.position = self.segment = self.answers = 0
        self.stretch: list[list[int]] = []  # scaled samples since the stream last began
        self.previous: list[int] | None = None
        self.held: int | None = None
        self.questions: list[Question] = []
        self.log: list[Line] = []
        self.counts: Counter[str] = Counter()

    def step(self, event: Input) -> list[Output]:
        """Take one input."""
        match event:
            case Samples(_, block):
                return [output for sample in block.tolist() for output in self.sample(sample)]
            case Gap(_, lost, _):
                self.position += lost
                self.stretch, self.previous = [], None
                self.change()
                self.counts["gaps"] += 1
                return []
            case Label(at, window, cls):
                return self.expire(at) + self.answer(at, window, cls) + self.learn(at)
            case Undo(at):
                return self.expire(at) + self.learn(at) + self.undo(at)
            case AddClass(at, cls, name, head):
                return self.add_class(at, cls, name, head)
            case Split(at, leaf, head):
                return self.split(at, leaf, head)
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
        end, window = self.position, self.position - self.image.window
        outputs = self.expire(end) + self.learn(end)
        features = reference.extract(self.layers, self.stretch[-self.image.window :])
        if self.previous and reference.distance(features, self.previous) > self.config.change:
            self.change()
        self.previous = features
        said = reference.score(self.heads, self.rows, features)
        held = self.held if self.config.hold else None
        outputs.append(Prediction(window, said.path, said.scores, held))
        number = self.asker.number
        if self.asker.decide(features, said.uncertainty, end):
            expires = end + self.config.patience
            self.questions.append(Question(window, expires, number, self.segment, features))
            outputs.append(Query(window, said.uncertainty, expires))
            self.counts["queries"] += 1
        self.counts["windows"] += 1
        self.counts["blocked"] = self.asker.blocked
        return outputs

    def change(self) -> None:
        """The stream has changed: no answer stands any longer."""
        self.segment += 1
        self.held = None

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
            known = any(x.entry.kind == "label" and x.entry.window == window for x in self.log)
            return self.drop(at, window, Why.REPEATED if known else Why.UNKNOWN)
        if question.status == "expired":
            return self.drop(at, window, Why.LATE)
        if question.status != "open":
            return self.drop(at, window, Why.REPEATED)
        if cls is None:
            question.status = "skipped"
            return self.drop(at, window, Why.SKIPPED)
        if cls not in self.classes():
            return self.drop(at, window, Why.NO_SUCH_CLASS)
        self.answers += 1
        question.status, question.cls, question.order = "answered", cls, self.answers
        self.counts["answered"] += 1
        if question.segment == self.segment:
            self.held = cls
        return []

    def learn(self, now: int) -> list[Output]:
        """Log every closed batch of which nothing is open, the earliest first; then refit."""
        outputs: list[Output] = []
        for batch in sorted({q.batch for q in self.questions if q.batch < self.asker.number}):
            members = [q for q in self.questions if q.batch == batch]
            if any(q.status == "open" for q in members):
                continue
            self.questions = [q for q in self.questions if q.batch != batch]
            self.asker.waiting -= len(members)
            for q in members:
                if q.status != "answered":
                    continue
                if len(self.log) == self.image.max_log:
                    outputs += self.drop(now, q.window, Why.FULL)
                    continue
                head = self.classes()[q.cls]
                self.log.append(Line(Entry("label", q.window, q.cls, head, q.features), q.order))
                outputs.append(Learned(now, q.window, q.cls, head))
        if any(isinstance(output, Learned) for output in outputs):
            self.refit()
        return outputs

    def undo(self, at: int) -> list[Output]:
        """Take back the last answer: out of the log, or its question is open again."""
        self.held = None
        asked = [q for q in self.questions if q.status == "answered"]
        logged = [x for x in self.log if x.entry.kind == "label"]
        last = max([q.order for q in asked] + [x.order for x in logged], default=None)
        if last is None:
            return self.drop(at, NO_WINDOW, Why.NOTHING_TO_UNDO)
        self.counts["undone"] += 1
        for q in asked:
            if q.order == last:
                q.status, q.cls, q.order = "open", NOBODY, 0
        self.log = [
            replace(x, entry=x.entry._replace(kind="undone"), order=0) if x.order == last else x
            for x in self.log
        ]
        self.refit()
        return []

    # --- the tree -------------------------------------------------------------------------

    def classes(self) -> dict[int, int]:
        """Class ids and their tasks."""
        return {row.cls: row.head for row in self.rows}

    def add_class(self, at: int, cls: int, name: str, head: int) -> list[Output]:
        """A row that takes part once labelled."""
        if head >= len(self.heads) or cls == NOBODY or cls in self.classes():
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        if len(self.rows) == self.image.max_rows or len(self.log) == self.image.max_log:
            return self.drop(at, NO_WINDOW, Why.FULL)
        self.log.append(Line(Entry("class", at, cls, head)))
        self.rows.append(Row(cls, head, False, [0] * (self.image.features + 1)))
        return []

    def split(self, at: int, leaf: int, head: int) -> list[Output]:
        """A task under a leaf."""
        used = leaf in {task.parent for task in self.heads}
        if head < len(self.heads) or leaf not in self.classes() or used:
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        if head >= self.image.max_heads or len(self.log) == self.image.max_log:
            return self.drop(at, NO_WINDOW, Why.FULL)
        if head > len(self.heads):
            return self.drop(at, NO_WINDOW, Why.NO_SUCH_CLASS)
        self.log.append(Line(Entry("split", at, leaf, head)))
        self.heads.append(Head(leaf, self.heads[self.classes()[leaf]].fmt))
        return []

    def refit(self) -> None:
        """Heads from the image and the log."""
        self.heads, self.rows = reference.refit(self.trained, [line.entry for line in self.log])
        self.counts["refits"] += 1
