"""Plain text: lines, an empty line between paragraphs, and a form feed after each page, as in other PDF programs."""

from __future__ import annotations

from collections.abc import Iterator

from slimgest_celery.formats import tables
from slimgest_celery.formats.document.elements import Element
from slimgest_celery.formats.document.pages import DocumentPage
from slimgest_celery.formats.paragraphs import rows_of
from slimgest_celery.layout import hyphenation


def page(own: DocumentPage) -> Iterator[str]:
    """The text of a page and a form feed, in parts. A failed page has no text."""
    yield _text(own)
    yield "\n\f"


def _text(own: DocumentPage) -> str:
    if not own.page.blocks:
        return own.page.text
    return "\n\n".join(filter(None, (_element(own, element) for element in own.elements)))


def _element(own: DocumentPage, element: Element) -> str:
    if element.paragraph is None:
        return ""
    if element.paragraph.cells is not None:
        return "\n".join(map("\t".join, tables.to_rows(own.tables[element.paragraph.first])))
    return "\n".join(hyphenation.join_cut_words(rows_of(own.page, element.paragraph), own.hyphenated))
