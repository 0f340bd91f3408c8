"""The layout of the open document: sidebar, divider, size and rotation of the image, thumbnails, and links to pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.support import pdfs
from tests.support.browser import choose, drop, until_status
from tests.support.stack import Stack, wait_for

ROW = "#page-list [role=option]"


def _width(visitor: Page, selector: str) -> float:
    box = visitor.locator(selector).bounding_box()
    assert box is not None
    return box["width"]


def test_on_a_small_screen_the_list_of_documents_gives_way_to_the_page_image(
    stack: Stack, visitors: Callable[..., Page]
) -> None:
    visitor = visitors(viewport={"width": 1280, "height": 800})
    visitor.goto(stack.url)
    choose(visitor, "letter.pdf", pdfs.text_pages(["\n".join(pdfs.PROSE)]))
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    expect(visitor.locator("#side")).to_be_hidden()
    assert _width(visitor, "#page-image") > 500, "345 px cannot be read"
    visitor.keyboard.press("b")
    expect(visitor.locator("#documents li").first).to_be_visible()
    expect(visitor.locator("#sidebar-toggle")).to_have_attribute("aria-expanded", "true")
    visitor.reload()
    expect(visitor.locator("#documents li").first).to_be_visible()
    visitor.get_by_role("button", name="List of documents").click()
    expect(visitor.locator("#side")).to_be_hidden()


def test_the_divider_is_moved_by_mouse_and_by_keys_and_stays(visitor: Page) -> None:
    choose(visitor, "letter.pdf", pdfs.text_pages(["\n".join(pdfs.PROSE)]))
    until_status(visitor, "completed")
    divider = visitor.get_by_role("separator", name="Width of the image")
    before = _width(visitor, "#sheet-pane")
    divider.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "58")
    assert _width(visitor, "#sheet-pane") > before
    box = divider.bounding_box()
    assert box is not None
    visitor.mouse.move(box["x"] + 2, box["y"] + 50)
    visitor.mouse.down()
    visitor.mouse.move(box["x"] - 200, box["y"] + 50)
    visitor.mouse.up()
    narrow = _width(visitor, "#sheet-pane")
    assert narrow < before - 100
    visitor.reload()
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    assert abs(_width(visitor, "#sheet-pane") - narrow) < 2
    divider.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "80")
    divider.dblclick()
    expect(divider).to_have_attribute("aria-valuenow", "56")


def test_the_image_fits_its_pane_or_has_the_size_of_the_paper(visitor: Page) -> None:
    choose(visitor, "a4.pdf", pdfs.report())
    image = visitor.get_by_role("img", name="Page 1")
    expect(image).to_be_visible()
    size = visitor.get_by_label("Size of the image")
    pane = visitor.evaluate("document.getElementById('sheet-scroll').clientWidth")
    assert pane - 40 < _width(visitor, "#page-image") <= pane
    size.select_option("Fit page")
    visible = visitor.evaluate("document.getElementById('sheet-scroll').clientHeight")
    box = image.bounding_box()
    assert box is not None and box["height"] <= visible
    assert box["height"] > visible - 40 or box["width"] > pane - 40, "as large as fits"
    size.select_option("100 %")
    assert abs(_width(visitor, "#page-image") - 595 / 72 * 96) < 8
    size.select_option("200 %")
    assert abs(_width(visitor, "#page-image") - 2 * 595 / 72 * 96) < 16
    expect(image).to_have_js_property("naturalWidth", 1653)  # 200 dpi: sharp at this size
    visitor.keyboard.press("-")
    expect(size).to_have_value("1.5")
    visitor.keyboard.press("w")
    expect(size).to_have_value("width")


def test_a_page_is_turned_with_its_boxes(visitor: Page) -> None:
    choose(visitor, "a4.pdf", pdfs.report())
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    first = visitor.locator("#boxes rect").first
    upright = first.bounding_box()
    assert upright is not None and upright["width"] > upright["height"]
    visitor.get_by_role("button", name="Turn the image").click()
    turned = first.bounding_box()
    assert turned is not None and turned["width"] < turned["height"]
    image = visitor.locator("#page-image").bounding_box()
    assert image is not None and image["width"] > image["height"]
    for _ in range(3):
        visitor.keyboard.press("r")
    expect(visitor.locator("#sheet")).to_have_attribute("data-rotation", "0")


def test_the_page_list_shows_small_images_of_the_visible_pages_only(visitor: Page) -> None:
    requested: list[str] = []
    visitor.on("request", lambda request: requested.append(request.url) if "/image?dpi=50" in request.url else None)
    choose(visitor, "book.pdf", pdfs.text_pages([f"Page {number}." for number in range(1, 301)]))
    until_status(visitor, "completed")
    thumbnail = visitor.locator(f"{ROW}[data-page='1'] img")
    expect(thumbnail).to_have_attribute("src", re.compile("^blob:"))
    assert thumbnail.evaluate("image => image.decode().then(() => image.naturalHeight)") < 600
    visitor.locator("#page-list").press("End")
    expect(visitor.locator(f"{ROW}[data-page='300'] img")).to_have_attribute("src", re.compile("^blob:"))
    assert len(requested) < 60


def test_a_link_to_a_page_scrolls_the_list_there_and_a_page_beyond_the_end_is_the_last_one(
    stack: Stack, visitors: Callable[..., Page]
) -> None:
    job_id = stack.submit(pdfs.text_pages([f"Leaf {number}." for number in range(1, 131)]))
    stack.wait_end(job_id)
    visitor = visitors()
    visitor.goto(f"{stack.url}#{job_id}/120")
    expect(visitor.locator("#lines")).to_contain_text("Leaf 120.")
    row = visitor.locator(f"{ROW}[data-page='120']")
    expect(row).to_be_in_viewport()
    expect(row).to_have_attribute("aria-selected", "true")
    visitor.goto(f"{stack.url}#{job_id}/999")
    expect(visitor.locator("#lines")).to_contain_text("Leaf 130.")
    expect(visitor.locator("#page-note")).to_have_text("There is no page 999: this is the last one.")
    visitor.get_by_role("button", name="Previous page").click()
    expect(visitor.locator("#lines")).to_contain_text("Leaf 129.")
    expect(visitor.locator("#page-note")).to_be_hidden()


def test_after_a_reload_the_numbers_of_a_running_job_never_go_back(visitor: Page) -> None:
    drop(visitor, {"long.pdf": pdfs.numbered(60)})
    visitor.wait_for_selector(f"{ROW}[data-page='12'][data-state=ok]")
    visitor.reload()
    visitor.evaluate("""() => {
        window.seen = [];
        const state = document.getElementById('viewer-state');
        new MutationObserver(() => window.seen.push(parseInt(state.textContent))).observe(
            state, {childList: true, characterData: true, subtree: true});
    }""")
    visitor.wait_for_selector(f"{ROW}[data-page='12'][data-state=ok]")
    job_id = visitor.evaluate("location.hash.slice(1, 37)")
    read = httpx.get(visitor.evaluate("location.origin") + f"/jobs/{job_id}").json()["pages_done"]
    wait_for(lambda: int(visitor.locator("#viewer-state").inner_text().split()[0]) > read, what="two more pages")
    seen = [number for number in visitor.evaluate("window.seen") if number is not None]
    assert seen == sorted(seen) and len(seen) > 1, seen
    visitor.get_by_role("button", name="Cancel", exact=True).click()
    until_status(visitor, "cancelled")


def test_text_flows_as_paragraphs_and_headings_and_tables_are_such_elements(visitor: Page) -> None:
    choose(visitor, "report.pdf", pdfs.report())
    text = visitor.locator("#lines")
    expect(visitor.locator("#page-source")).to_have_text("Text from the PDF · English")
    expect(text.get_by_role("heading")).to_have_text(re.compile("Harbour report"))
    expect(text).to_contain_text("the keeper has weathered the storm")
    expect(text.locator("tr").nth(1)).to_have_text("AnnaTimber120")
    visitor.get_by_label("Lines", exact=True).check()
    expect(text.locator("p .line").first).to_have_text(re.compile("has weath-$"))
    visitor.reload()
    expect(text.locator("p .line").first).to_have_text(re.compile("has weath-$"))
    visitor.locator("#lines").press("l")
    expect(text).to_contain_text("the keeper has weathered the storm")


def test_a_page_that_is_printed_sideways_is_shown_upright(visitor: Page) -> None:
    choose(visitor, "sideways.pdf", pdfs.sideways(pdfs.PROSE))
    expect(visitor.locator("#lines")).to_contain_text(pdfs.PROSE[0])
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    page = httpx.get(visitor.evaluate("location.origin + '/jobs/' + location.hash.slice(1, 37) + '/pages/1'")).json()
    assert page["turned"]
    expect(visitor.locator("#sheet")).to_have_attribute("data-rotation", str(page["turned"]))
    box = visitor.locator("#boxes rect").first.bounding_box()
    assert box is not None and box["width"] > box["height"], "lines are horizontal"
