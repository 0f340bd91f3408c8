"""Gutters between lines that are side by side."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import Box
from slimgest_celery.layout import columns
from slimgest_celery.layout.columns import LineBox, Region

HEIGHT = 10.0


def _region(*boxes: Box) -> Region:
    lines = [LineBox(index, *box, (box[1] + box[3]) / 2) for index, box in enumerate(boxes)]
    return sorted(lines, key=columns.by_middle)


def _column(left: float, right: float, count: int, top: float = 0.0) -> list[Box]:
    return [(left, top + 12 * row, right, top + 12 * row + HEIGHT) for row in range(count)]


def test_prose_has_no_columns() -> None:
    assert not columns.may_have_columns(_column(0, 300, 10))


def test_a_single_line_beside_another_is_no_column() -> None:
    assert not columns.may_have_columns([*_column(0, 300, 10), (320, 0, 340, HEIGHT)])


def test_several_lines_beside_others_may_be_columns() -> None:
    assert columns.may_have_columns([*_column(0, 140, 10), *_column(160, 300, 10)])


def test_the_gutter_is_the_middle_of_the_gap_between_two_columns() -> None:
    assert columns.find_gutters(_region(*_column(0, 140, 10), *_column(160, 300, 10)), HEIGHT) == [150]


def test_the_gutter_inside_the_most_gaps_is_first() -> None:
    region = _region(*_column(0, 90, 20), *_column(110, 190, 20), *_column(210, 300, 5))
    assert columns.find_gutters(region, HEIGHT) == [100, 200]


def test_the_space_between_two_words_is_no_gutter() -> None:
    assert columns.find_gutters(_region(*_column(0, 60, 10), *_column(65, 120, 10)), HEIGHT) == []


@pytest.mark.parametrize("gap", [-2, 0, 3])
def test_two_long_lines_are_in_two_columns_even_if_their_boxes_meet(gap: float) -> None:
    region = _region(*_column(0, 140, 10), *_column(140 + gap, 300, 10))
    assert columns.find_gutters(region, HEIGHT) == [140 + gap / 2]


@pytest.mark.parametrize(("top", "overlap"), [(0.0, 1.0), (5.0, 0.5), (10.0, 0.0), (15.0, -0.5)])
def test_the_vertical_overlap_is_a_share_of_the_smaller_height(top: float, overlap: float) -> None:
    line, other = _region((0, 0, 100, 10), (120, top, 200, top + 20))
    assert columns.vertical_overlap(line, other) == pytest.approx(overlap)
