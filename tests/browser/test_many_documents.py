"""Several documents at once, the filter of the list, and results of jobs that are still running."""

from __future__ import annotations

import zipfile
from collections.abc import Callable

from playwright.sync_api import Page, expect

from slimgest_celery.api_keys import make_key
from tests.support import pdfs
from tests.support.browser import choose, drop, until_status
from tests.support.engines import RAISE_ONCE
from tests.support.stack import Stack


def test_selected_documents_are_downloaded_as_one_zip_under_their_own_names(
    stack: Stack, visitors: Callable[..., Page]
) -> None:
    key, pair = make_key("carla")
    url = stack.start_api(SLIMGEST_API_KEYS=pair)
    visitor = visitors()
    visitor.goto(url)
    visitor.get_by_label("Key", exact=True).fill(key)
    visitor.get_by_role("button", name="Use this key").click()
    drop(visitor, {name: pdfs.text_pages([f"This is {name}."]) for name in ("a.pdf", "\u00fcber.pdf", "b.pdf")})
    expect(visitor.locator("#documents [data-status=completed]")).to_have_count(3)
    expect(visitor.locator("#selection")).to_be_hidden()
    visitor.get_by_label("Select a.pdf").check()
    visitor.get_by_label("Select \u00fcber.pdf").check()
    expect(visitor.locator("#selected-count")).to_have_text("2 selected")
    visitor.get_by_label("Format of the download").select_option("Text")
    with visitor.expect_download() as found:
        visitor.locator("#selected-download").click()
    assert found.value.suggested_filename == "documents.zip"
    with zipfile.ZipFile(found.value.path()) as archive:
        assert sorted(archive.namelist()) == ["a.txt", "\u00fcber.txt"]
        assert b"This is a.pdf." in archive.read("a.txt")
    _, process = stack.apis.pop()
    process.terminate()


def test_selected_documents_are_deleted_and_read_again(visitor: Page) -> None:
    drop(visitor, {"gaps.pdf": pdfs.coloured([(0, 1, 0), RAISE_ONCE]), "kept.pdf": pdfs.text_pages(["Kept."])})
    row = visitor.locator("#documents li", has_text="gaps.pdf")
    visitor.get_by_label("Which documents").select_option("Failed")
    visitor.get_by_label("Filter by name").fill("GAPS")
    expect(row).to_have_attribute("data-status", "partial")
    expect(visitor.locator("#documents li")).to_have_count(1)
    visitor.get_by_label("Select all").check()
    visitor.get_by_role("button", name="Read again").click()
    expect(visitor.locator("#filtered-none")).to_have_text("No document matches the filter.")
    visitor.get_by_label("Which documents").select_option("All")
    expect(row).to_have_attribute("data-status", "completed")
    visitor.get_by_label("Filter by name").fill("")
    visitor.get_by_label("Select gaps.pdf").check()
    visitor.once("dialog", lambda dialog: dialog.accept())
    visitor.locator("#selected-delete").click()
    expect(row).to_have_count(0)
    expect(visitor.locator("#documents li", has_text="kept.pdf").first).to_be_visible()
    expect(visitor.locator("#selection")).to_be_hidden()


def test_the_list_shows_only_running_documents_or_those_with_warnings(visitor: Page) -> None:
    choose(visitor, "poster.pdf", pdfs.coloured([(0, 1, 0)], size=(8000, 8000)))
    until_status(visitor, "completed")
    visitor.get_by_label("Which documents").select_option("With warnings")
    expect(visitor.locator("#documents li", has_text="poster.pdf").first).to_be_visible()
    drop(visitor, {"running.pdf": pdfs.numbered(40)})
    visitor.wait_for_selector("#viewer[data-status=processing]")
    visitor.get_by_label("Which documents").select_option("Running")
    expect(visitor.locator("#documents li", has_text="running.pdf")).to_be_visible()
    expect(visitor.locator("#documents li", has_text="poster.pdf")).to_have_count(0)
    visitor.locator("#viewer").get_by_role("button", name="Cancel").click()
    until_status(visitor, "cancelled")


def test_the_pages_read_so_far_can_be_downloaded(visitor: Page) -> None:
    drop(visitor, {"long.pdf": pdfs.numbered(60)})
    visitor.wait_for_selector("#page-list [data-page='2'][data-state=ok]")
    visitor.locator("#downloads summary", has_text="Download so far").click()
    expect(visitor.locator("[data-format=pdf]")).to_be_hidden()
    with visitor.expect_download() as found:
        visitor.locator("[data-format=txt]").click()
    text = found.value.path().read_text()
    assert "page 1" in text and "page 60" not in text
    expect(visitor.locator("#viewer")).to_have_attribute("data-status", "processing")
    visitor.locator("#viewer").get_by_role("button", name="Cancel").click()
    until_status(visitor, "cancelled")


def test_a_filter_also_finds_documents_that_are_older_than_the_list(
    stack: Stack, visitors: Callable[..., Page]
) -> None:
    oldest = stack.post("/jobs", pdfs.text_pages(["Old."]), filename="needle.pdf").json()["job_id"]
    stack.wait_end(oldest)
    for _ in range(6):  # the list has 50 at first
        files = [("files", (f"hay {number}.pdf", pdfs.text_pages(["New."]))) for number in range(9)]
        assert stack.request("POST", "/jobs", files=files).status_code == 202
    visitor = visitors()
    visitor.goto(stack.url)
    expect(visitor.locator("#documents li", has_text="hay").first).to_be_visible()
    expect(visitor.locator("#documents li", has_text="needle.pdf")).to_have_count(0)
    visitor.get_by_label("Filter by name").fill("NEEDLE")
    expect(visitor.locator("#documents li", has_text="needle.pdf")).to_be_visible()
