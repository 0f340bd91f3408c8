"""Tables found by their rules (drawn lines), and the lines of text in each cell. Pure arithmetic on boxes.

If text reaches over a rule, its cell is uncertain, so there is no table. Between two rules there may be several rows of
text, if the table has no rule below each row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations, pairwise

from slimgest_celery.geometry import Box, is_beside
from slimgest_celery.layout.ruled_grids import Edges, MergedPlaces, Place, RuledGrid, find_grids
from slimgest_celery.layout.running_text import is_amount
from slimgest_celery.layout.table_cells import Cell

CellLines = list[list[list[int]]]  # for each row and column: the indices of the lines in the cell

MIN_RULES, _MAX_RULES = 3, 1500  # of a page; a drawing has more
_TOLERANCE = 0.3  # in heights of a line: text may reach this far over a rule
_MAX_MERGED = 0.5  # share of a table's places in one merged cell
_MIN_FILLED = 0.4  # share of the places that have text
_CELL_GAP = 2.0  # in heights of a line: lines of a cell that are further apart are in columns
_MAX_CELL_LENGTH = 12  # lines; more are text in a frame, which is read as text
# Rows of text without rules between them: their number, the share of the cells with several lines, and the share of
# these lines that are on the levels of the cell with the most lines.
_MIN_LEVELS, _MIN_SEVERAL, _MIN_ALIGNED = 3, 0.6, 0.8
_WRAPPED_SHARE = 0.7  # of the width of a cell: a line of wrapped text is wider


def find_tables(
    rules: Sequence[Box],
    lines: Sequence[Box],
    height: float,
    texts: Sequence[str] = (),
    uncertain: list[RuledGrid] | None = None,
) -> list[list[Cell]]:
    """Return the cells of the tables that these rules make of these lines. `height` is the height of a line.

    `texts` are those of the lines, if known: amounts below one another are in several rows. Grids
    that are no tables because text reaches over their rules are added to `uncertain`.
    """
    if not MIN_RULES <= len(rules) <= _MAX_RULES:
        return []
    tables = []
    for grid in find_grids(rules, height):
        cells, over = _fill_cells(grid, lines, _TOLERANCE * height)
        if not _is_table(cells, grid, lines):
            continue
        if not over:
            tables.append(_split_rows(cells, grid, lines, texts))
        elif uncertain is not None:
            uncertain.append(grid)
    return tables


def _fill_cells(grid: RuledGrid, lines: Sequence[Box], tolerance: float) -> tuple[list[Cell], bool]:
    """Return the cells of the grid with their lines, and True if a line reaches over a rule."""
    columns = grid.columns
    placed = list(_place_lines(grid, lines))
    cell_of = _to_rectangles(grid, _cells_with_columns(grid, placed, lines))
    contents: dict[Cell, list[int]] = {cell: [] for cell in sorted(set(cell_of.values()))}
    over = False
    for index, place in placed:
        left, _, right, _ = lines[index]
        cell = cell_of[place]
        over = over or left < columns[cell.column] - tolerance or right > columns[cell.end_column] + tolerance
        contents[cell].append(index)
    return [cell._replace(lines=inside) for cell, inside in contents.items()], over


def _is_table(cells: Sequence[Cell], grid: RuledGrid, lines: Sequence[Box]) -> bool:
    """Return False if too few cells have text, or if a cell has too many lines."""
    filled = [cell for cell in cells if cell.lines]
    if any(len(cell.lines) > _MAX_CELL_LENGTH or _has_columns(cell.lines, lines) for cell in filled):
        return False
    in_row = Counter(cell.row for cell in filled)
    if len(in_row) < 2 or max(in_row.values()) < 2:
        return False
    if any(len(cell) > _MAX_MERGED * len(grid.cells) for cell in grid.cells.values()):
        return False
    places = sum(cell.row_span * cell.col_span for cell in filled)
    rows = {row for cell in filled for row in range(cell.row, cell.end_row)}
    return places >= max(4, _MIN_FILLED * len(rows) * (len(grid.columns) - 1))


def _to_rectangles(grid: RuledGrid, open_places: MergedPlaces) -> dict[Place, Cell]:
    """Return the cell of each place. `open_places` are cells of their own, as are parts of other forms in each row."""
    found: dict[Place, Cell] = {}
    for places in {id(places): places for places in grid.cells.values()}.values():
        rows, columns = ({place[axis] for place in places} for axis in (0, 1))
        if len(places) == len(rows) * len(columns) and not places & open_places:
            merged = Cell(min(rows), min(columns), row_span=len(rows), col_span=len(columns))
            found.update(dict.fromkeys(places, merged))
            continue
        for row in rows:
            for start, length in _runs(sorted(column for its_row, column in places if its_row == row)):
                for column in range(start, start + length):
                    own = (row, column) in open_places
                    found[row, column] = Cell(row, column) if own else Cell(row, start, col_span=length)
    return found


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first of consecutive numbers, and how many they are."""
    start = numbers[0]
    for number, after in zip(numbers, [*numbers[1:], -1], strict=True):
        if after != number + 1:
            yield start, number + 1 - start
            start = after


def _split_rows(cells: Sequence[Cell], grid: RuledGrid, lines: Sequence[Box], texts: Sequence[str]) -> list[Cell]:
    """Return the cells by rows of text: a row of the grid has several or, without text, none."""
    rows: CellLines = [[[] for _ in grid.columns[1:]] for _ in grid.rows[1:]]
    merged_starts = {cell.row for cell in cells if cell.lines and cell.row_span > 1}
    for cell in cells:
        if cell.row_span == 1:
            rows[cell.row][cell.column] = list(cell.lines)
    least = _many_lines(rows)
    parts = [
        _split_at_levels(row, grid.columns, lines, texts, least) if any(row) else [row] * (number in merged_starts)
        for number, row in enumerate(rows)
    ]
    starts = [0, *accumulate(map(len, parts))]  # the first row of text of each row of the grid
    found = []
    for cell in cells:
        start, end = starts[cell.row], starts[cell.end_row]
        if cell.row_span == 1:
            levels = enumerate(parts[cell.row], start)
            found += [cell._replace(row=row, lines=places[cell.column]) for row, places in levels]
        elif end > start:
            found.append(cell._replace(row=start, row_span=end - start))
    return sorted(found)


def _many_lines(rows: CellLines) -> int:
    """Return a third of the lines of a table, counted in the cell of each row that has the most."""
    return sum(max(map(len, row)) for row in rows) // 3


def _has_columns(cell: Sequence[int], lines: Sequence[Box]) -> bool:
    """Return True if a cell has several rows of lines side by side: there are columns without rules between them."""
    ordered = sorted((lines[index] for index in cell), key=_middle)
    apart = (
        is_beside(one, other) and max(other[0] - one[2], one[0] - other[2]) > _CELL_GAP * (one[3] - one[1])
        for one, other in pairwise(ordered)
    )
    return sum(apart) > 1


def _place_lines(grid: RuledGrid, lines: Sequence[Box]) -> Iterator[tuple[int, Place]]:
    """Yield the index of each line inside the grid, and its place."""
    for index, (left, top, right, bottom) in enumerate(lines):
        row, column = (
            bisect_right(edges, at / 2) - 1 for edges, at in ((grid.rows, top + bottom), (grid.columns, left + right))
        )
        if (row, column) in grid.cells:
            yield index, (row, column)


def _cells_with_columns(grid: RuledGrid, placed: Sequence[tuple[int, Place]], lines: Sequence[Box]) -> MergedPlaces:
    """Return the places of merged cells that have lines side by side, so that they are several cells without rules."""
    contents: dict[int, list[tuple[int, Place]]] = {}
    for index, place in placed:
        contents.setdefault(id(grid.cells[place]), []).append((index, place))
    found: MergedPlaces = set()
    for inside in contents.values():
        for (one, (_, its_column)), (other, (_, column)) in combinations(inside, 2):
            if column != its_column and is_beside(lines[one], lines[other]):
                found |= grid.cells[inside[0][1]]
                break
    return found


def _split_at_levels(
    row: list[list[int]], columns: Edges, lines: Sequence[Box], texts: Sequence[str], least: int
) -> CellLines:
    """Return the rows of text between two rules: several if most cells have a line on each level, without a rule below.

    Such a row has many lines of the table, `least` or more, or its lines are amounts.

    A cell's text that is wrapped also has several lines, but these are nearly as wide as the cell.
    """
    several = [cell for cell in row if len(cell) > 1]
    levels = sorted(_middle(lines[index]) for index in max(row, key=len))
    most = len(several) >= max(2, _MIN_SEVERAL * sum(map(bool, row)))
    if 2 * sum(is_amount(texts[index]) for cell in several for index in cell if texts) > sum(map(len, several)):
        least = 0
    if len(levels) < max(_MIN_LEVELS, least) or not most or _is_wrapped(row, columns, lines):
        return [row]
    found: CellLines = [[[] for _ in row] for _ in levels]
    for column, cell in enumerate(row):
        for index in cell:
            nearest = min(range(len(levels)), key=lambda level: abs(levels[level] - _middle(lines[index])))
            found[nearest][column].append(index)
    aligned = sum(
        abs(levels[level] - _middle(lines[index])) < _TOLERANCE * (lines[index][3] - lines[index][1])
        for level, parts in enumerate(found)
        for column, part in enumerate(parts)
        for index in part
        if len(row[column]) > 1
    )
    filled = sum(bool(part) for parts in found for column, part in enumerate(parts) if len(row[column]) > 1)
    total = sum(map(len, several))
    if min(aligned, filled) < _MIN_ALIGNED * total or total < _MIN_ALIGNED * len(levels) * len(several):
        return [row]
    return [parts for parts in found if any(parts)]


def _is_wrapped(row: list[list[int]], columns: Edges, lines: Sequence[Box]) -> bool:
    """Return True if most lines of a row that have another line below them are nearly as wide as their cells."""
    shares = [
        (lines[index][2] - lines[index][0]) / (columns[column + 1] - columns[column])
        for column, cell in enumerate(row)
        for index in sorted(cell, key=lambda index: lines[index][1])[:-1]
    ]
    return 2 * sum(share > _WRAPPED_SHARE for share in shares) > len(shares)


def _middle(line: Box) -> float:
    return (line[1] + line[3]) / 2
