"""Plain text: lines, an empty line between paragraphs, and a form feed after each page, as in other PDF programs."""

from __future__ import annotations

from collections.abc import Iterator, Set

from slimgest_celery.formats.paragraphs import paragraphs_of, rows_of
from slimgest_celery.layout import hyphenation
from slimgest_celery.models.page import Block, Page, Paragraph


def page(page: Page) -> Iterator[str]:
    """The text of a page and a form feed, in parts. A failed page has no text."""
    yield _text(page)
    yield "\n\f"


def _text(page: Page) -> str:
    if not page.blocks:
        return page.text
    known = hyphenation.hyphenated_words(page)
    return "\n\n".join(_paragraph(page, paragraph, known) for paragraph in paragraphs_of(page))


def _paragraph(page: Page, paragraph: Paragraph, known: Set[str]) -> str:
    if paragraph.cells is not None:
        return "\n".join("\t".join(_cell(page.blocks, cell) for cell in row) for row in paragraph.cells)
    return "\n".join(hyphenation.join_cut_words(rows_of(page, paragraph), known))


def _cell(blocks: list[Block], index: int | None) -> str:
    return "" if index is None else blocks[index].text
