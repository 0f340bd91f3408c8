"""Plain text: lines, an empty line between paragraphs, and a form feed after each page, as in other PDF programs."""

from __future__ import annotations

from collections.abc import Iterator, Set

from slimgest_celery.formats import tables
from slimgest_celery.formats.paragraphs import paragraphs_of, rows_of
from slimgest_celery.layout import hyphenation
from slimgest_celery.models.page import Page, Paragraph


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
        return "\n".join(map("\t".join, tables.to_rows(tables.table_of(page, paragraph, known))))
    return "\n".join(hyphenation.join_cut_words(rows_of(page, paragraph), known))
