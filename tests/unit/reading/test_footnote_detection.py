"""Footnotes of drawn pages, from their text layers and, as scans, by OCR and the layout model."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Page, RegionKind
from tests.support.reading import read_document

WORDS = "the owls of this region hunt at night and rest by day in old trees while their young learn to fly in summer"
NOTES = ["1 See the survey of the region", "2 Not in the north of it"]


def _draw(path: Path, columns: int, pages: int = 1, has_rule: bool = True) -> None:
    """Draw a sentence that goes on from column to column, each of which ends with a footnote of two lines."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=A4)
    words = (WORDS.split() * 100 * pages)[::-1]
    width = 230 if columns == 2 else 470
    for page in range(pages):
        for column in range(columns):
            left = 60 + 250 * column
            canvas.setFont("Times-Roman", 11)
            for row in range(36):
                line = ""
                while canvas.stringWidth(f"{line} {words[-1]}", "Times-Roman", 11) < width - 15:
                    line = f"{line} {words.pop()}".strip()
                canvas.drawString(left, 750 - 14 * row, line)
                if row == 5:
                    canvas.setFont("Times-Roman", 7)
                    canvas.drawString(left + canvas.stringWidth(line, "Times-Roman", 11), 684, str(column + 1))
                    canvas.setFont("Times-Roman", 11)
            if has_rule:
                canvas.setLineWidth(0.6)
                canvas.line(left, 150, left + 80, 150)
            canvas.setFont("Times-Roman", 8.5)
            canvas.drawString(left, 137, NOTES[column])
            canvas.drawString(left, 126, "that was made in the winter.")
        canvas.setFont("Times-Roman", 11)
        canvas.drawCentredString(A4[0] / 2, 50, str(page + 1))
        canvas.showPage()
    canvas.save()
    path.write_bytes(stored.getvalue())


def _read(path: Path, mode: Mode) -> list[Page]:
    return read_document(path, load_engine(Settings(SLIMGEST_ENGINE="rapidocr")), mode)


def _texts(page: Page, kind: RegionKind) -> list[str]:
    return [
        " ".join(block.text for block in page.blocks[region.first : region.last + 1])
        for region in page.regions
        if region.kind == kind and region.first is not None and region.last is not None
    ]


@pytest.mark.parametrize("mode", [Mode.TEXT, pytest.param(Mode.OCR, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_footnotes_of_two_columns_follow_the_text_that_they_interrupted(tmp_path: Path, mode: Mode) -> None:
    _draw(tmp_path / "a.pdf", columns=2)
    (page,) = _read(tmp_path / "a.pdf", mode)
    notes = _texts(page, RegionKind.FOOTNOTE)
    assert [note.replace(" ", "") for note in notes] == [
        f"{note} that was made in the winter.".replace(" ", "") for note in NOTES
    ]
    assert len(_texts(page, RegionKind.TEXT)) == 1 + (page.regions[-1].kind == RegionKind.TEXT), "one sentence"
    kinds = [region.kind for region in page.regions if region.kind != RegionKind.FOOTER]
    assert kinds[0] == RegionKind.TEXT and kinds[1:3] == [RegionKind.FOOTNOTE] * 2


@pytest.mark.parametrize("has_rule", [True, False])
def test_the_footnote_of_a_page_has_a_rule_or_a_mark_in_the_text(tmp_path: Path, has_rule: bool) -> None:
    _draw(tmp_path / "a.pdf", columns=1, pages=2, has_rule=has_rule)
    for page in _read(tmp_path / "a.pdf", Mode.TEXT):
        assert _texts(page, RegionKind.FOOTNOTE) == [f"{NOTES[0]} that was made in the winter."]
        assert page.regions[-1].kind == RegionKind.FOOTER, "the page number is below the footnote"
