"""The layout model on drawn pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from slimgest_celery.engines.protocol import Image
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.models.page import RegionKind
from slimgest_celery.page_elements.picodet import PicoDet

_SENTENCE = "A sentence of plain text that fills a line of the page from its left margin to its right one"


@cache
def _model() -> PicoDet:
    return PicoDet()


def _page() -> Image:
    """A page of A4 at 100 dpi with a title, two paragraphs, a ruled table between them, and a bar chart."""
    page = Pillow.new("RGB", (827, 1169), "white")
    draw = ImageDraw.Draw(page)

    def write(text: str, x: float, y: float, size: float = 14) -> None:
        draw.text((x, y), text, fill="black", font=ImageFont.load_default(size))

    write("Annual report on owls", 90, 80, 30)
    for line in range(8):
        write(_SENTENCE, 90, 150 + 22 * line)
    for row in range(6):
        draw.line((90, 380 + 28 * row, 730, 380 + 28 * row), fill="black")
        for column in range(4) if row < 5 else ():
            write(f"{row * 7 + column}.{column}5", 110 + 160 * column, 385 + 28 * row)
    for column in range(5):
        draw.line((90 + 160 * column, 380, 90 + 160 * column, 520), fill="black")
    for line in range(8):
        write(_SENTENCE, 90, 560 + 22 * line)
    draw.line((120, 790, 120, 1060, 720, 1060), fill="black", width=2)
    for bar, height in enumerate((200, 120, 240, 80)):
        draw.rectangle((170 + 130 * bar, 1060 - height, 240 + 130 * bar, 1060), fill="steelblue")
        write(f"item {bar}", 180 + 130 * bar, 1066, 12)
    return np.asarray(page)


def _overlap(element: PageElement, box: tuple[float, float, float, float]) -> float:
    """Intersection by union with a box in pixels of the drawn page."""
    left, top, right, bottom = element.box[0] * 827, element.box[1] * 1169, element.box[2] * 827, element.box[3] * 1169
    shared = max(0.0, min(right, box[2]) - max(left, box[0])) * max(0.0, min(bottom, box[3]) - max(top, box[1]))
    return shared / ((right - left) * (bottom - top) + (box[2] - box[0]) * (box[3] - box[1]) - shared)


def _best(found: Sequence[PageElement], kind: RegionKind) -> PageElement:
    return max((element for element in found if element.kind == kind), key=lambda element: element.confidence)


@pytest.mark.parametrize(
    ("kind", "box"),
    [
        (RegionKind.TITLE, (90, 80, 400, 115)),
        (RegionKind.TEXT, (90, 150, 730, 325)),
        (RegionKind.TABLE, (90, 380, 730, 520)),
        (RegionKind.FIGURE, (110, 790, 730, 1085)),
    ],
)
def test_what_is_drawn_is_found_at_its_place(kind: RegionKind, box: tuple[float, float, float, float]) -> None:
    found = _model().find(_page())
    assert max(_overlap(element, box) for element in found if element.kind == kind) > 0.6
    assert _best(found, kind).confidence > 0.4


def test_boxes_are_on_the_page_and_one_kind_has_no_repeats() -> None:
    found = _model().find(_page())
    for element in found:
        left, top, right, bottom = element.box
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    tables = [element for element in found if element.kind == RegionKind.TABLE]
    pixels = [(e.box[0] * 827, e.box[1] * 1169, e.box[2] * 827, e.box[3] * 1169) for e in tables]
    assert all(_overlap(one, box) < 0.5 for n, one in enumerate(tables) for box in pixels[n + 1 :])


def test_a_blank_page_has_no_elements() -> None:
    assert _model().find(np.full((1169, 827, 3), 255, np.uint8)) == []


def test_an_image_of_any_shape_is_read() -> None:
    assert isinstance(_model().find(np.full((40, 900, 3), 255, np.uint8)), list)
