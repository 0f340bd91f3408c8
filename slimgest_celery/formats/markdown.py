"""Markdown: paragraphs, headings, lists and tables, with a comment before each page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slimgest_celery.formats import tables
from slimgest_celery.formats.document.elements import Element
from slimgest_celery.formats.document.pages import DocumentContext, DocumentPage
from slimgest_celery.formats.document.table_joins import OpenTable
from slimgest_celery.models.job import Document
from slimgest_celery.models.results import FormatOptions

_SPECIAL = re.compile(r"[\\`*_\[\]<>|]|^[#>+-](?=\s)|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)")
_ITEM = re.compile(r"^[•◦▪‣●·]\s+")
_NUMBERED = re.compile(r"^(\d{1,3})([.)])\s+(?=\S)")


def head(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """The text before the first page."""
    return f"# {_escape(document.filename)}" if options.title == "filename" else ""


def page_with_comment(own: DocumentPage) -> Iterator[str]:
    """A comment with the page's number, then the page. The comment follows a table that continues on this page: within
    a table it would end it."""
    comments = [f"\n\n<!-- page {number} -->" for number in (*own.unmarked, own.page.page_number)]
    return _page(own, comments)


def plain_page(own: DocumentPage) -> Iterator[str]:
    """A page's text after an empty line, in parts. A failed page becomes a quoted line with its error code."""
    return _page(own, [])


def _page(own: DocumentPage, comments: Iterable[str]) -> Iterator[str]:
    elements = own.elements
    if own.continues and elements:
        yield "\n"
        yield _continuation(own, own.continues, elements[0])
        if own.is_open(elements[0]):
            return
        elements = elements[1:]
    yield from comments
    if own.page.error is not None:
        yield f"\n\n> {own.error_text()} (`{own.page.error.code}`)"
    for text in filter(None, (_element(own, element) for element in elements)):
        yield "\n\n"
        yield text


def _continuation(own: DocumentPage, before: OpenTable, element: Element) -> str:
    table = own.table(element)
    if table is None:
        return ""
    if not before.as_html:
        return "\n".join(tables.to_markdown_rows(table, _escape))
    return tables.to_html_rows(table) + ("" if own.is_open(element) else "\n</table>")


def _element(own: DocumentPage, element: Element) -> str:
    if table := own.table(element):
        text = tables.to_markdown(table, _escape)
        return text.removesuffix("\n</table>") if own.is_open(element) else text
    text = own.text(element)
    if element.kind == "heading":
        # A title from the file name is the only heading of the first level.
        level = element.level + (own.options.title == "filename")
        return f"{'#' * min(level, 6)} {_escape(text)}"
    if item := _ITEM.match(text):
        return f"- {_escape(text[item.end() :])}"
    if number := _NUMBERED.match(text):
        return f"{number[1]}{number[2]} {_escape(text[number.end() :])}"
    return _escape(text)


def _escape(text: str) -> str:
    """Escape the characters that have a meaning in Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)
