"""The pages of a document as the formats for readers write them: which parts are written, and as what."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from slimgest_celery.errors import PageUnwritable
from slimgest_celery.formats.document.elements import Element, elements_of
from slimgest_celery.formats.document.table_joins import OpenTable, open_table, repeated_rows, without_first_rows
from slimgest_celery.formats.paragraphs import rows_of
from slimgest_celery.formats.tables import Table, table_of
from slimgest_celery.layout import hyphenation
from slimgest_celery.layout.document_structure import DocumentStructure, find_structure
from slimgest_celery.models.page import Page
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import StoredPage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DocumentContext:
    """The facts about all pages that a format needs before it writes the first one."""

    structure: DocumentStructure = field(default_factory=DocumentStructure)
    language: str | None = None  # of most pages


@dataclass(frozen=True, kw_only=True)
class DocumentPage:
    """A page with the elements that are written."""

    page: Page
    elements: tuple[Element, ...]
    tables: Mapping[int, Table]  # by the index of the first block
    hyphenated: Set[str]  # the words of the page that are written with a hyphen
    options: FormatOptions
    continues: OpenTable | None = None  # the table of the page before, which the first element continues
    repeated_rows: int = 0  # the header rows that the continuation repeats, and that are not written
    is_continued: bool = False  # the last element is a table that continues on the next page
    unmarked: tuple[int, ...] = ()  # numbers of pages that began within the table that this page continues

    def text(self, element: Element) -> str:
        """Return the text of an element that is no table, as one line."""
        if element.paragraph is None:
            return ""
        return hyphenation.join_lines(rows_of(self.page, element.paragraph), self.hyphenated).replace("\t", " ")

    def table(self, element: Element) -> Table | None:
        """Return the table that an element is, without repeated header rows; None if it is another element."""
        if element.paragraph is None or element.paragraph.cells is None:
            return None
        found = self.tables[element.paragraph.first]
        return without_first_rows(found, self.repeated_rows) if self.is_continuation(element) else found

    def is_continuation(self, element: Element) -> bool:
        """Return True if an element is the table that continues the one of the page before."""
        return self.continues is not None and element is self.elements[0]

    def is_open(self, element: Element) -> bool:
        """Return True if an element is the table that continues on the next page."""
        return self.is_continued and element is self.elements[-1]

    def error_text(self) -> str:
        """Return the sentence that replaces a failed page."""
        error = self.page.error
        return f"Page {self.page.page_number} could not be read: {error.message}" if error else ""

    def unwritable(self) -> DocumentPage:
        """Return a page with an error message in place of this one, which cannot be written."""
        return replace(self, page=unwritable_page(self.page.page_number), elements=())


def find_context(pages: Iterable[StoredPage]) -> DocumentContext:
    """Return what a format needs to know of all these pages. A record that cannot be read is left out."""
    languages: Counter[str] = Counter()
    try:
        structure = find_structure(_readable(pages, languages))
    except Exception:  # a bug, or a record that is wrong in itself: the document is written without its structure
        _log.exception("the structure of a document cannot be found")
        structure = DocumentStructure()
    return DocumentContext(structure=structure, language=max(languages, key=languages.__getitem__, default=None))


def _readable(pages: Iterable[StoredPage], languages: Counter[str]) -> Iterator[Page]:
    for stored in pages:
        with suppress(ValidationError):  # a record of another version
            page = stored.page()
            if page.language:
                languages[page.language] += 1
            yield page


def document_pages(
    pages: Iterable[StoredPage], options: FormatOptions, structure: DocumentStructure
) -> Iterator[DocumentPage]:
    """Yield the pages with their elements. A record that cannot be read becomes a failed page.

    The next page is read before a page is yielded: a table may continue there.
    """
    before: DocumentPage | None = None
    table: OpenTable | None = None
    for stored in pages:
        own = _load(stored, options, structure)
        own, after = _link(own, before, table)
        if before is not None:
            yield replace(before, is_continued=own.continues is not None)
        before, table = own, after
    if before is not None:
        yield before


def unwritable_page(page_number: int) -> Page:
    """Return a page with an error message in place of one that cannot be written."""
    problem = Problem.from_error(PageUnwritable())
    return Page(page_number=page_number, status="failed", text=problem.message, error=problem)


def _load(stored: StoredPage, options: FormatOptions, structure: DocumentStructure) -> DocumentPage:
    try:
        running = structure.running.get(stored.page_number, frozenset())
        return _document_page(structure.apply(stored.page()), options, running)
    except Exception:  # a record of another version: the other pages are still useful
        _log.exception("the record of page %s cannot be read", stored.page_number)
        return _document_page(unwritable_page(stored.page_number), options)


def _document_page(page: Page, options: FormatOptions, running: Set[int] = frozenset()) -> DocumentPage:
    known = hyphenation.hyphenated_words(page)
    elements = elements_of(page, running, keep_running=options.headers == "keep")
    found = {
        element.paragraph.first: table_of(page, element.paragraph, known)
        for element in elements
        if element.paragraph and element.paragraph.cells is not None
    }
    return DocumentPage(page=page, elements=elements, tables=found, hyphenated=known, options=options)


def _link(
    own: DocumentPage, before: DocumentPage | None, table: OpenTable | None
) -> tuple[DocumentPage, OpenTable | None]:
    """Return a page with what it continues of the page before it, and the table that may continue after it."""
    if not own.elements:
        return own, None
    first, last = own.elements[0], own.elements[-1]
    own_table = own.table(first)
    if table and before and first.paragraph and own_table:
        count = repeated_rows(table, own.page, first.paragraph, own_table)
        if count is not None:
            unmarked = (*before.unmarked, before.page.page_number) if _is_within_table(before) else ()
            own = replace(own, continues=table, repeated_rows=count, unmarked=unmarked)
            if first is last:
                return own, table
    own_table = own.table(last)
    return own, open_table(own.page, last.paragraph, own_table) if last.paragraph and own_table else None


def _is_within_table(page: DocumentPage) -> bool:
    return page.continues is not None and len(page.elements) == 1
