"""What a document can be turned into after the fact, page record by page record: one module per format.

Whoever writes a document hands in its head (the `Document` without pages) and an iterator of its pages, and gets bytes
in pieces: no format needs more than one page in memory. `pdf` and `zip` are put together elsewhere, in results.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..errors import PageUnwritable
from ..files import StoredPage
from ..model import Document, Page, Problem
from . import alto, hocr, markdown, records, text

_log = logging.getLogger(__name__)


def _nothing(head: Document) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A form of a document."""

    media_type: str
    suffix: str  # of its files


@dataclass(frozen=True, kw_only=True)
class PageFormat(Format):
    """A form that is written page by page: in this one, the records as they are stored."""

    head: Callable[[Document], str] = _nothing
    foot: Callable[[Document], str] = _nothing
    between: str = ""  # two pages
    after: str = ""  # each page
    empty: str = ""  # what stands for the pages where there are none

    def chunks(self, head: Document, pages: Iterable[StoredPage]) -> Iterator[bytes]:
        """The document in UTF-8, in pieces of a page. A page that cannot be written says so and spoils no other."""
        yield self.head(head).encode()
        count = 0
        for count, page in enumerate(pages, 1):
            yield (self.between.encode() if count > 1 else b"") + self._written(page) + self.after.encode()
        yield (("" if count else self.empty) + self.foot(head)).encode()

    def _written(self, stored: StoredPage) -> bytes:
        return stored.line


@dataclass(frozen=True, kw_only=True)
class ViewFormat(PageFormat):
    """A form in which each page is made of its record."""

    page: Callable[[Page], str]

    def _written(self, stored: StoredPage) -> bytes:
        try:
            return self.page(stored.page()).encode()
        except Exception:  # a record from another version, or a fault of ours: the other pages are worth having
            _log.exception("page %s cannot be written as %s", stored.page_number, self.suffix)
            problem = Problem.of(PageUnwritable())
            said = Page(page_number=stored.page_number, status="failed", text=problem.message, error=problem)
            return self.page(said).encode()


FORMATS: dict[str, Format] = {
    "json": PageFormat(
        media_type="application/json",
        suffix=".json",
        head=records.json_head,
        foot=records.json_foot,
        between=",",
    ),
    "ndjson": PageFormat(media_type="application/x-ndjson", suffix=".ndjson", after="\n"),
    "md": ViewFormat(
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=lambda page: markdown.mark(page) + markdown.page(page),
        foot=lambda head: "\n",
    ),
    "md-plain": ViewFormat(  # without comments where pages begin
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=markdown.page,
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
    "pdf": Format(media_type="application/pdf", suffix=".searchable.pdf"),  # never taken for the PDF that it is made of
    "zip": Format(media_type="application/zip", suffix=".zip"),
}
