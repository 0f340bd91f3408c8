"""What a picture is taken of."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from tests.support.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A running service with RapidOCR, of which nobody has asked anything yet, and a browser."""

    stack: Stack
    browser: Browser

    def visitor(self, **how: object) -> Page:
        """Somebody who has just opened the web page."""
        page = self.browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **how})  # type: ignore[arg-type]
        page.goto(self.stack.url)
        page.wait_for_selector("#service-dot[data-state=up]")
        return page
