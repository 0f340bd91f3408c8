"""Tables that ruled lines make certain: which lines of text stand in which cell. Pure arithmetic on boxes.

Rules that cross one another are one table's. Its rows and columns lie between them; text that reaches over a rule is in
no certain cell, so there is no certain table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # left, top, right, bottom; y grows downwards
Cells = list[list[list[int]]]  # row by row, column by column: the lines in a cell
_Edges = list[float]

_MOST = 600  # rules of a page: a drawing has more
_SLACK = 0.3  # in heights of a line: rules this close are one, and text may reach so far over one
_FILLED = 0.4  # of the cells
_LONGEST = 12  # lines of a cell; more are text in a frame, which is read as text
_THIN = 0.5  # in heights of a line: what is thicker is no rule


def tables(rules: Sequence[Box], lines: Sequence[Box], height: float) -> list[Cells]:
    """The tables that these rules draw around these lines; `height` is that of a line."""
    if not 4 <= len(rules) <= _MOST:
        return []
    found = (_filled(columns, rows, lines, _SLACK * height) for columns, rows in _grids(rules, height))
    return [cells for cells in found if cells is not None]


def _grids(rules: Sequence[Box], height: float) -> list[tuple[_Edges, _Edges]]:
    """The edges of columns and those of rows, for each table of two rows and two columns at least."""
    all_rules = np.array(rules)
    wide, high = all_rules[:, 2] - all_rules[:, 0], all_rules[:, 3] - all_rules[:, 1]
    level = all_rules[(high <= _THIN * height) & (wide > height)]
    upright = all_rules[(wide <= _THIN * height) & (high > height)]
    slack = _SLACK * height
    x, y = (upright[:, 0] + upright[:, 2]) / 2, (level[:, 1] + level[:, 3]) / 2
    crossing = (
        (level[:, None, 0] - slack <= x) & (x <= level[:, None, 2] + slack)
        & (upright[:, 1] - slack <= y[:, None]) & (y[:, None] <= upright[:, 3] + slack)
    )  # fmt: skip
    grids = []
    while crossing.any():
        across, down = _connected(crossing)
        columns, rows = _merged(x[down], slack), _merged(y[across], slack)
        if len(columns) > 2 and len(rows) > 2:
            grids.append((columns, rows))
        crossing[across] = False
    return grids


def _connected(crossing: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The rules of one table: those that cross one of it, and those that cross these."""
    across = np.zeros(crossing.shape[0], dtype=np.bool_)
    across[int(crossing.any(axis=1).argmax())] = True
    while True:
        down: NDArray[np.bool_] = np.any(crossing[across], axis=0)
        more: NDArray[np.bool_] = crossing[:, down].any(axis=1) | across
        if (more == across).all():
            return across, down
        across = more


def _merged(edges: NDArray[np.float64], slack: float) -> _Edges:
    found: _Edges = []
    for edge in sorted(edges.tolist()):
        if not found or edge - found[-1] > slack:
            found.append(edge)
    return found


def _filled(columns: _Edges, rows: _Edges, lines: Sequence[Box], slack: float) -> Cells | None:
    """The lines in each cell; None where one reaches over a rule, or too few cells have any, or one too many."""
    cells: Cells = [[[] for _ in columns[1:]] for _ in rows[1:]]
    for index, (left, top, right, bottom) in enumerate(lines):
        column, row = (bisect_right(edges, at / 2) - 1 for edges, at in ((columns, left + right), (rows, top + bottom)))
        if not (0 <= column < len(columns) - 1 and 0 <= row < len(rows) - 1):
            continue
        if left < columns[column] - slack or right > columns[column + 1] + slack:
            return None
        cells[row][column].append(index)
    cells = [row for row in cells if any(row)]
    filled = sum(bool(cell) for row in cells for cell in row)
    if any(len(cell) > _LONGEST for row in cells for cell in row):
        return None
    if len(cells) < 2 or filled < max(4, _FILLED * len(cells) * (len(columns) - 1)):
        return None
    return cells
