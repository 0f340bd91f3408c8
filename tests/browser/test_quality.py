"""Accessibility in every state, small screens, and documents of thousands of pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support import pdfs
from tests.support.browser import choose, drop, until_status
from tests.support.engines import RAISE
from tests.support.stack import Stack

_PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True}
SCREENS: dict[str, dict[str, Any]] = {
    "light-1280": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark-1920": {"color_scheme": "dark", "viewport": {"width": 1920, "height": 1080}},
    "dark-375": {"color_scheme": "dark", **_PHONE},
    "light-375": {"color_scheme": "light", **_PHONE},
}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_axe_finds_no_violation_in_any_state_of_the_web_page(
    stack: Stack, visitors: Callable[..., Page], screen: dict[str, Any]
) -> None:
    visitor = visitors(reduced_motion="reduce", **screen)
    visitor.goto(stack.url)
    expect(visitor.locator("#service-text")).to_contain_text("2 workers")
    _check_accessibility(visitor, "start screen")
    visitor.locator(".options summary").click()
    visitor.locator("#service summary").click()
    _check_accessibility(visitor, "options and workers open")
    visitor.locator("#service summary").click()
    drop(visitor, {"some.pdf": pdfs.coloured([(0, 1, 0), RAISE, *[(0, number, 0) for number in range(3, 40)]])})
    visitor.wait_for_selector("[role=option][data-state=ok]")
    _check_accessibility(visitor, "pages are being read")
    visitor.locator("#viewer").get_by_role("button", name="Cancel").click()
    until_status(visitor, "cancelled")
    visitor.get_by_role("button", name="Show failed page").click()
    expect(visitor.locator("#lines h4")).to_be_visible()
    visitor.locator("#downloads summary").click()
    _check_accessibility(visitor, "failed page and open menu")
    visitor.locator("#downloads summary").click()
    visitor.get_by_label("Search in the document").fill("page")
    expect(visitor.locator("#search-count")).to_contain_text("hit")
    visitor.get_by_role("button", name="Next hit").click()
    expect(visitor.locator("rect.current")).to_have_count(1)
    _check_accessibility(visitor, "a search")
    visitor.get_by_label("Lines", exact=True).check()
    _check_accessibility(visitor, "lines")
    visitor.evaluate("location.hash = ''")
    expect(visitor.locator("#documents li").first).to_be_visible()
    visitor.get_by_label("Select all").check()
    expect(visitor.locator("#selection")).to_be_visible()
    _check_accessibility(visitor, "list of documents, some selected")
    visitor.get_by_label("Which documents").select_option("Running")
    _check_accessibility(visitor, "a filter")
    visitor.get_by_label("Which documents").select_option("All")
    choose(visitor, "report.pdf", pdfs.report())
    expect(visitor.locator("#lines table")).to_be_visible()
    _check_accessibility(visitor, "headings and tables")
    visitor.evaluate("document.getElementById('keys-dialog').showModal()")
    _check_accessibility(visitor, "list of keys")
    visitor.evaluate("document.getElementById('keys-dialog').close()")
    choose(visitor, "locked.pdf", pdfs.text_pages(["secret"], password="secret"))
    until_status(visitor, "failed")
    _check_accessibility(visitor, "PDF needs a password")
    visitor.evaluate("document.getElementById('key-dialog').showModal()")
    _check_accessibility(visitor, "key dialog")


def _check_accessibility(page: Page, state: str) -> None:
    """Check that no accessibility rule is violated and that nothing is wider than the screen."""
    results = Axe().run(page)
    assert not results.response["violations"], f"{state}: {results.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state


def test_a_phone_shows_either_the_list_or_the_document(stack: Stack, visitors: Callable[..., Page]) -> None:
    visitor = visitors(viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True)
    visitor.goto(stack.url)
    choose(visitor, "letter.pdf", pdfs.text_pages(["\n".join(pdfs.PROSE)]))
    until_status(visitor, "completed")
    expect(visitor.locator("#lines")).to_contain_text("The harbour")
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    expect(visitor.locator("#drop")).to_be_hidden()
    wide = "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > 375.5).length"
    assert visitor.evaluate(wide) == 0
    visitor.get_by_role("link", name="All documents").click()
    expect(visitor.locator("#drop")).to_be_visible()
    expect(visitor.locator("#viewer")).to_be_hidden()
    assert visitor.evaluate(wide) == 0


PAGES = 2000
MAX_ROWS = 40
MAX_IMAGES = 100
MAX_TASK_MS = 100


@pytest.mark.alone
def test_two_thousand_pages_never_block_the_web_page(
    stack: Stack, browser: Browser, visitor: Page, tmp_path: Path
) -> None:
    """Check this while the pages arrive, and after a reload, which replays all events at once."""
    texts = [f"Page {number} of a book.\n" + "\n".join(pdfs.PROSE) for number in range(1, PAGES + 1)]
    (tmp_path / "book.pdf").write_bytes(pdfs.text_pages(texts))
    browser.start_tracing(page=visitor, path=tmp_path / "trace.json", categories=["toplevel", "devtools.timeline"])
    requested: list[str] = []
    visitor.on("request", lambda request: requested.append(request.url) if "/image?" in request.url else None)
    visitor.set_input_files("#files", tmp_path / "book.pdf")
    until_status(visitor, "completed")
    visitor.reload()
    expect(visitor.locator("#lines")).to_contain_text("Page 1 of a book.")
    visitor.locator("#page-list").press("End")
    expect(visitor.locator("#lines")).to_contain_text(f"Page {PAGES} of a book.")
    visitor.get_by_label("Search in the document").fill("upper road")
    expect(visitor.locator("#search-count")).to_have_text("2,000 hits on 2,000 pages")
    browser.stop_tracing()
    assert len(requested) < MAX_IMAGES
    assert visitor.locator("[role=option]").count() < MAX_ROWS
    longest_ms = max(_main_thread_ms(tmp_path / "trace.json"))
    assert longest_ms < MAX_TASK_MS


def _main_thread_ms(trace: Path) -> list[float]:
    """Return the CPU time of each task of the main thread. CPU time does not depend on how busy the machine is."""
    events = json.loads(trace.read_text())["traceEvents"]
    mains = {(event["pid"], event["tid"]) for event in events if event.get("args", {}).get("name") == "CrRendererMain"}
    return [
        event["tdur"] / 1000
        for event in events
        if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in mains and "tdur" in event
    ]
