"""The type of lines in images: thickness of strokes, and size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from slimgest_celery.engines.protocol import Image
from slimgest_celery.page_elements.line_type import LineType, measure

_BOX = (10.0, 10.0, 590.0, 60.0)


def _line(text: str, size: float = 25, bold: int = 0, ink: int = 0, paper: int = 255) -> Image:
    """Text that fills the box, in type of this size in pixels; `bold` pixels are added to its strokes."""
    picture = Pillow.new("L", (600, 80), paper)
    draw = ImageDraw.Draw(picture)
    draw.text((14, 20), text, fill=ink, font=ImageFont.load_default(size), stroke_width=bold)
    return np.repeat(np.asarray(picture)[:, :, np.newaxis], 3, axis=2)


def _measured(text: str, **drawn: float) -> LineType:
    found = measure(_line(text, **drawn), _BOX, text)  # type: ignore[arg-type]
    assert found
    return found


def test_lines_of_one_type_have_strokes_of_one_thickness() -> None:
    texts = ("Plain words of a line", "others in the same type", "a few more words to read")
    strokes = [_measured(text).stroke for text in texts]
    assert max(strokes) < 1.1 * min(strokes)


def test_bold_and_large_type_have_thicker_strokes() -> None:
    plain = _measured("Plain words of a line").stroke
    assert _measured("Plain words of a line", bold=1).stroke > 1.25 * plain
    assert _measured("Plain words of a line", size=35).stroke > 1.25 * plain


@pytest.mark.parametrize("text", ["Heading", "Typography", "HEADING"])
def test_the_size_is_estimated_whatever_letters_a_line_has(text: str) -> None:
    assert _measured(text, size=30).size == pytest.approx(30, rel=0.12)


def test_the_tail_of_a_letter_in_capitals_does_not_make_the_type_larger() -> None:
    line = _line("Winter Quarters", size=30)
    bottom = int(np.flatnonzero((line[:, :, 1] < 128).any(axis=1))[-1])
    line[bottom + 1 : bottom + 7, 130:136] = 0
    found = measure(line, _BOX, "Winter Quarters")
    assert found and found.size == pytest.approx(30, rel=0.12)


def test_grey_paper_is_no_obstacle_and_a_blank_line_has_no_type() -> None:
    assert _measured("Plain words", ink=60, paper=200).stroke == pytest.approx(_measured("Plain words").stroke, rel=0.1)
    assert measure(_line(""), _BOX, "") is None
    assert measure(_line("text"), (700.0, 10.0, 800.0, 60.0), "text") is None
