"""Tables that continue on the next page: the same columns, at the end of one page and at the start of the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slimgest_celery.formats.tables import Table, to_rows
from slimgest_celery.models.page import Page, Paragraph

_SAME_EDGE = 0.02  # difference between the edges, or the middles, of the same column, in 0-1 of the width of the page
_MIDDLE = 0.5  # of the height of the page: a table that continues ends below it, and its continuation begins above it

Extent = tuple[float, float]  # left, right


@dataclass(frozen=True, kw_only=True)
class OpenTable:
    """A table at the end of a page, which may continue on the next page."""

    head: list[list[str]]  # the header rows; of a table without marked ones the first row
    has_marked_head: bool
    columns: Sequence[Extent | None]  # None: the column has no text
    as_html: bool  # it has spans, so Markdown cannot express it


def open_table(page: Page, paragraph: Paragraph, table: Table) -> OpenTable | None:
    """Return a table if it ends in the lower half of an upright page."""
    if page.turned or page.blocks[paragraph.last].box[3] < _MIDDLE or not table.column_count:
        return None
    return OpenTable(
        head=to_rows(table)[: table.header_rows or 1],
        has_marked_head=table.header_rows > 0,
        columns=_columns(page, paragraph, table.column_count),
        as_html=table.has_spans,
    )


def repeated_rows(before: OpenTable, page: Page, paragraph: Paragraph, table: Table) -> int | None:
    """Return the number of header rows that a table repeats from one on the page before it; None if it is another."""
    if page.turned or page.blocks[paragraph.first].box[1] > _MIDDLE or (table.has_spans and not before.as_html):
        return None
    if not _are_aligned(before.columns, _columns(page, paragraph, table.column_count)):
        return None
    rows = to_rows(table)
    if rows[: len(before.head)] == before.head and len(rows) > len(before.head):
        return len(before.head)
    return None if table.header_rows else 0  # it has another header


def without_first_rows(table: Table, count: int) -> Table:
    """Return the rows of a continuation: without so many first ones, and without a header."""
    cells = (cell for cell in table.cells if cell.row >= count)
    return Table(cells=[replace(cell, row=cell.row - count, header=False) for cell in cells])


def _columns(page: Page, paragraph: Paragraph, count: int) -> list[Extent | None]:
    """Return the left and right edges of the text of each column."""
    found: list[Extent | None] = [None] * count
    for cell in paragraph.cells or ():
        if cell.col_span > 1:
            continue
        for index in cell.blocks:
            left, _, right, _ = page.blocks[index].box
            known = found[cell.column]
            found[cell.column] = (min(left, known[0]), max(right, known[1])) if known else (left, right)
    return found


def _are_aligned(before: Sequence[Extent | None], after: Sequence[Extent | None]) -> bool:
    pairs = [(one, other) for one, other in zip(before, after, strict=False) if one and other]
    return len(before) == len(after) and bool(pairs) and all(_is_same_column(one, other) for one, other in pairs)


def _is_same_column(one: Extent, other: Extent) -> bool:
    distances = (one[0] - other[0], one[1] - other[1], (sum(one) - sum(other)) / 2)
    return min(map(abs, distances)) < _SAME_EDGE
