"""The tables of the image experiment: accuracy against labels, and which directions were seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.study.report.statistics import Interval, holm, mean_interval, paired_p

AT = (40, 80, 160)  # labels in the columns of a table
BASELINE = "random"
INFO, DUAL, SWAPS, ANY_GAIN = "tactile-inforv", "tactile-dualrv", "preemption", "preemption, swap 0"
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "cifar10-jpeg": "CIFAR-10 (through JPEG)"}
CLOSE = 1.0  # points within which two policies count as close
Results = Mapping[str, Any]


def curves(result: Results, name: str, start: str) -> dict[str, NDArray[np.float64]]:
    """For each policy the accuracy in percent, (seeds, batches); before the first batch: column 0."""
    found: dict[str, list[list[float]]] = {}
    for row in result["sets"][name]["rows"]:
        if row["start"] == start:
            found.setdefault(row["policy"], []).append(row["accuracy"])
    return {policy: 100 * np.array(rows) for policy, rows in found.items()}


def heights(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each seed's mean over all batches: the area under its curve."""
    means: NDArray[np.float64] = curve[:, 1:].mean(axis=1)
    return means


def apart(curve: NDArray[np.float64], other: NDArray[np.float64]) -> Interval:
    """By how much one policy's area is above the other's, paired by seed."""
    return mean_interval(heights(curve) - heights(other))


def in_words(interval: Interval) -> str:
    """``+1.2 [+0.3, +2.0]``."""
    return f"{interval.mean:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


def accuracy_table(result: Results, name: str, start: str, batch: int) -> list[str]:
    """Accuracy after so many labels, and over all batches against random."""
    found = curves(result, name, start)
    base = found[BASELINE]
    others = [policy for policy in found if policy != BASELINE]
    p_of = dict(zip(others, holm([paired_p(heights(found[p]) - heights(base)) for p in others]), strict=True))
    rows = [row for row in result["sets"][name]["rows"] if row["start"] == start]
    lines = [
        "| policy | " + " | ".join(f"{n} labels" for n in AT) + " | all batches, to random |",
        "| --- |" + " --- |" * (len(AT) + 1),
    ]
    for policy, curve in found.items():
        cells = []
        for n in AT:
            at = mean_interval(curve[:, n // batch])
            cells.append(f"{at.mean:.1f} [{at.low:.1f}, {at.high:.1f}]")
        own = [row for row in rows if row["policy"] == policy]
        assert {row["labels"] for row in own} == {result["study"]["labels"]}, "a budget was not spent exactly"
        to_random = "" if policy == BASELINE else in_words(apart(curve, base))
        if policy in p_of and p_of[policy] < 0.05:
            to_random = f"**{to_random}**"
        lines.append(f"| {policy} | {' | '.join(cells)} | {to_random} |")
    before = mean_interval(base[:, 0])
    return [f"Before the first label: {before.mean:.1f} %.", "", *lines]


def verdict(interval: Interval) -> str:
    """Whether a difference that should be above 0 is."""
    assert interval.low is not None and interval.high is not None
    if interval.low > 0:
        return "seen"
    return "the contrary" if interval.high < 0 else "not seen, within noise"


def nearness(interval: Interval) -> str:
    """Whether two policies are close."""
    assert interval.low is not None and interval.high is not None
    if interval.low >= -CLOSE and interval.high <= CLOSE:
        return "seen"
    includes = interval.low <= 0 <= interval.high
    return "not excluded" if includes else "not seen"


WANTED = (  # a direction, the policy that should be ahead, of which other, in which sets; close: neither
    ("InfoRV ahead of random", INFO, BASELINE, None, False),
    ("DualRV ahead of random", DUAL, BASELINE, None, False),
    ("InfoRV ahead of preemption", INFO, SWAPS, None, False),
    ("DualRV ahead of preemption", DUAL, SWAPS, None, False),
    ("InfoRV and DualRV close on the simple sets", DUAL, INFO, ("mnist", "fashion-mnist"), True),
    ("DualRV ahead of InfoRV on CIFAR-10", DUAL, INFO, ("cifar10-jpeg",), False),
    ("*beside the paper:* InfoRV ahead of preemption at any gain", INFO, ANY_GAIN, None, False),
    ("*beside the paper:* DualRV ahead of preemption at any gain", DUAL, ANY_GAIN, None, False),
)


def directions(result: Results) -> list[str]:
    """The paper's directions, a row each, and what was seen of them in each set and from each start."""
    names = result["study"]["sets"]
    lines = [
        "| the paper's direction | start | " + " | ".join(TITLES.get(name, name) for name in names) + " |",
        "| --- | --- |" + " --- |" * len(names),
    ]
    for text, one, other, only, close in WANTED:
        if other not in result["bytes"]:
            continue
        for start in result["study"]["starts"]:
            cells = []
            for name in names:
                found = curves(result, name, start)
                interval = apart(found[one], found[other])
                told = nearness(interval) if close else verdict(interval)
                cells.append("" if only and name not in only else f"{told}: {in_words(interval)}")
            lines.append(f"| {text} | `{start}` | {' | '.join(cells)} |")
    faster, smaller = [], []
    for name in names:
        took = {policy: time_of(result, policy, name) for policy in (INFO, DUAL, SWAPS)}
        told = "seen" if max(took[INFO], took[DUAL]) < took[SWAPS] else "not seen"
        faster.append(f"{told}: {took[INFO]:.1f} and {took[DUAL]:.1f} us, {took[SWAPS]:.1f} us")
        kept = [result["bytes"][policy] for policy in (INFO, DUAL, SWAPS)]
        told = "seen" if kept[0] < min(kept[1:]) else "not seen"
        smaller.append(f"{told}: {kept[0]} bytes, {kept[1]} and {kept[2]}")
    lines.append(f"| InfoRV and DualRV decide faster than preemption | both | {' | '.join(faster)} |")
    lines.append(f"| InfoRV needs less memory than DualRV and preemption | both | {' | '.join(smaller)} |")
    return lines


def time_of(result: Results, policy: str, *names: str) -> float:
    """The median time of a decision in microseconds, over the sessions of these sets."""
    rows = [row for name in names for row in result["sets"][name]["rows"] if row["policy"] == policy]
    return float(np.median([row["microseconds"] for row in rows]))


def costs(result: Results) -> list[str]:
    """Time and memory of a decision, for each policy."""
    lines = [
        "| policy | time of a decision | kept between images, besides the batch |",
        "| --- | --- | --- |",
    ]
    for policy, size in result["bytes"].items():
        lines.append(f"| {policy} | {time_of(result, policy, *result['sets']):.1f} us | {size:,} bytes |")
    return lines


def page(result: Results) -> str:
    """Everything, as Markdown."""
    study, blocks = result["study"], ["## Which directions were seen", "", *directions(result), ""]
    blocks += ["## Time and memory", "", *costs(result), ""]
    for name in study["sets"]:
        about: Mapping[str, float] = result["sets"][name]["extractor"]
        blocks += [
            f"## {TITLES.get(name, name)}", "",
            f"The extractor: {about['parameters']:,.0f} parameters, {about['macs']:,.0f} multiply-accumulates"
            f" an image, trained on {about['trained_on']:,.0f} images; on the classes that it was trained on "
            f"{about['float']:.1%} in float, {about['int8']:.1%} in int8.", "",
        ]  # fmt: skip
        for start, has in study["starts"].items():
            blocks += [f"### Start `{start}`: {has['each']} images of each of {has['classes']} classes", ""]
            blocks += [*accuracy_table(result, name, start, study["batch"]), ""]
    return "\n".join(blocks)


def labels_of(policies: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of a study's policies in tables.

    >>> labels_of([{"name": "preemption", "swap": 0}, {"name": "tactile-dualrv-host", "a": "entropy"}])
    ['preemption, swap 0', 'tactile-dualrv, entropy']
    """

    def words(entry: Mapping[str, Any]) -> Iterator[str]:
        yield str(entry["name"]).removesuffix("-host")
        for key, value in entry.items():
            if key != "name":
                yield value if isinstance(value, str) else f"{key} {value}"

    return [", ".join(words(entry)) for entry in policies]
