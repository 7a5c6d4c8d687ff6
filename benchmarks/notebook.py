"""How quickly a click in JupyterLab is learned from, and whether a thousand questions leave a trace.

    python benchmarks/notebook.py [--clicks 40] [--questions 1000]

First a browser: JupyterLab in headless Chromium, a stream at 100 Hz, a question about every window. Each
click and key is timed from the browser's own event to the moment at which the session's Learned
passes. Then a kernel without a browser: its messages are those of clicks, one for each question;
memory is looked at on the way, and every click is looked for in the recording.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "notebook")]

import lab  # noqa: E402

from odl.events import Label, Origin  # noqa: E402
from odl.streams import open_recording  # noqa: E402

LIVE = """import time, odl.notebook
from odl.events import Learned
session = odl.notebook.live("shoulder", subject=8, speed={speed}, policy="periodic", budget="100%",
                            record="session.odl")
learned = []
session.listen(lambda event: learned.append(1000 * time.time()) if isinstance(event, Learned) else None)"""
TELL = "import json; print(json.dumps(learned))"
HEAR = """() => {
  window.pressed = [];
  const note = event => window.pressed.push(performance.timeOrigin + event.timeStamp);
  document.addEventListener("click", event => {
    if (/^1 /.test(event.target.closest("button")?.textContent ?? "")) note(event);
  }, true);
  document.addEventListener("keydown", event => {
    if (event.key === "1" && event.target.tagName === "INPUT") note(event);
  }, true);
}"""
PICTURE = "() => document.querySelector('.jp-OutputArea-output img[alt^=\"The signal\"]')"
READ = 300  # milliseconds from a new question to its answer: longer than the card's guard


def in_a_browser(clicks: int) -> list[float]:
    """Milliseconds from each click or key, half of each, to its Learned."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab.write_notebook(folder / "live.ipynb", [LIVE.format(speed=2), TELL])
        with lab.lab(folder) as address, lab.browser() as page:
            lab.open_notebook(page, address, "live.ipynb")
            lab.run_cell(page, 0)
            page.evaluate(HEAR)
            old = ""
            for i in range(clicks):
                page.wait_for_function(
                    f"old => {{ const i = ({PICTURE})(); return i && i.src !== old && i.offsetParent; }}",
                    arg=old, timeout=60_000,
                )  # fmt: skip
                old = page.evaluate(f"({PICTURE})().src")
                page.wait_for_timeout(READ)
                if i % 2:
                    page.get_by_placeholder("keys: click here", exact=False).press("1")
                else:
                    page.locator(".jp-OutputArea-output button", has_text="1  ").first.click()
            page.wait_for_timeout(1000)
            pressed = page.evaluate("window.pressed")
            lab.run_cell(page, 1)
            text = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output pre").first.inner_text()
    learned = json.loads(text)
    if not len(pressed) == len(learned) == clicks:
        raise SystemExit(f"{clicks} clicks, {len(pressed)} heard by the page, {len(learned)} learned")
    return [after - before for before, after in zip(pressed, learned, strict=True)]


LONGER = """from dataclasses import replace
import odl.notebook.replay
from odl.events import Samples
from odl.streams import dataset_streams
def longer(*given):
    (one,) = dataset_streams(*given)
    blocks = [event.block for event in one.unanswered().inputs() if isinstance(event, Samples)]
    def inputs():
        position = 0
        while position < 10**6:
            for block in blocks:
                yield Samples(position, block)
                position += len(block)
    return [replace(one, inputs=inputs, stretches=(10**6,))]
odl.notebook.replay.dataset_streams = longer
"""
STATE = """import gc, json
from ipywidgets.widgets.widget import _instances
def state():
    card = session._view._card
    shown = card._question
    return {"window": shown.window if shown else None, "name": card._deck.names[0] if shown else None,
            "button": card._deck._buttons[0].model_id, "current": card.current}
def memory():
    gc.collect()
    kilobytes = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return {"megabytes": kilobytes / 1024, "widgets": len(_instances), "objects": len(gc.get_objects())}"""


class Kernel:
    """A kernel that is sent what a browser would send."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        env = dict(os.environ, PYTHONPATH=paths)
        self._manager, self._client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=env)

    def run(self, code: str) -> None:
        reply = self._client.execute_interactive(code, timeout=120, output_hook=lambda message: None)
        if reply["content"]["status"] != "ok":
            raise SystemExit("\n".join(reply["content"]["traceback"]))

    def ask(self, expression: str) -> Any:
        reply = self._client.execute_interactive(
            "", silent=False, store_history=False, user_expressions={"it": f"json.dumps({expression})"},
            timeout=60, output_hook=lambda message: None,
        )  # fmt: skip
        return json.loads(reply["content"]["user_expressions"]["it"]["data"]["text/plain"].strip("'"))

    def click(self, button: str) -> None:
        content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def in_a_kernel(questions: int) -> tuple[dict[int, dict[str, float]], int]:
    """Memory by the number of questions answered so far, and how many clicks were lost."""
    memory: dict[int, dict[str, float]] = {}
    given: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as name:
        kernel = Kernel(Path(name))
        try:
            kernel.run(LONGER + LIVE.format(speed=8) + "\n" + STATE)
            while len(given) < questions:
                shown = kernel.ask("state()")
                if (
                    shown["window"] is None
                    or not shown["current"]
                    or (given and given[-1][0] == shown["window"])
                ):
                    time.sleep(0.05)
                    continue
                time.sleep(READ / 1000)
                kernel.click(shown["button"])
                given.append((shown["window"], shown["name"]))
                if len(given) in (100, questions // 2, questions):
                    memory[len(given)] = kernel.ask("memory()")
                    print(f"  {len(given)} questions: {memory[len(given)]}", flush=True)
            time.sleep(1)
            kernel.run("session.stop()\nawait session.done()")
        finally:
            kernel.close()
        opened = open_recording(Path(name) / "session.odl")
    events = opened.recording.events
    by_hand = {i + 1 for i, e in enumerate(events) if isinstance(e, Origin) and e.by == "notebook"}
    answers = {(e.window, opened.image.names[e.cls or 0]) for i, e in enumerate(events)
               if i in by_hand and isinstance(e, Label)}  # fmt: skip
    return memory, len(set(given) - answers)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--clicks", type=int, default=40, metavar="N", help="in the browser; default: 40")
    parser.add_argument("--questions", type=int, default=1000, metavar="N", help="in a kernel; default: 1000")
    given = parser.parse_args(arguments)
    if given.clicks and lab.WHY_NOT:
        print(f"left out: {lab.WHY_NOT}")
    elif given.clicks:
        took = in_a_browser(given.clicks)
        for what, values in (("click", took[::2]), ("key", took[1::2])):
            low, high = np.percentile(values, (50, 95))
            print(f"{what} to Learned, stream at 100 Hz: p50 {low:.0f} ms, p95 {high:.0f} ms, "
                  f"worst {max(values):.0f} ms of {len(values)}")  # fmt: skip
    if given.questions:
        memory, lost = in_a_kernel(given.questions)
        first, last = memory[min(memory)], memory[max(memory)]
        more = {name: last[name] - first[name] for name in last}
        print(
            f"{given.questions} questions in a row: {lost} clicks lost; {last['megabytes']:.1f} MB; since "
            f"the first {min(memory)} {more['megabytes']:+.1f} MB, {more['widgets']:+} widgets, "
            f"{more['objects']:+} objects"
        )


if __name__ == "__main__":
    main()
