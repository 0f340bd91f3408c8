"""The slope of the lines of text in an image."""

from __future__ import annotations

import numpy as np
import pytest

from slimgest_celery.engines.protocol import Image
from slimgest_celery.reading import skew
from tests.support import pdfs


def _image(*, turned: int = 0, slope: float = 0.0) -> Image:
    return np.asarray(pdfs.picture(turned=turned, skew=slope).convert("RGB"))


@pytest.mark.parametrize("slope", [0, 1.5, -3, 5, -7, 10, -15])
@pytest.mark.parametrize("turned", [0, 90])
@pytest.mark.parametrize("white_on_black", [False, True])
def test_the_slope_of_lines_is_measured(slope: float, turned: int, white_on_black: bool) -> None:
    image = _image(turned=turned, slope=slope)
    measured = skew.measure(255 - image if white_on_black else image)
    assert measured is not None
    assert measured.degrees == pytest.approx(-slope, abs=0.3)
    assert (measured.across > 1.5) == (turned == 90)


def test_an_empty_page_has_no_slope() -> None:
    assert skew.measure(np.full((800, 600, 3), 255, dtype=np.uint8)) is None


def test_a_picture_beside_the_text_does_not_change_the_slope() -> None:
    image = _image(slope=3).copy()
    rng = np.random.default_rng(5)
    image[700:1200, 50:800] = rng.integers(0, 90, (500, 750, 1), dtype=np.uint8)
    measured = skew.measure(image)
    assert measured is not None and measured.degrees == pytest.approx(-3, abs=0.3)


def test_a_photograph_has_no_clear_slope() -> None:
    """Two slanted edges, as of a road sign, are no lines of text."""
    ys, xs = np.mgrid[:800, :1200]
    sign = (np.abs(ys - 400 + 0.2 * xs) < 250) * 90 + (xs % 7) * 3
    image = np.repeat(sign[:, :, None], 3, axis=2).astype(np.uint8)
    measured = skew.measure(255 - image)
    assert measured is None or measured.degrees == 0
