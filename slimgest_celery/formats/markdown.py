"""Markdown: the file's name as title, then paragraphs, headings and tables; a comment before each page."""

from __future__ import annotations

import re
from collections.abc import Set

from ..model import Document, Page, Paragraph
from . import flow

_SPECIAL = re.compile(r"[\\`*_\[\]<>|]|^[#>+-](?=\s)|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)")
_ITEM = re.compile(r"^[•◦▪‣●·]\s+")
_NUMBERED = re.compile(r"^(\d{1,3})([.)])\s+(?=\S)")


def title(document: Document) -> str:
    """What stands before the first page."""
    return f"# {_escape(document.filename)}"


def mark(page: Page) -> str:
    """The comment that says where a page begins."""
    return f"\n\n<!-- page {page.page_number} -->"


def page(page: Page) -> str:
    """A page's text, after an empty line. A failed page is a quoted line that gives its code."""
    text = _text(page)
    return f"\n\n{text}" if text else ""


def _text(page: Page) -> str:
    if page.error is not None:
        return f"> Page {page.page_number} could not be read: {page.error.message} (`{page.error.code}`)"
    known = flow.compounds(page)
    return "\n\n".join(_paragraph(page, paragraph, known) for paragraph in flow.paragraphs(page))


def _paragraph(page: Page, paragraph: Paragraph, known: Set[str]) -> str:
    if paragraph.cells is not None:
        return _table(page, paragraph.cells)
    text = flow.one_line(flow.rows(page, paragraph), known).replace("\t", " ")
    if paragraph.kind == "heading":
        # The document's title is the one heading of the first level.
        return f"{'#' * (paragraph.level + 1)} {_escape(text)}"
    if item := _ITEM.match(text):
        return f"- {_escape(text[item.end() :])}"
    if number := _NUMBERED.match(text):
        return f"{number[1]}{number[2]} {_escape(text[number.end() :])}"
    return _escape(text)


def _table(page: Page, cells: list[list[int | None]]) -> str:
    rows = [
        "| " + " | ".join("" if cell is None else _escape(page.blocks[cell].text) for cell in row) + " |"
        for row in cells
    ]
    return "\n".join([rows[0], "|" + "---|" * len(cells[0]), *rows[1:]])


def _escape(text: str) -> str:
    """Text that Markdown would take for its own marks, made safe."""
    return _SPECIAL.sub(r"\\\g<0>", text)
