"""Seeded event streams that look like a person's session, for tests of what reads them."""

from __future__ import annotations

import numpy as np

from odl.core.events import (
    AddClass,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Truth,
    Why,
)

WINDOW, HOP, RATE_HZ, DELAY, EXPIRY = 128, 64, 50.0, 500, 1500
EXERCISES = ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
KNOWN = dict(enumerate(EXERCISES[:5]))  # the image knows these; the stream brings the rest


def session(
    seed: int, *, series: int = 14, length: int = 1792, budget: int = 20, batch: int = 5
) -> tuple[list[Event], list[Event]]:
    """One session and its trace without learning.

    ``series`` recordings of ``length`` samples, one exercise each, joined by seams; a model
    that gets better with each batch of answers; one question in seven is skipped, one in
    eleven is never answered.
    """
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(EXERCISES)) for _ in range(-(-series // len(EXERCISES)))])
    ability = rng.uniform(0.6, 0.85)
    events: list[Event] = []
    without: list[Event] = []
    batch_answers: list[tuple[int, int]] = []
    waiting: list[tuple[int, int, int]] = []  # due, window, class
    known, learned, asked = set(KNOWN), 0, 0
    for nth in range(series):
        start, cls = nth * length, int(order[nth])
        events.append(Gap(start, 0, "a new recording"))
        events.append(Truth(start + 25, start + length, EXERCISES[cls]))
        for window in range(start, start + length - WINDOW + 1, HOP):
            end = window + WINDOW
            for item in [item for item in waiting if item[0] < end]:
                waiting.remove(item)
                due, about, answer = item
                if about % 11 == 5:
                    events.append(Dropped(due, about, Why.EXPIRED))
                    continue
                if about % 7 == 3:
                    events += [Label(due, about, None), Dropped(due, about, Why.SKIPPED)]
                    continue
                if answer not in known:
                    known.add(answer)
                    events.append(AddClass(due, answer, EXERCISES[answer], 0))
                events.append(Label(due, about, answer))
                batch_answers.append((about, answer))
                if len(batch_answers) == batch:
                    events += [Learned(due, w, c, 0) for w, c in batch_answers]
                    learned += len(batch_answers)
                    batch_answers.clear()
            better = learned and cls in known
            chance = min(0.97, ability + 0.015 * learned) if better else ability * (cls in KNOWN)
            said = cls if rng.random() < chance else int(rng.choice(sorted(known)))
            plain = cls if cls in KNOWN and rng.random() < ability else int(rng.choice(sorted(KNOWN)))
            events.append(Prediction(window, (said,), _scores(rng, said, len(known))))
            without.append(Prediction(window, (plain,), _scores(rng, plain, len(KNOWN))))
            if asked < budget and rng.random() < budget / (0.8 * series * length / HOP):
                asked += 1
                events.append(Query(window, int(rng.integers(0, 32768)), end + EXPIRY))
                delay = EXPIRY if window % 11 == 5 else DELAY
                waiting.append((end + delay, window, cls))
    return events, without


def _scores(rng: np.random.Generator, said: int, rows: int) -> tuple[int, ...]:
    share = rng.dirichlet(np.ones(rows))
    share[min(said, rows - 1)] += 1
    return tuple(int(32768 * each / 2) for each in share)
