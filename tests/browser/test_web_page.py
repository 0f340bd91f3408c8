"""The web page in a browser, as a user sees and operates it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from playwright.sync_api import Page, expect

from slimgest_celery.api_keys import make_key
from slimgest_celery.errors import PageEngineFailed, PdfUnreadable
from slimgest_celery.formats.registry import FORMATS
from tests.support import images, pdfs
from tests.support.browser import choose, drop, until_status
from tests.support.engines import RAISE, RAISE_ONCE
from tests.support.stack import Stack

PROSE = "\n".join(pdfs.PROSE)
ROW = "#page-list [role=option]"


def test_pages_of_two_dropped_pdfs_arrive_before_the_jobs_are_done(visitor: Page) -> None:
    drop(visitor, {"first.pdf": pdfs.numbered(20, 100), "second.pdf": pdfs.numbered(20, 140)})
    half_read = ":has([data-status=processing]:has-text('{}') progress:not([value='0'], [value='1']))"
    visitor.wait_for_selector(f"#documents{half_read.format('first.pdf')}{half_read.format('second.pdf')}")
    expect(visitor.locator("#documents")).to_contain_text(re.compile(r"\d+ pages? of other documents first"))
    visitor.wait_for_selector("[data-status=processing] #page-list:has([data-state=ok]):has([data-state=waiting])")
    expect(visitor.locator("#lines .line")).to_have_text(re.compile("page 1[04]0"))
    until_status(visitor, "completed")
    expect(visitor.locator("#viewer-state")).to_have_text("20 pages")


def test_the_web_page_reconnects_after_the_api_was_killed(stack: Stack, visitor: Page) -> None:
    drop(visitor, {"long.pdf": pdfs.numbered(50)})
    visitor.wait_for_selector(f"{ROW}[data-state=ok]")
    url, process = stack.apis.pop()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    expect(visitor.locator("#viewer-state")).to_contain_text("connection lost")
    expect(visitor.locator("#offline")).to_contain_text("The service is not responding")
    stack.start_api(int(url.rpartition(":")[2]))
    until_status(visitor, "completed")
    expect(visitor.locator("#offline")).to_be_hidden()
    visitor.locator("#page-list").press("End")
    expect(visitor.locator(f"{ROW}[data-page='50']")).to_have_text(re.compile("50page 50"))
    waiting = "[...document.querySelectorAll('[data-state=waiting]')].length"
    assert visitor.evaluate(waiting) == 0


def test_a_cancelled_job_can_be_continued(visitor: Page) -> None:
    drop(visitor, {"stopped.pdf": pdfs.numbered(24)})
    visitor.wait_for_selector(f"{ROW}[data-state=ok]")
    visitor.get_by_role("button", name="Cancel", exact=True).click()
    until_status(visitor, "cancelled")
    expect(visitor.locator("#viewer-failed")).to_contain_text("not read")
    visitor.get_by_role("button", name="Read remaining pages").click()
    until_status(visitor, "completed")


def test_a_document_is_deleted_after_a_question(visitor: Page) -> None:
    drop(visitor, {"unwanted.pdf": pdfs.numbered(2)})
    until_status(visitor, "completed")
    questions: list[str] = []
    visitor.once("dialog", lambda dialog: (questions.append(dialog.message), dialog.dismiss()))
    visitor.get_by_role("button", name="Delete", exact=True).click()
    expect(visitor.locator("#viewer")).to_be_visible()
    visitor.once("dialog", lambda dialog: dialog.accept())
    visitor.get_by_role("button", name="Delete", exact=True).click()
    expect(visitor.locator("#documents li", has_text="unwanted.pdf")).to_have_count(0)
    expect(visitor.locator("#viewer")).to_be_hidden()
    assert "unwanted.pdf" in questions[0]


def test_a_page_with_a_warning_shows_it(visitor: Page) -> None:
    drop(visitor, {"poster.pdf": pdfs.coloured([(0, 1, 0)], size=(8000, 8000))})
    until_status(visitor, "completed")
    expect(visitor.locator("#viewer-state")).to_have_text("1 page, 1 with warnings")
    expect(visitor.locator(f"{ROW}[data-page='1']")).to_contain_text("⚠ OCR")
    expect(visitor.locator("#page-warnings li")).to_contain_text("instead of 150 dpi")
    expect(visitor.locator("#page-warnings li")).not_to_contain_text("SLIMGEST")


def test_a_failed_page_shows_its_error_and_can_be_read_again(visitor: Page) -> None:
    drop(visitor, {"holes.pdf": pdfs.coloured([(0, 1, 0), RAISE_ONCE, (0, 3, 0), RAISE])})
    until_status(visitor, "partial")
    expect(visitor.locator("#viewer-failed")).to_contain_text("2 pages could not be read")
    visitor.get_by_role("button", name="Show next failed page").click()
    expect(visitor.locator("#page-title")).to_have_text("Page 2 of 4")
    expect(visitor.locator("#lines")).to_contain_text("Text recognition failed on this page")
    expect(visitor.locator("#lines")).to_contain_text(PageEngineFailed.code)
    visitor.get_by_role("button", name="Read this page again").click()
    expect(visitor.locator("#viewer-failed")).to_contain_text("1 page could not be read")
    expect(visitor.locator("#lines .line")).to_be_visible()
    until_status(visitor, "partial")


def test_documents_and_the_open_page_survive_a_reload(visitor: Page) -> None:
    choose(visitor, "kept.pdf", pdfs.text_pages([PROSE, "The second page."]))
    until_status(visitor, "completed")
    visitor.get_by_role("button", name="Next page").click()
    expect(visitor.locator("#lines")).to_contain_text("The second page.")
    visitor.reload()
    expect(visitor.locator("#lines")).to_contain_text("The second page.")
    expect(visitor.locator("#page-title")).to_have_text("Page 2 of 2")
    expect(visitor.locator("#documents li", has_text="kept.pdf").first).to_be_visible()


def test_a_line_and_its_box_are_highlighted_together(visitor: Page) -> None:
    choose(visitor, "lines.pdf", pdfs.text_pages([PROSE]))
    lines, boxes = visitor.locator("#lines .line"), visitor.locator("#boxes rect")
    expect(boxes).to_have_count(len(pdfs.PROSE))
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    lines.nth(2).hover()
    expect(visitor.locator("rect.highlighted")).to_have_attribute("data-index", "2")
    boxes.nth(5).hover()
    expect(visitor.locator(".line.highlighted")).to_have_text(pdfs.PROSE[5])
    visitor.locator("#lines").press("ArrowDown")
    expect(visitor.locator(".line.highlighted")).to_have_text(pdfs.PROSE[6])


def test_the_colour_of_a_line_shows_its_confidence(visitor: Page) -> None:
    choose(visitor, "unsure.pdf", pdfs.numbered(1))  # the engine returns a confidence of 0.5
    line = visitor.locator("#lines .line.unsure")
    expect(line).to_have_attribute("title", "Confidence: 50 %")
    expect(visitor.locator("#boxes rect.unsure")).to_have_count(1)
    choose(visitor, "sure.pdf", pdfs.text_pages([PROSE]))
    expect(visitor.locator("#lines .line.sure").first).to_be_visible()


def test_every_format_can_be_downloaded(visitor: Page) -> None:
    choose(visitor, "letter.pdf", pdfs.text_pages([PROSE]))
    until_status(visitor, "completed")
    for name, form in FORMATS.items():
        visitor.locator("#downloads summary").click()
        with visitor.expect_download(timeout=60_000) as found:
            visitor.locator(f"[data-format={name}]").click()
        assert found.value.suggested_filename == f"letter{form.suffix}"
        assert found.value.path().stat().st_size > 100


def test_an_encrypted_pdf_is_opened_with_its_password(visitor: Page) -> None:
    choose(visitor, "locked.pdf", pdfs.text_pages([PROSE], password="open sesame"))
    until_status(visitor, "failed")
    expect(visitor.locator("#viewer-message")).to_contain_text("password")
    expect(visitor.locator("#message-hint")).to_be_hidden()
    visitor.get_by_label("Password of this PDF").fill("open sesame")
    visitor.get_by_role("button", name="Open", exact=True).click()
    until_status(visitor, "completed")
    expect(visitor.locator("#lines")).to_contain_text("The harbour was quiet")
    visitor.locator("#downloads summary").click()
    visitor.locator("[data-format=pdf]").click()
    visitor.locator("#again-password").fill("open sesame")
    with visitor.expect_download(timeout=60_000):
        visitor.get_by_role("button", name="Create PDF").click()


def test_a_pdf_that_cannot_be_read_shows_what_to_do(visitor: Page) -> None:
    choose(visitor, "broken.pdf", b"%PDF-1.7 and nothing else")
    until_status(visitor, "failed")
    expect(visitor.locator("#message-text")).to_have_text(PdfUnreadable().message)
    expect(visitor.locator("#message-hint")).to_contain_text("Open it with another program")


def test_an_image_is_read_like_a_pdf_and_shown(visitor: Page) -> None:
    drop(visitor, {"scan.tif": images.tiff(images.numbered(2), "tiff_lzw")})
    until_status(visitor, "completed")
    expect(visitor.locator("#viewer-state")).to_have_text("2 pages")
    expect(visitor.locator("#lines .line")).to_contain_text("page 1")


def test_a_phone_offers_its_camera_and_the_photo_is_read(stack: Stack, visitors: Callable[..., Page]) -> None:
    phone = visitors(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    phone.goto(stack.url)
    camera = phone.get_by_label("Take a photo")
    expect(camera).to_be_visible()
    expect(camera).to_have_attribute("capture", "environment")
    photo = images.saved(images.numbered(9)[-1], "JPEG", quality=95)
    camera.set_input_files([{"name": "image.jpg", "mimeType": "image/jpeg", "buffer": photo}])
    until_status(phone, "completed")
    expect(phone.locator("#lines .line")).to_contain_text("page 9")


def test_a_computer_with_a_mouse_offers_no_camera(visitor: Page) -> None:
    expect(visitor.get_by_label("Take a photo")).to_be_hidden()


def test_refused_files_show_the_reason_and_options_are_validated(visitor: Page) -> None:
    drop(visitor, {"picture.pdf": b"this is no PDF", "fine.pdf": pdfs.text_pages([PROSE])})
    until_status(visitor, "completed")
    row = visitor.locator("#documents li", has_text="picture.pdf")
    expect(row).to_contain_text("is a text file; convert it to PDF first")
    row.get_by_role("button", name="Cancel upload").click()
    expect(row).to_have_count(0)
    visitor.locator(".options summary").click()
    visitor.get_by_role("textbox", name="Pages").fill("2-x")
    expect(visitor.get_by_role("alert")).to_contain_text("numbers and ranges")
    choose(visitor, "kept-back.pdf", pdfs.text_pages([PROSE]))
    visitor.get_by_role("textbox", name="Pages").fill("2-3")
    expect(visitor.get_by_role("alert")).to_have_count(0)
    choose(visitor, "some.pdf", pdfs.text_pages(["one", "two", "three", "four"]))
    until_status(visitor, "completed")
    expect(visitor.locator(ROW)).to_have_text([re.compile("2two"), re.compile("3three")])
    expect(visitor.locator("#documents li", has_text="kept-back.pdf")).to_have_count(0)


def test_workers_and_their_activity_are_shown(visitor: Page) -> None:
    visitor.locator("#service summary").click()
    expect(visitor.locator("#workers tr")).to_have_count(2)
    drop(visitor, {"seen.pdf": pdfs.numbered(40)})
    expect(visitor.locator("#workers")).to_contain_text(re.compile(r"reading page \d+ of seen.pdf"))
    expect(visitor.locator("#service-text")).to_contain_text("2 workers")
    visitor.get_by_role("button", name="Cancel", exact=True).click()


def test_the_key_is_requested_and_kept_for_the_tab_unless_the_user_wants_more(
    stack: Stack, visitors: Callable[..., Page]
) -> None:
    key, pair = make_key("alice")
    url = stack.start_api(SLIMGEST_API_KEYS=pair)
    visitor = visitors()
    visitor.goto(url)
    _enter(visitor, "slim_wrong", remember=False)
    expect(visitor.get_by_role("alert")).to_contain_text("is not valid for this service")
    _enter(visitor, key, remember=False)
    expect(visitor.locator("#service-text")).to_contain_text("2 workers")
    choose(visitor, "private.pdf", pdfs.text_pages([PROSE]))
    until_status(visitor, "completed")
    expect(visitor.get_by_role("img", name="Page 1")).to_be_visible()
    visitor.locator("#downloads summary").click()
    with visitor.expect_download():
        visitor.locator("[data-format=md]").click()
    visitor.reload()
    expect(visitor.locator("#lines")).to_contain_text("The harbour was quiet")
    other = visitor.context.new_page()
    other.goto(url)
    _enter(other, key, remember=True)
    expect(other.locator("#documents li")).to_have_count(1)
    third = visitor.context.new_page()
    third.goto(url)
    expect(third.locator("#documents li")).to_have_count(1)
    expect(third.locator("#key-dialog")).to_be_hidden()
    _, process = stack.apis.pop()
    process.terminate()


def _enter(page: Page, key: str, *, remember: bool) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_label("Remember the key").set_checked(remember)
    page.get_by_role("button", name="Use this key").click()


def test_everything_can_be_reached_by_keyboard(visitor: Page) -> None:
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_role("link", name="Skip to the document")).to_be_focused()
    visitor.keyboard.press("Enter")
    expect(visitor.locator("main")).to_be_focused()
    choose(visitor, "keys.pdf", pdfs.numbered(9))
    until_status(visitor, "completed")
    pages = visitor.get_by_role("listbox", name="Pages")
    pages.press("End")
    expect(visitor.locator("#lines .line")).to_contain_text("page 9")
    pages.press("ArrowUp")
    expect(pages.get_by_role("option", selected=True)).to_have_attribute("data-page", "8")
    expect(pages).to_have_attribute("aria-activedescendant", re.compile("page-row-7"))
    visitor.locator("#downloads summary").press("Enter")
    visitor.keyboard.press("Tab")
    expect(visitor.locator("#copy-document")).to_be_focused()
    visitor.keyboard.press("Tab")
    expect(visitor.locator("[data-format=md]")).to_be_focused()
    visitor.keyboard.press("Escape")
    expect(visitor.locator("#downloads summary")).to_be_focused()
    expect(visitor.locator("[data-format=md]")).to_be_hidden()
