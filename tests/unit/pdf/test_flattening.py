"""Form fields and annotations are part of the page: in its text and in its image."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf.document import open_pdf
from tests.support import pdfs

HIDDEN = 2  # a bit of an annotation's /F


def _form() -> bytes:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(400, 300))
    canvas.drawString(40, 250, "Name")
    canvas.acroForm.textfield(name="name", value="Ada Lovelace", x=100, y=240, width=200, height=24)
    canvas.save()
    return stored.getvalue()


def _annotated(text: str, *, subtype: Name = Name.FreeText, flags: int = 4) -> bytes:
    """A page with the word "Page", and an annotation that draws the text."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(400, 300))
    canvas.drawString(40, 250, "Page")
    canvas.save()
    with pikepdf.open(stored) as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        look = pdf.make_stream(
            f"BT /F 12 Tf 4 4 Td ({text}) Tj ET".encode(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 200, 20]),
            Resources=Dictionary(Font=Dictionary(F=font)),
        )
        annotation = Dictionary(
            Type=Name.Annot, Subtype=subtype, F=flags, Rect=Array([40, 100, 240, 120]), AP=Dictionary(N=look)
        )
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(annotation)])
        saved = io.BytesIO()
        pdf.save(saved)
    return saved.getvalue()


def _with_note(content: bytes) -> bytes:
    """The PDF with one more annotation, which draws "Approved" across the page's lower half."""
    saved = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf, pikepdf.open(io.BytesIO(_annotated("Approved"))) as other:
        pdf.pages[0].obj.Annots.append(pdf.copy_foreign(other.pages[0].obj.Annots[0]))
        pdf.save(saved)
    return saved.getvalue()


def _texts(folder: Path, content: bytes) -> list[str]:
    return [text for text, _ in _lines(folder, content)]


def _lines(folder: Path, content: bytes) -> list[tuple[str, BlockSource]]:
    """The text and the source of each line."""
    path = folder / "a.pdf"
    path.write_bytes(content)
    pdf = open_pdf(path)
    try:
        for _ in range(2):  # the second look finds the page as the first has left it
            with pdf.page(1) as page:
                lines = [(line.text, line.source) for line in page.text_lines()]
        return lines
    finally:
        pdf.close()


def test_the_value_of_a_form_field_is_text_of_the_page(tmp_path: Path) -> None:
    assert _texts(tmp_path, _form()) == ["Name", "Ada Lovelace"]


def test_each_line_has_its_source(tmp_path: Path) -> None:
    assert _lines(tmp_path, _with_note(_form())) == [
        ("Name", BlockSource.TEXT_LAYER),
        ("Ada Lovelace", BlockSource.FORM_FIELD),
        ("Approved", BlockSource.ANNOTATION),
    ]


def test_a_field_beside_a_word_is_a_line_of_its_own(tmp_path: Path) -> None:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(400, 300))
    canvas.setFont("Helvetica", 12)
    canvas.drawString(40, 246, "I owe the sum of")
    canvas.acroForm.textfield(name="sum", value="31", x=130, y=240, width=30, height=20, fontSize=12, borderWidth=0)
    canvas.drawString(150, 246, "euros.")
    canvas.save()
    assert set(_lines(tmp_path, stored.getvalue())) == {
        ("I owe the sum of", BlockSource.TEXT_LAYER),
        ("31", BlockSource.FORM_FIELD),
        ("euros.", BlockSource.TEXT_LAYER),
    }


def test_a_page_without_fields_and_annotations_has_only_its_text_layer(tmp_path: Path) -> None:
    content = pdfs.text_pages(["Links are not drawn"])
    assert _lines(tmp_path, content) == [("Links are not drawn", BlockSource.TEXT_LAYER)]


def test_a_form_field_is_in_the_image_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(_form())
    pdf = open_pdf(path)
    with pdf.page(1) as page:
        image = page.render(72, 10**6).image
    pdf.close()
    assert image[40:55, 105:180].min() < 100, "the dark ink of the value"


@pytest.mark.parametrize("subtype", [Name.FreeText, Name.Stamp])
def test_an_annotation_with_an_appearance_is_text_of_the_page(tmp_path: Path, subtype: Name) -> None:
    assert _texts(tmp_path, _annotated("Approved", subtype=subtype)) == ["Page", "Approved"]


def test_a_hidden_annotation_is_not(tmp_path: Path) -> None:
    assert _texts(tmp_path, _annotated("Secret", flags=HIDDEN)) == ["Page"]
