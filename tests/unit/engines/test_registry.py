"""Choosing and loading engines, and converting their lines to blocks."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import OcrEngine, OcrLine, to_blocks
from slimgest_celery.engines.registry import choose_engine, load_engine
from slimgest_celery.engines.tesseract import split_at_gaps
from slimgest_celery.errors import EngineUnavailable
from tests.support import pdfs
from workers.warm_up_page import built_in_page


def test_pixels_become_fractions_and_text_is_trimmed() -> None:
    (block,) = to_blocks([OcrLine(text=" word\n", confidence=0.75, box=(100, 50, 300, 100))], width=400, height=200)
    assert (block.text, block.confidence, block.box) == ("word", 0.75, (0.25, 0.25, 0.75, 0.5))


def _word(text: str, left: float, right: float) -> OcrLine:
    return OcrLine(text=text, confidence=0.9, box=(left, 10, right, 25))


def test_a_line_of_tesseract_over_two_columns_is_split_with_or_without_a_speck_in_the_gap() -> None:
    left, right = [_word("press", 0, 50), _word("PLAY,", 58, 110)], [_word("find", 150, 180), _word("it", 188, 200)]
    assert split_at_gaps(left + right) == [left, right]
    assert split_at_gaps([*left, _word("_", 130, 133), *right]) == [left, right]
    assert split_at_gaps([_word("a", 0, 8), _word(".", 9, 11), _word("b", 18, 26)])[0][1].text == ".", (
        "a near dot stays"
    )


@pytest.mark.parametrize(
    ("line", "box", "confidence"),
    [
        (OcrLine(text="out of the page", confidence=1.5, box=(-10, -10, 999, 999)), (0, 0, 1, 1), 1),
        (OcrLine(text="upside down", confidence=-1, box=(80, 90, 20, 10)), (0.2, 0.1, 0.8, 0.9), 0),
    ],
)
def test_values_out_of_range_are_clipped(line: OcrLine, box: tuple[float, ...], confidence: float) -> None:
    (block,) = to_blocks([line], width=100, height=100)
    assert (block.box, block.confidence) == (box, confidence)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_lines_without_text_or_with_non_finite_numbers_are_left_out(bad: float) -> None:
    lines = [
        OcrLine(text="a", confidence=bad, box=(0, 0, 1, 1)),
        OcrLine(text="b", confidence=1, box=(0, bad, 1, 1)),
        OcrLine(text=" \n", confidence=1, box=(0, 0, 1, 1)),
    ]
    assert to_blocks(lines, width=10, height=10) == []


def test_auto_selects_rapidocr_without_a_gpu_and_names_what_is_missing() -> None:
    choice = choose_engine(Settings())
    assert choice.name == "rapidocr" and choice.reason.startswith("not nemotron: ")
    assert choose_engine(Settings(SLIMGEST_ENGINE="tesseract")).name == "tesseract"


@pytest.mark.parametrize("name", ["no.such.module:Engine", "slimgest_celery.model:NoSuchClass"])
def test_an_engine_that_cannot_be_imported_gives_an_error(name: str) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be imported"):
        load_engine(Settings(SLIMGEST_ENGINE=name))


def test_rapidocr_reads_the_built_in_page_and_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the engine used the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    engine = load_engine(Settings(SLIMGEST_ENGINE="rapidocr"))
    (lines,) = engine.read([built_in_page()])
    assert lines[0].text.startswith("slimgest warms up its engine")


@pytest.fixture
def tesseract() -> OcrEngine:
    try:
        return load_engine(Settings(SLIMGEST_ENGINE="tesseract"))
    except EngineUnavailable as error:
        pytest.skip(f"Tesseract is not available: {error}")


def test_tesseract_reads_blue_on_green_although_jpeg_blurs_colours(tesseract: OcrEngine) -> None:
    ink = 1 - np.asarray(pdfs.picture(), dtype=float)[..., np.newaxis] / 255
    page = ink * (0, 10, 160) + (1 - ink) * (30, 215, 140)
    stored = io.BytesIO()
    Image.fromarray(page.astype(np.uint8)).save(stored, "JPEG")
    (lines,) = tesseract.read([np.asarray(Image.open(stored))])
    assert [line.text for line in lines] == pdfs.PROSE


def test_tesseract_reads_the_built_in_page(tesseract: OcrEngine) -> None:
    (lines,) = tesseract.read([built_in_page()])
    assert lines[0].text.startswith("slimgest warms up") and lines[0].confidence > 0.5
    left, top, right, bottom = lines[0].box
    assert 80 < left < right < 1240 and 110 < top < bottom < 180
