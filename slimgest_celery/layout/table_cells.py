"""The cells of a table on a page that is being arranged: their places, spans and lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from slimgest_celery.models.page import TableCell


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
