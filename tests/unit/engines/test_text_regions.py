"""From a map of probabilities to rectangles around lines of text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from slimgest_celery.engines.text_detection import tiles
from slimgest_celery.engines.text_regions import components, find_regions, smallest_rectangle


def test_parts_that_touch_at_a_corner_are_one_component_and_others_are_not() -> None:
    mask = np.array([[1, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=bool)
    found = {tuple(sorted(set(map(tuple, points.tolist())))) for points in components(mask)}
    assert found == {((0, 0), (1, 0), (2, 1)), ((4, 0), (4, 1)), ((0, 3),)}


def test_a_ring_and_a_shape_that_meets_only_at_its_end_are_one_component_each() -> None:
    ring = np.zeros((7, 7), dtype=bool)
    ring[1, 1:6] = ring[5, 1:6] = ring[1:6, 1] = ring[1:6, 5] = True
    fork = np.zeros((5, 7), dtype=bool)
    fork[:4, 1] = fork[:4, 5] = fork[4, 1:6] = True
    assert [len(components(mask)) for mask in (ring, fork, np.zeros((3, 3), dtype=bool))] == [1, 1, 0]


def test_a_run_at_the_end_of_a_row_does_not_touch_one_at_the_start_of_the_next() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    mask[0, 4] = mask[1, 0] = True
    assert len(components(mask)) == 2


@pytest.mark.parametrize("degrees", [0, 3, -20, 44])
def test_the_smallest_rectangle_has_the_direction_of_the_text(degrees: float) -> None:
    angle = math.radians(degrees)
    across, down = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    corners = [500 + x * across + y * down for x in (-300, 300) for y in (-15, 15)]
    found = smallest_rectangle(np.round(corners).astype(int))
    assert found.width == pytest.approx(600, abs=3) and found.height == pytest.approx(30, abs=3)
    assert math.degrees(math.atan2(found.direction[1], found.direction[0])) == pytest.approx(degrees, abs=0.5)
    assert found.corners()[0] == pytest.approx(500 - 300 * across - 15 * down, abs=3), "the first corner is top left"


def test_a_region_is_larger_than_its_core_and_weak_or_thin_ones_are_no_text() -> None:
    probabilities = np.zeros((100, 300), np.float32)
    probabilities[20:30, 50:250] = 0.9
    probabilities[50:60, 50:250] = 0.4  # above the threshold of a pixel, not that of a region
    probabilities[80:82, 50:250] = 0.9
    (found,) = find_regions(probabilities)
    (left, top), (right, bottom) = found.corners().min(0), found.corners().max(0)
    assert 35 < left < 50 and 5 < top < 20 and 250 < right < 265 and 30 < bottom < 45


@pytest.mark.parametrize("length", [1, 960, 961, 1754, 2000, 2433, 5000])
def test_tiles_cover_an_image_and_each_pixel_is_taken_from_one_of_them(length: int) -> None:
    found = tiles(length)
    assert [first for _, first, _ in found] == [0, *(last for _, _, last in found[:-1])] and found[-1][2] == length
    for start, first, last in found:
        assert start <= first < last <= start + 960
        assert (first == 0 or first - start >= 64) and (last == length or start + 960 - last >= 64), "in the overlap"
