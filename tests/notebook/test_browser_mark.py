"""A person at JupyterLab marks a recording, with a mouse, a finger, keys and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.core.events import Samples, Truth
from odl.recording import read
from odl.wire import Start
from tests.helpers import jupyter, recordings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(jupyter.WHY_NOT), reason=jupyter.WHY_NOT),
]

SECONDS = 30
EVIL = "<img src=x onerror=evil=1>$x^2$"
CELL = 'import odl.notebook\nsession = odl.notebook.mark("walk.odl")\nsession'


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A notebook that shows a recording."""
    signal = np.random.default_rng(1).integers(-900, 900, (50 * SECONDS, 2)).astype(np.int16)
    channels = [["ax", "g", 0.001], ["wx", EVIL, 0.1]]
    start = Start({"session": {"rate_hz": 50.0, "channels": channels}}, b"")
    recordings.write(tmp_path / "walk.odl", [Samples(0, signal)], start)
    jupyter.write_notebook(tmp_path / "mark.ipynb", [CELL])
    with jupyter.lab(tmp_path) as address, jupyter.browser() as page:
        jupyter.open_notebook(page, address, "mark.ipynb")
        jupyter.run_cell(page, 0)
        picture = page.get_by_role("img", name="The whole recording, 30.0 seconds: ax in g; wx in <img")
        jupyter.until(page, lambda: picture.evaluate("image => image.complete && image.naturalWidth"), bool)
        area(page).scroll_into_view_if_needed()
        yield page
        assert page.errors == []


def area(page: Any) -> Any:
    return page.get_by_role("group", name="range of seconds")


def place(page: Any, second: float) -> tuple[float, float]:
    """Where on the screen a second of the plot is."""
    box = area(page).bounding_box()
    return box["x"] + second / SECONDS * box["width"], box["y"] + box["height"] / 2


def press(page: Any, *seconds: float) -> None:
    """Press the mouse at the first of ``seconds``, and move it on to the others."""
    page.mouse.move(*place(page, seconds[0]))
    page.mouse.down()
    for second in seconds[1:]:
        page.mouse.move(*place(page, second))


def near(*seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.07)  # a pixel is 0.04 s


def range_near(page: Any, *seconds: float) -> tuple[float, ...]:
    """Wait until plot and fields show one range, near ``seconds``; the range."""

    def shown() -> list[tuple[float, ...]]:
        edges = [page.get_by_role("slider", name=f"{which} of the range") for which in ("start", "end")]
        fields = [page.get_by_label(name, exact=True) for name in ("from (s)", "to (s)")]
        return [
            tuple(float(edge.get_attribute("aria-valuenow")) for edge in edges),
            tuple(float(field.input_value()) for field in fields),
        ]

    plot, _ = jupyter.until(page, shown, lambda both: both[0] == both[1] == near(*seconds))
    return tuple(plot)


def test_a_range_is_dragged_over_the_plot_named_and_marked(page: Any, tmp_path: Path) -> None:
    assert range_near(page, 0, 10) == (0, 10)
    press(page, 4, 6, 12)
    said = [float(number) for number in re.findall(r"[\d.]+", area(page).inner_text())]
    assert said == near(4, 12)
    jupyter.shot(page, "marking")
    page.mouse.up()
    range_near(page, 4, 12)
    press(page, 12, 15, 18)  # the edge
    page.mouse.up()
    start, end = range_near(page, 4, 18)
    page.get_by_label("what was done", exact=True).fill(EVIL)
    page.get_by_role("button", name="mark", exact=True).click()
    page.get_by_text(f"{start:.2f} to {end:.2f} s: {EVIL}").wait_for()
    jupyter.shot(page, "marked")
    truths = [event for event in read(tmp_path / "walk.odl").events if isinstance(event, Truth)]
    assert truths == [Truth(round(50 * start), round(50 * end), EVIL)]
    assert page.evaluate("() => window.evil") is None


def test_a_finger_keys_and_numbers_choose_a_range_and_a_click_none(page: Any) -> None:
    finger = page.context.new_cdp_session(page)
    for kind, seconds in (("touchStart", [26]), ("touchMove", [24]), ("touchMove", [21]), ("touchEnd", [])):
        points = [dict(zip("xy", place(page, second), strict=True)) for second in seconds]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    start, end = range_near(page, 21, 26)
    page.keyboard.press("ArrowRight")  # what was dragged has the focus
    page.keyboard.press("Shift+ArrowRight")
    assert range_near(page, start + 1.1, end)[1] == end
    page.keyboard.press("End")
    assert range_near(page, end, end) == (end, end)
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert range_near(page, end, SECONDS) == (end, SECONDS)
    type_into(page, "from (s)", "20.5")
    assert range_near(page, 20.5, SECONDS) == (20.5, SECONDS)
    press(page, 3, 3.07)  # a hand that is not quite still
    page.mouse.up()
    type_into(page, "to (s)", "29")
    assert range_near(page, 20.5, 29) == (20.5, 29), "the click has changed nothing"


def type_into(page: Any, field: str, text: str) -> None:
    page.get_by_label(field, exact=True).fill(text)
    page.get_by_label(field, exact=True).press("Enter")
