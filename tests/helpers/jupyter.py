"""JupyterLab on this machine, looked at and clicked on in a real browser without a window.

``ODL_SHOTS`` names a folder for screenshots, ``ODL_KERNEL_PYTHON`` another Python for the kernel.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
WHY_NOT = "" if CHROMIUM else "chromium is not installed"
KERNEL = os.environ.get("ODL_KERNEL_PYTHON") or sys.executable  # its ipykernel may be another
LONG = 300.0  # seconds that anything may take: a machine may be slow, and compile kernels first
RESTART = "Restart Kernel?"  # what JupyterLab asks where a test restarts one
# In a cell: a person's recording that begins anew at its end, so that no session ends by itself.
LONGER = """from dataclasses import replace
import odl.live.playback
from odl.core.events import Samples
from odl.data.streams import dataset_streams
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
odl.live.playback.dataset_streams = longer
"""


@contextmanager
def lab(folder: Path, python: str = KERNEL) -> Iterator[str]:
    """A JupyterLab server whose root is ``folder`` and whose kernels run ``python``; its address.

    Nothing of it takes a TCP port that was free a moment ago and may be another program's by now: the
    system gives the server its port, and kernels talk over Unix sockets. Those have short names at most.
    """
    with TemporaryDirectory(prefix="lab") as runtime:
        yield from _serve(folder, python, Path(runtime))


def _serve(folder: Path, python: str, runtime: Path) -> Iterator[str]:
    own = {name: str(folder / ".jupyter" / name) for name in ("config", "data", "ipython")}
    spec = folder / ".jupyter" / "data" / "kernels" / "here"
    spec.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python", "language": "python"})
    )
    asked_nothing = folder / ".jupyter" / "config" / "labconfig" / "default_setting_overrides.json"
    asked_nothing.parent.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    asked_nothing.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": news}))
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    env = dict(
        os.environ, JUPYTER_CONFIG_DIR=own["config"], JUPYTER_DATA_DIR=own["data"], PYTHONPATH=paths,
        JUPYTER_RUNTIME_DIR=str(runtime), IPYTHONDIR=own["ipython"], JUPYTER_PLATFORM_DIRS="0",
    )  # fmt: skip
    settings = [
        f"--ServerApp.root_dir={folder}", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1",
        "--ServerApp.open_browser=False", "--IdentityProvider.token=", "--ServerApp.allow_root=True",
        "--KernelManager.transport=ipc",
    ]  # fmt: skip
    log = (folder / ".jupyter" / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings], env=env, stdout=log, stderr=subprocess.STDOUT,
        cwd=folder,
    )  # fmt: skip
    try:
        until = time.monotonic() + LONG
        while not (address := _address(runtime)):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError((folder / ".jupyter" / "log").read_text())
            time.sleep(0.1)  # a real server starts in a process of its own
        yield address
    finally:
        server.terminate()
        try:
            server.wait(LONG)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


@contextmanager
def unix_sockets() -> Iterator[dict[str, str]]:
    """Settings of a `KernelManager` whose kernel talks over Unix sockets: no other program takes them."""
    with TemporaryDirectory(prefix="odl") as folder:
        yield {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}


@contextmanager
def browser() -> Iterator[Any]:
    """A page of a fresh browser; its ``errors`` are what it wrote to the console as such."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page: Any = chromium.new_page(viewport={"width": 1150, "height": 1150})
        page.set_default_timeout(1000 * LONG)
        page.errors = []
        page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
        unasked = page.locator(".jp-Dialog").filter(has_not_text=RESTART)
        page.add_locator_handler(unasked, agree)
        try:
            yield page
        finally:
            chromium.close()


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code ``cells``."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "here", "display_name": "Python", "language": "python"}
    nbformat.write(notebook, path)


def open_notebook(page: Any, address: str, name: str) -> None:
    """Show the notebook ``name`` alone, its kernel started."""
    page.goto(f"{address}/doc/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    wait_until_idle(page)


def wait_until_idle(page: Any) -> None:
    """Wait until the notebook's kernel is there and has nothing to do."""
    page.wait_for_function(
        "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
    )


def agree(dialog: Any) -> None:
    """Agree to what JupyterLab says in front of the notebook, as people do, and print it.

    A cell that needed what was lost fails then, and the test with it.
    """
    print("JupyterLab says:", " / ".join(dialog.inner_text().split("\n")))
    dialog.locator(".jp-mod-accept").click()


def shot(page: Any, name: str) -> None:
    """Store a screenshot, where one is wanted."""
    if folder := os.environ.get("ODL_SHOTS"):
        page.wait_for_timeout(600)
        page.screenshot(path=Path(folder) / f"{name}.png")


def restart_kernel(page: Any) -> None:
    """Restart the kernel by the menu, and wait until the new one is there."""
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…", exact=True).click()
    with page.expect_response(lambda response: response.url.split("?")[0].endswith("/restart")):
        page.locator(".jp-Dialog", has_text=RESTART).locator(".jp-mod-accept").click()
    wait_until_idle(page)


def until(page: Any, read: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Call `read` until its result is good, and return that."""
    end = time.monotonic() + LONG
    while not good(found := read()):
        if time.monotonic() > end:
            raise TimeoutError(f"after {LONG} s there is still {found}")
        page.wait_for_timeout(100)
    return found


def run_cell(page: Any, number: int, seconds: float = LONG) -> None:
    """Run the code cell ``number`` (from 0) and wait until it is done; it stays selected."""
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    prompt.evaluate("element => { element.textContent = '' }")  # a restarted kernel counts anew
    pressed, until = 0.0, time.monotonic() + seconds
    while not re.fullmatch(r"\[\d+\]:", now := prompt.inner_text()):
        if time.monotonic() > until:
            raise TimeoutError(f"cell {number} is not done after {seconds} s")
        # A notebook that was only just opened may forget what it was told to run; one on a slow
        # machine only takes its time, and would run it twice.
        if now != "[*]:" and time.monotonic() - pressed > 10:
            cell.locator(".jp-InputArea-editor").click()
            page.keyboard.press("Control+Enter")
            pressed = time.monotonic()
        page.wait_for_timeout(50)
    if (error := cell.locator('[data-mime-type$=".stderr"]', has_text="Traceback")).count():
        raise RuntimeError(f"cell {number}: {error.first.inner_text()}")


def _address(runtime: Path) -> str:
    """Where the server answers that wrote its port into ``runtime``; nothing until it does."""
    try:
        (file,) = runtime.glob("jpserver-*.json")
        address = str(json.loads(file.read_text())["url"]).rstrip("/")
        urllib.request.urlopen(f"{address}/api/status", timeout=LONG).close()
    except (OSError, ValueError):
        return ""
    return address
