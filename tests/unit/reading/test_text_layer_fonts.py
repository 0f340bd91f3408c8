"""The fonts of a text layer in question decide: without OCR, or by at most three samples of a document."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.config import MAX_FONT_SAMPLES
from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.models.page import Page
from tests.support.worker_context import FakeDevice, read_all, worker_context

CODE = ["else if ((total[index] += offset[row]) >= 0) { *result = -(~value); }"] * 30
RARE = ["zxqj kvwx qzjk xvqw jjzx qkqk wxzv kqjx zzvw xxkj qvzk wjxq"] * 30


class SampleCounter(FakeDevice):
    """An engine that reads the same text on every image, and counts the samples: strips of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(0, 1)
        self.samples = 0
        self._text = text

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.samples += sum(3 * image.shape[0] < image.shape[1] for image in images)
        boxes = [(0.0, 0.0, float(image.shape[1]), float(image.shape[0])) for image in images]
        return [[OcrLine(text=self._text, confidence=1.0, box=box)] for box in boxes]


def _document(lines: list[str], pages: int) -> bytes:
    """Return a document with a separate font object on each page."""
    with pikepdf.new() as whole:
        for _ in range(pages):
            stored = io.BytesIO()
            canvas = Canvas(stored, pagesize=(595, 842))
            text = canvas.beginText(60, 780)
            text.textLines(lines)
            canvas.drawText(text)
            canvas.save()
            with pikepdf.open(stored) as one:
                whole.pages.extend(one.pages)
        joined = io.BytesIO()
        whole.save(joined)
    return joined.getvalue()


def _read(folder: Path, pdf: bytes, text: str) -> tuple[list[Page], int]:
    engine = SampleCounter(text)
    with worker_context(folder, engine) as context:
        return read_all(context, pdf), engine.samples


def test_code_in_valid_fonts_needs_no_sample(tmp_path: Path) -> None:
    pages, samples = _read(tmp_path, _document(CODE, pages=4), "")
    assert samples == 0 and {page.reason for page in pages} == {"text_layer"}
    assert pages[0].text.startswith("else if ((total")


def test_rare_letters_are_checked_once_for_each_font_and_at_most_three_times(tmp_path: Path) -> None:
    pages, samples = _read(tmp_path, _document(RARE, pages=24), " ".join(RARE[:5]))
    assert samples == MAX_FONT_SAMPLES
    assert {(page.source, page.reason) for page in pages} == {("text_layer", "text_layer")}


def test_a_font_that_a_sample_shows_to_be_wrong_is_wrong_on_all_pages(tmp_path: Path) -> None:
    pages, samples = _read(tmp_path, _document(RARE, pages=5), "The true text of this page, as printed.")
    assert {(page.source, page.reason) for page in pages} == {("ocr", "garbled_text")}
    assert samples <= MAX_FONT_SAMPLES


@pytest.mark.parametrize("font", ["Vera.ttf"])
def test_an_embedded_font_with_a_map_is_valid(tmp_path: Path, font: str) -> None:
    pdfmetrics.registerFont(ttfonts.TTFont("Vera", font))
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    text = canvas.beginText(60, 780)
    text.setFont("Vera", 10)
    text.textLines(CODE)
    canvas.drawText(text)
    canvas.save()
    (page,), samples = _read(tmp_path, stored.getvalue(), "")
    assert samples == 0 and page.reason == "text_layer"
