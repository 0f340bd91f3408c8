"""The cells of a table: mirrored, and with header rows."""

from __future__ import annotations

from slimgest_celery.layout.table_cells import Cell, from_rows, mark_headers, merge_down, mirror


def _headers(cells: list[Cell], texts: list[str]) -> set[int]:
    return {cell.row for cell in mark_headers(cells, texts.__getitem__) if cell.header}


def _table(count: int) -> list[Cell]:
    return from_rows([[[2 * row], [2 * row + 1]] for row in range(count)])


def test_the_first_row_is_a_header_unless_it_has_amounts_or_labels() -> None:
    assert _headers(_table(3), ["Name", "Sum", "Oats", "1", "Rye", "2"]) == {0}
    assert _headers(_table(3), ["Name", "2026", "Oats", "1", "Rye", "2"]) == {0}, "a year"
    assert _headers(_table(3), ["Oats", "12", "Rye", "7", "Peas", "4"]) == set()
    assert _headers(_table(3), ["Name:", "Ada", "Age:", "36", "Place:", "London"]) == set()


def test_a_heading_of_several_columns_is_followed_by_another_header_row() -> None:
    cells = [Cell(0, 0, [0]), Cell(0, 1, [1], col_span=2)]
    cells += [Cell(row, column, [3 * row + column - 1]) for row in range(1, 5) for column in range(3)]
    assert _headers(cells, ["text"] * 20) == {0, 1}


def test_an_empty_cell_below_a_heading_is_merged_with_it() -> None:
    cells = [
        Cell(0, 0, [0]),
        Cell(0, 1, [1], col_span=2),
        Cell(1, 0),
        Cell(1, 1, [2]),
        Cell(1, 2, [3]),
        Cell(2, 0, [4]),
    ]
    merged = merge_down(cells)
    assert merged[0].row_span == 2 and len(merged) == len(cells) - 1
    assert merge_down(cells[2:]) == cells[2:], "no heading of several columns"


def test_the_first_column_of_a_mirrored_table_is_on_the_right() -> None:
    cells = [Cell(0, 0, [0], col_span=2), Cell(0, 2, [1])]
    assert mirror(cells) == [Cell(0, 0, [1]), Cell(0, 1, [0], col_span=2)]
