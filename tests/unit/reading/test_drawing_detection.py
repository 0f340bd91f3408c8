"""Drawings of a text layer, on drawn pages: each is a figure, and its labels are in no sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Page, RegionKind
from tests.support.pdfs import PROSE
from tests.support.reading import read_document
from tests.support.worker_context import FakeDevice

LABELS = ["Idle", "Reading", "Done", "start", "end"]


def _text(canvas: Canvas, y: float) -> None:
    for row, line in enumerate(PROSE[:6]):
        canvas.drawString(72, y - 14 * row, line)


def _diagram(canvas: Canvas, y: float) -> None:
    for n, label in enumerate(LABELS[:3]):
        canvas.ellipse(120 + 130 * n, y, 200 + 130 * n, y + 50)
        canvas.drawCentredString(160 + 130 * n, y + 22, label)
    for n, label in enumerate(LABELS[3:]):
        canvas.bezier(190 + 130 * n, y + 42, 210 + 130 * n, y + 70, 230 + 130 * n, y + 70, 260 + 130 * n, y + 42)
        canvas.drawString(212 + 130 * n, y + 64, label)


def _read(folder: Path, in_form: bool) -> Page:
    path = folder / "drawing.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica", 10)
    _text(canvas, 760)
    if in_form:
        canvas.beginForm("diagram")
        canvas.setFont("Helvetica", 10)
        _diagram(canvas, 540)
        canvas.endForm()
        canvas.doForm("diagram")
    else:
        _diagram(canvas, 540)
    canvas.drawString(72, 510, "Figure 1. The states of a worker.")
    _text(canvas, 480)
    canvas.save()
    (page,) = read_document(path, FakeDevice(0.0, 1), Mode.TEXT)
    return page


@pytest.mark.parametrize("in_form", [False, True])
def test_a_diagram_is_a_figure_between_the_paragraphs(tmp_path: Path, in_form: bool) -> None:
    page = _read(tmp_path, in_form)
    kinds = [region.kind for region in page.regions]
    assert kinds == [RegionKind.TEXT, RegionKind.FIGURE, RegionKind.CAPTION, RegionKind.TEXT]
    figure = page.regions[1]
    assert figure.first is not None and figure.last is not None
    assert sorted(block.text for block in page.blocks[figure.first : figure.last + 1]) == sorted(LABELS)
    left, top, right, bottom = figure.box
    assert left < 125 / 595 and right > 455 / 595 and top < 1 - 590 / 842 and bottom > 1 - 541 / 842
