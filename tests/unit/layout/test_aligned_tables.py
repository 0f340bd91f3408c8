"""Rows of cells that are an aligned table, and rows that are none."""

from __future__ import annotations

from slimgest_celery.geometry import Box
from slimgest_celery.layout import aligned_tables


def _row(top: float, *spans: tuple[float, float]) -> list[Box]:
    return [(left, top, right, top + 10) for left, right in spans]


def test_cells_that_are_flush_left_or_right_are_a_table() -> None:
    rows = [_row(15 * n, (0, 40 + 9 * n), (200 - 7 * n, 220), (300, 310 + 5 * n)) for n in range(4)]
    assert aligned_tables.find_grid(rows, 10) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_the_place_of_a_missing_cell_is_empty() -> None:
    full = ((0, 40), (100, 140), (200, 240))
    rows = [_row(0, *full), _row(15, *full), _row(30, full[0], full[2]), _row(45, *full)]
    assert aligned_tables.find_grid(rows, 10) == [[0, 1, 2], [3, 4, 5], [6, None, 7], [8, 9, 10]]


def test_two_rows_are_no_table() -> None:
    assert aligned_tables.find_grid([_row(15 * n, (0, 40), (100, 140), (200, 240)) for n in range(2)], 10) is None


def test_two_blocks_of_three_lines_are_no_table_and_four_pairs_are_one() -> None:
    pairs = [_row(15 * n, (0, 40 + 9 * n), (300, 340 - 3 * n)) for n in range(4)]
    assert aligned_tables.find_grid(pairs[:3], 10) is None
    assert aligned_tables.find_grid(pairs, 10) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_unaligned_cells_are_no_table() -> None:
    rows = [_row(15 * n, (shift, shift + 20), (100 + shift, 150)) for n, shift in enumerate([0, 17, 41, 8, 30])]
    loose = [[(left, top, right - 2.5 * left % 19, bottom) for left, top, right, bottom in row] for row in rows]
    assert aligned_tables.find_grid(loose, 10) is None


def test_rows_with_a_cell_over_two_columns_are_no_table() -> None:
    rows = [_row(0, (0, 40), (100, 140)), _row(15, (0, 120), (130, 140)), _row(30, (0, 40), (100, 140))]
    assert aligned_tables.find_grid(rows, 10) is None


def test_columns_of_text_are_no_table() -> None:
    assert aligned_tables.find_grid([_row(12 * n, (0, 290), (310, 600)) for n in range(20)], 10) is None
