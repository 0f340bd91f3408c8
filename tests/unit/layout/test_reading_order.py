"""The order in which a person reads boxes."""

from __future__ import annotations

import random
import time

import pytest

from slimgest_celery.layout import reading_order
from slimgest_celery.models.page import Block
from tests.support.pdfs import PROSE


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


def test_one_column_is_read_from_top_to_bottom() -> None:
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


def test_paragraphs_at_different_heights_do_not_cut_columns() -> None:
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


@pytest.mark.alone
@pytest.mark.parametrize("count", [0, 1, 300])
def test_any_number_of_boxes_is_sorted_quickly(count: int) -> None:
    rng = random.Random(7)
    blocks = [
        _block(str(n), x := rng.random() * 0.9, rng.random() * 0.98, x + rng.random() * 0.1) for n in range(count)
    ]
    started_s = time.process_time()
    assert sorted(reading_order.order([block.box for block in blocks])) == list(range(count))
    assert time.process_time() - started_s < 0.5, "expected: a few milliseconds"


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


def test_a_heading_over_two_of_three_columns_is_read_before_them() -> None:
    first, second, third = (_lines(f"{n}", 0.1 + 0.3 * n, 0.37 + 0.3 * n, 0.2, 15) for n in range(3))
    _check([_block("heading", 0.1, 0.15, 0.67, 0.17), *first, *second, *third])


def test_a_caption_between_two_columns_cuts_neither_of_them() -> None:
    left = [*_lines("l", 0.1, 0.49, 0.1, 4), *_lines("m", 0.1, 0.35, 0.16, 8), *_lines("n", 0.1, 0.49, 0.28, 4)]
    right = [*_lines("r", 0.51, 0.9, 0.1, 4), *_lines("s", 0.65, 0.9, 0.16, 8), *_lines("t", 0.51, 0.9, 0.28, 4)]
    _check([*left, *right, *_lines("caption", 0.4, 0.6, 0.195, 4)])


def test_a_caption_between_columns_cuts_neither_of_them_if_only_one_has_a_line_beside_it() -> None:
    left = [*_lines("l", 0.1, 0.49, 0.1, 4), *_lines("m", 0.1, 0.35, 0.16, 8), *_lines("n", 0.1, 0.49, 0.28, 4)]
    right = [*_lines("r", 0.51, 0.9, 0.107, 4), *_lines("s", 0.65, 0.9, 0.167, 8), *_lines("t", 0.51, 0.9, 0.287, 4)]
    caption = [_block(f"caption{row}", 0.465, 0.18 + 0.0125 * row, 0.535, 0.186 + 0.0125 * row) for row in range(6)]
    _check([*left, *right, *caption])


def test_notes_in_the_margin_are_read_after_the_text() -> None:
    notes = [_block(f"note{row}", 0.75, 0.1521 + 0.012 * row, 0.9, 0.1611 + 0.012 * row) for row in range(6)]
    _check(_lines("text", 0.1, 0.7, 0.1, 25) + notes)


def test_a_table_over_the_whole_width_is_read_by_rows_and_the_text_below_it_by_columns() -> None:
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


def test_labels_of_two_lines_are_read_with_the_cells_of_their_row() -> None:
    rows = []
    for row, width in enumerate([0.2, 0.3, 0.17, 0.26]):
        top = 0.1 + 0.04 * row
        cells = [_block(f"{row}.{n}", 0.5 + 0.15 * n, top + 0.006, 0.56 + 0.15 * n) for n in range(3)]
        rows += [_block(f"label{row}", 0.1, top, 0.1 + width), *cells, _block(f"more{row}", 0.1, top + 0.013, 0.2)]
    _check(rows)


@pytest.mark.parametrize("is_beside_text", [True, False])
def test_tall_pictures_are_read_in_their_place_but_after_text_beside_them(is_beside_text: bool) -> None:
    text, note = _lines("text", 0.1, 0.4, 0.1, 20 if is_beside_text else 3), _block("note", 0.1, 0.9, 0.5)
    pictures = [(0.5, 0.2, 0.65, 0.8), (0.7, 0.2, 0.85, 0.8)]
    found = reading_order.order([*(block.box for block in [*text, note]), *pictures], areas=2)
    last = len(text)  # the index of the note
    expected = [last, last + 1, last + 2] if is_beside_text else [last + 1, last + 2, last]
    assert found == [*range(last), *expected]


def test_columns_and_rows_of_arabic_are_read_from_the_right() -> None:
    right, left = _lines("right", 0.5, 0.9, 0.1, 20), _lines("left", 0.1, 0.45, 0.1, 20)
    boxes = [block.box for block in left + right]
    found = reading_order.order(boxes, right_to_left=True)
    assert [(left + right)[index].text for index in found] == [block.text for block in right + left]


@pytest.mark.alone
def test_300_lines_in_columns_take_under_ten_milliseconds_of_cpu_time() -> None:
    boxes = [(30.0 * n, 1.5 * row, 30.0 * n + 27, 1.5 * row + 1) for n in range(3) for row in range(64)]
    boxes += [(17.0 * n, 100 + 2.0 * row, 17.0 * n + 5, 101 + 2.0 * row) for row in range(22) for n in range(5)]
    took_s = []
    for _ in range(7):  # the best of seven: other programs slow this one down, even in CPU time
        started_s = time.process_time()
        reading_order.order(boxes)
        took_s.append(time.process_time() - started_s)
    assert len(boxes) > 300 and min(took_s) < 0.01


# --- With texts: lines of running text continue sentences ---


def _wrap(width: int, first: int = 0, count: int = 12) -> list[str]:
    """Return lines of prose of at most this many characters."""
    lines = [""]
    for word in " ".join(PROSE * 3).split()[first:]:
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:count]


def _set(texts: list[str], left: float, top: float, pitch: float = 12.0) -> list[Block]:
    """Return lines of type of 10 points, in 0-1 of a page of 1000 points."""
    tops = [top + pitch * row for row in range(len(texts))]
    return [
        _block(text, left / 1000, at / 1000, (left + 5 * len(text)) / 1000, (at + 10) / 1000)
        for text, at in zip(texts, tops, strict=True)
    ]


def _check_texts(*expected: list[Block]) -> None:
    blocks = [block for part in expected for block in part]
    for seed in range(3):
        shuffled = random.Random(seed).sample(blocks, len(blocks))
        found = reading_order.order([block.box for block in shuffled], [block.text for block in shuffled])
        assert [shuffled[index].text for index in found] == [block.text for block in blocks]


@pytest.mark.parametrize("count", [2, 3])
def test_narrow_columns_of_running_text_are_no_table(count: int) -> None:
    """Each line is as short as a cell, the lines are on one level, and the space between the columns is wide."""
    _check_texts(*(_set(_wrap(13, first=11 * n), 100 + 130 * n, 100) for n in range(count)))


def test_a_long_term_of_a_list_has_a_row_of_its_own_and_the_others_are_beside_their_descriptions() -> None:
    _check_texts(
        _set(["auto [xyz]"], 100, 100),
        _set(["Set nice limits around the data for all axes,", "or only the given axes."], 200, 112),
        _set(["manual"], 100, 136) + _set(["Fix the current axes limits."], 200, 136),
        _set(["equal axis"], 100, 148),
        _set(["Force the distances of all axes to be equal,", "whatever the size of the window."], 200, 160),
        _set(["tight"], 100, 184) + _set(["Fix axes to the limits of the data."], 200, 184),
    )


def test_the_jitter_of_a_scan_does_not_make_columns_a_table() -> None:
    jitter = random.Random(3)
    columns = [_set(_wrap(14, first=13 * n, count=30), 100 + 110 * n, 100) for n in range(2)]
    for block in [block for side in columns for block in side]:
        left, top, right, bottom = (edge + jitter.uniform(-1, 1) / 1000 for edge in block.box)
        object.__setattr__(block, "box", (left, top, right, bottom))
    _check_texts(*columns)


def test_two_columns_above_a_table_are_read_one_after_the_other_and_the_table_by_rows() -> None:
    columns = [_set(_wrap(24, first=11 * n), 100 + 160 * n, 100) for n in range(2)]
    heading = _set(["A heading over both columns and the table"], 100, 260)
    prices = [("Oats", "12.00"), ("Rye", "9.50"), ("Wheat", "14.25"), ("Barley", "8.00")]
    rows = [
        _set([name], 100, 290 + 14 * row) + _set([price], 260, 290 + 14 * row)
        for row, (name, price) in enumerate(prices)
    ]
    _check_texts(*columns, heading, *rows)


def test_labels_and_amounts_are_read_row_by_row() -> None:
    rows = []
    labels = ["Storage of the goods at the harbour", "and their transport by cart to the", "warehouse", "Sum of all"]
    for row, (label, amount) in enumerate(zip(labels, ["", "", "1,250.00", "1,300.00"], strict=True)):
        rows.append(_set([label], 100, 100 + 12 * row) + (_set([amount], 600, 100 + 12 * row) if amount else []))
    _check_texts(*rows)


def test_the_numbers_of_lines_stay_with_the_text_beside_them() -> None:
    rows = []
    for row, text in enumerate(_wrap(40)):
        number = _set([f"{row // 2 + 1}a"], 400, 100 + 12 * row) if row % 2 else []
        rows.append(_set([text], 100, 100 + 12 * row) + number)
    _check_texts(*rows)


def test_cells_of_several_lines_are_read_one_after_the_other() -> None:
    rows = []
    for row in range(5):
        texts = _wrap(26, first=5 * row, count=3)
        top = 100 + 50 * row
        cells = [[f"Item {row}"], [texts[0].capitalize(), *texts[1:]], [f"{row}.50"]]
        rows += [_set(cell, 100 + 200 * column, top) for column, cell in enumerate(cells)]
    _check_texts(*rows)


def test_cards_in_a_grid_are_read_one_after_the_other() -> None:
    cards = []
    for n in range(4):
        first, *rest = _wrap(30, first=9 * n, count=4)
        text = [f"Card {n}", first.capitalize(), *rest[:-1], f"{rest[-1]}."]
        cards.append(_set(text, 100 + 200 * (n % 2), 100 + 120 * (n // 2)))
    _check_texts(*cards)


def test_two_columns_that_go_on_below_a_picture_are_no_cards() -> None:
    columns = [_wrap(30, first=20 * n, count=12) for n in range(2)]
    _check_texts(*(_set(c[:6], 100 + 200 * n, 100) + _set(c[6:], 100 + 200 * n, 300) for n, c in enumerate(columns)))


def test_labels_in_the_margin_are_read_before_their_paragraphs() -> None:
    parts = []
    for row in range(4):
        first, *rest = _wrap(60, first=7 * row, count=4)
        parts += [_set([f"Label {row}"], 60, 100 + 66 * row), _set([first.capitalize(), *rest], 160, 100 + 66 * row)]
    _check_texts(*parts)


def test_a_column_of_text_beside_a_column_of_headings_and_formulas_is_a_column() -> None:
    """Both columns have the same width."""
    text = _set(_wrap(40, count=14), 100, 100)
    other = _set(["2 A heading of this column, as wide as it"], 320, 100)
    other += [line for row in range(1, 14) for line in _set([f"x = {row} y"], 320 + 9 * (row % 2), 100 + 12 * row)]
    _check_texts(text, other)


def test_wide_spaces_between_the_words_of_a_column_do_not_divide_it() -> None:
    rows = []
    for row, text in enumerate(_wrap(36)):
        words, left = text.split(" "), 100.0
        rows.append([])
        for word in words:
            rows[-1] += _set([word], left, 100 + 12 * row)
            left += 5 * len(word) + 8 + (3 * row) % 5
    _check_texts(*rows)


def test_a_long_line_whose_box_reaches_a_little_over_the_gutter_is_in_its_column() -> None:
    left, right = _set(["a line of this column, set in type that is as wide as it is"] * 12, 100, 100), []
    for row, block in enumerate(left):
        block_right = 0.4095 if row % 4 == 2 else 0.4
        left[row] = block.model_copy(
            update={"text": f"left {row}", "box": (0.1, block.box[1], block_right, block.box[3])}
        )
        right.append(block.model_copy(update={"text": f"right {row}", "box": (0.405, block.box[1], 0.7, block.box[3])}))
    _check_texts(left, right)
