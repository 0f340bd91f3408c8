"""The search within a document: all hits, on each page, on the image and in the text."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support import pdfs
from tests.support.browser import choose, drop, until_status

ROW = "#page-list [role=option]"
TEXTS = [
    "The lighthouse keeper wrote.\nHe kept the light-\nhouse clean.",
    "Nothing of the kind.",
    "A caf\u00e9 beside the Lighthouse,\nand another light\nhouse further on.",
]
_MARKED = """name => [...(CSS.highlights.get(name) ?? [])].map(range => range.toString())"""


def test_a_search_finds_all_hits_over_lines_and_without_capitals_and_accents(visitor: Page) -> None:
    choose(visitor, "keeper.pdf", pdfs.text_pages(TEXTS))
    until_status(visitor, "completed")
    visitor.keyboard.press("/")
    expect(visitor.get_by_label("Search in the document")).to_be_focused()
    visitor.keyboard.type("LIGHTHOUSE")
    count = visitor.locator("#search-count")
    expect(count).to_have_text("3 hits on 2 pages")
    expect(visitor.locator(ROW)).to_have_count(2)
    expect(visitor.locator(f"{ROW}[data-page='1']")).to_contain_text("2 hits")
    expect(visitor.locator(f"{ROW}[data-page='3']")).to_contain_text("A caf\u00e9 beside")
    expect(visitor.locator("#boxes rect.hit")).to_have_count(3)  # one hit goes over two lines
    visitor.keyboard.press("Enter")
    expect(count).to_have_text("1 of 3 hits on 2 pages")
    assert visitor.evaluate(_MARKED, "current-hit") == ["lighthouse"]
    visitor.locator("#lines").focus()
    visitor.keyboard.press("n")
    expect(count).to_have_text("2 of 3 hits on 2 pages")
    assert visitor.evaluate(_MARKED, "current-hit") == ["light", "house"]
    expect(visitor.locator("#boxes rect.current")).to_have_count(2)
    visitor.keyboard.press("n")
    expect(visitor.locator("#page-title")).to_have_text("Page 3 of 3")
    expect(count).to_have_text("3 of 3 hits on 2 pages")
    visitor.keyboard.press("n")
    expect(count).to_have_text("1 of 3 hits on 2 pages")
    visitor.keyboard.press("N")
    expect(count).to_have_text("3 of 3 hits on 2 pages")
    _search(visitor, "cafe")
    expect(count).to_have_text("1 hit on 1 page")
    _search(visitor, "light house")
    expect(count).to_have_text("1 hit on 1 page")
    _search(visitor, "whale")
    expect(count).to_have_text("Nothing found")
    expect(visitor.locator(ROW)).to_have_count(3)
    visitor.keyboard.press("Escape")
    expect(count).to_have_text("")
    assert visitor.evaluate(_MARKED, "hit") == []


def _search(visitor: Page, text: str) -> None:
    visitor.keyboard.press("ControlOrMeta+f")
    visitor.keyboard.type(text)


def test_a_hit_is_marked_where_its_word_is_on_the_image(visitor: Page) -> None:
    choose(visitor, "one.pdf", pdfs.text_pages(["aaaaaaaaaa needle aaaaaaaaaa"]))
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    visitor.get_by_label("Search in the document").fill("needle")
    line, hit = visitor.locator("#boxes rect:not(.hit)").bounding_box(), visitor.locator("rect.hit").bounding_box()
    assert line is not None and hit is not None
    assert 0.35 < (hit["x"] - line["x"]) / line["width"] < 0.45
    assert 0.18 < hit["width"] / line["width"] < 0.27


def test_pages_that_arrive_are_searched_too(visitor: Page) -> None:
    drop(visitor, {"arriving.pdf": pdfs.numbered(30)})
    visitor.wait_for_selector(f"{ROW}[data-state=ok]")
    visitor.get_by_label("Search in the document").fill("page 2")
    expect(visitor.locator("#search-count")).to_have_text(re.compile("11 hits on 11 pages"))
    until_status(visitor, "completed")
