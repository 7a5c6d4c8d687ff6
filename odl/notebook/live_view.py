"""The live view: stream, prediction, figures, the question; widgets changed by one task only."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from odl._text import clock_time, percent
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.evaluate.report.style import styles_for
from odl.live import LiveSession, LiveStatus
from odl.notebook.buttons import close_all
from odl.notebook.class_row import ClassRow
from odl.notebook.heartbeat import Heartbeat
from odl.notebook.html import facts, history, joined, line, prediction
from odl.notebook.pictures import Channel, Picture
from odl.notebook.player import Player
from odl.notebook.question_card import QuestionCard
from odl.notebook.teach_row import TeachRow

SECONDS = 10.0  # of the stream that are shown
PICTURES = 4.0  # a second, at most
_SHARE = 0.2  # of the time may be spent on drawing the stream
_STEP = 0.04  # seconds between two checks of the prompt
_TRUTH, _PREDICTED = "truth", "predicted"


class NotebookView:
    """Widgets that show what ``player`` plays, until `close`.

    A closed page gets new questions and nothing else (see `odl.notebook.heartbeat`).
    """

    def __init__(self, player: Player, clock: Clock = SYSTEM_CLOCK) -> None:
        import ipywidgets as w
        from traitlets import Unicode

        self.player, self._clock, live = player, clock, player.live
        self._prompt = live.prompt
        self._channels = channels = channels_of(live)
        self._plot = Picture(channels, [_PREDICTED, _TRUTH], "time since the start (s)", height=0.85)
        self._card = QuestionCard(self._prompt, channels, clock=clock)
        self._teach, self._classes = TeachRow(self._prompt, clock), ClassRow(self._prompt, clock)
        self._head, self._now, self._facts, self._history = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self._stream = w.Image(format="png", value=self._plot.png(), layout=w.Layout(max_width="100%"))
        # With a description, even an empty one, a tooltip becomes the picture's title: the text that
        # describes it. HTML could have an alt text, but would be drawn anew each time.
        self._stream.add_traits(description=Unicode("").tag(sync=True))
        self._stop = w.Button(description="stop the session", tooltip="end it and close its recording",
                              layout=w.Layout(width="11em"))  # fmt: skip
        self._stop.on_click(lambda _: player.stop())
        self._heartbeat = Heartbeat(clock)
        wide = w.Layout(width="26em", margin="0 2em 0 0")
        beside = w.HBox([w.VBox([self._now], layout=wide), self._facts], layout=w.Layout(margin=".4em 0"))
        rows = self._card.box, self._teach.box, self._classes.box
        self.box = w.VBox([self._head, self._stream, beside, *rows, self._history, self._stop,
                           self._heartbeat.widget])  # fmt: skip
        # One thread: pictures are drawn one at a time, and the kernel's own thread stays free.
        self._pool = ThreadPoolExecutor(1, "odl-notebook-plots")
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._notices: deque[str] = deque(maxlen=3)
        self._update_texts()

    def start(self) -> None:
        """Update the widgets from now on; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self, instead: str = "") -> None:
        """Stop and remove the widgets; the sentence ``instead`` stays in their place."""
        import ipywidgets as w

        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._card.close()
        inside = self.box.children
        self.box.children = (w.HTML(line(instead)),) if instead else ()
        close_all(inside)

    # --- the task ----------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._keep_up()
        except Exception as error:  # nobody awaits this task, so its error is shown here
            self._head.value = line(f"The view broke off, the session did not: {error}", strong=True)

    async def _keep_up(self) -> None:
        changed, texts, picture, last = -1, 0.0, 0.0, False
        while not last:
            last = not self.player.running  # once more after the end
            now = self._clock.monotonic()
            self._heartbeat.probe()
            self._card.act()
            self._teach.act()
            self._classes.act()
            if not self._card.current:
                await self._turn_card()
            if (self._heartbeat.watched() and now >= picture) or last:
                picture = now + max(1 / PICTURES, await self._show_stream() / _SHARE)
            if (self._heartbeat.watched() and (self._prompt.changed != changed or now >= texts)) or last:
                changed, texts = self._prompt.changed, now + 0.5
                self._update_texts()
            await asyncio.sleep(_STEP)
        self._card.over()
        self._teach.over()
        self._classes.over()
        self._heartbeat.stop()

    async def _turn_card(self) -> None:
        question = self._card.waiting
        png = b""
        if question is not None:
            png = await self._in_thread(self._card.draw, question)
        self._card.show(question, png)

    async def _show_stream(self) -> float:
        began = self._clock.monotonic()
        png = await self._in_thread(self._draw_stream)
        if png:
            self._stream.value = png
        return self._clock.monotonic() - began

    async def _in_thread(self, draw: Any, *args: Any) -> bytes:
        png: bytes = await asyncio.get_running_loop().run_in_executor(self._pool, draw, *args)
        return png

    # --- what is shown -----------------------------------------------------------------------

    def _draw_stream(self) -> bytes:
        start, signal = self._prompt.signal(SECONDS)
        rate, recent, live = self._prompt.rate_hz, self.player.recent, self.player.live
        if not len(signal):
            return b""
        end = start + len(signal)
        self._plot.signal(signal, (np.arange(len(signal)) + start) / rate)
        styles = styles_for(live.image.names.values(), live.names.values())
        for name, runs in ((_PREDICTED, recent.predicted(start, end)), (_TRUTH, recent.truth(start, end))):
            self._plot.strip(name, [(r.start / rate, r.end / rate, r.name) for r in runs], styles)
        for question in self._prompt.questions:
            self._plot.band(question.since / rate, question.end / rate, "question")
        return self._plot.png()

    def _update_texts(self) -> None:
        prompt, player = self._prompt, self.player
        status = player.live.status()
        self._notices.extend(player.live.notices())
        head = line(self._headline(status), strong=True, spoken=bool(player.ended))
        _set(self._head, head + "".join(map(line, self._notices)))
        self._stream.tooltip = self._described(status)
        _set(self._now, prediction(prompt.path, prompt.likely))
        _set(self._facts, facts(self._figures(status)))
        _set(self._history, history(prompt.answers, prompt.rate_hz))
        self._card.tick()
        self._teach.tick()
        self._classes.tick()
        self._stop.disabled = not player.running

    def _headline(self, status: LiveStatus) -> str:
        state = self.player.ended or f"{status.state}:"
        rate = f"{status.declared:g} Hz" if status.rate is None else f"{status.rate:.2f} Hz"
        return f"{state} {status.port}, {rate}, {clock_time(self._prompt.position / self._prompt.rate_hz)}"

    def _described(self, status: LiveStatus) -> str:
        """Return a description of the stream's picture, for screen readers."""
        says = joined(self._prompt.path) or "nothing yet"
        questions, start = self._prompt.questions, self._prompt.position - SECONDS * self._prompt.rate_hz
        shaded = sum(one.end > start for one in questions)
        open_now = f"{len(questions)} {'question is' if len(questions) == 1 else 'questions are'} open"
        open_now += f", {shaded} of them shaded" if shaded else ""
        left = "" if status.budget_left is None else f"; {status.budget_left} more may be asked"
        return (
            f"The last {SECONDS:.0f} seconds: {self._plot.curves}; below, the predictions, and the truth "
            f"where it is known. The model says: {says}. {open_now}{left}."
        )

    def _figures(self, status: LiveStatus) -> list[tuple[str, str]]:
        recent, prompt, counts = self.player.recent, self._prompt, self.player.live.session.counts
        accuracy = "no truth is known"
        if recent.accuracy is not None:
            windows = "window" if recent.scored == 1 else "windows"
            accuracy = f"{percent(recent.accuracy)} of the last {recent.scored} {windows}"
        left = "" if status.budget_left is None else f", {status.budget_left} left"
        waiting = len(prompt.questions)
        return [
            ("accuracy", accuracy),
            ("questions", f"{counts['queries']} asked, {waiting} open, {counts['expired']} expired{left}"),
            (
                "answers",
                f"{counts['answered']} answered, {counts['skipped']} skipped, {counts['undone']} undone, "
                f"{counts['taught']} taught",
            ),
            ("lost", f"{status.lost} samples, {status.dropped} dropped, {status.damaged} frames damaged"),
            *_twins(status),
            ("recording", str(status.recording or "none: give record='name.odl' to keep it")),
        ]


def channels_of(live: LiveSession) -> list[Channel]:
    """Return names and units of a live session's channels."""
    known = [(name, unit) for name, unit, _ in live.prompt.channels]
    return known or [(channel.name, "counts") for channel in live.image.channels]


def _twins(status: LiveStatus) -> list[tuple[str, str]]:
    """Return how board and host agree, where both learn."""
    if status.compared is None:
        return []
    return [("board and host", f"{status.compared} windows compared, {status.differences} differ")]


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value
