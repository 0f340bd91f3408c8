"""Opening PDFs, text lines and rendering, with PDFs drawn here."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.errors import PageUnreadable, PdfEncrypted, PdfUnreadable, PdfWithoutPages, PdfWrongPassword
from slimgest_celery.pdf import page_objects
from slimgest_celery.pdf.document import Pdf, TextLine, open_pdf
from tests.support import pdfs


def _open(tmp_path: Path, content: bytes, password: str | None = None) -> Pdf:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    return open_pdf(path, password)


def _lines(tmp_path: Path, content: bytes) -> list[TextLine]:
    pdf = _open(tmp_path, content)
    with pdf.page(1) as page:
        lines = page.text_lines()
    pdf.close()
    return lines


def _changed(content: bytes, **keys: object) -> bytes:
    """The PDF with entries of its first page set."""
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for name, value in keys.items():
            pdf.pages[0].obj[f"/{name}"] = value
        pdf.save(stored)
    return stored.getvalue()


def test_lines_have_boxes(tmp_path: Path) -> None:
    first, second = _lines(tmp_path, pdfs.text_pages(["First line.\nSecond, longer line."]))
    assert (first.text, second.text) == ("First line.", "Second, longer line.")
    assert first.box == pytest.approx((72 / 595, 90 / 842, 128 / 595, 103 / 842), abs=0.008)
    assert second.box[1] > first.box[3] and second.box[2] > first.box[2]


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (0, (0.121, 0.107, 0.215, 0.122)),
        (90, (0.878, 0.121, 0.893, 0.215)),
        (180, (0.785, 0.878, 0.879, 0.893)),
        (270, (0.107, 0.785, 0.122, 0.879)),
    ],
)
def test_boxes_are_relative_to_the_page_as_displayed(tmp_path: Path, turn: int, expected: tuple[float, ...]) -> None:
    (line,) = _lines(tmp_path, _changed(pdfs.text_pages(["First line."]), Rotate=turn))
    assert line.text == "First line."
    assert line.box == pytest.approx(expected, abs=0.01)


def test_a_crop_box_with_an_offset_moves_the_boxes(tmp_path: Path) -> None:
    cropped = _changed(pdfs.text_pages(["First line."]), CropBox=pikepdf.Array([50, 421, 347.5, 842]))
    (line,) = _lines(tmp_path, cropped)
    assert line.box == pytest.approx((22 / 297.5, 90 / 421, 78 / 297.5, 103 / 421), abs=0.01)


def test_pages_are_rendered_as_rgb_at_the_dpi(tmp_path: Path) -> None:
    pdf = _open(tmp_path, pdfs.coloured([(255, 128, 0)]))
    with pdf.page(1) as page:
        rendered = page.render(dpi=72, max_pixels=10**9)
        assert rendered.image.shape == (420, 298, 3) and rendered.dpi == 72
        assert tuple(rendered.image[200, 150]) == (255, 128, 0)
        smaller = page.render(dpi=600, max_pixels=100_000)
        assert smaller.image.shape[0] * smaller.image.shape[1] <= 100_000 and smaller.dpi < 600
    pdf.close()


def test_a_broken_page_is_unreadable_and_the_next_is_read(tmp_path: Path) -> None:
    pdf = _open(tmp_path, pdfs.with_broken_page(["One.", "Two."], 0))
    with pytest.raises(PageUnreadable), pdf.page(1):
        pass
    with pdf.page(2) as page:
        assert page.text_lines()[0].text == "Two."
    pdf.close()


@pytest.mark.parametrize(
    ("content", "password", "expected"),
    [
        (b"", None, PdfUnreadable),
        (b"%PDF-1.7", None, PdfUnreadable),
        (pdfs.text_pages(["x"])[:400], None, PdfUnreadable),
        (pdfs.without_pages(), None, PdfWithoutPages),
        (pdfs.text_pages(["x"], password="p"), None, PdfEncrypted),
        (pdfs.text_pages(["x"], password="p"), "q", PdfWrongPassword),
    ],
)
def test_each_reason_why_a_pdf_cannot_be_opened_has_its_error(
    tmp_path: Path, content: bytes, password: str | None, expected: type
) -> None:
    with pytest.raises(PdfWrongPassword):  # leaves its error code behind in PDFium
        _open(tmp_path, pdfs.text_pages(["x"], password="p"), "wrong")
    with pytest.raises(expected):
        _open(tmp_path, content, password)


def test_a_password_opens_its_pdf(tmp_path: Path) -> None:
    pdf = _open(tmp_path, pdfs.text_pages(["x"], password="p"), "p")
    assert len(pdf) == 1
    pdf.close()


def test_only_an_image_that_is_hashed_as_a_whole_equals_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stored = tmp_path / "a.pdf", io.BytesIO()
    canvas = Canvas(stored, pagesize=(300, 300))
    for colour in ("red", "red", "blue"):
        canvas.drawImage(ImageReader(Image.new("RGB", (20, 20), colour)), 50, 50, 200, 200)
        canvas.showPage()
    canvas.save()
    path.write_bytes(stored.getvalue())

    def hashes() -> list[int]:
        pdf, found = open_pdf(path), []
        for number in (1, 2, 3):
            with pdf.page(number) as page:
                found += [image.hash() for image in page.images()]
        pdf.close()
        return found

    first, same, other = hashes()
    assert first == same != other
    assert hashes() != [first, same, other], "no other document has these"
    monkeypatch.setattr(page_objects, "_MAX_HASHED_BYTES", 10)
    assert len(set(hashes())) == 3, "an image that is too large to hash is read each time"
