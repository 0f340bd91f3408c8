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
        assert [block.text for block in reading_order.sort(shuffled)] == [block.text for block in expected]


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
    assert sorted(b.text for b in reading_order.sort(blocks)) == sorted(b.text for b in blocks)
    assert time.perf_counter() - started < 0.5, "far above the few milliseconds that it takes"
