"""Rows of blocks: cells of several lines, labels beside paragraphs."""

from __future__ import annotations

from slimgest_celery.layout import row_blocks
from slimgest_celery.layout.columns import LineBox, Region
from slimgest_celery.layout.running_text import Side

HEIGHT = 10.0
CELLS = [
    (["Oats"], ["Sown in March and", "cut in August"]),
    (["Rye"], ["Sown in autumn", "before the frost", "comes"]),
    (["Wheat of", "two kinds"], ["Sown twice"]),
    (["Barley"], ["Sown late, when", "it is warm"]),
]


def _block(texts: list[str], left: float, top: float) -> Region:
    boxes = [(left, top + 12 * row, left + 5.0 * len(text), top + 12 * row + HEIGHT) for row, text in enumerate(texts)]
    return [LineBox(0, *box, (box[1] + box[3]) / 2, text) for box, text in zip(boxes, texts, strict=True)]


def _rows(left: Region, right: Region) -> list[Region] | None:
    return row_blocks.split_into_rows(Side(left, HEIGHT), Side(right, HEIGHT), HEIGHT)


def _table(gap: float = 10.0) -> tuple[Region, Region]:
    left: Region = []
    right: Region = []
    top = 0.0
    for label, text in CELLS:
        left += _block(label, 0, top)
        right += _block(text, 100, top)
        top += 12 * max(len(label), len(text)) + gap
    return left, right


def test_cells_of_several_lines_are_in_rows() -> None:
    rows = _rows(*_table())
    assert rows is not None
    assert [sorted(line.text for line in row) for row in rows] == [sorted([*label, *text]) for label, text in CELLS]


def test_without_more_space_between_them_there_are_no_rows() -> None:
    assert _rows(*_table(gap=0)) is None


def test_paragraphs_that_end_at_different_heights_are_no_rows() -> None:
    left = _block(["the first text of", "this page goes on"], 0, 0) + _block(["and so on and on"] * 5, 0, 40)
    right = _block(["a longer text that", "has four lines", "and begins with", "the others"], 100, 0)
    right += _block(["then it goes on"] * 3, 100, 64)
    assert _rows(left, right) is None


def test_text_that_goes_on_below_the_space_is_no_row() -> None:
    left = [line for n in range(4) for line in _block(["words of a column", "which go on and"], 0, 40.0 * n)]
    right = [line for n in range(4) for line in _block(["with more words", "and no end here"], 100, 40.0 * n)]
    assert _rows(left, right) is None


def test_labels_beside_some_paragraphs_begin_rows() -> None:
    right: Region = []
    left: Region = []
    for n in range(6):
        right += _block(["A paragraph begins", "and goes on here", "until it ends."], 100, 50.0 * n)
        left += _block([f"Label {n}"], 0, 50.0 * n) if n % 2 == 0 else []
    rows = _rows(left, right)
    assert rows is not None and [row[0].text for row in rows][:3:2] == ["Label 0", "Label 2"]


def test_a_row_is_its_cells_from_left_to_right_and_a_small_table_stays_whole() -> None:
    wrapped = _block(["Oats"], 0, 0) + _block(["sown in March and", "cut in August"], 60, 0) + _block(["12"], 200, 0)
    parts = row_blocks.parts_of(wrapped, HEIGHT)
    assert [[line.text for line in part] for part in parts] == [
        ["Oats"],
        ["sown in March and", "cut in August"],
        ["12"],
    ]
    table = _block(["Oats", "Rye"], 0, 0) + _block(["12", "7"], 60, 0)
    assert [len(part) for part in row_blocks.parts_of(table, HEIGHT)] == [4]
