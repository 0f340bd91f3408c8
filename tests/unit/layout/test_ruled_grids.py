"""Grids made of rules, and their merged cells."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import Box
from slimgest_celery.layout.ruled_grids import find_grids

HEIGHT = 10.0
LEVEL: list[Box] = [(0, y, 200, y) for y in (0.0, 30.0, 60.0)]
UPRIGHT: list[Box] = [(x, 0, x, 60) for x in (0.0, 100.0, 200.0)]


def test_the_edges_of_columns_and_rows_are_at_the_rules() -> None:
    (grid,) = find_grids([*LEVEL, *UPRIGHT], HEIGHT)
    assert (grid.columns, grid.rows) == ([0, 100, 200], [0, 30, 60])
    assert all(cell == {place} for place, cell in grid.cells.items()) and len(grid.cells) == 4


def test_places_without_a_rule_between_them_are_one_cell() -> None:
    (grid,) = find_grids([*LEVEL, *UPRIGHT[::2], (100, 30, 100, 60)], HEIGHT)
    assert grid.cells[0, 0] == grid.cells[0, 1] == {(0, 0), (0, 1)}
    assert grid.cells[1, 0] == {(1, 0)}


def test_rules_too_close_for_text_between_them_are_one_edge() -> None:
    (grid,) = find_grids([*LEVEL, *UPRIGHT, (104, 0, 104, 60), (107, 0, 107, 60)], HEIGHT)
    assert grid.columns == pytest.approx([0, 311 / 3, 200])


def test_rules_that_do_not_cross_are_two_grids() -> None:
    below = [(left, top + 100, right, bottom + 100) for left, top, right, bottom in (*LEVEL, *UPRIGHT)]
    assert [grid.rows for grid in find_grids([*LEVEL, *UPRIGHT, *below], HEIGHT)] == [[0, 30, 60], [100, 130, 160]]


def test_a_drawing_with_few_rules_between_its_places_is_no_grid() -> None:
    """Lines of different lengths from one line, each with a short one across its end."""
    rules: list[Box] = [(0, 0, 0, 200)]
    rules += [(0, 40.0 * n, 45.0 * n + 50, 40.0 * n) for n in range(6)]
    rules += [(45.0 * n + 45, 40.0 * n - 6, 45.0 * n + 45, 40.0 * n + 6) for n in range(6)]
    assert find_grids(rules, HEIGHT) == []


def test_a_table_without_outer_rules_reaches_to_the_ends_of_its_rules() -> None:
    """The only upright rule is between the columns."""
    (grid,) = find_grids([*LEVEL, UPRIGHT[1]], HEIGHT)
    assert grid.columns == [0, 100, 200] and grid.rows == [0, 30, 60]


def test_the_shade_of_each_line_in_a_cell_is_no_rule() -> None:
    level: list[Box] = [(0, y, 200, y) for y in (0.0, 36.0, 60.0)]
    shades: list[Box] = []
    for left, right in ((0.0, 100.0), (100.0, 200.0)):
        for top in (0.0, 12.0, 24.0):
            shades += [(left + 5, y, right - 5, y) for y in (top, top + 12)]
            shades += [(x, top, x, top + 12) for x in (left + 5, right - 5)]
    (grid,) = find_grids([*level, *UPRIGHT, *shades], HEIGHT)
    assert grid.rows == [0, 36, 60] and all(cell == {place} for place, cell in grid.cells.items())
