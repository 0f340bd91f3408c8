"""Boxes: union, scale, clip, and what is beside what."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import around, clip, is_beside, scale, to_fractions, union


def test_a_union_is_the_smallest_box_around_all() -> None:
    assert union([(0.2, 0.1, 0.4, 0.2), (0.1, 0.3, 0.3, 0.5), (0.3, 0.2, 0.6, 0.3)]) == (0.1, 0.1, 0.6, 0.5)


def test_the_union_of_one_box_is_the_box() -> None:
    assert union([(0.2, 0.1, 0.4, 0.2)]) == (0.2, 0.1, 0.4, 0.2)


def test_a_union_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        union([])


def test_a_box_around_points_has_its_edges_in_order() -> None:
    assert around(((5, 1), (2, 7), (3, 3))) == (2, 1, 5, 7)


def test_scaling_to_fractions_is_the_inverse_of_scaling() -> None:
    box = (0.25, 0.5, 0.75, 1.0)
    assert scale(box, 400, 200) == (100, 100, 300, 200)
    assert to_fractions((100, 100, 300, 200), 400, 200) == box


def test_clipping_keeps_a_box_on_the_page_and_rounds_it() -> None:
    assert clip((-0.1, 0.123456789, 1.2, 0.5)) == (0.0, 0.12346, 1.0, 0.5)


@pytest.mark.parametrize(
    ("after", "beside"),
    [
        ((20, 0, 30, 10), True),  # to the right
        ((-20, 1, -5, 11), True),  # to the left
        ((20, 12, 30, 22), False),  # in the next row
        ((5, 0, 30, 10), False),  # overlapping
    ],
)
def test_a_box_is_beside_another_in_the_same_row_only(after: tuple[int, int, int, int], beside: bool) -> None:
    assert is_beside((0, 0, 10, 10), after) is beside


@pytest.mark.parametrize("rotation", [90, 270])
def test_rows_of_a_page_to_be_turned_run_up_and_down(rotation: int) -> None:
    assert is_beside((0, 0, 10, 10), (0, 20, 10, 30), rotation)
    assert not is_beside((0, 0, 10, 10), (20, 0, 30, 10), rotation)
