"""Pages of an open PDF become records, whatever happens to them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.errors import PageTimeout
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Block, Page, Paragraph, Source, TableCell
from slimgest_celery.pdf.document import Pdf
from slimgest_celery.reading import page_text
from slimgest_celery.reading.page_reader import PageReader, failed_page
from tests.support import pdfs

MAX_PIXELS = 10**7


class RaisingEngine:
    """An engine that reads the height of each image, except on images of these heights: there it raises."""

    name = "raising-engine"
    version = "1"
    batch_size = 4

    def __init__(self, *heights: int, error: BaseException | None = None) -> None:
        self.batches: list[int] = []
        self._heights, self._error = heights, error or ValueError("this image makes the engine fail")

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.batches.append(len(images))
        if any(image.shape[0] in self._heights for image in images):
            raise self._error
        return [[OcrLine(text=str(image.shape[0]), confidence=1, box=(0, 0, 9, 9))] for image in images]

    def warm_up(self, image: Image) -> None:
        pass


def _reader(engine: RaisingEngine, max_pixels: int = MAX_PIXELS) -> PageReader:
    return PageReader(engine=engine, worker="w1", max_pixels=max_pixels)


def _three_drawings() -> bytes:
    """Three pages with a small black square, which are 50, 60 and 70 points high."""
    stored = io.BytesIO()
    canvas = Canvas(stored)
    for height in (50, 60, 70):
        canvas.setPageSize((100, height))
        canvas.rect(10, 10, 8, 8, fill=1)  # too little ink for a slope
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def test_a_text_layer_is_read_without_the_engine(opened: Callable[[bytes], Pdf]) -> None:
    engine = RaisingEngine()
    (page,) = _reader(engine).read_pages(opened(pdfs.text_pages(["A title page"])), Options(mode=Mode.AUTO), [1])
    assert (page.source, page.text, page.worker, engine.batches) == (Source.TEXT_LAYER, "A title page", "w1", [])


def test_scans_are_read_in_one_batch_in_their_order(opened: Callable[[bytes], Pdf]) -> None:
    engine = RaisingEngine()
    pages = _reader(engine).read_pages(opened(_three_drawings()), Options(mode=Mode.OCR, dpi=72), [1, 2, 3])
    assert [(page.page_number, page.source, page.text) for page in pages] == [
        (1, Source.OCR, "50"),
        (2, Source.OCR, "60"),
        (3, Source.OCR, "70"),
    ]
    assert engine.batches[0] == 3


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError(), "page.engine_failed"), (MemoryError(), "page.out_of_memory")]
)
def test_a_page_on_which_the_engine_fails_fails_alone(
    opened: Callable[[bytes], Pdf], error: BaseException, code: str
) -> None:
    reader = _reader(RaisingEngine(60, error=error))
    pages = reader.read_pages(opened(_three_drawings()), Options(mode=Mode.OCR, dpi=72), [1, 2, 3])
    assert [page.status for page in pages] == ["ok", "failed", "ok"]
    assert pages[1].error and pages[1].error.code == code and pages[1].worker == "w1"


def test_a_damaged_page_fails_alone(opened: Callable[[bytes], Pdf]) -> None:
    pdf = opened(pdfs.with_broken_page(["One", "Two", "Three"], broken=1))
    pages = _reader(RaisingEngine()).read_pages(pdf, Options(mode=Mode.TEXT), [1, 2, 3])
    assert [page.status for page in pages] == ["ok", "failed", "ok"]


def test_a_text_layer_with_too_many_characters_fails(
    opened: Callable[[bytes], Pdf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_text, "MAX_CHARACTERS", 10)
    (page,) = _reader(RaisingEngine()).read_pages(
        opened(pdfs.text_pages(["More than ten characters"])), Options(mode=Mode.TEXT), [1]
    )
    assert page.error and page.error.code == "page.too_much_text"


def _rows(count: int, columns: int) -> Page:
    blocks = [Block(text="a", confidence=1, box=(0, 0, 1, 1))] * count
    cells = [TableCell(row=row, column=column) for row in range(count) for column in range(columns)]
    table = Paragraph(kind="table", first=0, last=0, cells=cells)
    return Page(page_number=1, status="ok", blocks=blocks, paragraphs=[table])


@pytest.mark.parametrize(
    ("page", "allowed"),
    [
        (_rows(20_000, 2), True),
        (_rows(20_001, 1), False),  # lines
        (_rows(501, 100), False),  # cells
        (Page(page_number=1, status="ok", blocks=[Block(text="a" * 250_001, confidence=1, box=(0, 0, 1, 1))]), False),
    ],
)
def test_a_page_from_any_source_has_a_bounded_size(page: Page, allowed: bool) -> None:
    (kept,) = _reader(RaisingEngine()).finish_pages([page])
    assert kept == page if allowed else kept.error and kept.error.code == "page.too_much_text"


def test_a_page_with_too_many_pixels_is_rendered_at_a_lower_resolution(opened: Callable[[bytes], Pdf]) -> None:
    reader = _reader(RaisingEngine(), max_pixels=595 * 842 // 4)
    (page,) = reader.read_pages(opened(pdfs.photographed(1)), Options(mode=Mode.OCR, dpi=72), [1])
    assert page.reason == "mode_ocr; dpi lowered to 36 by SLIMGEST_MAX_PAGE_PIXELS"
    assert page.width * page.height <= 595 * 842 // 4
    assert [warning.code for warning in page.warnings] == ["page.dpi_lowered"] and "36" in page.warnings[0].message


def test_a_known_page_is_used_instead_of_ocr_but_not_instead_of_a_text_layer(opened: Callable[[bytes], Pdf]) -> None:
    known = Page(page_number=1, status="ok", text="known")
    engine = RaisingEngine()
    (scan,) = _reader(engine).read_pages(opened(pdfs.photographed(1)), Options(), [1], lambda number: known)
    (text,) = _reader(engine).read_pages(opened(pdfs.text_pages(["A text"])), Options(), [1], lambda number: known)
    assert (scan.text, text.text, engine.batches) == ("known", "A text", [])


def test_an_engine_that_fails_on_a_sample_may_still_read_the_page(opened: Callable[[bytes], Pdf]) -> None:
    pdf = opened(pdfs.pictured(pdfs.picture(), layer=pdfs.PROSE))
    with pdf.page(1) as page:
        height = page.render(150, MAX_PIXELS).image.shape[0]
    sample = int(height * 0.18)
    (read,) = _reader(RaisingEngine(sample)).read_pages(pdf, Options(mode=Mode.AUTO, dpi=150), [1])
    assert (read.source, read.reason, read.text) == (Source.OCR, "", str(height))


def test_a_failed_page_has_the_error_s_code() -> None:
    page = failed_page(7, PageTimeout(), worker="w1")
    assert (page.page_number, page.status, page.worker) == (7, "failed", "w1")
    assert page.error and page.error.code == "page.timeout"
