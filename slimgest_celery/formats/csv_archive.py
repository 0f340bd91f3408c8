"""The format `csv`: a ZIP with a CSV file for each table, and `tables.csv`, which lists them.

The files are as in RFC 4180, in UTF-8 with a byte order mark: without it, Excel misreads letters outside ASCII.

A cell that a spreadsheet would calculate gets an apostrophe in front: a PDF may contain text such as
`=HYPERLINK("http://…")`. Numbers with a sign stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimgest_celery.formats.document.pages import DocumentPage
from slimgest_celery.formats.tables import Table, to_rows
from slimgest_celery.formats.zip_archive import zip_stream
from slimgest_celery.models.job import Document
from slimgest_celery.models.record import now
from slimgest_celery.models.results import FormatOptions

INDEX = "tables.csv"
NO_TABLES = "no-tables.txt"
_BOM = "\ufeff"
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212]")
# Neither a name of a function nor an operator can be in these.
_NUMBER = re.compile(r"[-+\u2212]?[\s\d.,'%()€$£¥]*[-\u2212\u2013]?")


@dataclass(kw_only=True)
class _Entry:
    """A table in the index. Its sizes grow while its pages are written."""

    name: str
    first_page: int
    last_page: int
    rows: int = 0
    columns: int = 0


def write_csv(head: Document, pages: Iterator[DocumentPage], options: FormatOptions) -> Iterator[bytes]:
    """Yield a ZIP with the tables of a document. A failed page has no table."""
    return zip_stream(_Archive(pages).files(), head.completed_at or now())


class _Archive:
    """The files of the archive. Each must be read to its end before the next one is asked for."""

    def __init__(self, pages: Iterator[DocumentPage]) -> None:
        self._pages = pages
        self._found: list[_Entry] = []
        self._page: DocumentPage | None = None
        self._place = 0  # of the next element on the page

    def files(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield the name and the content of each file."""
        number = 0
        for own in self._pages:
            self._page, self._place, number = own, 0, 0
            while (found := self._next_table()) is not None:
                number += 1
                first = self._page.page.page_number
                entry = _Entry(name=f"page-{first:04}-table-{number}.csv", first_page=first, last_page=first)
                self._found.append(entry)
                yield entry.name, self._content(entry, found)
                if self._page.page.page_number != first:
                    number = 0
        yield INDEX, [self._index()]
        if not self._found:
            yield NO_TABLES, [b"No table was found in this document.\n"]

    def _next_table(self) -> Table | None:
        """Return the next table of the page, or None."""
        while self._page is not None and self._place < len(self._page.elements):
            self._place += 1
            if (table := self._page.table(self._page.elements[self._place - 1])) is not None:
                return table
        return None

    def _content(self, entry: _Entry, table: Table | None) -> Iterator[bytes]:
        """Yield the rows of a table, and those of its continuations on the next pages."""
        yield _BOM.encode()
        while table is not None and self._page is not None:
            rows = to_rows(table)
            entry.rows += len(rows)
            entry.columns = table.column_count
            entry.last_page = self._page.page.page_number
            yield _lines(rows)
            is_last = self._place == len(self._page.elements)
            if not (is_last and self._page.is_continued):
                return
            self._page, self._place = next(self._pages, None), 0
            table = self._next_table()

    def _index(self) -> bytes:
        rows = [["file", "first_page", "last_page", "rows", "columns"]]
        rows += [[own.name, *map(str, (own.first_page, own.last_page, own.rows, own.columns))] for own in self._found]
        return _BOM.encode() + _lines(rows)


def _lines(rows: Iterable[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([_safe(text) for text in row] for row in rows)
    return file.getvalue().encode(errors="replace")


def _safe(text: str) -> str:
    """Return a text that a spreadsheet displays, and does not calculate."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
