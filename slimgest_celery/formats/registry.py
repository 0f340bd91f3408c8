"""The formats of a result by name, and how each is written: page by page, from the stored page records.

The caller passes the head of a document (the `Document` without pages) and an iterator of its pages, and gets bytes in
pieces smaller than a page, so that no more than the record of one page is in memory. An empty piece means that the next
one takes some time: a server may answer other requests before it asks for the next piece. `pdf` is made by
pdf/text_overlay.py, `zip` by zip_archive.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

from slimgest_celery.formats import alto, hocr, html, json_document, markdown, text
from slimgest_celery.formats.chunks.writer import write_chunks
from slimgest_celery.formats.csv_archive import write_csv
from slimgest_celery.formats.document.pages import DocumentContext, DocumentPage, document_pages, unwritable_page
from slimgest_celery.formats.pieces import cut, in_pieces
from slimgest_celery.models.job import Document
from slimgest_celery.models.page import Page
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import StoredPage

_MAX_HELD = 4  # pieces of a page that are held until it is certain that the whole page can be written
_DEFAULTS = FormatOptions()
_NO_CONTEXT = DocumentContext()
_log = logging.getLogger(__name__)

T = TypeVar("T")
Edge = Callable[[Document, FormatOptions, DocumentContext], str]  # writes what is before or after all pages


def _empty(head: Document, options: FormatOptions, context: DocumentContext) -> str:
    return ""


def _newline(head: Document, options: FormatOptions, context: DocumentContext) -> str:
    return "\n"


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of a document."""

    media_type: str
    suffix: str  # of the file name


@dataclass(frozen=True, kw_only=True)
class PageFormat(Format):
    """A format that is written page by page. This one contains the records as they are stored."""

    needs_context: ClassVar[bool] = False  # True: `chunks` needs the context of the document

    head: Edge = _empty
    foot: Edge = _empty
    between: str = ""  # separates two pages
    after: str = ""  # follows each page
    empty: str = ""  # written if there are no pages

    def chunks(
        self,
        head: Document,
        pages: Iterable[StoredPage],
        options: FormatOptions = _DEFAULTS,
        context: DocumentContext = _NO_CONTEXT,
    ) -> Iterator[bytes]:
        """Yield the document in UTF-8, in pieces. A page that cannot be written is replaced by its error message."""
        yield self.head(head, options, context).encode()
        count = 0
        for count, pieces in enumerate(self._pages_in_pieces(pages, options, context), 1):
            yield self.between.encode() if count > 1 else b""
            yield from pieces
            yield self.after.encode()
        yield (("" if count else self.empty) + self.foot(head, options, context)).encode()

    def _pages_in_pieces(
        self, pages: Iterable[StoredPage], options: FormatOptions, context: DocumentContext
    ) -> Iterator[Iterator[bytes]]:
        return (cut(stored.line) for stored in pages)


@dataclass(frozen=True, kw_only=True)
class RecordFormat(PageFormat):
    """A format in which each page is converted from its record alone."""

    page: Callable[[Page], Iterator[str]]

    def _pages_in_pieces(
        self, pages: Iterable[StoredPage], options: FormatOptions, context: DocumentContext
    ) -> Iterator[Iterator[bytes]]:
        for stored in pages:
            yield _checked_pieces(stored.page, self.page, unwritable_page(stored.page_number), self.suffix)


@dataclass(frozen=True, kw_only=True)
class ReaderFormat(PageFormat):
    """A format for readers: `page` converts the elements that the options select."""

    needs_context: ClassVar[bool] = True

    page: Callable[[DocumentPage], Iterator[str]]
    is_separated: bool = False  # True: what is written first begins with empty lines, which the document does not need

    def chunks(
        self,
        head: Document,
        pages: Iterable[StoredPage],
        options: FormatOptions = _DEFAULTS,
        context: DocumentContext = _NO_CONTEXT,
    ) -> Iterator[bytes]:
        """Yield the document as `PageFormat` does."""
        pieces = super().chunks(head, pages, options, context)
        return _without_empty_start(pieces) if self.is_separated else pieces

    def _pages_in_pieces(
        self, pages: Iterable[StoredPage], options: FormatOptions, context: DocumentContext
    ) -> Iterator[Iterator[bytes]]:
        for own in document_pages(pages, options, context.structure):
            yield _checked_pieces(partial(_same, own), self.page, own.unwritable(), self.suffix)


@dataclass(frozen=True, kw_only=True)
class DocumentFormat(PageFormat):
    """A format whose parts are not pages."""

    needs_context: ClassVar[bool] = True

    write: Callable[[Document, Iterator[DocumentPage], FormatOptions], Iterator[bytes]]

    def chunks(
        self,
        head: Document,
        pages: Iterable[StoredPage],
        options: FormatOptions = _DEFAULTS,
        context: DocumentContext = _NO_CONTEXT,
    ) -> Iterator[bytes]:
        """Yield the document in pieces."""
        return self.write(head, document_pages(pages, options, context.structure), options)


def _same(own: DocumentPage) -> DocumentPage:
    return own


def _without_empty_start(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        begun = piece.lstrip(b"\n")
        yield begun
        if begun:
            yield from pieces


def _checked_pieces(
    load: Callable[[], T], write: Callable[[T], Iterator[str]], replacement: T, suffix: str
) -> Iterator[bytes]:
    """Yield a page, or its replacement if it cannot be written. A page longer than a few pieces is written twice:
    before the first piece is sent, it must be certain that none of them fails."""
    held: list[bytes] = []
    is_long = False
    try:
        page = load()
        for piece in in_pieces(write(page)):
            is_long = len(held) == _MAX_HELD
            if not is_long:
                held.append(piece)
            yield b""
    except Exception:  # a record of another version, or a bug: the other pages are still useful
        _log.exception("a page cannot be written as %s", suffix)
        yield from in_pieces(write(replacement))
        return
    yield from in_pieces(write(page)) if is_long else held


FORMATS: dict[str, Format] = {
    "json": PageFormat(
        media_type="application/json",
        suffix=".json",
        head=json_document.json_head,
        foot=json_document.json_foot,
        between=",",
    ),
    "ndjson": PageFormat(media_type="application/x-ndjson", suffix=".ndjson", after="\n"),
    "md": ReaderFormat(
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.head,
        page=markdown.page_with_comment,
        foot=_newline,
        is_separated=True,
    ),
    "md-plain": ReaderFormat(  # without a comment at the start of each page
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.head,
        page=markdown.plain_page,
        foot=_newline,
        is_separated=True,
    ),
    "txt": ReaderFormat(media_type="text/plain; charset=utf-8", suffix=".txt", page=text.page),
    "html": ReaderFormat(
        media_type="text/html; charset=utf-8", suffix=".html", head=html.head, page=html.page, foot=html.foot
    ),
    "chunks": DocumentFormat(media_type="application/x-ndjson", suffix=".chunks.ndjson", write=write_chunks),
    "csv": DocumentFormat(media_type="application/zip", suffix=".csv.zip", write=write_csv),
    "hocr": RecordFormat(
        media_type="text/vnd.hocr+html; charset=utf-8", suffix=".hocr", head=hocr.head, page=hocr.page, foot=hocr.foot
    ),
    "alto": RecordFormat(
        media_type="application/xml",
        suffix=".alto.xml",
        head=alto.head,
        page=alto.page,
        foot=alto.foot,
        empty=alto.NO_PAGES,
    ),
    "pdf": Format(media_type="application/pdf", suffix=".searchable.pdf"),  # not to be confused with the original PDF
    "zip": Format(media_type="application/zip", suffix=".zip"),
}
