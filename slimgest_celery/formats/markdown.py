"""Markdown: the file's name as title, then paragraphs, headings and tables; a comment before each page."""

from __future__ import annotations

import re

from ..model import Document, Page, Paragraph
from . import flow

_SPECIAL = re.compile(r"[\\`*_\[\]<>|]|^[#>+-](?=\s)|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)")
_ITEM = re.compile(r"^[•◦▪‣●·]\s+")
_NUMBERED = re.compile(r"^(\d{1,3})([.)])\s+(?=\S)")


def write(document: Document, *, page_breaks: bool = True) -> str:
    """The document as Markdown. A failed page stands as a quoted line that gives its code.

    `page_breaks` puts a comment with the page's number before each page.
    """
    parts = [f"# {_escape(document.filename)}"]
    for page in document.pages:
        if page_breaks:
            parts.append(f"<!-- page {page.page_number} -->")
        if text := _page(page):
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def _page(page: Page) -> str:
    if page.error is not None:
        return f"> Page {page.page_number} could not be read: {page.error.message} (`{page.error.code}`)"
    return "\n\n".join(_paragraph(page, paragraph) for paragraph in flow.paragraphs(page))


def _paragraph(page: Page, paragraph: Paragraph) -> str:
    if paragraph.cells is not None:
        return _table(page, paragraph.cells)
    text = flow.one_line([block.text for block in flow.blocks(page, paragraph)])
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
