"""Pixels and OCR of a sample answer the open question of a text layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.geometry import PageBox, PixelBox
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading import text_layer_check
from slimgest_celery.reading.text_layer_quality import OpenQuestion, TextLayer
from tests.support import pdfs

HEIGHT, WIDTH = 1000, 800
TEXT = "The harbour was quiet when the boats came in"
BOX: PageBox = (0.1, 0.2, 0.9, 0.22)
SAMPLE_TOP = 41  # in pixels: where the sample begins that has the line of BOX


class FakeEngine:
    """An engine that reads the same lines in every sample, and stores the samples."""

    name = "fake-engine"
    version = "1"
    batch_size = 1

    def __init__(self, *lines: tuple[str, PixelBox], confidence: float = 0.99) -> None:
        self.samples: list[Image] = []
        self._lines = [OcrLine(text=text, confidence=confidence, box=box) for text, box in lines]

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.samples += images
        return [self._lines for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


def _page(*printed: PageBox) -> Image:
    """A white page with narrow stripes in these boxes, which count as print."""
    image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    for left, top, right, bottom in printed:
        image[int(top * HEIGHT) : int(bottom * HEIGHT), int(left * WIDTH) : int(right * WIDTH) : 4] = 0
    return image


def _layer(question: OpenQuestion, *, is_ocr: bool = False, text: str = TEXT) -> TextLayer:
    return TextLayer(lines=[TextLine(text=text, box=BOX)], score=0.5, open_question=question, is_ocr=is_ocr)


def _in_sample(box: PageBox, shift: float = 0.0) -> PixelBox:
    left, top, right, bottom = box
    height = (bottom - top) * HEIGHT
    return (
        left * WIDTH,
        top * HEIGHT - SAMPLE_TOP + shift * height,
        right * WIDTH,
        bottom * HEIGHT - SAMPLE_TOP + shift * height,
    )


def test_a_sample_with_the_same_text_confirms_the_layer() -> None:
    engine = FakeEngine((TEXT, _in_sample(BOX)))
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX), _layer(OpenQuestion.AGREEMENT))
    assert layer.is_trusted and layer.score == 1
    (sample,) = engine.samples
    assert sample.shape == (37, WIDTH, 3), "a sample is as wide as the page, and has a margin"


def test_a_sample_has_a_few_whole_lines_of_the_densest_text() -> None:
    engine = FakeEngine((TEXT, (0, 0, 1, 1)))
    boxes = [(0.1, top / 1000, 0.9, (top + 12) / 1000) for top in range(300, 900, 24)]
    layer = replace(_layer(OpenQuestion.AGREEMENT), lines=[TextLine(text=TEXT, box=box) for box in boxes])
    text_layer_check.verify_by_ocr(engine, _page(*boxes), layer)
    (sample,) = engine.samples
    printed = (sample == 0).any(axis=(1, 2))
    assert not printed[:5].any() and not printed[-5:].any(), "no line is cut"
    assert 6 * 12 <= printed.sum() <= 8 * 12, "six lines have 250 characters; these are 25"


def test_the_sample_of_an_ocr_layer_is_a_strip_of_the_page() -> None:
    engine = FakeEngine((TEXT, _in_sample(BOX)))
    text_layer_check.verify_by_ocr(engine, _page(BOX), _layer(OpenQuestion.AGREEMENT, is_ocr=True))
    assert engine.samples[0].shape == (180, WIDTH, 3)


@pytest.mark.parametrize(("is_ocr", "reason"), [(False, "garbled_text"), (True, "wrong_ocr_layer")])
def test_a_sample_with_other_text_disproves_the_layer(is_ocr: bool, reason: str) -> None:
    engine = FakeEngine(("Payment is due within thirty days", _in_sample(BOX)))
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX), _layer(OpenQuestion.AGREEMENT, is_ocr=is_ocr))
    assert (layer.reason, layer.open_question) == (reason, None) and layer.score < 0.75


@pytest.mark.parametrize(("text", "confidence"), [("Payment is due within thirty days", 0.7), ("Payment", 0.99)])
def test_an_uncertain_or_short_sample_is_no_evidence(text: str, confidence: float) -> None:
    engine = FakeEngine((text, _in_sample(BOX)), confidence=confidence)
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX), _layer(OpenQuestion.AGREEMENT))
    assert layer.is_trusted and layer.score == 0.5


@pytest.mark.parametrize(("shift", "trusted"), [(0.0, True), (0.5, True), (1.0, False)])
def test_an_ocr_layer_at_another_place_is_wrong(shift: float, trusted: bool) -> None:
    engine = FakeEngine((TEXT, _in_sample(BOX, shift)))
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX), _layer(OpenQuestion.AGREEMENT, is_ocr=True))
    assert layer.reason == (None if trusted else "wrong_ocr_layer")


@pytest.mark.parametrize("question", list(OpenQuestion))
def test_an_upright_layer_on_a_sideways_scan_is_wrong(question: OpenQuestion) -> None:
    sideways = np.asarray(pdfs.picture(turned=90).convert("RGB"))
    engine = FakeEngine(("LLFLLL Comrn p o coariz", (0, 0, 300, 30)), confidence=0.7)
    layer = TextLayer(
        lines=[TextLine(text=TEXT, box=BOX)], score=0.5, open_question=question, is_ocr=True, is_over_scan=True
    )
    assert text_layer_check.verify_by_ocr(engine, sideways, layer).reason in ("wrong_ocr_layer", "text_beside_scan")
    turned = replace(layer, lines=[TextLine(text=TEXT, box=BOX, turned=90)])
    assert text_layer_check.verify_by_ocr(engine, sideways, turned).is_trusted, "its own lines run the same way"


@pytest.mark.parametrize(("text", "trusted"), [("1 I I 1 - 0 m I 0 * 1 i 0 0 Sie", False), (TEXT, True)])
def test_an_ocr_layer_of_single_characters_is_wrong_where_the_scan_cannot_be_read(text: str, trusted: bool) -> None:
    engine = FakeEngine(("LLFLLL Comrn p o coariz", (0, 0, 300, 30)), confidence=0.7)
    layer = _layer(OpenQuestion.AGREEMENT, is_ocr=True, text=text)
    assert text_layer_check.verify_by_ocr(engine, _page(BOX), layer).is_trusted == trusted


def test_readable_text_beside_the_layer_disproves_its_coverage() -> None:
    beside: PageBox = (0.1, 0.6, 0.9, 0.7)
    engine = FakeEngine(("Goods remain our property until paid", (80, 20, 700, 60)))
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX, beside), _layer(OpenQuestion.COVERAGE))
    assert (layer.reason, layer.open_question) == ("text_beside_scan", None)
    assert len(engine.samples) == 1


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_drawings_and_uncertain_text_beside_the_layer_are_no_evidence(confidence: float) -> None:
    beside: PageBox = (0.1, 0.6, 0.9, 0.7)
    found = [] if confidence > 0.8 else [("Goods remain our property until paid", (80.0, 20.0, 700.0, 60.0))]
    engine = FakeEngine(*found, confidence=confidence)
    layer = text_layer_check.verify_by_ocr(engine, _page(BOX, beside), _layer(OpenQuestion.COVERAGE))
    assert layer.is_trusted and layer.score == 0.9


def test_the_coverage_of_a_page_without_other_print_needs_no_ocr() -> None:
    layer = text_layer_check.quick_check(_page(BOX), _layer(OpenQuestion.COVERAGE))
    assert layer.is_trusted and layer.score == 0.9


def test_the_coverage_of_a_page_with_other_print_stays_open() -> None:
    layer = _layer(OpenQuestion.COVERAGE)
    assert text_layer_check.quick_check(_page(BOX, (0.1, 0.6, 0.9, 0.7)), layer) == layer


def test_an_ocr_layer_that_covers_the_page_must_still_agree_with_it() -> None:
    layer = text_layer_check.quick_check(_page(BOX), _layer(OpenQuestion.COVERAGE, is_ocr=True))
    assert layer.open_question == OpenQuestion.AGREEMENT


def test_white_lines_are_dropped_only_where_the_page_has_no_contrast() -> None:
    dark: PageBox = (0.1, 0.4, 0.9, 0.42)
    lines = [TextLine(text="on white", box=BOX, white=True), TextLine(text="on dark", box=dark, white=True)]
    black = TextLine(text="black", box=(0.1, 0.8, 0.9, 0.82))
    assert text_layer_check.drop_invisible([*lines, black], _page(dark)) == [lines[1], black]


def test_white_text_on_a_pale_ground_is_visible() -> None:
    image = _page()
    left, top, right, bottom = (int(edge * size) for edge, size in zip(BOX, (WIDTH, HEIGHT) * 2, strict=True))
    image[top:bottom, left:right:2] = (240, 235, 255)
    line = TextLine(text="on lilac", box=BOX, white=True)
    assert text_layer_check.drop_invisible([line], image) == [line]
