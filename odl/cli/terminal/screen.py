"""The drawn view of a session as lines of styled text, made without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from odl._text import clean, clock_time, counted, percent, width
from odl.cli.terminal import class_menu
from odl.cli.terminal.braille import plotted
from odl.cli.terminal.keys import KeyMode, Line, class_lines, help_lines, key_lines, mode_lines
from odl.labels.question import ClassChoice, Question
from odl.labels.stretch import ago_words, stretch_words
from odl.live.status import LiveStatus, QuestionSource

_BARS: Final = 5  # classes with a bar
_ANSWERS: Final = 2
_MORE: Final = "     ... more: n and the name"


def frame(
    words: Sequence[str],
    prompt: QuestionSource,
    mode: KeyMode,
    at: int,
    columns: int,
    rows: int,
    *,
    plain: bool = False,
    details: Sequence[tuple[str, str]] = (),
) -> list[Line]:
    """Return all lines, at most ``rows`` of at most ``columns``; ``at`` chooses the open question.

    ``words``, such as `figures` of a live session, are the top lines; ``details`` are shown in the mode of
    that name. ``plain`` is ASCII without the plot.
    Where there is no room, plot, answers and bars are left out first, then ``words`` from their end; keys
    and classes last.
    """
    columns, questions = max(20, columns), prompt.questions
    over = mode.window is not None and mode.window not in [question.window for question in questions]
    status, now = wrapped_words(words, columns), _now(prompt) if prompt.live else []
    if mode.kind in ("help", "details"):
        told = help_lines(prompt.live, columns) if mode.kind == "help" else _detail_lines(details)
        if len(told) > rows:
            told = help_lines(prompt.live, 1000) if mode.kind == "help" else told
        return cut_all(fitted([status, now, told], (), (0, 1, 2), rows), columns)
    bars = _bars(prompt.likely, columns, plain)
    answers, last = _answers(prompt), prompt.answers[0].sentence if prompt.answers else ""
    said = [[("class:said", clean(prompt.sentence, 200))]] if prompt.sentence not in ("", last) else []
    plot: list[Line] = []
    title: list[Line] = [[("class:quiet", prompt.nothing)]]
    choices, foot = mode_lines(mode, columns)
    if mode.kind in ("classes", "which"):
        choices = class_menu.menu_lines(mode, columns)
        foot = [[("class:quiet", "esc: change nothing")]]
    if mode.kind == "keys":
        foot = key_lines(prompt, False, columns)
    if over:
        title = [[("class:quiet", "that question has ended; esc: leave it")]]
    elif mode.changing:
        title = [[("class:ask", class_menu.title(mode))]]
    elif mode.teaching:
        title = [[("class:ask", "What are you doing now? This costs no question.")]]
    elif questions:
        question = questions[at % len(questions)]
        title = [_title(prompt, question, at % len(questions), len(questions), columns)]
        if question.unknown:
            title.append([("class:ask", f"{question.offer[0].upper()}{question.offer[1:]}.")])
        if question.truth:
            title.append([("class:truth", f"The recording says: {clean(question.truth)}")])
        if mode.kind == "keys":
            choices, foot = class_lines(question.likely, columns), key_lines(prompt, True, columns)
        if not plain:
            plot = [[("class:plot", line)] for line in plotted(question, prompt.channels, columns)]
        if question.lacks:
            plot.append([("class:quiet", question.lacks)])
    parts = [status, now, bars, title, plot, choices, foot, answers, said]
    lines = fitted(parts, (4, 7, 2), (0, 8, 1, 3, 5, 6), rows)
    if 0 < len(parts[5]) < len(choices):  # the least likely ones
        lines[lines.index(parts[5][-1])] = [
            ("class:quiet", _MORE if mode.kind == "keys" else "     ... more")
        ]
    return cut_all(lines, columns)


def fitted(parts: list[list[Line]], whole: Sequence[int], line: Sequence[int], rows: int) -> list[Line]:
    """Return the lines of ``parts``, at most ``rows`` of them.

    Parts numbered ``whole`` are left out first, each as a whole, then the last lines of those numbered
    ``line``, in this order.
    """
    over = sum(map(len, parts)) - rows
    for number in whole:
        if over > 0:
            over -= len(parts[number])
            parts[number] = []
    for number in line:
        if over > 0:
            kept = max(0, len(parts[number]) - over)
            over -= len(parts[number]) - kept
            parts[number] = parts[number][:kept]
    return [line for part in parts for line in part]


def cut_all(lines: Sequence[Line], columns: int) -> list[Line]:
    """Return ``lines``, each of at most ``columns``."""
    return [_cut(line, columns) for line in lines]


def figures(status: LiveStatus) -> list[str]:
    """Return what a person at a live session looks for, each in a few words."""
    rate = "–" if status.rate is None else f"{status.rate:.2f}"
    found = [clean(str(status.port), 30), clean(str(status.state), 60), f"{rate} of {status.declared:g} Hz"]
    found.append(f"{clock_time(status.position / status.declared)}, {counted(status.windows, 'window')}")
    found.append(f"lost {status.lost}")
    if status.differences:
        found.append(f"board and host differed {counted(status.differences, 'time')}")
    if status.accuracy is not None:
        found.append(f"accuracy {percent(status.accuracy)} of {counted(status.scored, 'window')}")
    if status.budget_left is not None:
        found.append(f"questions left {status.budget_left}")
    if status.recording is not None:
        found.append(f"recording {clean(str(status.recording), 60)}")
    return found


def details(status: LiveStatus) -> list[tuple[str, str]]:
    """Return the figures of the line and the board, with their names."""
    found = [("lost", f"{counted(status.lost, 'sample')}; the device dropped {status.dropped} of them"),
             ("damaged", str(status.damaged))]  # fmt: skip
    if status.drift is not None:
        # More than a tenth is not drift: the stream is played at another speed.
        fast = abs(status.drift) > 1e5
        speed = f"{1 + status.drift / 1e6:.1f} times real time"
        way = "slower" if status.drift < 0 else "faster"
        drift = f"{abs(status.drift):.0f} ppm {way} than this computer's"
        found.append(("clock", speed if fast else drift))
    if status.jitter is not None:
        found.append(("jitter", f"{status.jitter:.1f} ms"))
    if status.compared is not None:
        found += [("compared", f"{counted(status.compared, 'window')} of board and host"),
                  ("skipped", f"{counted(status.skipped or 0, 'window')}, which only one of them had"),
                  ("differences", str(status.differences or 0))]  # fmt: skip
    if status.problem:
        found.append(("problem", status.problem))
    return found


def _detail_lines(details: Sequence[tuple[str, str]]) -> list[Line]:
    return [*([("", f"{name:<13}{clean(text, 200)}")] for name, text in details),
            [("class:quiet", "d or esc: back")]]  # fmt: skip


def wrapped_words(words: Sequence[str], columns: int) -> list[Line]:
    """Return figures of a few words each, in as many lines as they need."""
    lines, text = [], ""
    for each in words:
        if text and width(text) + 3 + width(each) > columns:
            lines.append(text)
            text = each
        else:
            text = f"{text}   {each}" if text else each
    return [[("class:status", line)] for line in (*lines, text)]


def _now(prompt: QuestionSource) -> list[Line]:
    path = " > ".join(clean(name, 80) for name in prompt.path) or "nothing predicted yet"
    truth = [("class:quiet", "   truth  "), ("class:truth", clean(prompt.truth))] if prompt.truth else []
    return [[("class:quiet", "now  "), ("class:now", path), *truth]]


def _bars(likely: Sequence[ClassChoice], columns: int, plain: bool) -> list[Line]:
    ends = [one for one in likely if not one.whole and one.score is not None][:_BARS]
    label = min(24, max((width(clean(one.name)) for one in ends), default=0))
    room = max(0, min(40, columns - label - 12))
    lines = []
    for one in ends:
        score = one.score or 0.0
        name = clean(one.name, label)
        bar = ("#" if plain else "█") * round(score * room)
        lines.append([("", f"     {name}{' ' * (label - width(name))}  {score:4.2f} "), ("class:bar", bar)])
    return lines


def _title(prompt: QuestionSource, question: Question, at: int, of: int, columns: int) -> Line:
    now = prompt.position if prompt.live else None
    words, about = stretch_words(question, prompt.rate_hz, now), prompt.about(question)
    many = f" {at + 1} of {of}" if of > 1 else ""
    tab, ago = (
        " (tab: next)" if of > 1 else "",
        "" if now is None else ago_words(question, prompt.rate_hz, now),
    )
    asked, ago = f"What were you doing {words}", f", {ago}" * bool(ago)
    titles = (
        f"{asked}{ago}?{many}{tab}   {about}", f"{asked}{ago}?{many}   {about}", f"{asked}?{many}   {about}",
        f"{words[0].upper()}{words[1:]}?{many}   {about}",
        f"At {clock_time(question.end / prompt.rate_hz)}?{many}   {about}",
    )  # fmt: skip
    return [("class:ask", next((title for title in titles if width(title) <= columns), titles[-1]))]


def _answers(prompt: QuestionSource) -> list[Line]:
    lines = []
    for one in prompt.answers[:_ANSWERS]:
        took = f", answered in {one.took / 1000:.1f} s" if one.took and one.name is not None else ""
        text = one.sentence + took
        by = f" ({clean(one.by)})" if one.by not in ("", prompt.by) else ""
        lines.append([("class:quiet", f"  {clock_time(one.window / prompt.rate_hz)}  {text}{by}")])
    return lines


def _cut(line: Line, columns: int) -> Line:
    """``line``, cut to at most ``columns``."""
    kept: Line = []
    room = columns
    for style, text in line:
        if width(text) > room:
            whole = next(n for n in range(len(text), -1, -1) if width(text[:n]) < room or n == 0)
            return [*kept, (style, text[:whole] + "…" * (room > 0))]
        kept.append((style, text))
        room -= width(text)
    return kept
