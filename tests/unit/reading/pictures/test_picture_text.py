"""Text in pictures beside a text layer is read by OCR, in its place. With a fake engine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import BlockSource, Page, Source
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.reading.pictures import picture_text
from tests.support import pdfs

WIDTH, HEIGHT = 400, 600  # of the page in points
ABOVE = [f"Typed line {row} above the figure, long enough to be trusted" for row in range(4)]
BELOW = [f"Typed line {row} below the figure, long enough to be trusted" for row in range(4)]


class FakeEngine:
    """An engine that reads the same lines in each image, and stores the images."""

    name, version, batch_size = "fake-engine", "1", 1

    def __init__(self, *lines: OcrLine, error: Exception | None = None) -> None:
        self.images: list[Image] = []
        self._lines, self._error = list(lines), error

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.images += images
        if self._error:
            raise self._error
        return [self._lines for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


def _figure() -> Pillow.Image:
    """Lines of text on paper, 700 x 300 pixels."""
    return pdfs.picture(pdfs.PROSE[:4]).crop((40, 120, 740, 420))


def _photograph() -> Pillow.Image:
    """Soft shapes without paper."""
    rng = np.random.default_rng(3)
    coarse = Pillow.fromarray(rng.integers(0, 255, (12, 24), dtype=np.uint8))
    return coarse.resize((700, 300), Pillow.Resampling.BICUBIC)


def _document(
    *pictures: tuple[Pillow.Image, tuple[float, float, float, float]], texts: Sequence[tuple[str, float, float]] = ()
) -> bytes:
    """A page with typed lines above and below pictures, which are given with left, bottom, width and height."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(WIDTH, HEIGHT))
    for image, place in pictures:
        canvas.drawImage(ImageReader(image), *place)
    canvas.setFont("Helvetica", 10)
    for lines, top in ((ABOVE, 560), (BELOW, 200)):
        for row, line in enumerate(lines):
            canvas.drawString(40, top - 14 * row, line)
    for text, x, y in texts:
        canvas.drawString(x, y, text)
    canvas.save()
    return stored.getvalue()


def _read(folder: Path, content: bytes, engine: FakeEngine, mode: Mode = Mode.AUTO) -> Page:
    (page,) = _read_pages(folder, content, engine, mode)
    return page


def _read_pages(folder: Path, content: bytes, engine: FakeEngine, mode: Mode = Mode.AUTO) -> list[Page]:
    path = folder / "a.pdf"
    path.write_bytes(content)
    pdf = open_pdf(path)
    try:
        reader = PageReader(engine=engine, worker="w1", max_pixels=10**7)
        return [
            page for number in range(1, len(pdf) + 1) for page in reader.read_pages(pdf, Options(mode=mode), [number])
        ]
    finally:
        pdf.close()


def _line(text: str, left: float, top: float, confidence: float = 0.97) -> OcrLine:
    return OcrLine(text=text, confidence=confidence, box=(left, top, left + 12 * len(text), top + 24))


PLACE = (40, 300, 320, 137)  # of the figure between the typed lines
LABELS = (_line("First label", 30, 30), _line("Second label", 30, 100))


def test_a_figure_is_read_in_its_place(tmp_path: Path) -> None:
    engine = FakeEngine(*LABELS)
    page = _read(tmp_path, _document((_figure(), PLACE)), engine)
    assert page.text.split("\n") == [*ABOVE, "First label", "Second label", *BELOW]
    sources = [block.source for block in page.blocks]
    assert sources == [BlockSource.TEXT_LAYER] * 4 + [BlockSource.OCR] * 2 + [BlockSource.TEXT_LAYER] * 4
    assert (page.source, page.reason) == (Source.TEXT_LAYER, "text_layer; text_in_pictures")
    label = page.blocks[4]
    assert label.confidence == 0.97
    left, top, _, _ = label.box
    assert left == pytest.approx(40 / WIDTH + 30 / (WIDTH / 72 * 150), abs=0.005)
    assert top == pytest.approx(1 - 437 / HEIGHT + 30 / (HEIGHT / 72 * 150), abs=0.005)


def test_the_pictures_of_a_page_are_read_in_one_image_without_the_rest_of_the_page(tmp_path: Path) -> None:
    small = _figure().crop((0, 0, 300, 300))
    engine = FakeEngine()
    page = _read(tmp_path, _document((small, (40, 300, 137, 137)), (small, (223, 260, 137, 137))), engine)
    (image,) = engine.images
    assert image.shape[:2] == pytest.approx((177 / 72 * 150, 320 / 72 * 150), abs=4)
    assert image[-60:, :200].min() == 255, "white where no picture is"
    assert page.reason == "text_layer", "nothing was read"


@pytest.mark.parametrize(
    "content",
    [
        _document((_photograph(), PLACE)),
        _document((_figure(), (40, 300, 36, 15))),  # too small to be read
        _document(),
    ],
    ids=["photograph", "small", "none"],
)
def test_other_pictures_need_no_ocr(tmp_path: Path, content: bytes) -> None:
    engine = FakeEngine(*LABELS)
    page = _read(tmp_path, content, engine)
    assert engine.images == [] and page.reason == "text_layer"


def test_no_ocr_is_used_for_pictures_if_only_the_text_layer_is_requested(tmp_path: Path) -> None:
    engine = FakeEngine(*LABELS)
    assert _read(tmp_path, _document((_figure(), PLACE)), engine, Mode.TEXT).reason == "mode_text"
    assert engine.images == []


def test_no_ocr_is_used_for_pictures_if_the_setting_is_off(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(_document((_figure(), PLACE)))
    engine = FakeEngine(*LABELS)
    reader = PageReader(engine=engine, worker="w1", max_pixels=10**7, reads_pictures=False)
    pdf = open_pdf(path)
    (page,) = reader.read_pages(pdf, Options(), [1])
    pdf.close()
    assert page.text.split("\n") == ABOVE + BELOW and engine.images == []


def test_uncertain_lines_and_single_shapes_are_left_out(tmp_path: Path) -> None:
    engine = FakeEngine(_line("Blurred label", 30, 30, confidence=0.6), _line("o", 30, 100))
    assert "text_in_pictures" not in (_read(tmp_path, _document((_figure(), PLACE)), engine).reason or "")


def test_typed_text_over_a_picture_is_not_read_twice(tmp_path: Path) -> None:
    typed = ("Typed over it", 60, 420)
    engine = FakeEngine(_line("Typed over it", 40, 25), _line("Second label", 30, 100))
    page = _read(tmp_path, _document((_figure(), PLACE), texts=[typed]), engine)
    assert page.text.count("Typed over it") == 1 and page.text.count("Second label") == 1


def test_a_figure_beside_a_column_does_not_break_its_lines(tmp_path: Path) -> None:
    """Labels are at the height of the typed lines, in a figure to their right."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(WIDTH, HEIGHT))
    canvas.drawImage(ImageReader(_figure().crop((0, 0, 300, 300))), 230, 400, 150, 150)
    canvas.setFont("Helvetica", 10)
    column = [f"Line {row} of a column of text beside it" for row in range(12)]
    for row, line in enumerate(column):
        canvas.drawString(30, 540 - 13 * row, line)
    canvas.save()
    page = _read(tmp_path, stored.getvalue(), FakeEngine(*LABELS))
    text = page.text.split("\n")
    assert [line for line in text if line in column] == column
    assert abs(text.index("First label") - text.index("Second label")) == 1


def test_a_logo_on_several_pages_is_read_once(tmp_path: Path) -> None:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(WIDTH, HEIGHT))
    for number in range(3):
        canvas.drawImage(ImageReader(_figure()), 40, 480 - 40 * number, 320, 100)
        canvas.setFont("Helvetica", 10)
        for row, line in enumerate(BELOW):
            canvas.drawString(40, 200 - 14 * row, line)
        canvas.showPage()
    canvas.save()
    engine = FakeEngine(*LABELS)
    pages = _read_pages(tmp_path, stored.getvalue(), engine)
    assert len(engine.images) == 1
    assert {page.text for page in pages} == {"\n".join(["First label", "Second label", *BELOW])}
    assert {page.reason for page in pages} == {"text_layer; text_in_pictures"}
    tops = [page.blocks[0].box[1] for page in pages]
    assert tops[1] - tops[0] == pytest.approx(40 / HEIGHT, abs=1e-3), "at its place on each page"


def test_a_photograph_on_several_pages_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(WIDTH, HEIGHT))
    for _ in range(3):
        canvas.drawImage(ImageReader(_photograph()), *PLACE)
        canvas.drawString(40, 560, "A typed line, long enough to be trusted without any question")
        canvas.showPage()
    canvas.save()
    looks: list[object] = []
    monkeypatch.setattr(picture_text, "_looks_like_text", lambda *things: looks.append(things))
    _read_pages(tmp_path, stored.getvalue(), FakeEngine())
    assert len(looks) == 1


def test_an_engine_that_fails_on_a_picture_leaves_the_text_layer(tmp_path: Path) -> None:
    page = _read(tmp_path, _document((_figure(), PLACE)), FakeEngine(error=ValueError("failed")))
    assert page.text.split("\n") == ABOVE + BELOW
    assert page.reason == "text_layer; pictures_not_read"


def test_a_picture_stored_in_strips_is_one_picture(tmp_path: Path) -> None:
    figure = _figure()
    strips = [(figure.crop((0, 30 * row, 700, 30 * row + 30)), (40, 423 - 13.7 * row, 320, 13.7)) for row in range(10)]
    engine = FakeEngine(*LABELS)
    page = _read(tmp_path, _document(*strips), engine)
    assert "First label\nSecond label" in page.text and len(engine.images) == 1
