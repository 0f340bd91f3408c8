"""A table with the text of its cells, and the same as rows, Markdown or HTML.

A `Table` needs no page, so the parts of a table on several pages can be joined before they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from slimgest_celery.formats.xml import escape
from slimgest_celery.layout import hyphenation
from slimgest_celery.models.page import Page, Paragraph, TableCell


@dataclass(frozen=True, kw_only=True)
class TextCell:
    """A cell with its place, spans and text."""

    row: int
    column: int
    row_span: int = 1
    col_span: int = 1
    header: bool = False
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: its cells row by row."""

    cells: Sequence[TextCell]

    @property
    def row_count(self) -> int:
        return max((cell.row + cell.row_span for cell in self.cells), default=0)

    @property
    def column_count(self) -> int:
        return max((cell.column + cell.col_span for cell in self.cells), default=0)

    @property
    def header_rows(self) -> int:
        """The number of rows at the top that are headers."""
        return max((cell.row + cell.row_span for cell in self.cells if cell.header), default=0)

    @property
    def has_spans(self) -> bool:
        """Return True if a cell is in several rows or columns, which Markdown cannot express."""
        return any(cell.row_span > 1 or cell.col_span > 1 for cell in self.cells)


def table_of(page: Page, paragraph: Paragraph, known: Set[str] = frozenset()) -> Table:
    """Return the table of a paragraph with cells. `known` are words with a hyphen (`hyphenation.hyphenated_words`)."""
    return Table(cells=[_text_cell(page, cell, known) for cell in paragraph.cells or ()])


def to_rows(table: Table) -> list[list[str]]:
    """Return the text of each place, row by row. The text of a merged cell is in its first row and column."""
    rows = [[""] * table.column_count for _ in range(table.row_count)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def to_markdown(table: Table, escape_text: Callable[[str], str]) -> str:
    """Return a Markdown table, or an HTML table if cells span rows or columns. The first row is the header."""
    if table.has_spans:
        return to_html(table)
    first, *rest = to_markdown_rows(table, escape_text)
    return "\n".join([first, "|" + "---|" * table.column_count, *rest])


def to_markdown_rows(table: Table, escape_text: Callable[[str], str]) -> list[str]:
    """Return the rows of a Markdown table. Spans are not expressed."""
    return ["| " + " | ".join(map(escape_text, row)) + " |" for row in to_rows(table)]


def to_html(table: Table) -> str:
    """Return an HTML table, one row a line: the header rows in `thead`, and the others in `tbody`."""
    return f"<table>\n{to_html_rows(table)}\n</table>"


def to_html_rows(table: Table, body_attributes: str = "") -> str:
    """Return the rows of an HTML table, without its start and its end."""
    lines: list[str] = []
    for name, start, is_header in (("thead", "thead", True), ("tbody", f"tbody{body_attributes}", False)):
        cells = [cell for cell in table.cells if (cell.row < table.header_rows) == is_header]
        if cells:
            lines += [f"<{start}>", *_html_rows(cells), f"</{name}>"]
    return "\n".join(lines)


def _html_rows(cells: Sequence[TextCell]) -> Iterator[str]:
    by_row = {row: list(own) for row, own in groupby(cells, key=lambda cell: cell.row)}
    for row in range(min(by_row), max(cell.row + cell.row_span for cell in cells)):
        yield f"<tr>{''.join(map(_html_cell, by_row.get(row, ())))}</tr>"


def _html_cell(cell: TextCell) -> str:
    name = "th" if cell.header else "td"
    spans = ((f' rowspan="{cell.row_span}"', cell.row_span), (f' colspan="{cell.col_span}"', cell.col_span))
    return f"<{name}{''.join(span for span, count in spans if count > 1)}>{escape(cell.text)}</{name}>"


def _text_cell(page: Page, cell: TableCell, known: Set[str]) -> TextCell:
    text = hyphenation.join_lines([page.blocks[index].text for index in cell.blocks], known)
    return TextCell(
        row=cell.row,
        column=cell.column,
        row_span=cell.row_span,
        col_span=cell.col_span,
        header=cell.header,
        text=text,
    )
