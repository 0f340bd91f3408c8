"""The cells of a table on a page that is being arranged: their places, spans, lines and header rows. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from slimgest_celery.layout.running_text import is_amount
from slimgest_celery.models.page import TableCell

_MAX_HEADER_SHARE = 0.5  # of the rows of a table: more are no header


class Cell(NamedTuple):
    """A cell with the indices of its lines, among the lines that the caller knows."""

    row: int
    column: int
    lines: Sequence[int] = ()
    row_span: int = 1
    col_span: int = 1
    header: bool = False

    @property
    def end_row(self) -> int:
        return self.row + self.row_span

    @property
    def end_column(self) -> int:
        return self.column + self.col_span


def from_rows(rows: Sequence[Sequence[Sequence[int]]]) -> list[Cell]:
    """Return the cells of a table without spans: for each row and column, its lines."""
    return [Cell(row, column, lines) for row, places in enumerate(rows) for column, lines in enumerate(places)]


def mirror(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of a table that is read from right to left: the first column is on the right."""
    width = max(cell.end_column for cell in cells)
    mirrored = [cell._replace(column=width - cell.end_column) for cell in cells]
    return sorted(mirrored, key=lambda cell: (cell.row, cell.column))


def renumber(cells: Sequence[Cell], number: Callable[[int], int]) -> list[Cell]:
    """Return the cells with other numbers for their lines."""
    return [cell._replace(lines=[number(line) for line in cell.lines]) for cell in cells]


def to_record(cell: Cell) -> TableCell:
    """Return the cell as it is stored, its lines as blocks."""
    return TableCell(
        row=cell.row,
        column=cell.column,
        row_span=cell.row_span,
        col_span=cell.col_span,
        header=cell.header,
        blocks=list(cell.lines),
    )


def mark_headers(cells: Sequence[Cell], text_of: Callable[[int], str]) -> list[Cell]:
    """Return the cells of a table with its header rows marked. `text_of` gives the text of a line.

    The first row is a header, unless an amount is in it, or its first cell is a label such as "Name:". A heading of
    several columns is followed by the heading of each, in the next row.
    """
    count = _count_rows(cells)
    last = max(cell.end_row for cell in cells)
    own = [cell for cell in cells if cell.row < count]
    texts = [text_of(line) for cell in own for line in cell.lines]
    labels = [cell for cell in own if cell.column == 0 and cell.lines and text_of(cell.lines[-1]).endswith(":")]
    if count > _MAX_HEADER_SHARE * last or labels or any(_is_value(text) for text in texts):
        return list(cells)
    return [cell._replace(header=cell.row < count) for cell in cells]


def merge_down(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of a table without rules, with each cell of its first row merged with the empty one below it.

    This is done in the header only, if it has the heading of several columns.
    """
    count = _count_rows(cells)
    if count != 2:
        return list(cells)
    empty = {cell.column for cell in cells if cell.row == 1 and cell.col_span == 1 and not cell.lines}
    merged = {cell.column for cell in cells if cell.row == 0 and cell.col_span == 1 and cell.lines} & empty
    kept = [cell for cell in cells if cell.row != 1 or cell.column not in merged]
    return [cell._replace(row_span=2) if cell.row == 0 and cell.column in merged else cell for cell in kept]


def _count_rows(cells: Sequence[Cell]) -> int:
    """Return the number of rows at the top that belong together."""
    count = max((cell.row_span for cell in cells if cell.row == 0 and cell.lines), default=1)
    width = max(cell.end_column for cell in cells)
    groups = [cell for cell in cells if cell.row == 0 and 1 < cell.col_span < width and cell.lines]
    return max(count, 2) if groups else count


def _is_value(text: str) -> bool:
    """Return True for an amount that is not the name of a column, as years are."""
    return is_amount(text) and not (text.isdigit() and len(text) == 4 and text[:2] in ("19", "20"))
