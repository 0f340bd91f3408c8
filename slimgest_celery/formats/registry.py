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

from slimgest_celery.errors import PageUnwritable
from slimgest_celery.formats import alto, hocr, json_document, markdown, text
from slimgest_celery.formats.pieces import cut, in_pieces
from slimgest_celery.models.job import Document
from slimgest_celery.models.page import Page
from slimgest_celery.models.problem import Problem
from slimgest_celery.storage.job_files import StoredPage

_MAX_HELD = 4  # pieces of a page that are held until it is certain that the whole page can be written
_log = logging.getLogger(__name__)


def _empty(head: Document) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of a document."""

    media_type: str
    suffix: str  # of the file name


@dataclass(frozen=True, kw_only=True)
class PageFormat(Format):
    """A format that is written page by page. This one contains the records as they are stored."""

    head: Callable[[Document], str] = _empty
    foot: Callable[[Document], str] = _empty
    between: str = ""  # separates two pages
    after: str = ""  # follows each page
    empty: str = ""  # written if there are no pages

    def chunks(self, head: Document, pages: Iterable[StoredPage]) -> Iterator[bytes]:
        """Yield the document in UTF-8, in pieces. A page that cannot be written is replaced by its error message."""
        yield self.head(head).encode()
        count = 0
        for count, page in enumerate(pages, 1):
            yield self.between.encode() if count > 1 else b""
            yield from self._page_pieces(page)
            yield self.after.encode()
        yield (("" if count else self.empty) + self.foot(head)).encode()

    def _page_pieces(self, stored: StoredPage) -> Iterator[bytes]:
        return cut(stored.line)


@dataclass(frozen=True, kw_only=True)
class ViewFormat(PageFormat):
    """A format in which each page is converted from its record."""

    page: Callable[[Page], Iterator[str]]

    def _page_pieces(self, stored: StoredPage) -> Iterator[bytes]:
        """Yield a page. One longer than a few pieces is written twice: before the first piece is sent, it must be
        certain that none of them fails."""
        held: list[bytes] = []
        is_long = False
        try:
            page = stored.page()
            for piece in in_pieces(self.page(page)):
                is_long = len(held) == _MAX_HELD
                if not is_long:
                    held.append(piece)
                yield b""
        except Exception:  # a record of another version, or a bug: the other pages are still useful
            _log.exception("page %s cannot be written as %s", stored.page_number, self.suffix)
            yield from in_pieces(self.page(_unwritable(stored.page_number)))
            return
        yield from in_pieces(self.page(page)) if is_long else held


def _unwritable(page_number: int) -> Page:
    problem = Problem.from_error(PageUnwritable())
    return Page(page_number=page_number, status="failed", text=problem.message, error=problem)


FORMATS: dict[str, Format] = {
    "json": PageFormat(
        media_type="application/json",
        suffix=".json",
        head=json_document.json_head,
        foot=json_document.json_foot,
        between=",",
    ),
    "ndjson": PageFormat(media_type="application/x-ndjson", suffix=".ndjson", after="\n"),
    "md": ViewFormat(
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=markdown.page_with_comment,
        foot=lambda head: "\n",
    ),
    "md-plain": ViewFormat(  # without a comment at the start of each page
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=markdown.plain_page,
        foot=lambda head: "\n",
    ),
    "txt": ViewFormat(media_type="text/plain; charset=utf-8", suffix=".txt", page=text.page),
    "hocr": ViewFormat(
        media_type="text/vnd.hocr+html; charset=utf-8", suffix=".hocr", head=hocr.head, page=hocr.page, foot=hocr.foot
    ),
    "alto": ViewFormat(
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
