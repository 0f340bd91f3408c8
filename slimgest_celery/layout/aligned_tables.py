"""Tables without rules, found by the alignment of their cells. Pure arithmetic on boxes; in doubt, there is no table.

The caller gives rows of cells side by side. The rows are a table if all of these are true:
- there are several rows;
- each cell is in one column, alone in its row;
- few cells are missing;
- the cells of each column are flush left, flush right or centred.
"""

from __future__ import annotations

from collections.abc import Sequence

from slimgest_celery.geometry import Box

Grid = list[list[int | None]]  # for each row and column: the index of the cell among the cells of all rows

MIN_ROWS = 3  # with fewer, alignment is no evidence
_MIN_ROWS_OF_TWO = 4  # of two cells; fewer may also be two blocks of lines, such as sender and date
_MIN_FILLED = 0.7  # share of the grid's places that have a cell
_MIN_FLUSH = 0.75  # share of a column's cells that are aligned; headings of columns often are not
_FLUSH_TOLERANCE = 0.5  # in heights of a line
_MIN_COLUMN_GAP = 0.5  # in heights of a line, between columns
_MAX_CELL_WIDTH = 25.0  # in heights of a line: text set in columns has longer lines


def find_grid(rows: Sequence[Sequence[Box]], height: float) -> Grid | None:
    """Return the cells of these rows by column, or None if the rows are no table. `height` is the height of a line."""
    cells = [cell for row in rows for cell in row]
    if len(rows) < MIN_ROWS or any(cell[2] - cell[0] > _MAX_CELL_WIDTH * height for cell in cells):
        return None
    columns = _find_columns(cells, height)
    if len(columns) < 2 or (len(columns) == 2 and len(rows) < _MIN_ROWS_OF_TWO):
        return None
    if len(cells) < _min_filled(columns) * len(rows) * len(columns):
        return None
    found: Grid = []
    index = 0
    for row in rows:
        places: list[int | None] = [None] * len(columns)
        for cell in row:
            column = next(n for n, (left, right) in enumerate(columns) if left <= cell[0] and cell[2] <= right)
            if places[column] is not None:
                return None
            places[column] = index
            index += 1
        found.append(places)
    flush = all(_is_flush([cells[row[n]] for row in found if row[n] is not None], height) for n in range(len(columns)))  # type: ignore[index]
    return found if flush else None


def _min_filled(columns: Sequence[object]) -> float:
    """Return the share of places that must have a cell: all of two columns, which are weak evidence."""
    return _MIN_FILLED if len(columns) > 2 else 1.0


def _find_columns(cells: Sequence[Box], height: float) -> list[tuple[float, float]]:
    """Return the left and right edge of each column. Cells with overlapping or very close x ranges share a column."""
    found: list[tuple[float, float]] = []
    for left, _, right, _ in sorted(cells):
        if found and left < found[-1][1] + _MIN_COLUMN_GAP * height:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def _is_flush(cells: Sequence[Box], height: float) -> bool:
    """Return True if most cells of a column have the same left edge, right edge or middle."""
    for edges in ([c[0] for c in cells], [c[2] for c in cells], [(c[0] + c[2]) / 2 for c in cells]):
        usual = sorted(edges)[len(edges) // 2]
        if sum(abs(edge - usual) <= _FLUSH_TOLERANCE * height for edge in edges) >= _MIN_FLUSH * len(edges):
            return True
    return False
