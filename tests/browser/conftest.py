"""Fixtures: a browser, a stack with a slow engine, and visitors of the web page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import CHROMIUM, chromium
from tests.support.stack import Stack, running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=30_000)  # for busy machines
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two workers, whose engine takes 0.2 s for a page, and one API process."""
    folder = tmp_path_factory.mktemp("browser")
    with running(folder, TEST_ENGINE_SECONDS="0.2", TEST_ENGINE_ONCE=str(folder)) as started:
        yield started


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open browser tabs, each with its own profile. Fail on script errors and violations of the policy."""
    faults: list[str] = []
    pages: list[Page] = []

    def open_tab(**options: object) -> Page:
        page = browser.new_context(**{"viewport": {"width": 1400, "height": 880}, **options}).new_page()  # type: ignore[arg-type]
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Policy" in message.text else None)
        pages.append(page)
        return page

    yield open_tab
    for page in pages:
        page.context.close()
    assert not faults


@pytest.fixture
def visitor(stack: Stack, visitors: Callable[..., Page]) -> Page:
    """A browser tab that has just opened the web page."""
    page = visitors()
    page.goto(stack.url)
    return page
