"""Very large type is read in a reduced image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from slimgest_celery.engines import large_type
from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.geometry import PixelBox
from tests.support import pdfs


def _page(word: str, size: int) -> Image:
    page = pdfs.picture().convert("RGB").resize((1240, 1754), Pillow.Resampling.BICUBIC)
    ImageDraw.Draw(page).text((60, 1000), word, fill=0, font=ImageFont.load_default(size))
    return np.asarray(page)


def _line(text: str, box: PixelBox, confidence: float = 0.99) -> OcrLine:
    return OcrLine(text=text, confidence=confidence, box=box)


@pytest.mark.parametrize(("size", "may_have"), [(30, False), (60, False), (300, True), (600, True)])
@pytest.mark.parametrize("white_on_black", [False, True])
def test_only_very_large_type_has_wide_strokes(size: int, may_have: bool, white_on_black: bool) -> None:
    page = _page("Sale", size)
    assert large_type.may_have_large_type(255 - page if white_on_black else page) == may_have


def test_an_image_is_reduced_to_an_eighth() -> None:
    assert large_type.reduce(np.zeros((803, 1600, 3), np.uint8)).shape == (101, 200, 3)


def test_a_large_line_replaces_its_parts() -> None:
    parts = [_line("Sal", (60, 1000, 700, 1400)), _line("le", (650, 1000, 900, 1400))]
    below = _line("The harbour was quiet", (60, 1500, 700, 1530))
    (kept, large) = large_type.merge([*parts, below], [_line("Sale", (7, 120, 114, 180))])
    assert kept == below
    assert (large.text, large.box) == ("Sale", (56, 960, 912, 1440))


@pytest.mark.parametrize(
    "from_reduced",
    [
        _line("Sale", (7, 120, 114, 145)),  # not so large: it is read in the whole image
        _line("Sale", (7, 120, 114, 180), confidence=0.6),
        _line("HIII", (7, 120, 114, 190)),  # lines of small type that look like letters
    ],
)
def test_other_lines_of_a_reduced_image_are_left_out(from_reduced: OcrLine) -> None:
    lines = [_line("The harbour was quiet", (60, 1500, 700, 1530)), _line("and nobody on the", (60, 1420, 700, 1450))]
    assert large_type.merge(lines, [from_reduced]) == lines
