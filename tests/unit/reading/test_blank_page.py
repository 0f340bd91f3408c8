"""The check for blank pages: a blank page needs no OCR, and faint print is not blank."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.models.job import Mode
from slimgest_celery.reading.blank_page import is_blank
from tests.support.worker_context import FakeDevice, read_all, worker_context

PAGE = (1754, 1240, 3)  # A4 at 150 dpi


def _paper(brightness: int = 250, noise: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(7).normal(brightness, noise, PAGE)
    return random.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("page", [_paper(255), _paper(120), _paper(240, noise=6.0)], ids=["white", "dark", "noisy"])
def test_a_page_without_ink_is_blank(page: np.ndarray) -> None:
    assert is_blank(page, 150)


def _printed(text: str, grey: float, size: int = 10) -> bytes:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    canvas.setFillGray(grey)
    path = canvas.beginText(300, 30)  # as outlines of glyphs: the check sees pixels only
    path.setFont("Helvetica", size)
    path.textOut(text)
    canvas.drawText(path)
    canvas.save()
    return stored.getvalue()


@pytest.mark.parametrize("grey", [0.0, 0.5, 0.8], ids=["black", "grey", "pale"])
def test_a_single_page_number_is_ink(tmp_path: Path, grey: float) -> None:
    device = FakeDevice(0, 1)
    with worker_context(tmp_path, device) as context:
        (page,) = read_all(context, _printed("17", grey), mode=Mode.OCR)
    assert device.batches and "blank" not in (page.reason or "")


@pytest.mark.parametrize("mode", list(Mode))
def test_a_blank_page_costs_no_ocr_in_any_mode(tmp_path: Path, mode: Mode) -> None:
    device = FakeDevice(0, 1)
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    canvas.showPage()
    canvas.setFillGray(0.97)
    canvas.rect(0, 0, 595, 842, stroke=0, fill=1)  # paper that is not white
    canvas.showPage()
    canvas.save()
    with worker_context(tmp_path, device) as context:
        pages = read_all(context, stored.getvalue(), mode=mode)
    assert [(page.status, page.text) for page in pages] == [("ok", "")] * 2
    assert not device.batches
    if mode != Mode.TEXT:
        assert all("blank" in (page.reason or "") for page in pages)
