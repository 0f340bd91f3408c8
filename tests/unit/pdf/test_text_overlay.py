"""Searchable PDFs, checked with other PDF programs (poppler, qpdf, Ghostscript)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.errors import FormatFailed, PdfEncrypted, PdfWrongPassword
from slimgest_celery.layout.word_boxes import words as word_boxes
from slimgest_celery.models.page import Block, Page, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.pdf.text_overlay import make_searchable
from slimgest_celery.reading.page_text import PageText
from tests.support import pdfs, searched
from tests.support.pdfs import PROSE

pytestmark = searched.needs_tools


def _drawn(lines: Sequence[str], *, text: bool = True, lying: int = 0, **boxes: object) -> bytes:
    """A page of lines of text, or of strokes in their place, turned `lying` degrees clockwise, with these entries."""
    drawn, stored = io.BytesIO(), io.BytesIO()
    canvas = Canvas(drawn, pagesize=(420, 595))
    canvas.translate(210, 297)
    canvas.rotate(-lying)
    canvas.translate(-150, -100)
    canvas.setFont("Helvetica", 12)
    for row, line in enumerate(lines):
        if text:
            canvas.drawString(0, 200 - 24 * row, line)
        else:
            canvas.line(0, 200 - 24 * row, 280, 200 - 24 * row)
    canvas.save()
    with pikepdf.open(drawn) as pdf:
        for key, value in boxes.items():
            pdf.pages[0].obj[f"/{key}"] = Array(value) if isinstance(value, list) else value
        pdf.save(stored)
    return stored.getvalue()


def _record(pdf: bytes, path: Path) -> Page:
    """The record that the pipeline would make of a page by its text layer, changed to look as if read by OCR."""
    path.write_bytes(pdf)
    reader = open_pdf(path)
    with reader.page(1) as page:
        transcript = PageText.from_text_layer(page.text_lines(), page.width_pt, page.height_pt)
        width, height = page.pixels(150)
    reader.close()
    return Page(
        page_number=1,
        status="ok",
        source=Source.OCR,
        reason="no_text",
        width=width,
        height=height,
        turned=transcript.turned,
        blocks=transcript.layout.blocks,
    )


def _ocr(page_number: int, *lines: str, reason: str = "no_text") -> Page:
    blocks = [
        Block(text=line, confidence=1, box=(0.1, 0.1 + 0.05 * row, 0.9, 0.13 + 0.05 * row))
        for row, line in enumerate(lines)
    ]
    return Page(page_number=page_number, status="ok", source=Source.OCR, reason=reason, blocks=blocks)


def _made(folder: Path, pdf: bytes, *records: Page, password: str | None = None, trusted: bool = False) -> Path:
    (folder / "source.pdf").write_bytes(pdf)
    make_searchable(folder / "source.pdf", password, records, folder / "made.pdf", lambda page: trusted)
    return folder / "made.pdf"


def _texts(pdf: Path, password: str = "") -> list[str]:
    return [" ".join(text for text, _ in page) for page in searched.words(pdf, password)]


BOXES = {
    "as it is": {},
    "crop box": {"CropBox": [30, 40, 400, 580]},
    "media box elsewhere": {"MediaBox": [-50, -70, 500, 620], "CropBox": [-20, -10, 450, 610]},
    "crop box too large": {"CropBox": [-100, -100, 900, 900]},
    "boxes reversed": {"MediaBox": [420, 595, 0, 0]},
    "user unit": {"UserUnit": 2, "CropBox": [10, 20, 410, 590]},
}


@pytest.mark.parametrize("boxes", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_invisible_words_are_where_visible_words_would_be(
    tmp_path: Path, rotate: int, boxes: dict[str, object]
) -> None:
    """Poppler finds the words added over strokes where it finds the words of the same page drawn as text."""
    entries = {**boxes, "Rotate": rotate}
    record = _record(_drawn(PROSE, **entries), tmp_path / "text.pdf")
    made = _made(tmp_path, _drawn(PROSE, text=False, **entries), record)
    (truth,), (found,) = searched.words(tmp_path / "text.pdf"), searched.words(made)
    assert sorted(text for text, _ in found) == sorted(" ".join(PROSE).split())
    assert min(_overlaps(found, truth)) > 0.5
    searched.check_opens(made)


@pytest.mark.parametrize("lying", [90, 180, 270])
@pytest.mark.parametrize("rotate", [0, 90])
def test_invisible_words_on_a_sideways_page_are_sideways_too(tmp_path: Path, lying: int, rotate: int) -> None:
    record = _record(_drawn(PROSE, lying=lying, Rotate=rotate), tmp_path / "text.pdf")
    assert record.turned == -(lying + rotate) % 360
    made = _made(tmp_path, _drawn(PROSE, text=False, lying=lying, Rotate=rotate), record)
    (truth,), (found,) = searched.words(tmp_path / "text.pdf"), searched.words(made)
    assert searched.alike((text for text, _ in found), " ".join(PROSE).split()) == 1
    assert min(_overlaps(found, truth)) > 0.5


def _overlaps(found: list[tuple[str, searched.Box]], truth: list[tuple[str, searched.Box]]) -> list[float]:
    """Of each word found, its overlap with the same word in the other list."""
    return [max(searched.overlap(box, other) for same, other in truth if same == text) for text, box in found]


def test_invisible_words_have_the_boxes_of_their_records(tmp_path: Path) -> None:
    record = _record(_drawn(PROSE), tmp_path / "text.pdf")
    (found,) = searched.words(_made(tmp_path, _drawn(PROSE, text=False), record))
    recorded = [(word.text, word.box) for block in record.blocks for word in word_boxes(block, 0)]
    assert min(_overlaps(found, recorded)) > 0.9


@pytest.mark.parametrize(
    "line",
    [
        "Größe und Maß, 50 €",
        "Съешь же ещё этих мягких",
        "東北電氣發展股份有限公司",
        "naïve ﬁne 𝒜𝒷 😀",
        "שלום עולם",
        "مرحبا بالعالم",
    ],
)
def test_text_in_any_script_is_found(tmp_path: Path, line: str) -> None:
    assert searched.text(_made(tmp_path, pdfs.numbered(1), _ocr(1, line))).split() == line.split()


def test_the_added_text_is_not_visible(tmp_path: Path) -> None:
    made = _made(tmp_path, pdfs.numbered(1), _ocr(1, *PROSE))
    images = []
    for path in (tmp_path / "source.pdf", made):
        reader = open_pdf(path)
        with reader.page(1) as page:
            images.append(page.render(100, 10**7).image)
        reader.close()
    assert (images[0] == images[1]).all()


def test_pages_with_a_trusted_text_layer_stay_as_they_are(tmp_path: Path) -> None:
    records = [
        _ocr(1, "not this").model_copy(update={"source": Source.TEXT_LAYER, "reason": "text_layer"}),
        _ocr(2, *PROSE, reason="mode_ocr"),
    ]
    text = "\n".join(PROSE)
    made = _made(tmp_path, pdfs.text_pages([text, text]), *records, trusted=True)
    assert _texts(made) == [" ".join(PROSE)] * 2
    with pikepdf.open(tmp_path / "source.pdf") as before, pikepdf.open(made) as after:
        for page in (0, 1):
            assert before.pages[page].Contents.read_bytes() == after.pages[page].Contents.read_bytes()


@pytest.mark.parametrize("reason", ["wrong_ocr_layer", "hidden_text", "garbled_text", "mode_ocr"])
def test_an_invisible_text_layer_that_was_not_trusted_is_replaced(tmp_path: Path, reason: str) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdfs.pictured(pdfs.picture(), layer=["Wrong words all over"] * 3))) as pdf:
        pdf.pages[0].contents_add(b"BT 0 Tr /F1 12 Tf 1 0 0 1 210 20 Tm (Stamped) Tj ET")
        pdf.save(stored)
    made = _made(tmp_path, stored.getvalue(), _ocr(1, "What is printed", reason=reason))
    assert sorted(_texts(made)[0].split()) == sorted(["Stamped", "What", "is", "printed"])
    searched.check_opens(made)


def test_an_invisible_text_layer_in_a_shared_form_is_replaced_on_one_page_only(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdfs.pictured(pdfs.picture(), layer=["Wrong words"]))) as pdf:
        page = pdf.pages[0]
        inner = pdf.make_stream(page.Contents.read_bytes(), Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 420, 600])
        inner.Resources = page.Resources
        outer = pdf.make_stream(b"q /In Do Q", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 420, 600])
        outer.Resources = Dictionary(XObject=Dictionary(In=inner))
        page.obj.Resources = pdf.make_indirect(Dictionary(XObject=Dictionary(Out=outer)))
        page.obj.Contents = pdf.make_stream(b"/Out Do")
        pdf.pages.append(page)
        pdf.save(stored)
    made = _made(tmp_path, stored.getvalue(), _ocr(1, "Right words", reason="wrong_ocr_layer"))
    assert _texts(made) == ["Right words", "Wrong words"]


def test_a_failed_page_gets_a_note_and_the_other_pages_get_their_text(tmp_path: Path) -> None:
    failed = Page(page_number=2, status="failed", error=Problem(code="page.timeout", message="It took too long."))
    made = _made(tmp_path, pdfs.numbered(3), _ocr(1, "one"), failed, _ocr(3, "three"))
    assert _texts(made) == ["one", "", "three"]
    with pikepdf.open(made) as pdf:
        (note,) = pdf.pages[1].Annots
        assert str(note.Contents) == "It took too long. (page.timeout)"
    searched.check_opens(made)


def test_a_page_that_cannot_be_written_does_not_affect_the_others(tmp_path: Path) -> None:
    (tmp_path / "source.pdf").write_bytes(pdfs.with_broken_page(["a", "b", "c"], broken=1))
    records = [_ocr(1, "one", reason="no_text"), _ocr(3, "three", reason="no_text"), _ocr(9, "nowhere")]
    failed = make_searchable(tmp_path / "source.pdf", None, records, tmp_path / "made.pdf", lambda page: False)
    assert 9 in failed
    assert _texts(tmp_path / "made.pdf")[0].split() == ["a", "one"]


def test_an_encrypted_pdf_stays_encrypted(tmp_path: Path) -> None:
    pdf = pdfs.text_pages(["", ""], password="sesame")
    made = _made(tmp_path, pdf, _ocr(1, "first"), _ocr(2, "second"), password="sesame")
    assert _texts(made, "sesame") == ["first", "second"]
    searched.check_opens(made, "sesame")
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(made)
    for password, error in ((None, PdfEncrypted), ("wrong", PdfWrongPassword)):
        with pytest.raises(error):
            _made(tmp_path, pdf, password=password)


def test_a_file_that_is_not_a_pdf_cannot_be_made_searchable(tmp_path: Path) -> None:
    with pytest.raises(FormatFailed):
        _made(tmp_path, b"%PDF-1.4 nothing more")
