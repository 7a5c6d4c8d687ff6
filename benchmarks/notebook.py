"""The time from a click in JupyterLab until it is learned, and the memory after a thousand questions.

    python benchmarks/notebook.py [--clicks 40] [--questions 1000] [--kernel]

JupyterLab runs in headless Chromium, with a question about every window of the stream. First, at 100 Hz,
each click and key is timed from the browser's own event to the session's Learned.
Then a thousand questions in a row are answered, each by a real click. Every click must be in the
recording, and the memory of the kernel and of the page is measured after garbage collection.
``--kernel`` repeats this without a browser: the kernel receives a click's message.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from odl.core.events import Label, Origin  # noqa: E402
from odl.evaluate.recorded import open_recording  # noqa: E402
from tests.helpers import jupyter  # noqa: E402

LIVE = """import time, odl.notebook
from odl.core.events import Learned
session = odl.notebook.live("shoulder", subject=8, speed={speed}, policy="periodic", budget="100%",
                            patience=600, record="session.odl")
learned = []
session.listen(lambda event: learned.append(1000 * time.time()) if isinstance(event, Learned) else None)"""
TELL = "import json; print(json.dumps(learned))"
HEAR = """() => {
  window.pressed = [];
  window.clicked = [];
  const note = event => window.pressed.push(performance.timeOrigin + event.timeStamp);
  document.addEventListener("click", event => {
    const text = event.target.closest("button")?.textContent ?? "";
    if (/^[1-9] /.test(text)) { note(event); window.clicked.push(text); }
  }, true);
  document.addEventListener("keydown", event => {
    if (event.key === "1" && event.target.tagName === "INPUT") note(event);
  }, true);
}"""
# Whether another card than before is there within half a minute.
TURNED = """() => new Promise(done => {
  const until = performance.now() + 30000;
  const look = () => {
    const picture = document.querySelector('.jp-OutputArea-output img[alt^="The signal"]');
    const there = picture?.offsetParent && picture.src !== window.card;
    if (there) window.card = picture.src;
    if (there || performance.now() > until) done(Boolean(there)); else setTimeout(look, 20);
  };
  look();
})"""
READ = 300  # milliseconds from a new question to its answer: longer than the card's guard


def click(page: Any, digit: int) -> None:
    """A real click on the class with this digit."""
    page.locator(".jp-OutputArea-output button:visible", has_text=re.compile(rf"^{digit}\s")).click()


def in_a_browser(clicks: int) -> list[float]:
    """Milliseconds from each click or key, half of each, to its Learned."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jupyter.write_notebook(folder / "live.ipynb", [LIVE.format(speed=2), TELL])
        with jupyter.lab(folder) as address, jupyter.browser() as page:
            jupyter.open_notebook(page, address, "live.ipynb")
            jupyter.run_cell(page, 0)
            page.evaluate(HEAR)
            for i in range(clicks):
                page.evaluate(TURNED)
                page.wait_for_timeout(READ)
                if i % 2:
                    page.get_by_label("keys", exact=True).press("1")
                else:
                    click(page, 1)
            page.wait_for_timeout(1000)
            pressed = page.evaluate("window.pressed")
            jupyter.run_cell(page, 1)
            text = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output pre").first.inner_text()
    learned = json.loads(text)
    if not len(pressed) == len(learned) == clicks:
        raise SystemExit(f"{clicks} clicks, {len(pressed)} heard by the page, {len(learned)} learned")
    return [after - before for before, after in zip(pressed, learned, strict=True)]


STATE = """import gc, json
from ipywidgets.widgets.widget import _instances
def state():
    card = session._view._card
    shown = card._question
    return {"window": shown.window if shown else None, "name": card._row.names[0] if shown else None,
            "button": card._row._buttons[0].model_id, "current": card.current}
def memory():
    gc.collect()
    kilobytes = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return {"megabytes": kilobytes / 1024, "widgets": len(_instances), "objects": len(gc.get_objects())}"""


Memory = dict[str, float]


class Kernel:
    """A kernel that is queried beside its notebook, or receives what a browser would send."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def _execute(self, code: str, **more: Any) -> Any:
        asked = self._client.execute(code, store_history=False, **more)
        while (reply := self._client.get_shell_msg(timeout=300))["parent_header"].get("msg_id") != asked:
            pass
        if reply["content"]["status"] != "ok":
            raise SystemExit("\n".join(reply["content"]["traceback"]))
        return reply["content"]

    def run(self, code: str) -> None:
        self._execute(code)

    def ask(self, expression: str) -> Any:
        content = self._execute("", user_expressions={"it": f"json.dumps({expression})"})
        return json.loads(content["user_expressions"]["it"]["data"]["text/plain"].strip("'"))

    def click(self, button: str) -> None:
        content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))


@contextmanager
def kernel_of(folder: Path) -> Iterator[Kernel]:
    """The kernel that JupyterLab has started for the one notebook in ``folder``."""
    from jupyter_client.blocking.client import BlockingKernelClient

    (file,) = (folder / ".jupyter" / "runtime").glob("kernel-*.json")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False)  # what nobody reads would pile up
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()


@contextmanager
def kernel_alone(folder: Path) -> Iterator[Kernel]:
    """A kernel without a browser."""
    from jupyter_client.manager import start_new_kernel

    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(folder), env=dict(os.environ, PYTHONPATH=paths)
    )
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def of_the_page(tools: Any) -> Memory:
    """Memory of the page after garbage collection, as its own developer tools count it."""
    for _ in range(2):
        tools.send("HeapProfiler.collectGarbage")
    counts = tools.send("Memory.getDOMCounters")
    heap = tools.send("Runtime.getHeapUsage")["usedSize"] / 2**20
    return {"heap": heap, "nodes": counts["nodes"], "listeners": counts["jsEventListeners"]}


def answers_in(path: Path) -> list[tuple[int, str]]:
    """The answers given by hand in a recording: windows and names, in their order."""
    opened = open_recording(path)
    found, by = [], ""
    for event in opened.recording.events:
        if isinstance(event, Label) and by == "notebook":
            found.append((event.window, opened.image.names[event.cls or 0]))
        by = event.by if isinstance(event, Origin) else ""
    return found


def said(count: int, memory: Memory) -> None:
    print(f"  {count} questions: {', '.join(f'{k} {v:.1f}' for k, v in memory.items())}", flush=True)


def by_clicks(questions: int) -> tuple[dict[int, Memory], int]:
    """Memory by the number of questions answered so far in a browser, and how many clicks were lost."""
    memory: dict[int, Memory] = {}
    unheard = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jupyter.write_notebook(folder / "live.ipynb", [jupyter.LONGER + LIVE.format(speed=8), STATE])
        with jupyter.lab(folder) as address, jupyter.browser() as page:
            jupyter.open_notebook(page, address, "live.ipynb")
            jupyter.run_cell(page, 0)
            jupyter.run_cell(page, 1)
            page.evaluate(HEAR)
            tools = page.context.new_cdp_session(page)
            with kernel_of(folder) as kernel:
                page.evaluate(TURNED)
                for count in range(1, questions + 1):
                    page.wait_for_timeout(READ)
                    click(page, 1 + count % 3)
                    unheard += not page.evaluate(TURNED)
                    if count in (100, questions // 2, questions):
                        memory[count] = kernel.ask("memory()") | of_the_page(tools)
                        said(count, memory[count])
                clicked = page.evaluate("window.clicked")
                kernel.run("session.stop()\nawait session.done()")
        answers = [name for _, name in answers_in(folder / "session.odl")]
    wanted = [text.split("  ")[1] for text in clicked]
    if len(wanted) != questions or unheard:
        raise SystemExit(f"{questions} clicks, {len(wanted)} heard by the page, {unheard} turned no card")
    # Clicks and answers are aligned in order: an unmatched click is lost.
    same = SequenceMatcher(None, wanted, answers, autojunk=False).get_matching_blocks()
    return memory, questions - sum(block.size for block in same)


def by_messages(questions: int) -> tuple[dict[int, Memory], int]:
    """As `by_clicks`, of a kernel that is sent messages as if it had been clicked."""
    memory: dict[int, Memory] = {}
    given: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as name:
        with kernel_alone(Path(name)) as kernel:
            kernel.run(jupyter.LONGER + LIVE.format(speed=8) + "\n" + STATE)
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
                    said(len(given), memory[len(given)])
            time.sleep(1)
            kernel.run("session.stop()\nawait session.done()")
        answers = answers_in(Path(name) / "session.odl")
    return memory, len(set(given) - set(answers))


def told(questions: int, how: str, memory: dict[int, Memory], lost: int) -> None:
    first, last = memory[min(memory)], memory[max(memory)]
    more = ", ".join(f"{name} {last[name] - value:+.1f}" for name, value in first.items())
    print(f"{questions} questions in a row, {how}: {lost} clicks lost; since the first {min(memory)} {more}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--clicks", type=int, default=40, metavar="N", help="in the browser; default: 40")
    parser.add_argument("--questions", type=int, default=1000, metavar="N", help="in a row; default: 1000")
    parser.add_argument("--kernel", action="store_true", help="the questions without a browser, too")
    given = parser.parse_args(arguments)
    if jupyter.WHY_NOT:
        print(f"left out, all that needs a browser: {jupyter.WHY_NOT}")
    if given.clicks and not jupyter.WHY_NOT:
        took = in_a_browser(given.clicks)
        for what, values in (("click", took[::2]), ("key", took[1::2])):
            low, high = np.percentile(values, (50, 95))
            print(f"{what} to Learned, stream at 100 Hz: p50 {low:.0f} ms, p95 {high:.0f} ms, "
                  f"worst {max(values):.0f} ms of {len(values)}")  # fmt: skip
    if given.questions and not jupyter.WHY_NOT:
        told(given.questions, "clicked in a browser", *by_clicks(given.questions))
    if given.questions and (given.kernel or jupyter.WHY_NOT):
        told(given.questions, "sent to a kernel", *by_messages(given.questions))


if __name__ == "__main__":
    main()
