"""Lines in images of pages."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from slimgest_celery.geometry import PixelBox
from slimgest_celery.reading.image_rules import find_rules
from tests.support import pdfs

GRID = [(100, y, 700, y) for y in (200, 260, 400)] + [(x, 200, x, 400) for x in (100, 350, 700)]


def _found(image: Image.Image) -> list[PixelBox]:
    return find_rules(np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("colour", [(0, 0, 0), (237, 125, 49)])
def test_the_lines_of_a_table_are_found(colour: tuple[int, int, int]) -> None:
    page = pdfs.picture().convert("RGB")
    pen = ImageDraw.Draw(page)
    for rule in GRID:
        pen.line(rule, fill=colour, width=2)
    found = _found(page)
    assert all(any(box == pytest.approx(rule, abs=5) for box in found) for rule in GRID)


def test_text_and_dark_areas_have_no_lines() -> None:
    page = pdfs.picture()
    ImageDraw.Draw(page).rectangle((100, 800, 700, 1000), fill=0)
    assert _found(page) == []


def test_a_slightly_skewed_line_is_one_line() -> None:
    page = Image.new("L", (1240, 1754), 255)
    ImageDraw.Draw(page).line((100, 500, 1100, 505), width=3)
    (box,) = _found(page)
    assert box == pytest.approx((100, 499, 1100, 507), abs=4)


def test_a_noisy_picture_and_an_empty_image_have_no_lines() -> None:
    noise = np.random.default_rng(1).integers(0, 2, (800, 600, 1), np.uint8) * np.full((1, 1, 3), 255, np.uint8)
    assert find_rules(noise) == [] and find_rules(np.zeros((1, 0, 3), np.uint8)) == []
