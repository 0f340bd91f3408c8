"""The grids that rules (drawn lines) make: the edges of columns and rows, and merged cells. Pure arithmetic on boxes.

Rules that cross one another belong to one table. Rows and columns are between the rules. Cells without a rule between
them are one merged cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.geometry import Box, has_middle_in

Edges = list[float]
Place = tuple[int, int]  # row, column
MergedPlaces = set[Place]  # of one cell

# In heights of a line.
_TOLERANCE = 0.3  # rules this close cross one another
_MAX_THICKNESS = 0.5  # of a rule
_MIN_CELL = 0.8  # height and width of a cell
_MAX_PLACES = 5000  # of a table
_PADDING = (0.2, 1.0)  # between the shade of a line of text and the rules of its cell
_MIN_OPEN_ENDS = 2  # rules that end beyond the outermost rule that crosses them
_MIN_RULED = 0.45  # share of the borders between cells that have a rule; a drawing has less


@dataclass(frozen=True, kw_only=True)
class RuledGrid:
    """The edges of a table's columns and rows, and the cell that each place belongs to."""

    columns: Edges
    rows: Edges
    cells: dict[Place, MergedPlaces]  # by row and column; several places belong to a merged cell

    def contains(self, box: Box) -> bool:
        """Return True if the middle of a box is in the grid."""
        return has_middle_in(box, (self.columns[0], self.rows[0], self.columns[-1], self.rows[-1]))


def find_grids(rules: Sequence[Box], height: float) -> list[RuledGrid]:
    """Return the grid of each table with at least two rows and two columns."""
    all_rules = np.array(rules)
    wide, high = all_rules[:, 2] - all_rules[:, 0], all_rules[:, 3] - all_rules[:, 1]
    level = all_rules[(high <= _MAX_THICKNESS * height) & (wide > height)]
    upright = all_rules[(wide <= _MAX_THICKNESS * height) & (high > height)]
    tolerance = _TOLERANCE * height
    level = level[~_are_inside_cells(level, upright, height)]
    x, y = (upright[:, 0] + upright[:, 2]) / 2, (level[:, 1] + level[:, 3]) / 2
    crossing = (
        (level[:, None, 0] - tolerance <= x) & (x <= level[:, None, 2] + tolerance)
        & (upright[:, 1] - tolerance <= y[:, None]) & (y[:, None] <= upright[:, 3] + tolerance)
    )  # fmt: skip
    grids = []
    while crossing.any():
        across, down = _connected_rules(crossing)
        columns, column_of = _merge_edges(x[down], _MIN_CELL * height)
        rows, row_of = _merge_edges(y[across], _MIN_CELL * height)
        columns, column_of = _add_open_sides(columns, column_of, level[across][:, 0], level[across][:, 2], height)
        rows, row_of = _add_open_sides(rows, row_of, upright[down][:, 1], upright[down][:, 3], height)
        if len(columns) > 2 and len(rows) > 2 and len(columns) * len(rows) <= _MAX_PLACES:
            beside = _has_rule(columns, rows, column_of, upright[down][:, 1], upright[down][:, 3])
            below = _has_rule(rows, columns, row_of, level[across][:, 0], level[across][:, 2])
            if beside.sum() + below.sum() >= _MIN_RULED * (beside.size + below.size):
                grids.append(RuledGrid(columns=columns, rows=rows, cells=_merge_cells(beside, below)))
        crossing[across] = False
    return grids


def _are_inside_cells(level: NDArray[np.float64], upright: NDArray[np.float64], height: float) -> NDArray[np.bool_]:
    """Return for each horizontal rule if it is within a cell: it ends a little before two upright ones that go on.

    Word processors paint the background of each line of text in a coloured cell.
    """
    y = (level[:, 1] + level[:, 3])[:, None] / 2
    tolerance = _TOLERANCE * height
    goes_on = (upright[:, 1] + tolerance < y) & (y < upright[:, 3] - tolerance)
    least, most = _PADDING[0] * height, _PADDING[1] * height
    before, after = level[:, None, 0] - upright[:, 2], upright[:, 0] - level[:, None, 2]
    starts_inside: NDArray[np.bool_] = np.any(goes_on & (least < before) & (before < most), axis=1)
    ends_inside: NDArray[np.bool_] = np.any(goes_on & (least < after) & (after < most), axis=1)
    return starts_inside & ends_inside


def _connected_rules(crossing: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the rules of one table: a first rule, and all that are connected with it by crossings."""
    across = np.zeros(crossing.shape[0], dtype=np.bool_)
    across[int(crossing.any(axis=1).argmax())] = True
    while True:
        down: NDArray[np.bool_] = np.any(crossing[across], axis=0)
        more: NDArray[np.bool_] = crossing[:, down].any(axis=1) | across
        if (more == across).all():
            return across, down
        across = more


def _merge_edges(at: NDArray[np.float64], tolerance: float) -> tuple[Edges, NDArray[np.intp]]:
    """Return the edges that rules at these positions make, and the index of the edge of each rule.

    Rules that are too close for text between them are one edge, such as a line and the side of a coloured cell.
    """
    order = np.argsort(at)
    group = np.zeros(len(at), dtype=np.intp)
    group[order[1:]] = np.cumsum(np.diff(at[order]) > tolerance)
    edges: Edges = (np.bincount(group, at) / np.bincount(group)).tolist()
    return edges, group


def _add_open_sides(
    edges: Edges, edge_of: NDArray[np.intp], start: NDArray[np.float64], end: NDArray[np.float64], height: float
) -> tuple[Edges, NDArray[np.intp]]:
    """Add the sides of a table without outer rules: where rules that cross the others, from `start` to `end`, end."""
    before, after = start < edges[0] - height, end > edges[-1] + height
    if before.sum() >= _MIN_OPEN_ENDS:
        edges, edge_of = [float(start.min()), *edges], edge_of + 1
    if after.sum() >= _MIN_OPEN_ENDS:
        edges = [*edges, float(end.max())]
    return edges, edge_of


def _has_rule(
    edges: Edges, others: Edges, edge_of: NDArray[np.intp], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return for each inner edge, and for each interval between `others`, if a rule on the edge separates cells there.

    `edge_of` has the edge of each rule, which reaches from `start` to `end`.
    """
    middles = (np.array(others[:-1]) + others[1:]) / 2
    over = (start[:, None] <= middles) & (middles <= end[:, None])
    found: NDArray[np.bool_] = np.zeros((len(edges), len(middles)), dtype=np.bool_)
    np.logical_or.at(found, edge_of, over)
    return found[1:-1]


def _merge_cells(beside: NDArray[np.bool_], below: NDArray[np.bool_]) -> dict[Place, MergedPlaces]:
    """Return the cell of each place; places without a rule between them are one cell."""
    cells: dict[Place, MergedPlaces] = {
        (row, column): {(row, column)} for row in range(beside.shape[1]) for column in range(below.shape[1])
    }
    open_sides = [((row, edge), (row, edge + 1)) for edge, row in zip(*np.nonzero(~beside), strict=True)]
    open_sides += [((edge, column), (edge + 1, column)) for edge, column in zip(*np.nonzero(~below), strict=True)]
    for one, other in open_sides:
        if cells[one] is not cells[other]:
            merged = cells[one] | cells[other]
            cells.update(dict.fromkeys(merged, merged))
    return cells
