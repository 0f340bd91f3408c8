"""A browser, a stack whose pages take their time, and visitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import CHROMIUM, chromium
from tests.support.stack import Stack, running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not here: apt-get install chromium")
    expect.set_options(timeout=30_000)  # a busy machine
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers that take a fifth of a second a page; one API process."""
    folder = tmp_path_factory.mktemp("browsed")
    with running(folder, TEST_ENGINE_SECONDS="0.2", TEST_ENGINE_ONCE=str(folder)) as started:
        yield started


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes visitors, each with a profile of their own. None of their pages may break or be broken into."""
    faults: list[str] = []
    pages: list[Page] = []

    def come(**how: object) -> Page:
        page = browser.new_context(**{"viewport": {"width": 1400, "height": 880}, **how}).new_page()  # type: ignore[arg-type]
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Policy" in said.text else None)
        pages.append(page)
        return page

    yield come
    for page in pages:
        page.context.close()
    assert not faults


@pytest.fixture
def visitor(stack: Stack, visitors: Callable[..., Page]) -> Page:
    """Somebody who has just opened the page."""
    page = visitors()
    page.goto(stack.url)
    return page
