"""The format `chunks`: one JSON object per line, each a part of the document for retrieval (`Chunk`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from slimgest_celery.formats.chunks.builder import ChunkBuilder, Part
from slimgest_celery.formats.document.elements import RUNNING, Element, is_item
from slimgest_celery.formats.document.pages import DocumentPage
from slimgest_celery.formats.paragraphs import blocks_of
from slimgest_celery.formats.pieces import in_pieces
from slimgest_celery.formats.tables import Table, to_markdown_rows
from slimgest_celery.formats.xml import block_union
from slimgest_celery.models.job import Document
from slimgest_celery.models.results import Chunk, ChunkBox, FormatOptions

_log = logging.getLogger(__name__)


def write_chunks(head: Document, pages: Iterable[DocumentPage], options: FormatOptions) -> Iterator[bytes]:
    """Yield the chunks of a document, one a line. A failed page has no text, and so no chunk."""
    return in_pieces(_lines(pages, ChunkBuilder(options.max_tokens, options.overlap)))


def _lines(pages: Iterable[DocumentPage], builder: ChunkBuilder) -> Iterator[str]:
    for own in pages:
        try:
            yield from map(_line, _add_page(builder, own))
        except Exception:  # a record of another version, or a bug: the other pages are still useful
            _log.exception("page %s cannot be written in chunks", own.page.page_number)
        yield ""
    yield from map(_line, builder.end())


def _line(chunk: Chunk) -> str:
    return f"{chunk.model_dump_json()}\n"


def _add_page(builder: ChunkBuilder, own: DocumentPage) -> Iterator[Chunk]:
    for element in own.elements:
        box = _box(own, element)
        if box is None:
            continue
        if table := own.table(element):
            yield from _add_table(builder, own, element, table, box)
        elif text := own.text(element).strip():
            kind = "text" if element.kind in RUNNING else "list" if is_item(text) else element.kind
            yield from builder.add(Part(kind=kind, text=text, box=box, level=element.level))


def _add_table(
    builder: ChunkBuilder, own: DocumentPage, element: Element, table: Table, box: ChunkBox
) -> Iterator[Chunk]:
    rows = to_markdown_rows(table, _escape)
    if not own.is_continuation(element):
        head = f"{rows.pop(0)}\n|{'---|' * table.column_count}"
        yield from builder.begin_table(Part(kind="table", text=head, box=box))
    for row in rows:
        yield from builder.add_row(Part(kind="table", text=row, box=box))
    if not own.is_open(element):
        yield from builder.end()


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _box(own: DocumentPage, element: Element) -> ChunkBox | None:
    """Return the place of an element; None if it has no block."""
    blocks = blocks_of(own.page, element.paragraph) if element.paragraph else []
    return ChunkBox(page_number=own.page.page_number, box=block_union(blocks)) if blocks else None
