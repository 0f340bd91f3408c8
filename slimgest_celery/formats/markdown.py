"""Markdown: the file name as title, then paragraphs, headings and tables, with a comment before each page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from slimgest_celery.formats import tables
from slimgest_celery.formats.paragraphs import paragraphs_of, rows_of
from slimgest_celery.layout import hyphenation
from slimgest_celery.models.job import Document
from slimgest_celery.models.page import Page, Paragraph

_SPECIAL = re.compile(r"[\\`*_\[\]<>|]|^[#>+-](?=\s)|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)")
_ITEM = re.compile(r"^[•◦▪‣●·]\s+")
_NUMBERED = re.compile(r"^(\d{1,3})([.)])\s+(?=\S)")


def title(document: Document) -> str:
    """The text before the first page."""
    return f"# {_escape(document.filename)}"


def page_with_comment(page: Page) -> Iterator[str]:
    """A comment with the page's number, then the page."""
    yield f"\n\n<!-- page {page.page_number} -->"
    yield from plain_page(page)


def plain_page(page: Page) -> Iterator[str]:
    """A page's text after an empty line, in parts. A failed page becomes a quoted line with its error code."""
    if text := _text(page):
        yield "\n\n"
        yield text


def _text(page: Page) -> str:
    if page.error is not None:
        return f"> Page {page.page_number} could not be read: {page.error.message} (`{page.error.code}`)"
    known = hyphenation.hyphenated_words(page)
    return "\n\n".join(_paragraph(page, paragraph, known) for paragraph in paragraphs_of(page))


def _paragraph(page: Page, paragraph: Paragraph, known: Set[str]) -> str:
    if paragraph.cells is not None:
        return tables.to_markdown(tables.table_of(page, paragraph, known), _escape)
    text = hyphenation.join_lines(rows_of(page, paragraph), known).replace("\t", " ")
    if paragraph.kind == "heading":
        # The document's title is the only heading of the first level.
        return f"{'#' * (paragraph.level + 1)} {_escape(text)}"
    if item := _ITEM.match(text):
        return f"- {_escape(text[item.end() :])}"
    if number := _NUMBERED.match(text):
        return f"{number[1]}{number[2]} {_escape(text[number.end() :])}"
    return _escape(text)


def _escape(text: str) -> str:
    """Escape the characters that have a meaning in Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)
