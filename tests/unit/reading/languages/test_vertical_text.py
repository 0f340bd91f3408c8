"""The characters of vertical lines are turned back before they are read; a sideways page stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image
from slimgest_celery.engines.rapidocr import RapidOcr
from slimgest_celery.reading.languages.vertical_text import read_vertical
from tests.support import drawn_pages
from tests.support.drawn_pages import by_code, can_draw


@pytest.fixture(scope="module")
def engine() -> RapidOcr:
    if not can_draw(by_code("ja")):
        pytest.skip("a font is missing: apt-get install fonts-noto-cjk")
    return RapidOcr(Settings())


def _turned(page: object, quarters: int = 1) -> Image:
    """Return the part of a drawn page that has text, turned counterclockwise."""
    return np.ascontiguousarray(np.rot90(np.stack([np.asarray(page)] * 3, axis=2), quarters))


def test_punctuation_and_small_kana_are_read_too(engine: RapidOcr) -> None:
    image = _turned(drawn_pages.draw_vertical(by_code("ja"), 4))
    (sideways,) = engine.read([image])
    lines = read_vertical(engine, image, sideways)
    assert lines is not None and [line.box for line in lines] == [line.box for line in sideways]
    before, after = (
        drawn_pages.error_rate("\n".join(line.text for line in found), by_code("ja"), 4) for found in (sideways, lines)
    )
    assert after < before and after <= by_code("ja").max_error


def test_lines_whose_characters_are_upright_already_are_not_vertical(engine: RapidOcr) -> None:
    image = _turned(drawn_pages.draw(by_code("ja"), 4), quarters=0)
    (lines,) = engine.read([image])
    assert len(lines) == 4 and read_vertical(engine, image, lines) is None


def test_a_page_in_another_script_is_not_tried(engine: RapidOcr) -> None:
    image = _turned(drawn_pages.draw(by_code("de"), 3), quarters=0)
    (lines,) = engine.read([image])
    assert read_vertical(engine, image, lines) is None
