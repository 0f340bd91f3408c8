"""RapidOCR reads type of any size on images of any shape. With the real models."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image
from slimgest_celery.engines.rapidocr import QUALITIES, RapidOcr, lines_to_read_again
from slimgest_celery.engines.text_recognition import RecognizedLine
from tests.support.drawn_pages import LANGUAGES, can_draw, draw, lines_of

JAPANESE = next(language for language in LANGUAGES if language.code == "ja")


@pytest.fixture(scope="module")
def engine() -> RapidOcr:
    return RapidOcr(Settings.model_validate({}))


def _image(text: str, *, width: int, height: int, size: int, white_on_black: bool = False) -> Image:
    image = Pillow.new("RGB", (width, height), "black" if white_on_black else "white")
    colour = "white" if white_on_black else "black"
    ImageDraw.Draw(image).text((width // 10, height // 4), text, fill=colour, font=ImageFont.load_default(size))
    return np.asarray(image)


def _text(engine: RapidOcr, image: Image) -> list[str]:
    (lines,) = engine.read([image])
    return [line.text for line in lines if line.text]


@pytest.mark.parametrize("white_on_black", [False, True])
def test_very_large_type_is_read(engine: RapidOcr, white_on_black: bool) -> None:
    image = _image("TEST", width=1660, height=1180, size=500, white_on_black=white_on_black)
    ((line,),) = engine.read([image])
    assert line.text == "TEST"
    left, top, right, bottom = line.box
    assert left < 250 and right > 1400 and 200 < top < 450 and 600 < bottom < 960


def test_a_single_line_keeps_its_spaces(engine: RapidOcr) -> None:
    line = "Covfefe is a perfectly cromulent word."
    assert _text(engine, _image(line, width=834, height=105, size=31)) == [line]


def test_the_boxes_of_an_enlarged_image_are_in_its_own_pixels(engine: RapidOcr) -> None:
    ((line,),) = engine.read([_image("A small page", width=300, height=120, size=20)])
    assert line.text == "A small page"
    left, top, right, bottom = line.box
    assert 15 < left < 35 and 100 < right < 190 and 20 < top < 40 and 40 < bottom < 65


def _readings(*readings: tuple[str, float]) -> list[RecognizedLine]:
    return [RecognizedLine(text=text, confidence=confidence) for text, confidence in readings]


def test_the_small_model_reads_unsure_lines_and_some_of_the_doubtful_ones() -> None:
    lines = _readings(*[("sure", 0.99)] * 28, ("unsure", 0.7), ("doubtful", 0.97), ("more doubtful", 0.96))
    widths = [100] * len(lines)
    assert lines_to_read_again(lines, widths, QUALITIES["balanced"]) == [28, 29, 30]
    assert lines_to_read_again(lines, widths, QUALITIES["fast"]) == [28]
    many = _readings(*[("doubtful", 0.97)] * 24, ("more doubtful", 0.96))
    assert lines_to_read_again(many, [100] * 25, QUALITIES["balanced"]) == [0, 24], "8 % of the width, no more"


@pytest.mark.parametrize("quality", ["fast", "balanced"])
def test_the_small_model_reads_lines_that_may_need_characters_the_tiny_one_lacks(quality: str) -> None:
    latin = [("Latin", 0.99)] * 8
    assert lines_to_read_again(_readings(*latin, ("東京", 0.99)), [100] * 9, QUALITIES[quality]) == [8]
    assert lines_to_read_again(_readings(*latin, ("Bucureşti", 0.99)), [100] * 9, QUALITIES[quality]) == [8]
    turkish = _readings(("dağ", 0.99), ("insanlik", 0.99), ("Latin", 0.99))
    assert lines_to_read_again(turkish, [100] * 3, QUALITIES[quality]) == [0, 1, 2], "other lines may lack their ı"
    assert lines_to_read_again(_readings(*latin, ("sónc", 0.99)), [100] * 9, QUALITIES[quality]) == [8], "a lone accent"
    assert lines_to_read_again(_readings(("été", 0.99), ("hiver", 0.99)), [9, 9], QUALITIES[quality]) == []
    chinese = _readings(("Latin", 0.99), ("Latin", 0.99), ("東京", 0.99))
    assert lines_to_read_again(chinese, [100] * 3, QUALITIES[quality]) == [0, 1, 2], "all lines of such a page"


def test_the_small_model_reads_a_page_that_the_tiny_one_reads_poorly_but_not_in_a_hurry() -> None:
    poor = _readings(*[("Xin chào", 0.94)] * 6, ("Latin", 0.99))
    assert lines_to_read_again(poor, [100] * 7, QUALITIES["balanced"]) == list(range(7))
    assert lines_to_read_again(poor, [100] * 7, QUALITIES["fast"]) == []
    assert lines_to_read_again([], [], QUALITIES["balanced"]) == []


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_japanese_and_latin_are_read_at_each_quality(quality: str) -> None:
    if not can_draw(JAPANESE):
        pytest.skip("needs a Japanese font")
    engine = RapidOcr(Settings(SLIMGEST_OCR_QUALITY=quality))
    (lines,) = engine.read([np.asarray(draw(JAPANESE).convert("RGB"))])
    expected = "".join("".join(lines_of(JAPANESE)).split())
    found = "".join(line.text for line in sorted(lines, key=lambda line: line.box[1])).replace(" ", "")
    assert Levenshtein.normalized_distance(found, expected) < 0.05


def test_a_page_of_small_type_is_read_completely(engine: RapidOcr) -> None:
    image = Pillow.new("RGB", (1240, 1754), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for row in range(90):
        pen.text((100, 100 + 17 * row), f"Line {100 + row} of a page set in six points", fill="black", font=font)
    text = _text(engine, np.asarray(image))
    found = [number for number in range(100, 190) if any(f"{number} of a page" in line for line in text)]
    assert len(found) >= 88


def test_images_of_any_shape_need_one_compiled_detector(engine: RapidOcr) -> None:
    sizes = [(200, 100), (1240, 1754), (1754, 1240), (1500, 1500), (2400, 900)]
    for width, height in sizes:
        assert _text(engine, _image("A page", width=width, height=height, size=30))
    assert engine.detector.compiled_shapes == 1


def test_version_and_model_differ_by_quality() -> None:
    engines = [RapidOcr(Settings(SLIMGEST_OCR_QUALITY=quality)) for quality in ("fast", "balanced", "best")]
    assert [engine.version for engine in engines] == ["PP-OCRv6-fast", "PP-OCRv6-balanced", "PP-OCRv6-best"]
    assert engines[1].model != engines[2].model and "openvino" in engines[1].model


@pytest.mark.parametrize("unread", [("?", 0.3), (" ", 0.9)])
def test_a_line_that_is_found_and_not_read_is_kept_without_text(
    monkeypatch: pytest.MonkeyPatch, unread: tuple[str, float]
) -> None:
    engine = RapidOcr(Settings())
    monkeypatch.setattr(engine, "_recognize", lambda lines: _readings(unread) * len(lines))
    ((line,),) = engine.read([_image("A line", width=1240, height=400, size=30)])
    assert (line.text, line.confidence) == ("", 0)
