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

SCREENS: list[dict[str, Any]] = [
    {"color_scheme": "light", "viewport": {"width": 1400, "height": 880}},
    {"color_scheme": "dark", "viewport": {"width": 1400, "height": 880}},
    {"color_scheme": "dark", "viewport": {"width": 375, "height": 740}, "has_touch": True},
]


@pytest.mark.parametrize("screen", SCREENS, ids=["light", "dark", "phone"])
def test_axe_finds_nothing_in_any_state_of_the_page(
    stack: Stack, visitors: Callable[..., Page], screen: dict[str, Any]
) -> None:
    visitor = visitors(reduced_motion="reduce", **screen)
    visitor.goto(stack.url)
    expect(visitor.locator("#service-said")).to_contain_text("2 workers")
    _looks_well(visitor, "nothing is open")
    visitor.locator(".options summary").click()
    visitor.locator("#service summary").click()
    _looks_well(visitor, "options and workers")
    visitor.locator("#service summary").click()
    drop(visitor, {"some.pdf": pdfs.coloured([(0, 1, 0), RAISE, *[(0, number, 0) for number in range(3, 40)]])})
    visitor.wait_for_selector("[role=option][data-state=ok]")
    _looks_well(visitor, "pages arrive")
    visitor.locator("#viewer").get_by_role("button", name="Cancel").click()
    until_status(visitor, "cancelled")
    visitor.get_by_role("button", name="Show it").click()
    expect(visitor.locator("#lines h4")).to_be_visible()
    visitor.locator("#downloads summary").click()
    _looks_well(visitor, "a failed page, the menu")
    visitor.locator("#downloads summary").click()
    visitor.evaluate("location.hash = ''")
    expect(visitor.locator("#documents li").first).to_be_visible()
    _looks_well(visitor, "the list of documents")
    choose(visitor, "locked.pdf", pdfs.text_pages(["secret"], password="secret"))
    until_status(visitor, "failed")
    _looks_well(visitor, "a password is wanted")
    visitor.evaluate("document.getElementById('key-dialog').showModal()")
    _looks_well(visitor, "a key is wanted")


def _looks_well(page: Page, state: str) -> None:
    """No accessibility rule is broken, and nothing is wider than the screen."""
    found = Axe().run(page)
    assert not found.response["violations"], f"{state}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state


def test_a_phone_shows_the_list_or_the_document(stack: Stack, visitors: Callable[..., Page]) -> None:
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
MOST_ROWS = 40
MOST_MS = 100


def test_two_thousand_pages_never_block_the_page(stack: Stack, browser: Browser, visitor: Page, tmp_path: Path) -> None:
    """While they arrive, and when all are told at once after a reload."""
    texts = [f"Page {number} of a book.\n" + "\n".join(pdfs.PROSE) for number in range(1, PAGES + 1)]
    (tmp_path / "book.pdf").write_bytes(pdfs.text_pages(texts))
    browser.start_tracing(page=visitor, path=tmp_path / "trace.json", categories=["toplevel", "devtools.timeline"])
    visitor.set_input_files("#files", tmp_path / "book.pdf")
    until_status(visitor, "completed")
    visitor.reload()
    expect(visitor.locator("#lines")).to_contain_text("Page 1 of a book.")
    visitor.locator("#page-list").press("End")
    expect(visitor.locator("#lines")).to_contain_text(f"Page {PAGES} of a book.")
    browser.stop_tracing()
    assert visitor.locator("[role=option]").count() < MOST_ROWS
    longest_ms = max(_main_thread_ms(tmp_path / "trace.json"))
    assert longest_ms < MOST_MS


def _main_thread_ms(trace: Path) -> list[float]:
    """What each task of the page's main thread took of a processor, so that a busy machine does not count."""
    events = json.loads(trace.read_text())["traceEvents"]
    mains = {(event["pid"], event["tid"]) for event in events if event.get("args", {}).get("name") == "CrRendererMain"}
    return [
        event["tdur"] / 1000
        for event in events
        if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in mains and "tdur" in event
    ]
