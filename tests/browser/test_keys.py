"""The keys of the web page, and the dialog that lists them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support import pdfs
from tests.support.browser import choose, drop, until_status
from tests.support.engines import RAISE


def test_keys_lead_to_the_next_page_failed_page_and_uncertain_line(visitor: Page) -> None:
    drop(visitor, {"holes.pdf": pdfs.coloured([(0, 1, 0), (0, 2, 0), RAISE, (0, 4, 0)])})
    until_status(visitor, "partial")
    title = visitor.locator("#page-title")
    visitor.keyboard.press("j")
    expect(title).to_have_text("Page 2 of 4")
    visitor.keyboard.press("f")
    expect(title).to_have_text("Page 3 of 4")
    visitor.keyboard.press("u")  # the engine is half sure of each line
    expect(title).to_have_text("Page 4 of 4")
    expect(visitor.locator(".line.highlighted")).to_contain_text("page 4")
    visitor.keyboard.press("u")
    expect(visitor.locator("#viewer-note")).to_have_text("There is no other uncertain line after this one.")
    visitor.keyboard.press("k")
    expect(title).to_have_text("Page 3 of 4")


def test_the_keys_are_listed_and_can_be_turned_off(visitor: Page) -> None:
    choose(visitor, "two.pdf", pdfs.text_pages(["One.", "Two."]))
    until_status(visitor, "completed")
    visitor.keyboard.press("?")
    dialog = visitor.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Next page that could not be read")
    dialog.get_by_label("Use these keys").uncheck()
    dialog.get_by_role("button", name="Close").click()
    visitor.keyboard.press("j")
    visitor.get_by_role("button", name="Keys").click()
    expect(visitor.locator("#page-title")).to_have_text("Page 1 of 2")
    dialog.get_by_label("Use these keys").check()
    visitor.keyboard.press("Escape")
    visitor.keyboard.press("j")
    expect(visitor.locator("#page-title")).to_have_text("Page 2 of 2")


def test_letters_in_a_field_are_no_keys(visitor: Page) -> None:
    choose(visitor, "two.pdf", pdfs.text_pages(["One.", "Two."]))
    until_status(visitor, "completed")
    visitor.get_by_label("Search in the document").press_sequentially("jjf")
    expect(visitor.locator("#page-title")).to_have_text("Page 1 of 2")
    expect(visitor.get_by_label("Search in the document")).to_have_value("jjf")
