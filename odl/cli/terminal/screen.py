"""The drawn view of a session as lines of styled text, made without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from odl._text import clean, clock_time, counted, width, wrapped
from odl.cli.terminal.braille import plotted
from odl.labels.question import ClassChoice, Placement, Question
from odl.labels.stretch import ago_words, stretch_words
from odl.live.status import LiveStatus, QuestionSource

Part = tuple[str, str]  # style, text
Line = list[Part]

# One key per class: digits, then the letters that have no other meaning.
KEYS: Final = "123456789abcdefghijklmoprtvwxyz"
_BARS: Final = 5  # classes with a bar
_ANSWERS: Final = 4
_MORE: Final = "     ... more: n and the name"
HELP: Final = (
    "1-9, a-z  the class beside the key; the most probable ones come first",
    "n         another class, new or known: type its name, then choose its place in the tree",
    "s         skip: do not answer this question",
    "u         undo: take back the last answer, also if it has been learned",
    "=         the same answer as the last one",
    "tab       the next open question; shift-tab the one before",
    "q         twice: end the session; the recording is closed properly",
    "esc       leave this help, or a name that is being typed",
)
# In a review of a recording these keys mean something else.
RELABEL_TEXTS: Final = {
    "s": "s         no answer counts for this question",
    "u": "u         undo: take back the last edit",
    "t": "tab       leave this question unchanged, go to the next; shift-tab the one before",
    "q": "q         done: all edits are stored, and the session runs again with them",
}


@dataclass
class KeyMode:
    """The meaning of keys now: ``keys``, ``help``, ``name`` (typing one) or ``place`` (choosing one)."""

    kind: str = "keys"
    window: int | None = None  # the question that is being answered
    typed: str = ""
    places: tuple[Placement, ...] = ()


def frame(
    words: Sequence[str],
    prompt: QuestionSource,
    mode: KeyMode,
    at: int,
    columns: int,
    rows: int,
    *,
    plain: bool = False,
) -> list[Line]:
    """Return all lines, at most ``rows`` of at most ``columns``; ``at`` chooses the open question.

    ``words``, such as `figures` of a live session, are the top lines. ``plain`` is ASCII without the plot.
    Where there is no room, plot, answers and bars are left out first, then ``words`` from their end; keys
    and classes last.
    """
    columns, questions = max(20, columns), prompt.questions
    over = mode.kind != "keys" and mode.window not in [question.window for question in questions]
    status, now = _wrapped(words, columns), _now(prompt) if prompt.live else []
    if mode.kind == "help":
        helped = _helped(prompt.live, columns)
        if len(helped) > rows:
            helped = _helped(prompt.live, 1000)
        return _cut_all(_fitted([status, now, helped], (), (0, 1, 2), rows), columns)
    bars = _bars(prompt.likely, columns, plain)
    answers, last = _answers(prompt), prompt.answers[0].sentence if prompt.answers else ""
    said = [[("class:said", clean(prompt.sentence, 200))]] if prompt.sentence not in ("", last) else []
    plot: list[Line] = []
    title: list[Line] = [[("class:quiet", prompt.nothing)]]
    choices, foot = _asked_for(mode) if mode.kind != "keys" else ([], _keys(prompt, False, columns))
    if over:
        title = [[("class:quiet", "that question has ended; esc: leave it")]]
    elif questions:
        question = questions[at % len(questions)]
        title = [_title(prompt, question, at % len(questions), len(questions), columns)]
        if mode.kind == "keys":
            choices, foot = _classes(question, columns), _keys(prompt, True, columns)
        if not plain:
            plot = [[("class:plot", line)] for line in plotted(question, prompt.channels, columns)]
        if question.lacks:
            plot.append([("class:quiet", question.lacks)])
    parts = [status, now, bars, title, plot, choices, foot, answers, said]
    lines = _fitted(parts, (4, 7, 2), (0, 8, 1, 3, 5, 6), rows)
    if 0 < len(parts[5]) < len(choices):  # the least likely ones
        lines[lines.index(parts[5][-1])] = [
            ("class:quiet", _MORE if mode.kind == "keys" else "     ... more")
        ]
    return _cut_all(lines, columns)


def _fitted(parts: list[list[Line]], whole: Sequence[int], line: Sequence[int], rows: int) -> list[Line]:
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


def _cut_all(lines: Sequence[Line], columns: int) -> list[Line]:
    return [_cut(line, columns) for line in lines]


def keyed(likely: Sequence[ClassChoice]) -> dict[str, str]:
    """Return the class name of each key.

    >>> keyed([ClassChoice("up", 0.7, ("up",)), ClassChoice("sit", 0.3, ("sit",))])
    {'1': 'up', '2': 'sit'}
    """
    return {key: one.name for key, one in zip(KEYS, likely, strict=False)}


def figures(status: LiveStatus) -> list[str]:
    """Return the port's state and figures, each in a few words."""
    rate = "–" if status.rate is None else f"{status.rate:.2f}"
    found = [clean(str(status.port), 30), clean(str(status.state), 60), f"{rate} of {status.declared:g} Hz"]
    found += [f"lost {status.lost}", f"dropped {status.dropped}"]
    if status.damaged:
        found.append(f"damaged {status.damaged}")
    if status.drift is not None:
        # More than a tenth is not drift: the stream is played at another speed.
        if abs(status.drift) > 1e5:
            found.append(f"{1 + status.drift / 1e6:.1f} times real time")
        else:
            found.append(f"clock {status.drift:+.0f} ppm")
    if status.jitter is not None:
        found.append(f"jitter {status.jitter:.1f} ms")
    found.append(f"{clock_time(status.position / status.declared)}, {counted(status.windows, 'window')}")
    if status.budget_left is not None:
        found.append(f"questions left {status.budget_left}")
    if status.compared is not None:
        found.append(f"compared {status.compared}, skipped {status.skipped or 0}")
        found.append(f"differences {status.differences or 0}")
    if status.recording is not None:
        found.append(f"recording {clean(str(status.recording), 60)}")
    return found


def _wrapped(words: Sequence[str], columns: int) -> list[Line]:
    lines, text = [], ""
    for each in words:
        if text and width(text) + 3 + width(each) > columns:
            lines.append(text)
            text = each
        else:
            text = f"{text}   {each}" if text else each
    return [[("class:status", line)] for line in (*lines, text)]


def _helped(live: bool, columns: int) -> list[Line]:
    """Return the help, with the keys in a column of their own."""
    lines: list[Line] = []
    for line in HELP:
        text = line if live else RELABEL_TEXTS.get(line[0], line)
        first, *more = wrapped(text[10:], max(20, columns - 10)).split("\n")
        lines += [[("", text[:10] + first)], *([("", " " * 10 + part)] for part in more)]
    return lines


def _now(prompt: QuestionSource) -> list[Line]:
    path = " > ".join(clean(name) for name in prompt.path) or "nothing predicted yet"
    return [[("class:quiet", "now  "), ("class:now", path)]]


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


def _classes(question: Question, columns: int) -> list[Line]:
    """Return a key for each class, in as many columns as there is room for."""
    cells = []
    for key, one in zip(KEYS, question.likely, strict=False):
        score = "" if one.score is None else f" {one.score:.2f}"
        text = " > ".join(clean(name, 24) for name in one.path) + score
        if width(text) + 5 > columns:  # the lowest class of the path tells them apart
            text = clean(one.name, 32) + score
        cells.append((key, text))
    wide = min(columns, max((width(text) for _, text in cells), default=0) + 5)
    beside, lines = max(1, columns // wide), []
    for i in range(0, len(cells), beside):
        line: Line = []
        for key, text in cells[i : i + beside]:
            text = clean(text, wide - 5)
            line += [("class:key", f" {key} "), ("", f" {text}{' ' * (wide - 4 - width(text))}")]
        lines.append(line)
    return lines


def _keys(prompt: QuestionSource, asking: bool, columns: int) -> list[Line]:
    """Return the other keys, in as many lines as they need."""
    names = [("u", "undo"), ("?", "help"), ("q", "quit")]
    if asking:
        same = f"same: {clean(prompt.previous, 20)}" if prompt.previous else "same as before"
        names = [("n", "new class"), ("s", "skip" if prompt.live else "no answer"), ("=", same), *names]
    lines: list[Line] = [[]]
    room = columns
    for key, what in names:
        room -= width(what) + 4
        if room < 0 and lines[-1]:
            lines.append([])
            room = columns - width(what) - 4
        lines[-1] += [("class:key", f" {key} "), ("", f" {what}  ")]
        room -= 2
    return lines


def _asked_for(mode: KeyMode) -> tuple[list[Line], list[Line]]:
    """Return the lines in which a name is typed or a place chosen, and the keys that end that."""
    if mode.kind == "name":
        typed = clean(mode.typed) if mode.typed else ""
        return [[("", "name of the class: "), ("class:typed", typed), ("", "_")]], [
            [("class:quiet", "enter: continue   esc: leave it")]
        ]
    lines: list[Line] = [[("", f"the place of '{clean(mode.typed)}' in the tree:")]]
    for key, place in zip(KEYS, mode.places, strict=False):
        where = "at the top" if place.under is None else f"under {clean(place.under)}"
        lines.append([("", "  " * place.depth), ("class:key", f" {key} "), ("", f" {where}")])
    return lines, [[("class:quiet", "enter: at the top   esc: leave it")]]


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
