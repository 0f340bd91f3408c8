"""The one place where what engines return becomes blocks; choosing and loading engines."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from slimgest_celery import engines
from slimgest_celery.config import Settings
from slimgest_celery.engines import Line, normalise
from slimgest_celery.engines.tesseract import pieces
from slimgest_celery.errors import EngineUnavailable
from tests.support import pdfs
from workers.process import built_in_page


def test_pixels_become_fractions_and_text_is_trimmed() -> None:
    (block,) = normalise([Line(text=" word\n", confidence=0.75, box=(100, 50, 300, 100))], width=400, height=200)
    assert (block.text, block.confidence, block.box) == ("word", 0.75, (0.25, 0.25, 0.75, 0.5))


def _word(text: str, left: float, right: float) -> Line:
    return Line(text=text, confidence=0.9, box=(left, 10, right, 25))


def test_a_line_of_tesseract_over_two_columns_is_divided_between_them_with_or_without_a_speck_there() -> None:
    left, right = [_word("press", 0, 50), _word("PLAY,", 58, 110)], [_word("find", 150, 180), _word("it", 188, 200)]
    assert pieces(left + right) == [left, right]
    assert pieces([*left, _word("_", 130, 133), *right]) == [left, right]
    assert pieces([_word("a", 0, 8), _word(".", 9, 11), _word("b", 18, 26)])[0][1].text == ".", "one that is near stays"


@pytest.mark.parametrize(
    ("line", "box", "confidence"),
    [
        (Line(text="out of the page", confidence=1.5, box=(-10, -10, 999, 999)), (0, 0, 1, 1), 1),
        (Line(text="upside down", confidence=-1, box=(80, 90, 20, 10)), (0.2, 0.1, 0.8, 0.9), 0),
    ],
)
def test_what_is_out_of_bounds_is_brought_within(line: Line, box: tuple[float, ...], confidence: float) -> None:
    (block,) = normalise([line], width=100, height=100)
    assert (block.box, block.confidence) == (box, confidence)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_or_no_text_is_left_out(bad: float) -> None:
    lines = [
        Line(text="a", confidence=bad, box=(0, 0, 1, 1)),
        Line(text="b", confidence=1, box=(0, bad, 1, 1)),
        Line(text=" \n", confidence=1, box=(0, 0, 1, 1)),
    ]
    assert normalise(lines, width=10, height=10) == []


def test_auto_takes_rapidocr_where_there_is_nothing_better_and_says_what_was_missing() -> None:
    choice = engines.choose(Settings())
    assert choice.name == "rapidocr" and choice.reason.startswith("not nemotron: ")
    assert engines.choose(Settings(SLIMGEST_ENGINE="tesseract")).name == "tesseract"


@pytest.mark.parametrize("name", ["no.such.module:Engine", "slimgest_celery.model:NoSuchClass"])
def test_an_engine_that_cannot_be_imported_says_so(name: str) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be imported"):
        engines.load(Settings(SLIMGEST_ENGINE=name))


def test_rapidocr_reads_the_built_in_page_and_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the engine went to the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    engine = engines.load(Settings(SLIMGEST_ENGINE="rapidocr"))
    (lines,) = engine.read([built_in_page()])
    assert lines[0].text.startswith("slimgest warms up its engine")


@pytest.fixture
def tesseract() -> engines.Engine:
    try:
        return engines.load(Settings(SLIMGEST_ENGINE="tesseract"))
    except EngineUnavailable as error:
        pytest.skip(f"Tesseract is not here: {error}")


def test_tesseract_reads_blue_upon_green_though_jpeg_blurs_colours(tesseract: engines.Engine) -> None:
    ink = 1 - np.asarray(pdfs.picture(), dtype=float)[..., np.newaxis] / 255
    page = ink * (0, 10, 160) + (1 - ink) * (30, 215, 140)
    stored = io.BytesIO()
    Image.fromarray(page.astype(np.uint8)).save(stored, "JPEG")
    (lines,) = tesseract.read([np.asarray(Image.open(stored))])
    assert [line.text for line in lines] == pdfs.PROSE


def test_tesseract_reads_the_built_in_page(tesseract: engines.Engine) -> None:
    (lines,) = tesseract.read([built_in_page()])
    assert lines[0].text.startswith("slimgest warms up") and lines[0].confidence > 0.5
    left, top, right, bottom = lines[0].box
    assert 80 < left < right < 1240 and 110 < top < bottom < 180
