"""Boxes in the order in which a person reads them."""

from __future__ import annotations

import random
import time

import pytest

from slimgest_celery import reading_order
from slimgest_celery.model import Block


def _block(text: str, left: float, top: float, right: float, bottom: float | None = None) -> Block:
    return Block(text=text, confidence=1, box=(left, top, right, top + 0.01 if bottom is None else bottom))


def _lines(prefix: str, left: float, right: float, top: float, count: int) -> list[Block]:
    return [_block(f"{prefix}{row}", left, top + 0.015 * row, right) for row in range(count)]


def _check(expected: list[Block]) -> None:
    for seed in range(5):
        shuffled = expected[:]
        random.Random(seed).shuffle(shuffled)
        found = reading_order.order([block.box for block in shuffled])
        assert [shuffled[index].text for index in found] == [block.text for block in expected]


def test_one_column_is_read_downwards() -> None:
    _check(_lines("a", 0.1, 0.9, 0.1, 10))


def test_two_columns_are_read_one_after_the_other() -> None:
    _check(_lines("left", 0.1, 0.45, 0.1, 20) + _lines("right", 0.5, 0.9, 0.1, 20))


def test_a_heading_over_both_columns_comes_first_and_a_footer_last() -> None:
    heading, footer = _block("heading", 0.1, 0.05, 0.9, 0.08), _block("footer", 0.4, 0.95, 0.6)
    _check([heading, *_lines("left", 0.1, 0.45, 0.1, 20), *_lines("right", 0.5, 0.9, 0.1, 20), footer])


def test_a_heading_between_two_column_parts_divides_them() -> None:
    above = _lines("a", 0.1, 0.45, 0.1, 10) + _lines("b", 0.5, 0.9, 0.1, 10)
    below = _lines("c", 0.1, 0.45, 0.5, 10) + _lines("d", 0.5, 0.9, 0.5, 10)
    _check([*above, _block("heading", 0.2, 0.4, 0.8, 0.43), *below])


def test_columns_with_paragraphs_at_different_heights_stay_whole() -> None:
    left = _lines("l", 0.1, 0.45, 0.1, 6) + _lines("m", 0.1, 0.45, 0.25, 8)
    right = _lines("r", 0.5, 0.9, 0.1, 9) + _lines("s", 0.5, 0.9, 0.29, 5)
    _check(left + right)


def test_words_of_one_line_are_read_from_left_to_right() -> None:
    _check([_block("name", 0.1, 0.1, 0.2), _block("value", 0.4, 0.102, 0.5), _block("unit", 0.7, 0.099, 0.75)])


def test_a_table_is_read_row_by_row() -> None:
    rows = [
        [_block(f"{row}{column}", 0.1 + 0.3 * column, 0.1 + 0.03 * row, 0.2 + 0.3 * column) for column in range(3)]
        for row in range(2)
    ]
    _check([cell for row in rows for cell in row])


@pytest.mark.parametrize("count", [0, 1, 300])
def test_any_number_of_boxes_is_sorted_quickly(count: int) -> None:
    rng = random.Random(7)
    blocks = [
        _block(str(n), x := rng.random() * 0.9, rng.random() * 0.98, x + rng.random() * 0.1) for n in range(count)
    ]
    started = time.perf_counter()
    assert sorted(reading_order.order([block.box for block in blocks])) == list(range(count))
    assert time.perf_counter() - started < 0.5, "far above the few milliseconds that it takes"


def test_full_width_lines_above_columns_are_read_before_them() -> None:
    _check(
        _lines("wide", 0.1, 0.9, 0.05, 8)
        + _lines("left", 0.1, 0.45, 0.2, 20)
        + _lines("right", 0.5, 0.9, 0.2, 20)
        + _lines("foot", 0.1, 0.9, 0.6, 8)
    )


def test_a_subheading_in_both_columns_at_one_height_does_not_cut_them() -> None:
    left = [*_lines("a", 0.1, 0.45, 0.1, 8), _block("A", 0.1, 0.25, 0.2), *_lines("b", 0.1, 0.45, 0.27, 8)]
    right = [*_lines("c", 0.5, 0.9, 0.1, 8), _block("C", 0.5, 0.25, 0.6), *_lines("d", 0.5, 0.9, 0.27, 8)]
    _check(left + right)


def test_three_columns_are_read_one_after_the_other() -> None:
    _check([line for n in range(3) for line in _lines(f"{n}", 0.1 + 0.3 * n, 0.37 + 0.3 * n, 0.1, 15)])


def test_a_heading_over_two_of_three_columns_stands_before_those_two() -> None:
    first, second, third = (_lines(f"{n}", 0.1 + 0.3 * n, 0.37 + 0.3 * n, 0.2, 15) for n in range(3))
    _check([_block("heading", 0.1, 0.15, 0.67, 0.17), *first, *second, *third])


def test_a_caption_set_between_two_columns_cuts_neither() -> None:
    left = [*_lines("l", 0.1, 0.49, 0.1, 4), *_lines("m", 0.1, 0.35, 0.16, 8), *_lines("n", 0.1, 0.49, 0.28, 4)]
    right = [*_lines("r", 0.51, 0.9, 0.1, 4), *_lines("s", 0.65, 0.9, 0.16, 8), *_lines("t", 0.51, 0.9, 0.28, 4)]
    _check([*left, *right, *_lines("caption", 0.4, 0.6, 0.195, 4)])


def test_a_caption_between_columns_cuts_neither_where_only_one_of_them_has_a_line_beside_it() -> None:
    left = [*_lines("l", 0.1, 0.49, 0.1, 4), *_lines("m", 0.1, 0.35, 0.16, 8), *_lines("n", 0.1, 0.49, 0.28, 4)]
    right = [*_lines("r", 0.51, 0.9, 0.107, 4), *_lines("s", 0.65, 0.9, 0.167, 8), *_lines("t", 0.51, 0.9, 0.287, 4)]
    caption = [_block(f"caption{row}", 0.465, 0.18 + 0.0125 * row, 0.535, 0.186 + 0.0125 * row) for row in range(6)]
    _check([*left, *right, *caption])


def test_notes_in_the_margin_are_not_mixed_into_the_text() -> None:
    notes = [_block(f"note{row}", 0.75, 0.1521 + 0.012 * row, 0.9, 0.1611 + 0.012 * row) for row in range(6)]
    _check(_lines("text", 0.1, 0.7, 0.1, 25) + notes)


def test_a_table_over_the_page_is_read_by_rows_and_the_columns_below_it_by_columns() -> None:
    table = [
        _block(f"{row}.{column}", 0.1 + 0.17 * column, 0.05 + 0.015 * row, 0.15 + 0.17 * column)
        for row in range(12)
        for column in range(5)
    ]
    _check(table + _lines("left", 0.1, 0.48, 0.3, 20) + _lines("right", 0.52, 0.9, 0.3, 20))


def test_a_list_of_names_and_numbers_is_read_by_rows() -> None:
    widths = [0.12, 0.31, 0.2, 0.26, 0.17, 0.23]
    rows = [
        (_block(f"name{n}", 0.1, 0.1 + 0.02 * n, 0.1 + width), _block(f"{n}", 0.8, 0.1 + 0.02 * n, 0.84))
        for n, width in enumerate(widths)
    ]
    _check([cell for row in rows for cell in row])


def test_labels_over_two_lines_stay_with_the_cells_of_their_row() -> None:
    rows = []
    for row, width in enumerate([0.2, 0.3, 0.17, 0.26]):
        top = 0.1 + 0.04 * row
        cells = [_block(f"{row}.{n}", 0.5 + 0.15 * n, top + 0.006, 0.56 + 0.15 * n) for n in range(3)]
        rows += [_block(f"label{row}", 0.1, top, 0.1 + width), *cells, _block(f"more{row}", 0.1, top + 0.013, 0.2)]
    _check(rows)


def test_columns_and_rows_of_arabic_are_read_from_the_right() -> None:
    right, left = _lines("right", 0.5, 0.9, 0.1, 20), _lines("left", 0.1, 0.45, 0.1, 20)
    boxes = [block.box for block in left + right]
    found = reading_order.order(boxes, right_to_left=True)
    assert [(left + right)[index].text for index in found] == [block.text for block in right + left]


def test_300_lines_in_columns_take_under_five_milliseconds() -> None:
    boxes = [(30.0 * n, 1.5 * row, 30.0 * n + 27, 1.5 * row + 1) for n in range(3) for row in range(64)]
    boxes += [(17.0 * n, 100 + 2.0 * row, 17.0 * n + 5, 101 + 2.0 * row) for row in range(22) for n in range(5)]
    took_s = []
    for _ in range(7):  # the best of some: the machine does other things too
        started_s = time.perf_counter()
        reading_order.order(boxes)
        took_s.append(time.perf_counter() - started_s)
    assert len(boxes) > 300 and min(took_s) < 0.005
