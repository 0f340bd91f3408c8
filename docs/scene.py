"""The setting of a picture: a service and a browser."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from tests.support.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A running service with RapidOCR that has not had a request yet, and a browser."""

    stack: Stack
    browser: Browser

    def visitor(self, **how: object) -> Page:
        """Open the web page in a new browser page and return it."""
        page = self.browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **how})  # type: ignore[arg-type]
        page.goto(self.stack.url)
        page.wait_for_selector("#service-dot[data-state=up]")
        return page
