"""The table of metrics: every row is in the JSON and the data frame, and at each place that it names."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from odl.core.events import Label, Prediction, Query, Truth
from odl.evaluate import METRICS, Evaluation, evaluate, mean_of, score_of
from odl.evaluate.metrics import SCORES, Metric, Score, shown_at
from odl.evaluate.report import SessionView, summary_text, write_report
from odl.evaluate.score import ModelScore, PersonScore, score_text
from tests.helpers.synthetic import KNOWN, RATE_HZ, WINDOW, session


@pytest.fixture(scope="module")
def one() -> Evaluation:
    events, without = session(1, series=3)
    return evaluate(events, without, KNOWN, subject="1", window=WINDOW, rate_hz=RATE_HZ, budget=20)


def test_names_and_explanations() -> None:
    assert (
        len({metric.name for metric in METRICS}) == len({metric.label for metric in METRICS}) == len(METRICS)
    )
    for metric in METRICS:
        assert metric.name.isidentifier() and metric.explanation.endswith(".")
        assert metric.of in ("", *(other.name for other in METRICS))


def test_every_metric_is_in_json_and_in_the_mean(one: Evaluation) -> None:
    figures, mean = json.loads(json.dumps(one.to_json())), mean_of([one, one])
    for metric in METRICS:
        value = figures[metric.name]
        assert mean[metric.name] == (None if value is None else pytest.approx(value))
    for baseline in figures["baselines"].values():
        assert list(baseline) == [metric.name for metric in SCORES]


def test_every_metric_is_where_the_table_puts_it(one: Evaluation, tmp_path: Path) -> None:
    figures, summary = one.to_json(), summary_text([one])
    path = write_report(tmp_path / "r.html", [SessionView(one)], title="t", about={}, memory={})
    html = unescape(path.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    for metric in shown_at("table"):
        assert metric.text(figures, "/").removesuffix(" %") in summary
        assert metric.text(figures) in html
        assert metric.compared or metric.explanation in " ".join(summary.split())
    for metric in shown_at("page"):
        assert metric.explanation in html
        shown = not (metric.only_above_zero and not figures[metric.name])
        assert (f'<th scope="row">{metric.label}</th><td>{metric.text(figures)}</td>' in html) == shown


def test_every_metric_of_a_model_is_in_its_text() -> None:
    score = score_of(["a", "b", "b"], ["a", "b", "a"])
    text = score_text(ModelScore(score, None, (PersonScore("7", 3, 3, score),), (), (), {}))
    for metric in shown_at("model"):
        assert f"{metric.label} {metric.text(score)}" in text


def test_text_of_a_value() -> None:
    share, count = Metric("a", "a", "share", "", len), Metric("n", "n", "count", "", len, of="m")
    assert share.text({"a": None}) == "–" and share.text({"a": 0.5}) == "50.0 %"
    assert count.text({"n": 3, "m": None}) == count.text({"n": 3}) == "3"
    assert count.text({"n": 3, "m": 7}, "/") == "3/7" and count.text({"n": 2.5, "m": 7.0}) == "2.5"


def test_a_metric_that_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="no metric 'f1'; there are accuracy"):
        Score(accuracy=1.0).f1  # noqa: B018


SUMMARY = """\
With 1 answer, accuracy rose from 0 % to 50 % over the whole stream (person 7)

Accuracy in %, with learning and without: whole stream, and its last third

        whole    whole  third    third    last  macro
person   with  without   with  without  answer     F1  asked  answers
7        50.0      0.0  100.0      0.0   100.0  0.333    2/2        1

with         What is shown: the model's output, before it learns from the
             window, or an answer that still stands.
without      The same model, never asking and never changing.
last answer  A rule that repeats the class of the newest answer; it is wrong
             before the first one.
macro F1     Mean of F1 over the classes, all scored windows together; each
             class counts the same.
asked        Questions asked, of those allowed in the whole stream. Skipped and
             unanswered questions are not refunded.
answers      Answers to questions that took effect and were not taken back.
questions    1 answered, 1 open at the end.

A rule that repeats the last answer reaches 100 % in the last third. The last
third of person 7 is one class alone, sit: it shows only whether that class is
recognised."""


def test_the_summary_as_a_whole() -> None:
    events = [
        Truth(0, 192, "sit"), Prediction(0, (1,), ()), Query(0, 9, 999), Label(128, 0, 0),
        Prediction(64, (0,), ()), Query(64, 9, 999),
    ]  # fmt: skip
    without = [Prediction(0, (1,), ()), Prediction(64, (1,), ())]
    names = {0: "sit", 1: "walk"}
    one = evaluate(events, without, names, subject="7", window=128, rate_hz=50, budget=2)
    assert summary_text([one]) == SUMMARY
