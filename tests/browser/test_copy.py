"""Copying a paragraph, a table, a page and a document, with the clipboard of secure pages and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from slimgest_celery.layout.hyphenation import join_lines
from tests.support import pdfs
from tests.support.browser import choose, until_status
from tests.support.stack import Stack

PARAGRAPH = "The harbour was quiet all day, and the keeper has weathered the storm in his tower."
TABLE = "\n".join("\t".join(row) for row in pdfs.REPORT_TABLE)
_PASTE = """() => {
    const area = document.createElement('textarea');
    document.body.append(area);
    area.focus();
    window.paste = new Promise((resolve) => area.addEventListener('paste', ({clipboardData}) => {
        resolve({text: clipboardData.getData('text/plain'), html: clipboardData.getData('text/html')});
        area.remove();
    }));
}"""


@pytest.fixture(params=["secure", "http"])
def copier(request: pytest.FixtureRequest, stack: Stack, visitors: Callable[..., Page]) -> Iterator[Page]:
    """A tab with a page on screen; "http" has no `navigator.clipboard`, as on plain http."""
    secure = request.param == "secure"
    visitor = visitors()
    visitor.context.grant_permissions(["clipboard-read", *(["clipboard-write"] if secure else [])])
    if not secure:
        visitor.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})")
    visitor.goto(stack.url)
    choose(visitor, "report.pdf", pdfs.report())
    until_status(visitor, "completed")
    expect(visitor.locator("#lines")).to_contain_text("weathered")
    yield visitor


def _pasted(visitor: Page) -> dict[str, str]:
    """Paste into a field, as a user does, and return what arrives."""
    visitor.evaluate(_PASTE)
    visitor.keyboard.press("ControlOrMeta+v")
    found: dict[str, str] = visitor.evaluate("window.paste")
    return found


def test_a_paragraph_and_a_table_are_copied(copier: Page) -> None:
    copier.locator(".line", has_text="weath").hover()
    copier.get_by_title("Copy this paragraph or table").click()
    expect(copier.get_by_title("Copy this paragraph or table")).to_have_text("Copied")
    assert _pasted(copier)["text"] == PARAGRAPH
    copier.locator(".line", has_text="Timber").hover()
    copier.keyboard.press("c")
    expect(copier.locator(".table").get_by_title("Copy this paragraph or table")).to_have_text("Copied")
    pasted = _pasted(copier)
    assert pasted["text"] == TABLE
    assert "<td>Timber</td>" in pasted["html"]


def test_a_page_and_the_document_are_copied(copier: Page) -> None:
    copier.get_by_title("Copy the text of this page").click()
    expect(copier.get_by_title("Copy the text of this page")).to_have_text("Copied")
    page = f"Harbour report\n\n{PARAGRAPH}\n\n{TABLE}"
    assert _pasted(copier)["text"] == page
    copier.locator("#downloads summary").click()
    copier.locator("#copy-document").click()
    expect(copier.locator("#viewer-note")).to_have_text("The text of report.pdf is copied.")
    assert _pasted(copier)["text"] == page


def test_lines_are_joined_as_in_the_downloads(visitor: Page) -> None:
    """The script has the same rules as layout/hyphenation.py."""
    paragraphs = [
        ["weath-", "ered by the sea"],
        ["a well-", "known and up-to-", "date list"],
        ["pre-", "and post-war"],
        ["the Anglo-", "Saxon church", "IN CAPI-", "TALS"],
        ["see 12-", "14 and x-", "ray"],
        ["co\u2010", "operate", "soft\u00ad", "ened"],
        ["\u6f22\u5b57", "\u304b\u306a", "end"],
        ["Stra\u00dfen-", "b\u00e4ume und", "Caf\u00e9-", "haus"],
        ["one line"],
        ["re-enter and re-", "enter"],
    ]
    for lines in paragraphs:
        known = {"re-enter"}
        joined = visitor.evaluate(
            "([lines, known]) => import('./web/text_flow.js').then(m => m.flow(lines, new Set(known)).join(''))",
            [lines, sorted(known)],
        )
        assert joined == join_lines(lines, known)
