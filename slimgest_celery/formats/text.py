"""Plain text: the pages' lines, paragraphs divided by empty ones, pages by form feeds as other PDF tools do."""

from __future__ import annotations

from ..model import Block, Page, Paragraph
from . import flow


def page(page: Page) -> str:
    """The text of a page, empty of a failed one, and a form feed."""
    return _text(page) + "\n\f"


def _text(page: Page) -> str:
    if not page.blocks:
        return page.text
    return "\n\n".join(_paragraph(page, paragraph) for paragraph in flow.paragraphs(page))


def _paragraph(page: Page, paragraph: Paragraph) -> str:
    if paragraph.cells is not None:
        return "\n".join("\t".join(_cell(page.blocks, cell) for cell in row) for row in paragraph.cells)
    return "\n".join(flow.whole_words([block.text for block in flow.blocks(page, paragraph)]))


def _cell(blocks: list[Block], index: int | None) -> str:
    return "" if index is None else blocks[index].text
