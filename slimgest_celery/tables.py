"""Tables that the alignment of their cells makes certain. Pure arithmetic on boxes; what is doubtful is no table.

Rows are given as a page is read: cells of one row side by side. They are a table if there are several, if no cell lies
in two columns or shares its own with another of its row, if hardly any is missing, and if the cells of each column are
flush left, flush right or centred.
"""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, top, right, bottom; y grows downwards
Grid = list[list[int | None]]  # row by row, which cell (its index among all the rows' cells) stands in each column

LEAST_ROWS = 3  # fewer say nothing
_ROWS_OF_TWO = 4  # of two cells, fewer may as well be two blocks of lines, such as sender and date
_FILLED = 0.7  # of the grid's places
_FLUSH = 0.75  # of a column's cells, within _SLACK heights of a line; headings often stand otherwise
_SLACK = 0.5
_GAP = 0.5  # in heights of a line, between columns
_LONGEST = 25.0  # in heights of a line: text set in columns has longer lines


def grid(rows: Sequence[Sequence[Box]], height: float) -> Grid | None:
    """The cells of these rows in columns, or None where they are no table; `height` is that of a line."""
    cells = [cell for row in rows for cell in row]
    if len(rows) < LEAST_ROWS or any(cell[2] - cell[0] > _LONGEST * height for cell in cells):
        return None
    columns = _columns(cells, height)
    if len(columns) < 2 or (len(columns) == 2 and len(rows) < _ROWS_OF_TWO):
        return None
    if len(cells) < _needed(columns) * len(rows) * len(columns):
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


def _needed(columns: Sequence[object]) -> float:
    """How full a grid must be: two columns with holes might be anything."""
    return _FILLED if len(columns) > 2 else 1.0


def _columns(cells: Sequence[Box], height: float) -> list[tuple[float, float]]:
    """Left and right of each column: cells that overlap, or nearly touch, from above are of one."""
    found: list[tuple[float, float]] = []
    for left, _, right, _ in sorted(cells):
        if found and left < found[-1][1] + _GAP * height:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def _is_flush(cells: Sequence[Box], height: float) -> bool:
    """Whether a column's cells share their left edge, right edge or middle."""
    for edges in ([c[0] for c in cells], [c[2] for c in cells], [(c[0] + c[2]) / 2 for c in cells]):
        usual = sorted(edges)[len(edges) // 2]
        if sum(abs(edge - usual) <= _SLACK * height for edge in edges) >= _FLUSH * len(edges):
            return True
    return False
