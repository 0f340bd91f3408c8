"""PDFs drawn for a test."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pikepdf
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib import pdfencrypt
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

A6 = (298, 420)  # points; small pages render quickly


def text_pages(texts: Sequence[str], *, password: str | None = None) -> bytes:
    """A page for each text, with a text layer; lines are divided by newlines."""
    stored = io.BytesIO()
    encrypt = pdfencrypt.StandardEncryption(password, strength=128) if password else None
    canvas = Canvas(stored, pagesize=(595, 842), encrypt=encrypt)
    for text in texts:
        canvas.setFont("Helvetica", 14)
        for row, line in enumerate(text.split("\n")):
            canvas.drawString(72, 742 - 20 * row, line)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def coloured(colours: Sequence[tuple[int, int, int]]) -> bytes:
    """A page without text for each colour: what the engines in `engines.py` act on."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=A6)
    for red, green, blue in colours:
        canvas.setFillColorRGB(red / 255, green / 255, blue / 255)
        canvas.rect(0, 0, *A6, stroke=0, fill=1)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def numbered(count: int, first: int = 1) -> bytes:
    """Pages that `ByColour` reads as "page 1", "page 2" …; at most 255 of them."""
    return coloured([(0, number, 0) for number in range(first, first + count)])


def scanned(texts: Sequence[str]) -> bytes:
    """A page for each text that is only a picture of it, A5 at 150 dpi."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    for text in texts:
        page = Image.new("L", (875, 1240), 255)
        pen = ImageDraw.Draw(page)
        for row, line in enumerate(text.split("\n")):
            pen.text((80, 100 + 60 * row), line, fill=0, font=ImageFont.load_default(32))
        canvas.drawImage(ImageReader(page), 0, 0, 420, 595)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def photographed(count: int) -> bytes:
    """A4 pages that are one JPEG each, of noise, no two alike: dear to render, and the dearer the higher the dpi."""
    noise = np.random.default_rng(4).integers(0, 255, (1754, 1240), np.uint8)
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    for number in range(count):
        picture = io.BytesIO()
        Image.fromarray(np.roll(noise, 16 * number)).resize((620, 877)).save(picture, "JPEG", quality=60)
        canvas.drawImage(ImageReader(picture), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def without_pages() -> bytes:
    """A sound PDF of no pages."""
    stored = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(stored)
    return stored.getvalue()


def with_broken_page(texts: Sequence[str], broken: int) -> bytes:
    """Text pages, of which the one with this index is not a page at all."""
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pages(texts))) as pdf:
        pdf.Root.Pages.Kids[broken] = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Nothing))
        pdf.save(stored)
    return stored.getvalue()


def huge_page(inches: int) -> bytes:
    """One blank page of this size, square."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(72 * inches, 72 * inches))
    canvas.rect(10, 10, 100, 100, fill=1)
    canvas.showPage()
    canvas.save()
    return stored.getvalue()
