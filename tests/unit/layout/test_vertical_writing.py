"""Vertical lines of a text layer are joined from their characters, and nothing else is."""

from __future__ import annotations

from slimgest_celery.layout.analysis import DetectedLine
from slimgest_celery.layout.vertical_writing import join_columns

WIDTH, HEIGHT = 600.0, 800.0
SIZE = 12.0
COLUMNS = ("名前はまだ無い。", "どこで生れたか", "見当がつかぬ。")


def _character(text: str, left: float, top: float, length: int = 1) -> DetectedLine:
    box = (left / WIDTH, top / HEIGHT, (left + SIZE) / WIDTH, (top + SIZE * length) / HEIGHT)
    return DetectedLine(text, 1.0, box, SIZE)


def _columns() -> list[DetectedLine]:
    return [
        _character(text, 500 - 24 * column, 100 + 13 * row)
        for column, line in enumerate(COLUMNS)
        for row, text in enumerate(line)
    ]


def test_characters_below_each_other_are_a_column() -> None:
    found = join_columns(_columns(), WIDTH, HEIGHT)
    assert found is not None and [line.text for line in found] == list(COLUMNS)
    assert found[0].box == (500 / WIDTH, 100 / HEIGHT, 512 / WIDTH, (100 + 13 * 7 + 12) / HEIGHT)


def test_columns_that_are_already_joined_stay_as_they_are() -> None:
    whole = [_character(text, 500 - 24 * column, 100, len(text)) for column, text in enumerate(COLUMNS)]
    assert join_columns(whole, WIDTH, HEIGHT) == whole


def test_characters_that_are_drawn_one_by_one_in_rows_are_not_vertical() -> None:
    rows = [
        _character(text, 100 + 13 * column, 100 + 16 * row)
        for row, line in enumerate(COLUMNS)
        for column, text in enumerate(line)
    ]
    assert join_columns(rows, WIDTH, HEIGHT) is None


def test_a_narrow_list_of_words_is_not_vertical() -> None:
    assert join_columns([_character(text, 100, 100 + 13 * row) for row, text in enumerate("ABCDEF")], 600, 800) is None


def test_a_vertical_label_beside_a_text_leaves_the_page_horizontal() -> None:
    line = "横書きの文章がここに続いている。"
    text = [
        DetectedLine(line, 1.0, (0.1, 0.1 + 0.02 * row, 0.1 + len(line) * SIZE / WIDTH, 0.115 + 0.02 * row), SIZE)
        for row in range(3)
    ]
    assert join_columns([*text, *_columns()[:8]], WIDTH, HEIGHT) is None
