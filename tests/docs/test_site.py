"""The documentation site that `make docs` built, in a browser: no page asks another host for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.jupyter import WHY_NOT, browser

SITE = Path(__file__).resolve().parents[2] / "site" / "html"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
    pytest.mark.skipif(not (SITE / "objects.inv").exists(), reason="no site is built: make docs"),
]


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[Any, list[str]]]:
    """A page, and what it wanted that is no file of this machine."""
    wanted: list[str] = []
    with browser() as page:
        page.set_default_timeout(60_000)
        page.on("request", lambda request: wanted.append(request.url))
        page.on("pageerror", lambda error: wanted.append(f"error of a script: {error}"))
        yield page, wanted


def opened(page: tuple[Any, list[str]], name: str) -> Any:
    """The page ``name``, loaded; everything that it asked for was a file of the site."""
    shown, wanted = page
    wanted.clear()
    shown.goto((SITE / name).as_uri(), wait_until="load")
    foreign = [url for url in wanted if not url.startswith((SITE.as_uri(), "data:", "blob:"))]
    assert foreign == []
    return shown


def test_the_start_page_is_found_and_leads_on(page: tuple[Any, list[str]]) -> None:
    shown = opened(page, "index.html")
    shown.wait_for_url("**/docs/index.html")
    assert "learning on the device" in shown.inner_text("h1")
    shown.click("article >> text=your CSV on a board in six minutes")
    shown.wait_for_url("**/docs/six-minutes.html")
    assert "six minutes" in shown.inner_text("h1")


def test_a_tutorial_shows_what_its_cells_gave(page: tuple[Any, list[str]]) -> None:
    shown = opened(page, "notebooks/1-replay.html")
    assert shown.eval_on_selector_all("article img", "all => all.every(one => one.naturalWidth > 300)")
    assert shown.locator("article img").count() >= 2
    assert "accuracy_last_third" in shown.inner_text("article .cell_output table")


def test_the_reference_has_signatures_and_examples(page: tuple[Any, list[str]]) -> None:
    shown = opened(page, "docs/api.html")
    assert "budget=None" in shown.inner_text('dt[id="odl.replay"]')
    assert ">>> result = replay(" in shown.inner_text('dl:has(> dt[id="odl.replay"])')
    assert shown.locator('dt[id="odl.policies.NovelSegments"]').count() == 1


def test_every_command_is_in_the_reference(page: tuple[Any, list[str]]) -> None:
    text = opened(page, "docs/commands.html").inner_text("article")
    commands = ["demo", "replay", "init", "train", "live", "firmware", "verify", "doctor"]
    assert [name for name in commands if f"odl {name}" not in text] == []


def test_the_search_finds_a_page(page: tuple[Any, list[str]]) -> None:
    shown = opened(page, "docs/index.html")
    shown.fill("input[name=q]", "undo")
    shown.press("input[name=q]", "Enter")
    # One result appears after the other.
    shown.wait_for_selector('#search-results li a[href*="docs/labels.html"]')
    found = shown.eval_on_selector_all("#search-results li a", "all => all.map(one => one.href)")
    assert all(address.startswith(SITE.as_uri()) for address in found)
