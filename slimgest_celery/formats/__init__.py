"""What a document can be turned into after the fact, page record by page record: one module per format.

Whoever writes a document hands in its head (the `Document` without pages) and an iterator of its pages, and gets bytes
in pieces: no format needs more than one page in memory. `pdf` and `zip` are put together elsewhere, in results.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..errors import PageUnwritable
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
    """A form that is written page by page."""

    page: Callable[[Page], str]
    head: Callable[[Document], str] = _nothing
    foot: Callable[[Document], str] = _nothing
    between: str = ""  # two pages
    empty: str = ""  # what stands for the pages where there are none

    def chunks(self, head: Document, pages: Iterable[Page]) -> Iterator[bytes]:
        """The document in UTF-8, in pieces of a page. A page that cannot be written says so and spoils no other."""
        yield self.head(head).encode()
        count = 0
        for count, page in enumerate(pages, 1):
            yield ((self.between if count > 1 else "") + self._written(page)).encode()
        yield (("" if count else self.empty) + self.foot(head)).encode()

    def _written(self, page: Page) -> str:
        try:
            return self.page(page)
        except Exception:  # a record from another version, or a fault of ours: the other pages are worth having
            _log.exception("page %s cannot be written as %s", page.page_number, self.suffix)
            problem = Problem.of(PageUnwritable())
            said = Page(page_number=page.page_number, status="failed", text=problem.message, error=problem)
            return self.page(said)


FORMATS: dict[str, Format] = {
    "json": PageFormat(
        media_type="application/json",
        suffix=".json",
        head=records.json_head,
        page=records.line,
        foot=records.json_foot,
        between=",",
    ),
    "ndjson": PageFormat(
        media_type="application/x-ndjson", suffix=".ndjson", page=lambda page: records.line(page) + "\n"
    ),
    "md": PageFormat(
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=lambda page: markdown.mark(page) + markdown.page(page),
        foot=lambda head: "\n",
    ),
    "md-plain": PageFormat(  # without comments where pages begin
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        head=markdown.title,
        page=markdown.page,
        foot=lambda head: "\n",
    ),
    "txt": PageFormat(media_type="text/plain; charset=utf-8", suffix=".txt", page=text.page),
    "hocr": PageFormat(
        media_type="text/vnd.hocr+html; charset=utf-8", suffix=".hocr", head=hocr.head, page=hocr.page, foot=hocr.foot
    ),
    "alto": PageFormat(
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
