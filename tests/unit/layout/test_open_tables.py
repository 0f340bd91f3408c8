"""Tables without vertical rules, and rows that are no table."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import Box
from slimgest_celery.layout.open_tables import FoundTable, find_between_rules, find_tables
from slimgest_celery.layout.table_cells import Cell

Item = tuple[float, float, float, str]  # left, right and top of a line that is 10 high, and its text


def _find(items: list[Item], rules: list[Box] | None = None) -> list[FoundTable]:
    return find_tables(*_split(items), rules or [])


def _split(items: list[Item]) -> tuple[list[Box], list[str]]:
    return [(left, top, right, top + 10) for left, right, top, _ in items], [text for *_, text in items]


def _texts(cells: list[Cell], items: list[Item]) -> list[list[str]]:
    rows = [[""] * max(cell.end_column for cell in cells) for _ in range(max(cell.end_row for cell in cells))]
    for cell in cells:
        rows[cell.row][cell.column] = " ".join(items[line][3] for line in cell.lines)
    return rows


def _row(top: float, *texts: str) -> list[Item]:
    return [(100.0 * n, 100.0 * n + 5 * len(text), top, text) for n, text in enumerate(texts) if text]


def test_cells_that_are_flush_left_or_right_are_a_table() -> None:
    rows = [("Name", "Sum", "Part"), ("Oats", "12", "1 %"), ("Rye", "7", "30 %"), ("Barley", "170", "4 %")]
    items = [item for n, row in enumerate(rows) for item in _row(15 * n, *row)]
    (table,) = _find(items)
    assert (table.start, table.end) == (0, 12) and _texts(table.cells, items) == list(map(list, rows))


def test_a_missing_cell_is_empty() -> None:
    rows = [("Name", "Sum", "Part"), ("Oats", "", "1 %"), ("Rye", "7", "30 %"), ("Barley", "170", "4 %")]
    items = [item for n, row in enumerate(rows) for item in _row(15 * n, *row)]
    (table,) = _find(items)
    assert _texts(table.cells, items)[1] == ["Oats", "", "1 %"]


def test_the_lines_of_a_wrapped_cell_are_one_cell() -> None:
    items: list[Item] = _row(0, "Name", "Note", "Sum")
    for n, name in enumerate(["Oats", "Rye", "Peas"]):
        top = 20.0 + 42 * n
        items += [*_row(top, name, "Sold at the market", str(n)), (100, 190, top + 12, "and to the large shop")]
    (table,) = _find(items)
    assert _texts(table.cells, items)[1] == ["Oats", "Sold at the market and to the large shop", "0"]
    assert max(cell.end_row for cell in table.cells) == 4


def test_a_heading_over_two_columns_is_a_merged_cell() -> None:
    items: list[Item] = [(0, 20, 0, "Name"), (105, 220, 0, "Sums of the last two years")]
    for n, row in enumerate([("", "2025", "2026"), ("Oats", "1", "2"), ("Rye", "3", "4"), ("Peas", "5", "6")]):
        items += _row(15.0 + 15 * n, *row)
    (table,) = _find(items)
    spans = {items[cell.lines[0]][3]: (cell.row_span, cell.col_span) for cell in table.cells if cell.lines}
    assert spans["Sums of the last two years"] == (1, 2) and spans["Name"] == (2, 1) and spans["Rye"] == (1, 1)


def test_a_short_heading_that_is_centred_over_columns_is_a_merged_cell() -> None:
    items: list[Item] = [(0, 20, 0, "Name"), (145, 175, 0, "Years")]
    for n, row in enumerate([("", "2025", "2026"), ("Oats", "1", "2"), ("Rye", "3", "4"), ("Peas", "5", "6")]):
        items += _row(15.0 + 15 * n, *row)
    (table,) = _find(items)
    assert next(cell for cell in table.cells if cell.lines and items[cell.lines[0]][3] == "Years").col_span == 2


def test_columns_of_running_text_are_no_table() -> None:
    lines = [
        "the members of the society met",
        "in the hall and spoke about",
        "results, which were read by two",
        "of",
    ]
    text = [*lines, *lines, *lines]
    items = [(left, left + 140, 12.0 * n, line) for left in (0.0, 160.0) for n, line in enumerate(text)]
    assert _find(items) == []
    by_row = sorted(items, key=lambda item: (item[2], item[0]))
    assert _find(by_row) == []


def test_two_rows_and_three_pairs_are_no_table() -> None:
    assert _find([item for n in range(2) for item in _row(15.0 * n, "Oats", "Rye", "Peas")]) == []
    assert _find([item for n in range(3) for item in _row(15.0 * n, "Oats", "Rye")]) == []


def test_unaligned_cells_are_no_table() -> None:
    items: list[Item] = []
    for n, shift in enumerate([0.0, 17.0, 41.0, 8.0, 30.0]):
        items += [(shift, shift + 20, 15.0 * n, "ab"), (100 + 1.5 * shift, 140 + 0.3 * shift, 15.0 * n, "cd ef")]
    assert _find(items) == []


RULED: list[Item] = [
    *_row(5, "Name", "Note", "Sum"),
    *_row(25, "Oats", "Sold at the market", "12"),
    (100, 190, 37, "and to a large shop"),
    *_row(57, "Rye", "Not sold", "7"),
]


def test_the_lines_between_two_rules_are_one_row_in_any_order() -> None:
    rules = [(-5.0, y, 250.0, y + 1) for y in (0.0, 20.0, 52.0, 72.0)]
    boxes, texts = _split(RULED[::-1])
    (cells,) = find_between_rules(boxes, texts, rules, 10)
    assert _texts(cells, RULED[::-1]) == [
        ["Name", "Note", "Sum"],
        ["Oats", "Sold at the market and to a large shop", "12"],
        ["Rye", "Not sold", "7"],
    ]


def test_a_rule_that_is_not_under_a_column_merges_its_cells() -> None:
    items = [item for item in RULED if item[3] != "Rye"]
    rules = [(-5.0, y, 250.0, y + 1) for y in (0.0, 20.0, 72.0)] + [(95.0, 52.0, 250.0, 53.0)]
    (cells,) = find_between_rules(*_split(items), rules, 10)
    assert [cell.row_span for cell in cells if cell.lines and items[cell.lines[0]][3] == "Oats"] == [2]


def test_text_between_rules_is_no_table() -> None:
    items: list[Item] = [(0, 400, 12.0 * n, "a line of text over the whole width") for n in range(12)]
    rules = [(0.0, y, 400.0, y + 1) for y in (-5.0, 45.0, 150.0)]
    assert find_between_rules(*_split(items), rules, 10) == []


@pytest.mark.parametrize("rules", [[], [(0.0, 46.0, 400.0, 46.0)]], ids=["a gap", "a rule"])
@pytest.mark.parametrize("offset", [0, 6, 12], ids=["top", "middle", "bottom"])
def test_the_lines_of_column_names_are_one_header_row(rules: list[Box], offset: int) -> None:
    items: list[Item] = []
    for n, row in enumerate([("", "", "No.", "Date"), ("", "", "of", "of the"), ("", "", "cases", "report")]):
        items += _row(12.0 * n, *row)
    items += [*_row(offset, "Name of", "Place of"), *_row(offset + 12, "state", "report")]
    for n, row in enumerate(
        [("Bihar", "Gaya", "69", "Monday"), ("Goa", "Margao", "30", "Friday"), ("Assam", "", "7", "")]
    ):
        items += _row(52.0 + 16 * n, *row)
    items.sort(key=lambda item: (item[2], item[0]))
    (table,) = _find(items, rules)
    names, first, *others = _texts(table.cells, items)
    assert names == ["Name of state", "Place of report", "No. of cases", "Date of the report"]
    assert first == ["Bihar", "Gaya", "69", "Monday"] and len(others) == 2


def test_rows_of_text_above_amounts_are_no_lines_of_column_names() -> None:
    rows = [("Grain", "Place", "Sum"), ("Oats", "Field", "12"), ("Rye", "Barn", "7"), ("Peas", "Shed", "3")]
    items = [item for n, row in enumerate(rows) for item in _row(15 * n, *row)]
    (table,) = _find(items)
    assert len(_texts(table.cells, items)) == 4
    groups = [("Grain", "Place", "Unit"), ("grown", "kept", "used"), ("Oats", "Field", "12"), ("Rye", "Barn", "7")]
    items = [item for n, row in enumerate(groups) for item in _row(15 * n, *row)]  # no gap below the names
    (table,) = _find(items)
    assert len(_texts(table.cells, items)) == 4
