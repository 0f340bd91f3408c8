"""A page record's paragraphs, with their blocks and rows of text, as the formats write them."""

from __future__ import annotations

from slimgest_celery.geometry import is_beside
from slimgest_celery.models.page import Block, Page, Paragraph


def paragraphs_of(page: Page) -> list[Paragraph]:
    """The page's paragraphs. In a record without paragraphs each block is one."""
    return page.paragraphs or [Paragraph(first=index, last=index) for index in range(len(page.blocks))]


def blocks_of(page: Page, paragraph: Paragraph) -> list[Block]:
    """The blocks of a paragraph."""
    return page.blocks[paragraph.first : paragraph.last + 1]


def rows_of(page: Page, paragraph: Paragraph) -> list[str]:
    """The lines of a paragraph. Blocks side by side are on one line, separated by tabs."""
    rows: list[str] = []
    before: Block | None = None
    for block in blocks_of(page, paragraph):
        if before is not None and is_beside(before.box, block.box, page.line_turn):
            rows[-1] += f"\t{block.text}"
        else:
            rows.append(block.text)
        before = block
    return rows
