"""Plain text: the pages' lines, paragraphs divided by empty ones, pages by form feeds as other PDF tools do."""

from __future__ import annotations

from collections.abc import Set

from ..model import Block, Page, Paragraph
from . import flow


def page(page: Page) -> str:
    """The text of a page, empty of a failed one, and a form feed."""
    return _text(page) + "\n\f"


def _text(page: Page) -> str:
    if not page.blocks:
        return page.text
    known = flow.compounds(page)
    return "\n\n".join(_paragraph(page, paragraph, known) for paragraph in flow.paragraphs(page))


def _paragraph(page: Page, paragraph: Paragraph, known: Set[str]) -> str:
    if paragraph.cells is not None:
        return "\n".join("\t".join(_cell(page.blocks, cell) for cell in row) for row in paragraph.cells)
    return "\n".join(flow.whole_words(flow.rows(page, paragraph), known))


def _cell(blocks: list[Block], index: int | None) -> str:
    return "" if index is None else blocks[index].text
